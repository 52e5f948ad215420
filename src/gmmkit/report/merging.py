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
    kind = "normal" if subject.mixture.degrees_of_freedom is None else "t"
    told = (
        f"A component is a {kind} distribution; a cluster of another shape takes several. "
        f"{_RULES.get(tree.rule, '')} {tree.reason.rstrip('.')}."
    )
    picture = figure(plot_merge_tree(tree, width=WIDTH), "Merges: which components form a cluster, and in which order.")
    pictures = [picture]
    # Only that rule reads the curve.
    by_entropy = tree.rule == "entropy"
    if by_entropy:
        curve = plot_merge_curve(tree, width=WIDTH)
        pictures.insert(0, figure(curve, "Entropy: how unsure rows are of their cluster, all in all."))
    rows = tree.as_rows()
    body = []
    for row in rows[:_MOST_ROWS]:
        size = f"{row['n_clusters']} (proposed)" if row["proposed"] else row["n_clusters"]
        first = row["first"] is None
        merged = "—" if first else f"{_group(row['first'])} + {_group(row['second'])}"
        weight = "—" if first else count(row["rows"])
        if by_entropy:
            values = [size, merged, weight, fixed(row["entropy"], 1), "—" if first else fixed(row["fall_per_row"], 3)]
        else:
            values = [size, merged, weight, "—" if first else percent(row["score"])]
        body.append(cells(values, heads=1))
    head = ["Clusters", "Merged", "Rows merged"]
    head += ["Entropy", "Fall a row"] if by_entropy else ["Mistaken"]
    listing = table(f"From {plural(k, 'component')} to one cluster", head, body)
    if by_entropy:
        words = "Fall a row: what a merge takes off the entropy, for each row of the two merged."
        listing = join([listing, tag("p", words, class_="note")])
    if len(rows) > 10:
        listing = tag("details", tag("summary", "Every merge"), listing)
    return join([tag("p", told), tag("div", *pictures, class_="pictures"), listing])


def _group(components: list[int]) -> str:
    return str(components[0]) if len(components) == 1 else f"({', '.join(map(str, components))})"
