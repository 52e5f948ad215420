"""``gmmkit score``: how likely rows are under a model."""

from __future__ import annotations

import sys

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
from gmmkit.cli.output import print_json
from gmmkit.cli.progress import Watch

__all__ = ["score"]


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
