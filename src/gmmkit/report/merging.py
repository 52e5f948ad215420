"""Components merged into clusters: why, in which order, and what each number of clusters leaves unsure."""

from __future__ import annotations

from gmmkit.plots import plot_merge_curve, plot_merge_tree
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import count, fixed, percent, plural

__all__ = ["merging"]

_MOST_ROWS = 60
_RULES = {
    "entropy": (
        "Step by step the two are merged that take most off the entropy of the classification, which is how unsure "
        "rows are, all in all (Baudry, Raftery, Celeux, Lo & Gottardo 2010)."
    ),
    "misclassification": (
        "Step by step the two are merged of which rows of one are most often taken for the other's (Hennig 2010, DEMP)."
    ),
}


def merging(subject: Subject) -> Html | None:
    """Return the section; None if nothing was merged."""
    tree = subject.tree
    if tree is None or not tree.merges:
        return None
    k = subject.mixture.n_components
    told = (
        "A component is a normal distribution; a cluster that is not normal takes several. "
        f"{_RULES.get(tree.rule, '')} {tree.reason}"
    )
    curve = figure(plot_merge_curve(tree, width=WIDTH), "Entropy: how unsure rows are of their cluster, all in all.")
    picture = figure(plot_merge_tree(tree, width=WIDTH), "Merges: which components form a cluster, and in which order.")
    rows = tree.as_rows()
    body = []
    for row in rows[:_MOST_ROWS]:
        size = f"{row['n_clusters']} (proposed)" if row["proposed"] else row["n_clusters"]
        if row["first"] is None:
            body.append(cells([size, "—", fixed(row["entropy"], 1), "—", "—", "—"], heads=1))
            continue
        merged = f"{_group(row['first'])} + {_group(row['second'])}"
        score = percent(row["score"]) if tree.rule == "misclassification" else fixed(row["fall_per_row"], 3)
        values = [size, merged, fixed(row["entropy"], 1), fixed(row["fall"], 1), count(row["rows"]), score]
        body.append(cells(values, heads=1))
    score = "Mistaken" if tree.rule == "misclassification" else "Taken off per row"
    head = ["Clusters", "Merged", "Entropy", "Taken off", "Rows merged", score]
    listing = table(f"From {plural(k, 'component')} to one cluster", head, body)
    if len(rows) > 10:
        listing = tag("details", tag("summary", "Every merge"), listing)
    return join([tag("p", told), tag("div", curve, picture, class_="pictures"), listing])


def _group(components: list[int]) -> str:
    return str(components[0]) if len(components) == 1 else f"({', '.join(map(str, components))})"
