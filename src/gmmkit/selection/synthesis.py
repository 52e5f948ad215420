"""New rows like those of a table, with its kinds of columns: counts stay whole, and what cannot be negative is not.

Columns are brought to a scale on which they do not end (`column_shapes.py`); a mixture is fitted there, for each class
by itself where there are labels, drawn from, and what was drawn is brought back. Given columns are conditioned on;
which class they speak for follows from Bayes' rule: ``P(class | given) ∝ P(class) p(given | class)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import number, whole
from gmmkit.numerics.streams import Seed, stream_of
from gmmkit.selection.column_shapes import ColumnShape, shape_of
from gmmkit.selection.resolution import copies_of

__all__ = ["Synthesizer", "synthesizer_of"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Fits a mixture to rows on the scale without ends, of one class, weights as the table's.
FitRows = Callable[[Table], Mixture]
# Rows of a class below which nothing can be said of it.
_FEWEST = 3
# Rows that weighted ones become, at most, where they are put at random places.
_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Synthesizer:
    """What rows are drawn from.

    Attributes
    ----------
    shapes : tuple of ColumnShape
    mixtures : tuple of Mixture
        Of each class, on the scale without ends.
    shares : ndarray of shape (c,)
        Of the classes; they sum to 1.
    names : tuple of str, or None
        Of the columns, for messages.
    """

    shapes: tuple[ColumnShape, ...]
    mixtures: tuple[Mixture, ...]
    shares: Array
    names: tuple[str, ...] | None = None

    def sample(
        self, n_rows: int, *, given: Mapping[int, float] | None = None, balanced: bool = False, seed: Seed = None
    ) -> tuple[Array, Indices]:
        """Draw rows, in random order.

        Parameters
        ----------
        n_rows : int
        given : mapping of int to float, optional
            Values of columns that all rows have.
        balanced : bool, default=False
            As many rows of each class (but for one), instead of as many as there are in the data.
        seed : int, SeedSequence, Generator or None

        Returns
        -------
        rows : ndarray of shape (n_rows, d)
        classes : ndarray of shape (n_rows,)

        Raises
        ------
        ParameterError
            If a given column does not exist or all are given, or a value is none of its column's: outside its ends, or
            between its steps.
        """
        whole("n_rows", n_rows, 1)
        random = stream_of(seed, "draws")
        known = self._given(given or {})
        return self._drawn(self._counts(n_rows, known, balanced, random), known, given or {}, random)

    def sample_counts(self, counts: Sequence[int] | Indices, *, seed: Seed = None) -> tuple[Array, Indices]:
        """Draw so many rows of each class, in random order; see `sample`."""
        return self._drawn(np.asarray(counts), {}, {}, stream_of(seed, "draws"))

    def _drawn(
        self, counts: Indices, known: Mapping[int, float], given: Mapping[int, float], random: np.random.Generator
    ) -> tuple[Array, Indices]:
        free = [j for j in range(len(self.shapes)) if j not in given]
        classes = np.repeat(np.arange(len(counts)), counts)
        rows = np.empty((len(classes), len(self.shapes)))
        for j, value in given.items():
            rows[:, j] = value
        start = 0
        for mixture, count in zip(self.mixtures, counts, strict=True):
            if count:
                source = mixture.condition(known) if known else mixture
                drawn, _ = source.sample(int(count), seed=random)
                # A given column that is constant tells nothing, and is drawn with the others.
                columns = [j for j in range(len(self.shapes)) if j not in known]
                rows[start : start + count, free] = drawn[:, [columns.index(j) for j in free]]
                start += count
        for j in free:
            rows[:, j] = self.shapes[j].back(rows[:, j])
        order = random.permutation(len(rows))
        return rows[order], classes[order]

    def _counts(
        self, n_rows: int, known: Mapping[int, float], balanced: bool, random: np.random.Generator
    ) -> NDArray[np.intp]:
        c = len(self.mixtures)
        if balanced:
            counts = np.full(c, n_rows // c)
            counts[random.permutation(c)[: n_rows % c]] += 1
            return counts
        logs = np.log(self.shares)
        if known and c > 1:
            point = [list(known.values())]
            logs = logs + [float(mixture.marginal(list(known)).log_density(point)[0]) for mixture in self.mixtures]
        shares = np.exp(logs - logs.max())
        return np.asarray(random.multinomial(n_rows, shares / shares.sum()))

    def _given(self, given: Mapping[int, float]) -> dict[int, float]:
        d = len(self.shapes)
        found: dict[int, float] = {}
        for column, value in given.items():
            j = whole("a given column", column, 0, d - 1)
            called, shape = f"column {j}" if self.names is None else f"column {self.names[j]!r}", self.shapes[j]
            x = number(f"the given value of {called}", value)
            if not shape.low <= x <= shape.high:
                raise ParameterError(f"{called} is given as {x:g}, but takes values {shape.range}")
            below, above = shape.neighbours(x)
            if below < above:
                raise ParameterError(
                    f"{called} is given as {x:.15g}, but takes values in steps of {shape.step:g}: "
                    f"give {below:.15g} or {above:.15g}"
                )
            if not shape.constant:  # which tells nothing
                found[j] = float(shape.forward(np.array([x]))[0])
        if len(given) >= d:
            raise ParameterError(f"all {d} columns are given, so that none is left to draw: give fewer")
        return found


def synthesizer_of(
    rows: Array,
    fit: FitRows,
    *,
    weights: Array | None = None,
    classes: Indices | None = None,
    class_names: Sequence[Any] | NDArray[Any] | None = None,
    bounds: Mapping[int, Any] | None = None,
    names: Sequence[str] | None = None,
    seed: Seed = None,
) -> Synthesizer:
    """Return what draws rows like these.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    fit : callable
        Given a table of rows on the scale without ends, returns a mixture.
    weights : ndarray of shape (n,), optional
        A row of weight 3 is as three of them; one of weight 0 is not there.
    classes : ndarray of shape (n,), optional
        Of the rows, from 0; each is fitted by itself.
    class_names : sequence, optional
        For messages.
    bounds : mapping of int to (float, float), optional
        Ends of columns; see `shape_of`.
    names : sequence of str, optional
        Of the columns, for messages.
    seed : int, SeedSequence, Generator or None
        Of the places within cells.

    Raises
    ------
    ParameterError
        If bounds are of no column, or mean nothing.
    DataError
        If a value lies outside its bounds, all columns are constant, or a class has fewer than 3 rows.
    """
    random = stream_of(seed, "places")
    d = rows.shape[1]
    known = {whole("a column with bounds", j, 0, d - 1): ends for j, ends in (bounds or {}).items()}
    called = [f"column {j}" if names is None else f"column {names[j]!r}" for j in range(d)]
    codes = np.zeros(len(rows), dtype=np.intp) if classes is None else classes
    n_classes = int(codes.max()) + 1
    if weights is not None:
        there = weights > 0
        rows, codes, weights = rows[there], codes[there], weights[there]
    shapes = tuple(shape_of(rows[:, j], known.get(j), weights=weights, name=called[j]) for j in range(d))
    if all(shape.constant for shape in shapes):
        raise DataError("no column has two values that differ, so that there is nothing to draw")
    if weights is not None:
        # Where all columns have steps, each copy of a row at a place of its own. Else copies would be the same row
        # again, which folds would learn by heart: they stand in only where a class would have too few.
        every = all(shape.step or shape.constant for shape in shapes)
        few = np.bincount(codes)[codes] < _FEWEST
        copies = np.where(every | few, copies_of(weights, _MOST_ROWS), 1)
        rows, codes = np.repeat(rows, copies, axis=0), np.repeat(codes, copies)
        weights = np.repeat(weights / copies, copies)
    moved = np.column_stack([shape.scattered(column, random) for shape, column in zip(shapes, rows.T, strict=True)])
    shares = np.bincount(codes, weights=weights, minlength=n_classes).astype(np.float64)
    mixtures = []
    for c in range(n_classes):
        own = codes == c
        if own.sum() < _FEWEST:
            if classes is None:
                raise DataError(
                    f"there are {int(own.sum())} rows, but it takes {_FEWEST} to draw others like them: give more"
                )
            name = c if class_names is None else str(class_names[c])
            raise DataError(f"class {name} has {int(own.sum())} row(s), but needs at least {_FEWEST}: leave it out")
        mixtures.append(fit(as_table(moved[own], weights=None if weights is None else weights[own])))
    return Synthesizer(
        shapes, tuple(mixtures), shares / shares.sum(), None if names is None else tuple(map(str, names))
    )
