"""Files of low-rank covariances: schema 3, whose covariances say how many factors there are."""

import json
from pathlib import Path

import numpy as np
import pytest
from model_records import forge, refused

from gmmkit.errors import ParameterError
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.model.covariance import FACTORS, Factor
from gmmkit.model.mixture import Mixture
from model.test_factor import factor_mixture

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", [family.name for family in FACTORS.values()])
@pytest.mark.parametrize(("k", "d", "q"), [(1, 2, 1), (3, 5, 2), (2, 3, 0)])
def test_what_is_written_is_read(name, k, d, q, tmp_path):
    known = factor_mixture(name.removeprefix("factor-"), k, d, q)
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(known, estimator="MixtureOfFactorAnalyzers"), path)
    read = read_model(path).mixture
    assert read == known
    assert read.covariance_type == name
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"]["schema"] == "3"
    write_model(read_model(path), tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == data


def test_golden(tmp_path):
    read = read_model(GOLDEN / "schema-3.gmm")
    assert read.mixture.covariance_type == "factor-EEI"
    np.testing.assert_array_equal(read.mixture.weights, [0.25, 0.75], strict=True)
    assert isinstance(read.mixture.covariance, Factor)
    np.testing.assert_array_equal(read.mixture.covariance.loadings, [[[2.0], [-1.0]], [[0.5], [0.1]]], strict=True)
    np.testing.assert_array_equal(read.mixture.covariance.noise, [[0.5, 1e-3], [0.5, 1e-3]], strict=True)
    assert read.settings == {"n_components": 2, "n_factors": 1, "noise": "shared-diagonal"}
    write_model(read, tmp_path / "again.gmm")
    assert (tmp_path / "again.gmm").read_bytes() == (GOLDEN / "schema-3.gmm").read_bytes()


def meta(**changes):
    return lambda content: content["__metadata__"].update(changes)


def shaped(*shape):
    return lambda content: content["covariances"].update(shape=list(shape))


FORGED = {
    "as schema 1": (meta(schema="1"), "it has schema 1, but its structure is factor-VVI"),
    "as schema 2": (meta(schema="2"), "not the arrays of Student-t"),
    "full in schema 3": (meta(structure="full"), "it has schema 3, but its structure is full"),
    "no noise": (shaped(3, 5, 0), "0 numbers a column"),
    "negative": (shaped(3, 5, -3), "-3 numbers a column"),
    "too many": (shaped(3, 5, 10**7), "10000000 numbers a column"),
    "true": (shaped(3, 5, True), "True numbers a column"),
    "a text": (shaped(3, 5, "3"), "'3' numbers a column"),
    "two axes": (shaped(3, 15), "None numbers a column"),
    "more than there are": (shaped(3, 5, 4), "its arrays hold"),
    "of other columns": (shaped(5, 3, 3), "are described as"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_headers_are_refused(case, tmp_path):
    change, message = FORGED[case]
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(factor_mixture()), path)
    refused(tmp_path / "m.gmm", forge(path.read_bytes(), change), message)


def test_forged_noise_is_refused(tmp_path):
    path = tmp_path / "model.gmm"
    write_model(ModelRecord(factor_mixture()), path)
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    body = np.frombuffer(data[end:], dtype="<f8").copy()
    body[-1] = -1.0
    refused(tmp_path / "m.gmm", forge(data, lambda content: content, body.tobytes()), "not positive definite")
    write_model(ModelRecord(factor_mixture("EEI")), path)
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    body = np.frombuffer(data[end:], dtype="<f8").copy()
    body[-1] *= 2.0
    refused(tmp_path / "m.gmm", forge(data, lambda content: content, body.tobytes()), "not the same in all components")


def test_student_t_components_of_them_have_no_place(tmp_path):
    mixture = factor_mixture().changed(degrees_of_freedom=np.full(3, 5.0))
    with pytest.raises(ParameterError, match="Gaussian components alone, but these have degrees_of_freedom"):
        write_model(ModelRecord(mixture), tmp_path / "m.gmm")


def test_arrays_of_another_shape_are_no_mixture():
    with pytest.raises(ParameterError, match=r"must have the shape \(1, 2, 2\), but got \(1, 2\)"):
        Mixture.from_arrays([1.0], [[0.0, 0.0]], [[1.0, 1.0]], covariance_type="factor-VVI")
