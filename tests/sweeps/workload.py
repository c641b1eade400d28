"""Runs that take no time, for tests of what happens around them; also what their children and their workers import."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from dynakit.sweeps.folder import Folder


class Run(NamedTuple):
    """What a sweep asks of a run."""

    id: str


class Group(NamedTuple):
    """What a sweep asks of a group."""

    id: str
    runs: tuple[Run, ...]


def groups_of(n: int, size: int = 1) -> list[Group]:
    """``n`` runs in groups of a size."""
    runs = [Run(f"{k:04x}") for k in range(n)]
    return [Group(f"g{runs[k].id}" if size > 1 else runs[k].id, tuple(runs[k : k + size])) for k in range(0, n, size)]


def begin(path: Path, groups: list[Group], **options) -> Folder:
    """The folder of a sweep of these groups."""
    settings = {run.id: {"number": int(run.id, 16)} for group in groups for run in group.runs}
    return Folder.begin(path, settings=settings, groups={g.id: [r.id for r in g.runs] for g in groups}, **options)


def value_of(run: Run) -> float:
    """What the run with this id must answer."""
    return int(run.id, 16) ** 2 / 7


def do(group: Group, folder: Folder, seconds: float = 0.0) -> None:
    """Take a while, answer, and note in a log that this was done."""
    for run in group.runs:
        if not folder.has(run.id):
            time.sleep(seconds)
            folder.write(run.id, {"value": value_of(run), "none": float("nan")}, measured={"pid": os.getpid()})
            note(folder, run.id)


def note(folder: Folder, text: str) -> None:
    """One line more in a log beside the folder."""
    descriptor = os.open(f"{folder.path}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def noted(folder: Folder) -> list[str]:
    """The lines of the log."""
    log = Path(f"{folder.path}.log")
    return log.read_text().split() if log.exists() else []


def poisoned(group: Group, folder: Folder) -> None:
    """Run 1 raises, run 2 crashes, run 3 takes for ever, run 4 asks for more memory than there is, run 5 exits."""
    number = int(group.runs[0].id, 16)
    if number == 1:
        raise ValueError("this one never works")
    if number == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 3:
        time.sleep(600)
    if number == 4:
        bytearray(2**62)
    if number == 5:
        os._exit(3)
    do(group, folder)


def fixed_bytes(folder: Folder) -> dict[str, bytes]:
    """All that decides the results, by run: what is measured is left out, and the hash over both."""
    found = {}
    for place in sorted((folder.path / "results").iterdir()):
        content = json.loads(place.read_text())
        del content["measured"], content["sha256"]
        found[place.name] = json.dumps(content, sort_keys=True).encode()
    return found


def left_over(folder: Folder) -> list[str]:
    """Claims, drafts and anything else that should not be there when all is done."""
    known = {"sweep.json", "plan.toml", "claims", "results", "runs"}
    found = [name for name in os.listdir(folder.path) if name not in known]
    found += os.listdir(folder.claims)
    return found + [name for name in os.listdir(folder.path / "results") if not name.endswith(".json")]
