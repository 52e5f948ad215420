"""How the fit came to rest."""

from __future__ import annotations

import numpy as np

from gmmkit.plots import plot_convergence
from gmmkit.report.figures import WIDTH, figure
from gmmkit.report.html import Html, join, tag
from gmmkit.report.subject import Subject
from gmmkit.report.words import number, plural

__all__ = ["history"]

# Of the log-likelihood per row; a picture of less is a flat line.
_LEAST = 1e-6


def history(subject: Subject) -> Html | None:
    """Return the section; None if the model's record does not say how the fit went."""
    result = subject.result
    if result is None:
        return None
    n = len(result.objectives)
    passes = plural(n, "pass", "passes") + " over the rows"
    told = {
        "converged": f"The fit converged: it stopped by itself after {passes}, when another promised next to no gain.",
        "max_iter": f"The fit did not converge: it was stopped at its limit of {passes}.",
        "interrupted": f"The fit was interrupted after {passes}.",
    }.get(result.reason, f"The fit ended after {passes}.")
    starts = f"It is the best of {result.starts_tried} starts. " if result.starts_tried > 1 else ""
    if subject.search is not None:
        starts = "Several starts competed over a few passes before it; these are the passes of the one that won. "
    last = f"The objective is the log-likelihood per row, {number(result.objective, 6)} at the end." if n else ""
    known = np.array(result.objectives)[np.isfinite(result.objectives)]
    if len(known) > 1 and np.ptp(known) < _LEAST:
        return tag("p", f"{told} {starts}{last} It was that from the first pass on: the start was at the optimum.")
    words = tag("p", f"{told} {starts}{last}")
    if not len(known):
        return words
    picture = figure(
        plot_convergence(result.objectives, width=WIDTH),
        "Convergence: how far each pass was from the best; a straight line is a steady rate."
        if n >= 5
        else "Convergence: the objective after each pass; higher is better.",
    )
    return join([words, picture])
