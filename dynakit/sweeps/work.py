"""What is done for a group of runs: build, train, analyse, and write a row for each.

What is trained is kept in the run's folder until its result is there: weights and history once training is over,
before that the checkpoint of a method that has one, after it what the analysis has done.  So a group that was cut short
is taken up where it was, and gives the same bytes as one that was not.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..errors import ArtifactError, InputError, NumericalError
from ..models import load as load_model
from ..models import savable
from ..models import save as save_model
from ..pipeline import analyze, load
from ..report import Report
from ..results import History
from ..resumption import resuming
from ..training import train, train_together
from .folder import Folder
from .groups import Group
from .jobs import Job
from .refusals import full
from .settings import Run

KEPT = ("model", "history", "report")  # what a run may leave in its folder, beside what a job leaves there
PASSED = (0.5, 0.9, 0.99)  # scores whose first passing is told
WINDOW = 10  # batches whose mean score passes them, as it ends a training


def as_kept(keep: Any) -> tuple[str, ...]:
    """What is to be kept, checked."""
    if not isinstance(keep, Iterable):
        raise InputError(f"keep must be some of {', '.join(KEPT)}, got {keep!r}")
    return tuple(checks.one_of("keep", name, KEPT) for name in ([keep] if isinstance(keep, str) else keep))


def do(group: Group, folder: Folder, *, keep: tuple[str, ...] = ("model",)) -> None:
    """Do the runs of a group whose results are missing, and write those."""
    missing = [run.id for run in group.runs if not folder.has(run.id)]
    for job in [run for run in group.runs if isinstance(run, Job) and run.id in missing]:
        _do_job(job, folder)
    runs = [run for run in group.runs if isinstance(run, Run)]
    for run in runs:
        if (folder.result(run.id) or {}).get("status") == "done":
            _clear(folder.place(run.id), keep)  # in case that it was killed before it could
    for run, network, history, seconds in _trained(runs, missing, folder) if runs and missing else ():
        _do_run(run, network, history, seconds, folder, keep)


def _do_job(job: Job, folder: Folder) -> None:
    began = time.perf_counter()
    returned = job(lambda: folder.place(job.id))
    row = returned if isinstance(returned, dict) else {"value": returned}
    folder.write(job.id, row, measured={"seconds": time.perf_counter() - began}, status="done", error="")


def _do_run(run: Run, network: Any, history: History, seconds: float, folder: Folder, keep: tuple[str, ...]) -> None:
    """Analyse a trained network and write its row; what is raised here fails this run of its group alone."""
    began, row = time.perf_counter(), training_columns(history)
    status, error = "done", ""
    try:
        analysis = run.analysis
        with resuming(folder.place(run.id) / "analysis"):
            report = analyze(
                network, run.task, drives=analysis.drives, include=analysis.include, seed=run.seed("analysis")
            )
        row |= analysis_columns(report)
        if "report" in keep:
            report.with_history(history).save(folder.place(run.id) / "report")
    except Exception as reason:
        if full(reason):  # the sweep ends: no fault of the network
            raise
        status, error = "failed", traceback.format_exc()
    analysing = time.perf_counter() - began
    measured = {"seconds": seconds + analysing, "seconds_training": seconds, "seconds_analysing": analysing}
    folder.write(run.id, row, measured=measured, status=status, error=error)
    if status == "done":  # else it is tried again one day, with the network as it is
        _clear(folder.place(run.id), keep)


def training_columns(history: History) -> dict[str, Any]:
    """How a training run went, in a few numbers.

    ``passed_50`` is the number of updates after which the last ten batches first scored 0.5 on average (``passed_90``,
    ``passed_99`` likewise); NaN: never.
    """
    scores, n = np.asarray(history.scores, dtype=float), len(history)
    width = min(WINDOW, n)
    means = np.lib.stride_tricks.sliding_window_view(scores, width).mean(axis=-1) if n else np.empty(0)
    row: dict[str, Any] = {
        "updates": n,
        "stopped": history.stopped,
        "rollbacks": history.n_rollbacks,
        "loss": float(history.losses[-1]) if n else np.nan,
        "batch_score": float(means[-1]) if n else np.nan,
    }
    for score in PASSED:
        reached = np.flatnonzero(means >= score)
        row[f"passed_{100 * score:.0f}"] = float(reached[0] + width) if len(reached) else np.nan
    return row


def analysis_columns(report: Report) -> dict[str, Any]:
    """The one row that a report is, without the columns of stages that nobody asked for."""
    asked = report.provenance.settings["include"] if report.provenance is not None else ()
    left_out = {column.name for stage in report.stages if stage.name not in asked for column in stage.columns}
    return {name: value[0] for name, value in report.table().items() if name not in left_out | {"seed"}}


# --- training ------------------------------------------------------------------------------------------------------


def _trained(runs: list[Run], missing: list[str], folder: Folder) -> list[tuple[Run, Any, History, float]]:
    """The runs whose results are missing, each with its network after training, its history and the seconds it took.

    They are trained with their whole group, unless what all of them left when they were trained before is there.
    """
    kept = [(run, _kept(folder.place(run.id))) for run in runs if run.id in missing]
    if all(left is not None for _, left in kept):
        return [(run, *left, 0.0) for run, left in kept if left is not None]
    began = time.perf_counter()
    pairs = _together(runs) if len(runs) > 1 else [_alone(run, folder.place(run.id)) for run in runs]
    seconds = (time.perf_counter() - began) / len(runs)
    found = [(run, *pair, seconds) for run, pair in zip(runs, pairs) if run.id in missing]
    for run, network, history, _ in found:
        if savable(network):
            place = folder.place(run.id)
            save_model(network, place)
            history.save(place / "history")
            shutil.rmtree(place / "checkpoint", ignore_errors=True)
    return found


def _together(runs: list[Run]) -> list[tuple[Any, History]]:
    """The networks of a group, trained side by side."""
    networks = [run.untrained() for run in runs]
    seeds = [run.seed("training") for run in runs]
    return list(zip(networks, train_together(networks, runs[0].task, runs[0].training, seeds=seeds)))


def _kept(place: Path) -> tuple[Any, History] | None:
    """The network and the history that a run left when its training was over; None if there are none, or not whole."""
    try:
        return load_model(place), load(place / "history")
    except ArtifactError:
        return None


def _alone(run: Run, place: Path) -> tuple[Any, History]:
    """A network and how it was trained, going on from its checkpoint where there is one."""
    method, checkpoint = run.training, place / "checkpoint"
    if "checkpoint" in [f.name for f in dataclasses.fields(method)]:
        method = dataclasses.replace(method, checkpoint=checkpoint)
    network = run.untrained()
    try:
        return network, train(network, run.task, method, seed=run.seed("training"))
    except NumericalError as error:  # it keeps diverging, and has its last good weights
        if not isinstance(error.partial, History):
            raise
        return network, error.partial
    except ArtifactError as error:
        if error.__cause__ is not None or not checkpoint.is_dir():  # the disk, not what is on it
            raise
    shutil.rmtree(checkpoint)  # damaged in both its halves: the run begins anew
    return _alone(run, place)


def _clear(place: Path, keep: tuple[str, ...]) -> None:
    """Remove what was there to be taken up again, but for what is to be kept."""
    for name in ("checkpoint", "analysis"):
        shutil.rmtree(place / name, ignore_errors=True)
    if "history" not in keep:
        shutil.rmtree(place / "history", ignore_errors=True)
    if "model" not in keep:
        for path in [place / "model.json", *place.glob("model-*.safetensors")]:
            path.unlink(missing_ok=True)
