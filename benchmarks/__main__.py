"""Run benchmarks and keep what they measured in RESULTS.md, section by section."""

from __future__ import annotations

import argparse
import datetime
import importlib
import platform
import re
from importlib.metadata import version
from pathlib import Path

from gmmkit.configuration import configuration

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS = {
    "passes": "Seconds per EM pass",
    "peers": "Seconds per EM pass, other programs",
    "queries": "Questions, and tiny fits",
    "growth": "Growth with rows, columns and components",
    "fit_memory": "Memory of a fit above its data",
    "fewer_passes": "Passes and time to scikit-learn's likelihood",
    "restarts": "Starts that are stopped",
    "memory": "Memory",
    "truncated": "Very many components",
    "factors": "Factor analysers, many columns",
    "startup": "Start-up",
    "search": "Search, against mclust",
    "equivariance": "Maps of the data that change no label",
    "clustering": "Clusters, given their number",
    "density": "Density of rows not seen",
    "regression": "Regression",
    "generation": "New rows",
    "classes": "Classification, against mclust's figures",
    "digits": "Handwritten digits",
    "anomaly": "Anomalies, against other detectors",
    "inference": "Standard errors and tests, against mclust's figures",
}

#: Not measured: drawn from what the sections of passes say.
PICTURE = "picture"


def environment() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("gmmkit", "numpy", "scipy", "scikit-learn"))
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    today = datetime.datetime.now(tz=datetime.UTC).date()
    kernel = configuration()["compiled_kernel"]
    engine = f"compiled kernels: {kernel['instruction_set']}" if kernel["used"] else "no compiled kernels"
    return f"{today}, {processor}, Python {platform.python_version()}, {packages}, {engine}."


def store(title: str, purpose: str, lines: list[str]) -> None:
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# What was measured\n"
    body = f"## {title}\n\n{purpose}\n\n{environment()}\n\n" + "\n".join(lines) + "\n"
    pattern = re.compile(rf"## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    text = pattern.sub(lambda _: body, text) if pattern.search(text) else f"{text.rstrip()}\n\n{body}"
    RESULTS.write_text(text, encoding="utf-8")


def picture() -> None:
    drawn = importlib.import_module("benchmarks.picture").draw(RESULTS)
    told = ", ".join(str(place) for place in drawn) or "nothing: python -m benchmarks passes comes first"
    print(f"== Picture of passes\n{told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(SECTIONS)}, {PICTURE}; default: all")
    parser.add_argument("--only", nargs="*", default=[], help="cases of a section, by name; not stored")
    parser.add_argument(
        "--on", metavar="MACHINE", help="of another machine: kept in sections of its own, as 'TITLE on MACHINE'"
    )
    chosen = parser.parse_args()
    for name in chosen.sections or [*SECTIONS, PICTURE]:
        if name == PICTURE:
            picture()
            continue
        if name not in SECTIONS:
            parser.error(f"unknown section {name!r}; choose from {', '.join(SECTIONS)}, {PICTURE}")
        print(f"== {SECTIONS[name]}", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        lines = module.main(chosen.only)
        if not chosen.only:
            title = f"{SECTIONS[name]} on {chosen.on}" if chosen.on else SECTIONS[name]
            store(title, " ".join((module.__doc__ or "").split()), lines)


main()
