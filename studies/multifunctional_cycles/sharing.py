"""(f) Do two behaviours share their units?  Overlap of the units active on two cycles, and what dies with them.

Of the neurons of the leech that are active in swimming, 93 % are active in crawling as well (Briggman and Kristan 2006,
J. Neurosci. 26, 10925).  Here a unit is active on a cycle if its rate varies there by a tenth or more of what the rate
of the most variable unit does.  The null puts the active units of both cycles at random places.  A lesion makes units
unheard: no unit and no output reads them.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import population
import reservoirs
import torch
from scipy.spatial import KDTree
from scipy.stats import hypergeom

import dynakit as dk

TASKS = ("seeing double", "seeing double, x_cen 2")
KINDS: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "LSTM": population.KINDS["LSTM"],
    "leaky ReLU": (dk.models.LeakyRNN, 64, {"activation": "relu"}),
}
GROUPS = ("shared", "only A", "only B", "neither")
ACTIVE, NEAR, PACE = 0.1, 0.15, 0.05  # relative: of the most variable unit, of the radius, of the speed
N_PHASES, ALONE = 4, 10 * population.TURN
KILLED, N_DRAWS = (1, 4), 4
COLOURS = dict(zip(GROUPS, ("#000000", "#0072B2", "#D55E00", "0.7")))


def measure(kind: str, task: str, n_updates: int, n_seeds: int) -> list[dict[str, Any]]:
    """Networks of one kind, trained side by side: a row for each."""
    goal, seeds = population.tasks()[task], list(range(n_seeds))
    cls, n_hidden, options = KINDS[kind]
    models = [cls.for_task(goal, n_hidden=n_hidden, seed=seed, **options) for seed in seeds]
    method = dk.training.Curriculum(steps_forced=40, steps_closed=60, max_updates=n_updates)
    dk.training.train_together(models, goal, method, seeds=seeds)
    return [
        {"network": kind, "task": task, "seed": seed, "units": n_hidden, **examine(model, goal, seed)}
        for seed, model in zip(seeds, models)
    ]


def examine(model: Any, goal: Any, seed: int) -> dict[str, Any]:
    """The overlap of one network that holds both cycles, and its lesions."""
    intact, rates = run_alone(model, goal)
    row: dict[str, Any] = {f"held, {name}": bool(held) for name, held in zip("AB", intact)}
    if not intact.all():
        return row
    spread = rates.std(axis=1)  # (cycle, unit)
    active = spread >= ACTIVE * spread.max(axis=1, keepdims=True)
    both, (n_a, n_b) = int(active.all(axis=0).sum()), active.sum(axis=1)
    null = hypergeom(active.shape[1], n_a, n_b)
    row |= {
        "active, A": int(n_a),
        "active, B": int(n_b),
        "shared": both,
        "shared, null": float(null.mean()),
        "p": float(min(1.0, 2 * min(null.sf(both - 1), null.cdf(both)))),
        "share of A active in B": both / n_a,
        "null share": float(null.mean()) / n_a,
    }
    rng = np.random.default_rng(seed)
    for group, who in zip(GROUPS, groups(active)):
        for n in KILLED:
            row |= lesions(model, goal, group, who, n, rng)
    return row


def groups(active: np.ndarray) -> list[np.ndarray]:
    """The units of each of the groups, given which are active (cycle, unit)."""
    a, b = active
    return [np.flatnonzero(which) for which in (a & b, a & ~b, b & ~a, ~a & ~b)]


def lesions(model: Any, goal: Any, group: str, who: np.ndarray, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """The share of draws of ``n`` units of a group after whose loss each cycle is still held."""
    if len(who) < n:
        return {}
    found = np.mean([run_alone(without(model, rng.choice(who, n, replace=False)), goal)[0] for _ in range(N_DRAWS)], 0)
    return {f"{name} held without {n} {group}": float(share) for name, share in zip("AB", found)}


def without(model: Any, units: np.ndarray) -> Any:
    """A copy in which nobody reads these units."""
    lesioned, at = copy.deepcopy(model), torch.from_numpy(np.asarray(units))
    leaky = isinstance(model, dk.models.LeakyRNN)
    read_by = (lesioned.W_rec, lesioned.W_out) if leaky else (lesioned.rnn.weight_hh_l0, lesioned.readout.weight)
    with torch.no_grad():
        for weight in read_by:
            weight[:, at] = 0.0
    return lesioned


def run_alone(model: Any, goal: Any) -> tuple[np.ndarray, np.ndarray]:
    """Whether each cycle is held from all phases, (cycle,), and the rates (cycle, step, unit) of the last two turns."""
    loop = dk.ClosedLoop(dk.as_system(model))
    cues = np.concatenate(list(goal.cues(np.arange(N_PHASES) / N_PHASES).values()))
    x, states, outputs = loop.initial_state().expand(len(cues), -1), [], []
    with torch.no_grad():
        for u in torch.from_numpy(cues).unbind(1):
            x = loop.drive(x, u)
        for _ in range(ALONE):
            x = loop.step(x)
            states.append(x)
            outputs.append(loop.observe(x))
        late = torch.stack(states[-2 * population.TURN :], 1)
        rates = model.rates(late).numpy().reshape(len(goal.orbits), -1, late.shape[1], model.n_hidden)
    tails = torch.stack(outputs[-3 * population.TURN :], 1).numpy()
    tails = tails.reshape(len(goal.orbits), N_PHASES, -1, 2)
    right = [all(held(tail, orbit) for tail in own) for own, orbit in zip(tails, goal.orbits)]
    return np.array(right), rates[:, 0]


def held(tail: np.ndarray, orbit: dk.Orbit) -> bool:
    """Whether outputs (step, output) run along the orbit, in its direction and at its speed."""
    if not np.isfinite(tail).all():
        return False
    curve = orbit.curve()
    radius = np.ptp(curve, axis=0).max() / 2
    apart = max(KDTree(curve).query(tail)[0].max(), KDTree(tail).query(curve)[0].max())
    return bool(apart <= NEAR * radius and abs(reservoirs.pace(tail, orbit, 0.2) - 1) <= PACE)


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Overlap against the null, and which cycle outlives the loss of which units."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if "shared" in row]
    kinds = list(dict.fromkeys((row["network"], row["task"]) for row in rows))
    sheet = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = sheet.subplots(1, 2, width_ratios=[1, 1.6])
    for k, kind in enumerate(kinds):
        own = [row for row in rows if (row["network"], row["task"]) == kind]
        at = k + 0.08 * np.arange(len(own))
        left.plot(at, [row["share of A active in B"] for row in own], "o", color="black", label=None if k else "found")
        left.plot(at, [row["null share"] for row in own], "_", color="0.5", ms=9, label=None if k else "at random")
        for g, group in enumerate(GROUPS):
            for name, mark in (("A", "^"), ("B", "v")):
                column = f"{name} held without {KILLED[-1]} {group}"
                shares = [row[column] for row in own if column in row]
                if shares:
                    right.plot(k + 0.18 * g, np.mean(shares), mark, color=COLOURS[group], ms=7, alpha=0.85)
    for group in GROUPS:
        right.plot([], [], "s", color=COLOURS[group], label=group)
    left.axhline(0.93, color="0.7", lw=0.8, ls=":")
    left.set(ylim=(0, 1.05), ylabel="share of the units of A that are active on B")
    right.set(ylim=(-0.05, 1.05), ylabel=f"cycles held without {KILLED[-1]} units (up: A, down: B)")
    for ax in (left, right):
        names = [f"{kind}\n{task.removeprefix('seeing double, ')}" for kind, task in kinds]
        ax.set_xticks(range(len(kinds)), names, fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Two kinds of network, circles that coincide and circles apart."""
    started = time.perf_counter()
    n_seeds, n_updates = (1, 150) if quick else (3, 300)
    jobs = [(kind, task, n_updates, n_seeds) for kind in KINDS for task in (TASKS[:1] if quick else TASKS)]
    rows = [row for rows in parts.rows(measure, jobs, n_jobs) for row in rows]
    parts.write(population.STUDY, out / "sharing.csv", rows, seeds=list(range(n_seeds)), started=started, quick=quick)
    figure(rows, out / "sharing.png")
