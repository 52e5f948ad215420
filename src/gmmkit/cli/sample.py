"""``gmmkit sample``: new rows from a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.models import open_model
from gmmkit.cli.options import ModelArgument, at_least
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = ["sample"]

# Drawn at a time: what is asked for need not fit into memory.
BLOCK_VALUES = 2**18


def sample(
    model: ModelArgument,
    n: Annotated[int, typer.Option("--number", "-n", parser=at_least(1), metavar="N", help="Number of rows.")] = 1000,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same rows.")] = 0,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    component: Annotated[bool, typer.Option("--component", help="Add a column: the component of each row.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
) -> None:
    """Draw new rows, in random order."""
    check_rows_output(output, inputs=(model,))
    record = open_model(model)
    names = record.feature_names or [f"x{j}" for j in range(record.mixture.n_features)]
    names = [*names, "component"] if component else list(names)
    write_rows(output, names, _draws(record.mixture, n, seed, component), n, as_json=as_json)


def _draws(mixture: Mixture, n: int, seed: int, component: bool) -> Iterator[list[Any]]:
    import numpy as np

    random = np.random.default_rng(seed)
    size = max(1, BLOCK_VALUES // mixture.n_features)
    for first in range(0, n, size):
        rows, components = mixture.sample(min(size, n - first), seed=random)
        order = random.permutation(len(rows))
        yield [*rows[order].T, *([components[order]] if component else [])]
