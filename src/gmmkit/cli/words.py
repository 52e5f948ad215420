"""A model in words and tables, from its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmmkit.cli.findings import print_clusters, print_intervals, print_tests
from gmmkit.cli.output import digits_of, number, print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_facts", "print_search"]

Facts = Mapping[str, Any]

MOST_FEATURES = 8
MOST_COMPONENTS = 50
BEST_ROWS = 8
# Criteria whose names are no abbreviation that people know.
CRITERIA = {"sabic": "adjusted BIC", "mml": "message length", "held_out": "held-out"}
STOPPED = {
    "max_iter": "Did not converge within {n_iter} passes: raise --max-iter",
    "interrupted": "Interrupted after {n_iter} passes: the best complete model until then",
}


def print_facts(console: Console, facts: Facts) -> None:
    """Print the whole model: what it is, how it was chosen, its components, what is to be said against it."""
    print_text(console, _headline(facts), style="bold")
    if facts["search"]:
        print_search(console, facts)
    print_text(console, _fit_line(facts))
    _print_components(console, facts)
    if facts["merging"]:
        print_clusters(console, facts["merging"], facts["clusters"] or ())
    for name in ("information", "bootstrap"):
        if facts[name]:
            print_intervals(console, facts[name])
    if facts["likelihood_ratio"]:
        print_tests(console, facts["likelihood_ratio"])
    if facts["labels"]:
        _print_labels(console, facts["labels"], noise=facts["noise_weight"] is not None)
    for line in _cautions(facts):
        print_text(console, line, style="yellow")


def print_search(console: Console, facts: Facts) -> None:
    """Print the best rows of a search and the margin to the runner-up; lower is better."""
    criterion = facts["criterion"] or "bic"
    name = CRITERIA.get(criterion, criterion.upper())
    # A model under a second name is no second model.
    rows = [row for row in facts["search"] if row.get("same_as") is None]
    ranked = [row for row in rows if row["rank"] is not None]
    best = ranked[0][criterion] if ranked else None
    shown = ranked[:BEST_ROWS]
    console.print()
    print_table(
        console,
        ["k", "<covariance", name, "worse by", "log-likelihood", "parameters", "starts"],
        [
            [
                str(row["n_components"]),
                row["covariance_type"],
                number(row[criterion]),
                number(row[criterion] - best),
                number(row["log_likelihood"]),
                str(row["n_parameters"]),
                f"{row['reached']} of {row['starts']}" if row.get("starts") else "-",
            ]
            for row in shown
        ],
        best=0 if shown else None,
    )
    spurious = sum(row["spurious"] is not None for row in rows)
    failed = sum(row["error"] is not None for row in rows)
    parts = [f"{name}: lower is better. Starts: how many of those tried ended at this optimum. {len(rows)} fits"]
    if len(ranked) > len(shown):
        parts.append(f"{len(ranked) - len(shown)} more admissible")
    if spurious:
        parts.append(f"{spurious} spurious (a component on too few rows, or collapsed)")
    if failed:
        parts.append(f"{failed} failed")
    print_text(console, ", ".join(parts) + ".", style="dim")
    if len(ranked) > 1 and facts["margin"] is not None:
        _print_margin(console, ranked[1], facts)


def _print_margin(console: Console, second: Facts, facts: Facts) -> None:
    other = f"{second['n_components']} {second['covariance_type']}"
    if second["rank"] == 1:
        print_text(console, f"{other} is as good.")
        return
    words = f", {facts['evidence']}" if facts["evidence"] else ""
    print_text(console, f"Margin to the runner-up ({other}): {number(facts['margin'])}{words}.")


def _headline(facts: Facts) -> str:
    k, d = facts["n_components"], facts["n_features"]
    source = facts["provenance"].get("source")
    rows = f"{facts['n_rows']:,} rows of " if facts["n_rows"] else ""
    kind = "" if facts["degrees_of_freedom"] is None else "Student-t "
    what = f"{k} {kind}component{'s' * (k != 1)}, {facts['fitted_structure']} covariance"
    if not _is_same(facts["fitted_structure"], facts["covariance_type"]):
        what += f" in columns of one scale ({facts['covariance_type']} in their own)"
    if facts["noise_weight"] is not None:
        what += f", and {100 * facts['noise_weight']:.1f} % noise"
    return f"{what}: {rows}{d} column{'s' * (d != 1)}" + (f" from {source}" if source else "")


def _is_same(structure: str, other: str) -> bool:
    from gmmkit.model.covariance import family

    return structure == other or family(structure) is family(other)


def _fit_line(facts: Facts) -> str:
    parts = []
    if facts["log_likelihood"] is not None:
        parts.append(f"Log-likelihood {number(facts['log_likelihood'])}")
    parts += [f"{name.upper()} {number(facts[name])}" for name in ("bic", "aic", "icl") if facts[name] is not None]
    parts.append(f"{facts['n_parameters']} parameters")
    if facts["converged"]:
        parts.append(f"converged in {facts['n_iter']} passes")
    return ", ".join(parts) + "."


def _print_components(console: Console, facts: Facts) -> None:
    d = facts["n_features"]
    names = facts["feature_names"] or [f"column {j}" for j in range(d)]
    components = sorted(facts["components"], key=lambda c: -c["weight"])
    known = any(c["effective_rows"] is not None for c in components)
    rows = []
    for c in components[:MOST_COMPONENTS]:
        values = [
            f"{number(m, digits_of(s))} ± {number(s, digits_of(s))}"
            for m, s in zip(c["mean"][:MOST_FEATURES], c["standard_deviation"][:MOST_FEATURES], strict=True)
        ]
        apart = "-" if c["separation"] is None else f"{number(c['separation'], 1)} sd from {c['nearest_component']}"
        held = [number(c["effective_rows"], 1)] if known else []
        tails = [] if c["degrees_of_freedom"] is None else [number(c["degrees_of_freedom"], 1)]
        rows.append([str(c["component"]), f"{100 * c['weight']:.1f} %", *tails, *values, apart, *held])
    console.print()
    freedom = [] if facts["degrees_of_freedom"] is None else ["df"]
    held = ["effective rows"] if known else []
    print_table(console, ["", "weight", *freedom, *names[:MOST_FEATURES], "nearest", *held], rows)
    more = []
    if d > MOST_FEATURES:
        more.append(f"{d - MOST_FEATURES} more columns")
    if len(components) > MOST_COMPONENTS:
        more.append(f"{len(components) - MOST_COMPONENTS} more components")
    note = "Mean ± standard deviation of each column"
    if freedom:
        note = "df: degrees of freedom. Mean ± scale of each column"
    print_text(console, f"{note}; {' and '.join(more)} with --json." if more else f"{note}.", style="dim")


def _print_labels(console: Console, labels: Facts, *, noise: bool) -> None:
    last = len(labels["counts"]) - 1
    console.print()
    print_table(
        console,
        ["", *labels["names"]],
        [
            ["noise" if noise and j == last else str(j), *(f"{count:g}" for count in counts)]
            for j, counts in enumerate(labels["counts"])
        ],
    )
    print_text(console, f"Adjusted Rand index {labels['adjusted_rand_index']:.4f} (1: the same partition, 0: chance).")


def _cautions(facts: Facts) -> Sequence[str]:
    lines = []
    if facts["interrupted"]:
        lines.append("The search was interrupted: models that were not tried yet may be better.")
    if facts["reason"] in STOPPED:
        lines.append(STOPPED[facts["reason"]].format(n_iter=facts["n_iter"]) + ".")
    if facts["spurious"]:
        lines.append(f"No fit is admissible; the best is spurious: {facts['spurious']}.")
    lines += [f"Note: {warning}." for warning in facts["warnings"]]
    return lines
