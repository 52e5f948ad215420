"""Options of ``gmmkit fit`` that would change nothing beside the others: refused, not ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError

if TYPE_CHECKING:
    from gmmkit.cli.asked import Asked

__all__ = ["refuse_useless"]

_SINGLE = "give one number of components and one structure, such as -k 3 --covariance full"


def refuse_useless(asked: Asked, given: Mapping[str, Any]) -> None:
    """Raise before the work starts.

    Parameters
    ----------
    asked : Asked
    given : mapping
        The command's options by name; None or False where one was not given.

    Raises
    ------
    UsageError
    """
    one, has = asked.is_one_fit, {name for name, value in given.items() if value is not None and value is not False}
    if "noise_volume" in has and not asked.noise:
        raise UsageError("--noise-volume is of a uniform background; add --noise, or leave --noise-volume out")
    if "folds" in has and (asked.criterion != "held_out" or one):
        raise UsageError("--folds is for a search by --criterion held_out; leave it out")
    if "min_eigenvalue" in has and one:
        raise UsageError("--min-eigenvalue is for a search; leave it out")
    if "criterion" in has and one:
        raise UsageError(
            "--criterion is for a search; a single fit has nothing to choose from: "
            "give several numbers of components or structures, or leave --criterion out"
        )
    if "start_labels" in has and "label" not in has:
        raise UsageError("--start-labels starts from the groups of a column: name it by --label")
    if "start_labels" in has and one and has & {"init", "n_init"}:
        raise UsageError("--start-labels is the only start of a single fit: leave --init and --n-init out")
    if "init" in has and not one:
        raise UsageError(f"--init is for a single fit; a search has starts of its own: {_SINGLE}, or leave --init out")
    for name in ("acceleration", "warm_up", "n_init_stop"):
        if name in has and not one:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} is for a single fit; a search does that where it pays: {_SINGLE}, or leave {option} out"
            )
    if "n_init_stop" in has and asked.option("n_init") < 2:
        raise UsageError(
            "--n-init-stop is for several starts of a single fit: give --n-init 2 or more, or leave it out"
        )
    if "student" in has and not one:
        raise UsageError(f"--student is for a single fit: {_SINGLE}: those that a search without it has found")
    if "truncation" in has and not one:
        raise UsageError(
            f"--truncation is for a single fit of very many components: {_SINGLE}, or leave --truncation out"
        )
    if "truncation" in has and asked.truncated_to is not None and has & {"acceleration", "warm_up"}:
        raise UsageError(
            "--truncation cannot be combined with --acceleration or --warm-up: a truncated pass goes on from what rows "
            "kept in the last; leave one of them out"
        )
    if "truncation" in has and has & {"noise", "student"}:
        raise UsageError(
            "--truncation is for Gaussian components without noise; leave --noise, --student or --truncation out"
        )
    if one and given.get("n_init") == 0:
        raise UsageError("--n-init is 0; a single fit needs at least 1 start")
    if "resume" in has and ("checkpoint" not in has or not one):
        raise UsageError(
            "--resume goes on from the --checkpoint FILE of a single fit (one number of components, one structure); "
            "a search begins anew"
        )
