"""How many components: bootstrap likelihood-ratio tests of k against k + 1.

    LR = 2 (log L_{k+1} − log L_k),      p = (1 + #{LR* ≥ LR}) / (B + 1)

where each LR* comes of as many rows drawn from the fit of k components, fitted with k and with k + 1 (McLachlan 1987,
"On bootstrapping the likelihood ratio test statistic for the number of components in a normal mixture", Applied
Statistics 36). Tests go on from k = 1 until one does not reject. The usual χ² does not hold, since under k components
the parameters of the next are not identified.

Replicates may be drawn only until h of them reach LR; the p-value is then h / l for l drawn (Besag & Clifford 1991,
"Sequential Monte Carlo p-values", Biometrika 78), exact all the same.

Rows and replicates are fitted alike, by default from the partition of a hierarchy, so that the test compares like with
like even where that is not the highest optimum. Replicates of which a fit collapsed do not count: others are drawn for
them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import islice
from operator import add
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError, GmmkitWarning, ParameterError
from gmmkit.execution import Workers
from gmmkit.model.mixture import Mixture
from gmmkit.numerics.arguments import number, one_of, share, whole
from gmmkit.numerics.streams import Seed, streams
from gmmkit.selection.nested_fits import NestedFits, NestedStarts

__all__ = ["LikelihoodRatioTest", "LikelihoodRatioTests", "likelihood_ratio_test"]

Array = NDArray[np.float64]

_AT_A_TIME = 16
# How often a replicate is drawn until no component of its fits collapses.
_DRAWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRatioTest:
    """One test, of k components against k + 1.

    Attributes
    ----------
    n_components : int
        k, the null hypothesis.
    statistic : float
        LR.
    p_value : float
    replicates : ndarray of shape (b,)
        LR* in the order they were drawn; fewer than were asked for where the test stopped early, or where ten draws for
        a replicate all failed.
    failed : int
        Draws that no admissible fit was found for, each of which another was made for.
    stopped_early : bool
    """

    n_components: int
    statistic: float
    p_value: float
    replicates: Array
    failed: int
    stopped_early: bool


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRatioTests:
    """Tests of 1 against 2 components, 2 against 3, …, up to the first that does not reject or cannot be made.

    Attributes
    ----------
    tests : tuple of LikelihoodRatioTest
    level : float
    covariance_type : str
    fits : tuple of Mixture
        Of 1, 2, … components, the last one not accepted.
    """

    tests: tuple[LikelihoodRatioTest, ...]
    level: float
    covariance_type: str
    fits: tuple[Mixture, ...]

    @property
    def n_components(self) -> int:
        """The number of components that is not rejected, or the largest tested."""
        last = self.tests[-1]
        return last.n_components + int(last.p_value <= self.level)

    @property
    def mixture(self) -> Mixture:
        """The fit of that many components."""
        return self.fits[self.n_components - 1]

    def summary(self) -> list[dict[str, Any]]:
        """Return a row for each test: null, alternative, statistic, p_value, rejected, n_replicates, failed."""
        return [
            {
                "null": test.n_components,
                "alternative": test.n_components + 1,
                "statistic": test.statistic,
                "p_value": test.p_value,
                "rejected": test.p_value <= self.level,
                "n_replicates": len(test.replicates),
                "failed": test.failed,
            }
            for test in self.tests
        ]

    def __repr__(self) -> str:
        said = ", ".join(f"{t.n_components} vs {t.n_components + 1}: p = {t.p_value:.3g}" for t in self.tests)
        return f"LikelihoodRatioTests({self.covariance_type}; {said})"


def likelihood_ratio_test(
    X: Any,
    max_components: int = 9,
    covariance_type: str = "VVV",
    *,
    n_replicates: int = 999,
    level: float = 0.05,
    exceedances: int | None = None,
    starts: NestedStarts = "hierarchical",
    seed: Seed = 0,
    n_jobs: int | None = None,
    tol: float = 1e-7,
) -> LikelihoodRatioTests:
    """Test for the number of components by bootstrapped likelihood ratios, from one component up.

    Parameters
    ----------
    X : array-like of shape (n, d), data frame or Table
        Rows of equal weight that fit into memory.
    max_components : int, default=9
        Largest alternative.
    covariance_type : str, default="VVV"
        scikit-learn's name or mclust's.
    n_replicates : int, default=999
        For each test.
    level : float, default=0.05
        Tests go on while p ≤ level.
    exceedances : int, optional
        Stop drawing once so many replicates reach the statistic (Besag & Clifford 1991); 20 saves most of the work
        where the null hypothesis holds.
    starts : {"hierarchical", "many"}, default="hierarchical"
        Where fits of k + 1 components begin, to rows and replicates alike: one partition, as mclust's test does; or
        that, each split of the k and four k-means++ partitions, of which the best counts. Both are valid. The second
        has more power, since it also finds small concentrations of rows: rounding may be enough to reject.
    seed : int, SeedSequence, Generator or None, default=0
    n_jobs : int or None, default=None
        Threads; the answer has the same bits for any number.
    tol : float, default=1e-7
        Log-likelihood per row that fits may leave to be gained.

    Raises
    ------
    ParameterError
        If a parameter means nothing, or no admissible fit of two components is found.
    DataError
        If columns are constant or collinear, or rows weighted.

    Warns
    -----
    GmmkitWarning
        If the tests end because no admissible fit of one component more is found.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> rows = np.concatenate([random.normal(size=100), random.normal(6.0, 1.0, size=100)])[:, None]
    >>> found = likelihood_ratio_test(rows, covariance_type="E", n_replicates=99)
    >>> found.n_components, found.tests[0].p_value
    (2, 0.01)
    """
    max_components, level = whole("max_components", max_components, 2), share("level", level)
    fewest = int(np.ceil(round(1.0 / level, 9))) - 1
    n_replicates = whole("n_replicates", n_replicates, fewest, why=f"to reject at level {level:g}")
    if exceedances is not None:
        exceedances = whole("exceedances", exceedances, 1)
    starts = one_of("starts", starts, get_args(NestedStarts))
    tol = number("tol", tol, least=0)
    sequence = streams(seed)
    with Workers(n_jobs) as workers, Workers(1) as alone:
        fits = NestedFits(X, covariance_type, starts, tol, alone)
        mixtures, tests = [fits.one_component()], list[LikelihoodRatioTest]()
        z = fits.rows
        for k in range(1, min(max_components, z.shape[1])):
            random = next(sequence)
            null, first = fits.null(z, mixtures[-1])
            alternative, second = fits.alternative(z, null, random)
            if null is None or alternative is None:
                said = f"no admissible fit of {k + 1} {covariance_type} components was found: each start's collapsed"
                if not tests:
                    raise ParameterError(f"{said}; give another covariance_type, or more rows")
                warnings.warn(GmmkitWarning(f"the tests end at {k} components: {said}"), stacklevel=2)
                break
            mixtures[-1] = null
            mixtures.append(alternative)
            statistic = max(0.0, 2.0 * (second - first))
            test = _test(fits, null, k, statistic, list(islice(streams(random), n_replicates)), exceedances, workers)
            tests.append(test)
            if test.p_value > level:
                break
        frame = fits.problem.frame
    if not tests:
        raise DataError("X has 1 row, but a test of two components needs at least 2: give more rows")
    return LikelihoodRatioTests(
        tuple(tests), level, covariance_type, tuple(mixture.out_of(frame) for mixture in mixtures)
    )


def _test(
    fits: NestedFits,
    null: Mixture,
    k: int,
    statistic: float,
    draws: list[np.random.Generator],
    exceedances: int | None,
    workers: Workers,
) -> LikelihoodRatioTest:
    # With an early stop a batch is what may be drawn in vain.
    batch = len(draws) if exceedances is None else 64
    ratios: list[tuple[float, int]] = []

    def task(start: int, stop: int) -> list[tuple[float, int]]:
        return [_ratio(fits, null, random) for random in draws[start:stop]]

    for begin in range(0, len(draws), batch):
        end = min(begin + batch, len(draws))
        tasks = [(start, min(start + _AT_A_TIME, end)) for start in range(begin, end, _AT_A_TIME)]
        ratios += workers.map_merge(task, tasks, add)
        if exceedances is None:
            continue
        reached = [i for i, (ratio, _) in enumerate(ratios) if ratio >= statistic]
        if len(reached) >= exceedances:
            counted, failed = _counted(ratios[: reached[exceedances - 1] + 1])
            return LikelihoodRatioTest(k, statistic, exceedances / len(counted), counted, failed, stopped_early=True)
    counted, failed = _counted(ratios)
    p_value = (1 + int((counted >= statistic).sum())) / (len(counted) + 1)
    return LikelihoodRatioTest(k, statistic, p_value, counted, failed, stopped_early=False)


def _ratio(fits: NestedFits, null: Mixture, random: np.random.Generator) -> tuple[float, int]:
    """Return LR* of a replicate, NaN if there is none, and how many draws failed."""
    for failed in range(_DRAWS):
        ratio = fits.ratio(null, random)
        if not np.isnan(ratio):
            return ratio, failed
    return np.nan, _DRAWS


def _counted(drawn: list[tuple[float, int]]) -> tuple[Array, int]:
    ratios = np.array([ratio for ratio, _ in drawn])
    return ratios[~np.isnan(ratios)], sum(failed for _, failed in drawn)
