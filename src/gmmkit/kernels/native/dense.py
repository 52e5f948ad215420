"""The compiled kernel's dense passes: every row against every component, fused from score to sums, a tile at a time.

Two forms, as in NumPy (`kernels/centred.py`, `kernels/expanded.py`):

- *centred*: whitening matrices (k, d, d) in doubles or floats, or inverse standard deviations (k, d) in floats; scores
  by ``W z − W μ``, moments about each component's own mean (of few columns gathered about the origin, where all means
  are near it). Of floats each tile's sums are added up in doubles;
- *expanded*: scores Θ ψ(z) for ψ = [1, z], [1, z, |z|²] or [1, z, z²], in doubles.

Rows are float64 or float32 with any strides, and are read as ``z = (x − shift) · scale``. The interpreter lock is let
go in every call; a call runs in the caller's thread, and its answer depends on its arguments and the instruction set.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.kernels import native
from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native.addresses import place_of
from gmmkit.kernels.native.dense_api import Answers, Blocks, Mixture, Rows, Sums

__all__ = ["Components", "Found", "answer", "centred", "expanded", "gather", "mixture_of", "rows_of", "takes"]

Array = NDArray[np.float64]

_MATRICES, _DEVIATIONS = 0, 1
_EXPANDED = {Features.LINEAR: 2, Features.RADIAL: 3, Features.DIAGONAL: 4}


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Components as the kernel takes them, and the frame their rows are read in; made by `centred` and `expanded`."""

    form: int
    single: bool
    k: int
    p: int
    shift: Array
    scale: Array
    arrays: tuple[Array | None, ...]

    @property
    def d(self) -> int:
        """Number of columns."""
        return len(self.shift)

    @property
    def own_moments(self) -> tuple[int, ...]:
        """Shape of the second moments about components' own means."""
        return (self.k, self.d, self.d) if self.form == _MATRICES else (self.k, self.d)

    @property
    def n_sums(self) -> int:
        """Numbers that a pass adds to."""
        return self.k * (self.d * (self.d + 3) // 2 + 1 if self.form == _MATRICES else self.p)

    @property
    def n_kept(self) -> int:
        """Numbers that these take up, symmetric matrices whole."""
        return self.k * (1 + self.d + self.d * self.d) if self.form == _MATRICES else self.n_sums

    @property
    def is_centred(self) -> bool:
        """Whether each component is scored and gathered about its own mean."""
        return self.form in (_MATRICES, _DEVIATIONS)

    @property
    def operations_per_row(self) -> int:
        """Multiplications with an addition, about, that a row takes: what blocks are cut by."""
        if self.form == _MATRICES:
            return self.k * (self.d * (self.d + 5) + 24)
        return self.k * (2 * self.p + 24)


def centred(
    means: Array, whitening: Array, constants: Array, shift: Array, scale: Array, *, single: bool = False
) -> Components:
    """Return components that score ``constant − ½ |W z − W mean|²``.

    Parameters
    ----------
    means : ndarray of shape (k, d)
        In the frame.
    whitening : ndarray of shape (k, d, d) or (k, d)
        Lower triangular, or inverse standard deviations.
    constants : ndarray of shape (k,)
    shift, scale : ndarray of shape (d,)
        Of the frame.
    single : bool, default=False
        Compute in floats. Means, and what is gathered about them, are those that floats can hold.
    """
    k, d = means.shape
    form = _MATRICES if whitening.ndim == 3 else _DEVIATIONS
    if form == _DEVIATIONS and not single:
        raise ValueError("inverse standard deviations are for floats: in doubles give theta to `expanded`")
    if whitening.shape != ((k, d, d) if form == _MATRICES else (k, d)) or constants.shape != (k,):
        raise ValueError(f"means {means.shape}, whitening {whitening.shape}, constants {constants.shape} do not agree")
    arrays = (_whole(means), _whole(whitening), _whole(constants), None)
    return Components(form, single, k, 2 * d, _frame(shift, d), _frame(scale, d), arrays)


def expanded(features: Features, theta: Array, shift: Array, scale: Array) -> Components:
    """Return components that score ``Θ ψ(z)``, theta (k, p)."""
    k, p = theta.shape
    d = len(shift)
    if p != features.size(d):
        raise ValueError(f"theta has {p} columns, but there are {features.size(d)} features of {d} columns")
    arrays = (None, None, None, _whole(theta))
    return Components(_EXPANDED[features], False, k, p, _frame(shift, d), _frame(scale, d), arrays)


def takes(rows: NDArray[Any]) -> bool:
    """Tell whether the kernel reads these rows as they are: floats or doubles of this machine, at whole places."""
    size = rows.dtype.itemsize
    return (
        rows.dtype in (np.float64, np.float32)
        and rows.flags.aligned
        and all(stride % size == 0 for stride in rows.strides)
    )


def gather(
    rows: NDArray[Any],
    weights: Array | None,
    components: Components,
    *,
    counts: Array | None = None,
    first: Array | None = None,
    second: Array | None = None,
    origin: Array | None = None,
    scatter: Array | None = None,
) -> float:
    """Add what rows (b, d) with softmax responsibilities come to; return ``Σ w log Σ exp(scores)``.

    Where that is not a number (a row so far from every component that none of its scores is) nothing is added.

    Parameters
    ----------
    rows : ndarray of shape (b, d)
        As `takes` says.
    weights : ndarray of shape (b,), or None
    components : Components
    counts, first, second : ndarray of shapes (k,), (k, d), and (k, d, d) or (k, d)
        Moments about the means, of centred components.
    origin : ndarray of shape (k, p)
        Sums of the features, of expanded components.
    scatter : ndarray of shape (d, d) or (d,), optional
        ``Σ w z zᵀ`` or ``Σ w z²``, of expanded components.
    """
    k, d, log_likelihood = components.k, components.d, ctypes.c_double()
    if components.is_centred:
        own = (("counts", counts, (k,)), ("first", first, (k, d)), ("second", second, components.own_moments))
        for name, sums, shape in own:
            _check(name, sums, shape)
    else:
        _check("origin", origin, (k, components.p))
        if scatter is not None:
            _check("scatter", scatter, (d, d) if scatter.ndim == 2 else (d,))
    asked = Sums(
        *map(_address, (counts, first, second, origin, scatter)),
        scatter is not None and scatter.ndim == 2,
        ctypes.addressof(log_likelihood),
    )
    given, alone = rows_of(rows, weights, components), Blocks(max(len(rows), 1), 1)
    native.call("gmmkit_dense_pass", given, mixture_of(components), asked, alone, ctypes.c_bool(False))
    return log_likelihood.value


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What `answer` found beside what it wrote.

    Attributes
    ----------
    lost : int
        Rows without a score that is a number; what is said of them is not.
    largest : ndarray of shape (d,)
        Of |z|, by column.
    """

    lost: int
    largest: Array


def answer(
    rows: NDArray[Any],
    components: Components,
    *,
    log_sums: Array | None = None,
    certainty: Array | None = None,
    posterior: Array | None = None,
    scores: Array | None = None,
    labels: NDArray[np.int64] | None = None,
) -> Found:
    """Write what is asked for of rows (b, d).

    Parameters
    ----------
    rows : ndarray of shape (b, d)
        As `takes` says.
    components : Components
    log_sums : ndarray of shape (b,), optional
        log Σ exp(scores).
    certainty : ndarray of shape (b,), optional
        Logarithm of the largest posterior probability.
    posterior, scores : ndarray of shape (b, k), optional
    labels : ndarray of int64, shape (b,), optional
        The component with the largest score; the first of equal ones.
    """
    b, k = len(rows), components.k
    for name, values in (("log_sums", log_sums), ("certainty", certainty)):
        if values is not None:
            _check(name, values, (b,))
    for name, values in (("posterior", posterior), ("scores", scores)):
        if values is not None:
            _check(name, values, (b, k))
    if labels is not None and (labels.dtype != np.int64 or labels.shape != (b,) or not labels.flags.c_contiguous):
        raise ValueError(f"labels must be a contiguous array of {b} int64, but got {labels.dtype} {labels.shape}")
    largest, lost = np.zeros(components.d), ctypes.c_int64()
    asked = Answers(*map(_address, (log_sums, certainty, posterior, scores, labels, largest)))
    native.call("gmmkit_dense_answer", rows_of(rows, None, components), mixture_of(components), asked, lost)
    return Found(lost.value, largest)


def mixture_of(components: Components) -> Mixture:
    """Return components as the library is told of them; they must be kept as long as it is."""
    return Mixture(components.form, components.single, components.k, *map(_address, components.arrays))


def rows_of(rows: NDArray[Any], weights: Array | None, components: Components) -> Rows:
    """Return rows (b, d) and their weights (b,) as the library is told of them."""
    b, d = rows.shape
    if d != components.d or not takes(rows):
        raise ValueError(
            f"rows must be float64 or float32 of {components.d} columns, but got {rows.dtype} of shape {rows.shape}"
        )
    if weights is not None:
        _check("weights", weights, (b,))
    size = rows.dtype.itemsize
    return Rows(
        place_of(rows), size == 4, b, d, rows.strides[0] // size, rows.strides[1] // size, _address(weights),
        place_of(components.shift), place_of(components.scale),
    )  # fmt: skip


def _check(name: str, values: NDArray[Any] | None, shape: tuple[int, ...]) -> None:
    if values is None or values.dtype != np.float64 or values.shape != shape or not values.flags.c_contiguous:
        got = "nothing" if values is None else f"{values.dtype} of shape {values.shape}"
        raise ValueError(f"{name} must be a C-contiguous array of float64 of shape {shape}, but got {got}")


def _frame(values: Array, d: int) -> Array:
    values = _whole(values)
    _check("shift and scale", values, (d,))
    return values


def _whole(values: Array) -> Array:
    return np.ascontiguousarray(values, dtype=np.float64)


def _address(values: NDArray[Any] | None) -> int | None:
    return None if values is None else place_of(values)
