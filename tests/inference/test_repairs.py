import numpy as np
import pytest

from cases import FAMILY_NAMES, blobs, fitted, opened
from gmmkit.errors import SingularComponentError
from gmmkit.inference.repairs import Repair, describe, repair
from gmmkit.model.covariance import FAMILIES, Full
from gmmkit.model.mixture import Mixture


def repaired(values, policy, name="full", counts=(50.0, 50.0, 50.0), iteration=4):
    k = len(counts)
    covariance = FAMILIES[name](values, n_components=k, n_features=2)
    mixture = Mixture.trusted(np.array(counts) / sum(counts), np.arange(2.0 * k).reshape(k, 2), covariance)
    with opened(blobs(150, 2, 3), name) as problem:
        random = np.random.default_rng(0)
        options = {"on_singular": policy, "iteration": iteration, "random": random}
        done, repairs = repair(mixture, np.array(counts), problem, **options)
        return mixture, done, repairs, problem


GOOD = np.tile(np.eye(2), (3, 1, 1))
BAD = np.array([np.eye(2), [[1.0, 1.0], [1.0, 1.0]], np.eye(2)])
BAD[1] -= 1e-3 * np.eye(2)


@pytest.mark.parametrize("policy", ["floor", "reseed", "drop", "raise", "refuse"])
def test_what_is_whole_is_left_alone(policy):
    before, after, repairs, _ = repaired(GOOD, policy)
    assert after is before
    assert repairs == []


def test_floor_lifts_the_broken_one_only():
    before, after, repairs, problem = repaired(BAD, "floor")
    assert repairs == [Repair("floor", component=1, iteration=4)]
    np.testing.assert_allclose(after.covariances[[0, 2]], before.covariances[[0, 2]])
    smallest = np.linalg.eigvalsh(after.covariances[1])
    assert smallest[0] == pytest.approx(1e-10 * problem.pooled.variances().max(), rel=1e-5)
    assert smallest[1] == pytest.approx(1.999)
    np.testing.assert_array_equal(after.means, before.means)
    np.testing.assert_array_equal(after.weights, before.weights)
    assert np.isfinite(after.covariance.whitening).all()


@pytest.mark.parametrize("name", ["tied", "diag", "spherical", "EII"])
def test_floor_lifts_every_family(name):
    values = {"tied": np.zeros((2, 2)), "diag": np.zeros((3, 2)), "spherical": np.zeros(3), "EII": np.array(0.0)}[name]
    _, after, repairs, problem = repaired(values, "floor", name)
    assert [r.component for r in repairs] == [0, 1, 2]
    np.testing.assert_allclose(after.covariance.variances(), 1e-10 * problem.pooled.variances().max())


@pytest.mark.parametrize("name", ["full", "EEV", "VEV", "EVV", "VVE", "EVE", "VEE"])
@pytest.mark.parametrize("size", [1e12, 1e16, 1e25])
def test_floor_gives_a_factor_beside_any_size(name, size):
    long = np.outer([0.6, 0.8], [0.6, 0.8]) * size
    values = np.array([np.eye(2), long - 1e-14 * size * np.eye(2), np.eye(2)])
    _, after, repairs, _ = repaired(values, "floor", name)
    assert [r.component for r in repairs] == [1]
    assert np.isfinite(after.covariance.whitening).all()
    if name == "full":
        np.testing.assert_allclose(after.covariances[[0, 2]], values[[0, 2]], rtol=1e-12)
        assert np.linalg.eigvalsh(after.covariances[1])[1] == pytest.approx(size)


def test_floor_gives_a_factor_to_a_shared_covariance_of_any_size():
    _, after, _, _ = repaired(np.full((2, 2), 1e20) - 1e3 * np.eye(2), "floor", "tied")
    assert np.isfinite(after.covariance.whitening).all()
    np.testing.assert_allclose(after.covariances, np.full((2, 2), 1e20), rtol=1e-3)


def test_floor_begins_again_with_what_ran_out_of_numbers():
    values = np.stack([np.eye(2), np.full((2, 2), np.inf), np.eye(2)])
    _, after, repairs, problem = repaired(values, "floor", "VEV")
    assert [r.component for r in repairs] == [0, 1, 2]
    np.testing.assert_array_equal(after.covariances[0], problem.pooled.dense()[0])


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("far", [1e7, 1e9, 1e12, 1e15])
def test_a_row_far_away_can_be_fitted_from_any_start(name, far):
    rows = blobs(60, 4, 2)
    rows[0] *= far
    for start in ("random", "random_from_data"):
        result = fitted(rows, name, start, 3)
        assert np.isfinite(result.mixture.log_density(rows)).all()


def test_drop_leaves_the_others_with_all_the_weight():
    before, after, repairs, _ = repaired(BAD, "drop", counts=(100.0, 7.0, 50.0))
    assert repairs == [Repair("drop", component=1, iteration=4, effective_rows=7.0)]
    np.testing.assert_allclose(after.weights, [2 / 3, 1 / 3])
    np.testing.assert_array_equal(after.means, before.means[[0, 2]])


def test_drop_counts_too_few_rows_as_singular_and_keeps_one():
    _, after, repairs, _ = repaired(GOOD, "drop", counts=(100.0, 2.9, 3.0))
    assert [r.component for r in repairs] == [1]
    assert after.n_components == 2
    with pytest.raises(SingularComponentError, match="ill-defined"):
        repaired(GOOD, "drop", counts=(1.0, 1.0, 1.0))


def test_reseed_puts_the_broken_one_on_a_row():
    before, after, repairs, problem = repaired(BAD, "reseed")
    assert repairs == [Repair("reseed", component=1, iteration=4, effective_rows=50.0)]
    rows = problem.frame.points_in(blobs(150, 2, 3))
    assert np.abs(rows - after.means[1]).sum(axis=1).min() < 1e-12
    np.testing.assert_array_equal(after.means[[0, 2]], before.means[[0, 2]])
    np.testing.assert_array_equal(after.covariances[1], problem.pooled.dense()[0])
    assert after.weights.sum() == pytest.approx(1.0)


def test_reseeding_gives_way_to_dropping_after_some_passes():
    _, after, repairs, _ = repaired(BAD, "reseed", iteration=100)
    assert [r.kind for r in repairs] == ["drop"]
    assert after.n_components == 2


def test_raise_and_refuse_name_the_component_and_the_pass():
    for policy in ("raise", "refuse"):
        with pytest.raises(SingularComponentError, match=r"Component 1 holds 50 effective rows after pass 4"):
            repaired(BAD, policy)
    # Too few rows is not what reg_covar=0 refuses: scikit-learn does not either.
    with pytest.raises(SingularComponentError, match=r"Component 2 holds 2 .* needs 3"):
        repaired(GOOD, "raise", counts=(50.0, 50.0, 2.0))
    assert repaired(GOOD, "refuse", counts=(50.0, 50.0, 2.0))[2] == []


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("policy", ["reseed", "drop"])
def test_a_fit_that_repairs_ends_with_what_it_says(name, policy):
    random = np.random.default_rng(0)
    rows = np.vstack([random.standard_normal((100, 2)), np.repeat([[30.0, 30.0]], 2, axis=0)])
    result = fitted(rows, name, "kmeans", 2, on_singular=policy)
    dropped = [r for r in result.repairs if r.kind == "drop"]
    assert result.mixture.n_components == 2 - len(dropped)
    if name == "full":
        assert {r.kind for r in result.repairs} & {"drop", "reseed"}
        assert result.health.effective_rows.min() >= 3
    for r in result.repairs:
        if r.kind in ("drop", "reseed"):
            assert r.iteration >= 1
            assert r.effective_rows < 3


def test_sentences_name_what_they_speak_of():
    repairs = (
        Repair("constant column", column=2),
        Repair("dependent columns", direction=(1.0, -2.0, 0.0)),
        Repair("empty", component=4, effective_rows=0.0),
        Repair("few rows", component=0, row=17, effective_rows=1.0),
        Repair("few rows", component=3, effective_rows=2.25),
        Repair("collapsed", component=1, effective_rows=40.0),
        Repair("floor", component=5, iteration=3),
        Repair("reseed", component=6, iteration=2, effective_rows=1.0),
        Repair("drop", component=7, iteration=9, effective_rows=1.0),
    )
    said = describe(repairs, ("width", "height", "depth"))
    for part in (
        "column 'depth' holds one value only and tells nothing of how rows differ",
        "+1 column 'width' -2 column 'height' is constant",
        "1 component(s) hold no rows (4)",
        "component 0 rests on 1 effective rows, in effect row 17",
        "component 3 rests on 2.25 effective rows",
        "component 1 collapsed",
        "component 5 was singular and its covariance was raised (pass 3)",
        "component 6 collapsed and was moved (pass 2)",
        "component 7 collapsed and was dropped (pass 9)",
    ):
        assert part in said
    assert describe((), None) == ""
    many = tuple(Repair("few rows", component=j, effective_rows=1.0) for j in range(9))
    assert "4 more components rest on too few rows" in describe(many, None)
    assert "column 2 holds" in describe(repairs[:1], None)
    two = (Repair("constant column", column=0), Repair("constant column", column=2))
    assert "column 0, column 2 hold one value each and tell nothing" in describe(two, None)


def test_health_says_why_a_fit_is_spurious():
    rows = np.vstack([blobs(100, 2, 1), [[50.0, 50.0], [50.0, 51.0]]])
    assert "effective rows, fewer than 3" in fitted(rows, k=2).health.spurious()
    flat = np.vstack([blobs(100, 2, 1), np.column_stack([np.arange(20.0), np.full(20, 40.0)])])
    result = fitted(flat, k=2)
    assert "has collapsed: its smallest variance is" in result.health.spurious()
    assert result.health.spurious(1e-9) is None
    assert "collapsed" in {r.kind for r in result.repairs}
    assert isinstance(result.mixture.covariance, Full)
