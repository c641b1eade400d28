"""Finished jobs, one JSON file each: a run that was cut short goes on where it stopped.

A job is kept under a hash of the code of this study and of models, tasks and training; that of the analyses is not in
it, so after a change of an analysis delete ``out/multifunctional_cycles/jobs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ledger
from scipy.stats import binomtest

STUDY = "multifunctional_cycles"


def run_all(job: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_jobs: int) -> list[Any]:
    """``job(*a)`` for each a, in processes of one thread each; what was done before is read."""
    return ledger.run_all(once, [(job, a) for a in arguments], n_jobs)


def once(job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """``job(*arguments)``, done now or before."""
    return ledger.once(STUDY, job, arguments, "population")


def folder() -> Path:
    """Where this study keeps what it has done."""
    return ledger.kept(STUDY)


def code(*modules: str) -> str:
    """A hash of all that decides what a network is, and of these modules of the study."""
    return ledger.code(STUDY, "population", *modules)


def write(path: Path, rows: list[dict[str, Any]], *, seeds: list[int], started: float, quick: bool) -> None:
    """One table of this study."""
    ledger.write(STUDY, path, rows, seeds=seeds, started=started, quick=quick)


def interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share k / n."""
    found = binomtest(k, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
