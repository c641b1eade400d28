"""Arrays as one archive in NumPy's own format, whose declared sizes are compared before anything is unpacked."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np

from ..errors import ArtifactError

UNPACKED, RATIO = (
    64 * 2**20,
    20,
)  # what an archive of the older formats may unpack to: bytes, or times its size
KINDS = "biufcU"  # of the dtypes that need no pickle


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as an npz archive without compression and with fixed timestamps: equal arrays give equal bytes.

    Floats hardly compress, and an archive that holds what it declares cannot unpack to more.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def read_npz(data: bytes, where: str, *, packed: bool = False) -> dict[str, np.ndarray]:
    """The arrays of an npz archive held in memory; ``packed`` allows compression, as the older formats had it.

    Raises ArtifactError for anything else, for arrays of objects, and for an archive or an array that declares more
    than it holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _refuse_inflated(members, len(data), where, packed)
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except ArtifactError:
        raise
    except Exception as error:  # a damaged file makes the parsers raise almost anything
        raise ArtifactError(f"{where} cannot be read as npz: {error}") from None


def _refuse_inflated(members: list[zipfile.ZipInfo], held: int, where: str, packed: bool) -> None:
    declared = sum(member.file_size for member in members)
    most = max(UNPACKED, RATIO * held) if packed else held
    compressed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if declared > most or (compressed and not packed):
        raise ArtifactError(f"{where} would unpack to {declared} bytes from {held}, and is refused unread")


def _array(member: bytes) -> np.ndarray:
    """The array of one member; no memory is taken for values that are not there."""
    stream = io.BytesIO(member)
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read(stream)
    if dtype.kind not in KINDS or any(n < 0 for n in shape):
        raise ValueError(f"an array of dtype {dtype} and shape {shape} is none of ours")
    declared, held = math.prod(shape) * dtype.itemsize, len(member) - stream.tell()
    if declared != held:
        raise ValueError(f"an array declares {declared} bytes and holds {held}")
    if not held:
        return np.empty(shape, dtype)
    values = np.frombuffer(member, dtype, offset=stream.tell())
    return np.array(values.reshape(shape, order="F" if fortran else "C"))
