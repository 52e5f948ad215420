"""``gmmkit predict``: what a model says of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.models import Classes, classes_of, clusters_of, open_data_of, open_model
from gmmkit.cli.options import ColumnsOption, DataArgument, ModelArgument, QuietOption, one_of
from gmmkit.cli.progress import Watch
from gmmkit.cli.rows import check_rows_output, write_rows

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.model.evaluation import BlockAnswer
    from gmmkit.model.mixture import Mixture

__all__ = ["predict"]


QUANTITIES = ("label", "probability", "uncertainty", "log_density", "cluster", "class_probability", "class")


def predict(
    model: ModelArgument,
    data: DataArgument,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, TSV, NPY, Parquet or JSONL file; default: stdout."),
    ] = None,
    only: Annotated[str | None, typer.Option(**one_of(*QUANTITIES), help="Write this only.")] = None,
    columns: ColumnsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of CSV.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Label each row, with the probability of each component, uncertainty and log-density.

    Where components were merged into clusters (gmmkit fit --merge, gmmkit cluster), the last column is the cluster;
    with a classifier (gmmkit classify), the last columns are the probability of each class, and the class.
    """
    check_rows_output(output, inputs=(model, data))
    record = open_model(model)
    groups = clusters_of(record)
    if only == "cluster" and groups is None:
        raise UsageError(f"--only cluster: the components of {model} were not merged; fit it with --merge")
    classes = classes_of(record)
    if only in ("class_probability", "class") and classes is None:
        raise UsageError(f"--only {only}: {model} is no classifier")
    as_text = classes is not None and only in (None, "class") and classes.labels.dtype.kind == "U"
    if as_text and output is not None and output.lower().endswith(".npy"):
        raise UsageError(f"--output {output} holds numbers, but classes are texts; write .csv or .parquet")
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_data_of(record, data, columns=columns)
        _check_every_row(table)
        watch.say(f"predicting {table.n_rows} rows")
        k = record.mixture.n_components
        names = [["label"], [f"probability_{j}" for j in range(k)], ["uncertainty"], ["log_density"]]
        told = [] if classes is None else [f"class_probability_{name}" for name in classes.labels.tolist()]
        names += [[] if groups is None else ["cluster"], told, [] if classes is None else ["class"]]
        wanted = [
            name for quantity, its in zip(QUANTITIES, names, strict=True) if only in (None, quantity) for name in its
        ]
        answers = _answers(record.mixture, table, only, groups, classes)
        write_rows(output, wanted, answers, table.n_rows, as_json=as_json, quiet=quiet)


def _answers(
    mixture: Mixture,
    table: Table,
    only: str | None,
    groups: Sequence[Sequence[int]] | None,
    classes: Classes | None,
) -> Iterator[list[Any]]:
    from gmmkit.model.evaluation import evaluate_blocks
    from gmmkit.numerics.blas import one_blas_thread

    with one_blas_thread():
        for _, answer in evaluate_blocks(mixture, table):
            columns: list[Any] = []
            if only in (None, "label"):
                columns.append(answer.labels)
            if only in (None, "probability"):
                columns += list(answer.posterior.T)
            if only in (None, "uncertainty"):
                columns.append(_uncertainty(mixture, answer))
            if only in (None, "log_density"):
                columns.append(answer.log_density)
            if groups is not None and only in (None, "cluster"):
                columns.append(_clusters(mixture, answer, groups))
            if classes is not None and only in (None, "class_probability", "class"):
                probabilities = classes.posterior(answer.posterior)
                columns += list(probabilities.T) if only != "class" else []
                columns += [classes.labels[probabilities.argmax(axis=1)]] if only != "class_probability" else []
            yield columns


def _uncertainty(mixture: Mixture, answer: BlockAnswer) -> Any:
    """Return the probability that a label is wrong; that of noise is what its components leave."""
    import numpy as np

    largest = answer.posterior.max(axis=1)
    return 1.0 - (largest if mixture.noise is None else np.maximum(largest, 1.0 - answer.posterior.sum(axis=1)))


def _clusters(mixture: Mixture, answer: BlockAnswer, groups: Sequence[Sequence[int]]) -> Any:
    import numpy as np

    shared = np.stack([answer.posterior[:, list(group)].sum(axis=1) for group in groups], axis=1)
    clusters = shared.argmax(axis=1)
    if mixture.noise is not None:
        clusters[shared.max(axis=1) < 1.0 - shared.sum(axis=1)] = -1
    return clusters


def _check_every_row(table: Table) -> None:
    """Find a value that cannot be used before the first line is written: what is on stdout cannot be taken back."""
    for block in table.blocks(max(1, 2**18 // table.n_columns)):
        table.check_finite(block)
