"""What an average of mixtures is made of, in words and a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmmkit.cli.output import count, number, number_beside, print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_members"]

_MOST = 10


def print_members(console: Console, fit: Mapping[str, Any], n_components: int, n_features: int) -> None:
    """Print what a density averages, and how likely rows are that it has not seen."""
    rows = f"{count(fit['n_rows'], 'row')} of " if fit.get("n_rows") else ""
    members = [member for member in fit["members"] if member["weight"] > 0]
    print_text(
        console,
        f"An average of {count(len(members), 'mixture')}, {count(n_components, 'component')} in all: "
        f"{rows}{count(n_features, 'column')}",
        style="bold",
    )
    error = fit["held_out_error"]
    print_text(
        console,
        f"Log-density of rows not seen: {number_beside(fit['held_out'], error)} a row, "
        f"± {number(error, 2)}. Its weights were chosen by the same rows.",
    )
    print_table(
        console,
        ["weight", "k", "<covariance", "ridge", "alone"],
        [
            [
                f"{100 * member['weight']:.0f} %",
                str(member["n_components"]),
                member["covariance_type"],
                f"{member['reg_covar']:g}",
                number_beside(member["held_out"], error),
            ]
            for member in members[:_MOST]
        ],
    )
    if len(members) > _MOST:
        print_text(console, f"{len(members) - _MOST} more with --json.", style="dim")
