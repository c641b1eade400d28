"""Saving an artefact: files first, the manifest last; pages follow, and what no manifest names any more goes.

No lock is held.  A save begins with a draft of its manifest under a temporary name, and writes only files whose names
nobody had before.  Whoever removes files lists them first, then looks for drafts, then reads the manifest: with no
other draft about, a listed file that the manifest does not name is of no save that could still name it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from ..errors import ArtifactError
from . import atomic
from .manifest import Artifact, LaterVersion, Manifest, own_file, read_manifest

Pages = Mapping[
    str, bytes | None
]  # by their names in the folder; None: one that an older artefact may have had
OURS = b"dynakit"  # stands at the beginning of every page and figure


def save(folder: Path, artifact: Artifact, pages: Pages | None = None, *, owned: bool = False) -> None:
    """Put an artefact into a folder: afterwards it holds the new one, or after any failure what it held before.

    Several threads and processes may save into one folder; the last one stays.  Raises ArtifactError where the folder
    cannot be written, or holds what is not ours (see :func:`refuse_foreign`), unless it is known to be ``owned``.
    """
    folder, _ = Path(folder), artifact.content
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ArtifactError(f"path {folder} exists and is not a folder; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic.stamped() as stamp:
            _Save(folder, artifact, pages or {}, stamp).go(owned)
    except ArtifactError:
        raise
    except OSError as error:
        said = f"path {folder} cannot be written, and what it held is unchanged"
        raise ArtifactError(f"{said}: {error.strerror or error}") from error


def write_page(place: Path, data: bytes) -> None:
    """Write a page that stands alone, whole or not at all; ArtifactError where that cannot be or another's is there."""
    place = Path(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _refuse_page(place.parent, place.name, fresh=True)
        atomic.write_atomically(place, data)
    except OSError as error:
        raise ArtifactError(f"path {place} cannot be written: {error.strerror or error}") from error


def check_folder(folder: Path, name: str, kind: str) -> None:
    """Raise ArtifactError if :func:`save` would; the folder is made if it is not there."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ArtifactError(f"path {folder} exists and is not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_foreign(folder, name, kind)
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(f"path {folder} cannot be written: {error.strerror or error}") from error


def refuse_foreign(folder: Path, name: str, kind: str, pages: Pages | None = None) -> Manifest | None:
    """The manifest that a save into the folder would replace; None if there is none, or a damaged one of ours.

    Raises ArtifactError if one of the names belongs to somebody else, or to a later version.
    """
    place, found = folder / f"{name}.json", None
    fresh = not os.path.lexists(place)
    if not fresh and not os.path.islink(place):  # a link is replaced, whatever it points to
        try:
            found = read_manifest(folder, name, kind)
        except LaterVersion as error:
            raise ArtifactError(f"{error}; nothing was overwritten") from None
        except (ArtifactError, FileNotFoundError) as error:
            _refuse_file(place, kind, error)
    for page, data in (pages or {}).items():
        if data is not None:
            _refuse_page(folder, page, fresh)
    return found


def _refuse_file(place: Path, kind: str, reason: object) -> None:
    """Raise unless this is a manifest of ours that was damaged, or an empty file."""
    if os.path.isfile(place):
        with open(place, "rb") as file:
            beginning = file.read(200)
        if not beginning or f'"format": "dynakit/{kind}"'.encode() in beginning:
            return
    raise ArtifactError(f"{place} was not written by dynakit, and nothing was overwritten: {reason}")


def _refuse_page(folder: Path, page: str, fresh: bool) -> None:
    """Raise where a page would replace what is not ours; links are replaced."""
    place = folder / page
    above = place.parent
    if above != folder and (os.path.islink(above) or not os.path.lexists(above)):
        return
    if not os.path.isdir(above):
        raise ArtifactError(
            f"{above} was not written by dynakit, and nothing was overwritten: it is not a folder"
        )
    if os.path.islink(place) or not os.path.lexists(place):
        return
    if os.path.isfile(place):
        with open(place, "rb") as file:
            if not fresh or OURS in file.read(1024):
                return
    raise ArtifactError(
        f"{place} was not written by dynakit, and nothing was overwritten; save into another folder"
    )


class _Save:
    """One save, from its draft to the sweep after it."""

    def __init__(self, folder: Path, artifact: Artifact, pages: Pages, stamp: str) -> None:
        self.folder, self.artifact, self.pages, self.stamp = folder, artifact, pages, stamp
        self.place = folder / f"{artifact.name}.json"
        self.made: list[Path] = []  # what goes again if the save fails

    def go(self, owned: bool) -> None:
        draft = atomic.stage(self.place, b"", self.stamp)  # from now on nobody sweeps
        self.made.append(draft)
        try:
            self._replace(draft, owned)
        finally:
            for path in self.made:
                atomic.remove(path)

    def _replace(self, draft: Path, owned: bool) -> None:
        before = self._before(owned)
        names = self.artifact.file_names("" if self._fresh(draft) else secrets.token_hex(4))
        for label, (_, data) in self.artifact.parts.items():
            self.made.append(self.folder / names[label])
            atomic.write_atomically(self.made[-1], data, like=self.place)
        staged = self._staged()
        with open(draft, "r+b") as file:
            atomic.fill(file.fileno(), self.artifact.text(names, list(staged)))
        atomic.sync(self.folder)
        mine = _identity(draft)
        atomic.put(draft, self.place)
        self.made = list(staged.values())
        try:
            self._show(staged, mine)
        except OSError as error:
            said = (
                f"{self.folder} holds the new {self.artifact.name}, but not all of its pages could be written"
            )
            raise ArtifactError(f"{said}: {error.strerror or error}") from error
        with contextlib.suppress(OSError):  # what is left over is swept by the next save
            self._clear(before)
        atomic.sync(self.folder)

    def _before(self, owned: bool) -> Manifest | None:
        """The manifest that will be replaced."""
        try:
            return refuse_foreign(self.folder, self.artifact.name, self.artifact.kind, self.pages)
        except ArtifactError:
            if not owned:
                raise
        return None

    def _fresh(self, draft: Path) -> bool:
        """Whether nobody has saved, or is saving, under this name here: then no mark is needed in the names."""
        others = [
            path for path, match in atomic.temporaries(self.folder) if path != draft and self._is_draft(match)
        ]
        return not others and not os.path.lexists(self.place) and not self._files()

    def _is_draft(self, match: re.Match[str]) -> bool:
        return match["file"] == self.place.name

    def _files(self) -> list[str]:
        """Files in the folder that are named as parts of this artefact are."""
        return [file for file in os.listdir(self.folder) if own_file(self.artifact.name, file)]

    def _staged(self) -> dict[str, Path]:
        """Pages and figures, complete on disk, under temporary names in the folder itself."""
        staged = {}
        for page, data in self.pages.items():
            if data is not None:
                beside = self.folder / page.replace("/", "-")
                staged[page] = atomic.stage(beside, data, self.stamp, like=self.folder / page)
                self.made.append(staged[page])
        return staged

    def _show(self, staged: Mapping[str, Path], mine: tuple[int, ...]) -> None:
        """Put pages and figures in their places for as long as the manifest is the one they are of."""
        for page, temporary in staged.items():
            place = self.folder / page
            if place.parent != self.folder:
                if os.path.islink(place.parent):
                    os.unlink(place.parent)
                place.parent.mkdir(exist_ok=True)
            if _identity(self.place) != mine:
                return
            atomic.put(temporary, place)

    def _clear(self, before: Manifest | None) -> None:
        """Remove what is left over, unless another save is under way, which will then do it."""
        atomic.sweep(self.folder)
        there = self._files()
        if any(self._is_draft(match) for _, match in atomic.temporaries(self.folder)):
            return
        try:
            now = read_manifest(self.folder, self.artifact.name, self.artifact.kind)
        except (ArtifactError, FileNotFoundError):
            return
        there += [file.name for file in before.files.values()] if before is not None else []
        for file in {*there} - {file.name for file in now.files.values()}:
            atomic.remove(self.folder / file)
        if before is not None:
            old = (
                before.pages
                if before.version > 2
                else [page for page, data in self.pages.items() if data is None]
            )
            for page in {*old} - {*now.pages}:
                _remove_page(self.folder, page)


def _remove_page(folder: Path, page: str) -> None:
    above = (folder / page).parent
    if not os.path.islink(above):
        atomic.remove(folder / page)
        if above != folder:
            with contextlib.suppress(OSError):
                above.rmdir()  # if it is empty


def _identity(path: Path) -> tuple[int, ...]:
    """What tells one file from another that takes its name."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
    return ()
