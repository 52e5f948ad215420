"""A mixture's density is a density, and both fast forms say what its definition says."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

import oracle
from cases import FAMILY_NAMES, random_mixture
from gmmkit.data import as_table
from gmmkit.model import scorer as scorer_module
from gmmkit.model.mixture import Mixture
from gmmkit.model.scorer import Scorer
from gmmkit.model.sums import Sums
from gmmkit.statistics import Contraction

SIZES = [(1, 1), (1, 3), (3, 1), (2, 2), (4, 3), (3, 6), (7, 2)]


@pytest.fixture
def forms(monkeypatch):
    """Make a function that gives a mixture's scorer in the expanded or the centred form."""

    def make(mixture, form):
        monkeypatch.setattr(scorer_module, "expanded_pays", lambda *_: form == "expanded")
        # A mixture keeps its scorer: an equal one has none yet.
        return Mixture.trusted(mixture.weights, mixture.means, mixture.covariance).scorer

    return make


def dense(mixture):
    return mixture.weights, mixture.means, mixture.covariance.dense()


def passed(scorer, rows, weights, block_rows):
    """Return log-densities, responsibilities (n, k) and statistics of one pass in blocks, and the forms used."""
    work, sums = scorer.workspace(block_rows), scorer.sums()
    densities, shares, forms = [], [], set()
    for block in as_table(rows, weights=weights).blocks(block_rows):
        posterior, log_density = scorer.responsibilities(block.rows, work)
        densities.append(log_density + scorer.frame.log_volume)
        shares.append(posterior.T.copy())
        posterior *= 1.0 if block.weights is None else block.weights
        scorer.gather(work, posterior, sums)
        forms.add(work.expanded)
    return np.concatenate(densities), np.concatenate(shares), sums.statistics(), forms


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("k", [1, 3])
def test_integrates_to_one_over_a_line(name, k):
    mixture = random_mixture(name, k, 1, seed=3)
    ends = mixture.mean()[0] + np.array([-1, 1]) * 14 * np.sqrt(mixture.covariance_matrix()[0, 0])
    total, _ = quad(
        lambda x: np.exp(mixture.log_density([[x]], n_jobs=1)[0]),
        *ends,
        points=mixture.means[:, 0],
        epsabs=1e-10,
        limit=200,
    )
    assert total == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("k", [1, 4])
def test_integrates_to_one_over_a_plane(name, k):
    # The trapezoidal rule converges faster than any power for a smooth density that has died out at the edge.
    mixture = random_mixture(name, k, 2, seed=4, condition=10.0)
    reach = np.sqrt(mixture.covariance.variances().max(axis=0)) * 9
    axes = [
        np.linspace(mixture.means[:, i].min() - reach[i], mixture.means[:, i].max() + reach[i], 500) for i in (0, 1)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    assert np.exp(mixture.log_density(grid)).sum() * cell == pytest.approx(1.0, abs=1e-9)


def test_quadrature_agrees_with_an_independent_one():
    mixture = random_mixture("full", 1, 2, seed=1, condition=2.0)
    total, _ = dblquad(
        lambda y, x: np.exp(mixture.log_density([[x, y]], n_jobs=1)[0]),
        *(mixture.means[0, 0] + np.array([-8.0, 8.0])),
        *(mixture.means[0, 1] + np.array([-8.0, 8.0])),
        epsabs=1e-5,
    )
    assert total == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("form", ["expanded", "centred"])
@pytest.mark.parametrize(("k", "d"), SIZES)
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_log_density_and_posterior_are_the_oracles(name, k, d, form, forms):
    mixture = random_mixture(name, k, d)
    rows = np.vstack([mixture.sample(40, seed=1)[0], 20 * np.random.default_rng(2).standard_normal((7, d))])
    densities, shares, _, used = passed(forms(mixture, form), rows, None, block_rows=16)
    assert used == {form == "expanded"}
    np.testing.assert_allclose(densities, oracle.log_density(rows, *dense(mixture)), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(shares, oracle.responsibilities(rows, *dense(mixture)), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("form", ["expanded", "centred"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "d"), SIZES)
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_statistics_are_the_oracles(name, k, d, weighted, form, forms):
    mixture = random_mixture(name, k, d, seed=1)
    rows = mixture.sample(53, seed=2)[0]
    weights = np.random.default_rng(3).integers(0, 4, 53) * 0.5 if weighted else None
    # 53 rows in blocks of 10: the last block is a short one.
    scorer = forms(mixture, form)
    _, _, statistics, used = passed(scorer, rows, weights, block_rows=10)
    assert used == {form == "expanded"}

    frame = scorer.frame
    z = frame.points_in(rows)
    shares = oracle.e_step(rows, np.ones(53) if weights is None else weights, *dense(mixture))
    counts, first, second = oracle.moments(z, shares, frame.points_in(mixture.means))
    expected = {
        Contraction.FULL: second,
        Contraction.TIED: second.sum(axis=0),
        Contraction.DIAGONAL: np.diagonal(second, axis1=1, axis2=2),
        Contraction.SHARED_DIAGONAL: np.diagonal(second.sum(axis=0)),
        Contraction.SPHERICAL: np.trace(second, axis1=1, axis2=2),
        Contraction.SHARED: np.trace(second, axis1=1, axis2=2).sum(),
    }[statistics.contraction]
    np.testing.assert_allclose(statistics.reference, frame.points_in(mixture.means), rtol=1e-14)
    np.testing.assert_allclose(statistics.counts, counts, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(statistics.first, first, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(statistics.second, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_statistics_do_not_depend_on_the_form(name, forms):
    mixture = random_mixture(name, 3, 4, seed=2)
    rows = mixture.sample(500, seed=3)[0]
    one, other = (passed(forms(mixture, form), rows, None, 64)[2] for form in ("expanded", "centred"))
    assert not np.array_equal(one.second, other.second)
    for leaf in ("counts", "first", "second"):
        np.testing.assert_allclose(getattr(one, leaf), getattr(other, leaf), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_block_beyond_the_bound_goes_centred_and_only_that_block(name, forms):
    mixture = random_mixture(name, 2, 2, seed=5)
    rows = mixture.sample(64, seed=4)[0]
    rows[40] = 1e9
    scorer = forms(mixture, "expanded")
    work = scorer.workspace(16)
    used = []
    for block in as_table(rows).blocks(16):
        scorer.responsibilities(block.rows, work)
        used.append(work.expanded)
    assert used == [True, True, False, True]
    # Sums of both kinds of block are merged into the same statistics as when all blocks are centred.
    _, _, mixed, _ = passed(scorer, rows, None, 16)
    _, _, centred, _ = passed(forms(mixture, "centred"), rows, None, 16)
    for leaf in ("counts", "first", "second"):
        np.testing.assert_allclose(getattr(mixed, leaf), getattr(centred, leaf), rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_tasks_sums_add(name, forms):
    mixture = random_mixture(name, 3, 2, seed=6)
    rows = mixture.sample(60, seed=5)[0]
    rows[50] = 1e9
    scorer = forms(mixture, "expanded")
    whole = passed(scorer, rows, None, 10)[2]

    def task(start, stop):
        work, sums = scorer.workspace(10), scorer.sums()
        for block in as_table(rows).blocks(10, start, stop):
            scorer.gather(work, scorer.responsibilities(block.rows, work)[0], sums)
        return sums

    total = Sums(scorer.family, scorer.means)
    for piece in [(0, 20), (20, 30), (30, 60)]:
        total += task(*piece)
    for leaf in ("counts", "first", "second"):
        np.testing.assert_allclose(getattr(total.statistics(), leaf), getattr(whole, leaf), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_component_log_density_leaves_the_weights_out(name):
    mixture = random_mixture(name, 3, 2, seed=7)
    rows = mixture.sample(20, seed=6)[0]
    expected = [
        [oracle.component_log_density(x, m, c) for m, c in zip(mixture.means, mixture.covariance.dense(), strict=True)]
        for x in rows
    ]
    np.testing.assert_allclose(mixture.component_log_density(rows), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_component_of_weight_zero_is_as_if_absent(name, forms):
    mixture = random_mixture(name, 3, 2, seed=8)
    weights = mixture.weights.copy()
    weights[1] = 0.0
    without = Mixture(weights / weights.sum(), mixture.means, mixture.covariance)
    rows = mixture.sample(30, seed=7)[0]
    others = without.take([0, 2])
    for form in ("expanded", "centred"):
        densities, shares, _, _ = passed(forms(without, form), rows, None, 8)
        assert (shares[:, 1] == 0).all()
        np.testing.assert_allclose(densities, others.log_density(rows), rtol=1e-12, atol=1e-12)


def test_scores_can_be_asked_centred():
    mixture = random_mixture("full", 2, 2)
    frame = mixture.frame
    inside = mixture.into(frame)
    scorer = Scorer(np.log(mixture.weights), inside.means, inside.covariance, frame, centred=True)
    work = scorer.workspace(4)
    scorer.score(mixture.means, work)
    assert not work.expanded
