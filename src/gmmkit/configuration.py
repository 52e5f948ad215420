"""What this installation has: versions, threads, and whether the compiled kernel is used."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["configuration", "show_config"]

_NEEDED = ("numpy", "scipy", "scikit-learn")
_OPTIONAL = ("pyarrow", "narwhals", "matplotlib")


def configuration() -> dict[str, Any]:
    """Return versions, the number of threads that ``n_jobs=None`` means, and the compiled kernel's state.

    Returns
    -------
    dict
        "gmmkit", "python" and the libraries' names → version, None where one is not installed; "threads"; and
        "compiled_kernel": {"used", "instruction_set", "reason"}, the reason being why it is not used.
    """
    from gmmkit.execution import Workers
    from gmmkit.kernels import native

    reason = native.why_not()
    with Workers(None) as workers:
        threads = workers.n_threads
    return {
        "gmmkit": _version("gmmkit"),
        "python": sys.version.split()[0],
        **{name: _version(name) for name in (*_NEEDED, *_OPTIONAL)},
        "threads": threads,
        "compiled_kernel": {
            "used": reason is None,
            "instruction_set": native.instruction_set() if reason is None else None,
            "reason": reason,
        },
    }


def show_config() -> None:
    """Print what this installation has: versions, threads, and whether the compiled kernel is used, or why not.

    Passes, predictions, searches, bootstraps and tests run on the compiled kernel; without it on NumPy, with the same
    answers up to rounding, more slowly.

    Examples
    --------
    >>> import gmmkit
    >>> gmmkit.show_config()  # doctest: +ELLIPSIS
    gmmkit ...
    """
    sys.stdout.write("\n".join(described(configuration())) + "\n")


def described(found: dict[str, Any]) -> list[str]:
    """Return lines that say what `configuration` found."""
    kernel = found["compiled_kernel"]
    state = f"used ({kernel['instruction_set']})" if kernel["used"] else f"not used: {kernel['reason']}"
    libraries = [f"{name} {found[name] or 'not installed'}" for name in ("python", *_NEEDED, *_OPTIONAL)]
    return [
        f"gmmkit {found['gmmkit']}",
        ", ".join(libraries),
        f"threads: {found['threads']}",
        f"compiled kernel: {state}",
    ]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
