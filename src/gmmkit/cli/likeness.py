"""How like real rows drawn ones are, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmmkit.cli.output import number

if TYPE_CHECKING:
    from gmmkit.selection.fidelity import Fidelity

__all__ = ["likeness"]


def likeness(found: Fidelity) -> str:
    """Return what a comparison says, a sentence a line, and a verdict on rows learnt by heart."""
    worst = max(found.columns, key=lambda column: column.distance)
    lines = [
        f"Margins: at most {worst.distance:.3f} apart ({worst.name}; Kolmogorov-Smirnov).",
        f"A classifier tells {100 * found.accuracy:.1f} % of real and drawn rows rightly; a coin 50 % "
        f"(p = {number(found.p_value, 3)}).",
        f"Drawn rows are {found.distance_ratio:.2f} times as far from the nearest real one as real ones are from "
        f"theirs; {found.copies} are copies.",
    ]
    verdict = (
        "too many drawn ones: real rows were learnt by heart. Do not pass these on as new; draw from more rows, or "
        "fewer columns."
        if found.too_near
        else "no sign of rows learnt by heart."
    )
    lines.append(
        f"{100 * found.close_share:.1f} % of drawn rows, and {100 * found.real_close_share:.1f} % of real ones, are "
        f"close to a real one: {verdict}"
    )
    if found.worst_pair is not None:
        lines.insert(
            1,
            f"Rank correlations: at most {found.largest_correlation_difference:.3f} apart "
            f"({' and '.join(found.worst_pair)}).",
        )
    return "".join(f"{line}\n" for line in lines)
