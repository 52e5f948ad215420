"""``gmmkit demo``: the whole thing once, on the embedded data set."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gmmkit.cli.asked import Asked
from gmmkit.cli.boundary import Interrupted, UsageError
from gmmkit.cli.commands import command_line
from gmmkit.cli.facts import facts_of
from gmmkit.cli.fitting import fit_table
from gmmkit.cli.options import JobsOption, JsonOption, QuietOption
from gmmkit.cli.output import console_on, print_json
from gmmkit.cli.places import check_output
from gmmkit.cli.progress import Watch
from gmmkit.cli.words import print_facts

__all__ = ["demo"]


def demo(
    context: typer.Context,
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Where to write the two files.")] = ".",
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit 272 eruptions of Old Faithful: search, table, model and report."""
    if not os.path.isdir(output):
        raise UsageError(f"--output {output} is not a folder; name one that exists")
    model: str
    report: str | None
    model, report = (os.path.normpath(os.path.join(output, name)) for name in ("old-faithful.gmm", "report.html"))
    for path in (model, report):
        check_output("--output", path)
    from gmmkit.data.faithful import open_old_faithful
    from gmmkit.errors import MissingDependencyError
    from gmmkit.files import write_model

    command = command_line(context)
    with Watch(quiet=quiet) as watch:
        table = open_old_faithful()
        fitted = fit_table(table, Asked(range(1, 10), jobs=jobs), watch, {"command": command})
        write_model(fitted.record, model)
        if fitted.interrupted:
            raise Interrupted(f"interrupted; the best model until then is in {model}")
        watch.say("drawing the report")
        missing = ""
        from gmmkit.report import python_of, write_report

        try:
            write_report(fitted.record, report, table=table, command=command)
        except MissingDependencyError as error:
            # The fit is there; only its pictures need more than the plain install.
            missing, report = str(error), None
    facts = facts_of(fitted.record)
    if as_json:
        print_json({"model": model, "report": report, **facts})
    elif not quiet:
        console = console_on(sys.stderr)
        print_facts(console, facts)
        _print_reproduction(
            model, f"report in {report}" if report else f"no report: {missing}", python_of(fitted.record)
        )


def _print_reproduction(model: str, report: str, python: str) -> None:
    import shlex
    from importlib.resources import files

    from gmmkit.data.faithful import FILE_NAME

    data = shlex.quote(str(files("gmmkit.data") / FILE_NAME))
    lines = [
        "",
        f"Model in {model}, {report}",
        "",
        "The same from Python:",
        *(f"    {line}".rstrip() for line in python.splitlines()),
        "The same from a shell, and what to do next:",
        f"    gmmkit fit {data} -o {shlex.quote(model)}",
        f"    gmmkit predict {shlex.quote(model)} {data}",
        f"    gmmkit describe {shlex.quote(model)}",
        f"    gmmkit fit {data} --criterion icl --bootstrap 999 --merge",
    ]
    # Written as it is: lines to be copied must not be wrapped.
    sys.stderr.write("\n".join(lines) + "\n")
