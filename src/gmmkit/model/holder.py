"""What has a mixture: a fitted estimator, or a mixture itself."""

from __future__ import annotations

from typing import Protocol

from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture

__all__ = ["MixtureHolder", "mixture_of"]


class MixtureHolder(Protocol):
    """A fitted estimator."""

    @property
    def mixture_(self) -> Mixture:
        """What was fitted."""
        ...


def mixture_of(model: Mixture | MixtureHolder) -> Mixture:
    """Return the mixture of a fitted estimator, or the mixture itself."""
    mixture = getattr(model, "mixture_", model)
    if not isinstance(mixture, Mixture):
        raise ParameterError(
            f"expected a Mixture or a fitted estimator, but got {type(model).__name__}: call fit first, or give one of "
            "those"
        )
    return mixture
