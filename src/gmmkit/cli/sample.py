"""``gmmkit sample``: new rows from a model, or like those of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.generation import Asked, more_rows, rows_like
from gmmkit.cli.given import by_position, parse_ends, parse_given
from gmmkit.cli.models import open_model
from gmmkit.cli.options import (
    ColumnsOption,
    JobsOption,
    QuietOption,
    WeightsOption,
    at_least,
)
from gmmkit.cli.places import MODEL, PAGE, check_output
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = ["sample"]

# Standard deviations: beyond, a conditional mean has lost the digits of its deviation.
_FARTHEST = 1e6

# Drawn at a time: what is asked for need not fit into memory.
BLOCK_VALUES = 2**18
_LIKE = "Rows like those of a file"
# What rows are read from; anything else is a model.
_DATA = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq", ".npy")


def sample(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="MODEL|DATA", help="A model (.gmm), or rows to draw others like.")],
    n: Annotated[int, typer.Option("--number", "-n", parser=at_least(1), metavar="N", help="Number of rows.")] = 1000,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same rows.")] = 0,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    given: Annotated[
        str | None, typer.Option(metavar="a=1,b=2", help="Values that columns have in all rows; the others follow.")
    ] = None,
    component: Annotated[bool, typer.Option("--component", help="Add a column: the component of each row.")] = False,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="COLUMN", rich_help_panel=_LIKE, help="Column of classes: each is drawn by itself."
        ),
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", rich_help_panel=_LIKE, help="As many rows of each class of --label.")
    ] = False,
    bounds: Annotated[
        str | None,
        typer.Option(metavar="a=0:9,b=0:", rich_help_panel=_LIKE, help="Ends of columns, beside those that show."),
    ] = None,
    fidelity: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", rich_help_panel=_LIKE, help="Where to keep how like the real rows they are (.json)."
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="FILE", rich_help_panel=_LIKE, help="Where to keep what draws them (.gmm), for more."
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", rich_help_panel=_LIKE, help="Also write how like they are as a page (.html)."
        ),
    ] = None,
    jobs: JobsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Draw new rows, in random order: from a model, or like those of a file.

    Like a file's: counts stay whole, what cannot be negative is not. How like the real ones they are is said where
    there are ten or more of both, unless --given or --balance asks for others. What --model keeps draws more of them:
    gmmkit sample MODEL.
    """
    known = parse_given(given)
    check_rows_output(output, inputs=(source,))
    if source == "-" or source.lower().endswith(_DATA):
        if component:
            raise UsageError(f"--component is for models, but {source} is data; --label adds the class of each row")
        if balance and label is None:
            raise UsageError("--balance needs the column of the classes: give --label COLUMN")
        check_output("--fidelity", fidelity, ends=(".json",), inputs=(source,))
        check_output("--model", keep, ends=MODEL, inputs=(source,))
        check_output("--report", report, ends=PAGE, inputs=(source,))
        if output is not None and fidelity == output:
            raise UsageError(f"--output and --fidelity are both {output}; give them different names")
        for option, path in (("--fidelity", fidelity), ("--report", report)):
            if path is not None and (known or balance):
                raise UsageError(f"{option} compares rows that are drawn as they come: leave out --given and --balance")
        asked = Asked(n, seed, known, balance, parse_ends("--bounds", bounds), fidelity, keep, report, jobs)
        rows_like(source, (columns, weights, label), asked, output, command_line(context), as_json, quiet)
        return
    for option, value in {
        "--columns": columns, "--weights": weights, "--label": label, "--bounds": bounds, "--fidelity": fidelity,
        "--model": keep, "--report": report, "--jobs": jobs,
    }.items():  # fmt: skip
        if value is not None:
            raise UsageError(f"{option} is for data, but {source} is taken for a model: leave it out")
    from gmmkit.files.record import GENERATOR

    record = open_model(source, also=(GENERATOR,))
    if record.estimator == GENERATOR:
        if component:
            raise UsageError(
                f"--component is for mixtures, but {source} is a generator, which tells classes: leave it out"
            )
        more_rows(record, source, n, seed, known, balance, output, as_json, quiet)
        return
    if balance:
        raise UsageError(f"--balance is for data and generators, but {source} is a mixture: leave it out")
    names = list(record.feature_names or (f"x{j}" for j in range(record.mixture.n_features)))
    fixed = by_position("--given", known, names)
    head = [*names, "component"] if component else names
    # Before the first line is written: what is on stdout cannot be taken back.
    _check_near(record.mixture, fixed, names)
    drawn = record.mixture.condition(fixed) if fixed else record.mixture
    write_rows(output, head, _draws(drawn, fixed, n, seed, component), n, as_json=as_json, quiet=quiet)


def _check_near(mixture: Mixture, given: Mapping[int, float], names: Sequence[str]) -> None:
    """Refuse values so far from every component that what is drawn would be the fit's rounding."""
    for column, value in given.items():
        means, variances = mixture.means[:, column], mixture.covariance.variances()[:, column]
        if (abs(value - means) / variances**0.5).min() > _FARTHEST:
            raise UsageError(
                f"--given has {names[column]}={value:g}, more than {_FARTHEST:,.0f} standard deviations from every "
                f"component (means from {means.min():.4g} to {means.max():.4g}): give a value nearer to them"
            )


def _draws(drawn: Mixture, given: Mapping[int, float], n: int, seed: int, component: bool) -> Iterator[list[Any]]:
    import numpy as np

    random = np.random.default_rng(seed)
    d = drawn.n_features + len(given)
    size = max(1, BLOCK_VALUES // d)
    for first in range(0, n, size):
        rows, components = drawn.sample(min(size, n - first), seed=random)
        order = random.permutation(len(rows))
        free = iter(rows[order].T)
        whole = [np.full(len(rows), given[j]) if j in given else next(free) for j in range(d)]
        yield [*whole, *([components[order]] if component else [])]
