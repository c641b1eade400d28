"""Who works on what: a claim is a hard link, so it appears with all it says or not at all, on network folders too.

A process writes one file that says who it is, and each of its claims is a link to that file: to touch it is the
heartbeat of them all.  A claim holds if, once it is there, every other claim on the same thing is found dead: whoever
comes second sees the first, and two who come together see each other and both step back.  So no claim is ever moved.

A claim is dead if its process is (number and start are compared; a zombie is dead), or on another machine if it has not
been touched for ``STALE`` seconds of the file server's clock.  Its name says the how-manieth start it is, and how many
earlier ones killed their process: that counts if the process left a fatal signal behind, or the session that started it
outlived it.  What a machine or a user ends is nobody's fault.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from .. import artifacts
from ..errors import ArtifactError

BEAT = 15.0  # seconds between heartbeats
STALE = 180.0  # seconds without one after which a claim from another machine is dead
LOOK = 1.0  # seconds between looks at the process that started this one
TRIES = 5
FILE = re.compile(r"(?P<name>[0-9a-z]{1,64})\.(?P<start>\d{1,6})-(?P<deaths>\d{1,6})")


class Holder(NamedTuple):
    """What stands in a claim."""

    host: str
    pid: int
    tick: str
    session: str
    touched: float  # seconds since 1970 on the file server's clock
    crash: str  # what a fatal signal, or whoever saw the process die, wrote behind it

    def alive(self, now: float) -> bool:
        """Whether the process may still run."""
        old = now - self.touched > STALE
        if self.host != artifacts.host():
            return not old
        tick = artifacts.beginning(self.pid)
        return tick == self.tick and (tick != "" or not old) if tick is not None else False


class OwnClaim(NamedTuple):
    """A thing that is ours to work on."""

    name: str
    file: str
    start: int  # the how-manieth
    deaths: int  # of processes that worked on it
    crash: str  # what the last of them left


class ClaimFile(NamedTuple):
    """A claim in the folder, whosever it is."""

    file: str
    start: int
    deaths: int
    holder: Holder


class Claims:
    """The claims of this process in a folder, for as long as the ``with`` block goes.

    ``session`` names what started the process and outlives it, if anything does; with a ``parent``, the process ends
    itself soon after that one.
    """

    def __init__(self, folder: Path, *, session: str = "", parent: int | None = None) -> None:
        self.folder, self.session, self.parent = Path(folder), session, parent
        self._mine: set[str] = set()

    def __enter__(self) -> Self:
        self._stamp = artifacts.stamped()
        self.own = self.folder / f".owner.{self._stamp.__enter__()}.tmp"
        pid = os.getpid()
        said = {"host": artifacts.host(), "pid": pid, "tick": artifacts.beginning(pid) or "", "session": self.session}
        self._file = open(self.own, "xb", buffering=0)  # open for as long as the process may crash
        self._file.write(json.dumps(said).encode() + b"\n")
        self._told = not faulthandler.is_enabled()  # whoever has set it wants to be told himself
        if self._told:
            faulthandler.enable(self._file)
        self._touch()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="claims")
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stop.set()
        if self._told:
            faulthandler.disable()
        for file in list(self._mine):
            self._remove(file)
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.own)
        self._stamp.__exit__(*error)
        self._thread.join()

    def _touch(self) -> None:
        """Touch all claims of this process, and read the file server's clock on the way."""
        os.utime(self.own)
        self._clock = os.stat(self.own).st_mtime, time.monotonic()

    def _beat(self) -> None:
        while not self._stop.wait(LOOK):
            if self.parent is not None and os.getppid() != self.parent:
                os._exit(1)
            if time.monotonic() - self._clock[1] > BEAT:
                with contextlib.suppress(OSError):
                    self._touch()

    def _now(self) -> float:
        return self._clock[0] + time.monotonic() - self._clock[1]

    def take(self, name: str) -> OwnClaim | None:
        """A claim on ``name``; None if it is another's."""
        for _ in range(TRIES):
            found = self._others(name)
            if any(entry.holder.alive(self._now()) for entry in found):
                return None
            last = max(found, key=lambda entry: entry.start, default=None)
            claim = self._after(name, last)
            try:
                os.link(self.own, self.folder / claim.file)
            except FileExistsError:
                continue
            except OSError as error:
                raise ArtifactError(f"folder {self.folder} takes no claims: {error.strerror or error}") from error
            self._mine.add(claim.file)
            others = self._others(name)
            if not any(entry.holder.alive(self._now()) for entry in others):
                for entry in others:
                    self._remove(entry.file)
                return claim
            self._remove(claim.file)
            time.sleep(random.uniform(0.0, 0.02))  # whom we met has stepped back as well
        return None

    def _after(self, name: str, last: ClaimFile | None) -> OwnClaim:
        """The claim that follows a dead one, or is the first."""
        if last is None:
            return OwnClaim(name, f"{name}.1-0", 1, 0, "")
        witnessed = bool(self.session) and last.holder.session == self.session
        deaths = last.deaths + (witnessed or bool(last.holder.crash))
        return OwnClaim(name, f"{name}.{last.start + 1}-{deaths}", last.start + 1, deaths, last.holder.crash)

    def drop(self, claim: OwnClaim) -> None:
        """Give a claim back."""
        self._remove(claim.file)

    def _remove(self, file: str) -> None:
        self._mine.discard(file)
        with contextlib.suppress(OSError):
            os.unlink(self.folder / file)

    def _others(self, name: str) -> list[ClaimFile]:
        return [entry for entry in entries(self.folder, name) if entry.file not in self._mine]


def entries(folder: Path, name: str | None = None) -> list[ClaimFile]:
    """The claims in a folder, on one thing or on all."""
    found = []
    for file in os.listdir(folder):
        match = FILE.fullmatch(file)
        if match and name in (None, match["name"]):
            holder = _holder(folder / file)
            if holder is not None:
                found.append(ClaimFile(file, int(match["start"]), int(match["deaths"]), holder))
    return found


def _holder(path: Path) -> Holder | None:
    """Who holds a claim; None if it is gone.  One that says nothing was cut off with its machine, and is dead."""
    touched = 0.0
    try:
        touched = os.lstat(path).st_mtime
        line, _, crash = path.read_bytes().partition(b"\n")
        said = json.loads(line)
        who = str(said["host"]), int(said["pid"]), str(said["tick"]), str(said["session"])
        return Holder(*who, touched, crash.decode(errors="replace").strip())
    except FileNotFoundError:
        return None
    except OSError:  # another user's: alive as long as it is touched
        return Holder("", 0, "", "", touched, "")
    except (ValueError, KeyError, TypeError):
        return Holder("", 0, "", "", 0.0, "")


def held(folder: Path) -> dict[str, bool]:
    """What is claimed, and whether by somebody alive."""
    now, found = time.time(), {}
    for entry in entries(folder):
        name = entry.file.partition(".")[0]
        found[name] = found.get(name, False) or entry.holder.alive(now)
    return found


def held_in(folder: Path, session: str) -> set[str]:
    """What processes of a session have claimed, dead or alive."""
    return {entry.file.partition(".")[0] for entry in entries(folder) if entry.holder.session == session}


def held_by(folder: Path, pid: int) -> list[ClaimFile]:
    """The claims of a process of this machine that this one has started."""
    return [e for e in entries(folder) if (e.holder.host, e.holder.pid) == (artifacts.host(), pid)]


def witness(folder: Path, pid: int, said: str) -> bool:
    """Write behind the claims of a process how it died; whether it had any."""
    for entry in held_by(folder, pid):
        with contextlib.suppress(OSError):  # not if it is gone: that would make a new one
            descriptor = os.open(folder / entry.file, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, f"{said}\n".encode())
            os.close(descriptor)
            return True  # they are one file
    return False


def clear(folder: Path, finished: set[str]) -> None:
    """Remove what dead processes left: claims on what is finished, and the files that said who they were."""
    now = time.time()
    for entry in entries(folder):
        if entry.file.partition(".")[0] in finished and not entry.holder.alive(now):
            with contextlib.suppress(OSError):
                os.unlink(folder / entry.file)
    artifacts.sweep(folder)


def new_session() -> str:
    """A name that no other session has."""
    return secrets.token_hex(8)
