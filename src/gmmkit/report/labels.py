"""Clusters beside labels that are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.marks import component
from gmmkit.report.subject import Subject
from gmmkit.report.words import count, fixed, plural, short
from gmmkit.selection.agreement import adjusted_rand_index, cross_table

__all__ = ["labels"]

_MOST_LABELS = 40
_MOST_CLUSTERS = 200


def labels(subject: Subject) -> Html | None:
    """Return the section; None if no labels are known."""
    known = _counts(subject)
    if known is None:
        return None
    names, counts = known
    index = adjusted_rand_index(counts)
    words = (
        f"The adjusted Rand index is {fixed(index, 3)}: 1 where clusters and labels are the same partition, 0 on "
        "average where they have nothing to do with each other. The fit did not use the labels."
    )
    shown = np.sort(np.argsort(-counts.sum(axis=0), kind="stable")[:_MOST_LABELS])
    caption = f"{'Weight' if subject.weighted else 'Rows'} of each cluster (down) with each label (across)"
    if len(shown) < len(names):
        caption += f", the {len(shown)} most frequent of {plural(len(names), 'label')}"
    body = [
        cells(
            [component(j) if j < len(subject.groups) else "noise", *(count(float(counts[j, m])) for m in shown)],
            heads=1,
        )
        for j in range(min(len(counts), _MOST_CLUSTERS))
    ]
    return join([tag("p", words), table(caption, ["Cluster", *(short(names[m]) for m in shown)], body)])


def _counts(subject: Subject) -> tuple[list[str], NDArray[np.float64]] | None:
    if subject.table is not None and subject.table.labels is not None:
        return list(subject.table.labels.names), cross_table(subject.mixture, subject.table, subject.groups)
    kept = subject.record.fit.get("labels")
    if not isinstance(kept, dict):
        return None
    try:
        names, counts = [str(name) for name in kept["names"]], np.array(kept["counts"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    rows = len(subject.groups) + (subject.mixture.noise is not None)
    return (names, counts) if counts.shape == (rows, len(names)) else None
