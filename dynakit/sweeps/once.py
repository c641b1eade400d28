"""One group of runs after the other: claimed, done, written, given back; by any number of processes at once."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import ArtifactError
from .claims import Claims, OwnClaim
from .folder import Folder
from .refusals import full, sentence

MOST_DEATHS = 3  # processes that a group may kill before it is given up


class Named(Protocol):
    """A run: all that is asked of it here is its id."""

    @property
    def id(self) -> str: ...


class GroupOfRuns(Protocol):
    """Runs that are done together."""

    @property
    def id(self) -> str: ...

    @property
    def runs(self) -> Sequence[Named]: ...


Do = Callable[[Any, Folder], object]  # writes each result that is not there, and clears what led to those that are


@dataclass(frozen=True)
class Work:
    """What is to be done, as every process of a session is told it.

    Attributes:
        folder: of the sweep
        groups: in the order in which they are to be tried
        do: what is done for one group
        session: a name for all processes that are started for this call
        retry: mark of the failed result of each run that is to be done again
        parent: process that this one must not outlive
        dead: groups that dead processes hold; of finished ones something may be left to be cleared
    """

    folder: Folder
    groups: Sequence[GroupOfRuns]
    do: Do
    session: str
    retry: dict[str, str] = field(default_factory=dict)
    parent: int | None = None
    dead: frozenset[str] = frozenset()


def go_through(work: Work, claims: Claims) -> Iterator[GroupOfRuns]:
    """Do all groups that nobody else does, again and again until none can be taken; yields each that was taken."""
    left = list(work.groups)
    while left:
        taken, rest = False, []
        for group in left:
            if not to_do(work, group):
                continue
            claim = claims.take(group.id)
            if claim is None:
                rest.append(group)
                continue
            attend(work, group, claims, claim)
            taken = True
            yield group
        left = rest if taken else []


def attend(work: Work, group: GroupOfRuns, claims: Claims, claim: OwnClaim) -> None:
    """Do a group that is claimed, and give it back, whatever happens."""
    try:
        for run in open_runs(work, group):
            work.folder.forget(run.id)  # a failure that is tried again
        if not _missing(work.folder, group):
            if group.id in work.dead:
                work.do(group, work.folder)  # what was killed after its last result has cleared nothing
        elif claim.deaths >= MOST_DEATHS:
            fail(work.folder, group, _killed(claim), claim, crash=claim.crash)
        else:
            _do(work, group, claim)
    finally:
        claims.drop(claim)


def _killed(claim: OwnClaim) -> str:
    """Why a group is given up; where it crashed is measured, for it names threads and processes."""
    how = claim.crash.partition("\n")[0]
    return f"it killed the process that ran it {claim.deaths} times{how and ': '}{how}"


def _do(work: Work, group: GroupOfRuns, claim: OwnClaim) -> None:
    began = time.monotonic()
    try:
        work.do(group, work.folder)
        missing = _missing(work.folder, group)
        if missing:
            raise ArtifactError(f"the results of {len(missing)} runs were not written")
    except (Exception, SystemExit) as error:
        problem = full(error)
        if problem is not None:
            raise sentence(work.folder.path, problem) from error
        fail(work.folder, group, traceback.format_exc(), claim, seconds=time.monotonic() - began)


def fail(folder: Folder, group: GroupOfRuns, error: str, claim: OwnClaim, **measured: Any) -> None:
    """Let each run of a group that has no result have an error for one."""
    for run in _missing(folder, group):
        folder.write(run.id, {}, status="failed", error=error, measured={"start": claim.start, **measured})


def to_do(work: Work, group: GroupOfRuns) -> bool:
    """Whether anything of a group is left to be done."""
    return group.id in work.dead or bool(open_runs(work, group))


def open_runs(work: Work, group: GroupOfRuns) -> list[Named]:
    """The runs of a group that have no result, or a failure that is to be tried again."""
    return [run for run in group.runs if _is_open(work, run)]


def _is_open(work: Work, run: Named) -> bool:
    result = work.folder.result(run.id)
    return result is None or (result["status"] == "failed" and work.retry.get(run.id) == work.folder.mark(run.id))


def _missing(folder: Folder, group: GroupOfRuns) -> list[Named]:
    return [run for run in group.runs if not folder.has(run.id)]
