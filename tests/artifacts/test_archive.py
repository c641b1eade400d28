"""Arrays in an archive: what is written comes back, and nothing is built of what is not there."""

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dynakit import artifacts
from dynakit.errors import ArtifactError


def test_round_trip_is_numpys_own_format():
    arrays = {"a": np.arange(6.0).reshape(2, 3), "scalar": np.array(1.5), "text": np.array(["ü", "b"])}
    arrays |= {
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "none": np.zeros((0, 3)),
        "big": np.arange(3, dtype=">i4"),
    }
    data = artifacts.npz_bytes(arrays)
    assert data == artifacts.npz_bytes(arrays)
    theirs = np.load(io.BytesIO(data), allow_pickle=False)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    for read in (
        artifacts.read_npz(data, "here"),
        theirs,
        artifacts.read_npz(packed.getvalue(), "here", packed=True),
    ):
        for name, array in arrays.items():
            assert_array_equal(read[name], array)
            assert (read[name].shape, read[name].dtype) == (array.shape, array.dtype)
    own = artifacts.read_npz(data, "here")["a"]
    own += 1  # what is read can be written to, as ever


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


def header_only(shape: str, descr: str = "<f8") -> bytes:
    """A member that declares an array and holds none of its values."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize("shape", ["(10000000000000,)", "(10, 10)", "(-1,)", "(2, ", "'a'", "(0, -3)"])
def test_members_that_declare_what_they_do_not_hold_are_refused(shape):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", header_only(shape))
    with pytest.raises(ArtifactError, match="here cannot be read as npz"):
        artifacts.read_npz(buffer.getvalue(), "here")


def test_an_archive_that_would_unpack_to_far_more_is_refused_from_its_headers():
    """100 kB of zeros that would be 100 MB: nothing of it is unpacked."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("a.npy", "w") as member,
    ):
        member.write(header_only("(12500000,)"))
        for _ in range(10):
            member.write(bytes(10**7))
    tracemalloc.start()
    for packed in (False, True):
        with pytest.raises(
            ArtifactError, match=r"here would unpack to 100000128 bytes from 97.* refused unread"
        ):
            artifacts.read_npz(buffer.getvalue(), "here", packed=packed)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_members_that_share_their_bytes_are_refused():
    """Two entries of the directory for one member: more is declared than is there."""
    data = artifacts.npz_bytes({"a": np.zeros(1000)})
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    twice = data[:end] + entry.replace(b"a.npy", b"b.npy") + data[end:]
    at = twice.index(b"PK\x05\x06")
    tail = bytearray(twice[at:])
    tail[8:12] = (2).to_bytes(2, "little") * 2
    tail[12:16] = (2 * len(entry)).to_bytes(4, "little")
    with pytest.raises(ArtifactError, match="here would unpack to 16256 bytes"):
        artifacts.read_npz(twice[:at] + bytes(tail), "here")


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
