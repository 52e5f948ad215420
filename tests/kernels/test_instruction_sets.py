"""Every instruction set that this processor has gives the same answers, up to rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dense_cases import FORMS, answered, case, gathered

from gmmkit.kernels import native
from gmmkit.kernels.native import full_refit

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:3]
import numpy as np
from test_instruction_sets import made
from gmmkit.kernels import native
print(native.why_not() or native.instruction_set())
if native.why_not() is None:
    np.savez(sys.argv[3], **made())
"""


def made():
    """Return what the kernels make of some rows, by name."""
    found = {}
    for form in FORMS:
        for d in (1, 3, 8, 16, 21):
            for weighted in (False, True):
                for dtype in (np.float64, np.float32):
                    this = case(form, 700, d, 7, weighted=weighted, dtype=dtype)
                    name = f"{form} {d} {weighted} {np.dtype(dtype)}"
                    sums, found[f"{name} total"] = gathered(this)
                    told = {} if this.single else answered(this)
                    found |= {f"{name} {key}": np.asarray(values) for key, values in (sums | told).items()}
    random = np.random.default_rng(0)
    z, structures = random.normal(size=(3, 90)), np.arange(14, dtype=np.int32)
    parameters, objectives = native.begin(
        z, np.ones(90), structures, np.full(14, 2, np.int32), np.tile(np.eye(3), (14, 1, 1)), np.ones(3),
        np.tile((z[0] > 0).astype(np.int32), (14, 1)),
    )  # fmt: skip
    second = np.stack([parameters[2][0], np.cov(z)])
    refitted = full_refit.refit(
        np.full(2, 40.0), np.full(2, 40.0), parameters[1][:2], 40.0 * second, np.eye(3), np.full(3, 0.1)
    )
    found |= {f"refit {name}": np.asarray(values) for name, values in refitted._asdict().items()}
    names = ("stack weights", "stack means", "stack covariances")
    return found | dict(zip(names, parameters, strict=True)) | {"stack objectives": objectives}


@pytest.mark.parametrize("name", native.INSTRUCTION_SETS)
def test_agrees_with_the_best(name, tmp_path):
    best = native.INSTRUCTION_SETS.index(native.instruction_set())
    if native.INSTRUCTION_SETS.index(name) > best:
        pytest.skip(f"this processor has no {name}")
    here, place = Path(__file__).parent, tmp_path / "made.npz"
    command = [sys.executable, "-c", SCRIPT, str(here), str(here.parent), str(place)]
    environment = {**os.environ, "GMMKIT_INSTRUCTION_SET": name}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.stderr) == (f"{name}\n", "")
    expected = made()
    with np.load(place) as found:
        assert set(found.files) == set(expected)
        for key, values in expected.items():
            size = np.abs(values).max()
            digits = 1e-4 if "floats" in key else 1e-9 if "stack" in key else 1e-12
            np.testing.assert_allclose(found[key], values, rtol=0, atol=digits * size, err_msg=key)
