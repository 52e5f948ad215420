"""What ``gmmkit fit`` was asked for, with what holds where nothing was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmmkit.inference.algorithm import Progress
    from gmmkit.inference.fit import FitSettings
    from gmmkit.inference.hull import Volume
    from gmmkit.inference.stopping import StoppingRule
    from gmmkit.inference.student import Degrees

__all__ = ["ONE_FIT", "Asked", "engine_seed"]

# Not GaussianMixture's, which are scikit-learn's: one start that stops at a gain of 1e-3 ends 14 nats short of the best
# fit of Old Faithful by three components with one covariance, and nobody would see it. The report's Python names them.
ONE_FIT: dict[str, Any] = {"tol": 1e-5, "max_iter": 1000, "n_init": 3}
# scikit-learn's starts, of which each is another try.
CHEAP = ("kmeans", "k-means++", "random", "random_from_data")


@dataclass(frozen=True)
class Asked:
    """What was asked for; None: the default of one fit or of the search.

    Attributes
    ----------
    components : sequence of int
    structures : sequence of str, or None
        None: every one that differs for the table's columns.
    criterion : str
    reg_covar : "auto" or float
    init : str
    seed : int
    tol, max_iter, n_init
    jobs : int or None
    prior : "conjugate" or None
    equal_weights : bool
    noise : bool
        A uniform background beside the components.
    noise_volume : "auto", "hull", "box" or float
    folds : int
        Of the held-out likelihood, where a search is by it.
    min_eigenvalue : float, optional
        Of what a search takes for sound.
    start_labels : bool
        Start from the groups of the table's labels.
    degrees_of_freedom : "common", "free", float or None
        Of the Student-t components of one fit; None: they are Gaussian.
    acceleration : "squarem" or None
    warm_up : "mini-batch" or None
    n_init_stop : "dominated" or None
        Of one fit; a search does all three where they pay.
    truncation : int, optional
        Components that each row is shared among at most, of one fit.
    """

    components: Sequence[int]
    structures: Sequence[str] | None = None
    criterion: str = "bic"
    reg_covar: str | float = "auto"
    init: str = "kmeans"
    seed: int = 0
    tol: float | None = None
    max_iter: int | None = None
    n_init: int | None = None
    jobs: int | None = None
    prior: str | None = None
    equal_weights: bool = False
    noise: bool = False
    noise_volume: Volume = "auto"
    folds: int = 10
    min_eigenvalue: float | None = None
    start_labels: bool = False
    degrees_of_freedom: Degrees | None = None
    acceleration: str | None = None
    warm_up: str | None = None
    n_init_stop: str | None = None
    truncation: int | None = None

    @property
    def is_one_fit(self) -> bool:
        """Whether nothing is left to choose."""
        return len(self.components) == 1 and self.structures is not None and len(self.structures) == 1

    def option(self, name: str) -> Any:
        """Return tol, max_iter, n_init or min_eigenvalue as given, or its default."""
        from gmmkit.selection.search import DEFAULTS

        given = getattr(self, name)
        if given is not None:
            return given
        if name == "n_init" and self.is_one_fit and (self.init not in CHEAP or self.start_labels):
            # These are the best of many starts, or have no chance in them.
            return 1
        return (ONE_FIT if self.is_one_fit else DEFAULTS)[name]

    @property
    def kind(self) -> str:
        """The estimator that does the same from Python."""
        return "GaussianMixture" if self.degrees_of_freedom is None else "StudentMixture"

    @property
    def truncated_to(self) -> int | None:
        """Components of each row in a single fit; None: all."""
        from gmmkit.inference.truncated_start import truncated_to

        return truncated_to(self.truncation, self.components[0])

    def settings(self, rule: StoppingRule, callback: Callable[[Progress], object] | None = None) -> FitSettings:
        """Return how each fit is made."""
        from gmmkit.inference.acceleration import Squarem
        from gmmkit.inference.conjugate import ConjugatePrior
        from gmmkit.inference.fit import FitSettings
        from gmmkit.inference.noise import Background
        from gmmkit.inference.warm_up import MiniBatches

        return FitSettings(
            rule=rule,
            max_iter=self.option("max_iter"),
            reg_covar=self.reg_covar,  # type: ignore[arg-type]
            seed=engine_seed(self.seed),
            callback=callback,
            prior=ConjugatePrior() if self.prior == "conjugate" else None,
            equal_weights=self.equal_weights,
            noise=Background(True, self.noise_volume) if self.noise else None,
            degrees_of_freedom=self.degrees_of_freedom,
            acceleration=Squarem() if self.acceleration else None,
            warm_up=MiniBatches() if self.warm_up else None,
            stop_dominated=self.n_init_stop is not None,
            truncation=self.truncated_to,
        )


def engine_seed(seed: int) -> int:
    """Return the engine's seed as the estimators do: the same number gives the same model there."""
    from gmmkit.numerics import streams

    return streams.engine_seed(seed)
