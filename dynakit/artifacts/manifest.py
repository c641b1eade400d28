"""The manifest: what an artefact says, the files that belong to it with their hashes, and a hash of its own."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArtifactError
from ..version import __version__

FORMAT_VERSION = 3  # 2: a report holds its results by name, and those of a flow are of its right-hand side
#                     3: one manifest, with a hash of its own, for results and network; arrays are not compressed
LARGEST = 8 * 2**30  # bytes an artefact may declare; a small file that claims more is refused unread
LARGEST_MANIFEST = 64 * 2**20  # bytes
OWN = "manifest_sha256"


class LaterVersion(ArtifactError):
    """A manifest in a format that this version does not know."""


class File(NamedTuple):
    """A file of an artefact."""

    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Artifact:
    """What is to be saved under one manifest.

    Attributes:
        name: of the manifest, without ``.json``; the names of its files begin with it
        kind: of artefact: "results", "model", "checkpoint"
        header: what the manifest says, as JSON has it
        parts: suffix and content of each file by its label; "" for the main one
    """

    name: str
    kind: str
    header: Mapping[str, Any]
    parts: Mapping[str, tuple[str, bytes]]

    @functools.cached_property
    def content(self) -> dict[str, Any]:
        """The manifest but for the names of files, as it comes back from JSON; ValueError for what JSON cannot say."""
        files = {
            label: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for label, (_, data) in self.parts.items()
        }
        own = {"format": f"dynakit/{self.kind}", "format_version": FORMAT_VERSION, "dynakit": __version__}
        return json.loads(json.dumps({**own, "files": files, **self.header}, allow_nan=False))

    @functools.cached_property
    def sha256(self) -> str:
        """The manifest's hash of its own: equal for equal artefacts, wherever they lie."""
        return digest(self.content)

    def file_names(self, mark: str = "") -> dict[str, str]:
        """Names of the files by label, with the hash of what they hold and a mark that tells equal ones apart."""
        names = {}
        for label, (suffix, _) in self.parts.items():
            stem = f"{self.name}.{label}" if label else self.name
            names[label] = (
                f"{stem}-{self.content['files'][label]['sha256'][:16]}{mark and '-'}{mark}.{suffix}"
            )
        return names

    def text(self, names: Mapping[str, str], pages: list[str]) -> bytes:
        """The manifest as it is written; ArtifactError if it could not be read again."""
        files = {label: {"file": names[label], **entry} for label, entry in self.content["files"].items()}
        whole = {**self.content, OWN: self.sha256, "files": files, "pages": sorted(pages)}
        first = ["format", "format_version", "dynakit", OWN, "files", "pages"]
        text = json.dumps(
            {key: whole[key] for key in dict.fromkeys([*first, *whole])}, indent=1, allow_nan=False
        )
        if len(text) > LARGEST_MANIFEST:
            raise ArtifactError(
                f"{self.name}.json would have {len(text)} bytes, more than this package reads"
            )
        return text.encode()


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read and is whole."""

    content: dict[str, Any]
    version: int
    files: dict[str, File]  # by label
    pages: tuple[str, ...] = ()


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of what a manifest says, but for its own hash and where its files and pages lie."""
    said = {key: value for key, value in content.items() if key not in (OWN, "pages")}
    said["files"] = {
        label: {k: v for k, v in f.items() if k != "file"} for label, f in content["files"].items()
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def own_file(name: str, file: str) -> bool:
    """Whether a file is named as a part of the artefact ``name`` is."""
    return (
        re.fullmatch(
            rf"{re.escape(name)}(\.[a-z]+)?-[0-9a-f]{{16}}(-[0-9a-f]{{8}})?\.(npz|safetensors)", file
        )
        is not None
    )


def own_page(file: str) -> bool:
    """Whether a file is named as the pages and figures of an artefact are."""
    return re.fullmatch(r"report\.html|plotly\.min\.js|figures/\w+\.(png|svg|pdf)", file) is not None


def read_manifest(folder: Path, name: str, kind: str) -> Manifest:
    """The manifest ``name.json`` of a folder, after every check of it has passed."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise ArtifactError(f"{folder} is not a folder saved by dynakit: it holds no {name}.json")
    try:
        content = json.loads(read_file(path, LARGEST_MANIFEST), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != f"dynakit/{kind}":
        raise ArtifactError(f"{path} is not a dynakit/{kind} manifest")
    version = content.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise LaterVersion(f"{path} has format version {version}; this dynakit reads up to {FORMAT_VERSION}")
    try:
        return _checked(content, version, name)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged or was changed: {error}") from None


def _refuse_constant(token: str) -> None:
    raise ValueError(f"{token} is no JSON")


def _checked(content: dict[str, Any], version: int, name: str) -> Manifest:
    if version < 3 and OWN not in content:
        return Manifest(
            content, version, {"": _file(content, lambda file: re.fullmatch(rf"{name}\.\w+", file))}
        )
    if content.get(OWN) != digest(content):
        raise ValueError("what it says is not what its own SHA-256 was taken of")
    files = {
        label: _file(entry, lambda file: own_file(name, file)) for label, entry in content["files"].items()
    }
    if not all(type(page) is str and own_page(page) for page in content["pages"]):
        raise ValueError("it names pages that are none of ours")
    return Manifest(content, version, files, tuple(content["pages"]))


def _file(entry: dict[str, Any], ours: Any) -> File:
    file, size, sha256 = entry["file"], entry["bytes"], entry["sha256"]
    if type(file) is not str or not ours(file):
        raise ValueError(f"it names a file {file!r}, which is none of ours")
    if type(size) is not int or type(sha256) is not str:
        raise ValueError(f"it does not say how long {file} is and what its SHA-256 is")
    return File(file, size, sha256)


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a regular file; FileNotFoundError if it is gone, ArtifactError for all else."""
    if size_of(path) > most:
        raise ArtifactError(f"{path} has {size_of(path)} bytes, more than this package reads")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from None


def size_of(path: Path) -> int:
    """The bytes of a regular file, unread; FileNotFoundError if it is gone, ArtifactError for all else."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise ArtifactError(f"{path} is not a file")
    return found.st_size
