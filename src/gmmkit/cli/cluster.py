"""``gmmkit cluster``: clusters of any shape, each of one component or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.analysis import add_clusters
from gmmkit.cli.asked import engine_seed
from gmmkit.cli.commands import command_line
from gmmkit.cli.facts import facts_of
from gmmkit.cli.notes import notes_on
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
    parse_columns,
    parse_covariance,
)
from gmmkit.cli.outputs import draw_report, keep_model, tell
from gmmkit.cli.places import check_outputs
from gmmkit.cli.progress import Watch
from gmmkit.cli.words import print_facts

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord

__all__ = ["cluster"]


def _number(text: Any) -> str:
    if text == "auto":
        return "auto"
    try:
        return str(at_least(1)(text))
    except typer.BadParameter:
        raise typer.BadParameter(f"it is {text!r}; expected auto or a whole number, at least 1") from None


def cluster(
    context: typer.Context,
    data: DataArgument,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to keep the model (.gmm).")
    ] = None,
    clusters: Annotated[
        str,
        typer.Option(
            "--clusters", "-k", parser=_number, metavar="3|auto", rich_help_panel="The model", help="How many clusters."
        ),
    ] = "auto",
    covariance: CovarianceOption = "all",
    columns: ColumnsOption = None,
    weights: WeightsOption = None,
    label: LabelOption = None,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE", help="Also write a report (.html).")] = None,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model.")] = 0,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find clusters, which need not be Gaussian: each is one component or several, whichever separates better.

    gmmkit predict MODEL DATA then gives the cluster of each row, of these or of others.
    """
    wanted = parse_columns(columns)
    structures = parse_covariance(covariance)
    check_outputs(data, output=output, report=report)
    from gmmkit.data import open_table

    command = command_line(context)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {data}")
        table = open_table(data, columns=wanted, weights=weights, label=label)
        watch.say("looking for clusters")
        record = _found(table, clusters, structures, seed, jobs, command)
        keep_model(record, output)
        draw_report(record, report, table, command, watch)
    tell(facts_of(record), print_facts, model=output, report=report, as_json=as_json, quiet=quiet)


def _found(
    table: Table, clusters: str, structures: list[str] | None, seed: int, jobs: int | None, command: str
) -> ModelRecord:
    from gmmkit.model.covariance import family
    from gmmkit.model.covariance.catalogue import structures_for
    from gmmkit.model.evaluation import likelihood
    from gmmkit.selection.clusters import ClusterSettings, find_clusters
    from gmmkit.selection.records import record_of_clusters

    for name in structures or ():
        family(name, table.n_columns)
    settings = ClusterSettings(
        n_clusters=None if clusters == "auto" else int(clusters),
        structures=tuple(structures or structures_for(table.n_columns)),
        seed=engine_seed(seed),
    )
    found = find_clusters(table, settings, n_jobs=jobs)
    notes = notes_on(table, constant=True)
    seen = likelihood(found.mixture, table, n_jobs=jobs)
    record = record_of_clusters(
        found,
        {
            "n_clusters": clusters if clusters == "auto" else int(clusters),
            "covariance_type": structures or "all",
            "random_state": seed,
        },
        feature_names=table.names,
        known={
            "n_rows": table.n_rows,
            "total_weight": seen.total_weight,
            "log_likelihood": seen.log_likelihood,
            **({"notes": notes} if notes else {}),
        },
        provenance={"source": table.origin, "command": command},
    )
    return add_clusters(record, table, found.tree)
