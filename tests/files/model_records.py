"""Records to write, and files to forge, for the tests of the model file."""

import hashlib
import json
import math

import numpy as np
import pytest

from gmmkit.errors import ModelFormatError
from gmmkit.files import ModelRecord, read_model
from gmmkit.files.header import DIGEST_END, DIGEST_START
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture

STRUCTURES = tuple(FAMILIES)


def mixture(structure, k=3, d=2, seed=7):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, d, d))
    full = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(d)
    variances = rng.uniform(0.1, 3.0, size=(k, d))
    covariances = {
        "full": full, "tied": full[0], "diag": variances, "spherical": variances[:, 0], "EII": variances[0, 0]
    }  # fmt: skip
    if structure not in covariances:
        constrained = FAMILIES[structure]
        solved = constrained.solve(np.ones(k), variances if constrained.independent_columns else full)
        covariances[structure] = solved[0] if structure == "EEI" else solved
    weights = rng.dirichlet(np.ones(k))
    return Mixture.from_arrays(weights, rng.normal(size=(k, d)), covariances[structure], covariance_type=structure)


def record(structure="full", **changes):
    values = {
        "feature_names": ("length", "width"),
        "estimator": "GaussianMixture",
        "settings": {"n_components": 3, "tol": 1e-3, "means_init": None, "random_state": 0},
        "fit": {
            "converged": True,
            "n_iter": 17,
            "lower_bounds": [-math.inf, -3.25, 0.1 + 0.2],
            "n_rows": 272,
        },
        "table": [{"structure": "full", "k": 3, "bic": -1234.5}],
        "provenance": {"source": "faithful.csv", "command": "gmmkit fit faithful.csv -k 3"},
        "library_version": "0.1.0",
        **changes,
    }
    return ModelRecord(mixture(structure), **values)


def seal(head, body=b""):
    """Put the right digest into a header, so that what comes after the digest is what a test tests."""
    blank = head[:DIGEST_START] + b"0" * 64 + head[DIGEST_END:]
    return head[:DIGEST_START] + hashlib.sha256(blank + body).hexdigest().encode() + head[DIGEST_END:] + body


def forge(data, change, body=None):
    """Return a file with its header's JSON changed by a function, its digest right again."""
    end = 8 + int.from_bytes(data[:8], "little")
    content = json.loads(data[8:end])
    content = change(content) or content
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return from_text(text, data[end:] if body is None else body)


def from_text(text, body):
    return seal(len(text).to_bytes(8, "little") + text, body)


def refused(path, data, match=None):
    path.write_bytes(data)
    with pytest.raises(ModelFormatError, match=match) as caught:
        read_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not a readable model file: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    return message


def is_refused(path, data):
    path.write_bytes(data)
    try:
        read_model(path)
    except ModelFormatError:
        return True
    return False
