"""Cross-validation of classifiers: folds, what is held out, temperatures."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris

from cases import Interrupted
from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain
from gmmkit.selection.class_choice import ClassSettings, choose_classes
from gmmkit.selection.class_fitting import known_classes
from gmmkit.selection.class_models import fit_recipe
from gmmkit.selection.class_recipes import Recipe
from gmmkit.selection.class_rows import LabelledRows, log_likelihood_of
from gmmkit.selection.class_spread import narrow_columns
from gmmkit.selection.class_validation import HeldOutClasses, hold_out, stratified_folds, tempered

X, Y = load_iris(return_X_y=True)
NAMES = ("setosa", "versicolor", "virginica")
FIT = FitSettings(rule=AitkenGain(1e-9), max_iter=300, seed=0)


def labelled(rows=X, codes=Y, weights=None):
    table = as_table(rows)
    return LabelledRows(table if weights is None else table.with_weights(weights), codes.astype(np.intp), NAMES)


def folds_of(rows, folds=5, seed=0):
    with Workers(1) as workers:
        return stratified_folds(rows, folds, seed, workers)


def test_every_fold_has_its_share_of_every_class():
    member = folds_of(labelled())
    counts = np.array([np.bincount(member[c == Y], minlength=5) for c in range(3)])
    # Rows that are equal share a fold.
    assert counts.min() >= 8
    assert counts.max() <= 12
    assert (folds_of(labelled(), seed=1) != member).any()


def test_folds_follow_from_values():
    order = np.random.default_rng(0).permutation(150)
    np.testing.assert_array_equal(folds_of(labelled(X[order], Y[order])), folds_of(labelled())[order])
    twice = folds_of(labelled(np.repeat(X, 2, axis=0), np.repeat(Y, 2)))
    np.testing.assert_array_equal(twice, np.repeat(folds_of(labelled()), 2))


def test_rows_of_no_class_are_in_no_fold():
    codes = np.where(np.arange(150) % 3, Y, -1)
    member = folds_of(labelled(codes=codes))
    np.testing.assert_array_equal(member < 0, codes < 0)


def test_too_few_rows_for_the_folds_are_told_with_their_class():
    with pytest.raises(ParameterError, match="class 'virginica': 5 folds need as many distinct rows, but there are 3"):
        folds_of(labelled(X[:103], Y[:103]))


def test_what_is_held_out_was_not_seen():
    rows = labelled()
    member = folds_of(rows)
    recipe = Recipe("EDDA", ("VVV",))
    with Workers(1) as workers:
        found = hold_out(rows, member, lambda seen, _: fit_recipe(seen, recipe, FIT, workers).classes)
        own = member != 2
        part = LabelledRows(as_table(X[own]), Y[own].astype(np.intp), NAMES)
        by_hand = fit_recipe(part, recipe, FIT, workers).classes.posterior(X[~own])
    np.testing.assert_allclose(found.posterior[~own], by_hand, atol=1e-6)
    assert found.confusion().sum() == 150
    assert found.error == pytest.approx(1 - np.trace(found.confusion()) / 150)


@pytest.mark.parametrize("true", [0.5, 1.0, 4.0])
def test_the_temperature_is_found(true):
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([1, 1, 1], 20_000)
    codes = (rng.random(20_000)[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    said = tempered(honest, 1 / true)
    found = HeldOutClasses(np.arange(20_000), codes, said, np.ones(20_000))
    assert found.temperature() == pytest.approx(true, rel=0.05)
    np.testing.assert_allclose(tempered(said, true), honest, atol=1e-9)
    assert (tempered(said, 7.0).argmax(axis=1) == said.argmax(axis=1)).all()


def test_sure_mistakes_have_a_finite_loss():
    found = HeldOutClasses(np.arange(2), np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), np.ones(2))
    assert np.isfinite(found.log_loss())
    assert found.temperature() > 10


def test_mixtures_with_unlabelled_rows_are_no_less_likely_than_without():
    codes = np.where(np.arange(150) % 5 == 0, Y, -1)
    rows, recipe = labelled(codes=codes), Recipe("MclustDA", ("EEE",), (1,))
    with Workers(1) as workers:
        alone = fit_recipe(rows.labelled_only(), recipe, FIT, workers).classes
        together = fit_recipe(rows, recipe, FIT, workers)
        assert together.log_likelihood > log_likelihood_of(alone, rows, workers) + 1
        # One component a class of matrices of their own: the same as one EM over all of them.
        edda = fit_recipe(rows, Recipe("EDDA", ("VVV",)), FIT, workers)
    assert together.log_likelihood == pytest.approx(edda.log_likelihood, abs=0.05)
    np.testing.assert_allclose(together.classes.priors, edda.classes.priors, atol=0.01)
    assert together.n_parameters == edda.n_parameters


@pytest.mark.parametrize(("model", "sizes"), [("EDDA", (1,)), ("MclustDA", (1,)), ("pool", (3,))])
def test_an_interrupt_leaves_no_half_fitted_classes(model, sizes):
    codes, recipe = np.where(np.arange(150) % 5 == 0, Y, -1), Recipe(model, ("VVV",), sizes, shrinkage=0.1)

    def fitted(at):
        source = Interrupted(X, at)
        with Workers(1) as workers:
            fit_recipe(LabelledRows(Table(source), codes, NAMES), recipe, FIT, workers)
        return source.readings

    whole = fitted(at=-1)
    assert whole > 20
    for at in np.unique(np.linspace(1, whole, 20, dtype=int)):
        with pytest.raises(KeyboardInterrupt):
            fitted(at)


def test_an_interrupt_in_the_search_of_a_class_goes_on():
    def stop(progress):
        raise KeyboardInterrupt

    recipe = Recipe("MclustDA", ("VVV", "EEE"), (1, 2), shrinkage=0.1)
    with Workers(1) as workers, pytest.raises(KeyboardInterrupt):
        fit_recipe(labelled(), recipe, replace(FIT, callback=stop), workers)


def test_mixtures_are_fitted_by_the_callers_rule_and_passes():
    codes = np.where(np.arange(150) % 5 == 0, Y, -1)
    n_iter, likelihoods = {}, {}
    with Workers(1) as workers:
        for rows in (labelled(), labelled(codes=codes)):
            for tol in (1e-3, 1e-12):
                how = replace(FIT, rule=AitkenGain(tol), max_iter=2000)
                fitted = fit_recipe(rows, Recipe("MclustDA", ("VVV",), (2,)), how, workers)
                assert fitted.converged
                n_iter[rows.has_unlabelled, tol] = fitted.n_iter
                likelihoods[rows.has_unlabelled, tol] = fitted.log_likelihood
        few = fit_recipe(labelled(codes=codes), Recipe("MclustDA", ("VVV",)), replace(FIT, max_iter=2), workers)
    for unlabelled in (False, True):
        assert n_iter[unlabelled, 1e-12] > n_iter[unlabelled, 1e-3]
        assert likelihoods[unlabelled, 1e-12] > likelihoods[unlabelled, 1e-3]
    assert not few.converged


def test_as_many_rounds_over_all_rows_as_passes_are_allowed():
    rows = labelled(codes=np.where(np.arange(150) % 5 == 0, Y, -1))
    never_met = replace(FIT, rule=AitkenGain(0.0), max_iter=250)
    with Workers(1) as workers:
        found = fit_recipe(rows, Recipe("MclustDA", ("EEE",)), never_met, workers)
    assert found.n_iter > 250
    assert not found.converged


def test_shrinkage_goes_from_quadratic_to_linear():
    found = {}
    with Workers(1) as workers:
        for share in (0.0, 0.5, 0.999999):
            recipe = Recipe("EDDA", ("VVV",), shrinkage=share)
            found[share] = fit_recipe(labelled(), recipe, FIT, workers).classes.mixture.covariance.dense()
        pooled = fit_recipe(labelled(), Recipe("EDDA", ("EEE",)), FIT, workers).classes.mixture.covariance.dense()
    np.testing.assert_allclose(found[0.999999], pooled, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[0.5], (found[0.0] + pooled) / 2, rtol=1e-4, atol=1e-6)


def test_a_share_is_that_of_the_fitted_size_whatever_else_was_tried():
    one, many = (Recipe("MclustDA", ("VVV",), sizes, shrinkage=0.5) for sizes in ((1,), (1, 2, 5)))
    with Workers(1) as workers:
        alone, among = (fit_recipe(labelled(), recipe, FIT, workers) for recipe in (one, many))
        edda = fit_recipe(labelled(), Recipe("EDDA", ("VVV",), shrinkage=0.5), FIT, workers)
    assert among.n_components == (1, 1, 1)
    np.testing.assert_array_equal(among.classes.posterior(X), alone.classes.posterior(X))
    # One component of a third of the rows: half of it is the pooled covariance.
    np.testing.assert_allclose(among.classes.posterior(X), edda.classes.posterior(X), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "heap", "tried", "chosen"), [("MclustDA", 40, (1, 2, 5), (2, 2, 2)), ("pool", 240, (1, 4), (1,))]
)
def test_what_is_cross_validated_is_drawn_as_much_as_what_is_fitted(model, heap, tried, chosen):
    # Heaps of so many rows, so that fewer components are chosen than were tried.
    far = 12.0 * (np.arange(240)[:, None] // heap)
    rows = labelled(np.random.default_rng(3).normal(0, 1, (240, 2)) + far, np.repeat([0, 1, 2], 80))
    with Workers(1) as workers:
        fitted = fit_recipe(rows, Recipe(model, ("VVV",), tried, shrinkage=0.05), FIT, workers)
        again = fit_recipe(rows, fitted.settled, FIT, workers)
    assert fitted.n_components == chosen
    np.testing.assert_allclose(
        again.classes.mixture.covariance.dense(), fitted.classes.mixture.covariance.dense(), rtol=1e-6
    )


def test_chosen_mixtures_are_looked_for_among_what_they_were_chosen_from():
    # A bent class: three components of it, fitted by themselves, end 8.7 below the likelihood that the search finds.
    rng = np.random.default_rng(22)
    values = rng.normal(size=(80, 3))
    values[:40, 0] *= np.where(rng.random(40) < 0.3, 0.3, 1.5)
    values[:40, 1] += 0.6 * values[:40, 0] ** 2
    rows = LabelledRows(as_table(values), np.repeat([0, 1], 40), ("bent", "round"))
    with Workers(1) as workers:
        found = fit_recipe(rows, Recipe("MclustDA", ("EEE", "VEE", "EVE", "VVE", "VVV"), (1, 2, 3)), FIT, workers)
        again = fit_recipe(rows, found.settled, FIT, workers)
        # Another structure or size than the best is given where it is what was chosen.
        other = fit_recipe(rows, replace(found.recipe, chosen=(("EEE", 2), ("VVV", 1))), FIT, workers)
    assert found.n_components == (3, 1)
    assert (again.structures, again.n_components) == (found.structures, found.n_components)
    np.testing.assert_array_equal(again.classes.posterior(values), found.classes.posterior(values))
    assert (other.structures, other.n_components) == (("EEE", "VVV"), (2, 1))
    assert other.bic(80.0) > found.bic(80.0)


def test_of_many_columns_a_chosen_mixture_is_looked_for_among_its_own_structure():
    # Where candidates are fitted one at a time the others tell it nothing: it is the one that all were searched for.
    random = np.random.default_rng(0)
    codes = np.arange(160) % 2
    values = random.standard_normal((160, 45)) + random.standard_normal((4, 45))[np.arange(160) % 4]
    rows = LabelledRows(as_table(values), codes.astype(np.intp), ("a", "b"))
    recipe = Recipe("MclustDA", ("VII", "EEI", "EII"), (1, 2, 3))
    with Workers(1) as workers:
        found = fit_recipe(rows, recipe, FIT, workers)
        again = fit_recipe(rows, found.settled, FIT, workers)
    assert max(found.n_components) > 1
    np.testing.assert_array_equal(again.classes.posterior(values), found.classes.posterior(values))
    assert again.log_likelihood == found.log_likelihood


def test_a_chosen_mixture_that_cannot_be_fitted_is_told_with_its_class():
    recipe = Recipe("MclustDA", ("EII", "VVV"), (1, 5), chosen=(("EII", 1), ("VVV", 1), ("EII", 5)))
    with Workers(1) as workers, pytest.raises(ParameterError, match="class 'virginica': 5 components need at least"):
        fit_recipe(labelled(X[:103], Y[:103]), recipe, FIT, workers)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
@pytest.mark.parametrize("structure", ["EII", "VII", "EEI", "VVI", "EEE", "EVE", "VEV", "VVV"])
def test_moments_of_classes_tell_the_log_likelihood_of_their_rows(structure, shrinkage):
    # Far from the origin, and one column that is constant.
    rows = labelled(np.column_stack([X + 1e5, np.full(150, 7.0)]), weights=np.arange(150) % 3 * 1.0)
    with Workers(1) as workers:
        found = fit_recipe(rows, Recipe("EDDA", (structure,), shrinkage=shrinkage), FIT, workers)
        assert found.log_likelihood == pytest.approx(log_likelihood_of(found.classes, rows, workers), rel=1e-9)


def test_a_fit_of_known_moments_reads_no_row(monkeypatch):
    rows = labelled()
    with Workers(1) as workers:
        known = known_classes(rows, "VVV", workers)
        monkeypatch.setattr(Table, "blocks", lambda *_: pytest.fail("rows were read"))
        assert fit_recipe(rows, Recipe("EDDA", ("VVV",)), FIT, workers, known=known).n_components == (1, 1, 1)


def test_the_best_of_each_shrinkage_competes_by_held_out_likelihood():
    settings = ClassSettings("EDDA", ("EII", "EEE", "VVV"), shrinkages=(0.0, 0.3), folds=5, fit=FIT)
    choice = choose_classes(labelled(), settings)
    validated = [row for row in choice.candidates if row["log_loss"] is not None]
    assert {row["shrinkage"] for row in validated} == {0.0, 0.3}
    assert validated == list(choice.candidates[:2])
    assert validated[0]["log_loss"] <= validated[1]["log_loss"]
    assert choice.confusion.sum() == 150


def test_a_candidate_that_fails_leaves_the_others():
    rows = labelled(X[:102], Y[:102])  # two rows of the last class
    settings = ClassSettings("MclustDA", ("EII",), sizes=(1, 5), criterion="error", folds=2, fit=FIT)
    choice = choose_classes(rows, settings)
    assert choice.best.n_components == (1, 1, 1)
    assert "class 'virginica'" in choice.candidates[-1]["failed"]


def test_columns_constant_in_a_class_are_told():
    rows = X.copy()
    rows[Y == 0, 1] = 2.5
    rows[:, 3] = 1.0
    said = narrow_columns(labelled(rows))
    assert said.startswith("column 1 in class 'setosa' (always 2.5) is constant")
    assert narrow_columns(labelled()) is None


def test_where_nothing_is_wrong_probabilities_are_no_surer_than_the_models():
    codes = np.arange(60) % 2
    posterior = np.where(np.eye(2)[codes] > 0, 0.9, 0.1)
    assert HeldOutClasses(np.arange(60), codes, posterior, np.ones(60)).temperature() == pytest.approx(1.0, abs=1e-3)
