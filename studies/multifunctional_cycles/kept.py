"""Finished jobs, one JSON file each: a run that was cut short goes on where it stopped.

A job is kept under a hash of the code of this study and of models, tasks and training; that of the analyses is not in
it, so after a change of an analysis delete ``out/multifunctional_cycles/jobs``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ledger
import numpy as np
from scipy.stats import binomtest

import dynakit as dk

STUDY = "multifunctional_cycles"
KEPT = Path(__file__).resolve().parents[2] / "out" / STUDY


def run_all(job: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_jobs: int) -> list[Any]:
    """``job(*a)`` for each a, in processes of one thread each; what was done before is read."""
    return ledger.run_all(once, [(job, a) for a in arguments], n_jobs)


def once(job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """``job(*arguments)`` as JSON gives it back, done now or before."""
    name = "_".join(str(a) for a in arguments).replace(" ", "_").replace("/", "-")
    path = KEPT / "jobs" / f"{job.__module__}.{job.__name__}" / code(job.__module__) / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(job(*arguments), default=_plain))
        draft.replace(path)
    return json.loads(path.read_text())


@functools.cache
def code(*modules: str) -> str:
    """A hash of all that decides what a network is, and of these modules of the study."""
    root, here = Path(dk.__file__).parent, Path(__file__).parent
    parts = (p for part in ("models", "tasks", "training") for p in (root / part).glob("*.py"))
    sources = [root / "seeding.py", root / "orbits.py", *parts, here / "population.py"]
    sources += [here / f"{module}.py" for module in modules if module != "population"]
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(sources))).hexdigest()[:12]


def write(path: Path, rows: list[dict[str, Any]], *, seeds: list[int], started: float, quick: bool) -> None:
    """One table of this study."""
    ledger.write(STUDY, path, rows, seeds=seeds, started=started, quick=quick)


def interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share k / n."""
    found = binomtest(k, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a job may return numbers, texts, lists and dicts, got a {type(value).__name__}")
