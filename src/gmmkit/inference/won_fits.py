"""A tournament's winners, which are flat arrays in a frame, as mixtures and fits in the data's units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.inference.diagnosis import Health, far_apart
from gmmkit.inference.fit import FitResult, FitSettings
from gmmkit.inference.opening import Opening
from gmmkit.inference.order import principal_order
from gmmkit.inference.stack import CONVERGED, Index, Stack
from gmmkit.inference.survey import Survey
from gmmkit.inference.winners import Winners
from gmmkit.model.covariance import family
from gmmkit.model.evaluation import Likelihood
from gmmkit.model.mixture import Mixture

__all__ = ["fits_of", "mixtures_of"]

Array = NDArray[np.float64]


def mixtures_of(winners: Winners, opening: Opening) -> list[Mixture]:
    """Return each winner in the data's units, its components in the order that a fit gives them."""
    stack, frame = winners.run.stack, opening.frame
    order = _components_in_order(stack, opening)
    # Scales are powers of two: nothing is rounded, and what was round in columns of one scale is round again.
    means = frame.points_out(stack.means[order])
    covariances = stack.covariances[order] / frame.scale[:, None] / frame.scale
    offsets, mixtures = stack.offsets.tolist(), []
    for s, name in enumerate(stack.structures):
        own = slice(*offsets[s : s + 2])
        weights = stack.weights[order[own]]
        mixtures.append(Mixture.trusted(weights / weights.sum(), means[own], family(name).from_dense(covariances[own])))
    return mixtures


def fits_of(
    winners: Winners, opening: Opening, settings: FitSettings, surveyed: Survey
) -> list[tuple[FitResult, Likelihood]]:
    """Return winners that have seen all the rows as fits, with their likelihoods; nothing is said of spurious ones.

    Parameters
    ----------
    winners : Winners
    opening : Opening
        Of all the rows.
    settings : FitSettings
    surveyed : Survey
        Of all the rows.
    """
    run, total, volume = winners.run, surveyed.total_weight, opening.frame.log_volume
    weight = total / opening.rows.total_weight  # of what counted as a row
    stack, n_columns = run.stack, len(opening.rows.z)
    eigenvalues = winners.relative_eigenvalues[_components_in_order(stack, opening)]
    traces = run.traces + volume
    offsets, fits = stack.offsets.tolist(), []
    needed = np.array([family(name).minimum_rows(n_columns) for name in stack.structures])
    health = stack.weights * surveyed.effective_rows, winners.relative_eigenvalues
    apart = far_apart(stack.weights, stack.covariances, health, needed, stack.offsets[:-1])
    for s, mixture in enumerate(mixtures_of(winners, opening)):
        own = slice(*offsets[s : s + 2])
        result = FitResult(
            mixture=mixture,
            objectives=tuple(traces[s, : run.passes[s]].tolist()),
            reason="converged" if run.status[s] == CONVERGED else "max_iter",
            repairs=(),
            health=Health(
                mixture.weights * surveyed.effective_rows, eigenvalues[own], int(needed[s]), far_apart=bool(apart[s])
            ),
            starts_tried=int(winners.tried[s]),
            total_weight=total,
            n_parameters=settings.n_parameters(mixture),
        )
        log_likelihood, log_certainty = weight * float(run.log_likelihood[s]), weight * float(run.log_certainty[s])
        found = Likelihood(log_likelihood + total * volume, log_certainty, total)
        fits.append((result, found))
    return fits


def _components_in_order(stack: Stack, opening: Opening) -> Index:
    """Return where the components of each mixture stand, in the order that a fit gives them (K,)."""
    order = np.empty(len(stack.weights), dtype=np.intp)
    one_scale = np.array([family(name).equivariance == "scalar" for name in stack.structures])
    for k in np.unique(stack.sizes).tolist():
        for scalar in (False, True):
            chosen = np.flatnonzero((stack.sizes == k) & (one_scale == scalar))
            at = stack.offsets[chosen, None] + np.arange(k)
            means = stack.means[at] * (opening.rows.units if scalar else 1.0)
            order[at] = np.take_along_axis(at, principal_order(stack.weights[at], means), axis=1)
    return order
