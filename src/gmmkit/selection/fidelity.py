"""How like real rows drawn ones are, and whether they are too like.

Column by column, the Kolmogorov–Smirnov distance; pair by pair, rank correlations (Spearman). All columns together, a
classifier two-sample test (Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", ICLR 2017): nearest neighbours
of half of the rows tell real from drawn in the other half no better than a coin where they cannot be told apart; worse,
where drawn rows stand nearer to the real ones than those to each other. And against rows that were learnt by heart: how
far drawn rows are from the nearest real one, beside how far real ones are from theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtr
from scipy.stats import rankdata

from gmmkit.errors import DataError
from gmmkit.numerics.streams import Seed, stream_of

__all__ = ["FEWEST_ROWS", "ColumnFidelity", "Fidelity", "fidelity_of", "rank_correlations", "thinned"]

Array = NDArray[np.float64]

#: Real rows, and drawn ones, below which they are not compared.
FEWEST_ROWS = 10

# Rows of each kind that neighbours are sought among.
_MOST_ROWS = 5000
# Distances, in standard deviations of the columns, that are a copy; and the share of real rows that are nearer to
# another than "close".
_COPY, _CLOSE = 1e-9, 0.05
# Rows are too near to real ones where so many times as many as of those are close, beyond so many standard errors.
_TOO_MANY, _ERRORS = 1.5, 4.0


@dataclass(frozen=True, slots=True)
class ColumnFidelity:
    """One column of real and of drawn rows.

    Attributes
    ----------
    name : str
    distance : float
        Largest difference of the two distribution functions: 0 the same, 1 apart.
    real_mean, drawn_mean, real_deviation, drawn_deviation : float
    """

    name: str
    distance: float
    real_mean: float
    drawn_mean: float
    real_deviation: float
    drawn_deviation: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How like real rows drawn ones are.

    Attributes
    ----------
    columns : tuple of ColumnFidelity
    largest_correlation_difference, mean_correlation_difference : float
        Over pairs of columns, of rank correlations; 0 for one column.
    worst_pair : (str, str) or None
    accuracy : float
        Share of rows that the classifier tells rightly: one half where they cannot be told apart.
    p_value : float
        Of an accuracy this far from one half, if they are alike: above, drawn rows are unlike; below, they stand nearer
        to real ones than those to each other.
    copies : int
        Drawn rows that equal a real one.
    real_copies : int
        Real rows that equal another: with few distinct values, copies are no leak.
    distance_ratio : float
        Median distance of drawn rows from the nearest real one, over that of real ones from the nearest other: about 1;
        well below, rows were learnt by heart.
    close_share, real_close_share : float
        Drawn rows that are nearer to a real one than all but 5 % of real ones are to theirs, and real ones that are: at
        most 0.05, less where distances are equal. Alike where no row was learnt by heart.
    n_real, n_drawn : int
    """

    columns: tuple[ColumnFidelity, ...]
    largest_correlation_difference: float
    mean_correlation_difference: float
    worst_pair: tuple[str, str] | None
    accuracy: float
    p_value: float
    copies: int
    real_copies: int
    distance_ratio: float
    close_share: float
    real_close_share: float
    n_real: int
    n_drawn: int

    @property
    def usual_distance(self) -> float:
        """The largest distance of a column that rows which are alike have, in 95 of 100 comparisons (Smirnov 1948)."""
        tail = 0.025 / len(self.columns)
        return math.sqrt(-0.5 * math.log(tail) * (1.0 / self.n_real + 1.0 / self.n_drawn))

    @property
    def too_near(self) -> bool:
        """Whether drawn rows stand so near to real ones that some were learnt by heart.

        They do where the share of them that is close, or that are copies, is more than one and a half times that of the
        real ones, and by more than four standard errors.
        """
        n, m = (min(count, _MOST_ROWS) for count in (self.n_real, self.n_drawn))
        return _more(self.close_share, m, self.real_close_share, n) or _more(
            self.copies / self.n_drawn, self.n_drawn, self.real_copies / self.n_real, self.n_real
        )

    def as_record(self) -> dict[str, Any]:
        """Return it as plain values, and whether rows are too near."""
        return {**asdict(self), "too_near": self.too_near}


def fidelity_of(real: Array, drawn: Array, names: Sequence[str], *, seed: Seed = 0) -> Fidelity:
    """Compare drawn rows (m, d) with real ones (n, d).

    Of more than 5,000 rows, as many are drawn for the test and for distances.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, d) and (m, d)
    names : sequence of str
        Of the columns.
    seed : int, SeedSequence, Generator or None

    Raises
    ------
    DataError
        If the columns differ in number, or there are fewer than 10 rows of either.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(1000, 2))
    >>> alike, copied = fidelity_of(real, rng.normal(size=(1000, 2)), "ab"), fidelity_of(real, real + 1e-12, "ab")
    >>> alike.p_value > 0.01, alike.copies, copied.copies
    (True, 0, 1000)
    """
    if real.shape[1] != drawn.shape[1]:
        raise DataError(f"real rows have {real.shape[1]} columns, but drawn ones {drawn.shape[1]}: give the same")
    if min(len(real), len(drawn)) < FEWEST_ROWS:
        raise DataError(
            f"{len(real)} real and {len(drawn)} drawn rows are too few to compare: give at least {FEWEST_ROWS} of each"
        )
    random = stream_of(seed, "comparison")
    columns = tuple(_column(name, a, b) for name, a, b in zip(names, real.T, drawn.T, strict=True))
    largest, mean, pair = _correlations(real, drawn, names)
    spread = real.std(axis=0)
    units = np.where(spread > 0, spread, 1.0)
    some, others = (_some(rows / units, random) for rows in (real, drawn))
    accuracy, p_value = _told_apart(some, others, random)
    own = cKDTree(some).query(some, k=2)[0][:, 1]
    # The nearest of as many as a real row has others: of one more, what is nearest is a little nearer.
    away = cKDTree(some[1:]).query(others)[0]
    whole = cKDTree(real / units)
    # What is farther is not looked for: of many columns that would take a tree long.
    near = 2.0 * _COPY
    copies = int((whole.query(drawn / units, distance_upper_bound=near)[0] <= _COPY).sum())
    real_copies = int((whole.query(real / units, k=2, distance_upper_bound=near)[0][:, 1] <= _COPY).sum())
    usual, threshold = float(np.median(own)), float(np.quantile(own, _CLOSE))
    close, real_close = float((away < threshold).mean()), float((own < threshold).mean())
    return Fidelity(
        columns,
        largest,
        mean,
        pair,
        accuracy,
        p_value,
        copies,
        real_copies,
        float(np.median(away)) / usual if usual > 0 else math.inf if np.median(away) > 0 else 1.0,
        close,
        real_close,
        len(real),
        len(drawn),
    )


def thinned(rows: Array, weights: Array | None, *, seed: Seed = 0) -> Array:
    """Return rows as their weights would have them, each at most once: of weight w, kept with probability w / max w.

    What is kept is a sample of the weighted distribution without a row that is there twice, which would be its own
    neighbour; the smaller, the more the weights differ.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    weights : ndarray of shape (n,), or None
        None: all rows are kept.
    seed : int, SeedSequence, Generator or None

    Returns
    -------
    ndarray of shape (m, d)

    Examples
    --------
    >>> thinned(np.array([[1.0], [2.0], [3.0]]), np.array([0.0, 4.0, 4.0])).tolist()
    [[2.0], [3.0]]
    """
    if weights is None:
        return rows
    kept = stream_of(seed, "thinning").random(len(rows)) * weights.max() < weights
    return np.asarray(rows[kept])


def _column(name: str, real: Array, drawn: Array) -> ColumnFidelity:
    values = np.sort(np.concatenate([real, drawn]))
    below = (np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (real, drawn))
    distance = float(np.abs(np.subtract(*below)).max())
    return ColumnFidelity(
        str(name), distance, float(real.mean()), float(drawn.mean()), float(real.std()), float(drawn.std())
    )


def _correlations(real: Array, drawn: Array, names: Sequence[str]) -> tuple[float, float, tuple[str, str] | None]:
    d = real.shape[1]
    if d < 2:
        return 0.0, 0.0, None
    difference = np.abs(rank_correlations(real) - rank_correlations(drawn))
    i, j = np.triu_indices(d, 1)
    worst = int(difference[i, j].argmax())
    pair = (str(names[i[worst]]), str(names[j[worst]]))
    return float(difference[i, j].max()), float(difference[i, j].mean()), pair


def rank_correlations(rows: Array) -> Array:
    """Return Spearman's correlations (d, d) of the columns of rows (n, d); 0 with a column of one value."""
    ranks = rankdata(rows, axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(lengths > 0, lengths, 1.0)
    return np.asarray(ranks.T @ ranks)


def _more(share: float, count: int, other: float, other_count: int) -> bool:
    """Tell whether a share of so many is far above another, and surely."""
    both = (share * count + other * other_count) / (count + other_count)
    error = math.sqrt(both * (1.0 - both) * (1.0 / count + 1.0 / other_count))
    return share > _TOO_MANY * other and share - other > _ERRORS * error


def _some(rows: Array, random: np.random.Generator) -> Array:
    return rows[random.permutation(len(rows))[:_MOST_ROWS]]


def _told_apart(real: Array, drawn: Array, random: np.random.Generator) -> tuple[float, float]:
    """Return the accuracy of a classifier by nearest neighbours on rows that it has not seen, and its p-value."""
    each = min(len(real), len(drawn))
    rows = np.concatenate([real[:each], drawn[:each]])
    labels = np.repeat([0.0, 1.0], each)
    half = each // 2
    # As many of each on either side: a coin is right half of the time.
    seen = np.concatenate([random.permutation(each)[:half], each + random.permutation(each)[:half]])
    unseen = np.setdiff1d(np.arange(2 * each), seen)
    k = max(1, 2 * (math.isqrt(2 * half) // 2) - 1)  # odd: no vote is a draw
    found = cKDTree(rows[seen]).query(rows[unseen], k=k)[1].reshape(len(unseen), k)
    right = (labels[seen][found].mean(axis=1) > 0.5) == (labels[unseen] > 0.5)
    accuracy = float(right.mean())
    return accuracy, float(2.0 * ndtr(-abs(accuracy - 0.5) / math.sqrt(0.25 / len(unseen))))
