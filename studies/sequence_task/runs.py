"""The learners that are compared, and their prequential runs on the published stream, each made once and kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import parts

import dynakit as dk

STUDY = "sequence_task"
TASK = dk.tasks.SequenceStream()
CODE = TASK.code_size
QUICK = 2_000  # elements of the slow learners with --quick

LEARNERS: dict[str, Callable[[int], Any]] = {
    "KNN": lambda seed: dk.models.NearestNeighbours(CODE),
    "TDNN": lambda seed: dk.models.TDNN(CODE, seed=seed),
    "TDSNN": lambda seed: dk.models.TDSNN(CODE, seed=seed),
    "LSTM": lambda seed: dk.models.OnlineLSTM(CODE, seed=seed),
    "GRU": lambda seed: dk.models.OnlineGRU(CODE, seed=seed),
    "CSNN": lambda seed: dk.models.CSNN(CODE, seed=seed),
    "LSTM, batch rule": lambda seed: dk.models.OnlineLSTM(CODE, rule="batch", seed=seed),
    "TDNN, retrained every 100": lambda seed: dk.models.TDNN(CODE, retrain_every=100, memory=1000, seed=seed),
    "KNN, 3,000 contexts": lambda seed: dk.models.NearestNeighbours(CODE, memory=3000),
    "KNN, 1,000 contexts": lambda seed: dk.models.NearestNeighbours(CODE, memory=1000),
    "longest match": lambda seed: dk.models.LongestMatch(CODE),
}
SIDE_BY_SIDE = (
    "LSTM",
    "GRU",
    "LSTM, batch rule",
)  # in one set of arrays: a step costs its calls, not its sums


def batches(name: str, seeds: list[int], n_jobs: int) -> list[list[int]]:
    """Seeds that one process takes: all of a job's share side by side, or one after the other."""
    if name not in SIDE_BY_SIDE:
        return [[seed] for seed in seeds]
    return [part.tolist() for part in np.array_split(seeds, min(n_jobs, len(seeds)))]


def run(name: str, seeds: list[int], settings: dict[str, Any], stream: dict[str, Any]) -> list[dict[str, Any]]:
    """One run for each seed; ``settings`` are of :class:`dynakit.training.Online`, ``stream`` of the task."""
    learners = [LEARNERS[name](seed) for seed in seeds]
    began = time.process_time()
    task = dk.tasks.SequenceStream(**stream)
    found: list[Any] = dk.training.train_together(learners, task, dk.training.Online(**settings), seeds=seeds)
    seconds = (time.process_time() - began) / len(seeds)
    return [
        {
            "model": name,
            "seed": seed,
            "mean": history.accuracy,
            "hits": history.hits.mean(),
            "CPU s": seconds,
            "_positions": history.positions,
            "_accuracies": history.accuracies,
            "_hits": history.hits,
        }
        for seed, history in zip(seeds, found)
    ]


def kept(name: str, seeds: list[int], settings: dict[str, Any], stream: dict[str, Any]) -> list[dict[str, Any]]:
    """:func:`run`, now or before."""
    return parts.once(run, name, seeds, settings, stream)


def jobs(name: str, seeds: list[int], n_jobs: int, settings: dict[str, Any], **stream: Any) -> list[tuple[Any, ...]]:
    """What :func:`kept` is to be called with for the runs of one learner."""
    return [(name, part, settings, stream) for part in batches(name, seeds, n_jobs)]


def all_runs(todo: list[tuple[Any, ...]], n_jobs: int) -> list[list[dict[str, Any]]]:
    """The runs of all jobs, in their order; the slowest are begun first, so that the processes end together."""
    order = sorted(range(len(todo)), key=lambda k: (todo[k][0] not in SIDE_BY_SIDE, k))
    found = dict(zip(order, parts.rows(kept, [todo[k] for k in order], n_jobs)))
    return [found[k] for k in range(len(todo))]
