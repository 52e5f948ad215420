"""What a peer's program is given, for those in Python; the same words and files as in ``given.hpp``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Given:
    """Rows (n, d), weights (k,) and means (k, d) in float64; covariances are unit matrices at first."""

    words: list[str] = field(default_factory=lambda: sys.argv[1:])

    def __post_init__(self) -> None:
        folder, n, d, k, self.structure, *passes = self.words
        self.n, self.d, self.k, self.passes = int(n), int(d), int(k), [int(most) for most in passes]
        self.rows = np.fromfile(Path(folder, "rows.f64")).reshape(self.n, self.d)
        self.weights = np.fromfile(Path(folder, "weights.f64"))
        self.means = np.fromfile(Path(folder, "means.f64")).reshape(self.k, self.d)

    def time(self, fit: Callable[[int], object]) -> None:
        """Print processor seconds of a fit with each number of passes."""
        for most in self.passes:
            begun = time.process_time()
            fit(most)
            print(most, time.process_time() - begun, flush=True)
