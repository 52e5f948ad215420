"""Random streams: one seed, as many independent children as are asked for, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from gmmkit.errors import ParameterError
from gmmkit.numerics.arguments import is_whole, shown

__all__ = ["Seed", "generator", "streams"]

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None


def generator(seed: Seed) -> np.random.Generator:
    """Return a generator from a seed, or the generator itself.

    Raises
    ------
    ParameterError
        If it is no seed.
    """
    return np.random.default_rng(_checked(seed))


def streams(seed: Seed) -> Iterator[np.random.Generator]:
    """Return independent generators without end; the first is the same however many are drawn.

    Raises
    ------
    ParameterError
        If it is no seed: at once, not when the first is drawn.
    """
    return _children(_checked(seed))


def _children(seed: Seed) -> Iterator[np.random.Generator]:
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    if not isinstance(seed, np.random.SeedSequence):
        seed = np.random.SeedSequence(seed)
    # Children are made, not spawned: spawning counts them, and the same seed must give the same streams twice.
    for child in count():
        spawned = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, child), pool_size=seed.pool_size)
        yield np.random.Generator(np.random.PCG64(spawned))


def _checked(seed: Any) -> Seed:
    if seed is None or isinstance(seed, (np.random.Generator, np.random.SeedSequence)):
        return seed
    if is_whole(seed) and seed >= 0:
        return int(seed)
    raise ParameterError(
        "seed must be a whole number of at least 0, a SeedSequence, a Generator or None, but got "
        f"{shown(seed)}: give a number, or numpy.random.default_rng(number)"
    )
