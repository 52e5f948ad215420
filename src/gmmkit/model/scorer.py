"""A mixture made ready for one pass over blocks of rows: `score` and `gather` in the form each block allows.

The expanded form is two matrix products; its rounding error in a score is about ε·κ² (numerics of the house).
κ² is bounded for each block by ``max_k uᵀ|P_k|u`` with u the block's largest |z| per column; a block beyond the
bound goes centred, all its components together, so that one outlier costs one block.

Student-t components score by the distances that Gaussian scores tell (`kernels/student.py`); a uniform background is
one more row of scores, the same number for every row of the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.execution import Plan, plan_pass
from gmmkit.kernels import expanded, student
from gmmkit.model.covariance import Covariance
from gmmkit.model.sums import Sums
from gmmkit.numerics.frame import Frame
from gmmkit.numerics.lazy import lazy
from gmmkit.numerics.logsumexp import log_normalise
from gmmkit.statistics import Contraction

__all__ = ["KAPPA_SQUARED_LIMIT", "Scorer", "Workspace"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))
KAPPA_SQUARED_LIMIT = 1e-9 / np.finfo(np.float64).eps
# Stands for log 0 where −inf would turn products with zeros into NaN.
_LOG_ZERO = -1e250
_FARTHEST = 1e300
# Relative difference of squared distances that is rounding.
_EQUALLY_WIDE = 1e-13


class Workspace:
    """Buffers of one task, reused from block to block; the last block scored is what `gather` reads."""

    __slots__ = ("_distances", "_psi", "_scores", "_z", "distances", "expanded", "psi", "scored", "z")

    def __init__(self, d: int, p: int, k: int, block_rows: int, *, student: bool = False, noise: bool = False) -> None:
        self._psi = np.empty((max(p, 1 + d), block_rows))
        # Rows are read straight into the linear features, whose constant row never changes.
        self._psi[0] = 1.0
        self._z = self._psi[1 : 1 + d]
        # The background's scores are the last row, where there is one.
        self._scores = np.empty((k + noise, block_rows))
        self._distances = np.empty((k if student else 0, block_rows))
        self.expanded = False

    def resize(self, n_rows: int) -> None:
        """Point the views at the first `n_rows` columns of the buffers."""
        self.z = self._z[:, :n_rows]
        self.psi = self._psi[:, :n_rows]
        self.scored = self._scores[:, :n_rows]
        self.distances = self._distances[:, :n_rows]


class Scorer:
    """Scores and gathers blocks for one mixture in one frame.

    Parameters
    ----------
    log_weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
        In the frame.
    covariance : Covariance
        In the frame.
    frame : Frame
    exact : Scorer, optional
        Scores the blocks that the expanded form cannot: of the same mixture in a frame without a shift, where
        a row less a mean is rounded once. Far apart components would lose digits to a common origin.
    centred : bool, default=False
        Use the centred form for every block, however near: for first moments about points whose components'
        own covariances are not known yet.
    degrees_of_freedom : ndarray of shape (k,), optional
        Of Student-t components, whose scales `covariance` then holds; infinity: Gaussian.
    log_noise : float, optional
        Log weight plus log-density, in the frame, of a uniform background.
    """

    def __init__(
        self,
        log_weights: Array,
        means: Array,
        covariance: Covariance,
        frame: Frame,
        *,
        exact: Scorer | None = None,
        centred: bool = False,
        degrees_of_freedom: Array | None = None,
        log_noise: float | None = None,
    ) -> None:
        k, d = means.shape
        self.degrees_of_freedom, self.log_noise = degrees_of_freedom, log_noise
        self.means, self.covariance, self.frame, self.exact = means, covariance, frame, exact
        self.family = type(covariance)
        weights = np.where(np.isfinite(log_weights), log_weights, _LOG_ZERO)
        self.constants = weights - 0.5 * (d * _LOG_2PI + covariance.log_determinants)
        if degrees_of_freedom is not None:
            self._peaks = self.constants + student.peak_offsets(degrees_of_freedom, d)
        self.whitening = covariance.whitening
        self._expands = not centred and expanded_pays(self.family, k, d)

    @lazy
    def theta(self) -> Array | None:
        """Θ (k, p) of the expanded form ``Θ ψ(z)``, or None where rows are better scored centred."""
        return self.covariance.natural(self.means, self.constants) if self._expands else None

    @property
    def values_per_row(self) -> int:
        """Float64 temporaries of a pass for each row: what block sizes are planned from."""
        k, d = self.means.shape
        beside = (0 if self.degrees_of_freedom is None else 2 * k) + (0 if self.log_noise is None else 2)
        return int(2 * k + beside + (self.family.features.size(d) if self._expands else 3 * d))

    def plan(self, n_rows: int) -> Plan:
        """Return how a pass over `n_rows` is cut: a function of sizes only."""
        # Beside large matrices a block takes half of what it may.
        return plan_pass(n_rows, self.values_per_row * (2 if self.covariance.large else 1), len(self.means))

    def workspace(self, block_rows: int) -> Workspace:
        """Return buffers for one task."""
        k, d = self.means.shape
        p = self.family.features.size(d) if self._expands else 0
        is_student, has_noise = self.degrees_of_freedom is not None, self.log_noise is not None
        return Workspace(d, p, k, block_rows, student=is_student, noise=has_noise)

    def score(self, rows: NDArray[np.generic], work: Workspace) -> Array:
        """Read rows (B, d) into the frame and return their scores (k, B), less `row_term`."""
        z, near = self._read(rows, work)
        scores = work.scored[: len(self.means)]
        if near and self.theta is not None:
            work.expanded = True
            self.family.features.add_squares(z, work.psi)
            expanded.score(self.theta, work.psi, scores)
        elif self.exact is not None:
            return self.exact.score(rows, work)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                self.family.score_centred(z, self.means, self.whitening, self.constants, scores)
        return scores if self.degrees_of_freedom is None else self._student(work, scores)

    def row_term(self, work: Workspace) -> Array | None:
        """Return what all scores of the block last scored lack, for each row (B,), if anything."""
        if not work.expanded or self.degrees_of_freedom is not None:
            return None
        return self.covariance.row_term(work.z)

    def read(self, rows: NDArray[np.generic], work: Workspace) -> None:
        """Read rows (B, d) into the frame without scoring them; what is gathered next is centred."""
        work.resize(len(rows))
        work.expanded = False
        self.frame.read(rows, work.z)

    def responsibilities(self, rows: NDArray[np.generic], work: Workspace) -> tuple[Array, Array]:
        """Return the responsibilities (k, B) and the log-densities (B,) in the frame.

        The background's are the last row of `work.scored`, where there is one.
        """
        scores = self.score(rows, work)
        term = self.row_term(work)
        if self.log_noise is not None:
            work.scored[-1] = self.log_noise if term is None else self.log_noise - term
        log_density, lost = log_normalise(work.scored)
        if len(lost):
            scores[self.nearest(work.z[:, lost]), lost] = 1.0
        if term is not None:
            log_density += term
        return scores, log_density

    def nearest(self, z: Array) -> NDArray[np.intp]:
        """Return the component nearest in its own metric for columns z (d, m) too far for any finite score.

        Far out, with u the row over its size, ``|W(z − μ)|²`` is ``size² |Wu|² − 2 size uᵀPμ``: the widest component
        along u wins, and among equally wide ones the one that lies farthest along.
        """
        if self.exact is not None:
            return self.exact.nearest(z)
        size = np.abs(z).max(axis=0)
        u = z / np.where(np.isfinite(size) & (size > 0), size, 1.0)
        nothing = np.zeros(len(self.means))
        width, beyond, before = (
            self.family.score_centred(u, means, self.whitening, nothing, np.empty((len(nothing), u.shape[1])))
            for means in (np.zeros_like(self.means), self.means, -self.means)
        )
        width[self.constants <= 0.5 * _LOG_ZERO] = -np.inf
        equal = width >= width.max(axis=0) * (1.0 + _EQUALLY_WIDE)
        return np.asarray(np.where(equal, beyond - before, -np.inf).argmax(axis=0), dtype=np.intp)

    def gather(self, work: Workspace, responsibilities: Array, sums: Sums) -> None:
        """Add the block last scored, with responsibilities (k, B) that include the rows' weights."""
        if work.expanded:
            sums.gather_expanded(work.psi, work.z, responsibilities)
        else:
            z = work.z
            if self.exact is not None:
                # Scored without a shift: moved to this frame, whose means the sums are about.
                z = z - (self.frame.shift * self.frame.scale)[:, None]
            sums.gather_centred(z, responsibilities)

    def sums(self) -> Sums:
        """Return empty sums for one task."""
        return Sums(self.family, self.means)

    def _student(self, work: Workspace, scores: Array) -> Array:
        """Turn a block's Gaussian scores into those of Student-t components; distances stay in `work.distances`."""
        assert self.degrees_of_freedom is not None
        d, distances = len(work.z), work.distances
        term = self.covariance.row_term(work.z) if work.expanded else None
        if term is not None:
            scores += term
        np.subtract(self.constants[:, None], scores, out=distances)
        distances *= 2.0
        # Rounding must not put a row nearer than at the centre.
        np.maximum(distances, 0.0, out=distances)
        student.student_scores(distances, self._peaks, self.degrees_of_freedom, d, scores)
        if not np.isfinite(distances.max()):
            self._far(work, scores)
        return scores

    def _far(self, work: Workspace, scores: Array) -> None:
        """Score rows whose squared distances overflow: ``log(1 + δ/ν)`` is then ``log δ − log ν``."""
        assert self.degrees_of_freedom is not None
        k, d = self.means.shape
        far = np.flatnonzero(~np.isfinite(work.distances).all(axis=0))
        size = np.abs(work.z[:, far]).max(axis=0)
        halves = self.family.score_centred(
            work.z[:, far] / size, np.zeros((k, d)), self.whitening, np.zeros(k), np.empty((k, len(far)))
        )
        for j, nu in enumerate(self.degrees_of_freedom):
            beyond = ~np.isfinite(work.distances[j, far])
            if np.isfinite(nu):
                logs = np.log(-2.0 * halves[j]) + 2.0 * np.log(size) - np.log(nu)
                scores[j, far[beyond]] = self._peaks[j] - 0.5 * (nu + d) * logs[beyond]

    def _read(self, rows: NDArray[np.generic], work: Workspace) -> tuple[Array, bool]:
        self.read(rows, work)
        z = work.z
        largest = np.maximum(z.max(axis=1), -z.min(axis=1))
        with np.errstate(over="ignore", invalid="ignore"):
            near = bool(self.covariance.kappa_squared(largest) <= KAPPA_SQUARED_LIMIT)
        if not near and not np.isfinite(largest).all():
            # Finite rows whose frame coordinates overflow: as far as can be told, and still in their direction.
            np.clip(z, -_FARTHEST, _FARTHEST, out=z)
        return z, near


def expanded_pays(family: type[Covariance], k: int, d: int) -> bool:
    """Tell whether the expanded form is faster: always but for full matrices of many columns.

    Building d²/2 features costs as much as scoring d/4 components centred; beyond 80 columns the features no
    longer fit beside each other in cache and the symmetric update's halved work wins (measured, one thread).
    """
    if family.contraction is not Contraction.FULL:
        return family.expands
    return d <= 4 or (k >= d / 4 and d <= 80)
