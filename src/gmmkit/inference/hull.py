"""The region that the rows of a problem fill, for a uniform background: their convex hull, or a box around them.

The convex hull is what any linear map of the data maps with them, so that a fit with noise stays as equivariant as
its covariance family. It is made of the hulls of blocks, whose corners are few. In more than two columns it hugs the
rows so closely that to be uniform within it is likelier than any cluster (of 200 rows of one normal cloud in four
columns three quarters became noise); the box is the smaller of that along the columns and that along the principal
axes, which shifts and a common scale leave alone, and turns or scales of columns only in part (Fraley & Raftery 2002,
section 3.5; mclust's ``hypvol``).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError
from gmmkit.execution import plan_pass
from gmmkit.inference.problem import Problem
from gmmkit.model.covariance import Full

__all__ = ["Volume", "region"]

Array = NDArray[np.float64]
Volume = Literal["auto", "hull", "box"] | float

# Most columns of a hull that is not asked for, and of a box whose 2ᵈ corners are kept.
_HULL_COLUMNS, _BOX_COLUMNS = 2, 6


def region(problem: Problem, volume: Volume) -> tuple[float, Array | None]:
    """Return the logarithm of the volume, in the problem's frame, and the corners (m, d) of the region.

    Parameters
    ----------
    problem : Problem
    volume : "auto", "hull", "box" or float
        "auto" is the hull in one and two columns, the box beyond. A number is a volume in the data's units; its region
        is not known.

    Raises
    ------
    DataError
        If the rows have no volume.
    """
    if not isinstance(volume, str):
        return float(np.log(volume)) + problem.frame.log_volume, None
    # Families of fewer directions do not see all that are flat.
    full = Problem(problem.table, Full, problem.surveyed, problem.workers)
    if len(full.null_directions):
        raise _flat(problem)
    if volume == "hull" or (volume == "auto" and problem.n_columns <= _HULL_COLUMNS):
        return _hull(problem)
    return _box(problem, full)


def _flat(problem: Problem) -> DataError:
    return DataError(
        f"{problem.table.origin}: the rows have no volume that noise could fill, since columns are constant or "
        "linearly dependent: leave those out"
    )


def _hull(problem: Problem) -> tuple[float, Array]:
    # Only noise needs qhull.
    from scipy.spatial import QhullError

    from gmmkit.model.polytope import corners, log_volume

    def reduced(points: Array) -> Array:
        if not len(points):
            return points  # a block without weight
        try:
            return corners(points)
        except QhullError:
            return points  # too few, or flat

    def task(start: int, stop: int) -> Array:
        found = np.empty((0, problem.n_columns))
        for block in problem.table.blocks(plan.block_rows, start, stop):
            rows = block.rows if block.weights is None else block.rows[block.weights > 0]
            found = reduced(np.concatenate([found, problem.frame.points_in(np.asarray(rows, dtype=np.float64))]))
        return found

    plan = plan_pass(problem.table.n_rows, 4 * problem.n_columns)
    points = problem.workers.map_merge(task, plan.tasks(), lambda a, b: reduced(np.concatenate([a, b])))
    try:
        return log_volume(points), points
    except QhullError:
        raise _flat(problem) from None


def _box(problem: Problem, full: Problem) -> tuple[float, Array | None]:
    table, frame, d = problem.table, problem.frame, problem.n_columns
    # Principal axes of the data's units, in which boxes are measured; no frame changes those.
    units = frame.scale / frame.scale.min()
    own = full.pooled.rescaled(1.0 / (full.frame.scale / full.frame.scale.min())).dense()[0]
    axes = np.hstack([np.eye(d), np.linalg.eigh(own)[1]])

    def task(start: int, stop: int) -> tuple[Array, Array]:
        low, high = np.full(2 * d, np.inf), np.full(2 * d, -np.inf)
        for block in table.blocks(plan.block_rows, start, stop):
            rows = block.rows if block.weights is None else block.rows[block.weights > 0]
            if len(rows):
                along = frame.points_in(np.asarray(rows, dtype=np.float64)) / units @ axes
                low, high = np.minimum(low, along.min(axis=0)), np.maximum(high, along.max(axis=0))
        return low, high

    plan = plan_pass(table.n_rows, 8 * d)
    low, high = problem.workers.map_merge(
        task, plan.tasks(), lambda a, b: (np.minimum(a[0], b[0]), np.maximum(a[1], b[1]))
    )
    if not (high > low).all():
        raise _flat(problem)
    logs = np.log(high - low).reshape(2, d).sum(axis=1)
    best = int(logs.argmin())
    chosen = slice(best * d, (best + 1) * d)
    log_volume = float(logs[best] + np.log(units).sum())
    if d > _BOX_COLUMNS:
        return log_volume, None
    ends = np.stack(np.meshgrid(*zip(low[chosen], high[chosen], strict=True), indexing="ij"), axis=-1)
    return log_volume, np.asarray(ends.reshape(-1, d) @ axes[:, chosen].T * units)
