"""``gmmkit density``: the density of rows, and what it says of regions, boxes and other models."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError, remark
from gmmkit.cli.commands import command_line
from gmmkit.cli.density_answers import Boxes, answers_of, check_boxes, print_answers
from gmmkit.cli.given import parse_ends
from gmmkit.cli.members import print_members
from gmmkit.cli.models import open_model
from gmmkit.cli.notes import notes_on
from gmmkit.cli.options import (
    ColumnsOption,
    JobsOption,
    JsonOption,
    NamesOption,
    QuietOption,
    WeightsOption,
    at_least,
    parse_columns,
    parse_components,
    parse_covariance,
)
from gmmkit.cli.output import console_on, print_json
from gmmkit.cli.places import MODEL, check_outputs
from gmmkit.cli.progress import Watch

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.selection.stacking import StackSettings

__all__ = ["density"]

_FIT, _ASK = "The density", "Questions"


def _share(text: Any) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"it is {text!r}; expected a number between 0 and 1, such as 0.95")
    return value


def density(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="DATA|MODEL", help="Rows to fit, or a model (.gmm) to ask.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to keep the model (.gmm).")
    ] = None,
    components: Annotated[
        str | None,
        typer.Option("--components", "-k", metavar="1:9", rich_help_panel=_FIT, help="Sizes of what is averaged."),
    ] = None,
    covariance: Annotated[
        str | None,
        typer.Option("--covariance", metavar="NAMES", rich_help_panel=_FIT, help="Structures of what is averaged."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(parser=at_least(2), metavar="N", rich_help_panel=_FIT, help="Folds that are left out in turn."),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="FILE", rich_help_panel=_FIT, help="Also write a report (.html)."),
    ] = None,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: NamesOption = None,
    region: Annotated[
        list[float] | None,
        typer.Option(
            "--region",
            parser=_share,
            metavar="SHARE",
            rich_help_panel=_ASK,
            help="The highest-density region of this probability; may be repeated.",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            "--box",
            metavar="a=1:2,b=:5",
            rich_help_panel=_ASK,
            help="How probable it is that columns lie between bounds; may be repeated.",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="MODEL", rich_help_panel=_ASK, help="How far another model is from this one."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model.")] = 0,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Estimate the density of rows by an average of mixtures, or ask a model for regions, boxes and differences.

    What is averaged is weighed by how likely it finds rows that it was not fitted on.
    """  # fmt: skip
    boxes = {text: parse_ends("--box", text) for text in box or ()}
    other = None if compare is None else (compare, open_model(compare))
    if source.lower().endswith(MODEL):
        given = {"--output": output, "--components": components, "--covariance": covariance, "--folds": folds,
                 "--columns": columns, "--weights": weights, "--label": label}  # fmt: skip
        for option, value in given.items():
            if value is not None:
                raise UsageError(f"{option} is for data, but {source} is a model: leave it out")
        if report is not None:
            raise UsageError(f"--report is for data, but {source} is a model: gmmkit report {source} -o {report}")
        record = open_model(source)
        if not (region or box or compare):
            raise UsageError(
                f"nothing was asked of {source}: give --region, --box or --compare (gmmkit describe says what it is)"
            )
        check_boxes(boxes, record.feature_names, record.mixture.n_features)
    else:
        check_outputs(source, output=output, report=report)
        record = _fitted(
            context, source, components, covariance, folds, columns, weights, label, boxes, seed, jobs, quiet, report
        )
    answers = answers_of(record, region or (), boxes, other, engine_seed(seed))
    if output is not None:
        from gmmkit.files import write_model

        write_model(record, output)
    if as_json:
        print_json({"model": output, "report": report, **_facts(record), **answers})
        return
    if not quiet and record.fit.get("members"):
        console = console_on(sys.stderr)
        print_members(console, record.fit, record.mixture.n_components, record.mixture.n_features)
        for note in record.fit.get("notes", ()):
            remark(f"warning: {note}")
        if output is not None:
            console.print(f"Model in {output}", soft_wrap=True, markup=False)
        if report is not None:
            console.print(f"Report in {report}", soft_wrap=True, markup=False)
    print_answers(console_on(sys.stdout), answers)


def _fitted(
    context: typer.Context,
    source: str,
    components: str | None,
    covariance: str | None,
    folds: int | None,
    columns: str | None,
    weights: str | None,
    label: str | None,
    boxes: Boxes,
    seed: int,
    jobs: int | None,
    quiet: bool,
    report: str | None,
) -> ModelRecord:
    wanted = parse_columns(columns)
    asked = _settings(components, covariance, folds)
    from gmmkit.data import open_table
    from gmmkit.model.covariance import family
    from gmmkit.model.evaluation import likelihood
    from gmmkit.selection.far_values import far_values
    from gmmkit.selection.generation import in_memory
    from gmmkit.selection.records import record_of_density
    from gmmkit.selection.stacking import stack_densities

    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {source}")
        table = open_table(source, columns=wanted, weights=weights, label=label, identifiers=True)
        check_boxes(boxes, table.names, table.n_columns)
        for name in asked["covariance_type"]:
            family(name, table.n_columns)
        _check_folds(table, folds)
        settings = _stack_settings(asked, engine_seed(seed), watch)
        found = stack_densities(table, settings, n_jobs=jobs)
        seen = likelihood(found.mixture, table, n_jobs=jobs)
        notes = [*notes_on(table, constant=True), *far_values(table, in_memory(table))]
        record = record_of_density(
            found,
            {**asked, "random_state": seed},
            feature_names=table.names,
            known={
                "n_rows": table.n_rows,
                "total_weight": seen.total_weight,
                "log_likelihood": seen.log_likelihood,
                **({"notes": notes} if notes else {}),
            },
            provenance={"source": table.origin, "command": command_line(context)},
        )
        if report is not None:
            from gmmkit.report import write_report

            watch.say("drawing the report")
            write_report(record, report, table=table, command=command_line(context))
    return record


def _check_folds(table: Table, folds: int | None) -> None:
    """Raise if fewer rows differ than folds are asked for; the default is as many as there are."""
    import numpy as np

    from gmmkit.errors import DataError
    from gmmkit.selection.generation import in_memory

    if folds is None:
        return
    distinct = len(np.unique(in_memory(table), axis=0))
    if folds > distinct:
        raise DataError(
            f"{table.origin}: --folds {folds} needs as many rows that differ, but there are {distinct}: give more "
            "rows, or fewer folds"
        )


def _settings(components: str | None, covariance: str | None, folds: int | None) -> dict[str, Any]:
    """Return the parameters of the estimator that does the same."""
    from gmmkit.selection.stacking import DENSITY_DEFAULTS

    asked = dict(DENSITY_DEFAULTS)
    if components is not None:
        asked["n_components"] = parse_components(components)
    if covariance is not None:
        structures = parse_covariance(covariance)
        if structures is None:
            raise UsageError(
                "--covariance all is for gmmkit fit; name the structures to average, such as full,diag,EEE"
            )
        asked["covariance_type"] = structures
    if folds is not None:
        asked["folds"] = folds
    return asked


def _stack_settings(asked: dict[str, Any], seed: int, watch: Watch) -> StackSettings:
    from gmmkit.selection.stacking import StackSettings

    return StackSettings(
        n_components=asked["n_components"],
        covariance_types=asked["covariance_type"],
        ridges=asked["reg_covar"],
        folds=asked["folds"],
        tol=asked["tol"],
        max_iter=asked["max_iter"],
        seed=seed,
        callback=lambda done, total: watch.say(f"{done}/{total} fits to folds"),
    )


def _facts(record: ModelRecord) -> dict[str, Any]:
    names = ("n_rows", "held_out", "held_out_error", "members", "notes")
    return {
        "n_components": record.mixture.n_components,
        "n_features": record.mixture.n_features,
        "feature_names": record.feature_names,
        **{name: record.fit[name] for name in names if name in record.fit},
        "settings": record.settings,
    }
