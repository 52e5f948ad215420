"""The conjugate prior is what its densities say, for every family; weights are what their prior says."""

import math

import numpy as np
import pytest

import oracle
from cases import (
    FAMILY_NAMES,
    blobs,
    covariance_of,
    faithful_like,
    fitted,
    gaussian_noise,
    iris,
    opened,
    random_mixture,
)
from gmmkit import ConjugatePrior, GaussianMixture, load, save
from gmmkit.errors import ParameterError, SingularComponentError, SingularComponentWarning
from gmmkit.inference.em import EM, mixture_of
from gmmkit.inference.prior import make_prior
from gmmkit.inference.starts import FromPartition, gather_known
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture

DATA = {"iris": iris, "faithful": faithful_like, "blobs": blobs, "noise": gaussian_noise}
MEAN, SCALE = np.array([1.0, -2.0, 0.5]), np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
PRIOR = ConjugatePrior(mean=MEAN, shrinkage=0.7, degrees_of_freedom=6.0, scale=SCALE, concentration=1.5)
SHARES = np.random.default_rng(8).dirichlet(np.ones(3), 80)


def refitted(rows, name, prior=PRIOR, shares=SHARES, **options):
    """Return the mixture refitted from responsibilities, in the data's units."""
    with opened(rows, name) as problem:
        known = gather_known(
            problem, lambda block: shares[block.index : block.index + len(block.rows)], shares.shape[1]
        )
        made = make_prior(problem, options.pop("reg_covar", 0), prior, **options)
        return mixture_of(known, problem, made).out_of(problem.frame)


def log_prior(name, mixture, prior, d=3):
    """Return the log-density of the prior of means, covariances and weights, its constants left out."""
    nu, mu, kappa = prior.degrees_of_freedom, np.array(prior.mean), prior.shrinkage
    _, shape, orientation = FAMILIES[name].structure
    exponent = nu + d + 1 if orientation != "I" else nu + 2 if shape != "I" else (nu + 2) / d
    scale = oracle.project(name, np.array(prior.scale))
    if shape == "I":
        scale = scale / d  # one inverse gamma for the variance, whose λ the trace must give
    total = (prior.concentration - 1) * sum(math.log(w) for w in mixture.weights)
    dense = mixture.covariance.dense()
    for j in range(mixture.n_components):
        volume = math.log(np.linalg.det(dense[j]))
        away = mixture.means[j] - mu
        total -= 0.5 * (volume + kappa * away @ np.linalg.solve(dense[j], away))
        if j == 0 or not FAMILIES[name].shares_covariance:
            total -= 0.5 * (exponent * volume + np.trace(np.linalg.solve(dense[j], scale)))
    return total


def expected_log_posterior(name, rows, shares, mixture, prior):
    total = log_prior(name, mixture, prior)
    for j, covariance in enumerate(mixture.covariance.dense()):
        counts = shares[:, j]
        total += counts.sum() * math.log(mixture.weights[j])
        total += counts @ [oracle.component_log_density(x, mixture.means[j], covariance) for x in rows]
    return total


# --- formulas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("structure", ["EII", "VII", "EEI", "VVI", "EEE", "VVV"])
def test_refits_are_the_published_formulas(structure):
    # Fraley & Raftery (2007), the tables of M-step estimators; one column's are those of VII and EII with d = 1.
    rows, (n, d, k) = blobs(80), (80, 3, 3)
    kappa, nu = PRIOR.shrinkage, PRIOR.degrees_of_freedom
    name = next(name for name, cls in FAMILIES.items() if cls.structure == structure)
    counts, means, scatters = [], [], []
    for j in range(k):
        held = sum(SHARES[:, j])
        centre = sum(r * x for r, x in zip(SHARES[:, j], rows, strict=True)) / held
        within = sum(r * np.outer(x - centre, x - centre) for r, x in zip(SHARES[:, j], rows, strict=True))
        counts.append(held)
        means.append((held * centre + kappa * MEAN) / (held + kappa))
        scatters.append(within + kappa * held / (kappa + held) * np.outer(centre - MEAN, centre - MEAN))
    variance, variances = np.trace(SCALE) / d, np.diag(np.diag(SCALE))
    expected = {
        "EII": lambda j: np.eye(d) * (variance + np.trace(sum(scatters))) / (nu + (n + k) * d + 2),
        "VII": lambda j: np.eye(d) * (variance + np.trace(scatters[j])) / (nu + (counts[j] + 1) * d + 2),
        "EEI": lambda j: (variances + np.diag(np.diag(sum(scatters)))) / (nu + n + k + 2),
        "VVI": lambda j: (variances + np.diag(np.diag(scatters[j]))) / (nu + counts[j] + 3),
        "EEE": lambda j: (SCALE + sum(scatters)) / (nu + n + d + k + 1),
        "VVV": lambda j: (SCALE + scatters[j]) / (nu + counts[j] + d + 2),
    }[structure]
    found = refitted(rows, name)
    np.testing.assert_allclose(found.means, means, rtol=1e-11)
    np.testing.assert_allclose(found.covariance.dense(), [expected(j) for j in range(k)], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found.weights, (np.array(counts) + 0.5) / (n + k * 0.5), rtol=1e-12)


def test_defaults_are_the_published_ones():
    rows = blobs(80)
    given = ConjugatePrior(
        mean=rows.mean(axis=0), shrinkage=0.01, degrees_of_freedom=5.0, scale=np.cov(rows.T, bias=True) / 3 ** (2 / 3)
    )
    found, expected = refitted(rows, "full", ConjugatePrior()), refitted(rows, "full", given)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-12)
    np.testing.assert_allclose(found.covariances, expected.covariances, rtol=1e-10)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_refit_is_a_maximum_of_the_posterior(name):
    rows = blobs(80)
    found = refitted(rows, name)
    best = expected_log_posterior(name, rows, SHARES, found, PRIOR)
    random = np.random.default_rng(1)
    for _ in range(20):
        # Refits of slightly different responsibilities are slightly different members of the family.
        other = refitted(rows, name, shares=SHARES * random.uniform(0.97, 1.03, SHARES.shape))
        for near in (
            Mixture.trusted(other.weights, found.means, found.covariance),
            Mixture.trusted(found.weights, other.means, found.covariance),
            Mixture.trusted(found.weights, found.means, other.covariance),
        ):
            assert expected_log_posterior(name, rows, SHARES, near, PRIOR) < best + 1e-9


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_objective_is_the_log_posterior(name):
    # Up to one constant, in the data's units, whatever the frame is.
    rows = blobs(80) * [1.0, 30.0, 0.01] + 5.0
    with opened(rows, name) as problem:
        algorithm = EM(problem, make_prior(problem, 0, PRIOR))
        differences = []
        for seed in range(3):
            mixture = random_mixture(name, 3, 3, seed)
            state = mixture.into(problem.frame)
            totals = algorithm.sweep(state)
            found = 80 * algorithm.objective(totals, state)
            differences.append(found - mixture.log_density(rows).sum() - log_prior(name, mixture, PRIOR))
    np.testing.assert_allclose(differences, 0.0, atol=1e-9 * abs(found))


# --- laws -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("data", DATA)
def test_the_objective_never_falls(data, name):
    rows = DATA[data]()
    for prior in (ConjugatePrior(), ConjugatePrior(shrinkage=0, concentration=3.0), ConjugatePrior(scale=0.1)):
        for start in ("kmeans", "random_from_data", "random"):
            result = fitted(rows, name, start, 3, tol=1e-9, prior=prior, max_iter=60)
            assert np.diff(result.objectives).min(initial=0.0) > -1e-10, (prior, start)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_objective_never_falls_where_data_have_no_spread(name):
    for rows in (blobs(), faithful_like()):
        flat = np.column_stack([rows, rows.sum(axis=1)])
        result = fitted(flat, name, "random_from_data", 4, tol=1e-10, prior=ConjugatePrior(), max_iter=60)
        assert np.diff(result.objectives).min(initial=0.0) > -1e-10


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_prior_is_as_equivariant_as_its_family(name):
    rows, d = blobs(), 3
    change = {
        "linear": np.array([[2.0, 1.0, 0.0], [0.0, 3.0, -1.0], [0.5, 0.0, 40.0]]),
        "column": np.diag([0.01, 3.0, 700.0]),
        "scalar": 17.0 * np.eye(d),
    }[FAMILIES[name].equivariance]
    labels = random_mixture("full", 3, d).classify(rows)
    start = FromPartition(lambda block: np.eye(3)[labels[block.index : block.index + len(block.rows)]], 3)
    settings = {"prior": ConjugatePrior(), "tol": 1e-11, "max_iter": 1000}
    plain, changed = (fitted(x, name, start, **settings).mixture for x in (rows, rows @ change.T + 3.0))
    np.testing.assert_allclose(changed.weights, plain.weights, rtol=1e-4)
    back = (changed.means - 3.0) @ np.linalg.inv(change).T
    np.testing.assert_allclose(back, plain.means, atol=1e-4)
    undone = np.linalg.inv(change) @ changed.covariance.dense() @ np.linalg.inv(change).T
    np.testing.assert_allclose(undone, plain.covariance.dense(), atol=1e-4)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_an_integer_weight_is_a_repetition(name):
    rows = blobs(120)
    weights = np.random.default_rng(2).integers(0, 4, 120)
    start = random_mixture(name, 3, 3)
    settings = {"prior": ConjugatePrior(concentration=2.0), "tol": 1e-10, "max_iter": 300}
    weighted = fitted(rows, name, start, weights=weights.astype(float), **settings)
    repeated = fitted(np.repeat(rows, weights, axis=0), name, start, **settings)
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=1e-6)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-9)


def test_shares_that_sum_to_one_are_rows_still():
    rows = blobs(120)
    settings = {"prior": ConjugatePrior(concentration=2.0), "tol": 1e-10, "max_iter": 300}
    plain = fitted(rows, "full", random_mixture("full", 3, 3), **settings)
    shares = fitted(rows, "full", random_mixture("full", 3, 3), weights=np.full(120, 1 / 120), **settings)
    np.testing.assert_allclose(shares.mixture.means, plain.mixture.means, rtol=1e-7)
    np.testing.assert_allclose(shares.mixture.covariances, plain.mixture.covariances, rtol=1e-6)


@pytest.mark.parametrize("name", ["full", "VEV", "diag", "spherical"])
def test_no_component_collapses(name):
    # Rounded rows, twice each: without a prior some components would lie on a few equal rows.
    rows = np.repeat(iris(), 2, axis=0)
    collapsed = 0
    for seed in range(3):
        free = fitted(rows, name, "random_from_data", 9, seed=seed, max_iter=300)
        held = fitted(rows, name, "random_from_data", 9, seed=seed, max_iter=300, prior=ConjugatePrior())
        assert held.health.relative_eigenvalues.min() > 1e-4
        collapsed += free.health.relative_eigenvalues.min() < held.health.relative_eigenvalues.min()
    assert collapsed >= 2


# --- beside reg_covar -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_auto_adds_nothing_to_a_prior_where_data_have_spread(name):
    rows = blobs(80)
    without, auto = refitted(rows, name), refitted(rows, name, reg_covar="auto")
    np.testing.assert_allclose(auto.covariance.dense(), without.covariance.dense(), rtol=1e-12, atol=1e-14)


def test_auto_gives_constant_columns_a_width_beside_a_prior():
    rows = np.column_stack([blobs(), np.full(300, 7.0)])
    with pytest.warns(SingularComponentWarning, match="column 3"):
        model = GaussianMixture(3, prior="conjugate", random_state=0).fit(rows)
    alone = GaussianMixture(3, prior=ConjugatePrior(degrees_of_freedom=6.0), random_state=0).fit(rows[:, :3])
    np.testing.assert_array_equal(model.predict(rows), alone.predict(rows[:, :3]))
    assert np.isfinite(model.score(rows))
    with pytest.raises(SingularComponentError):
        GaussianMixture(3, prior="conjugate", reg_covar=0, random_state=0).fit(rows)


def test_a_number_is_added_after_the_refit_as_ever():
    rows = blobs(80)
    without, ridge = refitted(rows, "full"), refitted(rows, "full", reg_covar=0.25)
    np.testing.assert_allclose(ridge.covariances, without.covariances + 0.25 * np.eye(3), rtol=1e-11)


# --- weights --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_equal_weights_are_held(name):
    rows = blobs(200)
    start = Mixture.trusted(np.array([0.7, 0.2, 0.1]), *_parameters(name))
    result = fitted(rows, name, start, equal_weights=True, tol=1e-9, max_iter=80)
    np.testing.assert_array_equal(result.mixture.weights, np.full(3, 1 / 3))
    assert np.diff(result.objectives).min(initial=0.0) > -1e-10
    assert result.n_parameters == result.mixture.n_parameters - 2
    free = fitted(rows, name, result.mixture, tol=1e-9, max_iter=200)
    assert free.objective > result.objective
    assert free.n_parameters == free.mixture.n_parameters


def _parameters(name):
    mixture = random_mixture(name, 3, 3)
    return mixture.means, covariance_of(name, 3, 3, np.random.default_rng(0))


def test_equal_weights_through_repairs_and_no_pass_at_all():
    rows = np.concatenate([blobs(100), np.zeros((50, 3))])
    model = GaussianMixture(4, equal_weights=True, on_singular="reseed", random_state=0, max_iter=30, tol=0)
    with pytest.warns(UserWarning, match="."):
        model.fit(rows)
    np.testing.assert_allclose(model.weights_, np.full(4, 0.25), rtol=1e-15)
    none = GaussianMixture(3, equal_weights=True, max_iter=0, random_state=0).fit(rows)
    np.testing.assert_array_equal(none.weights_, np.full(3, 1 / 3))


def test_a_high_concentration_evens_the_weights():
    rows = Mixture.from_arrays([0.9, 0.1], [[0.0], [8.0]], [[[1.0]], [[1.0]]]).sample(400, seed=0)[0]
    smallest = [
        GaussianMixture(2, prior=ConjugatePrior(concentration=alpha), random_state=0).fit(rows).weights_.min()
        for alpha in (1.0, 11.0, 1e9)
    ]
    assert smallest[0] == pytest.approx(0.1, abs=0.03)
    assert smallest[1] == pytest.approx((400 * smallest[0] + 10) / 420, rel=1e-3)
    assert smallest[2] == pytest.approx(0.5, abs=1e-5)


def test_a_concentration_below_one_drops_components_with_too_few_rows():
    # Five rows, four components: at most five hold a whole row, and 1 − α of each is taken.
    rows = np.array([[0.0], [0.1], [0.2], [9.0], [9.1]])
    responsibilities = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0.6, 0, 0, 0.4], [0, 1, 0, 0], [0, 0, 1, 0]])
    model = GaussianMixture(4, prior=ConjugatePrior(concentration=0.4, scale=0.01), tol=1e-6)
    with pytest.warns(SingularComponentWarning, match="held fewer rows than the prior of the weights takes"):
        model.fit(rows, start=responsibilities)
    assert 1 <= len(model.weights_) < 4
    assert model.weights_.sum() == pytest.approx(1.0)
    assert (model.weights_ > 0).all()


# --- as a parameter -------------------------------------------------------------------------------------


def test_the_estimator_takes_the_name_or_the_prior_and_saves_it(tmp_path):
    rows = blobs()
    named = GaussianMixture(3, prior="conjugate", random_state=0).fit(rows)
    prior = ConjugatePrior(mean=rows.mean(axis=0), scale=np.eye(3))
    given = GaussianMixture(3, prior=ConjugatePrior(), random_state=0).fit(rows)
    assert given.mixture_ == named.mixture_
    model = GaussianMixture(3, prior=prior, equal_weights=True, random_state=0).fit(rows)
    save(model, tmp_path / "model.gmm")
    loaded = load(tmp_path / "model.gmm")
    assert (loaded.prior, loaded.equal_weights) == (prior, True)
    assert loaded.bic(rows) == model.bic(rows)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shrinkage": -1.0}, "shrinkage must be a finite number of at least 0, but got -1.0"),
        ({"concentration": 0.0}, "concentration must be a finite number above 0"),
        ({"mean": [[0.0]]}, "mean must be finite: an array"),
        ({"scale": [np.nan]}, "scale must be finite"),
        ({"scale": "wide"}, "scale must be numbers"),
    ],
)
def test_a_prior_that_means_nothing_is_refused(fields, message):
    with pytest.raises(ParameterError, match=message):
        ConjugatePrior(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean": [0.0]}, "mean has 1 numbers, but the data have 3 columns"),
        ({"scale": [1.0, 2.0]}, "scale has the shape"),
        ({"scale": np.diag([1.0, 1.0, -1.0])}, "positive definite"),
        ({"degrees_of_freedom": 2.0}, "degrees_of_freedom must be above"),
    ],
)
def test_a_prior_that_does_not_fit_the_data_is_refused(fields, message):
    with pytest.raises(ParameterError, match=message):
        GaussianMixture(2, prior=ConjugatePrior(**fields)).fit(blobs())


def test_weights_cannot_be_both_held_and_given():
    with pytest.raises(ParameterError, match="leave out weights_init"):
        GaussianMixture(2, equal_weights=True, weights_init=[0.5, 0.5]).fit(blobs())
    with pytest.raises(ParameterError, match="concentration"):
        GaussianMixture(2, equal_weights=True, prior=ConjugatePrior(concentration=2.0)).fit(blobs())
