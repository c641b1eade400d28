"""What all studies share: a command line, calls that are swept and kept, and tables that say where they come from."""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import importlib
import inspect
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest

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


# --- calls that are kept ---------------------------------------------------------------------------------------------


def rows(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], n_jobs: int) -> list[Any]:
    """What ``function(*call)`` returns for each call, side by side in processes of one thread each.

    The calls are a sweep in ``out/STUDY/sweeps``: one that was cut short goes on where it stopped, one that is done is
    read, and after a change of the study's code or of dynakit it is done anew.  What is returned comes back as JSON
    gives it; a row also says as ``_place`` where its run has its folder, the ``folder`` of a function that asks for it.
    """
    jobs = [job(function, *call) for call in calls]
    found = _swept(list({one.id: one for one in jobs}.values()), n_jobs)
    values = dict(zip(found.ids.tolist(), found.values))
    return [_placed(values[one.id], str(found.place(one.id))) for one in jobs]


def once(function: Callable[..., Any], *call: Any) -> Any:
    """What ``function(*call)`` returns, now or before: a piece of work that several parts have in common."""
    return rows(function, [call], 1)[0]


def home(function: Callable[..., Any], *call: Any, **more: Any) -> Path:
    """A folder for the networks that ``function(*call)`` trains: another one after a change of what decides them.

    That is the call, the code of the study, and dynakit's models, tasks and training; its analyses are not.
    """
    run = job(function, *call, **more)
    return _of_study(run) / "networks" / f"{run.id}-{what_decides_a_network()}"


def job(function: Callable[..., Any], *call: Any, **more: Any) -> dk.sweeps.Job:
    """One call as a run, known by its arguments and by the code of the study that it reaches."""
    if function.__module__ == "__main__":  # of a part that is run by itself: other processes import it by its name
        own = importlib.import_module(Path(sys.modules["__main__"].__file__ or "").stem)
        function = getattr(own, function.__name__)
    signature = inspect.signature(function)
    named = dict(signature.bind_partial(*call, **more).arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= named.pop(parameter.name, {})
    return dk.sweeps.Job(function, named, code=own_modules(function.__module__))


def own_modules(name: str) -> list[str]:
    """The module of this name, and those of the studies that it imports, and they."""
    found, left = {name}, [name]
    while left:
        for value in vars(sys.modules[left.pop()]).values():
            module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            file = getattr(sys.modules.get(str(module)), "__file__", None) or ""
            if module not in found and module != __name__ and Path(file).is_relative_to(ROOT / "studies"):
                found.add(str(module))
                left.append(str(module))
    return sorted(found)


@functools.cache
def what_decides_a_network() -> str:
    """A hash of the parts of dynakit that networks come from."""
    root = Path(dk.__file__).parent
    files = (path for part in ("models", "tasks", "training") for path in (root / part).rglob("*.py"))
    sources = sorted([root / "seeding.py", root / "orbits.py", *files])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _of_study(run: dk.sweeps.Job) -> Path:
    """Where the study to which a job's function belongs keeps what it has done."""
    return OUT / Path(inspect.getfile(run.function)).parent.name


def _swept(jobs: list[dk.sweeps.Job], n_jobs: int) -> dk.sweeps.Sweep:
    """In the folder of its first call, where calls that were added since are all that is left to do."""
    plan, first = dk.sweeps.Plan(jobs), f"{jobs[0].called.replace(':', '.')}-{jobs[0].id}"
    folder = _of_study(jobs[0]) / "sweeps" / first
    try:
        found = _done(plan, folder, n_jobs)
    except dk.ArtifactError as error:
        if "another plan" not in str(error):
            raise
        whole = hashlib.sha256(" ".join(plan.ids).encode()).hexdigest()[:8]
        found = _done(plan, folder.with_name(f"{first}-{whole}"), n_jobs)  # fewer calls, or others, than are there
    if found.failures:
        name, said = next(iter(found.failures.items()))
        raise RuntimeError(f"{len(found.failures)} of {len(jobs)} runs in {folder} failed, the first, {name}: {said}")
    return found


def _done(plan: dk.sweeps.Plan, folder: Path, n_jobs: int) -> dk.sweeps.Sweep:
    """All of a sweep; what another version of dynakit or of a library has done of it is done anew."""
    try:
        found = dk.sweep(plan, folder, n_jobs=n_jobs, retry_failed=True)
    except dk.ArtifactError as error:
        if "other versions" not in str(error):
            raise
        shutil.rmtree(folder)
        found = dk.sweep(plan, folder, n_jobs=n_jobs)
    while len(found) < len(plan.runs):  # another process does the rest
        time.sleep(1.0)
        found = dk.sweep(plan, folder, n_jobs=n_jobs)
    return found


def _placed(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return {**value, "_place": place}
    if isinstance(value, list):
        return [_placed(row, place) if isinstance(row, dict) else row for row in value]
    return value


# --- what figures are made of ----------------------------------------------------------------------------------------


def leave(folder: Path, **things: Any) -> None:
    """Save results and reports, networks, and arrays by their names, for figures to be drawn of later."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for name, thing in things.items():
        if isinstance(thing, torch.nn.Module):
            dk.models.save(thing, folder / name)  # pyright: ignore[reportArgumentType]  (a model of ours)
        elif hasattr(thing, "save"):
            thing.save(folder / name)
        else:
            arrays[name] = np.asarray(thing)
    if arrays:
        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]


def left(row: dict[str, Any], name: str) -> Any:
    """What was left under a name by the run of a row."""
    place = Path(row["_place"]) / name
    if not place.is_dir():
        with np.load(place.parent / "arrays.npz") as arrays:
            return arrays[place.name][()]
    return dk.models.load(place) if (place / "model.json").exists() else dk.load(place)


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


def interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share k / n."""
    found = binomtest(k, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
