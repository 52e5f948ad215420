"""``gmmkit sample``: new rows from a model, or like those of a file."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError
from gmmkit.cli.models import open_model
from gmmkit.cli.options import (
    ColumnsOption,
    JobsOption,
    LabelOption,
    QuietOption,
    WeightsOption,
    at_least,
    parse_columns,
)
from gmmkit.cli.output import number
from gmmkit.cli.places import check_output
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.model.mixture import Mixture
    from gmmkit.selection.fidelity import Fidelity

__all__ = ["sample"]

# Standard deviations: beyond, a conditional mean has lost the digits of its deviation.
_FARTHEST = 1e6
_MOST_COUNTED = 2.0**53

# Drawn at a time: what is asked for need not fit into memory.
BLOCK_VALUES = 2**18
_LIKE = "Rows like those of a file"
# Rows below which they are not compared.
_FEWEST = 10
# What rows are read from; anything else is a model.
_DATA = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq", ".npy")


def sample(
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
    label: LabelOption = None,
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
    jobs: JobsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Draw new rows, in random order: from a model, or like those of a file.

    Like a file's: counts stay whole, what cannot be negative is not, and how like the real ones they are is said.
    """
    known = {} if given is None else _given(given)
    if source == "-" or source.lower().endswith(_DATA):
        if component:
            raise UsageError(f"--component is for models, but {source} is data; --label adds the class of each row")
        if balance and label is None:
            raise UsageError("--balance needs the column of the classes: give --label COLUMN")
        check_rows_output(output, inputs=(source,))
        check_output("--fidelity", fidelity, ends=(".json",), inputs=(source,))
        if output is not None and fidelity == output:
            raise UsageError(f"--output and --fidelity are both {output}; give them different names")
        ends = {} if bounds is None else {name: _ends(text) for name, text in _pairs("--bounds", bounds, "a=0:9")}
        _like(source, n, seed, output, known, (columns, weights, label), balance, ends, fidelity, jobs, as_json, quiet)
        return
    for option, value in {
        "--columns": columns, "--weights": weights, "--label": label, "--balance": balance or None,
        "--bounds": bounds, "--fidelity": fidelity, "--jobs": jobs,
    }.items():  # fmt: skip
        if value is not None:
            raise UsageError(f"{option} is for data, but {source} is taken for a model: leave it out")
    check_rows_output(output, inputs=(source,))
    record = open_model(source)
    names = list(record.feature_names or (f"x{j}" for j in range(record.mixture.n_features)))
    fixed = _by_position("--given", known, names)
    head = [*names, "component"] if component else names
    # Before the first line is written: what is on stdout cannot be taken back.
    _check_near(record.mixture, fixed, names)
    drawn = record.mixture.condition(fixed) if fixed else record.mixture
    write_rows(output, head, _draws(drawn, fixed, n, seed, component), n, as_json=as_json)


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


def _like(
    source: str,
    n: int,
    seed: int,
    output: str | None,
    given: Mapping[str, float],
    read: tuple[str | None, str | None, str | None],
    balance: bool,
    ends: Mapping[str, tuple[float, float]],
    fidelity: str | None,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    import json

    import numpy as np

    from gmmkit.data import open_table
    from gmmkit.files import write_atomically
    from gmmkit.selection.fidelity import fidelity_of, thinned
    from gmmkit.selection.stacking import StackSettings, stack_densities
    from gmmkit.selection.synthesis import synthesizer_of

    columns, weights, label = read
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {source}")
        table = open_table(source, columns=parse_columns(columns), weights=weights, label=label)
        for block in table.blocks(max(1, BLOCK_VALUES // table.n_columns)):
            table.check_finite(block)
        rows = table.take(np.arange(table.n_rows))
        names = list(table.names or (f"x{j}" for j in range(table.n_columns)))
        known, bounds = _by_position("--given", given, names), _by_position("--bounds", ends, names)
        watch.say("fitting what rows are drawn from")
        settings = StackSettings.default(engine_seed(seed))
        found = synthesizer_of(
            rows,
            lambda part: stack_densities(part, settings, n_jobs=jobs).mixture,
            weights=table.weights,
            classes=None if table.labels is None else table.labels.codes,
            class_names=None if table.labels is None else table.labels.names,
            bounds=bounds,
            names=names,
            seed=engine_seed(seed),
        )
        drawn, classes = found.sample(n, given=known, balanced=balance, seed=engine_seed(seed))
        watch.say("comparing")
        compared = None
        # What is given, or balanced, is not to be like all the real rows.
        real = thinned(rows, table.weights, seed=engine_seed(seed))
        if not (known or balance) and min(n, len(real)) >= _FEWEST:
            compared = fidelity_of(real, drawn, names, seed=engine_seed(seed))
        elif fidelity is not None:
            raise UsageError(
                f"--fidelity compares at least {_FEWEST} rows drawn as they come with as many real ones, but there are "
                f"{n} and, as their weights have them, {len(real)}: leave out --given and --balance, or raise --number"
            )
    # What is counted is written as it is counted: 98, not 98.0.
    counts = _whole(rows) & _whole(drawn)
    values: list[Any] = [
        column.astype(np.int64) if count else column for column, count in zip(drawn.T, counts, strict=True)
    ]
    if table.labels is not None:
        names.append(str(label))
        values.append(np.array(table.labels.names, dtype=str)[classes])
    write_rows(output, names, iter([values]), n, as_json=as_json)
    if fidelity is not None and compared is not None:
        write_atomically(fidelity, [json.dumps(compared.as_record(), indent=2).encode() + b"\n"])
    if compared is not None and not quiet:
        sys.stderr.write(_told(compared))


def _whole(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which columns (n, d) hold whole numbers only, none of which a float cannot hold exactly."""
    import numpy as np

    return np.asarray(((rows == np.round(rows)) & (abs(rows) < _MOST_COUNTED)).all(axis=0))


def _told(found: Fidelity) -> str:
    worst = max(found.columns, key=lambda column: column.distance)
    lines = [
        f"Margins: at most {worst.distance:.3f} apart ({worst.name}; Kolmogorov-Smirnov).",
        f"A classifier tells {100 * found.accuracy:.1f} % of real and drawn rows rightly; a coin 50 % "
        f"(p = {number(found.p_value, 3)}).",
        f"Drawn rows are {found.distance_ratio:.2f} times as far from the nearest real one as real ones are from "
        f"theirs; {found.copies} are copies.",
    ]
    verdict = (
        "too many drawn ones: real rows were learnt by heart. Do not pass these on as new; draw from more rows, or "
        "fewer columns."
        if found.too_near
        else "no sign of rows learnt by heart."
    )
    lines.append(
        f"{100 * found.close_share:.1f} % of drawn rows, and {100 * found.real_close_share:.1f} % of real ones, are "
        f"close to a real one: {verdict}"
    )
    if found.worst_pair is not None:
        lines.insert(
            1,
            f"Rank correlations: at most {found.largest_correlation_difference:.3f} apart "
            f"({' and '.join(found.worst_pair)}).",
        )
    return "".join(f"{line}\n" for line in lines)


def _pairs(option: str, text: str, example: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, sign, value = part.rpartition("=")
        if not sign or not name.strip():
            raise UsageError(f"{option} has {part!r}; expected a column and what it is, such as {example}")
        if name.strip() in seen:
            raise UsageError(f"{option} names {name.strip()!r} twice; give each column once")
        seen.add(name.strip())
        yield name.strip(), value
    if not seen:
        raise UsageError(f"{option} is {text!r}; expected columns, such as {example}")


def _given(text: str) -> dict[str, float]:
    found = {}
    for name, value in _pairs("--given", text, "a=1.5"):
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise UsageError(f"--given has {name}={value}; expected a number")
    return found


def _ends(text: str) -> tuple[float, float]:
    low, colon, high = text.partition(":")
    try:
        ends = float(low or "-inf"), float(high or "inf")
    except ValueError:
        ends = (math.nan, math.nan)
    if not (colon and ends[0] < ends[1]):
        raise UsageError(f"--bounds has {text!r}; expected the least and the largest value, such as 0:9, 0: or :9")
    return ends


def _by_position(option: str, given: Mapping[str, Any], names: Sequence[str]) -> dict[int, Any]:
    for name in given:
        if name not in names:
            raise UsageError(f"{option} names {name!r}, but the columns are {', '.join(names)}")
    if option == "--given" and len(given) == len(names):
        raise UsageError("--given has all columns; leave some to draw")
    return {names.index(name): value for name, value in given.items()}
