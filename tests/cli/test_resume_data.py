"""A checkpoint is not taken up on other rows."""

import subprocess
import sys

import numpy as np


def test_resume_refuses_a_checkpoint_of_other_rows(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("one", 60), ("other", 50)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(n, 2)))
    options = ["-k", "2", "--covariance", "diag", "--checkpoint", "c.gmm", "--resume", "-q"]

    def fit(data):
        command = [sys.executable, "-m", "gmmkit", "fit", data, *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert fit("one.npy").returncode == 0
    assert fit("one.npy").returncode == 0
    refused = fit("other.npy")
    assert refused.returncode == 2
    assert "rows that weigh 60.0 in all, but those of other.npy weigh 50.0" in " ".join(refused.stderr.split())
    assert (tmp_path / "c.gmm").exists()
