"""EM beside a uniform background: planted noise, a pass by plain loops, and volumes."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cases import FAMILY_NAMES, fitted, opened, random_mixture
from gmmkit import GaussianMixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.inference.clutter import without_clutter
from gmmkit.inference.conjugate import ConjugatePrior
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.hull import region
from gmmkit.inference.noise import Background, open_background
from gmmkit.model.covariance import family
from gmmkit.model.noise import Noise
from inference.oracle_student import e_step, student_m_step

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "mclust_nparams.csv"
CENTRES = np.array([[0.0, 0.0], [6.0, 6.0]])


def planted(seed=0, sizes=(200, 300, 150)):
    """Return two clusters in uniform noise, which is the last rows."""
    random = np.random.default_rng(seed)
    first, second, noise = sizes
    return np.vstack(
        [
            CENTRES[0] + 0.5 * random.standard_normal((first, 2)),
            CENTRES[1] + 0.7 * random.standard_normal((second, 2)),
            random.uniform(-6, 12, (noise, 2)),
        ]
    )


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("initial", [True, 0.2, "flags"])
def test_planted_clusters_are_recovered(name, initial):
    rows = planted()
    background = Background(np.arange(len(rows)) >= 500 if initial == "flags" else initial)
    result = fitted(rows, name, k=2, noise=background, tol=1e-9, max_iter=500)
    found = result.mixture
    assert np.diff(result.objectives).min() > -1e-11
    np.testing.assert_allclose(found.means, CENTRES, atol=0.15)
    assert found.noise.weight == pytest.approx(150 / 650, abs=0.04)
    assert found.weights.sum() + found.noise.weight == pytest.approx(1.0)
    labels = found.classify(rows)
    assert (labels[:200] == 0).mean() > 0.9
    assert (labels[200:500] == 1).mean() > 0.9
    assert (labels[500:] == -1).mean() > 0.85


@pytest.mark.parametrize("name", ["full", "tied", "EII", "VEI"])
@pytest.mark.parametrize("degrees", [None, 4.0])
def test_a_pass_is_that_of_plain_loops(name, degrees):
    rows = planted(sizes=(20, 30, 15))
    weights = np.random.default_rng(0).integers(1, 4, len(rows)).astype(float)
    noise = Noise(0.2, -np.log(300.0))
    state = random_mixture(name, 2, 2, 1).changed(means=CENTRES)
    nu = None if degrees is None else np.full(2, degrees)
    state = state.changed(degrees_of_freedom=nu).beside(noise)
    with opened(rows, name, weights=weights) as problem:
        settings = FitSettings(reg_covar=0.0, degrees_of_freedom=degrees)
        algorithm = settings.algorithm(problem, np.random.default_rng(0))
        framed = state.into(problem.frame)
        totals = algorithm.sweep(framed)
        objective = algorithm.objective(totals, framed)
        found = algorithm.refit(totals, framed, 1)[0].out_of(problem.frame)
    dense = state.covariance.dense()
    shares, u, logs = e_step(rows, state.weights, state.means, dense, nu, noise=(0.2, 1 / 300.0))
    counts, means, scales = student_m_step(name, rows, shares, u, weights)
    held = (shares * weights[:, None] * u).sum(axis=0)
    assert objective == pytest.approx(logs @ weights / weights.sum())
    share = weights @ (1 - shares.sum(axis=1)) / weights.sum()
    assert found.noise.weight == pytest.approx(share)
    assert found.noise.log_density == pytest.approx(noise.log_density)
    np.testing.assert_allclose(found.weights, counts / weights.sum(), rtol=1e-9)
    np.testing.assert_allclose(found.means, means, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.covariance.dense(), scales / (held.sum() / counts.sum()), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "settings",
    [
        {"prior": ConjugatePrior()},
        {"prior": ConjugatePrior(concentration=3.0)},
        {"equal_weights": True},
        {"degrees_of_freedom": "free"},
        {"reg_covar": 0.0},
    ],
)
def test_the_objective_never_falls(settings):
    result = fitted(planted(), "full", k=2, noise=Background(), tol=0.0, max_iter=40, **settings)
    assert np.diff(result.objectives).min() > -1e-11


def test_equal_weights_share_what_is_not_noise():
    found = fitted(planted(), "full", k=2, noise=Background(), equal_weights=True).mixture
    assert found.weights[0] == pytest.approx(found.weights[1])
    assert 2 * found.weights[0] + found.noise.weight == pytest.approx(1.0)


def test_an_integer_weight_is_a_repetition():
    rows = planted(sizes=(60, 60, 40))
    times = np.random.default_rng(0).integers(1, 4, len(rows))
    settings = {"noise": Background(), "max_iter": 10, "tol": 0.0}
    weighted = fitted(rows, "full", weights=times.astype(float), **settings).mixture
    repeated = fitted(np.repeat(rows, times, axis=0), "full", **settings).mixture
    np.testing.assert_allclose(weighted.means, repeated.means, rtol=1e-7)
    assert weighted.noise.weight == pytest.approx(repeated.noise.weight)


@pytest.mark.parametrize("name", ["full", "tied", "VEE"])
def test_a_linear_map_changes_no_label(name):
    rows = planted()
    a = np.array([[1e3, 2e3], [0.01, 0.04]])
    plain = fitted(rows, name, "hierarchical", k=2, noise=Background(), tol=1e-9, max_iter=500).mixture
    mapped = fitted(rows @ a.T, name, "hierarchical", k=2, noise=Background(), tol=1e-9, max_iter=500).mixture
    labels, there = plain.classify(rows), mapped.classify(rows @ a.T)
    assert (labels == -1).tolist() == (there == -1).tolist()
    assert len(set(zip(labels.tolist(), there.tolist(), strict=True))) == 3


def test_no_noise_stays_little():
    rows = random_mixture("full", 2, 2, 3, 8.0).sample(400, seed=0)[0]
    assert fitted(rows, "full", k=2, noise=Background(), max_iter=300).mixture.noise.weight < 0.1


# --- volumes ------------------------------------------------------------------------------------------------


def volume(rows, kind, name="full"):
    with opened(rows, name) as problem:
        log_volume, corners = region(problem, kind)
        corners = None if corners is None else problem.frame.points_out(corners)
        return np.exp(log_volume - problem.frame.log_volume), corners


def test_volumes_of_a_turned_rectangle():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]])
    grid = np.stack(np.meshgrid(np.linspace(0, 4, 41), np.linspace(0, 1, 11)), axis=-1).reshape(-1, 2)
    rows = grid @ turn.T + 100.0
    hull, points = volume(rows, "hull")
    assert hull == pytest.approx(4.0)
    back = (points - 100.0) @ turn
    assert all(np.abs(back - corner).max(axis=1).min() < 1e-9 for corner in corners)
    box, points = volume(rows, "box", "EII")
    assert box == pytest.approx(4.0)
    assert len(points) == 4
    assert volume(grid, "box")[0] == pytest.approx(4.0)
    assert volume(100.0 * rows, 7.0) == (pytest.approx(7.0), None)


def test_a_hull_does_not_depend_on_blocks():
    rows = np.random.default_rng(0).standard_normal((50_000, 3))
    from scipy.spatial import ConvexHull

    assert volume(rows, "hull")[0] == pytest.approx(ConvexHull(rows).volume)
    assert volume(rows[:, :2], "auto")[0] == pytest.approx(ConvexHull(rows[:, :2]).volume)
    assert volume(rows, "auto")[0] == volume(rows, "box")[0]


@pytest.mark.parametrize("d", [3, 4, 6])
def test_a_clean_cloud_is_not_noise(d):
    rows = np.random.default_rng(0).normal(size=(200, d))
    plain = GaussianMixture(1).fit(rows)
    noisy = GaussianMixture(1, noise=True).fit(rows)
    assert noisy.noise_weight_ < 0.25
    assert noisy.bic(rows) > plain.bic(rows)


def test_many_columns_have_a_box():
    rows = np.random.default_rng(0).random((300, 8))
    box, points = volume(rows, "auto")
    assert box == pytest.approx(np.ptp(rows, axis=0).prod())
    assert points is None


def test_rows_without_weight_fill_no_volume():
    rows = np.vstack([np.random.default_rng(0).random((100, 2)), [[1e3, 1e3]]])
    with opened(rows, weights=np.append(np.ones(100), 0.0)) as problem:
        assert region(problem, "hull")[0] - problem.frame.log_volume < 0.0


def test_rows_without_volume():
    rows = np.random.default_rng(0).random((50, 1)) * [[1.0, 2.0]]
    with pytest.raises(DataError, match="no volume that noise could fill"):
        fitted(rows, "full", k=2, noise=Background())


@pytest.mark.parametrize("flags", [np.zeros(5, dtype=bool), np.zeros(650), "all"])
def test_flags_that_mean_nothing(flags):
    rows = planted()
    asked = np.ones(650, dtype=bool) if isinstance(flags, str) else flags
    with pytest.raises(ParameterError, match="noise"):
        fitted(rows, "full", k=2, noise=Background(asked))


def test_rows_without_weight_are_nobodys_neighbours():
    rows = planted()
    weights = np.append(np.ones(650), np.zeros(300))
    more = np.vstack([rows, np.random.default_rng(1).uniform(-6, 12, (300, 2))])
    with opened(rows) as problem, opened(more, weights=weights) as same:
        clean, share = without_clutter(problem)
        again, there = without_clutter(same)
    assert share == there
    np.testing.assert_array_equal(clean.table.weights, again.table.weights[:650])


def test_first_sight():
    rows = planted()
    with opened(rows) as problem:
        weights = open_background(problem, Background())[0].table.weights
    assert (weights[:500] == 0).mean() < 0.1
    assert (weights[500:] == 0).mean() > 0.8


def test_parameters_are_mclusts():
    if not REFERENCE.exists():
        pytest.skip("the reference figures are not here")
    with REFERENCE.open() as file:
        table = list(csv.DictReader(file))
    settings = FitSettings()
    for row in table:
        d, k = int(row["d"]), int(row["G"])
        one = family(row["model"], d).identity(k, d)
        mixture = random_mixture("full", k, d).changed(covariance=one).beside(Noise(0.1, 0.0))
        assert settings.n_parameters(mixture) == int(row["df_noise"])


@pytest.mark.parametrize("name", ["diag", "spherical", "full"])
def test_dependent_columns_leave_noise_no_volume(name):
    rows = np.random.default_rng(0).normal(size=(200, 2))
    with pytest.raises(DataError, match="no volume that noise could fill"):
        GaussianMixture(2, covariance_type=name, noise=True).fit(np.c_[rows, rows.sum(axis=1)])


def test_blocks_without_weight_are_no_corners():
    rows = np.random.default_rng(0).normal(size=(70_000, 2))
    with opened(rows, weights=(np.arange(70_000) >= 50_000) * 1.0) as problem, opened(rows[50_000:]) as alone:
        volumes = [region(p, "hull")[0] - p.frame.log_volume for p in (problem, alone)]
    assert volumes[0] == pytest.approx(volumes[1], abs=1e-9)


def test_weights_of_clutter_in_many_rows_count_once():
    random = np.random.default_rng(0)
    rows = np.vstack([random.normal(0.0, 0.1, (9000, 2)), random.uniform(-3.0, 3.0, (3000, 2))])
    with opened(rows, weights=np.repeat([1.0, 3.0], [9000, 3000])) as problem:
        _, share = without_clutter(problem)
    assert share == pytest.approx(0.5, abs=0.03)


def test_noise_that_takes_all_rows_is_refused():
    rows = planted()
    with pytest.raises(ParameterError, match="the noise took all the rows"):
        fitted(rows, "full", k=2, noise=Background(True, 1e-3))
