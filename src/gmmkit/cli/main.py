"""The program: its verbs, its version, and the way in.

Exit codes: 0 done; 1 bug; 2 usage; 3 bad input data; 4 bad model file; 5 did not converge (``--strict`` only);
6 out of memory or disk; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from gmmkit.cli.anomalies import anomalies
from gmmkit.cli.boundary import Exit, complain, guarded, hush, plain_warnings
from gmmkit.cli.classify import classify
from gmmkit.cli.cluster import cluster
from gmmkit.cli.demo import demo
from gmmkit.cli.density import density
from gmmkit.cli.describe import describe
from gmmkit.cli.digits import digits
from gmmkit.cli.fit import fit
from gmmkit.cli.predict import predict
from gmmkit.cli.reduce import reduce
from gmmkit.cli.regress import regress
from gmmkit.cli.report import report
from gmmkit.cli.sample import sample
from gmmkit.cli.score import score

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="gmmkit",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 bug, 2 usage, 3 bad data, 4 bad model file, 5 did not converge (--strict), "
    "6 out of memory or disk, 130 interrupted.",
)
for _verb in (
    demo,
    fit,
    cluster,
    classify,
    density,
    anomalies,
    reduce,
    predict,
    regress,
    score,
    sample,
    describe,
    report,
):
    app.command()(guarded(_verb))
app.add_typer(digits, name="digits")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"gmmkit {version('gmmkit')}")
        raise typer.Exit


@app.callback()
def gmmkit(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Gaussian mixture models: fit, choose, predict, describe. Begin with `gmmkit demo`."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    hush(False)  # until --quiet is read
    try:
        with plain_warnings():
            code = command.main(arguments, prog_name="gmmkit", standalone_mode=False, obj=arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return int(Exit.BROKEN_PIPE)
    except SystemExit as left:
        if left.code != 1:
            raise
        return int(Exit.BROKEN_PIPE)  # Click leaves with 1 where nobody reads its help
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; nothing was written")
        return int(Exit.INTERRUPTED)
    except Exception as error:
        # Typer keeps its usage errors to itself; all of them can be asked for their message.
        if not hasattr(error, "format_message") or os.environ.get("GMMKIT_DEBUG"):
            raise
        return _usage(error)
    return code if isinstance(code, int) else int(Exit.DONE)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: the entry point."""
    raise SystemExit(run(argv))


def _usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    if context is not None and hasattr(error, "possibilities"):
        # An option cut short is no misspelt one.
        options = [name for parameter in context.command.params for name in parameter.opts]
        error.possibilities = [name for name in options if name.startswith(error.option_name)] or error.possibilities
    message = error.format_message()
    if not message:
        # No verb was given: the help has been printed.
        return int(Exit.USAGE)
    path = context.command_path if context is not None else "gmmkit"
    complain(f"{message.rstrip('?.')}{'?' if message.rstrip('.').endswith('?') else '.'} See {path} --help")
    return int(Exit.USAGE)
