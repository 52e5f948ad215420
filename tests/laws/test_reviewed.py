"""What reviewers broke once: units of weights, gross outliers, components far apart, rows that can be read once."""

import numpy as np
import pytest
from scipy.stats import norm

from gmmkit import GaussianMixture, Mixture
from gmmkit.errors import DataError


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    return rng.normal(size=(600, 2)) + 6.0 * labels[:, None], labels


@pytest.mark.parametrize("unit", [2.0**-1000, 1e-20, 1e-10, 1e10])
def test_the_unit_of_the_weights_does_not_matter(clusters, unit):
    rows, _ = clusters
    plain = GaussianMixture(2, random_state=0).fit(rows)
    weighted = GaussianMixture(2, random_state=0).fit(rows, sample_weight=np.full(600, unit))
    np.testing.assert_allclose(weighted.covariances_, plain.covariances_, rtol=1e-10)
    assert weighted.lower_bound_ == pytest.approx(plain.lower_bound_, rel=1e-10)


@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("far", [99999.0, 1e6])
def test_one_gross_outlier_does_not_smear_the_clusters(clusters, covariance_type, far):
    rows, labels = clusters
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(np.vstack([rows, [[far, far]]]))
    found = model.predict(rows)
    assert min(np.mean(found != labels), np.mean(found == labels)) < 0.01
    (few,) = [repair for repair in model.fit_result_.repairs if repair.kind == "few rows"]
    assert few.row == 600


@pytest.mark.parametrize("distance", [1e9, 1e12, 1e15, 1e17])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_a_component_far_away_costs_the_others_no_digits(covariance_type, distance):
    values = {"full": [[[1.0]], [[1.0]]], "tied": [[1.0]], "diag": [[1.0], [1.0]], "spherical": [1.0, 1.0]}
    mixture = Mixture.from_arrays(
        [0.5, 0.5], [[0.0], [distance]], values[covariance_type], covariance_type=covariance_type
    )
    rows = np.array([0.3, 1.7, -2.2])
    np.testing.assert_allclose(mixture.log_density(rows[:, None]), norm.logpdf(rows) + np.log(0.5), rtol=1e-14)


def test_fit_predict_of_rows_that_can_be_read_once(clusters):
    rows, _ = clusters
    model = GaussianMixture(2, random_state=0)
    labels = model.fit_predict(iter([rows[:200], rows[200:]]))
    np.testing.assert_array_equal(labels, model.predict(rows))


def test_rows_too_small_for_float64_are_named(clusters):
    with pytest.raises(DataError, match="column 0 spans only .* multiply it by a constant"):
        GaussianMixture(2).fit(clusters[0] * 1e-200)
