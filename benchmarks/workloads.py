"""The workloads: sizes, structures, what is aimed at, and seeded data for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Aim:
    """What one thread is to reach: times faster than scikit-learn, share of the processor's limit, float32 rows."""

    ratio: float
    share: float
    ratio32: float


@dataclass(frozen=True)
class Workload:
    """A size of data and a structure."""

    name: str
    n: int
    d: int
    k: int
    covariance_type: str
    aim: Aim | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.n:,}×{self.d}, k={self.k} {self.covariance_type}"

    @property
    def multiply_adds(self) -> float | None:
        """How many a pass needs; None for structures that share a matrix or a variance."""
        if self.covariance_type == "full":
            return float(self.n * self.k * (self.d * (self.d + 1) + 4 * self.d))
        return float(self.n * self.k * (4 * self.d + 1)) if self.covariance_type == "diag" else None

    @property
    def work(self) -> float:
        """About how many multiply-adds a pass takes: decides how many passes are timed."""
        return self.multiply_adds or float(self.n * self.k * self.d * 4)

    def data(self, apart: float = 3.0) -> tuple[np.ndarray, dict[str, Any]]:
        """Return rows around k centres so many standard deviations apart a column, and the start both sides get."""
        rng = np.random.default_rng(0)
        means = rng.normal(size=(self.k, self.d)) * apart
        rows = rng.normal(size=(self.n, self.d))
        for first in range(0, self.n, 65536):
            part = rows[first : first + 65536]
            part += means[rng.integers(self.k, size=len(part))]
        precisions = {
            "full": np.tile(np.eye(self.d), (self.k, 1, 1)),
            "tied": np.eye(self.d),
            "diag": np.ones((self.k, self.d)),
            "spherical": np.ones(self.k),
        }[self.covariance_type]
        weights = np.full(self.k, 1.0 / self.k)
        return rows, {"weights_init": weights, "means_init": means, "precisions_init": precisions}


#: The seven that figures are given for.
SEVEN = (
    Workload("W1", 1_000_000, 2, 5, "full", Aim(65, 0.60, 100)),
    Workload("W2", 1_000_000, 16, 16, "full", Aim(14, 0.55, 25)),
    Workload("W3", 200_000, 64, 32, "full", Aim(5, 0.65, 9)),
    Workload("W4", 500_000, 39, 256, "diag", Aim(12, 0.60, 25)),
    Workload("W5", 200_000, 256, 10, "full", Aim(3, 0.65, 5.5)),
    Workload("W6d", 50_000, 8, 1000, "diag", Aim(22, 0.60, 50)),
    Workload("W6f", 50_000, 8, 1000, "full", Aim(15, 0.55, 28)),
)
WORKLOADS = (
    *SEVEN,
    Workload("d128", 100_000, 128, 10, "full"),
    Workload("tied", 500_000, 16, 16, "tied"),
    Workload("spherical", 500_000, 16, 16, "spherical"),
    Workload("small", 10_000, 4, 3, "full"),
    Workload("tiny", 150, 4, 3, "full"),
)


def named(name: str) -> Workload:
    return next(load for load in WORKLOADS if load.name == name)
