"""What is to be said of the columns before they are fitted: those that tell nothing about clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmmkit.data import Table

__all__ = ["notes_on"]


def notes_on(table: Table, *, constant: bool) -> list[str]:
    """Return a sentence for each kind of column that tells nothing.

    Parameters
    ----------
    table : Table
    constant : bool
        Whether those of one value count; a fit that has to hold them up says so itself.
    """
    from gmmkit.data.columns import how_to_choose
    from gmmkit.data.idle import idle_columns
    from gmmkit.inference.repairs import Repair, describe

    of_one_value, counting = idle_columns(table)
    found = []
    if constant and of_one_value:
        found.append(describe(tuple(Repair("constant column", column=j) for j in of_one_value), table.names))
    names = [str(j) for j in range(table.n_columns)] if table.names is None else table.names
    others = [name for j, name in enumerate(names) if j not in counting]
    if counting and others:
        listed = ", ".join(repr(names[j]) if table.names else names[j] for j in counting)
        held = f"column {listed} holds" if len(counting) == 1 else f"columns {listed} hold"
        found.append(
            f"{held} {table.n_rows:,} consecutive whole numbers, as if to number the rows; what only names a row is no "
            f"measurement: leave it out with {how_to_choose(others)}"
        )
    return found
