"""Fit one mixture of factor analysers: what its noise is, and which sizes have an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gmmkit.data.table import Table
from gmmkit.errors import DataError, ParameterError
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.result import FitResult
from gmmkit.inference.starts import Start
from gmmkit.inference.survey import Survey, survey
from gmmkit.model.covariance import FACTORS, Factor, family
from gmmkit.model.covariance.base import Covariance

__all__ = ["NOISES", "NoiseName", "check_sizes", "factors_of", "fit_factors", "noise_problem"]

NoiseName = Literal["diagonal", "isotropic", "shared-diagonal", "shared-isotropic"]

#: The structure of each kind of noise.
NOISES: dict[str, str] = {
    "diagonal": "VVI",
    "isotropic": "VII",
    "shared-diagonal": "EEI",
    "shared-isotropic": "EII",
}


def factors_of(covariance: Covariance) -> tuple[int, str] | None:
    """Return how many factors a low-rank covariance has, and what its noise is called; None of any other.

    Examples
    --------
    >>> factors_of(Factor([[[1.0, 1.0], [0.5, 1.0]]]))
    (1, 'diagonal')
    """
    if not isinstance(covariance, Factor):
        return None
    named = {structure: noise for noise, structure in NOISES.items()}
    return covariance.n_factors, named[covariance.name.removeprefix("factor-")]


def check_sizes(table: Table, n_components: int, n_factors: int) -> None:
    """Raise unless a table has more columns than factors, and rows enough for so many components of them.

    Raises
    ------
    ParameterError
        If there are not more columns than factors.
    DataError
        If a component would have fewer rows than a mean, its factors and noise need.
    """
    d, n = table.n_columns, table.n_rows
    if n_factors >= d:
        remedy = (
            "one column has no factors: take GaussianMixture"
            if d == 1
            else f"give at most {d - 1}, or take GaussianMixture(covariance_type='full'), which allows any covariance"
        )
        raise ParameterError(
            f"n_factors must be fewer than the columns, but got n_factors = {n_factors}, n_features = {d}; {remedy}"
        )
    needed = n_components * (n_factors + 2)
    if n < needed:
        raise DataError(
            f"{table.origin} has {n} rows (n_samples = {n}), but {n_components} component(s) of {n_factors} factor(s) "
            f"need at least {needed}, {n_factors + 2} each: give fewer components or factors, or more rows"
        )


def noise_problem(table: Table, noise: str, surveyed: Survey, workers: Workers) -> Problem:
    """Return the problem of fitting factors beside noise of a structure, "VVI", "EEI", "VII" or "EII".

    Raises
    ------
    ParameterError
        If there is no noise of that structure.
    """
    if noise not in FACTORS:
        raise ParameterError(f"noise must be one of {', '.join(FACTORS)}, but got {noise!r}")
    return Problem(table, family(noise), surveyed, workers)


def fit_factors(
    table: Table, noise: str, starts: Sequence[Start], settings: FitSettings, workers: Workers, *, reorder: bool = True
) -> FitResult:
    """Return the best fit from some starts.

    Parameters
    ----------
    table : Table
    noise : {"VVI", "EEI", "VII", "EII"}
        Structure of the noise variances.
    starts : sequence of Start
        Of the noise's family, whose components are then given factors, or of factor covariances.
    settings : FitSettings
        With `n_factors`.
    workers : Workers
    reorder : bool, default=True
        Put the components in an order that depends on the data only.
    """
    return fit(noise_problem(table, noise, survey(table, workers), workers), starts, settings, reorder=reorder)
