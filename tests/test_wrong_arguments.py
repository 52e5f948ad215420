"""What means nothing is refused in one line by every public function: parameters with values of wrong type or range.

Estimators are refused by scikit-learn, in its words (`estimators/test_bad_input.py`); here is what they leave to us.
"""

import numpy as np
import pytest

import gmmkit
from gmmkit.errors import ParameterError
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.model.compare import kl, l2_distance

NAN, INF = float("nan"), float("inf")


def two_groups():
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(0, 1, (60, 2)), random.normal(6, 1, (60, 2))])


X = two_groups()
MIXTURE = gmmkit.Mixture.from_arrays([0.5, 0.5], [[0.0, 0.0], [6.0, 6.0]], [1.0, 1.0], covariance_type="spherical")
LINE = gmmkit.Mixture.from_arrays([0.5, 0.5], [[0.0], [6.0]], [1.0, 1.0], covariance_type="spherical")
TREE = gmmkit.merge_by_entropy(MIXTURE, X)
INFORMATION = gmmkit.observed_information(MIXTURE, X)
BOOTSTRAP = gmmkit.bootstrap(MIXTURE, X, n_replicates=40)


def bootstrap(**given):
    return gmmkit.bootstrap(MIXTURE, X, **{"n_replicates": 40, **given})


def test_of_ratios(**given):
    return gmmkit.likelihood_ratio_test(
        X, **{"max_components": 2, "covariance_type": "EII", "n_replicates": 19, **given}
    )


test_of_ratios.__test__ = False


def search(**given):
    return gmmkit.GaussianMixtureSearch(**{"n_components": 1, "covariance_type": "EII", **given}).fit(X)


def clusterer(**given):
    return gmmkit.MixtureClusterer(**{"n_clusters": 2, "covariance_type": "EII", **given}).fit(X)


def from_arrays(**given):
    arrays = {"weights": [0.5, 0.5], "means": [[0.0], [6.0]], "covariances": [1.0, 1.0], "covariance_type": "spherical"}
    return gmmkit.Mixture.from_arrays(**{**arrays, **given})


COUNTS = ["40", 40.0, 40.5, True, None, NAN, 0, -1, [40]]
SHARES = ["a", "0.5", None, True, NAN, 0, 1, 2, [0.5]]
JOBS = ["2", 2.0, True, 0, [1]]
SEEDS = [-1, "a", 1.5, True, NAN, [1, 2], np.random.RandomState(0)]
TOLERANCES = [-1, "a", NAN, INF, True, None]
GROUPS = [(1.5,), ((0.0,), (1.0,)), 5, "01", [0, 1], [[0], ["a"]], [[0], [None]], [[0], [1], []], [[True], [False]]]
GROUPS += [[["0"], ["1"]], [[0]], [[0], [2]], [[0, 1], [1]]]
TEXT = ["a", ["a"], [["a", 1.0]]]

TABLE = [
    (bootstrap, "n_replicates", COUNTS),
    (bootstrap, "confidence", SHARES),
    (bootstrap, "n_jobs", JOBS),
    (bootstrap, "seed", SEEDS),
    (bootstrap, "tol", TOLERANCES),
    (bootstrap, "max_iter", COUNTS[:1] + COUNTS[2:]),
    (bootstrap, "kind", [1, None, ["weighted"], "other"]),
    (bootstrap, "rule", ["a", 1]),
    (bootstrap, "settings", ["a", {}]),
    (BOOTSTRAP.intervals, "confidence", [value for value in SHARES if value is not None]),
    (BOOTSTRAP.intervals, "kind", ["other", ["normal"]]),
    (INFORMATION.intervals, "confidence", SHARES),
    (lambda **given: gmmkit.observed_information(MIXTURE, X, **given), "n_jobs", JOBS),
    (lambda **given: gmmkit.observed_information(MIXTURE, X, **given), "settings", ["a", {}]),
    (test_of_ratios, "max_components", [*COUNTS, 1]),
    (test_of_ratios, "n_replicates", [*COUNTS, 18]),
    (test_of_ratios, "level", SHARES),
    (test_of_ratios, "exceedances", [value for value in COUNTS if value is not None]),
    (test_of_ratios, "starts", [1, None, ["many"]]),
    (test_of_ratios, "covariance_type", [["EII"], ("EII",), None, 3, "EIX"]),
    (test_of_ratios, "seed", SEEDS),
    (test_of_ratios, "n_jobs", JOBS),
    (test_of_ratios, "tol", TOLERANCES),
    (lambda **given: gmmkit.merge_by_misclassification(MIXTURE, X, **given), "threshold", SHARES),
    (lambda **given: gmmkit.describe_clusters(MIXTURE, X, **given), "groups", GROUPS),
    (lambda **given: gmmkit.describe_clusters(MIXTURE, X, **given), "names", [5, "ab", ["a"]]),
    (MIXTURE.merge_components, "groups", GROUPS),
    (MIXTURE.take, "components", [[2], [-1], ["a"], 1.5, [0.5], [], [True, False]]),
    (TREE.groups, "n_clusters", ["2", 2.0, 1.5, True, 0, 3]),
    (lambda **given: TREE.labels(X, **given), "n_jobs", JOBS),
    (MIXTURE.sample, "n_rows", COUNTS),
    (MIXTURE.sample, "seed", SEEDS),
    (MIXTURE.entropy, "n_samples", [*COUNTS, 1]),
    (MIXTURE.entropy, "seed", SEEDS),
    (lambda **given: kl(MIXTURE, MIXTURE, **given), "n_samples", [*COUNTS, 1]),
    (lambda **given: kl(MIXTURE, **given), "q", [None, "a"]),
    (lambda **given: l2_distance(MIXTURE, **given), "q", [None, "a"]),
    (MIXTURE.highest_density_level, "probability", SHARES),
    (lambda **given: MIXTURE.highest_density_level(0.5, **given), "n_samples", COUNTS),
    (LINE.highest_density_region, "probability", SHARES),
    (LINE.quantile, "probabilities", [*TEXT, None, NAN, 2]),
    (LINE.cdf, "values", TEXT),
    (MIXTURE.marginal, "columns", ["a", None, 0, [2], [0.5], [True], [0, 0], []]),
    (MIXTURE.condition, "given", ["a", None, [0], {2: 1.0}, {0.5: 1.0}, {0: "a"}]),
    (MIXTURE.affine, "matrix", [*TEXT, None]),
    (lambda **given: MIXTURE.posterior(X, **given), "n_jobs", JOBS),
    (from_arrays, "weights", [*TEXT, None]),
    (from_arrays, "means", [*TEXT, None, [[1.0, 2.0], [3.0]]]),
    (from_arrays, "covariances", [*TEXT, None]),
    (from_arrays, "covariance_type", [["spherical"], None, 3]),
    (from_arrays, "degrees_of_freedom", [*TEXT, NAN, -1]),
    (lambda **given: gmmkit.Noise(log_density=0.0, **given), "weight", ["a", None, NAN, 1, -0.1, True]),
    (lambda **given: gmmkit.Noise(weight=0.1, **given), "log_density", ["a", None, NAN, INF]),
    (lambda **given: gmmkit.Noise(0.1, 0.0, **given), "region", [*TEXT, [[NAN]]]),
    (ConjugatePrior, "shrinkage", ["a", None, NAN, -1, True]),
    (ConjugatePrior, "concentration", ["a", None, NAN, 0]),
    (ConjugatePrior, "degrees_of_freedom", ["a", NAN, 0]),
    (ConjugatePrior, "scale", TEXT),
    (search, "n_components", ["3", ["3"], [1.5], [True], [0], []]),
    (search, "covariance_type", [[3], [["EII"]], [None], []]),
    (search, "n_jobs", [True, 0]),
    (clusterer, "covariance_type", [[3], [["EII"]], []]),
    (lambda **given: gmmkit.GaussianMixture(2).fit(X, **given), "start", ["a", 5, [["a", "b"]] * len(X)]),
]
CASES = [
    pytest.param(call, name, value, id=f"{place}-{name}-{i}")
    for place, (call, name, values) in enumerate(TABLE)
    for i, value in enumerate(values)
]


@pytest.mark.parametrize(("call", "name", "value"), CASES)
def test_a_wrong_argument_is_refused_in_one_line(call, name, value):
    with pytest.raises(ParameterError) as refused:
        call(**{name: value})
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 260


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: bootstrap(n_replicates="99"),
            "n_replicates must be a whole number of at least 40, for intervals of 0.95 confidence, but got '99': "
            "give 99",
        ),
        (lambda: bootstrap(tol=-1), "tol must be a finite number of at least 0, but got -1"),
        (lambda: bootstrap(confidence="a"), "confidence must be a number between 0 and 1, both excluded, but got 'a'"),
        (
            lambda: bootstrap(seed=-1),
            "seed must be a whole number of at least 0, a SeedSequence, a Generator or None, but got -1: "
            "give a number, or numpy.random.default_rng(number)",
        ),
        (
            lambda: bootstrap(n_jobs="2"),
            "n_jobs must be a positive number of threads, -1 for all cores, -2 for all but one or None, but got '2'",
        ),
        (
            lambda: test_of_ratios(max_components=3.0),
            "max_components must be a whole number of at least 2, but got 3.0: give 3",
        ),
        (lambda: test_of_ratios(starts=1), "starts must be 'hierarchical' or 'many', but got 1"),
        (
            lambda: test_of_ratios(covariance_type=["EII"]),
            "covariance_type must be one name, such as 'VVV' or 'full', but got ['EII']",
        ),
        (
            lambda: gmmkit.describe_clusters(MIXTURE, X, groups=(1.5,)),
            "groups must be lists of component numbers, such as [[0, 2], [1]], but group 0 is 1.5",
        ),
        (lambda: from_arrays(weights=["a", 1]), "weights must be numbers, in lists of equal lengths or an array, but"),
    ],
)
def test_what_is_said(call, expected):
    with pytest.raises(ParameterError) as refused:
        call()
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize("number", [np.int64(40), np.int8(40), 40])
def test_numbers_of_numpy_are_as_good_as_any(number):
    assert bootstrap(n_replicates=number, seed=np.uint8(3), n_jobs=np.int64(1)).n_replicates == 40


def test_bad_seeds_are_refused_before_any_work():
    # The rows are of the wrong width, which is found later.
    with pytest.raises(ParameterError, match="seed must be"):
        gmmkit.bootstrap(MIXTURE, X[:, :1], seed=-1)
