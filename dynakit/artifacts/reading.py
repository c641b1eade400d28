"""Reading an artefact while others may be writing it."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from ..errors import ArtifactError
from . import atomic
from .manifest import LARGEST, File, Manifest, own_file, read_file, read_manifest, size_of

PATIENCE = 10.0  # seconds for which an artefact is tried that is replaced again and again


def load(folder: Path, name: str, kind: str) -> tuple[Manifest, dict[str, bytes]]:
    """Read an artefact back: its manifest and the bytes of its files by label, after every check has passed.

    A file that is gone although the manifest named it is no damage if the manifest has been replaced since.
    """
    folder, before, until = Path(folder), None, time.monotonic() + PATIENCE
    while True:
        try:
            manifest = read_manifest(folder, name, kind)
        except FileNotFoundError as error:
            raise ArtifactError(f"{folder} has just lost its {name}.json: {error}") from None
        try:
            return manifest, {label: _part(folder, file, name) for label, file in manifest.files.items()}
        except FileNotFoundError as error:
            if manifest.files == before or time.monotonic() > until:
                raise ArtifactError(f"{error.filename} is missing, though {name}.json names it") from None
            before = manifest.files


def lost(folder: Path, name: str) -> bool:
    """Whether files of an artefact are there without its manifest, though no save was cut short."""
    there = os.listdir(folder) if folder.is_dir() else []
    begun = any(match["file"] == f"{name}.json" for _, match in atomic.temporaries(folder)) if there else False
    return not begun and f"{name}.json" not in there and any(own_file(name, file) for file in there)


def _part(folder: Path, file: File, name: str) -> bytes:
    path = folder / file.name
    found = size_of(path)
    data = read_file(path, LARGEST) if found == file.size else b""
    if found != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise ArtifactError(
            f"{path} is damaged or was changed: its SHA-256 is not the one in {name}.json "
            f"({found} bytes found, {file.size} expected)"
        )
    return data
