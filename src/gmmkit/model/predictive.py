"""What a joint mixture says of some columns, given others row by row, where some of those may be missing.

    y | x_o  ~  Σ_k w_k(x_o) N(μ_ky + B_k (x_o − μ_ko), Σ_ky|o)        o: the inputs of the row that are there

Missing inputs are integrated out: exactly, since a mixture's marginals are mixtures, and without any value put in
their place. The mean is Gaussian mixture regression (Ghahramani & Jordan, "Supervised learning from incomplete data via
an EM approach", NIPS 6 (1994)). Rows with the same inputs there are answered together, a part at a time: nothing of
rows × components is kept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmmkit.errors import DataError, ParameterError
from gmmkit.model.conditioning import marginal
from gmmkit.model.covariance import Diagonal
from gmmkit.model.mixture import Mixture
from gmmkit.model.row_mixtures import RowMixtures, log_of
from gmmkit.model.validity import refuse_noise
from gmmkit.numerics.arguments import indices, numbers, share
from gmmkit.numerics.streams import Seed, generator

__all__ = ["Predictive"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Numbers in temporaries of rows × components × columns.
_MOST_VALUES = 2**20


class Predictive:
    """The distribution of the target columns of each row: one mixture a row, made when it is asked.

    Parameters
    ----------
    mixture : Mixture
        Of inputs and targets.
    targets : sequence of int
        The q columns that are predicted, in the order of the answers; the others are the inputs, in theirs.
    rows : array_like of shape (n, d − q)
        Inputs; NaN where one is missing.

    Raises
    ------
    ParameterError
        If a column does not exist or is named twice, none is a target, or all are; if there is noise.
    DataError
        If `rows` has another shape, or an infinite value.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> m = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 10.0]], Full([[[1.0, 0.5], [0.5, 1.0]]] * 2))
    >>> found = Predictive(m, [1], [[0.0], [4.0], [np.nan]])
    >>> found.mean()[:, 0].round(2), found.interval(0.9)[:, 0].round(2).tolist()
    (array([ 0., 10.,  5.]), [[-1.42, 1.43], [8.57, 11.42], [-1.28, 11.28]])
    """

    def __init__(self, mixture: Mixture, targets: Sequence[int], rows: ArrayLike) -> None:
        refuse_noise(mixture, "a prediction")
        d = mixture.n_features
        self.targets = np.array(indices("targets", targets, d), dtype=np.intp)
        if not len(self.targets) or len(set(self.targets.tolist())) < len(self.targets):
            raise ParameterError(f"targets must name at least one column, each once, but got {list(targets)}")
        self.inputs = np.setdiff1d(np.arange(d), self.targets)
        if not len(self.inputs):
            raise ParameterError(f"targets are all {d} columns, so that none is left to predict from: give fewer")
        x = numbers("rows", rows)
        if x.ndim != 2 or x.shape[1] != len(self.inputs):
            raise DataError(f"rows must have the shape (rows, {len(self.inputs)}), but got {x.shape}")
        if np.isinf(x).any():
            i, j = np.argwhere(np.isinf(x))[0]
            raise DataError(f"row {i}, column {j} is {x[i, j]}: give numbers, and NaN where a value is missing")
        self.mixture = mixture
        self.rows = x
        self._groups = _patterns(np.isnan(x))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Predictive({len(self)} rows, {len(self.targets)} targets of {self.mixture!r})"

    def __getitem__(self, row: int) -> Mixture:
        """Return the mixture of one row."""
        i = range(len(self))[operator.index(row)]
        (_, found), *_ = self._parts(self.targets, np.array([i]))
        return found[0]

    def mean(self) -> Array:
        """Return the mean of the targets (n, q): the regression.

        Raises
        ------
        ParameterError
            If a component has at most 1 degree of freedom.
        """
        return self._answered(lambda found, _: found.mean(), (len(self.targets),))

    def covariance_matrices(self) -> Array:
        """Return the covariance of the targets (n, q, q) in each row.

        Raises
        ------
        ParameterError
            If a component has at most 2 degrees of freedom.
        """
        return self._answered(lambda found, _: found.covariance_matrices(), (len(self.targets),) * 2)

    def log_density(self, values: ArrayLike) -> Array:
        """Return the log-density (n,), in nats, of each row of `values` (n, q).

        Raises
        ------
        DataError
            If `values` is not of shape (n, q).
        """
        y = numbers("values", values)
        if y.shape != (len(self), len(self.targets)):
            raise DataError(f"values must have the shape {(len(self), len(self.targets))}, but got {y.shape}")
        return self._answered(lambda found, at: found.log_density(y[at]), ())

    def cdf(self, values: ArrayLike) -> Array:
        """Return the probability (n, q) that each target lies below its value in `values` (n, q).

        Raises
        ------
        DataError
            If `values` is not of shape (n, q).
        """
        y = numbers("values", values)
        if y.shape != (len(self), len(self.targets)):
            raise DataError(f"values must have the shape {(len(self), len(self.targets))}, but got {y.shape}")
        return self._by_target(lambda found, at, j: found.cdf(y[at, j : j + 1]), ())

    def quantile(self, probabilities: ArrayLike) -> Array:
        """Return the values below which each target lies with the given probabilities.

        Parameters
        ----------
        probabilities : array_like
            One number or (m,), the same for all rows.

        Returns
        -------
        ndarray of shape (n, q) or (n, q, m)

        Raises
        ------
        ParameterError
            If a probability is outside [0, 1].
        """
        p = numbers("probabilities", probabilities)
        if p.ndim > 1:
            raise ParameterError(f"probabilities must be a number or a list, but got the shape {p.shape}")
        return self._by_target(lambda found, _, __: found.quantile(p), p.shape)

    def interval(self, probability: float = 0.9) -> Array:
        """Return the central interval (n, q, 2) that holds each target with the given probability.

        Raises
        ------
        ParameterError
            If the probability is not between 0 and 1.
        """
        tail = 0.5 * (1.0 - share("probability", probability))
        return self.quantile([tail, 1.0 - tail])

    def sample(self, seed: Seed = None) -> Array:
        """Draw the targets (n, q) of each row once.

        Parameters
        ----------
        seed : int, SeedSequence, Generator or None
            The same seed gives the same values.
        """
        random = generator(seed)
        return self._answered(lambda found, _: found.sample(random), (len(self.targets),))

    def _by_target(self, answer: Callable[[RowMixtures, Indices, int], Array], shape: tuple[int, ...]) -> Array:
        answers = np.empty((len(self), len(self.targets), *shape))
        for j in range(len(self.targets)):
            for at, found in _together(self._parts(self.targets[j : j + 1]), _MOST_VALUES // self.mixture.n_components):
                answers[at, j] = answer(found, at, j)
        return answers

    def _answered(self, answer: Callable[[RowMixtures, Indices], Array], shape: tuple[int, ...]) -> Array:
        answers = np.empty((len(self), *shape))
        for at, found in self._parts(self.targets):
            answers[at] = answer(found, at)
        return answers

    def _parts(self, targets: Indices, only: Indices | None = None) -> Iterator[tuple[Indices, RowMixtures]]:
        """Yield some rows at a time, with the mixtures of the targets there."""
        q, k = len(targets), self.mixture.n_components
        size = max(1, _MOST_VALUES // (k * (q + 2)))
        for there, members in self._groups:
            chosen = members if only is None else np.intersect1d(members, only)
            if not len(chosen):
                continue
            joint = marginal(self.mixture, [*self.inputs[there], *targets])
            conditional = joint.conditional(range(len(there))) if len(there) else None
            for start in range(0, len(chosen), size):
                at = chosen[start : start + size]
                if conditional is not None:
                    yield at, conditional.at(self.rows[np.ix_(at, there)])
                    continue
                n = len(at)
                log_weights = np.broadcast_to(log_of(joint.weights / joint.weights.sum()), (n, k))
                means = np.broadcast_to(joint.means, (n, *joint.means.shape))
                yield at, RowMixtures(log_weights, means, joint.covariance, joint.degrees_of_freedom)


def _together(parts: Iterator[tuple[Indices, RowMixtures]], size: int) -> Iterator[tuple[Indices, RowMixtures]]:
    """Yield parts of one target, those of few rows as one: roots cost by the call, and there may be many patterns."""
    held: list[tuple[Indices, RowMixtures]] = []
    rows = 0
    for at, found in parts:
        if found.degrees_of_freedom is not None:
            yield at, found  # degrees of freedom follow from how many inputs are there
            continue
        held.append((at, found))
        rows += len(at)
        if rows >= size:
            yield _one(held)
            held, rows = [], 0
    if held:
        yield _one(held)


def _one(parts: Sequence[tuple[Indices, RowMixtures]]) -> tuple[Indices, RowMixtures]:
    if len(parts) == 1:
        return parts[0]
    found = [mixtures for _, mixtures in parts]
    variances = [np.broadcast_to(part.covariance.variances()[:, 0], part.log_weights.shape) for part in found]
    unit = Diagonal(np.ones((found[0].log_weights.shape[1], 1)))
    log_weights = np.concatenate([part.log_weights for part in found])
    means = np.concatenate([part.means for part in found])
    at = np.concatenate([own for own, _ in parts])
    return at, RowMixtures(log_weights, means, unit, scales=np.concatenate(variances))


def _patterns(missing: NDArray[np.bool_]) -> list[tuple[Indices, Indices]]:
    """Return which inputs are there, and the rows of which that is so."""
    if not missing.any():
        return [(np.arange(missing.shape[1]), np.arange(len(missing)))]
    kinds, place = np.unique(missing, axis=0, return_inverse=True)
    place = place.ravel()
    return [(np.flatnonzero(~kind), np.flatnonzero(place == i)) for i, kind in enumerate(kinds)]
