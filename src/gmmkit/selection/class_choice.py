"""Which model of labelled rows: structures and sizes by BIC or by cross-validation, shrinkage by cross-validation.

With BIC, every shrinkage that is tried takes its best model by BIC, and the shrinkage whose model gives held-out labels
the highest likelihood wins: a criterion of free parameters says nothing of a prior. With "error" or "log_loss"
everything is cross-validated alike. Folds are fitted with the structures and sizes that were chosen of all rows (as
mclust's cvMclustDA does it): what is validated is the model. In each fold it is looked for among others, as it was of
all rows: by themselves the two components of a class of crabs were left more than 0.1 below the highest log-likelihood
known in 57 % of 30 folds, 3.6 below it on average; among others in 13 %, 0.7 below it.

A class takes its mixture by BIC at the class's own number of rows. Nothing simpler does better everywhere. Wrong rows
beyond those of BIC, where the choice is made anew in each of ten folds, are the mean of twelve partitions (of wine
three, of jain two, of smile one), with the difference's standard error:

                                          crabs       iris        banknote    diabetes    wine  smile  jain
    wrong by BIC                          10.8         6.1         0.6        10.2         4.0    0     0
    one Gaussian a class                  +0.8 ± 0.4  -2.0 ± 0.4  +0.4 ± 0.2  +1.9 ± 0.5  -2.0   +1    +21.5
    the n of BIC that of all classes      +0.8 ± 0.4  -1.3 ± 0.3  +0.1 ± 0.1  +1.7 ± 0.6  -1.3    0     0
    BIC's p log n times nd / (nd - p - 1) +0.8 ± 0.4  -1.0 ± 0.3  +0.1 ± 0.1  +1.2 ± 0.6  -1.3    0     0
    simplest within 2 of the best BIC     +0.3 ± 0.4  -0.3 ± 0.2   0.0 ± 0.1  -0.1 ± 0.6  -0.3    0     0
    simplest within 6                     +0.8 ± 0.3  -1.2 ± 0.4  +0.3 ± 0.1  +1.6 ± 0.6  -1.0    0     0
    ICL                                   +0.5 ± 0.2  -0.4 ± 0.2  -0.2 ± 0.1  -0.3 ± 0.5   0.0    0    +0.5
    2 d rows to a component               +0.1 ± 0.3  -0.6 ± 0.2  +0.1 ± 0.1  +2.7 ± 0.8  -1.7    0     0
    3 d rows                              +0.7 ± 0.3  -1.8 ± 0.3  +0.4 ± 0.2  +2.1 ± 0.9  -2.0    0     0

(2: Kass & Raftery 1995, "not worth more than a bare mention"; nd / (nd - p - 1): the factor of AICc, at n rows of d.)
Of 60 samples of one Gaussian BIC takes 5 to 7 for two components or more where they have 50 rows × 5, 20 where 33 × 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import GmmkitError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings
from gmmkit.model.class_mixture import ClassMixture
from gmmkit.selection.class_fitting import KnownClasses, known_classes, pooled_covariance
from gmmkit.selection.class_models import fit_recipe
from gmmkit.selection.class_recipes import MIN_EIGENVALUE, ClassFit, Model, Recipe
from gmmkit.selection.class_rows import LabelledRows
from gmmkit.selection.class_validation import HeldOutClasses, hold_out, stratified_folds

__all__ = ["CLASS_CRITERIA", "SHRINKAGES", "ClassChoice", "ClassCriterion", "ClassSettings", "choose_classes"]

ClassCriterion = Literal["bic", "error", "log_loss"]
CLASS_CRITERIA: tuple[ClassCriterion, ...] = get_args(ClassCriterion)
#: Shares of the pooled covariance that cross-validation chooses from.
SHRINKAGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)

# Values of second moments that are kept at once, of all folds together: a quarter of a gigabyte.
_MOST_KEPT = 1 << 25


@dataclass(frozen=True, slots=True)
class ClassSettings:
    """What to choose from, and how.

    Attributes
    ----------
    model : {"EDDA", "MclustDA", "pool"}
    structures : sequence of str
    sizes : sequence of int
    criterion : {"bic", "error", "log_loss"}
    shrinkages : sequence of float
        Of more than one, cross-validation chooses.
    min_eigenvalue : float
    folds, fold_seed : int
        Another seed makes other folds of the same rows.
    calibrate : bool
        Whether the temperature of probabilities is estimated, by cross-validation of what was chosen.
    validate : bool
        Whether what was chosen is cross-validated in any case.
    priors : ndarray of shape (C,), optional
    fit : FitSettings
    """

    model: Model
    structures: Sequence[str]
    sizes: Sequence[int] = (1,)
    criterion: ClassCriterion = "bic"
    shrinkages: Sequence[float] = (0.0,)
    min_eigenvalue: float = MIN_EIGENVALUE
    folds: int = 10
    fold_seed: int = 0
    calibrate: bool = False
    validate: bool = False
    priors: NDArray[np.float64] | None = None
    fit: FitSettings = field(default_factory=FitSettings)


@dataclass(slots=True, eq=False)
class _Tried:
    """One recipe, what came of it, and what cross-validation says."""

    recipe: Recipe
    fitted: ClassFit | None = None
    held_out: HeldOutClasses | None = None
    temperature: float = 1.0
    failed: str | None = None

    @property
    def log_loss(self) -> float | None:
        """The mean of ``−log p(c | x)`` of held-out rows, at the temperature that is used."""
        return None if self.held_out is None else self.held_out.log_loss(self.temperature)

    def as_row(self, total_weight: float) -> dict[str, Any]:
        fitted, held_out = self.fitted, self.held_out
        return {
            "model": self.recipe.model,
            "covariance_type": list(fitted.structures if fitted else self.recipe.structures),
            "n_components": list(fitted.n_components if fitted else self.recipe.sizes),
            "shrinkage": self.recipe.shrinkage,
            "log_likelihood": fitted.log_likelihood if fitted else None,
            "n_parameters": fitted.n_parameters if fitted else None,
            "bic": fitted.bic(total_weight) if fitted else None,
            "error": held_out.error if held_out else None,
            "log_loss": self.log_loss,
            "spurious": fitted.spurious if fitted else None,
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ClassChoice:
    """What was chosen, and from what.

    Attributes
    ----------
    best : ClassFit
    candidates : tuple of dict
        Everything that was tried, best first.
    held_out : HeldOutClasses or None
        What cross-validation says of each row under the choice, where it was asked for; not in a model file.
    confusion : ndarray of shape (C, C) or None
        Held-out rows of each class (down) taken for each (across).
    temperature : float
        Of probabilities; 1: as the model has them.
    """

    best: ClassFit
    candidates: tuple[dict[str, Any], ...]
    held_out: HeldOutClasses | None = None
    confusion: NDArray[np.float64] | None = None
    temperature: float = 1.0


def choose_classes(rows: LabelledRows, settings: ClassSettings, *, n_jobs: int | None = None) -> ClassChoice:
    """Fit every candidate and choose.

    Raises
    ------
    GmmkitError
        If not one candidate can be fitted: the first one's reason. If a class has fewer distinct rows than folds.
    """
    with Workers(n_jobs) as workers:
        choice = _Choice(rows, settings, workers)
        tried = [_Tried(recipe) for recipe in _recipes(settings)]
        ranked = (
            choice.by_bic(tried) if settings.criterion == "bic" else choice.by_validation(tried, settings.criterion)
        )
        best = ranked[0]
        if best.fitted is None:
            raise ParameterError(best.failed or "no candidate could be fitted")
        if (settings.calibrate or settings.validate) and best.held_out is None:
            choice.validate(best)
            if best.failed is not None:
                raise ParameterError(best.failed)
        total = float(rows.weights.sum())
        held_out, table = best.held_out, tuple(one.as_row(total) for one in ranked)
        confusion = None if held_out is None else held_out.confusion()
        return ClassChoice(best.fitted, table, held_out, confusion, best.temperature)


class _Choice:
    """Fits and validations of the same rows."""

    def __init__(self, rows: LabelledRows, settings: ClassSettings, workers: Workers) -> None:
        self.rows, self.settings, self.workers = rows, settings, workers
        self._member: NDArray[np.intp] | None = None
        # The covariance within classes of all rows (−1) and of those that each fold leaves.
        self._pooled: dict[int, NDArray[np.float64]] = {}
        # The moments of classes of the same rows, for the structure that was fitted last.
        self._known: dict[int, tuple[str, KnownClasses]] = {}

    def by_bic(self, tried: list[_Tried]) -> list[_Tried]:
        total = float(self.rows.weights.sum())
        for one in tried:
            self._fit(one)
        best_first = sorted(tried, key=lambda one: (*_standing(one), one.fitted.bic(total) if one.fitted else np.inf))
        shrinkages = tuple(dict.fromkeys(one.recipe.shrinkage for one in tried))
        if len(shrinkages) == 1:
            return best_first
        # Cross-validated are the best model of each shrinkage.
        firsts = [next(one for one in best_first if one.recipe.shrinkage == share) for share in shrinkages]
        for one in firsts:
            self.validate(one)
        others = [one for one in best_first if one not in firsts]
        return [*_by_loss(firsts, "log_loss"), *others]

    def by_validation(self, tried: list[_Tried], criterion: ClassCriterion) -> list[_Tried]:
        for one in tried:
            self._fit(one)
            self.validate(one)
        return _by_loss(tried, criterion)

    def _classes(self, seen: LabelledRows, fold: int, recipe: Recipe) -> ClassMixture:
        return self._fitted(seen, fold, recipe).classes

    def _fitted(self, seen: LabelledRows, fold: int, recipe: Recipe) -> ClassFit:
        how, workers = self.settings.fit, self.workers
        if recipe.shrinkage and fold not in self._pooled:
            self._pooled[fold] = pooled_covariance(seen, how, workers)
        return fit_recipe(
            seen, recipe, how, workers,
            priors=self.settings.priors, pooled=self._pooled.get(fold), known=self._known_classes(seen, fold, recipe),
        )  # fmt: skip

    def _known_classes(self, seen: LabelledRows, fold: int, recipe: Recipe) -> KnownClasses | None:
        """Return what fits that differ in nothing but their shrinkage share, where there are any."""
        if recipe.model != "EDDA" or len(self.settings.shrinkages) == 1 or seen.has_unlabelled:
            return None
        structure = recipe.structures[0]
        if fold in self._known and self._known[fold][0] == structure:
            return self._known[fold][1]
        known = known_classes(seen, structure, self.workers)
        if (self.settings.folds + 1) * known.moments.second.size <= _MOST_KEPT:
            self._known[fold] = structure, known
        return known

    def _fit(self, one: _Tried) -> None:
        try:
            one.fitted = self._fitted(self.rows, -1, one.recipe)
        except GmmkitError as error:
            one.failed = str(error)

    def validate(self, one: _Tried) -> None:
        """Cross-validate the model that a recipe came to, and the temperature of its probabilities if they have one."""
        if one.fitted is None:
            return
        if self._member is None:
            # Which rows are too few for the folds is the caller's to know, not one candidate's.
            self._member = stratified_folds(self.rows, self.settings.folds, self.settings.fold_seed, self.workers)
        try:
            settled = one.fitted.settled
            one.held_out = hold_out(
                self.rows,
                self._member,
                lambda seen, fold: self._classes(seen, fold, settled),
                n_jobs=self.workers.n_threads,
            )
        except GmmkitError as error:
            one.failed = f"what one fold leaves cannot be fitted: {error}"
            return
        if self.settings.calibrate:
            one.temperature = one.held_out.temperature()


def _recipes(settings: ClassSettings) -> list[Recipe]:
    whole = settings.model == "MclustDA" and settings.criterion == "bic"
    structures = [tuple(settings.structures)] if whole else [(name,) for name in settings.structures]
    one_by_one = settings.criterion != "bic" or settings.model == "pool"
    sizes = [(k,) for k in settings.sizes] if one_by_one else [tuple(settings.sizes)]
    if settings.model == "EDDA":
        sizes = [(1,)]
    return [
        Recipe(settings.model, *choice, min_eigenvalue=settings.min_eigenvalue)
        for choice in product(structures, sizes, settings.shrinkages)
    ]


def _standing(one: _Tried) -> tuple[bool, bool]:
    return one.fitted is None, one.fitted is None or one.fitted.spurious is not None


def _by_loss(tried: list[_Tried], criterion: ClassCriterion) -> list[_Tried]:
    """Return what was cross-validated best first; of equal errors the surer goes first, then the simpler."""

    def key(one: _Tried) -> tuple[float, ...]:
        found = one.held_out
        if found is None:
            return (*_standing(one), np.inf)
        error = found.error if criterion == "error" else 0.0
        assert one.fitted is not None
        return (*_standing(one), error, found.log_loss(one.temperature), one.fitted.n_parameters)

    return sorted(tried, key=key)
