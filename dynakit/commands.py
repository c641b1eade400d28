"""The commands on many networks at once, as ``dynakit.__main__`` offers them: on public names only.

Their exit status says what is left to do: 0 nothing, 3 some runs failed, 4 others are at work on the rest, 5 runs are
open; 130 and 143 that Ctrl-C or SIGTERM has ended it.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

import dynakit as dk

FAILED, CLAIMED, OPEN = 3, 4, 5
SHOWN = 10  # failures that are listed
Flag = Annotated[bool, Parameter(negative=())]


def sweep(
    plan: Path,
    /,
    *,
    out: Path | None = None,
    jobs: int = 1,
    engine: Literal["local", "dask"] = "local",
    scheduler: str | None = None,
    shard: str | None = None,
    time_limit: float | None = None,
    retry_failed: Flag = False,
    accept_versions: Flag = False,
) -> int:
    """Train and analyse the networks of a plan; kill it, run the same line again, and it goes on.

    Exit status: 0 if all is done, 3 if runs failed, 4 if others are at work on the rest, 5 if runs are open.

    Args:
        plan: a TOML file.
        out: folder for the results; out/ and the name of the plan, if nothing is said.
        jobs: processes of one thread each.
        engine: local, or dask for the workers of a scheduler.
        scheduler: address of the scheduler, such as tcp://10.0.0.1:8786.
        shard: i/n: first every n-th part, from the i-th on, then what nobody else does.  A task of a Slurm array
            knows its own.
        time_limit: seconds that a run, or a group of runs trained together, may take.
        retry_failed: do runs that have failed again.
        accept_versions: go on with results of other versions of dynakit or of its libraries.
    """
    folder = Path("out") / plan.stem if out is None else out
    how = _engine(engine, jobs, scheduler, time_limit)
    return _swept(dk.sweeps.Plan.read(plan), folder, how, shard or _shard_of_array(), retry_failed, accept_versions)


def resume(
    folder: Path,
    /,
    *,
    jobs: int = 1,
    engine: Literal["local", "dask"] = "local",
    scheduler: str | None = None,
    shard: str | None = None,
    time_limit: float | None = None,
    retry_failed: Flag = False,
    accept_versions: Flag = False,
) -> int:
    """Go on with the sweep that is kept in a folder.

    Exit status: 0 if all is done, 3 if runs failed, 4 if others are at work on the rest, 5 if runs are open.

    Args:
        folder: of the sweep.
        jobs: processes of one thread each.
        engine: local, or dask for the workers of a scheduler.
        scheduler: address of the scheduler, such as tcp://10.0.0.1:8786.
        shard: i/n: first every n-th part, from the i-th on, then what nobody else does.
        time_limit: seconds that a run, or a group of runs trained together, may take.
        retry_failed: do runs that have failed again.
        accept_versions: go on with results of other versions of dynakit or of its libraries.
    """
    how = _engine(engine, jobs, scheduler, time_limit)
    plan = dk.sweeps.Plan.of_folder(folder)
    return _swept(plan, folder, how, shard or _shard_of_array(), retry_failed, accept_versions)


def summary(folder: Path, /, *, table: Path | None = None) -> int:
    """Say how far the sweep in a folder is: runs done, failed, claimed and open.

    Exit status: 0 if all is done, 3 if runs failed, 4 if others are at work on the rest, 5 if runs are open.

    Args:
        folder: of the sweep.
        table: CSV file for what there is, one row per run.
    """
    found = dk.sweeps.read(folder)
    if table is not None:
        table.write_text(found.to_csv(), encoding="utf-8")
    return _say(found)


def _engine(engine: str, jobs: int, scheduler: str | None, time_limit: float | None) -> Any:
    if engine == "local" and scheduler is not None:
        raise dk.InputError("--scheduler is for --engine dask")
    if engine == "local":
        return dk.sweeps.Processes(jobs, time_limit, apart=True)  # a run that kills its process kills no more
    if scheduler is None:
        raise dk.InputError("--engine dask needs --scheduler, the address of one, such as tcp://10.0.0.1:8786")
    if jobs != 1 or time_limit is not None:
        raise dk.InputError("--jobs and --time-limit are for --engine local")
    return dk.sweeps.Dask(scheduler)


def _shard_of_array() -> tuple[int, int] | None:
    """The part that this task of a Slurm array is to begin with; None if it is in none."""
    names = {"ID": "", "COUNT": "", "MIN": "0", "STEP": "1"}
    values = [os.environ.get(f"SLURM_ARRAY_TASK_{name}", default) for name, default in names.items()]
    if not all(re.fullmatch(r"\d{1,9}", value) for value in values):
        return None
    task, count, first, step = (int(value) for value in values)
    return ((task - first) // max(step, 1) % count + 1, count) if count else None


def _swept(plan: Any, folder: Path, how: Any, shard: Any, retry_failed: bool, accept_versions: bool) -> int:
    with _told_to_end() as signals:
        try:
            with dk.ProgressBar(folder.name, after=0.5) as callback:
                found = dk.sweep(
                    plan,
                    folder,
                    engine=how,
                    shard=shard,
                    retry_failed=retry_failed,
                    accept_versions=accept_versions,
                    callback=callback,
                )
        except KeyboardInterrupt:
            found = dk.sweeps.read(folder)
        status = _say(found)
    return 128 + signals[0] if signals else status


@contextmanager
def _told_to_end() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end what is done within, in good order; the numbers of those that came."""
    came: list[int] = []

    def take_note(number: int, _: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, take_note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(found: Any) -> int:
    """Say how far a sweep is; the exit status that says it too."""
    counts = found.counts
    print(f"{found.folder}: " + ", ".join(f"{n} {state}" for state, n in counts.items()))
    failures = list(found.failures.items())
    for name, error in failures[:SHOWN]:
        print(f"  {name} failed: {error}")
    if len(failures) > SHOWN:
        print(f"  and {len(failures) - SHOWN} more")
    if counts["open"] or counts["dead"]:
        return OPEN
    return CLAIMED if counts["claimed"] else FAILED if counts["failed"] else 0
