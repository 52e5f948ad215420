"""``gmmkit reduce``: rows in fewer coordinates, those of a mixture of factor analysers or of a model's components."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import Interrupted, NotConverged, UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.factors import FactorsAsked, factor_record, parse_factors, parse_noises, print_factors
from gmmkit.cli.models import open_data_of, open_model
from gmmkit.cli.options import (
    ColumnsOption,
    DataArgument,
    JobsOption,
    NamesOption,
    QuietOption,
    WeightsOption,
    at_least,
    not_negative,
    one_of,
    parse_columns,
    parse_components,
    parse_reg_covar,
)
from gmmkit.cli.output import console_on, count
from gmmkit.cli.places import MODEL, check_output
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.model.discriminant import DiscriminantSubspace

__all__ = ["reduce"]

CRITERIA = ("bic", "icl", "aic", "sabic", "mml")
FITTING = "The mixture of factor analysers"
# Values of a block that is written at once.
BLOCK_VALUES = 2**18


def reduce(
    context: typer.Context,
    data: DataArgument,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="MODEL",
            help="Fit nothing: take this model (.gmm). One without factors gives the directions in which its "
            "components differ.",
        ),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--model", metavar="FILE", help="Where to keep the fitted model (.gmm).")
    ] = None,
    deviations: Annotated[
        bool, typer.Option("--deviations", help="Add each coordinate's standard deviation: how well a row tells it.")
    ] = False,
    rebuilt: Annotated[
        bool, typer.Option("--rebuilt", help="Write what the coordinates make of each row, without its noise.")
    ] = False,
    directions: Annotated[
        int | None,
        typer.Option(parser=at_least(1), metavar="N", help="Of a model without factors: so many directions at most."),
    ] = None,
    components: Annotated[
        str | None,
        typer.Option(
            "--components", "-k", metavar="3|1:4", rich_help_panel=FITTING, help="Numbers of components to try (1)."
        ),
    ] = None,
    factors: Annotated[
        str | None,
        typer.Option(
            "--factors",
            "-f",
            metavar="2|1:5|auto",
            rich_help_panel=FITTING,
            help="Numbers of factors to try (auto: 1 to as many as can be told, at most 10).",
        ),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            rich_help_panel=FITTING,
            help="diagonal, isotropic, shared-diagonal or shared-isotropic; several are compared (diagonal,isotropic).",
        ),
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(**one_of(*CRITERIA), rich_help_panel=FITTING, help="What is minimised where several are tried."),
    ] = None,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: NamesOption = None,
    seed: Annotated[
        int | None, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model (0).")
    ] = None,
    max_iter: Annotated[
        int | None, typer.Option(parser=at_least(1), metavar="N", help="Most passes of a fit (1000).")
    ] = None,
    tol: Annotated[
        float | None, typer.Option(parser=not_negative, metavar="X", help="Gain per row to stop at (1e-6).")
    ] = None,
    reg_covar: Annotated[
        str | None,
        typer.Option(parser=parse_reg_covar, metavar="auto|X", help="Regularisation of noise variances (auto)."),
    ] = None,
    n_init: Annotated[int | None, typer.Option(parser=at_least(1), metavar="N", help="Starts of each fit (1).")] = None,
    jobs: JobsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 5 if the fit did not converge.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Write rows in fewer coordinates: each component's probability, and its factors times that.

    The numbers of components and factors are chosen by BIC where several are given. With --with, of a model that
    gmmkit fit wrote, coordinates are those of the subspace in which its components differ.
    """
    fitting = {
        "--model": keep, "--components": components, "--factors": factors, "--noise": noise, "--criterion": criterion,
        "--weights": weights, "--seed": seed, "--max-iter": max_iter, "--tol": tol, "--reg-covar": reg_covar,
        "--n-init": n_init, "--strict": strict or None,
    }  # fmt: skip
    useless = [option for option, value in fitting.items() if value is not None]
    if known is not None and useless:
        raise UsageError(f"{', '.join(useless)}: --with {known} fits nothing; leave that out, or --with")
    if known is None and directions is not None:
        raise UsageError("--directions is for a model without factors; give one by --with, or numbers by --factors")
    if deviations and rebuilt:
        raise UsageError("--deviations are of coordinates, which --rebuilt does not write; give one of them")
    check_rows_output(output, inputs=tuple(path for path in (data, known) if path is not None))
    check_output("--model", keep, ends=MODEL, inputs=(data,))
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        if known is not None:
            record = open_model(known)
            table = open_data_of(record, data, columns=columns, label=label, identifiers=True)
        else:
            asked = FactorsAsked(
                components=parse_components(components or "1"),
                factors=parse_factors(factors or "auto"),
                noises=parse_noises(noise or "diagonal,isotropic"),
                criterion=criterion or "bic",
                seed=seed or 0,
                max_iter=max_iter or 1000,
                tol=1e-6 if tol is None else tol,
                reg_covar="auto" if reg_covar in (None, "auto") else float(reg_covar),
                n_init=n_init or 1,
                jobs=jobs,
            )
            from gmmkit.data import open_table

            table = open_table(data, columns=parse_columns(columns), weights=weights, label=label, identifiers=True)
            record = factor_record(table, asked, watch, {"command": command_line(context)})
            if keep is not None:
                from gmmkit.files import write_model

                write_model(record, keep)
        watch.say(f"writing {count(table.n_rows, 'row')}")
        names, blocks = _answers(record, table, deviations=deviations, as_rows=rebuilt, directions=directions)
    if known is None and not quiet:
        print_factors(console_on(sys.stderr), record, keep)
    if record.fit.get("interrupted") and known is None:
        where = f"is in {keep}" if keep is not None else "was not kept (no --model)"
        raise Interrupted(f"interrupted; no rows were written, and the best complete model until then {where}")
    write_rows(output, names, blocks, table.n_rows, as_json=as_json, quiet=quiet)
    if strict and not record.fit.get("converged"):
        sys.stdout.flush()
        raise NotConverged(
            f"the fit did not converge in {count(len(record.fit['objectives']), 'pass', 'passes')} (--strict): "
            "raise --max-iter or --tol"
        )


def _answers(
    record: ModelRecord, table: Table, *, deviations: bool, as_rows: bool, directions: int | None
) -> tuple[list[str], Iterator[list[Any]]]:
    """Return names of columns, and blocks of them; what cannot be is found before the first is made."""
    from gmmkit.model.covariance import Factor
    from gmmkit.model.factor_scores import coordinate_names

    size = max(1, BLOCK_VALUES // table.n_columns)
    for block in table.blocks(size):
        table.check_finite(block)
    mixture = record.mixture
    if isinstance(mixture.covariance, Factor):
        if directions is not None:
            raise UsageError("--directions is for a model without factors; this one has its own")
        names = coordinate_names(mixture.n_components, mixture.covariance.n_factors)
        if as_rows:
            names = list(record.feature_names or [f"x{j}" for j in range(mixture.n_features)])
        if deviations:
            names += [f"{name}_deviation" for name in names]
        return names, _of_factors(record, table, size, deviations=deviations, as_rows=as_rows)
    if deviations or as_rows:
        option = "--deviations" if deviations else "--rebuilt"
        raise UsageError(f"{option} is for models with factors, which gmmkit reduce --model writes; this one has none")
    from gmmkit.model.discriminant import discriminant_subspace

    subspace = discriminant_subspace(mixture, n_directions=directions)
    return [f"direction{j}" for j in range(subspace.n_directions)], _of_directions(subspace, table, size)


def _of_factors(
    record: ModelRecord, table: Table, size: int, *, deviations: bool, as_rows: bool
) -> Iterator[list[Any]]:
    from gmmkit.model.factor_scores import coordinates, rebuilt

    for block in table.blocks(size):
        found, spread = coordinates(record.mixture, block.rows, deviations=deviations)
        if as_rows:
            yield list(rebuilt(record.mixture, found).T)
        else:
            yield [*found.T, *(() if spread is None else spread.T)]


def _of_directions(subspace: DiscriminantSubspace, table: Table, size: int) -> Iterator[list[Any]]:
    for block in table.blocks(size):
        yield list(subspace.transform(block.rows).T)
