"""``gmmkit classify``: classes of labelled rows, with what held-out rows say of them."""

from __future__ import annotations

import csv
from typing import Annotated, Any, Literal

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.class_fitting import AskedClasses, classify_table
from gmmkit.cli.classes import classification_of, print_classification
from gmmkit.cli.commands import command_line
from gmmkit.cli.options import (
    ColumnsOption,
    CovarianceOption,
    DataArgument,
    JobsOption,
    JsonOption,
    QuietOption,
    WeightsOption,
    at_least,
    below_one,
    one_of,
    parse_columns,
    parse_components,
    parse_covariance,
)
from gmmkit.cli.outputs import draw_report, keep_model, tell
from gmmkit.cli.places import check_outputs
from gmmkit.cli.progress import Watch

__all__ = ["classify"]

_SIZES = (1, 2, 3, 4, 5)


def _shrinkage(text: Any) -> str:
    if text != "cv":
        try:
            below_one(text)
        except typer.BadParameter:
            raise typer.BadParameter(f"it is {text!r}; expected cv, or a number at or above 0 and below 1") from None
    return str(text)


def classify(
    context: typer.Context,
    data: DataArgument,
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="Column that holds the class of each row.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to keep the model (.gmm).")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            **one_of("EDDA", "MclustDA", "pool"),
            rich_help_panel="The model",
            help="EDDA: one Gaussian a class; MclustDA: a mixture for each; pool: components that classes share.",
        ),
    ] = "EDDA",
    components: Annotated[
        str | None,
        typer.Option(
            "--components",
            "-k",
            metavar="3|1:5",
            rich_help_panel="The model",
            help="Numbers of components to try, of each class or of the pool; default: 1:5.",
        ),
    ] = None,
    covariance: CovarianceOption = "all",
    criterion: Annotated[
        str,
        typer.Option(
            "--criterion",
            **one_of("bic", "error", "log_loss"),
            rich_help_panel="The model",
            help="What chooses: bic, or the error or log_loss of held-out rows.",
        ),
    ] = "bic",
    shrinkage: Annotated[
        str,
        typer.Option(
            "--shrinkage",
            parser=_shrinkage,
            metavar="S|cv",
            rich_help_panel="The model",
            help="Share of the covariance within all classes in each one's, from 0 to 1; cv: by cross-validation.",
        ),
    ] = "0",
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", rich_help_panel="The model", help="Make probabilities as sure as held-out rows find them."
        ),
    ] = False,
    priors: Annotated[
        str | None,
        typer.Option(
            "--priors",
            metavar="equal|A=P,…",
            rich_help_panel="The model",
            help="Probabilities of the classes; default: their shares of the labelled rows.",
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            "--unlabelled", metavar="TEXT", help="Label of rows of no known class, which take part; default: -1."
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", parser=at_least(2), metavar="N", help="Of cross-validation.")] = 10,
    no_validation: Annotated[
        bool,
        typer.Option(
            "--no-validation",
            help="Hold no rows out: nothing is told of errors, and much time saved where MclustDA has many columns.",
        ),
    ] = False,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE", help="Also write a report (.html).")] = None,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model.")] = 0,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Learn the classes of labelled rows; say how often held-out rows are told as another class.

    gmmkit predict MODEL DATA then tells the class of new rows, with the probability of each.
    """
    wanted = parse_columns(columns)
    if no_validation:
        _check_no_validation(criterion, shrinkage, calibrate=calibrate)
    asked = AskedClasses(
        model,  # type: ignore[arg-type]
        _sizes(components, model),
        parse_covariance(covariance),
        criterion,  # type: ignore[arg-type]
        "cv" if shrinkage == "cv" else float(shrinkage),
        calibrate,
        _parsed_priors(priors),
        _known(unlabelled),
        folds,
        seed,
        jobs,
        validate=not no_validation,
    )
    check_outputs(data, output=output, report=report)
    from gmmkit.data import open_table

    command = command_line(context)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_table(data, columns=wanted, weights=weights, label=label)
        held_out = "" if no_validation else f", and again without each of {folds} folds"
        watch.say(f"fitting the classes{held_out}")
        record = classify_table(table, label, asked, command)
        keep_model(record, output)
        draw_report(record, report, table, command, watch)
    facts = classification_of(record)
    tell(facts, print_classification, model=output, report=report, as_json=as_json, quiet=quiet)


def _check_no_validation(criterion: str, shrinkage: str, *, calibrate: bool) -> None:
    """Raise if what is to be chosen asks for rows that are held out."""
    asks = [
        *([f"--criterion {criterion}"] if criterion != "bic" else []),
        *(["--shrinkage cv"] if shrinkage == "cv" else []),
        *(["--calibrate"] if calibrate else []),
    ]
    if asks:
        raise UsageError(f"--no-validation: {asks[0]} needs rows that are held out; leave out one of the two")


def _sizes(text: str | None, model: str) -> tuple[int, ...]:
    if text is None:
        return _SIZES
    sizes = tuple(parse_components(text))
    if model == "EDDA" and sizes != (1,):
        raise UsageError(
            f"--components {text}: EDDA has one component a class; take --model MclustDA for several, or --model pool"
        )
    return sizes


def _known(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise UsageError(
            "--unlabelled is empty, and a label may not be; write a text in the fields of such rows, such as ?, and "
            "give that"
        )
    return None if text is None else text.strip()


def _parsed_priors(text: str | None) -> dict[str, float] | Literal["equal"] | None:
    """Return what ``equal`` or ``a=0.2,b=0.8`` asks for."""
    if text is None:
        return None
    if text.strip() == "equal":
        return "equal"
    found: dict[str, float] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, sign, value = part.rpartition("=")
        try:
            share = float(value)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            raise UsageError(f"--priors: {part!r} is no prior; expected equal, or CLASS=PROBABILITY between commas")
        if name.strip() in found:
            raise UsageError(f"--priors names {name.strip()!r} twice; give each class once")
        found[name.strip()] = share
    if not found:
        raise UsageError(f"--priors is {text!r}; expected equal, or CLASS=PROBABILITY between commas")
    return found
