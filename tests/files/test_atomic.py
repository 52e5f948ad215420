"""A file is replaced whole or not at all, and nothing is left behind."""

import errno
import os
import stat

import pytest
from model_records import record

from gmmkit.files import atomic, read_model, write_atomically, write_model


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "m.gmm"
    path.write_bytes(b"old")
    return path


def left(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def fail(number):
    def raising(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return raising


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failing_step(step, target, monkeypatch):
    monkeypatch.setattr(atomic.os, step, fail(errno.EIO))
    with pytest.raises(OSError, match="cannot write the file: Input/output error") as caught:
        write_model(record(), target)
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(target))
    assert target.read_bytes() == b"old"
    assert left(target) == ["m.gmm"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_failing_in_the_middle(error, target):
    def parts():
        yield b"x" * 100_000
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(target, parts())
    if isinstance(error, OSError):
        assert caught.value.errno == errno.ENOSPC
        assert str(caught.value) == f"[Errno 28] cannot write the file: No space left on device: '{target}'"
    assert target.read_bytes() == b"old"
    assert left(target) == ["m.gmm"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_disk_full_at_the_last_flush(target, monkeypatch):
    plain_open = open

    def full(path, mode):
        plain_open(path, mode).close()
        return plain_open("/dev/full", "wb")

    monkeypatch.setattr(atomic, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(target, [b"new"])
    assert target.read_bytes() == b"old"
    assert left(target) == ["m.gmm"]


def test_unwritable_folder_flush_is_no_failure(target, monkeypatch):
    monkeypatch.setattr(atomic.os, "open", fail(errno.EACCES))
    write_atomically(target, [b"new"])
    assert target.read_bytes() == b"new"


def test_flushed_before_it_is_named(target, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(atomic.os, name, lambda *a, name=name, real=real: (calls.append(name), real(*a)))
    write_atomically(target, [b"new"])
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        write_model(record(), tmp_path / "m.gmm")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m.gmm").stat().st_mode) == mode


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder '.*none' does not exist; create it first"):
        write_model(record(), tmp_path / "none" / "m.gmm")


def test_folder_as_target(tmp_path):
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write_model(record(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pipe_as_target(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="device, pipe or socket"):
        write_model(record(), tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_file_as_folder(target):
    with pytest.raises(OSError, match="does not exist"):
        write_model(record(), target / "m.gmm")


def test_link_stays_a_link(target):
    link = target.parent / "link.gmm"
    link.symlink_to(target)
    write_model(record(), link)
    assert link.is_symlink()
    assert read_model(target) == record()


def test_longest_name_and_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "m" * 251 + ".gmm"
    write_model(record(), name)
    assert read_model(name) == record()
    assert left(tmp_path / name) == [name]
