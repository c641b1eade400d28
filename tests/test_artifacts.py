"""Files: complete or absent, hashed, and read without running code from them."""

import io
import os
import pickle
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dynakit import artifacts
from dynakit.errors import ArtifactError


def test_a_file_is_complete_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "a file ü.bin"
    artifacts.write_atomically(path, b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        artifacts.write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes and links")
def test_an_existing_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "a.bin", tmp_path / "link.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    artifacts.write_atomically(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_save_writes_the_manifest_last_and_only_strict_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        artifacts.save(tmp_path / "out", "x", "thing", "npz", b"data", {"loss": float("nan")})
    assert not (tmp_path / "out").exists()
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ArtifactError, match="is not a folder; nothing was written"):
        artifacts.save(file, "x", "thing", "npz", b"data", {})
    assert file.read_text() == "mine"
    for path in (file / "below", tmp_path / ("long" * 100)):
        with pytest.raises(ArtifactError, match=r"path .* cannot be"):
            artifacts.save(path, "x", "thing", "npz", b"data", {})


def test_the_manifest_describes_the_file(tmp_path):
    artifacts.save(tmp_path, "x", "thing", "bin", b"data", {"note": "kept"})
    manifest, data = artifacts.load(tmp_path, "x", "thing", "bin")
    assert data == b"data"
    assert (manifest["note"], manifest["bytes"], manifest["file"]) == ("kept", 4, "x.bin")
    with pytest.raises(ArtifactError, match="not a dynakit/other manifest"):
        artifacts.load(tmp_path, "x", "other", "bin")


def test_a_file_larger_than_allowed_is_refused_unread(tmp_path, monkeypatch):
    artifacts.save(tmp_path, "x", "thing", "bin", b"data", {})
    monkeypatch.setattr(artifacts, "LARGEST", 3)
    with pytest.raises(ArtifactError, match="4 bytes, more than this package reads"):
        artifacts.load(tmp_path, "x", "thing", "bin")


def test_npz_round_trip_is_numpys_own_format():
    arrays = {"a": np.arange(6.0).reshape(2, 3), "scalar": np.array(1.5), "text": np.array(["ü", "b"])}
    data = artifacts.npz_bytes(arrays)
    assert data == artifacts.npz_bytes(arrays)
    theirs = np.load(io.BytesIO(data), allow_pickle=False)
    for read in (artifacts.read_npz(data, "here"), theirs):
        for name, array in arrays.items():
            assert_array_equal(read[name], array)
            assert read[name].shape == array.shape


def test_nothing_is_unpickled(tmp_path):
    marker = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return Path.touch, (marker,)

    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([Attack()], dtype=object))
    with pytest.raises(ArtifactError, match="here cannot be read as npz"):
        artifacts.read_npz(buffer.getvalue(), "here")
    with pytest.raises(ArtifactError, match="here cannot be read as npz"):
        artifacts.read_npz(pickle.dumps(Attack()), "here")
    assert not marker.exists()
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        artifacts.npz_bytes({"a": np.array([None])})


def header_only(shape: str) -> bytes:
    """A member that declares an array and holds none of its values."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize("shape", ["(10000000000000,)", "(10, 10)", "(-1,)", "(2, ", "'a'"])
def test_members_that_declare_what_they_do_not_hold_are_refused(shape):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", header_only(shape))
    with pytest.raises(ArtifactError, match="here cannot be read as npz"):
        artifacts.read_npz(buffer.getvalue(), "here")


def test_an_archive_that_declares_too_much_is_refused_unread(monkeypatch):
    data = artifacts.npz_bytes({"a": np.zeros(100_000)})
    assert len(data) < 5000
    monkeypatch.setattr(artifacts, "LARGEST", 500_000)
    with pytest.raises(ArtifactError, match="here declares more than 500000 bytes"):
        artifacts.read_npz(data, "here")


@pytest.mark.parametrize("data", [b"", b"PK", b"\x93NUMPY"])
def test_bytes_that_are_no_archive_are_refused(data):
    with pytest.raises(ArtifactError, match="here cannot be read as npz"):
        artifacts.read_npz(data, "here")


def test_every_damaged_byte_is_noticed_or_harmless():
    arrays = {"a": np.arange(40.0)}
    whole = artifacts.npz_bytes(arrays)
    for k in range(len(whole)):
        damaged = whole[:k] + bytes([whole[k] ^ 0x55]) + whole[k + 1 :]
        try:
            found = artifacts.read_npz(damaged, "here")
        except ArtifactError:
            continue
        assert found.keys() == arrays.keys(), f"byte {k}"
        assert_array_equal(found["a"], arrays["a"], err_msg=f"byte {k}")
