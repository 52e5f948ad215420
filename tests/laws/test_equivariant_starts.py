"""Starts are as invariant as the family they are for: the same partition whatever the units of the data."""

import numpy as np
import pytest

from cases import blobs, faithful_like, iris, opened
from gmmkit.inference.hierarchy import agglomerate, transformed
from gmmkit.inference.prior import make_prior
from gmmkit.inference.sampling import sample_rows
from gmmkit.inference.starts import Named
from gmmkit.model.covariance import FAMILIES

INVARIANT = ("hierarchical", "hierarchical-ward", "short-runs", "swap", "kmeans", "k-means++", "random_from_data")
# Twenty maps, in four cases of five.
CASES = range(4)
ROWS = {"blobs": lambda: blobs(120, 3, 4, seed=4), "iris": iris, "eruptions": faithful_like}
LINEAR = [("full", data, case) for data in ("blobs", "iris") for case in (CASES if data == "blobs" else [4])]
OTHERS = [(name, "blobs", 0) for name in ("tied", "diag", "spherical", "EII")]


def rotation(random, d):
    return np.linalg.qr(random.standard_normal((d, d)))[0]


def maps(equivariance, d, seed, decades=4):
    """Yield maps that leave a family unchanged: linear, of condition 10^decades, of columns, or a scaled rotation."""
    random = np.random.default_rng([seed, d])
    for _ in range(5):
        if equivariance == "linear":
            sizes = 10.0 ** np.linspace(-decades / 2, decades / 2, d)
            yield rotation(random, d) * sizes @ rotation(random, d)
        elif equivariance == "column":
            yield np.diag(10.0 ** random.uniform(-6, 6, d))
        else:
            yield 10.0 ** random.uniform(-6, 6) * rotation(random, d)


def partition(rows, family, start, k=3):
    """Return the partition that the first state makes, groups numbered by their first rows."""
    with opened(rows, family) as problem:
        state, _ = Named(start, k, "pooled")(problem, make_prior(problem, "auto"), "floor", np.random.default_rng(3))
        labels = state.out_of(problem.frame).classify(rows)
    first = list(dict.fromkeys(labels.tolist()))
    return [first.index(label) for label in labels]


@pytest.mark.parametrize(("name", "data", "case"), [*LINEAR, *OTHERS])
@pytest.mark.parametrize("start", INVARIANT)
def test_a_start_is_as_invariant_as_its_family(name, data, case, start):
    rows = ROWS[data]()
    equivariance = FAMILIES[name].equivariance
    expected = partition(rows, name, start)
    for A in maps(equivariance, rows.shape[1], case):
        moved = rows @ A.T
        assert partition(moved + 3.0 * np.abs(moved).max(axis=0), name, start) == expected


@pytest.mark.parametrize("criterion", ["VVV", "EII"])
@pytest.mark.parametrize("transform", ["sphered", "within", "svd", "standardised", "raw"])
@pytest.mark.parametrize(("data", "case"), [("blobs", 0), ("blobs", 1), ("iris", 2), ("eruptions", 3)])
def test_a_hierarchy_is_as_invariant_as_its_transform(data, case, transform, criterion):
    rows = ROWS[data]()
    equivariance = {"raw": "scalar", "standardised": "column", "svd": "column"}.get(transform, "linear")

    def partitions(rows):
        with opened(rows) as problem:
            sample = sample_rows(problem, np.random.default_rng(0))
        points = transformed(sample.rows / problem.frame.scale, sample.weights, transform)
        return agglomerate(points, sample.weights, criterion=criterion).labels(range(2, 10))

    expected = partitions(rows)
    # A sample's rows are ordered by distances of the pooled covariance, whose condition is the square of the rows':
    # two of the eruptions' differ by 2e-6, which at 1e4 is less than rounding.
    for A in maps(equivariance, rows.shape[1], case, decades=3 if data == "eruptions" else 4):
        np.testing.assert_array_equal(partitions(rows @ A.T), expected)


@pytest.mark.parametrize("start", INVARIANT)
def test_repeating_a_row_is_doubling_its_weight_and_the_order_of_rows_says_nothing(start):
    rows, times = blobs(80, 2, 3), np.random.default_rng(0).integers(1, 4, 80)
    states = []
    written = np.repeat(rows, times, axis=0)
    for data, weights in ((rows, times), (written, None), (np.random.default_rng(1).permutation(written), None)):
        with opened(data, weights=weights) as problem:
            state, _ = Named(start, 3, "pooled")(
                problem, make_prior(problem, "auto"), "floor", np.random.default_rng(3)
            )
            states.append(state.out_of(problem.frame))
    for other in states[1:]:
        np.testing.assert_allclose(other.weights, states[0].weights, atol=1e-9)
        np.testing.assert_allclose(other.means, states[0].means, atol=1e-8)
        np.testing.assert_allclose(other.covariances, states[0].covariances, atol=1e-8)
