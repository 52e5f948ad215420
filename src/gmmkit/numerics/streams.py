"""Random streams: one seed, as many independent children as are asked for, the same on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from gmmkit.errors import ParameterError
from gmmkit.numerics.arguments import is_whole, shown

__all__ = ["Seed", "engine_seed", "generator", "stream_of", "streams"]

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


def stream_of(seed: Seed, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose: independent of those of other purposes, and of the seed's own.

    Where several parts of a task know nothing of each other but the seed, each names what it draws.

    Raises
    ------
    ParameterError
        If it is no seed.

    Examples
    --------
    >>> stream_of(0, "places").random() == stream_of(0, "places").random() != stream_of(0, "draws").random()
    True
    """
    parent = _sequence(_checked(seed))
    return _child(parent, zlib.crc32(purpose.encode()))


def engine_seed(random_state: int) -> int:
    """Return the engine's seed of a number, as the estimators have it: the same number, the same model."""
    return int(np.random.RandomState(random_state).randint(np.iinfo(np.int32).max))


def _children(seed: Seed) -> Iterator[np.random.Generator]:
    parent = _sequence(seed)
    for child in count():
        yield _child(parent, child)


def _sequence(seed: Seed) -> np.random.SeedSequence:
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    return seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)


def _child(parent: np.random.SeedSequence, key: int) -> np.random.Generator:
    # Children are made, not spawned: spawning counts them, and the same seed must give the same streams twice.
    child = np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, key), pool_size=parent.pool_size)
    return np.random.Generator(np.random.PCG64(child))


def _checked(seed: Any) -> Seed:
    if seed is None or isinstance(seed, (np.random.Generator, np.random.SeedSequence)):
        return seed
    if is_whole(seed) and seed >= 0:
        return int(seed)
    raise ParameterError(
        "seed must be a whole number of at least 0, a SeedSequence, a Generator or None, but got "
        f"{shown(seed)}: give a number, or numpy.random.default_rng(number)"
    )
