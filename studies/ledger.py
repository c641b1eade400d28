"""What all studies share: the command line, and tables that carry the command, versions, seeds and run time."""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import hashlib
import io
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch

import dynakit as dk

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out"  # what is not for the repository: quick runs, and what a study keeps for its next run


def main(study: str, parts: dict[str, Callable[..., Any]], doc: str) -> None:
    """Run the parts that the command line asks for, each as ``run(folder, quick=..., n_jobs=...)``.

    A part that cannot run where it is returns why, in words.
    """
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, fewer kinds, about a minute and a half")
    parser.add_argument("--only", choices=parts, help="one part of the study")
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes of one thread each")
    arguments = parser.parse_args()
    out = arguments.out or (OUT if arguments.quick else ROOT / "figures") / study
    for name, run in parts.items():
        if arguments.only in (None, name):
            start = time.perf_counter()
            reason = run(out, quick=arguments.quick, n_jobs=arguments.jobs)
            print(f"{name}: {reason or f'{time.perf_counter() - start:.0f} s, written to {out}'}", flush=True)


def run_all(job: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_jobs: int) -> list[Any]:
    """``job(*arguments)`` for each, side by side in processes of one thread each."""
    return list(joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_one_thread)(job, a) for a in arguments))


def _one_thread(job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    torch.set_num_threads(1)
    return job(*arguments)


def kept(study: str) -> Path:
    """The folder of what a study keeps for its next run."""
    return OUT / study


def once(study: str, job: Callable[..., Any], arguments: tuple[Any, ...], *shared: str) -> Any:
    """``job(*arguments)`` as JSON gives it back, done now or before: a run that was cut short goes on where it stopped.

    A result is kept under a hash of the package's models, tasks and training and of the job's own module and the
    ``shared`` ones, so after a change of an analysis delete the folder ``out/STUDY/jobs``.
    """
    name = "_".join(str(a) for a in arguments).replace(" ", "_").replace("/", "-")
    folder = kept(study) / "jobs" / f"{job.__module__}.{job.__name__}" / code(study, job.__module__, *shared)
    path = folder / f"{name}.json"
    with contextlib.suppress(FileNotFoundError, ValueError):  # what was damaged is done anew
        return json.loads(path.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex[:8]}")
    text = json.dumps(job(*arguments), default=_plain)
    try:
        with open(draft, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return json.loads(text)


@functools.cache
def code(study: str, *modules: str) -> str:
    """A hash of all that decides what a model is, and of these modules of the study."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources(study, *modules))).hexdigest()[:12]


def sources(study: str, *modules: str) -> list[Path]:
    """The files that decide what a model is, and those of these modules of the study."""
    root = Path(dk.__file__).parent
    parts = (path for part in ("models", "tasks", "training") for path in (root / part).rglob("*.py"))
    own = {ROOT / "studies" / study / f"{module}.py" for module in modules}
    return sorted([root / "seeding.py", root / "orbits.py", *parts, *own])


def write(
    study: str, path: Path, rows: list[dict[str, Any]], *, seeds: list[int], started: float, quick: bool
) -> None:
    """Write rows of one set of columns, after lines that say where they come from."""
    buffer = io.StringIO()
    buffer.write(f"# command: python3 run.py study {study}{' --quick' if quick else ''}\n")
    buffer.write(f"# dynakit {dk.__version__}, torch {torch.__version__}; seeds {' '.join(map(str, seeds))}\n")
    buffer.write(f"# run time of this table: {time.perf_counter() - started:.0f} s\n")
    columns = list(dict.fromkeys(name for row in rows for name in row if not name.startswith("_")))
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: _short(v) for k, v in row.items()} for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(buffer.getvalue())


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a job may return numbers, texts, lists and dicts, got a {type(value).__name__}")
