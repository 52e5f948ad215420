"""What an installation says of itself."""

from importlib.metadata import version

import pytest

import gmmkit
from gmmkit.configuration import configuration
from gmmkit.kernels import native


def test_versions_and_threads():
    found = configuration()
    assert found["gmmkit"] == version("gmmkit")
    assert found["numpy"] == version("numpy")
    assert found["threads"] >= 1


def test_a_library_that_is_not_there(monkeypatch):
    monkeypatch.setattr("gmmkit.configuration._OPTIONAL", ("no-such-library",))
    assert configuration()["no-such-library"] is None


def test_the_kernel_is_named_or_the_reason_why_not(monkeypatch, capsys):
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    gmmkit.show_config()
    assert "compiled kernel: not used: GMMKIT_NATIVE=0 switches it off" in capsys.readouterr().out
    monkeypatch.setattr(native, "why_not", lambda: None)
    monkeypatch.setattr(native, "instruction_set", lambda: "avx2")
    gmmkit.show_config()
    assert "compiled kernel: used (avx2)" in capsys.readouterr().out


def test_it_is_a_public_name():
    assert gmmkit.show_config is gmmkit.__getattr__("show_config")
    with pytest.raises(AttributeError, match="no attribute 'show_confg'"):
        gmmkit.__getattr__("show_confg")
