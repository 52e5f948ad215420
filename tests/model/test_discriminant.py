"""The discriminant subspace: where components differ, whatever the columns' units."""

import numpy as np
import pytest

from cases import random_mixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.discriminant import discriminant_subspace
from gmmkit.model.mixture import Mixture


def test_it_solves_the_equation_of_its_source():
    mixture = random_mixture("full", 3, 5)
    found = discriminant_subspace(mixture)
    total, mean, within = mixture.covariance_matrix(), mixture.mean(), mixture.covariance.dense()
    inverse = np.linalg.inv(total)
    first = sum(w * np.outer(m - mean, m - mean) for w, m in zip(mixture.weights, mixture.means, strict=True))
    pooled = sum(w * s for w, s in zip(mixture.weights, within, strict=True))
    second = sum(w * (s - pooled) @ inverse @ (s - pooled) for w, s in zip(mixture.weights, within, strict=True))
    kernel = first @ inverse @ first + second
    v = found.directions
    np.testing.assert_allclose(kernel @ v, total @ v * found.eigenvalues, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(v.T @ total @ v, np.eye(5), atol=1e-10)
    assert (np.diff(found.eigenvalues) <= 0).all()


def test_means_alone_span_one_direction_less_than_components():
    mixture = random_mixture("tied", 3, 6)
    assert discriminant_subspace(mixture).n_directions == 2
    assert discriminant_subspace(random_mixture("full", 3, 6), means_share=1.0).n_directions == 2
    assert discriminant_subspace(mixture, n_directions=1).n_directions == 1


def test_all_that_tells_components_apart_lies_in_it():
    # Means and covariances differ in two of six columns, turned.
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.standard_normal((6, 6)))[0]
    means = np.zeros((2, 6))
    means[1, 0] = 3.0
    dense = np.stack([np.eye(6)] * 2)
    dense[1, 1, 1] = 9.0
    mixture = Mixture([0.4, 0.6], means @ turn.T, Full(turn @ dense @ turn.T))
    found = discriminant_subspace(mixture)
    assert found.n_directions == 2
    rows = mixture.sample(200, seed=0)[0]
    np.testing.assert_allclose(found.mixture.posterior(found.transform(rows)), mixture.posterior(rows), atol=1e-8)


def test_units_and_linear_maps_change_no_coordinate():
    mixture = random_mixture("full", 3, 4)
    rows = mixture.sample(50, seed=1)[0]
    scale = np.array([1e-7, 1.0, 1e3, 1e9])
    scaled = mixture.affine(np.diag(scale), scale * 5.0)
    expected = discriminant_subspace(mixture).transform(rows)
    np.testing.assert_allclose(discriminant_subspace(scaled).transform(rows * scale + scale * 5.0), expected, atol=1e-6)


def test_coordinates_are_of_the_projected_mixture():
    mixture = random_mixture("full", 3, 4)
    found = discriminant_subspace(mixture, n_directions=2)
    np.testing.assert_allclose(found.mixture.mean(), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.mixture.covariance_matrix(), np.eye(2), atol=1e-10)
    rows, _ = mixture.sample(40_000, seed=0)
    assert found.mixture.log_density(found.transform(rows)).mean() == pytest.approx(
        found.mixture.log_density(found.mixture.sample(40_000, seed=1)[0]).mean(), abs=0.03
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: discriminant_subspace(random_mixture("full", 1, 3)), "needs at least two"),
        (lambda: discriminant_subspace(random_mixture("full", 2, 3), means_share=2), "a number from 0 to 1"),
        (lambda: discriminant_subspace(random_mixture("full", 2, 3), means_share=True), "a number from 0 to 1"),
        (lambda: discriminant_subspace(random_mixture("full", 2, 3), n_directions=0), "n_directions"),
        (
            lambda: discriminant_subspace(random_mixture("full", 2, 3).changed(degrees_of_freedom=np.full(2, 4.0))),
            "Gaussian components only",
        ),
        (
            lambda: discriminant_subspace(Mixture([0.5, 0.5], np.zeros((2, 2)), Full([np.eye(2)] * 2))),
            "do not differ",
        ),
    ],
)
def test_what_has_no_subspace_is_refused(make, said):
    with pytest.raises(ParameterError, match=said):
        make()


def test_rows_of_other_columns_are_refused():
    found = discriminant_subspace(random_mixture("full", 2, 3))
    with pytest.raises(DataError, match="has 2 columns, but the subspace is of 3"):
        found.transform(np.zeros((4, 2)))
    with pytest.raises(DataError, match="row 1, column 2"):
        found.transform([[0.0, 0.0, 0.0], [0.0, 0.0, np.inf]])
