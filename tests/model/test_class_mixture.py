"""Classes of a mixture: their posteriors against the formula, priors, densities of each."""

import numpy as np
import pytest

from gmmkit import Diagonal, Full, Mixture, Spherical, Tied
from gmmkit.errors import ParameterError
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.model.covariance import Factor
from gmmkit.model.noise import Noise

RNG = np.random.default_rng(0)
ROWS = RNG.normal(0, 3, (200, 2))
POOL = Mixture(
    [0.2, 0.3, 0.5],
    [[0.0, 0.0], [3.0, 1.0], [-2.0, 4.0]],
    Full([np.eye(2), [[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.3], [-0.3, 3.0]]]),
)
SHARES = np.array([[0.9, 0.1], [0.5, 0.5], [0.0, 1.0]])


def joint(classes, rows):
    """p(x, c) for each row and class, by the definition."""
    densities = np.exp(classes.mixture.component_log_density(rows))
    return np.array(
        [
            [
                sum(w * s[c] * p for w, s, p in zip(classes.mixture.weights, classes.shares, row, strict=True))
                for c in (0, 1)
            ]
            for row in densities
        ]
    )


def test_posteriors_are_bayes_rule():
    classes = ClassMixture(POOL, SHARES)
    expected = joint(classes, ROWS)
    np.testing.assert_allclose(classes.posterior(ROWS), expected / expected.sum(axis=1, keepdims=True), atol=1e-12)


def test_densities_of_classes_make_the_mixture():
    classes = ClassMixture(POOL, SHARES)
    densities = np.array([np.exp(classes.of_class(c).log_density(ROWS)) for c in (0, 1)]).T
    np.testing.assert_allclose(densities * classes.priors, joint(classes, ROWS), rtol=1e-10)
    np.testing.assert_allclose(classes.priors, [0.33, 0.67])
    assert classes.of_class(0).n_components == 2


def test_priors_leave_the_densities_of_classes():
    classes = ClassMixture(POOL, SHARES)
    other = classes.with_priors([0.8, 0.2])
    np.testing.assert_allclose(other.priors, [0.8, 0.2])
    for c in (0, 1):
        np.testing.assert_allclose(other.of_class(c).log_density(ROWS), classes.of_class(c).log_density(ROWS))
    back = other.with_priors(classes.priors)
    np.testing.assert_allclose(back.posterior(ROWS), classes.posterior(ROWS), atol=1e-12)


#: Loadings of one factor, and noise variances.
LOADED = np.array([[[1.0, 0.5], [0.2, 1.0]], [[0.5, 1.0], [-1.0, 0.3]]])


@pytest.mark.parametrize(
    ("covariances", "kept"),
    [
        ([Full([np.eye(2)]), Full([2 * np.eye(2), np.eye(2)])], "full"),
        ([Diagonal([[1.0, 2.0]]), Diagonal([[3.0, 1.0], [1.0, 1.0]])], "diag"),
        ([Spherical([2.0], n_features=2), Spherical([1.0, 3.0], n_features=2)], "spherical"),
        ([Spherical([2.0], n_features=2), Diagonal([[3.0, 1.0], [1.0, 1.0]])], "diag"),
        ([Factor(LOADED[:1]), Factor(LOADED)], "factor-VVI"),
        ([Factor(LOADED[:1, :, [0, 0, 1]]), Factor(LOADED)], "full"),
        ([Diagonal([[1.0, 2.0]]), Tied(np.array([[1.0, 0.5], [0.5, 2.0]]), n_components=2)], "full"),
    ],
)
def test_mixtures_of_classes_stand_side_by_side(covariances, kept):
    first = Mixture([1.0], [[0.0, 0.0]], covariances[0])
    second = Mixture([0.4, 0.6], [[3.0, 0.0], [0.0, 3.0]], covariances[1])
    classes = ClassMixture.of_classes([first, second], [0.25, 0.75])
    assert (classes.mixture.covariance_type, classes.mixture.n_components) == (kept, 3)
    np.testing.assert_allclose(classes.of_class(1).log_density(ROWS), second.log_density(ROWS))
    np.testing.assert_allclose(classes.priors, [0.25, 0.75])


def test_rows_without_end_are_some_class_s():
    posterior = ClassMixture(POOL, SHARES).posterior([[1e200, 0.0], [-1e300, 1e300]])
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([[1.0, 0.0]], r"shape \(3, classes\), but got \(1, 2\)"),
        ([[1.0, 0.1]] * 3, "must sum to 1"),
        ([[1.0, 0.0]] * 3, "class 1 has a share of no component"),
        ([[1.5, -0.5]] * 3, "must not be negative"),
    ],
)
def test_shares_that_are_none_are_refused(shares, said):
    with pytest.raises(ParameterError, match=said):
        ClassMixture(POOL, shares)


@pytest.mark.parametrize(
    ("priors", "said"),
    [([0.5], "2 numbers"), ([0.0, 1.0], "above 0"), ([0.5, 0.6], "must sum to 1"), ([np.nan, 1.0], "above 0")],
)
def test_priors_that_are_none_are_refused(priors, said):
    with pytest.raises(ParameterError, match=said):
        ClassMixture(POOL, SHARES).with_priors(priors)


def test_student_components_stay_so_and_noise_is_refused():
    gaussian = Mixture([1.0], [[0.0]], Full([[[1.0]]]))
    student = Mixture([1.0], [[3.0]], Full([[[2.0]]]), degrees_of_freedom=[4.0])
    classes = ClassMixture.of_classes([gaussian, student], [0.5, 0.5])
    assert classes.mixture.degrees_of_freedom.tolist() == [np.inf, 4.0]
    np.testing.assert_allclose(classes.of_class(1).log_density([[9.0]]), student.log_density([[9.0]]))
    np.testing.assert_allclose(classes.of_class(0).log_density([[9.0]]), gaussian.log_density([[9.0]]))
    noisy = Mixture([0.9], [[0.0]], Full([[[1.0]]]), noise=Noise(0.1, -1.0))
    with pytest.raises(ParameterError, match="without it"):
        ClassMixture.of_classes([noisy, gaussian], [0.5, 0.5])
