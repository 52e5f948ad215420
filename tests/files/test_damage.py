"""No damaged or foreign file is read, and each is refused in one line that names it."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from model_records import from_text, is_refused, refused
from safetensors.numpy import save_file

from gmmkit.errors import ModelFormatError
from gmmkit.files import read_model


def test_every_truncation(path, good):
    assert 1500 < len(good) < 3000
    assert [n for n in range(len(good)) if not is_refused(path, good[:n])] == []


def test_every_flipped_bit(path, good):
    damaged = bytearray(good)
    accepted = []
    for bit in range(8 * len(good)):
        damaged[bit // 8] ^= 1 << bit % 8
        if not is_refused(path, damaged):
            accepted.append(bit)
        damaged[bit // 8] ^= 1 << bit % 8
    assert accepted == []
    assert not is_refused(path, damaged)


def test_bytes_added_removed_swapped(path, good):
    for extra in (b"\0", b" ", b"\n", good):
        refused(path, good + extra, "SHA-256")
    refused(path, good[8:])
    refused(path, good[:-16] + good[-8:] + good[-16:-8], "SHA-256")
    upper = good[:35] + good[35:99].upper() + good[99:]
    assert upper != good
    refused(path, upper, "SHA-256")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "it is empty"),
        (b"\0", "it begins with"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "PNG image"),
        (pickle.dumps({"weights": [1.0]}), "pickle"),
        (b"PK\x03\x04" + b"\0" * 200, "zip"),
        (b"x,y\n1,2\n" * 50, "it begins with"),
        (b"\xff" * 200, "it begins with"),
    ],
)
def test_foreign_files(data, match, path):
    refused(path, data, match)


def test_foreign_safetensors(path):
    save_file({"weights": np.ones(1)}, path, metadata={"format": "gmmkit"})
    refused(path, path.read_bytes(), "a safetensors file that gmmkit did not write")


def test_no_pickle_is_run(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    refused(path, pickle.dumps(Trap()), "pickle")
    assert not (tmp_path / "sprung").exists()


def test_odd_path_is_shown_on_one_line(tmp_path):
    path = tmp_path / "a\n\x1b[31mb.gmm"
    path.write_bytes(b"")
    with pytest.raises(ModelFormatError) as caught:
        read_model(path)
    assert str(caught.value).isprintable()


def test_missing_file_and_folder_are_system_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "none.gmm")
    with pytest.raises(IsADirectoryError):
        read_model(tmp_path)


def test_device_is_refused():
    with pytest.raises(ModelFormatError, match="not a file"):
        read_model("/dev/zero")


@given(data=st.binary(max_size=400))
@example(data=b"{}")
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_random_bytes(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "random.gmm"
    assert is_refused(path, data)
    assert is_refused(path, len(data).to_bytes(8, "little") + data)
    assert is_refused(path, from_text(b'{"__metadata__":{"sha256":"' + b"0" * 64 + data, b""))
