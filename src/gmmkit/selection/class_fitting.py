"""What every fit of classes needs: its problem, what draws it toward the pooled covariance, and that it is whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Table
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitResult, FitSettings
from gmmkit.inference.labelled import fit_supervised, moments_of_classes
from gmmkit.inference.pooled import PooledPrior
from gmmkit.inference.problem import Problem
from gmmkit.inference.stopping import SmallChange
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import family
from gmmkit.selection.class_recipes import Recipe
from gmmkit.selection.class_rows import LabelledRows
from gmmkit.selection.ranking import SearchResult
from gmmkit.selection.search import DEFAULTS
from gmmkit.statistics import Statistics

__all__ = [
    "KnownClasses",
    "complete",
    "drawn_to_pooled",
    "known_classes",
    "pooled_covariance",
    "problem_of",
    "supervised",
]

Array = NDArray[np.float64]
_Found = TypeVar("_Found", FitResult, SearchResult)


@dataclass(frozen=True, slots=True, eq=False)
class KnownClasses:
    """What every fit of one component a class has in common, whatever its prior: the rows are read for it alone.

    Attributes
    ----------
    problem : Problem
        Of rows whose classes are all known.
    moments : Statistics
        Of each class.
    """

    problem: Problem
    moments: Statistics


def known_classes(rows: LabelledRows, structure: str, workers: Workers) -> KnownClasses:
    """Return what fits of a structure to labelled rows have in common; rows of no known class must have no weight."""
    problem = problem_of(rows.table, structure, workers)
    return KnownClasses(problem, moments_of_classes(problem, rows.codes, rows.n_classes))


def pooled_covariance(rows: LabelledRows, settings: FitSettings, workers: Workers) -> Array:
    """Return the covariance within classes of labelled rows (d, d), pooled over the classes."""
    known = known_classes(rows.labelled_only(), "EEE", workers)
    found = complete(fit_supervised(known.problem, known.moments, supervised(settings)))
    return np.asarray(found.mixture.covariance.dense()[0])


def complete(found: _Found) -> _Found:
    """Return what was found, unless Ctrl-C cut it short: classes that are half fitted are of no use to anybody.

    Raises
    ------
    KeyboardInterrupt
        If one ended the fit or the search.
    """
    if found.interrupted:
        raise KeyboardInterrupt
    return found


def supervised(settings: FitSettings) -> FitSettings:
    """Return settings for rows whose classes are all known: the start is the answer, or a step of its search away."""
    return replace(settings, rule=SmallChange(DEFAULTS["tol"]))


def problem_of(table: Table, structure: str, workers: Workers) -> Problem:
    """Return the problem of fitting components of a structure to rows."""
    return Problem(table, family(structure, table.n_columns), survey(table, workers), workers)


def drawn_to_pooled(
    settings: FitSettings, rows: LabelledRows, recipe: Recipe, within: Array | None, k: int
) -> FitSettings:
    """Return settings that draw the covariances of k components of a class, or of the pool, toward the pooled one.

    It counts as so many rows that its share is the recipe's at a component of average size: of n / k rows of the pool,
    of n / (C k) of a class of average size. How many components there are is the fit's own number, so that what was
    chosen of all rows is drawn as much as what each fold fits.
    """
    if within is None:
        return settings
    components = k if recipe.model == "pool" else rows.n_classes * k
    ratio = recipe.shrinkage / (1.0 - recipe.shrinkage)
    return replace(settings, prior=PooledPrior(pooled=within, pseudo_rows=rows.effective_rows / components * ratio))
