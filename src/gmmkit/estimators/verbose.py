"""scikit-learn's `verbose` as a callback of the loop: the only place in the library that prints."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from gmmkit.inference.algorithm import Progress

__all__ = ["printer"]


def printer(
    verbose: int, interval: int, max_iter: int, callback: Callable[[Progress], object] | None
) -> Callable[[Progress], object] | None:
    """Return a callback that prints what scikit-learn prints, then calls the caller's own."""
    if not verbose:
        return callback
    begun = last = perf_counter()

    def report(progress: Progress) -> None:
        nonlocal begun, last
        now = perf_counter()
        if progress.iteration == 1:
            print(f"Initialization {progress.restart}")  # noqa: T201
            begun = last = now
        if progress.iteration % interval == 0:
            detail = f"\t time lapse {now - last:.5f}s\t ll change {progress.gain:.5f}" if verbose > 1 else ""
            print(f"  Iteration {progress.iteration}{detail}")  # noqa: T201
            last = now
        if progress.converged or progress.iteration == max_iter:
            state = "converged" if progress.converged else "did not converge"
            detail = f" time lapse {now - begun:.5f}s\t lower bound {progress.objective:.5f}." if verbose > 1 else ""
            print(f"Initialization {state}.{detail}")  # noqa: T201
        if callback is not None:
            callback(progress)

    return report
