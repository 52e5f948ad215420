"""Forged files: the digest is right, so only the reader's own checks stand before the caller."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_records import STRUCTURES, forge, from_text, is_refused, record, refused

from gmmkit.files import write_model
from gmmkit.files.header import MAX_HEADER


def meta(**changes):
    def change(content):
        content["__metadata__"].update(changes)

    return change


def entry(name, **changes):
    def change(content):
        content[name].update(changes)

    return change


FORGED = {
    "not gmmkit": (meta(format="GMMKIT"), "its format is 'GMMKIT'"),
    "newer schema": (
        meta(schema="4", library_version="0.9.0", surprise="x"),
        "schema 4, and this gmmkit reads schemas up to 3: it needs gmmkit 0.9.0 or later",
    ),
    "newer schema, odd version": (meta(schema="12", library_version="\x1b[31m"), "it needs a newer gmmkit"),
    "schema 0": (meta(schema="0"), "its schema is '0'"),
    "schema 01": (meta(schema="01"), "its schema"),
    "schema is a number": (meta(schema=1), "other than texts"),
    "extra metadata": (meta(surprise="x"), "surprise"),
    "missing metadata": (lambda c: c["__metadata__"].pop("fit") and None, "misses or adds .'fit'"),
    "metadata key case": (lambda c: c["__metadata__"].update(K=c["__metadata__"].pop("k")), "'K', 'k'"),
    "structure": (meta(structure="banana"), "its structure is 'banana'"),
    "other structure": (meta(structure="diag"), "asks for"),
    "k 0": (meta(k="0"), "positive whole number"),
    "k negative": (meta(k="-3"), "positive whole number"),
    "k with blanks": (meta(k=" 3"), "positive whole number"),
    "k in other digits": (meta(k="٣"), "positive whole number"),
    "k of 10**12": (meta(k="1000000000000"), "asks for 56000000000000"),
    "d of 10**17": (meta(d=str(10**17)), "asks for"),
    "k of 5000 digits": (meta(k="9" * 5000), "positive whole number"),
    "dtype": (meta(dtype="float32"), "its dtype"),
    "10**12 elements": (entry("covariances", shape=[10**12]), "described as"),
    "same size, other shape": (entry("covariances", shape=[3, 4]), "described as"),
    "float shape": (entry("weights", shape=[3.0]), "described as"),
    "true for one": (entry("weights", shape=[True]), "described as"),
    "F32": (entry("means", dtype="F32"), "described as"),
    "entry with more": (entry("means", more=1), "described as"),
    "offsets overlap": (entry("means", data_offsets=[0, 48]), "described as"),
    "offsets with a hole": (entry("covariances", data_offsets=[80, 176]), "described as"),
    "offsets negative": (entry("weights", data_offsets=[-24, 0]), "described as"),
    "offsets huge": (entry("covariances", data_offsets=[72, 10**30]), "64 bits"),
    "array missing": (lambda c: c.pop("means") and None, "described as"),
    "array renamed": (lambda c: c.update(Means=c.pop("means")), "described as"),
    "array order": (lambda c: c.update(weights=c.pop("weights")), "described as"),
    "65 arrays": (lambda c: c.update({f"a{i}": c["weights"] for i in range(62)}), "described as"),
    "names of 3 columns": (meta(feature_names='["a","b","c"]'), "3 feature names and 2 columns"),
    "names not a list": (meta(feature_names="7"), "feature_names is 7"),
    "NaN": (meta(fit='{"a":NaN}'), "NaN is not JSON"),
    "Infinity": (meta(fit='{"a":-Infinity}'), "-Infinity is not JSON"),
    "1e999": (meta(fit='{"a":1e999}'), "too large"),
    "integer of 5000 digits": (meta(fit='{"a":' + "9" * 5000 + "}"), "its fit cannot be read"),
    "repeated key": (meta(fit='{"a":1,"b":2,"a":1}'), "'a' stands twice"),
    "odd number": (meta(fit='{"a":{"$float":"0x1p3"}}'), "is not a number"),
    "number with more": (meta(fit='{"a":{"$float":"inf","b":1}}'), "is not a number"),
    "number is a list": (meta(fit='{"a":{"$float":[]}}'), "is not a number"),
    "settings a list": (meta(settings="[]"), r"settings is \[\]"),
    "table a number": (meta(table="3"), "table is 3"),
    "provenance of numbers": (meta(provenance='{"n":1}'), "expected a text"),
    "half pair": (meta(estimator="\ud800"), "cannot be read"),
    "escaped half pair": (meta(feature_names='["a","\\ud800"]'), "not Unicode"),
    "not JSON inside": (meta(fit="{"), "its fit cannot be read"),
    "deep": (meta(fit="[" * 40 + "]" * 40), "nested"),
    "very deep": (meta(fit="[" * 200_000 + "]" * 200_000), "nested"),
    "very deep objects": (meta(fit='{"a":' * 100_000 + "1" + "}" * 100_000), "nested"),
    "version": (meta(library_version="1 2"), "expected a version"),
}


@pytest.mark.parametrize(("change", "match"), FORGED.values(), ids=FORGED)
def test_forged_header(change, match, path, good):
    refused(path, forge(good, change), match)


@pytest.mark.parametrize(
    ("rest", "match"),
    [
        ("", "cannot be read"),
        ('"}', "cannot be read"),
        ('"}}', "its format is None"),
        ('","sha256":"x"}}', "stands twice"),
        ('"},"__metadata__":{}}', "stands twice"),
        ('"}} {}', "cannot be read"),
        ('"},"a":' + "[" * 900_000, "nested"),
        ('"},"a":' + "[" * 900 + "]" * 900 + "}", "nested"),
        ('"},"a":NaN}', "NaN"),
    ],
)
def test_header_text(rest, match, path):
    text = b'{"__metadata__":{"sha256":"' + b"0" * 64 + rest.encode()
    refused(path, from_text(text, b""), match)


def test_header_not_utf8(path):
    refused(path, from_text(b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'\xff"}}', b""), "cannot be read")


@pytest.mark.parametrize("length", [0, 2, 90, MAX_HEADER + 1, 2**63, 2**64 - 1])
def test_header_length(length, path, good):
    refused(path, length.to_bytes(8, "little") + good[8:] + b" " * MAX_HEADER, "header claims")


def forged_arrays(path, good, **arrays):
    body = b"".join(
        np.asarray(arrays.get(name, getattr(record().mixture, name)), "<f8").tobytes()
        for name in ("weights", "means", "covariances")
    )
    return forge(good, lambda content: None, body)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"weights": [0.5, 0.6, -0.1]}, "negative"),
        ({"weights": [0.5, 0.5, 0.5]}, "sum to 1"),
        ({"weights": [0.5, 0.5, np.nan]}, "weights hold infinite values or NaN"),
        ({"weights": [0.0, 0.0, 0.0]}, "sum to 1"),
        ({"means": [[0, 0], [0, np.inf], [0, 0]]}, "means hold infinite"),
        ({"covariances": np.zeros((3, 2, 2))}, "positive definite"),
        ({"covariances": -np.stack([np.eye(2)] * 3)}, "positive definite"),
        ({"covariances": [[[1, 2], [2, 1]]] * 3}, "positive definite"),
        ({"covariances": [[[1, 0.5], [0, 1]]] * 3}, "symmetric"),
        ({"covariances": np.full((3, 2, 2), -np.inf)}, "covariances hold infinite"),
        ({"weights": [1.7e308] * 3}, "sum to 1"),
        ({"covariances": [[[1, 1.7e308], [-1.7e308, 1]]] * 3}, "symmetric"),
    ],
)
def test_forged_arrays(arrays, match, path, good):
    refused(path, forged_arrays(path, good, **arrays), match)


@pytest.mark.parametrize("structure", ["diag", "spherical", "EII"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_variances_are_positive(structure, value, path):
    write_model(record(structure), path)
    data = path.read_bytes()
    body = np.frombuffer(data[8 + int.from_bytes(data[:8], "little") :], "<f8").copy()
    body[-1] = value
    refused(path, forge(data, lambda content: None, body.tobytes()), "a variance that is not positive")


@given(structure=st.sampled_from(STRUCTURES), numbers=st.data())
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_random_numbers(structure, numbers, tmp_path_factory):
    """Any 64-bit patterns behind a right digest: a mixture or a ModelFormatError, and no warning."""
    path = tmp_path_factory.getbasetemp() / "numbers.gmm"
    write_model(record(structure), path)
    data = path.read_bytes()
    body = np.frombuffer(data[8 + int.from_bytes(data[:8], "little") :], "<f8").copy()
    places = st.integers(3 if numbers.draw(st.booleans()) else 0, len(body) - 1)
    for place, value in numbers.draw(st.dictionaries(places, st.floats(width=64), max_size=4)).items():
        body[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        is_refused(path, forge(data, lambda content: None, body.tobytes()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_random_header_values(data, tmp_path_factory):
    """Any JSON in any place behind a right digest."""
    path = tmp_path_factory.getbasetemp() / "header.gmm"
    write_model(record(), path)

    def change(content):
        place = data.draw(st.sampled_from(["__metadata__", "weights", "means", "covariances"]))
        name = data.draw(st.sampled_from(sorted(content[place])) | st.text(max_size=3))
        if name != "sha256":
            content[place][name] = data.draw(json_values)

    is_refused(path, forge(path.read_bytes(), change))
