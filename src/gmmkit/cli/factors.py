"""What ``gmmkit reduce`` fits: mixtures of factor analysers of the sizes asked for, and what is said of the best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError
from gmmkit.cli.notes import notes_on
from gmmkit.cli.options import chosen, parse_components
from gmmkit.cli.output import count, number, print_text
from gmmkit.cli.words import print_search
from gmmkit.errors import GmmkitWarning

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.cli.progress import Watch
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

__all__ = ["NOISES", "FactorsAsked", "factor_record", "parse_factors", "parse_noises", "print_factors"]

# The engine's names, which cannot be asked for before it is imported; a test holds them equal.
NOISES = ("diagonal", "isotropic", "shared-diagonal", "shared-isotropic")


@dataclass(frozen=True)
class FactorsAsked:
    """What was asked for.

    Attributes
    ----------
    components : sequence of int
    factors : sequence of int or None
        None: from 1 to as many as can be told.
    noises : sequence of str
    criterion : str
    seed, max_iter, n_init : int
    tol : float
    reg_covar : "auto" or float
    jobs : int or None
    """

    components: Sequence[int]
    factors: Sequence[int] | None
    noises: Sequence[str]
    criterion: str
    seed: int
    max_iter: int
    tol: float
    reg_covar: float | Literal["auto"]
    n_init: int
    jobs: int | None


def parse_factors(text: str) -> list[int] | None:
    """Return the numbers of factors that ``2``, ``1:5`` or ``auto`` ask for; None for auto.

    Examples
    --------
    >>> parse_factors("1:3"), parse_factors("auto")
    ([1, 2, 3], None)
    """
    if text == "auto":
        return None
    try:
        return parse_components(text)
    except UsageError:
        raise UsageError(
            f"--factors is {text!r}; expected auto, or from 1 on a number (3), a range (1:5, both ends included) or "
            "several (2,4,6)"
        ) from None


def parse_noises(text: str) -> list[str]:
    """Return the kinds of noise that ``diagonal,isotropic`` names.

    Examples
    --------
    >>> parse_noises("isotropic")
    ['isotropic']
    """
    wanted = [name.strip() for name in text.split(",")]
    for name in wanted:
        if name not in NOISES:
            raise UsageError(f"--noise: {chosen(name, NOISES)}, or several between commas")
    return list(dict.fromkeys(wanted))


def factor_record(table: Table, asked: FactorsAsked, watch: Watch, provenance: Mapping[str, str]) -> ModelRecord:
    """Fit what was asked for, and return the best with everything known of it.

    Raises
    ------
    DataError
        If there are fewer rows than any of the fits needs.
    ParameterError
        If no fit can be made.
    """
    from gmmkit.inference.acceleration import Squarem
    from gmmkit.inference.factor_fit import check_sizes
    from gmmkit.inference.fit import FitSettings
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.selection.factor_search import FactorCandidate, FactorSearchSettings, search_factors
    from gmmkit.selection.ranking import Candidate
    from gmmkit.selection.records import record_of_fit

    # The smallest that was asked for: where it cannot be fitted, none can.
    check_sizes(table, min(asked.components), min(asked.factors or [1]))
    notes = notes_on(table, constant=False)

    def tried(candidate: Candidate, done: int, total: int) -> None:
        watch.tried(candidate, done, total, asked.criterion)

    settings = FactorSearchSettings(
        n_components=asked.components,
        n_factors=asked.factors,
        noises=asked.noises,
        criterion=asked.criterion,
        fit=FitSettings(
            rule=AitkenGain(asked.tol),
            max_iter=asked.max_iter,
            reg_covar=asked.reg_covar,
            seed=engine_seed(asked.seed),
            callback=watch.passed,
            acceleration=Squarem(),
        ),
        n_init=asked.n_init,
        callback=tried,
    )
    watch.say("looking at the columns")
    with warnings.catch_warnings():
        warnings.simplefilter("error", GmmkitWarning)  # the search itself has nothing to warn of
        found = search_factors(table, settings, n_jobs=asked.jobs)
    best = found.best
    assert isinstance(best, FactorCandidate)
    assert best.result is not None
    assert best.likelihood is not None
    own: dict[str, Any] = {
        "n_components": best.n_components,
        "n_factors": best.n_factors,
        "noise": best.noise,
        "tol": asked.tol,
        "reg_covar": asked.reg_covar,
        "max_iter": asked.max_iter,
        "n_init": asked.n_init,
        "random_state": asked.seed,
    }
    return record_of_fit(
        best.result,
        "MixtureOfFactorAnalyzers",
        own,
        likelihood=best.likelihood,
        # Where nothing was chosen there is no table.
        found=found if len(found.candidates) > 1 else None,
        feature_names=table.names,
        known={
            "n_rows": table.n_rows,
            "total_weight": best.likelihood.total_weight,
            "interrupted": found.interrupted,
            **({"notes": notes} if notes else {}),
        },
        provenance={"source": table.origin, **provenance},
    )


def print_factors(console: Console, record: ModelRecord, path: str | None) -> None:
    """Say what was fitted: sizes, how much of the variance factors explain, what to beware of."""
    from gmmkit.cli.facts import warnings_of
    from gmmkit.model.covariance import Factor
    from gmmkit.selection.doubts import doubts_of, evidence

    mixture, fit = record.mixture, record.fit
    covariance = mixture.covariance
    assert isinstance(covariance, Factor)
    k, q = mixture.n_components, covariance.n_factors
    print_text(
        console,
        f"{count(k, 'component')} of {count(q, 'factor')}, {record.settings['noise']} noise, in "
        f"{count(mixture.n_features, 'column')}, {count(fit['n_rows'], 'row')}: {record.provenance['source']}",
        style="bold",
    )
    if record.table:
        margin = fit.get("margin")
        told = evidence(margin) if fit["criterion"] == "bic" and isinstance(margin, float) else None
        print_search(
            console,
            {"search": record.table, "criterion": fit["criterion"], "margin": margin, "evidence": told},
        )
    within = mixture.weights @ covariance.variances()
    noise = mixture.weights @ covariance.noise
    # Of each column's own variance, whatever its unit.
    explained = 1.0 - float((noise / within).mean())
    print_text(
        console,
        f"Factors explain {explained:.0%} of the variance within components, in the mean of columns; "
        f"BIC {number(fit['bic'])}, {count(fit['n_parameters'], 'parameter')}.",
    )
    for line in warnings_of(record, doubts_of(record)):
        print_text(console, line, style="yellow")
    if not fit["converged"]:
        passes = count(len(fit["objectives"]), "pass", "passes")
        print_text(console, f"Did not converge within {passes}: raise --max-iter", style="yellow")
    if path is not None:
        console.print(f"Model in {path}", soft_wrap=True, markup=False)
