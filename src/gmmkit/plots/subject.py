"""What a picture is of: the rows it can show, the columns it was asked for and their names, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.model.holder import MixtureHolder, mixture_of, table_for
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import whole
from gmmkit.numerics.streams import Seed, generator

__all__ = [
    "Drawn", "choose_columns", "classified", "cluster_of_component", "column_names", "draw", "fine_grid", "marginal",
    "middle", "reach", "short",
]  # fmt: skip

Array = NDArray[np.float64]

_LONGEST_NAME = 28
_FINEST = 400  # cells across a picture
_MOST_NEEDLES = 100
_REACH = 3.0  # standard deviations around each component that a picture always shows
_END, _FEW = (
    0.005,
    20,
)  # share of the values at either end beyond their middle, and how many are too few to leave any out


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows that a picture shows.

    Attributes
    ----------
    rows : ndarray of shape (m, d)
    n_rows : int
        How many there were before thinning.
    names : tuple of str
        Names of all d columns.
    """

    rows: Array
    n_rows: int
    names: tuple[str, ...]

    @property
    def remark(self) -> str:
        """How many rows there are and how many are shown."""
        if len(self.rows) == self.n_rows:
            return f"{self.n_rows:,} rows"
        return f"a random {len(self.rows):,} of {self.n_rows:,} rows"


def draw(
    model: Mixture | MixtureHolder, rows: Any, names: Sequence[str] | None, max_rows: int | None, seed: Seed
) -> Drawn:
    """Return rows to show, thinned by a seeded sample without repeats, in their own order."""
    table, d = table_for(model, rows, origin="rows"), mixture_of(model).n_features
    if table.n_columns != d:
        raise DataError(
            f"{table.origin} has {table.n_columns} columns, but the mixture is of {d}: "
            "give the columns it was fitted on, in the same order"
        )
    if max_rows is not None:
        max_rows = whole("max_rows", max_rows, 1)
    index = np.arange(table.n_rows)
    if max_rows is not None and table.n_rows > max_rows:
        index = np.sort(generator(seed).choice(table.n_rows, size=max_rows, replace=False))
    shown = table.take(index)
    bad = np.argwhere(~np.isfinite(shown))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise DataError(
            f"{table.origin} must be finite, but {table.where(int(index[row]), column)} is {shown[row, column]}: "
            "fill or leave out such rows"
        )
    return Drawn(shown, table.n_rows, column_names(d, names if names is not None else table.names))


def column_names(d: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of d columns: the given ones, or "column 0" onwards."""
    if names is None:
        return tuple(f"column {j}" for j in range(d))
    if isinstance(names, str) or len(names) != d:
        got = repr(names) if isinstance(names, str) else f"{len(names)}"
        raise ParameterError(f"names must be one for each of the {d} columns of the mixture, but got {got}")
    return tuple(str(name) for name in names)


def short(name: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name on one line, cut where it is too long for a label."""
    name = " ".join(name.split()) or "(unnamed)"
    return name if len(name) <= longest else name[: longest - 1] + "…"


def choose_columns(
    mixture: Mixture, names: Sequence[str], columns: Sequence[int | str] | int | str | None, most: int
) -> list[int]:
    """Return the numbers of the columns asked for; by default the `most` in which the means differ most."""
    if columns is None:
        separation = _separation(mixture)
        return sorted(int(j) for j in np.argsort(-separation, kind="stable")[:most])
    asked = [columns] if isinstance(columns, (int, str)) else list(columns)
    if not asked:
        raise ParameterError("columns must name at least one column, but got none")
    found = [_number_of(column, names) for column in asked]
    if len(set(found)) < len(found):
        raise ParameterError(f"columns must differ from each other, but got {asked!r}")
    return found


def _number_of(column: int | str, names: Sequence[str]) -> int:
    if isinstance(column, str):
        if column in names:
            return list(names).index(column)
    elif 0 <= int(column) < len(names):
        return int(column)
    listed = ", ".join(repr(short(name)) for name in names[:12]) + (", …" if len(names) > 12 else "")
    raise ParameterError(
        f"columns: there is no column {column!r}; give a name out of {listed}, or a number from 0 to {len(names) - 1}"
    )


def _separation(mixture: Mixture) -> Array:
    """Share of each column's spread that lies between the components (d,): of their scales, which a t always has."""
    shares = mixture.weights / mixture.weights.sum()
    between = shares @ (mixture.means - shares @ mixture.means) ** 2
    total = between + shares @ mixture.covariance.variances()
    return np.asarray(between / total)


def cluster_of_component(mixture: Mixture, groups: Sequence[Sequence[int]] | None) -> NDArray[np.intp]:
    """Return the cluster of each component (k,): its own, or the place of its group."""
    k = mixture.n_components
    clusters = np.arange(k)
    if groups is None:
        return clusters
    if sorted(int(j) for group in groups for j in group) != list(range(k)):
        raise ParameterError(f"groups must hold each of the {k} components once, but got {[list(g) for g in groups]}")
    for place, group in enumerate(groups):
        clusters[list(group)] = place
    return clusters


def classified(mixture: Mixture, rows: Array, clusters: NDArray[np.intp]) -> tuple[NDArray[np.intp], Array]:
    """Return the most probable cluster of each row (n,), −1 for noise, and how unsure that is (n,)."""
    shared = mixture.posterior(rows) @ np.eye(clusters.max() + 1)[clusters]
    labels, largest = shared.argmax(axis=1), shared.max(axis=1)
    if mixture.noise is not None:
        noise = mixture.noise_probability(rows)
        labels[noise > largest] = -1
        largest = np.maximum(largest, noise)
    return labels, np.maximum(1.0 - largest, 0.0)


def marginal(mixture: Mixture, columns: Sequence[int]) -> Mixture:
    """Return the distribution of some columns; pictures are of the components, not of noise beside them."""
    alone = mixture.without_noise()
    return alone if list(columns) == list(range(mixture.n_features)) else alone.marginal(columns)


def reach(mixture: Mixture, column: int, values: Array | None = None) -> tuple[float, float]:
    """Return how far a picture of a column goes: the components and the values, but for far outliers.

    Values that would leave the components less than a third of the picture are left outside it.
    """
    spread = np.sqrt(mixture.covariance.variances()[:, column])
    means = mixture.means[:, column]
    low, high = float((means - _REACH * spread).min()), float((means + _REACH * spread).max())
    if values is not None and len(values):
        size = high - low
        first, last = float(values.min()), float(values.max())
        if max(high, last) - min(low, first) > 3.0 * size:
            near = values[(values >= low - 0.5 * size) & (values <= high + 0.5 * size)]
            first, last = (float(near.min()), float(near.max())) if len(near) else (low, high)
        low, high = min(low, first), max(high, last)
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def middle(values: Array) -> tuple[float, float]:
    """Return the ends of the middle 99 % of values (n,), without at least one at either end; of under 20 those of all.

    Examples
    --------
    >>> middle(np.array([4.0, 1.0, 3.0])), middle(np.append(np.arange(99.0), 1e6))
    ((1.0, 4.0), (1.0, 98.0))
    """
    ordered = np.sort(values)
    out = math.ceil(_END * len(ordered)) if len(ordered) >= _FEW else 0
    return float(ordered[out]), float(ordered[len(ordered) - 1 - out])


def fine_grid(mixture: Mixture, column: int, low: float, high: float, points: int = 120) -> Array:
    """Return values from low to high, closer together where a component is narrow."""
    spread = np.sqrt(mixture.covariance.variances()[:, column])
    each = np.linspace(-4.0, 4.0, max(3, math.ceil(4 * points / max(1, mixture.n_components)) // 4 * 2 + 1))
    narrow = spread < (high - low) / 12.0
    own = (mixture.means[narrow, column, None] + spread[narrow, None] * each).ravel()
    grid = np.unique(np.concatenate([np.linspace(low, high, points), own[(own > low) & (own < high)]]))
    # Closer points cannot be told apart, but cost as much as others; means stay, so that no needle is lost.
    keep = np.concatenate([[True], np.diff(np.floor((grid - low) / (high - low) * _FINEST)) > 0])
    tops = mixture.means[narrow, column] if mixture.n_components <= _MOST_NEEDLES else np.empty(0)
    return np.union1d(grid[keep], tops[(tops > low) & (tops < high)])
