"""Bootstrap: closed forms where there are any, the two ways of refitting against each other, and what goes wrong."""

import dataclasses

import numpy as np
import pytest

from cases import two_clusters
from gmmkit import GaussianMixture, Mixture, bootstrap
from gmmkit.data import as_table
from gmmkit.errors import DataError, ParameterError
from gmmkit.inference.stopping import AitkenGain
from gmmkit.selection.bootstrap import _matched

KINDS = ("nonparametric", "weighted", "parametric")


def flat(parameters):
    return np.concatenate([getattr(parameters, f.name).ravel() for f in dataclasses.fields(parameters)])


def clusters(n=150, seed=0):
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(size=(n, 2)), random.normal(size=(2 * n, 2)) * [1.0, 2.0] + [7.0, 0.0]])


@pytest.fixture(scope="module")
def fitted():
    rows = clusters()
    return GaussianMixture(2, tol=1e-9, max_iter=500, random_state=0).fit(rows), rows


@pytest.mark.parametrize("kind", KINDS)
def test_one_normal_has_the_errors_of_the_textbook(kind):
    rows = np.random.default_rng(3).normal(5.0, 2.0, size=(500, 1))
    found = bootstrap(GaussianMixture().fit(rows), rows, n_replicates=2000, kind=kind)
    variance, fourth = rows.var(), ((rows - rows.mean()) ** 4).mean()
    if kind == "parametric":
        fourth = 3.0 * variance**2
    assert found.standard_errors.means[0, 0] == pytest.approx(np.sqrt(variance / 500), rel=0.06)
    assert found.standard_errors.covariances[0, 0, 0] == pytest.approx(np.sqrt((fourth - variance**2) / 500), rel=0.06)
    assert found.bias.covariances[0, 0, 0] == pytest.approx(-variance / 500, abs=0.3 * variance / np.sqrt(500))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", [None, AitkenGain(1e-6)])
def test_the_same_bits_for_any_number_of_threads(fitted, kind, rule):
    model, rows = fitted
    one, two = (bootstrap(model, rows, n_replicates=40, kind=kind, rule=rule, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(flat(one.replicates), flat(two.replicates))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", ["VVV", "EEE", "VII", "VEE"])
def test_stacked_and_streamed_refits_come_to_the_same(kind, structure):
    rows = clusters(40)
    model = GaussianMixture(2, covariance_type=structure, tol=1e-9, max_iter=500, random_state=0).fit(rows)
    stacked = bootstrap(model, rows, n_replicates=40, kind=kind, tol=1e-12)
    streamed = bootstrap(model, rows, n_replicates=40, kind=kind, rule=AitkenGain(1e-12))
    np.testing.assert_allclose(flat(stacked.replicates), flat(streamed.replicates), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_repetition(kind):
    rows = clusters(60)
    weights = np.random.default_rng(1).integers(1, 4, len(rows))
    model = GaussianMixture(2, tol=1e-9, max_iter=500, random_state=0).fit(rows, sample_weight=weights)
    weighted = bootstrap(model, rows, sample_weight=weights, kind=kind, n_replicates=1500)
    repeated = bootstrap(model, np.repeat(rows, weights, axis=0), kind=kind, n_replicates=1500)
    np.testing.assert_allclose(flat(weighted.estimate), flat(repeated.estimate), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(flat(weighted.standard_errors), flat(repeated.standard_errors), rtol=0.15)


def test_only_the_ratio_of_small_weights_counts(fitted):
    model, rows = fitted
    plain = bootstrap(model, rows, n_replicates=50)
    shares = bootstrap(model, rows, n_replicates=50, sample_weight=np.full(len(rows), 1.0 / len(rows)))
    np.testing.assert_allclose(flat(shares.standard_errors), flat(plain.standard_errors), rtol=1e-6)


def test_refits_keep_the_settings_of_the_fit():
    rows = clusters(60)
    held = GaussianMixture(2, equal_weights=True, random_state=0).fit(rows)
    assert not bootstrap(held, rows, n_replicates=40).standard_errors.weights.any()
    wide = GaussianMixture(2, reg_covar=5.0, random_state=0).fit(rows)
    assert bootstrap(wide, rows, n_replicates=40).replicates.covariances[:, :, 0, 0].min() > 5.0
    informed = GaussianMixture(2, prior="conjugate", tol=1e-8, max_iter=500, random_state=0).fit(rows)
    found = bootstrap(informed, rows, n_replicates=40)
    np.testing.assert_allclose(found.estimate.covariances, informed.covariances_, rtol=1e-3, atol=1e-3)


def test_intervals(fitted):
    model, rows = fitted
    found = bootstrap(model, rows, n_replicates=400)
    for kind in ("percentile", "normal"):
        low, high = found.intervals(kind)
        narrow_low, narrow_high = found.intervals(kind, confidence=0.5)
        assert (flat(low) < flat(narrow_low)).all()
        assert (flat(narrow_high) < flat(high)).all()
        assert ((flat(low) < flat(found.estimate)) & (flat(found.estimate) < flat(high))).all()
    low, _ = found.intervals("percentile")
    share = (found.replicates.means < low.means).mean(axis=0)
    np.testing.assert_allclose(share, 0.025, atol=0.003)


def test_summary_has_a_row_for_each_parameter(fitted):
    model, rows = fitted
    found = bootstrap(model, as_table(rows, names=["a", "b"]), n_replicates=40)
    table = found.summary()
    assert len(table) == 2 + 4 + 6
    last = table[-1]
    assert (last["parameter"], last["component"], last["column"], last["other"]) == ("covariance", 1, "b", "b")
    assert last["standard_error"] == found.standard_errors.covariances[1, 1, 1]
    assert table[2]["estimate"] == found.estimate.means[0, 0]
    assert {"bias", "low", "high"} <= set(last)
    assert repr(found) == "Bootstrap(nonparametric, 40 replicates)"


def test_components_that_changed_places_are_put_back():
    rows, _ = two_clusters()
    mixture = GaussianMixture(2, random_state=0).fit(rows).mixture_
    changed = mixture.take([1, 0])
    matched = _matched(mixture, [mixture, changed], as_table(rows))
    assert matched[0] is mixture
    np.testing.assert_array_equal(matched[1].means, mixture.means)


def test_collapsed_replicates_are_left_out_and_counted():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(size=(60, 2)), random.normal(9.0, 0.1, size=(5, 2))])
    model = GaussianMixture(2, tol=1e-6, random_state=0).fit(rows)
    found = bootstrap(model, rows, n_replicates=200)
    left_out = sum(found.faults.values())
    assert 0 < left_out < 160
    assert len(found.replicates.weights) == 200 - left_out
    assert f"{left_out} left out" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "jackknife"}, "kind must be 'nonparametric', 'weighted' or 'parametric', but got 'jackknife'"),
        (
            {"n_replicates": 39},
            "whole number of at least 40, for intervals of 0.95 confidence, but got 39",
        ),
        ({"confidence": 1.0}, "confidence must be a number between 0 and 1, both excluded, but got 1.0"),
    ],
)
def test_parameters_that_mean_nothing(fitted, options, message):
    model, rows = fitted
    with pytest.raises(ParameterError, match=message):
        bootstrap(model, rows, **options)


def test_models_and_rows_that_do_not_fit(fitted):
    model, rows = fitted
    with pytest.raises(DataError, match="X has 3 columns, but the model was fitted on 2"):
        bootstrap(model, np.zeros((10, 3)))
    for unfitted, name in ((GaussianMixture(), "GaussianMixture"), ("model.gmm", "str")):
        with pytest.raises(ParameterError, match=f"a fitted estimator, but got {name}: call fit first"):
            bootstrap(unfitted, rows)
    heavy = Mixture.from_arrays([1.0], [[0.0]], [1.0], covariance_type="spherical", degrees_of_freedom=[4.0])
    with pytest.raises(ParameterError, match="Student-t components"):
        bootstrap(heavy, rows[:, :1])
    with pytest.raises(ParameterError, match="kind of interval"):
        bootstrap(model, rows, n_replicates=40).intervals("bca")
