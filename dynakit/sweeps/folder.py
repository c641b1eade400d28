"""The folder of a sweep: what is planned, what is claimed, what is done.

    sweep.json       the plan and the versions it was begun with; written once
    claims/          who works on what (see :mod:`.claims`)
    results/ID.json  one per run, put in its place in one step; then the claim goes
    runs/ID/         what a run leaves besides: network, report, checkpoints

All that decides a result is in it but for the part "measured" (seconds, where, at which start): without that part the
same plan gives the same bytes, whatever is killed and in whichever order.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .. import artifacts
from ..errors import ArtifactError, InputError
from ..versions import versions
from . import claims
from .plain import loose, plain, seal, strict, unseal
from .refusals import same_plan, same_versions, sentence

FORMAT, FORMAT_VERSION = "dynakit/sweep", 1
NAME = re.compile(r"[0-9a-z]{1,64}")
PARTS = ("claims", "results", "runs")
STATUS = ("done", "failed")


class Counts(NamedTuple):
    """How many runs of a sweep are in which state.

    Attributes:
        done: with a result
        failed: with an error for a result
        claimed: being worked on
        dead: claimed by a process that is no more, so that the next start takes them over
        open: nobody's yet
    """

    done: int
    failed: int
    claimed: int
    dead: int
    open: int

    @property
    def total(self) -> int:
        """All runs of the plan."""
        return sum(self)


class Folder:
    """A sweep's folder, known by its path alone."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.claims, self._results, self._runs = (self.path / part for part in PARTS)

    def __reduce__(self) -> tuple[Any, ...]:
        return Folder, (self.path,)

    @classmethod
    def begin(
        cls,
        path: str | os.PathLike[str],
        *,
        settings: Mapping[str, Any],
        groups: Mapping[str, Iterable[str]],
        plan: Any = None,
        accept_versions: bool = False,
    ) -> Folder:
        """Make the folder of a sweep, or go on with the one that is there.

        ``settings`` are those of each run by its id, ``groups`` the ids of the runs done together by the id of the
        group.  A plan that has all runs of the one that is there, in the groups that they are in, and more, takes its
        place.  Raises ArtifactError if the folder holds something else, a sweep of another plan, or (unless
        ``accept_versions``) one of other versions; what differs is said, and nothing is changed.
        """
        folder = cls(path)
        said = {"plan": plan, "settings": dict(settings), "groups": {name: list(ids) for name, ids in groups.items()}}
        said = plain(said, "plan")
        for name in (*said["settings"], *said["groups"]):
            if not NAME.fullmatch(name):
                raise InputError(f"settings must be named by small letters and digits, got {name!r}")
        try:
            folder._make(said)
            if not accept_versions:
                same_versions(folder.path, folder.said["versions"])
            same_plan(folder.path, folder.said, said)
            if folder.said["settings"].keys() != said["settings"].keys():
                artifacts.write_atomically(folder.path / "sweep.json", seal({**folder.said, **said}))
        except OSError as error:
            raise sentence(folder.path, error) from error
        return folder

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Folder:
        """The folder of a sweep that is there; ArtifactError if there is none."""
        folder = cls(path)
        _ = folder.said
        return folder

    def _make(self, said: dict[str, Any]) -> None:
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise ArtifactError(f"folder {self.path} exists and is not a folder")
        self.path.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(self.path / "sweep.json"):
            self._refuse_foreign()
            content = {"format": FORMAT, "format_version": FORMAT_VERSION, "versions": versions(), **said}
            artifacts.write_once(self.path / "sweep.json", seal(content))
            artifacts.sync(self.path)
        _ = self.said
        for part in PARTS:
            (self.path / part).mkdir(exist_ok=True)
        for part in ("", *PARTS[:2]):
            artifacts.sweep(self.path / part)

    def _refuse_foreign(self) -> None:
        """Raise if something lies here that no sweep has left; a plan beside it is welcome."""
        known = [name for name in os.listdir(self.path) if not name.startswith(".") and not name.endswith(".toml")]
        if set(known) - {"sweep.json"}:
            raise ArtifactError(
                f"folder {self.path} holds {sorted(known)[0]!r} but no sweep; give another folder, nothing was written"
            )

    @property
    def said(self) -> dict[str, Any]:
        """What was written when the sweep began: plan, settings by run, runs by group, versions."""
        place = self.path / "sweep.json"
        try:
            found = os.lstat(place)
        except OSError as error:
            reason = "there is no sweep.json in it" if isinstance(error, FileNotFoundError) else error.strerror
            raise ArtifactError(f"folder {self.path} holds no sweep: {reason}") from None
        return _said(place, found.st_ino, found.st_mtime_ns)

    # --- results -------------------------------------------------------------------------------------------

    def write(
        self, run: str, row: Mapping[str, Any], *, measured: Any = None, status: str = "done", error: str = ""
    ) -> None:
        """Put the result of a run in its place, whole or not at all, through to the disk.

        ``row`` has plain values by name, NaN and infinity among them.  Raises ArtifactError if the disk is full.
        """
        if status not in STATUS:
            raise InputError(f"status must be one of {', '.join(STATUS)}, got {status!r}")
        settings = self.said["settings"][run]
        content = {"id": run, "settings": settings, "status": status, "row": plain(dict(row), "row"), "error": error}
        content["measured"] = plain(dict(measured or {}), "measured") | self._other_versions
        content, lost = strict(content)
        try:
            artifacts.write_atomically(self._place(run), seal({**content, "not_finite": lost}))
            artifacts.sync(self._results)
        except OSError as problem:
            raise sentence(self.path, problem) from problem

    @functools.cached_property
    def _other_versions(self) -> dict[str, Any]:
        """The versions of this process, where the sweep was begun with others."""
        return {} if self.said["versions"] == versions() else {"versions": versions()}

    def _place(self, run: str) -> Path:
        return self._results / f"{run}.json"

    def has(self, run: str) -> bool:
        """Whether a run has a result, be it an error."""
        return self.result(run) is not None

    def results(self) -> dict[str, dict[str, Any]]:
        """The results that are there, by run in the order of the plan."""
        found = ((run, self.result(run)) for run in self.said["settings"])
        return {run: result for run, result in found if result is not None}

    def result(self, run: str) -> dict[str, Any] | None:
        """The result of a run: id, settings, status, row, error, measured; None if it has none, or a damaged one."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError, IndexError, RecursionError):
            content = unseal(self._place(run).read_bytes())
            if content["id"] == run and content["status"] in STATUS and isinstance(content["row"], dict):
                return loose(content, content.pop("not_finite"))
        return None

    def mark(self, run: str) -> str:
        """What tells the result of a run from one that takes its place; empty if it has none."""
        with contextlib.suppress(OSError):
            found = os.lstat(self._place(run))
            return f"{found.st_ino}-{found.st_mtime_ns}"
        return ""

    def forget(self, run: str) -> None:
        """Take the result of a run away, so that it is done again."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._place(run))

    def place(self, run: str) -> Path:
        """A folder of the run's own, made if it is not there."""
        if run not in self.said["settings"]:
            raise InputError(f"run must be one of the plan, got {run!r}")
        place = self._runs / run
        if os.path.islink(place):
            raise ArtifactError(f"{place} is a link, and what is behind it is not ours to change")
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise sentence(self.path, error) from error
        return place

    def counts(self) -> Counts:
        """How many runs are done, failed, claimed, claimed by the dead, and open."""
        return Tally(self).counts()


@functools.lru_cache(maxsize=4)
def _said(place: Path, inode: int, written: int) -> dict[str, Any]:
    """What a file sweep.json says, read once for as long as it is the same file."""
    try:
        content = unseal(place.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{place} is damaged or was not written by a sweep: {error}") from None
    except OSError as error:
        raise ArtifactError(f"{place} cannot be read: {error.strerror or error}") from None
    if content.get("format") != FORMAT:
        raise ArtifactError(f"{place} was not written by a sweep")
    if content.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(f"{place} has format version {content.get('format_version')}, of a later dynakit")
    for part in PARTS:
        if os.path.islink(place.parent / part):
            raise ArtifactError(f"{place.parent / part} is a link, and what is behind it is not ours to change")
    return content


class Tally:
    """What is finished in a folder, looked up again and again: only what is new is read."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.status = folder, dict[str, str]()
        self.damaged: list[str] = []  # results that cannot be read, and so are done again
        self._seen: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """The status of each run that has a result."""
        known, there = self.folder.said["settings"], set[str]()
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.folder.path / "results"):
                run = entry.name.removesuffix(".json")
                if run in known and entry.name.endswith(".json"):
                    there.add(run)
                    self._read(run)
        for run in [*self.status]:
            if run not in there:
                del self.status[run]
        return self.status

    def _read(self, run: str) -> None:
        mark = self.folder.mark(run)
        if self._seen.get(run) == mark:
            return
        self._seen[run], result = mark, self.folder.result(run)
        self.status.pop(run, None)
        if result is None:
            self.damaged.append(run)
        else:
            self.status[run] = result["status"]

    def counts(self) -> Counts:
        """The runs by state, now."""
        status = self.look()
        held = claims.held(self.folder.claims) if self.folder.claims.is_dir() else {}
        n = {"done": 0, "failed": 0, "claimed": 0, "dead": 0, "open": 0}
        for group, runs in self.folder.said["groups"].items():
            other = {True: "claimed", False: "dead"}[held[group]] if group in held else "open"
            for run in runs:
                n[status.get(run, other)] += 1
        return Counts(**n)
