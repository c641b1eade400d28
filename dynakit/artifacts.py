"""Files that survive: written atomically, hashed, and read back without ever running code from them.

An artefact is a pair of files in one folder: the arrays (``name.npz`` or ``name.safetensors``) and a JSON
manifest (``name.json``) that is written last and holds the SHA-256 of the other.  A file appears under its
name only once it is complete on disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ArtifactError
from .version import __version__

FORMAT_VERSION = 2  # 2: a report holds its results by name, and those of a flow are of its right-hand side
LARGEST = 8 * 2**30  # bytes an artefact may declare; a small file that claims more is refused unread


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` under ``path``, completely or not at all; an existing file keeps its mode."""
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as a compressed npz archive with fixed timestamps, so that equal arrays give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")
            archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)  # floats hardly compress
    return buffer.getvalue()


def save(folder: Path, name: str, kind: str, suffix: str, data: bytes, header: dict[str, Any]) -> None:
    """Write ``name.suffix`` and then its manifest ``name.json`` into ``folder``."""
    folder = Path(folder)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ArtifactError(f"path {folder} exists and is not a folder; nothing was written")
    manifest = {
        "format": f"dynakit/{kind}",
        "format_version": FORMAT_VERSION,
        "dynakit": __version__,
        "file": f"{name}.{suffix}",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        **header,
    }
    text = json.dumps(manifest, indent=1, allow_nan=False)  # before anything is written
    try:
        write_atomically(folder / f"{name}.{suffix}", data)
        write_atomically(folder / f"{name}.json", text.encode())
    except OSError as error:
        raise ArtifactError(f"path {folder} cannot be written: {error.strerror or error}") from error


def load(folder: Path, name: str, kind: str, suffix: str) -> tuple[dict[str, Any], bytes]:
    """Read an artefact back: its manifest and the bytes of its arrays, after every check has passed."""
    folder = Path(folder)
    manifest = _manifest(folder, name, kind)
    path = folder / f"{name}.{suffix}"
    if not path.is_file():
        raise ArtifactError(f"{path} is missing, though {name}.json names it")
    if path.stat().st_size > LARGEST:
        raise ArtifactError(f"{path} has {path.stat().st_size} bytes, more than this package reads")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise ArtifactError(
            f"{path} is damaged or was changed: its SHA-256 is not the one in {name}.json "
            f"({len(data)} bytes found, {manifest.get('bytes')} expected)"
        )
    return manifest, data


def _manifest(folder: Path, name: str, kind: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not path.is_file():
        raise ArtifactError(f"{folder} is not a folder saved by dynakit: it holds no {name}.json")
    try:
        manifest = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != f"dynakit/{kind}":
        raise ArtifactError(f"{path} is not a dynakit/{kind} manifest")
    version = manifest.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise ArtifactError(f"{path} has format version {version}; this dynakit reads up to {FORMAT_VERSION}")
    return manifest


def read_npz(data: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of an npz archive held in memory; object arrays and oversized members are refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(m.file_size for m in archive.infolist()) > LARGEST:
                raise ArtifactError(f"{where} declares more than {LARGEST} bytes")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except ArtifactError:
        raise
    except Exception as error:  # a damaged file makes the parsers raise almost anything
        raise ArtifactError(f"{where} cannot be read as npz: {error}") from None
