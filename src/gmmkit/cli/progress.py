"""Progress of a fit: on a terminal only, on stderr, gone when it is done."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from gmmkit.inference.algorithm import Progress
    from gmmkit.selection.ranking import Candidate

__all__ = ["Watch"]


class Watch:
    """Shows what is going on; shows nothing if `quiet`, or where stderr is no terminal.

    Parameters
    ----------
    quiet : bool
    """

    def __init__(self, *, quiet: bool) -> None:
        self._bar: Any = None
        self._best: Candidate | None = None
        if not quiet and sys.stderr.isatty():
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            from gmmkit.cli.output import console_on

            columns = (
                SpinnerColumn(),
                BarColumn(bar_width=12),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=console_on(sys.stderr), transient=True)
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, what: str) -> None:
        """Show what is being done, of unknown length."""
        if self._bar is not None:
            self._bar.update(self._task, description=what, total=None)

    def passed(self, progress: Progress) -> None:
        """Show a pass of one fit."""
        start = f"start {progress.restart + 1}, " if progress.restart else ""
        gain = f" ({progress.gain:+.1e})" if progress.iteration > 1 else ""
        self.say(f"{start}pass {progress.iteration}: log-likelihood per row {progress.objective:.5f}{gain}")

    def tried(self, candidate: Candidate, done: int, total: int, criterion: str) -> None:
        """Show a finished candidate of a search."""
        if self._bar is None:
            return
        if candidate.admissible and (
            self._best is None or candidate.criterion(criterion) < self._best.criterion(criterion)
        ):
            self._best = candidate
        best = self._best
        text = f"{done}/{total} fits"
        if best is not None:
            text += f", best so far {best.n_components} {best.covariance_type}"
        self._bar.update(self._task, description=text, completed=done, total=total)
