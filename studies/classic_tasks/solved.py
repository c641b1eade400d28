"""(a) The benchmarks of the lecture slides, published beside measured: sequences presented, and errors in 2560."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch
from recipes import RECIPES, Recipe

import dynakit as dk

N_TEST = 2560  # sequences of the published tests
MOST = {"a^n b^n": 1000, "a^n b^n c^n": 500}  # how far counting is looked at


def measure(name: str, seed: int) -> dict[str, Any]:
    """Train one network on one benchmark, and judge it on fresh sequences."""
    recipe = RECIPES[name]
    model, how = trained(name, seed)
    trials = recipe.test.sample(N_TEST, seed=10_000 + seed)
    with torch.no_grad():
        outputs = model.eval()(trials.inputs).outputs
    system, by_entropy = dk.as_system(model), getattr(recipe.test, "error", "squared") == "entropy"
    return {
        "benchmark": name,
        "network": recipe.network,
        "learner": " then ".join(type(stage).__name__ for stage in recipe.stages),
        "weights": sum(p.numel() for p in model.parameters()),
        "seed": seed,
        "published": recipe.published,
        "source": recipe.source,
        "sequences presented": how["presented"],
        "first 10 batches all right after": how["first"],
        "wrong of 2560": int((~recipe.test.right(outputs, trials)).sum()),
        "wrong of the 256 fixed test strings": _fixed(recipe.test, system),
        "mean squared error": "" if by_entropy else float(recipe.test.loss(outputs, trials)),
        "right up to n": dk.largest_n(system, recipe.task, most=MOST[name]) if recipe.reading == "counts" else "",
        "training CPU s": how["seconds"],
    }


def _fixed(task: Any, system: dk.System) -> int | str:
    """How many of the fixed test strings of the grammar are wrong; "" where there are none."""
    if not isinstance(task, dk.tasks.EmbeddedReber):
        return ""
    trials = task.show(task.fixed("test"))
    outputs = dk.record(system, trials.inputs, lengths=trials.lengths).outputs
    return int((~task.right(outputs, trials)).sum())


def train(recipe: Recipe, seed: int) -> tuple[Any, int, int | None]:
    """The trained network, the sequences it was shown, and after how many ten batches in a row were all right."""
    model, presented, first = recipe.build(recipe.task, seed), 0, None
    for stage in recipe.stages:
        history = dk.train(model, recipe.task, stage, seed=seed)
        right = np.convolve(history.scores >= 1.0, np.ones(10), "valid") == 10
        if first is None and right.any():
            first = presented + stage.batch_size * (int(right.argmax()) + 10)
        presented += stage.batch_size * len(history)
    return model, presented, first


def trained(name: str, seed: int, share: float = 1.0) -> tuple[Any, dict[str, Any]]:
    """What :func:`train` gives, and its CPU time, read if it was there: the parts look at the same networks.

    ``share``: of the updates, for a quick look.
    """
    home = parts.home(trained, name, seed, share)
    if home.is_dir():
        return dk.models.load(home), json.loads((home.parent / f"{home.name}.json").read_text())
    start = time.process_time()
    model, presented, first = train(RECIPES[name].cut(share), seed)
    how = {"presented": presented, "first": first, "seconds": time.process_time() - start}
    home.parent.mkdir(parents=True, exist_ok=True)
    (home.parent / f"{home.name}.json").write_text(json.dumps(how))
    dk.models.save(model, home)
    return model, how


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every benchmark and seed; with --quick the short ones, one seed each."""
    started = time.perf_counter()
    names = ["temporal order 6a", "Reber"] if quick else list(RECIPES)
    jobs = [(name, seed) for name in names for seed in range(1 if quick else RECIPES[name].seeds)]
    rows = parts.rows(measure, jobs, n_jobs)
    seeds = sorted({seed for _, seed in jobs})
    parts.write("classic_tasks", out / "solved.csv", rows, seeds=seeds, started=started, quick=quick)
