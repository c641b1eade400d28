"""The two kinds of file in which Keras keeps a whole model: a zip (``.keras``), or HDF5 alone (``.h5``, the older).

Sizes are compared with those of the file before anything is read: Keras compresses nothing, so what declares more than
the file holds is no file of Keras.  Only arrays that lie within the file are read, by names that the config gives;
links to other files, filters and anything but floating-point numbers are refused.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ... import artifacts
from ...errors import ArtifactError
from .chain import Entry

LONGEST_CONFIG = 2**24  # characters
MOST_VARIABLES = 16  # of a layer
MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
PATIENCE = 10.0  # seconds for a look at a file in a process of its own, and as many again for every 100 MB
# A damaged file can lead HDF5 in circles, out of which nothing in the same process comes.
LOOK = """
import contextlib, io, sys, h5py

def look(group):
    for name in list(group.attrs):
        with contextlib.suppress(Exception):
            group.attrs[name]
    for name in list(group):
        with contextlib.suppress(Exception):
            if isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Group):
                look(group[name])

with contextlib.suppress(Exception):
    look(h5py.File(io.BytesIO(sys.stdin.buffer.read()), "r"))
"""


class KerasFile:
    """One open file: the ``config`` of its model, the ``version`` of Keras (its first number, or None), its arrays."""

    def __init__(self, root: Any, size: int, where: str) -> None:
        self.root, self.left, self.where = root, size, where
        self.config: Any = None
        self.version: int | None = None

    def arrays(self, entry: Entry) -> list[np.ndarray]:
        """The weights of a layer in their order; none where it has none."""
        raise NotImplementedError

    def lack(self, what: str) -> ArtifactError:
        """That something is missing or is not what it should be."""
        return ArtifactError(f"{self.where} {what}")

    def within(self, group: Any, path: str) -> Any:
        """What stands under ``path``, by links within the file alone; None if nothing does."""
        import h5py

        for name in path.split("/"):
            if not isinstance(group, h5py.Group):
                return None
            link = group.get(name, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise self.lack(f"has a link at {path!r} that leads elsewhere, and no link is followed")
            group = group[name]
        return group

    def read(self, found: Any, path: str) -> np.ndarray:
        """An array of floating-point numbers, as large as there is room for in the file."""
        import h5py

        if not isinstance(found, h5py.Dataset):
            raise self.lack(f"has no array {path!r}, which its config asks for")
        if found.dtype.kind != "f" or found.ndim > 2:
            raise self.lack(f"holds {path!r} as {found.dtype} of shape {found.shape}, where weights should be")
        settings = found.id.get_create_plist()
        if found.external or found.is_virtual or settings.get_nfilters():
            raise self.lack(f"holds {path!r} compressed or in another file, as Keras never does")
        self.left -= int(np.prod(found.shape, dtype=object)) * found.dtype.itemsize
        if self.left < 0:
            raise self.lack(f"declares more numbers than it has room for, at {path!r}")
        return np.asarray(found[()])


class Archive(KerasFile):
    """The weights of a ``.keras`` file: ``layers/<class>_<number>/cell/vars/0`` and so on."""

    def arrays(self, entry: Entry) -> list[np.ndarray]:
        path = f"layers/{entry.key}" + ("/layer" if entry.wrapped else "")
        group = self.within(self.root, path)
        if group is None:
            return []
        inner = self.within(group, "cell/vars")
        path, variables = (f"{path}/vars", self.within(group, "vars")) if not inner else (f"{path}/cell/vars", inner)
        if variables is None or not len(variables):
            return []
        if len(variables) > MOST_VARIABLES:
            raise self.lack(f"has {len(variables)} arrays at {path!r}, more than any layer that is read here")
        names = [str(k) for k in range(len(variables))]
        return [self.read(self.within(variables, name), f"{path}/{name}") for name in names]


class Legacy(KerasFile):
    """The weights of an ``.h5`` file: ``model_weights/<name>``, whose attribute says which and in which order."""

    def arrays(self, entry: Entry) -> list[np.ndarray]:
        path = f"model_weights/{entry.name}"
        group = self.within(self.root, path)
        if group is None:
            return []
        names = self.attribute(group, "weight_names")
        if not isinstance(names, np.ndarray) or names.ndim != 1 or len(names) > MOST_VARIABLES:
            raise self.lack(f"has no list of weight names at {path!r}")
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()]
        return [self.read(self.within(group, text), f"{path}/{text}"[:200]) for text in texts]

    def attribute(self, group: Any, name: str) -> Any:
        """An attribute no larger than the file; None if there is none."""
        if name not in group.attrs:
            return None
        declared = group.attrs.get_id(name)
        if int(np.prod(declared.shape, dtype=object)) * declared.dtype.itemsize > self.left:
            raise self.lack(f"declares an attribute {name!r} larger than itself")
        return group.attrs[name]


@contextmanager
def opened(path: Path) -> Iterator[KerasFile]:
    """The file at ``path``; ArtifactError for one that is missing, too large, damaged or none of Keras."""
    import_h5py()
    if not path.is_file():
        raise ArtifactError(f"path {path} is not a file")
    size = path.stat().st_size
    if size > artifacts.LARGEST:
        raise ArtifactError(f"path {path} has {size} bytes, more than this package reads")
    where = f"path {path}"
    try:
        data = path.read_bytes()
        archive = data[:4] == b"PK\x03\x04"
        with _archive(data, where) if archive else _legacy(data, where) as file:
            yield file
    except (ArtifactError, ImportError, MemoryError):
        raise
    except ValueError as error:
        if type(error) is not ValueError and not isinstance(error, (json.JSONDecodeError, UnicodeError)):
            raise  # an InputError: of what was read
        raise _damaged(where, error) from None
    except Exception as error:  # a damaged file makes the libraries raise almost anything
        raise _damaged(where, error) from None


def _comes_to_an_end(data: bytes, where: str) -> None:
    """ArtifactError where HDF5 finds no end in these bytes, or ends the process that it looks at them in."""
    command, patience = [sys.executable, "-I", "-c", LOOK], PATIENCE * (1 + len(data) / 1e8)
    try:
        done = subprocess.run(command, input=data, timeout=patience, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"{where} is damaged: after {patience:.0f} s HDF5 has found no end in it") from None
    if done.returncode < 0:
        raise ArtifactError(f"{where} is damaged: a process that looked at it ended by signal {-done.returncode}")


def _damaged(where: str, error: Exception) -> ArtifactError:
    reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    return ArtifactError(f"{where} is damaged, or no file that Keras wrote ({reason})")


def import_h5py() -> Any:
    """h5py, or an ImportError that names the extra."""
    try:
        import h5py
    except ImportError:
        raise ImportError("reading files of Keras needs h5py: pip install 'dynakit[keras]'") from None
    return h5py


@contextmanager
def _archive(data: bytes, where: str) -> Iterator[KerasFile]:
    h5py = import_h5py()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > len(data):
            raise ArtifactError(f"{where} declares {declared} bytes and has {len(data)}")
        names = [member.filename for member in members]
        if missing := [name for name in MEMBERS if names.count(name) != 1]:
            raise ArtifactError(f"{where} must hold {missing[0]} once, as a .keras file does")
        config, metadata, weights = (archive.read(name) for name in MEMBERS)
    _comes_to_an_end(weights, where)
    with h5py.File(io.BytesIO(weights), "r") as root:
        file = Archive(root, len(weights), where)
        file.config = _parsed(config, where)
        said = _parsed(metadata, where)
        file.version = _first_number(said.get("keras_version") if isinstance(said, dict) else None)
        yield file


@contextmanager
def _legacy(data: bytes, where: str) -> Iterator[KerasFile]:
    h5py = import_h5py()
    _comes_to_an_end(data, where)
    with h5py.File(io.BytesIO(data), "r") as root:
        file = Legacy(root, len(data), where)
        config = file.attribute(root, "model_config")
        if config is None:
            raise ArtifactError(
                f"{where} holds weights without the order of the layers and their activations; save the whole model, "
                "model.save('name.keras')"
            )
        file.config = _parsed(config, where)
        file.version = _first_number(file.attribute(root, "keras_version"))
        yield file


def _parsed(text: Any, where: str) -> Any:
    if not isinstance(text, (str, bytes)) or len(text) > LONGEST_CONFIG:
        raise ArtifactError(f"{where} has a config that is no text of at most {LONGEST_CONFIG} characters")
    try:
        return json.loads(text)
    except RecursionError:
        raise ArtifactError(f"{where} has a config nested too deeply") from None


def _first_number(version: Any) -> int | None:
    found = re.match(r"\d{1,3}", version.decode(errors="replace") if isinstance(version, bytes) else str(version))
    return int(found[0]) if found else None
