"""A library that is missing, cut short, or of other sources: NumPy does its work, and why is said. Instruction sets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

import gmmkit
from cases import blobs
from gmmkit import GaussianMixture, GaussianMixtureSearch
from gmmkit.kernels import native
from gmmkit.kernels.native import loading

needs_library = pytest.mark.skipif(not loading.LIBRARY.exists(), reason="gmmkit was built without a C++ compiler")


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Look for the library at another place, and nowhere else."""
    monkeypatch.delenv("GMMKIT_NATIVE", raising=False)
    monkeypatch.setattr(loading, "LIBRARY", tmp_path / "_stack.so")
    loading.load.cache_clear()
    yield tmp_path / "_stack.so"
    monkeypatch.undo()
    loading.load.cache_clear()


def state(capsys):
    gmmkit.show_config()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("compiled kernel: ")]
    return line.removeprefix("compiled kernel: ")


def not_elf(path):
    path.write_text("this is no library\n" * 100)


def cut(path, size):
    shutil.copy(REAL, path)
    os.truncate(path, size)


def hole(path, start=0.4):
    """Copy the library, some of it zeros, as a full disk or a power cut leaves files."""
    shutil.copy(REAL, path)
    shutil.copy(REAL.with_suffix(".crc"), path.with_suffix(".crc"))
    with path.open("r+b") as stream:
        stream.seek(int(start * REAL.stat().st_size))
        stream.write(bytes(500_000))


REAL = loading.LIBRARY
BROKEN = {
    "missing": (lambda path: None, "_stack.so is missing (built without a C++ compiler?): install one"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be loaded"),
    "text": (not_elf, "cannot be loaded"),
    "a folder": (lambda path: path.mkdir(), "cannot be loaded"),
    "a program": (lambda path: shutil.copy(sys.executable, path), "cannot be loaded"),
    "another library": (lambda path: shutil.copy(np._core._multiarray_umath.__file__, path), "cannot be loaded"),
    "a head alone": (lambda path: path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(20)), "is cut short"),
}
CUT = {
    "other sources": (lambda path: shutil.copy(REAL, path), "is of other sources than these"),
    "its head": (lambda path: cut(path, 64), "is cut short"),
    "a hole": (hole, "is damaged"),
    "a hole at its end": (lambda path: hole(path, 0.8), "is damaged"),
    "half of it": (lambda path: cut(path, REAL.stat().st_size // 2), "is cut short"),
}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        *(pytest.param(*given, id=name) for name, given in BROKEN.items()),
        *(pytest.param(*given, id=name, marks=needs_library) for name, given in CUT.items()),
    ],
)
def test_numpy_does_the_work_and_why_is_said(make, said, library, capsys, monkeypatch):
    make(library)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        reason = native.why_not()
    assert [str(w.message) for w in told] == [f"{reason}; until then NumPy does the work"] * library.exists()
    assert said in reason
    assert "build gmmkit again" in reason
    assert "\n" not in reason
    assert state(capsys) == f"not used: {reason}"
    X = blobs(400)
    found = GaussianMixture(3, random_state=0).fit(X)
    searched = GaussianMixtureSearch(n_components=(1, 2), covariance_type=["EII", "VVV"], random_state=0).fit(X)
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    np.testing.assert_array_equal(found.means_, GaussianMixture(3, random_state=0).fit(X).means_)
    np.testing.assert_array_equal(found.score_samples(X), GaussianMixture(3, random_state=0).fit(X).score_samples(X))
    assert searched.mixture_.n_components in (1, 2)


CUT_ANYWHERE = """
import os, shutil, sys
from gmmkit.kernels.native import _declare, loading
real, place = loading.LIBRARY, loading.Path(sys.argv[1])
loading.LIBRARY = place
size = real.stat().st_size
sizes = [0, 1, 5, 63, 64, 65, 500, 4096, 10_000, *(size * i // 12 for i in range(1, 12)), size - 5_000, size - 1]
for size in sizes:
    place.unlink(missing_ok=True)  # what is loaded must not change
    shutil.copy(real, place)
    os.truncate(place, size)
    assert loading.load.__wrapped__(_declare)[0] is None, size
print("whole")
"""


@needs_library
def test_a_library_cut_anywhere_does_not_end_the_process(tmp_path):
    command = [sys.executable, "-W", "ignore::UserWarning", "-c", CUT_ANYWHERE, str(tmp_path / "cut.so")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("whole\n", "", 0)


# --- instruction sets -------------------------------------------------------------------------------------


class OfTwoSets:
    """A library on a processor with AVX2 at most."""

    def __init__(self):
        self.used = 1

    def gmmkit_instruction_set(self):
        return self.used

    def gmmkit_use_instruction_set(self, wanted):
        if wanted > 1:
            return 1
        self.used = wanted
        return 0


@pytest.mark.parametrize(
    ("asked", "used", "said"),
    [
        ("", 1, None),
        ("avx2", 1, None),
        ("baseline", 0, None),
        ("avx512", 1, "is 'avx512', but this processor has avx2 at most: ask for that, or unset it for the best"),
        ("Baseline", 0, None),
        ("SSE9", 1, "is 'SSE9', but must be one of baseline, avx2, avx512: correct it, or unset it for the best"),
        ("0", 1, "is '0', but must be one of baseline, avx2, avx512: correct it, or unset it for the best"),
    ],
)
def test_a_lower_instruction_set_can_be_asked_for(asked, used, said):
    library = OfTwoSets()
    reason = loading._use(library, asked)
    assert library.used == used
    assert reason == (said and f"GMMKIT_INSTRUCTION_SET {said}")


@needs_library
@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_the_library_refuses_what_is_no_set_of_this_processor():
    library, best = native._library(), loading.INSTRUCTION_SETS.index(native.instruction_set())
    for wrong in (-1, 3, 99):
        assert library.gmmkit_use_instruction_set(wrong) == 1
    assert native.instruction_set() == loading.INSTRUCTION_SETS[best]


ASKED = """
import gmmkit, numpy as np
gmmkit.show_config()
X = np.random.default_rng(0).normal(size=(500, 2))
print(gmmkit.GaussianMixture(2, random_state=0).fit(X).predict(X).sum())
"""


@pytest.mark.parametrize(
    ("asked", "said", "warned"),
    [
        ("baseline", "used (baseline)", 0),
        ("sse9", "not used: GMMKIT_INSTRUCTION_SET is 'sse9', but must be one of baseline, avx2, avx512", 1),
    ],
)
@needs_library
@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_what_was_asked_for_is_used_or_nothing(asked, said, warned):
    environment = {**os.environ, "GMMKIT_INSTRUCTION_SET": asked}
    command = [sys.executable, "-W", "always", "-c", ASKED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.count("Warning: ") == done.stderr.count("GmmkitWarning: GMMKIT_INSTRUCTION_SET") == warned
    assert f"compiled kernel: {said}" in done.stdout
    assert 0 < int(done.stdout.splitlines()[-1]) < 500


def test_a_library_that_is_there_is_of_these_sources():
    # With one of other sources the kernels' tests would all be skipped, and pass.
    assert "other sources" not in (native.why_not() or "")
