"""Files of every released schema are read forever. Never write these files again: add new ones."""

import math
from pathlib import Path

import numpy as np
import pytest

from gmmkit.files import read_model, write_model

GOLDEN = Path(__file__).parent / "golden"
COVARIANCES = {
    "full": [[[1.0, 0.5], [0.5, 2.0]], [[0.1, 0.0], [0.0, 1e-3]]],
    "tied": [[1.0, 0.5], [0.5, 2.0]],
    "diag": [[1.0, 2.0], [0.1, 1e-3]],
    "spherical": [1.5, 0.1],
    "EII": 1.5,
}


@pytest.mark.parametrize("structure", COVARIANCES)
def test_schema_1(structure, tmp_path):
    path = GOLDEN / ("schema-1.gmm" if structure == "full" else f"schema-1-{structure}.gmm")
    read = read_model(path)
    assert read.mixture.covariance_type == structure
    np.testing.assert_array_equal(read.mixture.weights, [0.25, 0.75], strict=True)
    np.testing.assert_array_equal(read.mixture.means, [[0.1, -2.0], [1e6, 3.5]], strict=True)
    np.testing.assert_array_equal(read.mixture.covariances, COVARIANCES[structure], strict=True)
    assert read.feature_names == ("length (mm)", "größe")
    assert read.estimator == "GaussianMixture"
    assert read.settings == {
        "n_components": 2, "covariance_type": structure, "tol": 0.001, "means_init": None, "random_state": 0
    }  # fmt: skip
    assert read.fit == {
        "converged": True, "n_iter": 3, "lower_bound": -2.5, "lower_bounds": [-math.inf, -3.0, -2.5],
        "n_rows": 100, "total_weight": 100.0, "log_likelihood": -250.0, "reason": "tol", "dtype": "float64",
    }  # fmt: skip
    assert read.table == [
        {"structure": structure, "k": 2, "bic": -512.25},
        {"structure": structure, "k": 3, "bic": None},
    ]
    assert read.provenance == {"source": "rows.csv", "command": "gmmkit fit rows.csv"}
    assert read.library_version == "0.1.0"
    # Schema 1 is still the one written, and by the same rules.
    write_model(read, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == path.read_bytes()
