"""``gmmkit score``: how likely rows are under a model."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from gmmkit.cli.boundary import remark
from gmmkit.cli.models import open_data_of, open_model
from gmmkit.cli.options import (
    ColumnsOption,
    DataArgument,
    JobsOption,
    JsonOption,
    ModelArgument,
    QuietOption,
    WeightsOption,
)
from gmmkit.cli.output import count, print_json
from gmmkit.cli.progress import Watch

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.model.mixture import Mixture

__all__ = ["score"]

_BLOCK_VALUES = 2**18


def score(
    model: ModelArgument,
    data: DataArgument,
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give the log-likelihood of rows under a model: the mean over rows, the total, and how many rows there are."""
    record = open_model(model)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_data_of(record, data, columns=columns, weights=weights)
        from gmmkit.model.evaluation import likelihood

        watch.say("scoring")
        found = likelihood(record.mixture, table, n_jobs=jobs)
        impossible = None if math.isfinite(found.log_likelihood) else _impossible(record.mixture, table)
    answer = {
        "mean_log_likelihood": found.log_likelihood / found.total_weight,
        "log_likelihood": found.log_likelihood,
        "n_rows": table.n_rows,
        **({"total_weight": found.total_weight} if weights is not None else {}),
    }
    if as_json:
        print_json(answer)
    else:
        sys.stdout.write("".join(f"{name} {value!r}\n" for name, value in answer.items()))
    if impossible is not None:
        remark(f"warning: {impossible}")


def _impossible(mixture: Mixture, table: Table) -> str | None:
    """Return which rows have no density that float64 holds, in words."""
    import numpy as np

    first, n = None, 0
    for block in table.blocks(max(1, _BLOCK_VALUES // table.n_columns)):
        lost = np.flatnonzero(np.isneginf(mixture.log_density(block.rows)))
        if first is None and len(lost):
            first = table.where(int(block.index + lost[0]))
        n += len(lost)
    if first is None:
        return None
    others = f" (as {count(n - 1, 'more row')})" if n > 1 else ""
    return (
        f"{first}{others} is so far from every component that a float cannot hold its log-density: its likelihood is 0"
    )
