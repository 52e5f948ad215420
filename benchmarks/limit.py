"""The least time of an EM pass on one core of this processor, from what the core has been measured to do.

A pass over n rows with k components in d columns needs ``n k (d (d + 1) + 4 d)`` fused multiply-adds for full
covariances (a triangular product for the distances, symmetric second moments) and ``n k (4 d + 1)`` for diagonal ones,
and ``n k`` exponentials. ``limit.cpp`` measures how many of each a core does in a second when everything is in
registers. Reading rows never decides.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from benchmarks.compiled import program
from benchmarks.workloads import Workload

SOURCE = Path(__file__).with_name("limit.cpp")


@dataclass(frozen=True)
class Limit:
    """What one core does in a second; 64 and 32 are bits of a number."""

    fma64: float
    fma32: float
    exp64: float
    exp32: float
    read: float

    @classmethod
    def measured(cls) -> Self:
        """Measure, in about a second; raise `MissingError` where there is no compiler."""
        out = subprocess.run([program(SOURCE)], capture_output=True, text=True, check=True).stdout
        found: dict[str, Any] = json.loads(out)
        return cls(**{field.name: found[field.name] for field in fields(cls)})

    @classmethod
    def mean(cls, found: Sequence[Limit]) -> Self:
        """Return the limit between some that were measured."""
        return cls(**{field.name: statistics.mean(getattr(one, field.name) for one in found) for field in fields(cls)})

    def seconds(self, load: Workload, bits: int = 64) -> float | None:
        """Return the least time of a pass; None for a structure that has no count of operations here."""
        if load.multiply_adds is None:
            return None
        fma, exp = (self.fma64, self.exp64) if bits == 64 else (self.fma32, self.exp32)
        return load.multiply_adds / fma + load.n * load.k / exp

    def __str__(self) -> str:
        return (
            f"One core, in 1e9 a second: fused multiply-adds {self.fma64 / 1e9:.1f} in float64 and "
            f"{self.fma32 / 1e9:.1f} in float32, exponentials {self.exp64 / 1e9:.2f} and {self.exp32 / 1e9:.2f}, "
            f"bytes read {self.read / 1e9:.1f}."
        )
