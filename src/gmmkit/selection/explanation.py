"""Why a row is anomalous: the columns whose values the others do not lead to expect, one after the other.

The most surprising value given all others (`model/column_surprise.py`) is a reason if it lies outside the region that
holds 99 % of what was to be expected, the densest (Hyndman 1996); told is the one that holds 95 %. It is then left out
and the next looked for: what one wrong value makes of the expectations of the others is no reason. Where no value is
surprising given the others, one may be so by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.model.column_surprise import ColumnConditionals
from gmmkit.model.covariance import Diagonal
from gmmkit.model.mixture import Mixture
from gmmkit.model.normality import Normality
from gmmkit.model.regions import joined, region_on_grid

__all__ = ["Explanation", "Reason", "explain", "usual_values"]

Array = NDArray[np.float64]

_TOLD, _SURPRISING = 0.95, 0.99
# More reasons explain nothing.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """A value that was not to be expected.

    Attributes
    ----------
    column : int
    name : str
        The column's, or its number.
    value : float
    expected : tuple of (float, float)
        Intervals that hold 95 % of what was, in the column's units.
    surprise : float
        In nats.
    given_others : bool
        Whether it was expected of the row's other values, or of any row.

    Examples
    --------
    >>> Reason(0, "height", 9.1, ((1.2, 2.3),), 14.0, True).sentence
    'height 9.1: expected 1.2 to 2.3 given the others'
    """

    column: int
    name: str
    value: float
    expected: tuple[tuple[float, float], ...]
    surprise: float
    given_others: bool

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return f"{self.name} {self.value:.6g}: {self.expectation}{' given the others' * self.given_others}"

    @property
    def expectation(self) -> str:
        """What was expected, in words."""
        return f"expected {_ranges(self.expected)}"


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why a row is unusual.

    Attributes
    ----------
    surprise : ndarray of shape (d,)
        Of each column's value, in nats: given the others, but for those that are reasons themselves.
    reasons : tuple of Reason
        Most surprising first; empty where no single value is.
    names : tuple of str
        Of the columns, or their numbers.
    """

    surprise: Array
    reasons: tuple[Reason, ...]
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The reasons in words."""
        if not self.reasons:
            return "no single value stands out"
        return "; ".join(reason.sentence for reason in self.reasons)


def explain(normality: Normality, rows: Array, names: Sequence[str] | None = None) -> list[Explanation]:
    """Return why each of rows (n, d) is as unusual as it is.

    Parameters
    ----------
    normality : Normality
    rows : ndarray of shape (n, d)
        Finite, in the data's units.
    names : sequence of d str, optional
        Of the columns.

    Returns
    -------
    list of Explanation
    """
    z = normality.units.into(rows)
    n, d = z.shape
    surprise = np.zeros((n, d))
    reasons: list[list[Reason]] = [[] for _ in range(n)]
    labels = [f"column {j}" for j in range(d)] if names is None else [str(name) for name in names]
    whole = ColumnConditionals(normality.joint)
    # Rows whose reasons so far are the same columns are looked at together.
    groups: dict[tuple[int, ...], list[int]] = {(): list(range(n))} if n else {}
    while groups:
        following: dict[tuple[int, ...], list[int]] = {}
        for named, members in groups.items():
            left = np.array([j for j in range(d) if j not in named], dtype=np.intp)
            own = z[np.ix_(np.array(members), left)]
            conditionals = whole.without(named) if named else whole
            found = conditionals.surprise(own)
            surprise[np.ix_(np.array(members), left)] = found
            for i, values, place in zip(members, own, found.argmax(axis=1), strict=True):
                j = int(left[place])
                own_law = conditionals.at(values, int(place))
                if _is_expected(own_law, values[place]):
                    continue
                expected = _in_units(normality, j, own_law)
                value, size = float(rows[i, j]), float(surprise[i, j])
                reasons[i].append(Reason(j, labels[j], value, expected, size, given_others=len(left) > 1))
                if len(reasons[i]) < min(_MOST, d):
                    following.setdefault(tuple(sorted((*named, j))), []).append(i)
        groups = following
    for i, found_of_row in enumerate(reasons):
        if not found_of_row:
            found_of_row.extend(_by_itself(normality, z[i], rows[i], labels))
    return [
        Explanation(own, tuple(sorted(why, key=lambda reason: -reason.surprise)), tuple(labels))
        for own, why in zip(surprise, reasons, strict=True)
    ]


def usual_values(normality: Normality, column: int) -> str:
    """Return what 95 % of normal values of a column are, whatever the others, in words: ``"1.2 to 2.3"``."""
    return _ranges(_in_units(normality, column, _law_of(normality, column)))


def _by_itself(normality: Normality, z: Array, row: Array, labels: Sequence[str]) -> list[Reason]:
    """Return the value that is the most surprising in its column, whatever the others, if it is surprising there."""
    columns = normality.columns
    peaks = columns.log_density(columns.means.T).max(axis=0)
    surprise = np.maximum(peaks - columns.log_density(z[None])[0], 0.0)
    j = int(surprise.argmax())
    own = _law_of(normality, j)
    if _is_expected(own, z[j]):
        return []
    expected = _in_units(normality, j, own)
    return [Reason(j, labels[j], float(row[j]), expected, float(surprise[j]), given_others=False)]


def _law_of(normality: Normality, column: int) -> Mixture:
    """Return what a column by itself is normally, in robust units."""
    columns = normality.columns
    held = columns.weights[column] > 0
    return Mixture(
        columns.weights[column, held],
        columns.means[column, held, None],
        Diagonal(columns.variances[column, held, None]),
        np.full(int(held.sum()), columns.degrees_of_freedom),
    )


def _is_expected(law: Mixture, value: float) -> bool:
    return any(low <= value <= high for low, high in region_on_grid(law, _SURPRISING))


def _in_units(normality: Normality, column: int, law: Mixture) -> tuple[tuple[float, float], ...]:
    """Return the intervals that hold most of a law, in the column's units."""
    region = region_on_grid(law, _TOLD)
    edges = np.zeros((2 * len(region), normality.n_features))
    edges[:, column] = np.ravel(region)
    own = normality.units.out_of(edges)[:, column].reshape(-1, 2)
    return tuple((float(low), float(high)) for low, high in own)


def _ranges(intervals: Sequence[tuple[float, float]]) -> str:
    return " or ".join(_range(low, high) for low, high in joined(intervals))


def _range(low: float, high: float) -> str:
    """Write an interval with the digits that its width shows."""
    width = high - low
    if not width > 0.0:
        return f"{low:.6g}"
    digits = 2 - int(np.floor(np.log10(width)))
    return f"{_rounded(low, digits)} to {_rounded(high, digits)}"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, min(digits - 1, 300)) + 0.0:.12g}"
