"""Processes of one thread each that go through a folder, and the one that watches over them.

It sees which of them died and of what, so the blame falls on the run that was under way and on nobody else's; it starts
another in its place, and ends those that take too long.  They end with it, whatever ends it.
"""

from __future__ import annotations

import dataclasses
import multiprocessing.connection
import os
import signal
import sys
import time
from typing import Any

from ..errors import ArtifactError, ResourceError
from .claims import Claims, OwnClaim, held_by, witness
from .once import GroupOfRuns, Work, fail, go_through

GRACE = 5.0  # seconds that a process has to give back what it has claimed
POLL = 0.2  # seconds between looks at them
FALSE_STARTS = 3  # processes in a row that may die before they have claimed anything
ONE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


class Stopped(KeyboardInterrupt):
    """The process was told to end (SIGTERM)."""


class Team:
    """The processes of one call, and what is known of them.

    ``time_limit`` are the seconds that a group may take; it then has an error for a result.
    """

    def __init__(self, work: Work, n_jobs: int, time_limit: float | None = None) -> None:
        self.work, self.time_limit = dataclasses.replace(work, parent=os.getpid()), time_limit
        self.members: list[Any] = []
        self._seen: dict[tuple[int, str], float] = {}  # since when a process has had a claim
        self._false_starts = 0
        self._heard, self._said = multiprocessing.Pipe(duplex=False)
        for k in range(n_jobs):
            self._start(k, n_jobs)

    def _start(self, k: int, n: int) -> None:
        groups = [*self.work.groups[k::n], *(g for j in range(n) if j != k for g in self.work.groups[j::n])]
        mine = dataclasses.replace(self.work, groups=groups)
        self.members.append(started(mine, self._said))

    def wait(self) -> bool:
        """Wait a moment, and see to what has happened meanwhile; whether anybody still works."""
        multiprocessing.connection.wait([member.sentinel for member in self.members], timeout=POLL)
        if self.time_limit is not None:
            self._end_late_ones(self.time_limit)
        for member in [m for m in self.members if m.exitcode is not None]:
            self.members.remove(member)
            member.join()
            if self._heard.poll():
                raise ArtifactError(self._heard.recv())
            if member.exitcode != 0:
                self._replace(member)
        return bool(self.members)

    def _replace(self, member: Any) -> None:
        """Take note of how a process ended that should not have, and start another."""
        claimed = witness(self.work.folder.claims, member.pid, how(member.exitcode))
        self._false_starts = 0 if claimed else self._false_starts + 1
        if self._false_starts >= FALSE_STARTS:
            raise ResourceError(f"processes for the sweep end before they begin: {how(member.exitcode)}")
        self._start(0, 1)

    def _end_late_ones(self, limit: float) -> None:
        for member in self.members:
            for entry in held_by(self.work.folder.claims, member.pid):
                since = self._seen.setdefault((member.pid, entry.file), time.monotonic())
                if time.monotonic() - since > limit:
                    name = entry.file.partition(".")[0]
                    group: GroupOfRuns = next(g for g in self.work.groups if g.id == name)
                    claim = OwnClaim(name, entry.file, entry.start, entry.deaths, "")
                    fail(self.work.folder, group, f"it took longer than time_limit = {limit:g} s", claim)
                    _kill(member)

    def stop(self) -> None:
        """Let all end: they give back what they have claimed; those that cannot are killed."""
        for member in self.members:
            member.terminate()
        until = time.monotonic() + GRACE
        for member in self.members:
            member.join(max(0.0, until - time.monotonic()))
            if member.exitcode is None:
                _kill(member)
                member.join()
        self.members.clear()
        self._heard.close()
        self._said.close()


def started(work: Work, said: Any) -> Any:
    """A process that works; it may take functions of a script or of a notebook along."""
    from joblib.externals.loky.backend import get_context

    context: Any = get_context("loky")
    member = context.Process(target=work_through, args=(work, said), env=ONE)
    member.start()
    return member


def _kill(member: Any) -> None:
    if os.name == "nt":
        member.terminate()
    else:
        os.kill(member.pid, signal.SIGKILL)  # not reaped yet: the number is still its own


def how(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"ended by itself with exit status {status}"
    try:
        return f"died of signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"died of signal {-status}"


def work_through(work: Work, said: Any) -> None:
    """What one process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal: the one who watches decides
    signal.signal(signal.SIGTERM, stop)
    try:
        with Claims(work.folder.claims, session=work.session, parent=work.parent) as claims:
            for _ in go_through(work, claims):
                pass
    except Stopped:
        sys.exit(128 + signal.SIGTERM)
    except ArtifactError as error:
        said.send(str(error))
        sys.exit(1)


def stop(*_: Any) -> None:
    """The handler of SIGTERM."""
    raise Stopped
