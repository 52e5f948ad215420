"""One model of labelled rows: a structure for all classes (EDDA), a mixture for each (MclustDA), or a pool.

EDDA (Bensmail & Celeux 1996, "Regularized Gaussian discriminant analysis through eigenvalue decomposition", JASA 91):
a component for each class, their covariances of one of the structures, fitted with labels as responsibilities.
MclustDA (Fraley & Raftery 2002, "Model-based clustering, discriminant analysis and density estimation", JASA 97): the
best mixture for each class by BIC. A pool's components are all classes', with shares of each (Miller & Uyar 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.errors import GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.candidates import one_at_a_time
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.labelled import (
    Shares,
    fit_labelled,
    fit_supervised,
    from_labels,
    log_likelihood_in_classes,
)
from gmmkit.inference.repairs import Repair
from gmmkit.inference.starts import FromMixture, Named
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.model.covariance import family
from gmmkit.model.mixture import Mixture
from gmmkit.selection.class_fitting import (
    KnownClasses,
    complete,
    drawn_to_pooled,
    known_classes,
    pooled_covariance,
    problem_of,
    supervised,
)
from gmmkit.selection.class_recipes import ClassFit, Recipe
from gmmkit.selection.class_rows import LabelledRows, log_likelihood_of
from gmmkit.selection.ranking import Candidate, SearchResult
from gmmkit.selection.search import DEFAULTS, SearchSettings, search

__all__ = ["fit_recipe"]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


def fit_recipe(
    rows: LabelledRows,
    recipe: Recipe,
    settings: FitSettings,
    workers: Workers,
    *,
    priors: Array | None = None,
    pooled: Array | None = None,
    known: KnownClasses | None = None,
) -> ClassFit:
    """Fit one model.

    Parameters
    ----------
    rows : LabelledRows
    recipe : Recipe
    settings : FitSettings
    workers : Workers
    priors : ndarray of shape (C,), optional
        Probabilities of the classes; None: the shares of the labelled rows, which rows of no known class then join.
    pooled : ndarray of shape (d, d), optional
        The covariance within classes (`pooled_covariance`), where it is known already.
    known : KnownClasses, optional
        Of "EDDA" without rows of no known class: what fits of the structure have in common, where it is known already.

    Raises
    ------
    GmmkitError
        If a class cannot be fitted; the message names it.
    KeyboardInterrupt
        If one came; nothing is left of the fit.
    """
    within = None
    if recipe.shrinkage:
        within = pooled_covariance(rows, settings, workers) if pooled is None else pooled
    if recipe.model == "EDDA":
        fitted = _fit_edda(rows, recipe, settings, workers, priors, within, known)
    else:
        fit_model = _fit_mixtures if recipe.model == "MclustDA" else _fit_pool
        fitted = fit_model(rows, recipe, settings, workers, priors, within)
    return fitted if priors is None else replace(fitted, classes=fitted.classes.with_priors(priors))


def _fit_edda(
    rows: LabelledRows,
    recipe: Recipe,
    settings: FitSettings,
    workers: Workers,
    priors: Array | None,
    within: Array | None,
    known: KnownClasses | None,
) -> ClassFit:
    shares = Shares(np.eye(rows.n_classes))
    if rows.has_unlabelled:
        problem, start = problem_of(rows.table, recipe.structures[0], workers), from_labels(rows.codes, rows.n_classes)
        how = drawn_to_pooled(settings, rows, recipe, within, 1)
        result = complete(fit_labelled(problem, start, rows.codes, shares, how, class_weights=priors))
        log_likelihood = log_likelihood_of(ClassMixture(result.mixture, shares.values), rows, workers)
    else:
        # Where every class is known its density does not depend on its prior.
        known = known_classes(rows, recipe.structures[0], workers) if known is None else known
        problem, how = known.problem, drawn_to_pooled(supervised(settings), rows, recipe, within, 1)
        result = complete(fit_supervised(problem, known.moments, how))
        log_likelihood = log_likelihood_in_classes(problem, known.moments, result.mixture)
    k, d = rows.n_classes, rows.table.n_columns
    spurious = None if recipe.shrinkage else result.health.spurious()
    return ClassFit(
        recipe,
        ClassMixture(result.mixture, shares.values),
        recipe.structures * k,
        (1,) * k,
        log_likelihood,
        k * d + problem.family.n_parameters(k, d) + _free_priors(rows, priors),
        spurious if spurious is None else _naming(spurious, rows.names),
        result.converged,
        len(result.objectives),
        tuple((repair.component, repair) for repair in result.repairs),
    )


def _fit_mixtures(
    rows: LabelledRows,
    recipe: Recipe,
    settings: FitSettings,
    workers: Workers,
    priors: Array | None,
    within: Array | None,
) -> ClassFit:
    mixtures, structures, repairs = list[Mixture](), list[str](), list[tuple[int | None, Repair]]()
    n_parameters, spurious, converged, n_iter = 0, None, True, 0
    for c, name in enumerate(rows.names):
        try:
            best = _best_mixture(rows, c, recipe, settings, workers, within)
        except GmmkitError as error:
            raise type(error)(f"class {name!r}: {error}") from error
        assert best.result is not None
        if best.spurious is not None and not recipe.shrinkage:
            spurious = spurious or f"class {name!r}: {best.spurious}"
        mixtures.append(best.result.mixture)
        structures.append(best.covariance_type)
        repairs += [(c, repair) for repair in best.result.repairs]
        n_parameters += best.n_parameters
        converged &= best.result.converged
        n_iter = max(n_iter, len(best.result.objectives))
    weights = rows.class_weights
    classes = ClassMixture.of_classes(mixtures, weights / weights.sum() if priors is None else priors)
    if rows.has_unlabelled:
        drawn = [drawn_to_pooled(settings, rows, recipe, within, mixture.n_components) for mixture in mixtures]
        classes, met, rounds = _with_unlabelled(rows, mixtures, structures, drawn, workers, priors)
        converged, n_iter = converged and met, n_iter + rounds
    return ClassFit(
        recipe,
        classes,
        tuple(structures),
        tuple(mixture.n_components for mixture in mixtures),
        log_likelihood_of(classes, rows, workers),
        n_parameters + _free_priors(rows, priors),
        spurious,
        converged,
        n_iter,
        tuple(repairs),
    )


def _best_mixture(
    rows: LabelledRows, c: int, recipe: Recipe, settings: FitSettings, workers: Workers, within: Array | None
) -> Candidate:
    """Return the best mixture of a class's labelled rows by BIC, or that which was chosen already."""
    table, chosen = rows.of_class(c), recipe.chosen[c] if recipe.chosen else None
    if chosen is not None:
        recipe = _company(recipe, *chosen, table, workers)
    # What a size is drawn by is its own, and so is its search: other candidates change nothing of it. Stacks know no
    # prior, so that each candidate is then finished by itself: 15 times the seconds on crabs, 19 times on iris.
    sizes = [recipe.sizes] if within is None else [(k,) for k in recipe.sizes]
    found, failed = list[Candidate](), list[GmmkitError]()
    for some in sizes:
        how = _search_settings(replace(recipe, sizes=some), drawn_to_pooled(settings, rows, recipe, within, some[0]))
        try:
            searched = complete(search(table, how, n_jobs=workers.n_threads, warn=not recipe.chosen))
            found.append(_candidate(searched, chosen))
        except GmmkitError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    return min(found, key=lambda one: (one.spurious is not None, one.criterion("bic")))


def _company(recipe: Recipe, structure: str, k: int, table: Table, workers: Workers) -> Recipe:
    """Return a recipe of what a chosen mixture is looked for among.

    Candidates learn from each other, and by itself a model is often left at a worse optimum. Not so one component: it
    has one optimum. With shrinkage each candidate takes a fit of its own, and company too long. Of a table whose
    candidates are fitted one at a time they learn from the next smaller of their structure alone, and nothing else is
    company. Else what takes longest and tells least is left out: sizes two and more above, and the structures of common
    axes and own shapes (EVE, VVE), if neither was chosen: they have no closed form, and take four fifths of the time
    where there are 30 columns.
    """
    if k == 1 or recipe.shrinkage:
        return replace(recipe, structures=(structure,), sizes=(k,))
    if one_at_a_time(table, workers):
        return replace(recipe, structures=(structure,), sizes=tuple(size for size in recipe.sizes if size <= k))
    slow = {name for name in recipe.structures if family(name, table.n_columns).structure[1:] == "VE"}
    names = tuple(name for name in recipe.structures if structure in slow or name not in slow)
    return replace(recipe, structures=names, sizes=tuple(size for size in recipe.sizes if size <= k + 1))


def _candidate(found: SearchResult, chosen: tuple[str, int] | None) -> Candidate:
    if chosen is None:
        return found.best
    one = next(one for one in found.candidates if (one.covariance_type, one.n_components) == chosen)
    if one.result is None:
        raise ParameterError(one.error or "it cannot be fitted")
    return one


def _with_unlabelled(
    rows: LabelledRows,
    mixtures: Sequence[Mixture],
    structures: Sequence[str],
    settings: Sequence[FitSettings],
    workers: Workers,
    priors: Array | None,
) -> tuple[ClassMixture, bool, int]:
    """Go on from mixtures of labelled rows with all rows: each class's next pass counts rows by their posteriors.

    Classes have structures of their own, so that each has a pass of its own: one round is one pass of EM. Returned are
    the classes, whether the stopping rule was met, and the number of rounds.
    """
    own, unlabelled = rows.class_weights, rows.codes < 0
    prior = own / own.sum() if priors is None else priors
    mixtures, objectives, rule = list(mixtures), list[float](), settings[0].rule
    one_pass = [replace(own, max_iter=1) for own in settings]
    for _ in range(settings[0].max_iter):
        classes = ClassMixture.of_classes(mixtures, prior)
        objectives.append(log_likelihood_of(classes, rows, workers) / rows.weights.sum())
        if rule.reached(objectives, -np.inf):
            return classes, True, len(objectives)
        posterior = classes.posterior(rows.table, n_jobs=workers.n_threads)
        counts = np.empty(rows.n_classes)
        for c, structure in enumerate(structures):
            shared = rows.weights * np.where(unlabelled, posterior[:, c], rows.codes == c)
            counts[c] = shared.sum()
            problem = problem_of(rows.table.with_weights(shared), structure, workers)
            passed = complete(fit(problem, [FromMixture(mixtures[c])], one_pass[c], reorder=False))
            mixtures[c] = passed.mixture
        prior = counts / counts.sum() if priors is None else priors
    return ClassMixture.of_classes(mixtures, prior), False, len(objectives)


def _fit_pool(
    rows: LabelledRows,
    recipe: Recipe,
    settings: FitSettings,
    workers: Workers,
    priors: Array | None,  # noqa: ARG001 (a pool's weights are no class's own: priors are given to its fit)
    within: Array | None,
) -> ClassFit:
    (structure,), best = recipe.structures, None
    problem, n = problem_of(rows.table, structure, workers), float(rows.weights.sum())
    for k in recipe.sizes:
        if k > rows.table.n_rows:
            continue
        shares = Shares(np.full((k, rows.n_classes), 1.0 / rows.n_classes), free=True)
        how = drawn_to_pooled(settings, rows, recipe, within, k)
        result = complete(fit_labelled(problem, Named("kmeans", k, "pooled"), rows.codes, shares, how))
        classes = ClassMixture(result.mixture, shares.values)
        spurious = None if recipe.shrinkage else result.health.spurious()
        found = ClassFit(
            recipe,
            classes,
            (structure,),
            (k,),
            log_likelihood_of(classes, rows, workers, joint=True),
            result.n_parameters + k * (rows.n_classes - 1),
            spurious,
            result.converged,
            len(result.objectives),
            tuple((None, repair) for repair in result.repairs),
        )
        if best is None or (found.spurious is None, -found.bic(n)) > (best.spurious is None, -best.bic(n)):
            best = found
    if best is None:
        raise ParameterError(f"n_components must be at most the number of rows, {rows.table.n_rows}")
    return best


def _search_settings(recipe: Recipe, settings: FitSettings) -> SearchSettings:
    return SearchSettings(
        n_components=recipe.sizes,
        covariance_types=recipe.structures,
        criterion="bic",
        n_init=DEFAULTS["n_init"],
        tol=settings.rule.tol,
        smallest_eigenvalue=recipe.min_eigenvalue,
        fit=settings,
    )


def _free_priors(rows: LabelledRows, priors: Array | None) -> int:
    return rows.n_classes - 1 if rows.has_unlabelled and priors is None else 0


def _naming(reason: str, names: Sequence[str]) -> str:
    """Say of which class a component is, where each class has one."""
    word, _, rest = reason.partition(" ")
    number, _, rest = rest.partition(" ")
    return f"class {names[int(number)]!r} {rest}" if word == "component" and number.isdigit() else reason
