"""The workloads: sizes, structures, and seeded data for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    name: str
    n: int
    d: int
    k: int
    covariance_type: str

    def __str__(self) -> str:
        return f"{self.name} {self.n:,}×{self.d}, k={self.k} {self.covariance_type}"

    def data(self) -> tuple[np.ndarray, dict]:
        """Return rows around k centres three standard deviations apart a column, and the start both sides get."""
        rng = np.random.default_rng(0)
        means = rng.normal(size=(self.k, self.d)) * 3.0
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


WORKLOADS = (
    Workload("W1", 1_000_000, 2, 5, "full"),
    Workload("W2", 1_000_000, 16, 16, "full"),
    Workload("W3", 200_000, 64, 32, "full"),
    Workload("W4", 500_000, 39, 256, "diag"),
    Workload("W5", 100_000, 256, 10, "full"),
    Workload("d128", 100_000, 128, 10, "full"),
    Workload("tied", 500_000, 16, 16, "tied"),
    Workload("spherical", 500_000, 16, 16, "spherical"),
    Workload("small", 10_000, 4, 3, "full"),
    Workload("tiny", 150, 4, 3, "full"),
)
