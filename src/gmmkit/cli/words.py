"""A model in words and tables, from its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmmkit.cli.classes import print_classes
from gmmkit.cli.findings import print_clusters, print_intervals, print_tests
from gmmkit.cli.members import print_members
from gmmkit.cli.output import count, number, number_beside, print_table, print_text

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
    "max_iter": "Did not converge within {passes}: raise --max-iter",
    "interrupted": "Interrupted after {passes}: the best complete model until then",
}


def print_facts(console: Console, facts: Facts) -> None:
    """Print the whole model: what it is, how it was chosen, its components, what is to be said against it."""
    if facts["targets"] is not None:
        print_text(console, _regression(facts), style="bold")
    if facts["members"]:
        # Its components are parts of an average, by the hundred: no groups of rows.
        print_members(console, facts, facts["n_components"], facts["n_features"])
        for line in _cautions(facts):
            print_text(console, line, style="yellow")
        return
    print_text(console, _headline(facts), style="bold")
    if facts["search"]:
        print_search(console, facts)
    print_text(console, _fit_line(facts))
    _print_components(console, facts)
    if facts["merging"]:
        print_clusters(console, facts["merging"], facts["clusters"] or ())
    if facts["classification"]:
        print_classes(console, facts["classification"])
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
                _structure(row),
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
    print_text(console, f"{name}: lower is better. Starts: how many of those tried ended at this optimum.", style="dim")
    print_text(console, _tried(rows, len(shown), len(ranked)), style="dim")
    if len(ranked) > 1 and facts["margin"] is not None:
        _print_margin(console, ranked[1], facts)


def _structure(row: Facts) -> str:
    """Return a candidate's structure; of factor analysers, their number and what the noise is."""
    factors = row.get("n_factors")
    if factors is None:
        return str(row["covariance_type"])
    return f"{count(factors, 'factor')}, {row['noise']}"


def _tried(rows: Sequence[Facts], n_shown: int, n_ranked: int) -> str:
    """Say what became of all models, of which only the best are shown."""
    spurious = sum(row["spurious"] is not None for row in rows)
    failed = sum(row["error"] is not None for row in rows)
    parts = []
    if n_ranked > n_shown:
        parts.append(f"{n_ranked - n_shown} more {'is' if n_ranked - n_shown == 1 else 'are'} worse")
    if spurious:
        some = f"{spurious} {'is' if spurious == 1 else 'are'} spurious"
        parts.append(f"{some} (a component on too few rows, or collapsed) and not compared")
    if failed:
        parts.append(f"{failed} could not be fitted")
    tried = f"{count(len(rows), 'model')} tried"
    return f"{tried}; beside those shown, {', '.join(parts)}." if parts else f"{tried}."


def _print_margin(console: Console, second: Facts, facts: Facts) -> None:
    k, structure = second["n_components"], _structure(second)
    other = f"{k} {structure}" if second.get("n_factors") is None else f"{count(k, 'component')} of {structure}"
    if second["rank"] == 1:
        print_text(console, f"{other} is as good.")
        return
    words = f", {facts['evidence']}" if facts["evidence"] else ""
    print_text(console, f"Margin to the runner-up ({other}): {number(facts['margin'])}{words}.")


def _headline(facts: Facts) -> str:
    k, d = facts["n_components"], facts["n_features"]
    source = facts["provenance"].get("source")
    rows = f"{count(facts['n_rows'], 'row')} of " if facts["n_rows"] else ""
    kind = "" if facts["degrees_of_freedom"] is None else "Student-t "
    what = f"{count(k, f'{kind}component')}, {facts['fitted_structure']} covariance"
    if facts["n_factors"] is not None:
        what = f"{count(k, 'component')} of {count(facts['n_factors'], 'factor')}, {facts['noise']} noise"
    if not _is_same(facts["fitted_structure"], facts["covariance_type"]):
        what += f" in columns of one scale ({facts['covariance_type']} in their own)"
    if facts["noise_weight"] is not None:
        what += f", and {100 * facts['noise_weight']:.1f} % noise"
    return f"{what}: {rows}{count(d, 'column')}" + (f" from {source}" if source else "")


def _regression(facts: Facts) -> str:
    """Say what a regressor predicts, and from what: its mixture, which the rest is about, is of both."""
    targets, d = facts["targets"], facts["n_features"]
    names = facts["feature_names"] or [f"column {j}" for j in range(d)]
    told = [[names[j] for j in range(d) if (j in targets) == asked] for asked in (True, False)]
    predicted, inputs = (", ".join(some) if len(some) <= MOST_FEATURES else count(len(some), "column") for some in told)
    return f"A regressor: gmmkit regress predicts {predicted} from {inputs}, by a mixture of all of them"


def _is_same(structure: str, other: str) -> bool:
    from gmmkit.model.covariance import family

    return structure == other or family(structure) is family(other)


def _fit_line(facts: Facts) -> str:
    parts = []
    if facts["log_likelihood"] is not None:
        parts.append(f"Log-likelihood {number(facts['log_likelihood'])}")
    parts += [f"{name.upper()} {number(facts[name])}" for name in ("bic", "aic", "icl") if facts[name] is not None]
    parts.append(count(facts["n_parameters"], "parameter"))
    if facts["converged"]:
        parts.append(f"converged in {_passes(facts)}")
    return ", ".join(parts) + "."


def _passes(facts: Facts) -> str:
    return "an unknown number of passes" if facts["n_iter"] is None else count(facts["n_iter"], "pass", "passes")


def _print_components(console: Console, facts: Facts) -> None:
    d = facts["n_features"]
    names = facts["feature_names"] or [f"column {j}" for j in range(d)]
    # The heaviest of many, but always by number, as wherever components are listed.
    heaviest = sorted(facts["components"], key=lambda c: -c["weight"])[:MOST_COMPONENTS]
    components = sorted(heaviest, key=lambda c: c["component"])
    left = len(facts["components"]) - len(components)
    known = any(c["effective_rows"] is not None for c in components)
    rows = []
    for c in components:
        values = [
            f"{number_beside(m, s)} ± {number_beside(s, s)}"
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
        more.append(count(d - MOST_FEATURES, "more column"))
    if left:
        more.append(f"{count(left, 'lighter component')}")
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
        lines.append(STOPPED[facts["reason"]].format(passes=_passes(facts)) + ".")
    if facts["spurious"]:
        lines.append(f"No fit is admissible; the best is spurious: {facts['spurious']}.")
    lines += [f"Note: {warning}." for warning in facts["warnings"]]
    return lines
