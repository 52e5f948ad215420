"""What a model of classes is before any row is seen, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from gmmkit.inference.repairs import Repair
from gmmkit.model.class_mixture import ClassMixture

__all__ = ["MIN_EIGENVALUE", "MODELS", "ClassFit", "Model", "Recipe"]

Model = Literal["EDDA", "MclustDA", "pool"]

MODELS: tuple[Model, ...] = get_args(Model)
#: A component that is narrower than a hundredth of its class's variance in some direction rests on rounded values: its
#: density, which no other class's can match there, would claim rows of other classes. How small a share is too small
#: was measured: the held-out log loss of MclustDA at 1e-4, 1e-3, 0.01, 0.03 and 0.1 is 10.5, 1.21, 0.082, 0.082, 0.082
#: on iris, 1.35, 2.00, 1.04, 1.21, 0.71 on diabetes, 0.151, 0.113, 0.122, 0.119, 0.119 on crabs. On mclust's folds 0.03
#: has three rows fewer wrong of diabetes and none of crabs, but where classes are thin and curved it costs something:
#: rows are wrong of smile and jain, of which at 0.01 none is. A limit that follows from the step to which columns were
#: recorded (twice the share of rounding in the class's variance) leaves no mixture admissible where columns nearly
#: depend on each other.
MIN_EIGENVALUE = 1e-2


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a model is, before any row is seen.

    Attributes
    ----------
    model : {"EDDA", "MclustDA", "pool"}
    structures : tuple of str
        One, but for "MclustDA", where each class takes the best of them by BIC.
    sizes : tuple of int
        Numbers of components of a class ("MclustDA") or of the pool, of which BIC takes the best.
    shrinkage : float
        Share of the pooled covariance within classes in that of a component of average size, n / (C k) labelled rows
        where each of C classes has k, n / k of a pool of k; 0: none.
    min_eigenvalue : float
        Smallest variance of a component of a class's mixture, as a share of that class's, that is admissible.
    chosen : tuple of (str, int)
        Structure and size of each class's mixture ("MclustDA"), where they are known already: each is looked for among
        its like, and taken in place of the best.
    """

    model: Model
    structures: tuple[str, ...]
    sizes: tuple[int, ...] = (1,)
    shrinkage: float = 0.0
    min_eigenvalue: float = MIN_EIGENVALUE
    chosen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ClassFit:
    """A recipe fitted to rows.

    Attributes
    ----------
    recipe : Recipe
    classes : ClassMixture
    structures : tuple of str
        Of each class, or of the pool.
    n_components : tuple of int
        Of each class, or of the pool.
    log_likelihood : float
        ``Σ log p(x_i | c_i)`` of labelled rows; with rows of no known class, or of a pool, ``Σ log p(x_i, c_i)`` and
        ``Σ log p(x_i)``.
    n_parameters : int
    spurious : str or None
        Why the fit is not admissible.
    converged : bool
    n_iter : int
        Passes of the fit, or of the class that took most and then over all rows.
    repairs : tuple of (int or None, Repair)
        What was degenerate, with the class that it was in.
    """

    recipe: Recipe
    classes: ClassMixture
    structures: tuple[str, ...]
    n_components: tuple[int, ...]
    log_likelihood: float
    n_parameters: int
    spurious: str | None
    converged: bool
    n_iter: int
    repairs: tuple[tuple[int | None, Repair], ...]

    @property
    def settled(self) -> Recipe:
        """The recipe of this very model: structures and sizes as chosen."""
        if self.recipe.model == "MclustDA":
            return replace(self.recipe, chosen=tuple(zip(self.structures, self.n_components, strict=True)))
        return replace(self.recipe, structures=self.structures[:1], sizes=self.n_components[:1])

    def bic(self, total_weight: float) -> float:
        """Return the Bayesian information criterion, lower is better; n is the sum of weights."""
        return -2.0 * self.log_likelihood + math.log(total_weight) * self.n_parameters
