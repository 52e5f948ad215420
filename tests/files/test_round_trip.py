"""What is written comes back exactly, and other readers of safetensors open it."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from model_records import STRUCTURES, mixture, record
from safetensors import safe_open
from safetensors.numpy import load_file

from gmmkit.errors import ParameterError
from gmmkit.files import ModelRecord, read_model, write_model
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.mixture import Mixture

FIELDS = ("feature_names", "estimator", "settings", "fit", "table", "provenance", "library_version")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_comes_back_exactly(structure, tmp_path):
    written = record(structure)
    write_model(written, tmp_path / "m.gmm")
    read = read_model(tmp_path / "m.gmm")
    assert read == written
    for name in ("weights", "means", "covariances"):
        before, after = getattr(written.mixture, name), getattr(read.mixture, name)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert after.tobytes() == before.tobytes()
    assert read.mixture.covariance_type == structure


def test_every_family_has_a_place():
    assert set(FAMILIES) <= set(STRUCTURES)


@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 5), (40, 1), (9, 7)])
def test_sizes(k, d, tmp_path):
    for structure in STRUCTURES:
        written = ModelRecord(mixture(structure, k, d))
        write_model(written, tmp_path / "m.gmm")
        assert read_model(tmp_path / "m.gmm") == written


def test_numbers_at_the_edges(tmp_path):
    tiny = np.finfo(float).tiny
    edge = Mixture.from_arrays([0.0, 1.0], [[-0.0], [1e150]], [tiny, 0.1 + 0.2], covariance_type="spherical")
    write_model(ModelRecord(edge), tmp_path / "m.gmm")
    read = read_model(tmp_path / "m.gmm").mixture
    assert read.means.tobytes() == edge.means.tobytes()
    assert read.covariances.tobytes() == edge.covariances.tobytes()


def test_same_record_same_bytes(tmp_path):
    for name in ("a.gmm", "b.gmm"):
        write_model(record(), tmp_path / name)
    first = (tmp_path / "a.gmm").read_bytes()
    assert (tmp_path / "b.gmm").read_bytes() == first
    write_model(read_model(tmp_path / "a.gmm"), tmp_path / "c.gmm")
    assert (tmp_path / "c.gmm").read_bytes() == first
    assert int.from_bytes(first[:8], "little") % 8 == 0


@pytest.mark.parametrize("structure", STRUCTURES)
def test_safetensors_opens_it(structure, tmp_path):
    written = record(structure, feature_names=("длина", 'ширина "\\\n'))
    path = tmp_path / "m.gmm"
    write_model(written, path)
    arrays = load_file(path)
    assert set(arrays) == {"weights", "means", "covariances"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, getattr(written.mixture, name), strict=True)
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    assert metadata["format"] == "gmmkit"
    assert (metadata["schema"], metadata["k"], metadata["d"]) == ("1", "3", "2")
    assert (metadata["structure"], metadata["dtype"]) == (structure, "float64")
    assert json.loads(metadata["feature_names"]) == list(written.feature_names)


@pytest.mark.parametrize("names", [("é", "e\u0301"), ("长度", "🌷"), ("", " \t\u2028\x00\x7f"), ('"', "\\u0041")])
def test_unicode_names(names, tmp_path):
    path = tmp_path / "modèle 🌷.gmm"
    write_model(record(feature_names=names, provenance={"source": "данные.csv"}), path)
    read = read_model(path)
    assert read.feature_names == names
    assert read.provenance == {"source": "данные.csv"}


def test_infinite_numbers_and_nan_survive(tmp_path):
    fit = {"lower_bound": -math.inf, "bounds": [math.inf, -0.0, {"a": -math.inf}], "gap": math.nan}
    write_model(record(fit=fit), tmp_path / "m.gmm")
    read = read_model(tmp_path / "m.gmm").fit
    assert (read["lower_bound"], read["bounds"]) == (-math.inf, [math.inf, 0.0, {"a": -math.inf}])
    assert math.isnan(read["gap"])
    assert math.copysign(1.0, read["bounds"][1]) == -1.0


def test_numpy_values_become_plain():
    made = record(settings={"tol": np.float32(0.5), "k": np.int64(3), "on": np.True_, "init": np.eye(2)})
    assert made.settings == {"tol": 0.5, "k": 3, "on": True, "init": [[1.0, 0.0], [0.0, 1.0]]}
    assert type(made.settings["k"]) is int
    assert record(feature_names=np.array(["a", "b"])).feature_names == ("a", "b")


def test_record_keeps_its_own_copy():
    settings = {"n_components": 3}
    made = record(settings=settings)
    settings["n_components"] = 4
    assert made.settings == {"n_components": 3}


def test_file_name_that_is_not_utf8_is_kept_visible():
    assert record(provenance={"source": "a\udcff.csv"}).provenance == {"source": "a\\udcff.csv"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature_names": ("a",)}, "1 feature names and 2 columns"),
        ({"feature_names": "ab"}, "expected a sequence of texts"),
        ({"feature_names": ("a", 3)}, r"feature_names\[1\] is 3"),
        ({"feature_names": ("a", "\ud800")}, r"feature_names\[1\] = .* is not Unicode"),
        ({"estimator": None}, "estimator is None"),
        (
            {"settings": {"random_state": np.random.default_rng(0)}},
            r"settings\['random_state'\] is a Generator",
        ),
        ({"settings": {"callback": print}}, r"settings\['callback'\]"),
        ({"settings": [1]}, r"settings is \[1\]: expected a dict"),
        ({"settings": {1: 2}}, "keys are texts"),
        ({"fit": {"$float": "inf"}}, "rename it"),
        ({"fit": {"n_rows": 2**64}}, "64 bits"),
        ({"fit": {"z": 1j}}, "complex"),
        ({"table": {"k": 1}}, "expected a list of dicts"),
        ({"table": [1]}, r"table\[0\] is 1"),
        ({"provenance": {"n": 1}}, "expected a text"),
        ({"provenance": None}, "expected a dict"),
        ({"library_version": "1.0\n"}, "expected a version"),
        ({"library_version": 1}, "expected a version"),
    ],
)
def test_record_refuses(changes, message):
    with pytest.raises(ParameterError, match=message) as caught:
        record(**changes)
    assert "\n" not in str(caught.value)


def test_record_refuses_a_loop():
    loop = {}
    loop["again"] = loop
    with pytest.raises(ParameterError, match="nested"):
        record(fit=loop)


def test_record_too_long_for_the_header(tmp_path):
    with pytest.raises(ParameterError, match=r"leave out fit \("):
        write_model(record(fit={"lower_bounds": [0.1] * 300_000}), tmp_path / "m.gmm")
    assert list(tmp_path.iterdir()) == []


def test_unreadable_mixture_is_not_written(tmp_path):
    good = mixture("diag")
    bad = Mixture.trusted(good.weights, good.means * np.nan, good.covariance)
    with pytest.raises(ParameterError, match="finite"):
        write_model(ModelRecord(bad), tmp_path / "m.gmm")
    assert list(tmp_path.iterdir()) == []


def test_library_version_is_filled_in():
    assert ModelRecord(mixture("full")).library_version


def test_import_is_light():
    code = "import sys, gmmkit.files; print(sorted({'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
