"""Run the kernels' tests with the address and undefined-behaviour sanitizers (`make test-native`; GCC, Linux).

A copy of the package is given a library that checks every access. Each instruction set that this processor has is
tested; what the sanitizers find ends the tests with their report.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
#: What else "undefined" has looks at each pointer, which the address sanitizer does where it is used: of code that is
#: written out by templates the compiler makes that in half an hour. Lines are told by -g1.
OPTIONS = (
    "-std=c++17", "-O1", "-g1", "-fno-omit-frame-pointer", "-fPIC", "-fno-math-errno", "-ffp-contract=fast",
    "-Wno-psabi", "-pthread", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    "-fno-sanitize=pointer-overflow,null,alignment,object-size",
)  # fmt: skip
TESTS = (
    "tests/kernels", "tests/laws/test_plain.py", "tests/laws/test_fused.py", "tests/inference/test_stack.py",
    "tests/inference/test_kmeans.py",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Build, then test with each instruction set; arguments are pytest's, instead of the tests."""
    sys.path.insert(0, str(PROJECT))
    import hatch_build

    compiler = hatch_build.find_compiler()
    runtimes = [] if compiler is None else [runtime(compiler, name) for name in ("libasan.so", "libstdc++.so")]
    if not runtimes or None in runtimes:
        print("make test-native needs GCC with its sanitizers, on Linux; set CXX to one")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src" / "gmmkit"
        shutil.copytree(PROJECT / "src" / "gmmkit", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        print("compiling with sanitizers; this takes some minutes", flush=True)
        reason = hatch_build.compile_library(copy / "kernels" / "native" / "_stack.so", OPTIONS)
        if reason is not None:
            print(reason)
            return 1
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy.parent),
            "LD_PRELOAD": " ".join(map(str, runtimes)),
            # Python and NumPy keep memory to the end; limits on memory leave no room for the sanitizers' own.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "GMMKIT_SANITIZED": "1",
            # What is read beyond the end of a small array is then not another's.
            "PYTHONMALLOC": "malloc",
        }
        return tested(environment, arguments or list(TESTS))


def tested(environment: dict[str, str], tests: list[str]) -> int:
    """Run tests with each instruction set; return how many failed."""
    said = "from gmmkit.kernels import native; print(native.why_not() or native.instruction_set())"
    failed = 0
    for name in ("baseline", "avx2", "avx512"):
        own = {**environment, "GMMKIT_INSTRUCTION_SET": name}
        found = subprocess.run(
            [sys.executable, "-c", said], env=own, capture_output=True, text=True, cwd=PROJECT, check=False
        )
        print(f"--- {name}: {found.stdout.strip() or found.stderr.strip()}", flush=True)
        if found.stdout.strip() != name:
            failed += found.returncode != 0 or "at most" not in found.stdout
            continue
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        failed += subprocess.run(command, env=own, cwd=PROJECT, check=False).returncode != 0
    return failed


def runtime(compiler: list[str], name: str) -> str | None:
    """Return where a compiler has a library, if it has."""
    command = [*compiler, f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found if os.path.isabs(found) and Path(found).exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
