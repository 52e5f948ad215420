"""What was asked of a finished fit, in words and tables: clusters, intervals, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmmkit.cli.output import count, number, number_beside, print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_clusters", "print_intervals", "print_tests"]

MOST_CLUSTERS = 20
MOST_ROWS = 40
KINDS = {
    "nonparametric": "rows drawn with replacement",
    "weighted": "rows with random weights",
    "parametric": "rows drawn from the model",
}
STARTS = {"hierarchical": "a hierarchy", "many": "many starts"}


def print_clusters(console: Console, merging: Mapping[str, Any], clusters: Sequence[Mapping[str, Any]]) -> None:
    """Print how many clusters components form, the steps that led there, and each cluster in a sentence."""
    rows = merging["rows"]
    k = rows[0]["n_clusters"]
    n = next(row["n_clusters"] for row in rows if row["proposed"])
    console.print()
    if k > 1:
        _print_merges(console, merging)
    parts = f"{count(k, 'component')} form{'s' * (k == 1)} {count(n, 'cluster')}"
    print_text(console, f"{parts}. {merging['reason'].rstrip('.')}.")
    for cluster in clusters[:MOST_CLUSTERS]:
        print_text(console, cluster["sentence"])
    if len(clusters) > MOST_CLUSTERS:
        print_text(console, f"{len(clusters) - MOST_CLUSTERS} more clusters with --json.", style="dim")


def print_intervals(console: Console, found: Mapping[str, Any]) -> None:
    """Print standard errors and intervals of weights, means and variances."""
    level = 100.0 * found["confidence"]
    rows = [row for row in found["rows"] if row["parameter"] != "covariance" or row["column"] == row["other"]]
    console.print()
    print_table(
        console,
        ["", "<parameter", "estimate", "standard error", f"{level:g} % from", "to"],
        [
            [
                str(row["component"]),
                _parameter(row),
                *(
                    number_beside(row[key], row["standard_error"])
                    for key in ("estimate", "standard_error", "low", "high")
                ),
            ]
            for row in rows[:MOST_ROWS]
        ],
    )
    told = "Standard errors from the observed information"
    if "kind" in found:
        told = f"Bootstrap: {found['n_replicates']} fits to {KINDS.get(found['kind'], found['kind'])}"
        if found["faults"]:
            told += f"; left out: {', '.join(f'{count} {fault}' for fault, count in found['faults'].items())}"
    left = found["n_parameters"] - min(len(rows), MOST_ROWS)
    more = f" {left} more, covariances among them, with --json." if left else ""
    print_text(console, f"{told}.{more}", style="dim")


def print_tests(console: Console, tests: Sequence[Mapping[str, Any]]) -> None:
    """Print likelihood-ratio tests of numbers of components."""
    console.print()
    print_table(
        console,
        ["<components", "likelihood ratio", "p", "replicates", "<answer"],
        [
            [
                f"{test['n_components']} against {test['n_components'] + 1}",
                number(test["statistic"]),
                number(test["p_value"], 3),
                str(_counted(test)),
                f"{test['n_components'] + 1} are needed"
                if test["rejected"]
                else f"{test['n_components']} {'is' if test['n_components'] == 1 else 'are'} enough",
            ]
            for test in tests
        ],
    )
    starts = STARTS.get(str(tests[0].get("starts", "hierarchical")), "starts of their own")
    print_text(console, f"Rows and replicates are fitted alike, from {starts}; fits above may be better.", style="dim")


def _print_merges(console: Console, merging: Mapping[str, Any]) -> None:
    rows = merging["rows"]
    mistaken = merging.get("rule") == "misclassification"
    found = []
    for row in rows[:MOST_ROWS]:
        first = row["first"] is None
        cells = [str(row["n_clusters"]), "" if first else f"{_group(row['first'])} and {_group(row['second'])}"]
        if mistaken:
            cells.append("-" if first else f"{100 * row['score']:.1f} %")
        else:
            # Rounding is no entropy.
            entropy = row["entropy"] if row["entropy"] > 5e-3 else 0.0
            cells += [number(entropy), "-" if first else f"{abs(row['fall_per_row']):.3f}"]
        found.append(cells)
    heads = ["mistaken"] if mistaken else ["entropy", "fall a row"]
    best = next(place for place, row in enumerate(rows) if row["proposed"])
    print_table(console, ["clusters", "<merged", *heads], found, best=best)
    said = "Entropy: how unsure rows are of their cluster, all in all. "
    said += "Fall a row: what a merge takes off it, for each row of the two merged."
    if mistaken:
        said = "Mistaken: how many rows of one of the two merged would be taken for the other's."
    print_text(console, said, style="dim")


def _counted(test: Mapping[str, Any]) -> int:
    """Return how many replicates a test rests on; of many only some are kept."""
    return int(test.get("n_replicates", len(test["replicates"])))


def _group(components: Sequence[int]) -> str:
    return "+".join(map(str, components))


def _parameter(row: Mapping[str, Any]) -> str:
    if row["parameter"] == "weight":
        return "weight"
    return f"{'mean' if row['parameter'] == 'mean' else 'variance'} of {row['column']}"
