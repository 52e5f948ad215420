"""``gmmkit fit``: fit one mixture, or search for the best, and keep it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gmmkit.cli.analysis import Questions, analyse
from gmmkit.cli.asked import Asked
from gmmkit.cli.boundary import Interrupted, NotConverged, remark
from gmmkit.cli.checkpoint import Checkpoint
from gmmkit.cli.commands import command_line
from gmmkit.cli.facts import facts_of
from gmmkit.cli.fitting import Fitted, fit_table
from gmmkit.cli.options import (
    ColumnsOption,
    CovarianceOption,
    DataArgument,
    JobsOption,
    JsonOption,
    LabelOption,
    QuietOption,
    WeightsOption,
    at_least,
    below_one,
    not_negative,
    one_of,
    parse_columns,
    parse_components,
    parse_covariance,
    parse_degrees,
    parse_reg_covar,
    parse_volume,
)
from gmmkit.cli.output import count
from gmmkit.cli.outputs import draw_report, keep_model, tell
from gmmkit.cli.places import check_outputs
from gmmkit.cli.progress import Watch
from gmmkit.cli.useless import refuse_useless
from gmmkit.cli.words import print_facts
from gmmkit.errors import GmmkitError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.inference.hull import Volume

__all__ = ["fit"]

# The engine's names, which cannot be asked for before it is imported; a test holds them equal.
STARTS = (
    *("kmeans", "k-means++", "random", "random_from_data"),
    *("hierarchical", "hierarchical-ward", "short-runs", "swap"),
)
CRITERIA = ("bic", "icl", "aic", "sabic", "mml", "held_out")
BOOTSTRAPS = ("nonparametric", "weighted", "parametric")
TEST_STARTS = ("hierarchical", "many")
MODEL = "The model"
QUESTIONS = "What to ask of it"


def fit(
    context: typer.Context,
    data: DataArgument,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to keep the model (.gmm).")
    ] = None,
    components: Annotated[
        str,
        typer.Option(
            "--components", "-k", metavar="3|1:9|2,4", rich_help_panel=MODEL, help="Numbers of components to try."
        ),
    ] = "1:9",
    covariance: CovarianceOption = "all",
    criterion: Annotated[
        str | None,
        typer.Option(
            **one_of(*CRITERIA), rich_help_panel=MODEL, help=f"What the search minimises: {', '.join(CRITERIA)} (bic)."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            parser=at_least(2), metavar="N", rich_help_panel=MODEL, help="Of the held_out criterion's validation (10)."
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            **one_of("conjugate"), rich_help_panel=MODEL, help="A prior that keeps components from collapsing."
        ),
    ] = None,
    equal_weights: Annotated[
        bool, typer.Option("--equal-weights", rich_help_panel=MODEL, help="Hold every weight at 1/k.")
    ] = False,
    noise: Annotated[
        bool, typer.Option("--noise", rich_help_panel=MODEL, help="A uniform background beside the components.")
    ] = False,
    noise_volume: Annotated[
        str | None,
        typer.Option(
            parser=parse_volume,
            metavar="auto|hull|box|X",
            rich_help_panel=MODEL,
            help="What the noise fills: the rows' convex hull or box, or a volume.",
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(
            parser=parse_degrees,
            metavar="common|free|X",
            rich_help_panel=MODEL,
            help="Student-t components of a single fit: degrees of freedom, estimated or given.",
        ),
    ] = None,
    truncation: Annotated[
        int | None,
        typer.Option(
            parser=at_least(1),
            metavar="N",
            rich_help_panel=MODEL,
            help="Very many components of a single fit: share each row among its N best only.",
        ),
    ] = None,
    min_eigenvalue: Annotated[
        float | None,
        typer.Option(
            parser=below_one,
            metavar="X",
            rich_help_panel=MODEL,
            help="A search sets components aside that are narrower than this share of the data's variance (1e-4).",
        ),
    ] = None,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: LabelOption = None,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE", help="Also write a report (.html).")] = None,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model.")] = 0,
    max_iter: Annotated[
        int | None, typer.Option(parser=at_least(1), metavar="N", help="Most passes of a fit (1000).")
    ] = None,
    tol: Annotated[
        float | None,
        typer.Option(parser=not_negative, metavar="X", help="Gain per row to stop at (1e-5; search: 1e-7)."),
    ] = None,
    reg_covar: Annotated[
        str,
        typer.Option(
            parser=parse_reg_covar, metavar="auto|X", help="Regularisation: auto, or a number added to variances."
        ),
    ] = "auto",
    init: Annotated[
        str | None, typer.Option(**one_of(*STARTS), help=f"How a single fit starts: {', '.join(STARTS)}.")
    ] = None,
    start_labels: Annotated[
        bool,
        typer.Option("--start-labels", help="Start from the groups of the --label column; a search, also from them."),
    ] = False,
    n_init: Annotated[
        int | None,
        typer.Option(parser=at_least(0), metavar="N", help="Starts of a single fit (3); random ones of a search (0)."),
    ] = None,
    acceleration: Annotated[
        str | None,
        typer.Option(**one_of("squarem"), help="Fewer passes of a single fit: stretch each third step."),
    ] = None,
    warm_up: Annotated[
        str | None,
        typer.Option(**one_of("mini-batch"), help="Begin a single fit to many rows with batches of them."),
    ] = None,
    n_init_stop: Annotated[
        str | None,
        typer.Option(**one_of("dominated"), help="Stop starts of a single fit that are to end below the best."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", rich_help_panel=QUESTIONS, help="Merge components that overlap into clusters.")
    ] = False,
    standard_errors: Annotated[
        bool,
        typer.Option(
            "--standard-errors",
            rich_help_panel=QUESTIONS,
            help="Standard errors and intervals from the observed information.",
        ),
    ] = False,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            parser=at_least(1),
            metavar="N",
            rich_help_panel=QUESTIONS,
            help="Standard errors and intervals from so many replicates.",
        ),
    ] = None,
    bootstrap_kind: Annotated[
        str | None,
        typer.Option(
            **one_of(*BOOTSTRAPS), rich_help_panel=QUESTIONS, help=f"How rows are drawn again: {', '.join(BOOTSTRAPS)}."
        ),
    ] = None,
    lrt: Annotated[
        int | None,
        typer.Option(
            parser=at_least(1),
            metavar="N",
            rich_help_panel=QUESTIONS,
            help="Likelihood-ratio tests of k against k + 1, N replicates.",
        ),
    ] = None,
    lrt_starts: Annotated[
        str | None,
        typer.Option(
            **one_of(*TEST_STARTS),
            rich_help_panel=QUESTIONS,
            help=f"How the fits that are tested start: {', '.join(TEST_STARTS)} (hierarchical).",
        ),
    ] = None,
    jobs: JobsOption = None,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the best model so far, every 30 seconds.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the --checkpoint of a single fit.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 5 if the fit did not converge.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit a mixture. What is not fixed is searched: 1 to 9 components of every structure, compared by BIC."""
    wanted = parse_columns(columns)
    check_outputs(data, output=output, report=report, checkpoint=checkpoint)
    asked = Asked(
        components=parse_components(components),
        structures=parse_covariance(covariance),
        criterion=criterion or "bic",
        reg_covar=reg_covar if reg_covar == "auto" else float(reg_covar),
        init=init or "kmeans",
        seed=seed,
        tol=tol,
        max_iter=max_iter,
        n_init=n_init,
        jobs=jobs,
        prior=prior,
        equal_weights=equal_weights,
        noise=noise,
        noise_volume=_volume(noise_volume),
        folds=folds or 10,
        min_eigenvalue=min_eigenvalue,
        start_labels=start_labels,
        degrees_of_freedom=float(student) if student not in ("common", "free", None) else student,  # type: ignore[arg-type]
        acceleration=acceleration,
        warm_up=warm_up,
        n_init_stop=n_init_stop,
        truncation=truncation,
    )
    questions = Questions(merge, standard_errors, bootstrap, bootstrap_kind, lrt, lrt_starts)
    questions.check(asked, weighted=weights is not None)
    refuse_useless(asked, context.params)
    if checkpoint is not None and resume and not os.path.exists(checkpoint):
        remark(f"note: there is no {checkpoint} to go on from: the fit begins anew")
    from gmmkit.data import open_table

    kept = None if checkpoint is None else Checkpoint(checkpoint, resume=resume)
    command = command_line(context)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_table(data, columns=wanted, weights=weights, label=label)
        fitted = fit_table(table, asked, watch, {"command": command}, kept)
        # Kept before more is asked of it, which takes its time.
        keep_model(fitted.record, output)
        unanswered: GmmkitError | None = None
        if questions.any and not fitted.interrupted:
            fitted, unanswered = _analysed(fitted, table, asked, questions, watch)
            keep_model(fitted.record, output)
        if not fitted.interrupted:
            draw_report(fitted.record, report, table, command, watch)
    tell(facts_of(fitted.record), print_facts, model=output, report=report, as_json=as_json, quiet=quiet)
    if fitted.interrupted:
        sys.stdout.flush()
        raise Interrupted(f"interrupted; the best complete model until then {_kept(output)}")
    if unanswered is not None:
        sys.stdout.flush()
        raise unanswered
    if strict and not fitted.converged:
        raise NotConverged(
            f"the fit did not converge in {count(len(fitted.record.fit['objectives']), 'pass', 'passes')} (--strict); "
            f"the model {_kept(output)}: raise --max-iter or --tol"
        )


def _analysed(
    fitted: Fitted, table: Table, asked: Asked, questions: Questions, watch: Watch
) -> tuple[Fitted, GmmkitError | None]:
    """Return the fit with what was asked of it, and why the rest has no answer; Ctrl-C keeps what is answered."""
    try:
        for record in analyse(fitted.record, table, asked, questions, watch):
            fitted = replace(fitted, record=record)
    except KeyboardInterrupt:
        fitted = replace(fitted, interrupted=True)
    except GmmkitError as error:
        return fitted, error
    return fitted, None


def _volume(text: str | None) -> Volume:
    return text or "auto" if text in (None, "auto", "hull", "box") else float(text)  # type: ignore[return-value]


def _kept(output: str | None) -> str:
    return f"is in {output}" if output is not None else "was not kept (no --output)"
