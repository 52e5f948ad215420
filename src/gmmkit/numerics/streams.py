"""Random streams: one seed, as many independent children as are asked for, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["Seed", "generator", "streams"]

Seed = int | np.random.SeedSequence | np.random.Generator | None


def generator(seed: Seed) -> np.random.Generator:
    """Return a generator from a seed, or the generator itself."""
    return np.random.default_rng(seed)


def streams(seed: Seed) -> Iterator[np.random.Generator]:
    """Yield independent generators without end; the first is the same however many are drawn."""
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    if isinstance(seed, np.random.SeedSequence):
        # A copy: spawning counts children, and the same seed must give the same streams twice.
        sequence = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size)
    else:
        sequence = np.random.SeedSequence(seed)
    while True:
        yield np.random.default_rng(sequence.spawn(1)[0])
