"""What a fit found, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gmmkit.inference.diagnosis import Health
from gmmkit.inference.repairs import Repair
from gmmkit.inference.warm_up import WarmedUp
from gmmkit.model.mixture import Mixture

__all__ = ["FitResult"]


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """What a fit found; it holds no data.

    Attributes
    ----------
    mixture : Mixture
        In the data's units.
    objectives : tuple of float
        Penalised log-likelihood per unit of weight before each pass's refit, of the best start.
    reason : {"converged", "max_iter", "interrupted"}
    repairs : tuple of Repair
    health : Health
    starts_tried : int
    total_weight : float
    n_parameters : int
        Parameters that were free, which criteria count.
    warm_up : WarmedUp or None
        What was done before the first exact pass of the best start, if anything.
    precision : {"float64", "float32"}
        What passes were computed in; the last ones always in float64, where gains are too small for floats to tell.
    starts_stopped : int
        Starts that were stopped early because they were to end below the best.
    """

    mixture: Mixture
    objectives: tuple[float, ...]
    reason: str
    repairs: tuple[Repair, ...]
    health: Health
    starts_tried: int
    total_weight: float
    n_parameters: int
    warm_up: WarmedUp | None = None
    precision: str = "float64"
    starts_stopped: int = 0

    @property
    def converged(self) -> bool:
        """Whether the stopping rule was met."""
        return self.reason == "converged"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit; the mixture is the best complete one until then."""
        return self.reason == "interrupted"

    @property
    def objective(self) -> float:
        """The last objective; −inf if no pass was made."""
        return self.objectives[-1] if self.objectives else -np.inf

    def as_record(self) -> dict[str, Any]:
        """Return everything but the mixture as plain values, for a model file."""
        return {
            "objectives": list(self.objectives),
            "reason": self.reason,
            "repairs": [asdict(repair) for repair in self.repairs],
            "effective_rows": self.health.effective_rows.tolist(),
            "relative_eigenvalues": self.health.relative_eigenvalues.tolist(),
            "needed_rows": self.health.needed_rows,
            **({"dependent": True} if self.health.dependent else {}),
            "starts_tried": self.starts_tried,
            "total_weight": self.total_weight,
            "n_parameters": self.n_parameters,
            "precision": self.precision,
            **({} if self.warm_up is None else {"warm_up": asdict(self.warm_up)}),
            **({"starts_stopped": self.starts_stopped} if self.starts_stopped else {}),
        }

    @classmethod
    def from_record(cls, mixture: Mixture, record: Mapping[str, Any]) -> FitResult:
        """Return the result that `as_record` was made of."""
        repairs = []
        for fields in record["repairs"]:
            direction = fields["direction"]
            repairs.append(Repair(**{**fields, "direction": None if direction is None else tuple(direction)}))
        return cls(
            mixture=mixture,
            objectives=tuple(map(float, record["objectives"])),
            reason=str(record["reason"]),
            repairs=tuple(repairs),
            health=Health(
                np.array(record["effective_rows"], dtype=np.float64),
                np.array(record["relative_eigenvalues"], dtype=np.float64),
                int(record["needed_rows"]),
                bool(record.get("dependent", False)),
            ),
            starts_tried=int(record["starts_tried"]),
            total_weight=float(record["total_weight"]),
            # Files of before parameters could be held say nothing: all were free.
            n_parameters=int(record.get("n_parameters", mixture.n_parameters)),
            precision=str(record.get("precision", "float64")),
            warm_up=WarmedUp(**record["warm_up"]) if "warm_up" in record else None,
            starts_stopped=int(record.get("starts_stopped", 0)),
        )
