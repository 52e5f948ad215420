"""Files of Student-t components and noise: schema 2, which holds more arrays; all else is still schema 1."""

import json
from pathlib import Path

import numpy as np
import pytest
from model_records import STRUCTURES, forge, mixture, record, refused

from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.model.noise import Noise

GOLDEN = Path(__file__).parent / "golden"
CORNERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]])
DEGREES = np.array([1.5, np.inf, 30.0])


def extended(structure="full", degrees=DEGREES, noise=None):
    """Return a mixture with degrees of freedom, noise, or both."""
    plain = mixture(structure).changed(degrees_of_freedom=degrees)
    return plain if noise is None else plain.beside(noise)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("degrees", [None, DEGREES])
@pytest.mark.parametrize("noise", [None, Noise(0.25, -3.0), Noise(0.25, -np.log(4.0), CORNERS)])
def test_what_is_written_is_read(structure, degrees, noise, tmp_path):
    known = extended(structure, degrees, noise)
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(known), path)
    assert read_model(path).mixture == known
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"]["schema"] == ("1" if degrees is None and noise is None else "2")
    write_model(read_model(path), tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == data


def test_golden(tmp_path):
    read = read_model(GOLDEN / "schema-2.gmm")
    assert read.mixture.covariance_type == "diag"
    np.testing.assert_array_equal(read.mixture.weights, [0.25, 0.5], strict=True)
    np.testing.assert_array_equal(read.mixture.degrees_of_freedom, [2.5, np.inf], strict=True)
    assert read.mixture.noise == Noise(0.25, -1.25, [[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    assert read.estimator == "StudentMixture"
    assert read.settings == {"n_components": 2, "degrees_of_freedom": "free", "noise": True}
    write_model(read, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (GOLDEN / "schema-2.gmm").read_bytes()


def meta(**changes):
    return lambda content: content["__metadata__"].update(changes)


def entry(name, **changes):
    return lambda content: content[name].update(changes)


FORGED = {
    "as schema 1": (meta(schema="1"), "its arrays hold"),
    "no corners": (entry("noise_region", shape=[0, 2]), "its arrays hold"),
    "negative corners": (entry("noise_region", shape=[-4, 2]), "has -4 corners"),
    "too many corners": (entry("noise_region", shape=[10**8, 2]), "has 100000000 corners"),
    "corners are a text": (entry("noise_region", shape=["4", 2]), "has '4' corners"),
    "corners are true": (entry("noise_region", shape=[True, 2]), "its arrays hold"),
    "corners of three columns": (entry("noise_region", shape=[4, 3]), "are described as"),
    "another type": (entry("degrees_of_freedom", dtype="F32"), "are described as"),
    "region alone": (lambda content: content.pop("noise") and None, "not the arrays"),
    "nothing more": (
        lambda content: [content.pop(name) for name in ("degrees_of_freedom", "noise", "noise_region")] and None,
        "not the arrays",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_headers_are_refused(case, tmp_path):
    change, message = FORGED[case]
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(extended(noise=Noise(0.25, -np.log(4.0), CORNERS))), path)
    refused(tmp_path / "m.gmm", forge(path.read_bytes(), change), message)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, np.nan, "degrees_of_freedom must be positive"),
        (0, -1.0, "degrees_of_freedom must be positive"),
        (3, 1.5, "weight must be a finite number of at least 0 and below 1"),
        (3, 0.5, "weights must sum to 1 less the noise's"),
        (4, np.inf, "noise hold infinite"),
        (6, np.nan, "noise_region hold infinite"),
    ],
)
def test_forged_values_are_refused(place, value, message, tmp_path):
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(extended(noise=Noise(0.25, -np.log(4.0), CORNERS))), path)
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    body = np.frombuffer(data[end:], dtype="<f8").copy()
    # Weights (3), means (3, 2) and covariances (3, 2, 2) come first.
    body[3 + 6 + 12 + place] = value
    refused(tmp_path / "m.gmm", forge(data, lambda content: content, body.tobytes()), message)


def test_a_record_without_them_is_schema_1(tmp_path):
    write_model(record(), tmp_path / "m.gmm")
    assert b'"schema":"1"' in (tmp_path / "m.gmm").read_bytes()
