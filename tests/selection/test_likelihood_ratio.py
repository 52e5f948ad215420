"""Bootstrap likelihood-ratio tests: what they decide, their p-values, when they stop, and what goes wrong."""

import warnings

import numpy as np
import pytest

from gmmkit import likelihood_ratio_test
from gmmkit.data import as_table
from gmmkit.errors import DataError, GmmkitWarning, ParameterError
from gmmkit.selection.nested_fits import NestedFits


def two(n=80, seed=0):
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(size=(n, 2)), random.normal([6.0, 0.0], 1.0, size=(n, 2))])


@pytest.mark.parametrize("structure", ["VVV", "EEE", "VII", "EVE"])
@pytest.mark.parametrize("starts", ["hierarchical", "many"])
def test_two_clusters_are_found(structure, starts):
    found = likelihood_ratio_test(two(), covariance_type=structure, starts=starts, n_replicates=59)
    assert found.n_components == 2
    assert found.mixture.n_components == 2
    assert [test.n_components for test in found.tests] == [1, 2]
    first = found.tests[0]
    assert len(first.replicates) == 59
    assert first.p_value == 1 / 60
    low, high = np.sort(found.mixture.means[:, 0])
    assert (low, high) == (pytest.approx(0.0, abs=0.4), pytest.approx(6.0, abs=0.4))


def test_a_replicate_whose_fit_collapses_is_drawn_again(monkeypatch):
    ratio, calls = NestedFits.ratio, []

    def fails_every_third_time(self, null, random):
        calls.append(ratio(self, null, random))
        return np.nan if len(calls) % 3 == 0 else calls[-1]

    monkeypatch.setattr(NestedFits, "ratio", fails_every_third_time)
    found = likelihood_ratio_test(two(), 2, n_replicates=19, n_jobs=1).tests[0]
    assert len(found.replicates) == 19
    assert found.failed == len(calls) - 19 > 0
    assert found.p_value == 0.05
    monkeypatch.setattr(NestedFits, "ratio", lambda *_: np.nan)
    nothing = likelihood_ratio_test(two(), 2, n_replicates=19).tests[0]
    assert (len(nothing.replicates), nothing.p_value) == (0, 1.0)


def test_one_cluster_is_left_whole():
    rows = np.random.default_rng(5).normal(size=(150, 2))
    found = likelihood_ratio_test(rows, n_replicates=99)
    assert found.n_components == 1
    assert len(found.tests) == 1
    assert len(found.fits) == 2


def test_statistics_and_p_values_by_hand():
    rows = two()
    found = likelihood_ratio_test(rows, n_replicates=99)
    for test, null, alternative in zip(found.tests, found.fits[:-1], found.fits[1:], strict=True):
        ratio = 2.0 * (alternative.log_density(rows).sum() - null.log_density(rows).sum())
        assert test.statistic == pytest.approx(ratio, abs=1e-3)  # fits are refined before the next test
        assert len(test.replicates) == 99
        assert (test.replicates >= 0.0).all()
        assert test.p_value == (1 + (test.replicates >= test.statistic).sum()) / (len(test.replicates) + 1)


def test_p_values_are_uniform_under_the_null():
    random = np.random.default_rng(0)
    values = [
        likelihood_ratio_test(random.normal(size=(60, 1)), 2, "E", n_replicates=39, level=0.1, seed=s).tests[0].p_value
        for s in range(40)
    ]
    # Means of 40 uniform values spread by 0.046.
    assert np.mean(values) == pytest.approx(0.5, abs=0.14)


def test_p_values_are_uniform_where_two_are_the_truth():
    values = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        rows = np.concatenate([random.normal(0.0, 1.0, (40, 1)), random.normal(6.0, 1.0, (40, 1))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GmmkitWarning)  # a third component may find too few rows
            found = likelihood_ratio_test(rows, 3, "E", n_replicates=19, level=0.5, seed=seed)
        values += [test.p_value for test in found.tests[1:]]
    assert len(values) > 35
    assert np.mean(values) == pytest.approx(0.5, abs=0.14)
    assert np.mean(np.array(values) <= 0.1) <= 0.25


def test_many_starts_find_no_less():
    rows = np.random.default_rng(1).standard_t(4, size=(150, 2))
    one, many = (likelihood_ratio_test(rows, 2, starts=s, n_replicates=19) for s in ("hierarchical", "many"))
    assert many.tests[0].statistic >= one.tests[0].statistic - 1e-4


def test_the_same_bits_for_any_number_of_threads():
    one, two_threads = (likelihood_ratio_test(two(), n_replicates=40, n_jobs=n) for n in (1, 2))
    for a, b in zip(one.tests, two_threads.tests, strict=True):
        np.testing.assert_array_equal(a.replicates, b.replicates)


def test_an_early_stop_draws_no_more_than_it_needs():
    rows = two()
    whole = likelihood_ratio_test(rows, n_replicates=199)
    early = likelihood_ratio_test(rows, n_replicates=199, exceedances=5)
    assert not early.tests[0].stopped_early
    np.testing.assert_array_equal(early.tests[0].replicates, whole.tests[0].replicates)
    last = early.tests[1]
    assert last.stopped_early
    drawn = len(last.replicates)
    assert (last.replicates >= last.statistic).sum() == 5
    assert last.p_value == 5 / drawn
    np.testing.assert_array_equal(last.replicates, whole.tests[1].replicates[:drawn])


def test_units_change_nothing():
    rows = two()
    plain = likelihood_ratio_test(rows, n_replicates=39)
    other = likelihood_ratio_test(rows * [1e-6, 1e4] + 1e3 * np.array([1.0, 2.0]), n_replicates=39)
    assert other.tests[0].statistic == pytest.approx(plain.tests[0].statistic, rel=1e-5)
    assert other.n_components == plain.n_components


def test_summary():
    found = likelihood_ratio_test(two(), n_replicates=39)
    first, last = found.summary()
    assert (first["null"], first["alternative"], first["rejected"]) == (1, 2, True)
    assert (last["null"], last["rejected"]) == (2, False)
    assert last["statistic"] == found.tests[1].statistic
    assert repr(found).startswith("LikelihoodRatioTests(VVV; 1 vs 2: p = 0.025, 2 vs 3: p = ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_components": 1}, "max_components must be a whole number of at least 2, but got 1"),
        (
            {"n_replicates": 18},
            "whole number of at least 19, to reject at level 0.05, but got 18",
        ),
        ({"level": 5}, "level must be a number between 0 and 1, both excluded, but got 5"),
        ({"exceedances": 0}, "exceedances must be a whole number of at least 1, but got 0"),
        ({"starts": "kmeans"}, "starts must be 'hierarchical' or 'many', but got 'kmeans'"),
        ({"covariance_type": "VVW"}, "covariance_type must be one of"),
    ],
)
def test_parameters_that_mean_nothing(options, message):
    with pytest.raises(ParameterError, match=message):
        likelihood_ratio_test(two(10), **options)


def test_rows_that_cannot_be_tested():
    rows = two(20)
    with pytest.raises(DataError, match="constant or collinear columns"):
        likelihood_ratio_test(np.column_stack([rows, rows.sum(axis=1)]))
    with pytest.raises(DataError, match="has weights"):
        likelihood_ratio_test(as_table(rows, weights=np.ones(40)))
    with pytest.raises(DataError, match="give a sample of the rows"):
        likelihood_ratio_test(np.zeros((3, 50)))
    with pytest.raises(ParameterError, match="no admissible fit of 2 VVV components"):
        likelihood_ratio_test(np.repeat([[0.0, 0.0], [1.0, 1.0], [0.0, 2.0]], 20, axis=0))


def test_tests_that_were_made_outlast_one_that_cannot_be(monkeypatch):
    alternative = NestedFits.alternative

    def collapses_beyond_two(self, z, null, random):
        return (None, -np.inf) if null.n_components > 1 else alternative(self, z, null, random)

    monkeypatch.setattr(NestedFits, "alternative", collapses_beyond_two)
    with pytest.warns(GmmkitWarning, match="the tests end at 2 components: no admissible fit of 3 VVV components"):
        found = likelihood_ratio_test(two(), n_replicates=19)
    assert [test.n_components for test in found.tests] == [1]
    assert found.n_components == found.mixture.n_components == 2


def test_replicates_are_not_begun_at_the_parameters_they_were_drawn_from(monkeypatch):
    seen = []
    null = NestedFits.null

    def watched(self, z, start):
        seen.append(z is self.rows)
        return null(self, z, start)

    monkeypatch.setattr(NestedFits, "null", watched)
    likelihood_ratio_test(two(), n_replicates=19, n_jobs=1)
    # One component has one fit wherever it begins; of more, only the rows' own fit goes on from where it was.
    assert seen == [True] + [False] * 19 + [True]
