"""Many networks, each trained and analysed once: whatever is stopped, and wherever it goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import artifacts, checks, progress
from ..progress import Callback
from ..provenance import with_provenance
from . import engines
from .folder import Folder
from .groups import Group, groups_of
from .plan import Plan
from .result import Sweep
from .work import as_kept, do


def sweep(
    plan: Any,
    folder: str | Path,
    *,
    n_jobs: int = 1,
    engine: Any = "local",
    scheduler: str | None = None,
    shard: Any = None,
    time_limit: float | None = None,
    retry_failed: bool = False,
    accept_versions: bool = False,
    keep: Any = ("model",),
    callback: Callback | None = None,
) -> Sweep:
    """Train and analyse many networks, and put what each is into one table.

    What is in the folder already is not done again, so that a sweep that was stopped or killed goes on where it was, by
    the same call; any number of processes may work on one folder at once.

    Arguments:
        plan: a :class:`dynakit.sweeps.Plan`, the path of a TOML file, or a list of runs, jobs and dictionaries.
        folder: where all of it is kept; made if it is not there.
        n_jobs: processes of one thread each; 1: this one.
        engine: "local", or "dask" for the workers of a scheduler (needs the extra ``cluster``).
        scheduler: its address, such as "tcp://10.0.0.1:8786".
        shard: "i/n": first every n-th group of runs, from the i-th on, and then what nobody else does.
        time_limit: seconds that the runs of a group may take; then they have failed.
        retry_failed: do runs that have failed again.
        accept_versions: go on with a sweep that was begun with other versions of dynakit or of its libraries.
        keep: what each run leaves in its folder, some of "model", "history" and "report".
        callback: called after each group with the number of runs done and {"total": of how many, "unit": "runs",
            "failed": ..., "running": ...}; StopIteration raised in it ends the call, which returns what there is.

    Returns:
        Sweep, one row per run that is done or has failed.

    Raises:
        InputError: the plan cannot be done, or an argument cannot be used; nothing is written then.
        ArtifactError: the folder holds something else, another plan or another version's results, or takes no more.

    >>> import tempfile
    >>> runs = [{"task": "flip-flop:n_bits=1", "model": "gru:n_hidden=4", "training": "bptt:max_updates=3", "seeds": 2}]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sweep([{**runs[0], "analysis": {"include": ["fixed_points"]}}], folder)
    >>> found
    Sweep(2 runs: 2 done)
    """
    how = engines.as_engine(engine, n_jobs=n_jobs, scheduler=scheduler, time_limit=time_limit)
    plan, keep, path = as_plan(plan), as_kept(keep), checks.folder("folder", folder)
    shard = None if shard is None else engines.as_shard(shard)
    checks.flag("accept_versions", accept_versions)
    said = {"n_jobs": n_jobs, "keep": list(keep), "retry_failed": checks.flag("retry_failed", retry_failed)}
    progress.as_callback(callback)
    groups = _groups(plan, path)
    if isinstance(how, engines.Dask) and not os.path.lexists(path / "sweep.json"):
        engines.connect(how.scheduler).close()  # nothing is written for a scheduler that is not there
    place = _begin(plan, groups, path, accept_versions=accept_versions)
    return _swept(plan, groups, place, how, shard=shard, said=said, callback=callback)


def as_plan(value: Any) -> Plan:
    """A plan from a file, or from a list of runs."""
    if isinstance(value, Plan):
        return value
    return Plan.read(value) if isinstance(value, (str, Path)) else Plan(value)


def read(folder: str | Path) -> Sweep:
    """What is there now of the sweep in a folder, whether it goes on or not.

    Raises ArtifactError if there is no sweep in it.
    """
    return _found(Folder.at(checks.folder("folder", folder)), None)


def _groups(plan: Plan, path: Path) -> Sequence[Group]:
    """The groups of the plan; where a smaller one was swept here, its groups, and those of the runs that are new."""
    if not os.path.lexists(path / "sweep.json"):
        return plan.groups
    runs, there = dict(zip(plan.ids, plan.runs)), Folder.at(path).said["groups"].values()
    old = [Group(tuple(runs[run] for run in ids)) for ids in there if all(run in runs for run in ids)]
    known = {run.id for group in old for run in group.runs}
    return sorted([*old, *groups_of([run for run in plan.runs if run.id not in known])], key=lambda group: group.id)


def _begin(plan: Plan, groups: Sequence[Group], path: Path, *, accept_versions: bool) -> Folder:
    """The folder of the sweep, made or found, with the file of the plan beside."""
    settings = {run.id: {**run.plain(), "name": run.name} for run in plan.runs}
    ids = {group.id: [run.id for run in group.runs] for group in groups}
    said = {"source": plan.source}
    folder = Folder.begin(path, settings=settings, groups=ids, plan=said, accept_versions=accept_versions)
    if plan.source and not os.path.lexists(path / "plan.toml"):
        artifacts.write_atomically(path / "plan.toml", plan.source.encode())
    return folder


@with_provenance
def _swept(
    plan: Plan, groups: Any, folder: Folder, how: Any, *, shard: Any, said: dict[str, Any], callback: Any
) -> Sweep:
    work = partial(do, keep=tuple(said["keep"]))
    engines.run(groups, folder, work, how, shard=shard, retry_failed=said["retry_failed"])
    return _found(folder, plan)


def _found(folder: Folder, plan: Plan | None) -> Sweep:
    results = folder.results()
    errors = [(each["error"].strip().splitlines() or [""])[-1] for each in results.values()]
    seconds = [each["measured"].get("seconds", np.nan) for each in results.values()]
    return Sweep(
        ids=np.array([*results], dtype=str),
        statuses=np.array([each["status"] for each in results.values()], dtype=str),
        errors=np.array(errors, dtype=str),
        seconds=np.array(seconds, dtype=float),
        settings=[each["settings"] for each in results.values()],
        rows=[each["row"] for each in results.values()],
        folder=str(folder.path),
        counts=folder.counts()._asdict(),
        plan=plan,
    )
