"""(k) Two portraits: parity is held by fixed points and turned by an orbit of period 2; a loop wears a memory out.

Parity: the plane of the two units of a guessed network, under the bit 0 and under the bit 1.  Reber: the states of a
network along drawn strings, by the state of the grammar, and how surely it names the second symbol after n rounds of a
loop.  A loop is one symbol over and over: what is left of the memory in the end is decided by whether the two memories
run to one attractor under it or to two.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import solved
from matplotlib.axes import Axes
from recipes import RECIPES

import dynakit as dk

N_GUESSED, N_STARTS = 10, 101
PARITY = dk.tasks.Parity(signed=False)
REBER = ("Reber", "Reber, Elman")
N_STRINGS = 400
ROUNDS = np.unique(np.round(np.logspace(0, 3, 40)).astype(int))
FOR_EVER, N_AROUND, APART = 20_000, 2_000, 0.1  # rounds, those in which an end is looked at, and when two are two


def parity(seed: int, *, folder: Path) -> dict[str, Any]:
    """One guessed network of two units: what holds and what turns, each with its multipliers."""
    task = PARITY
    model = dk.models.LeakyRNN.for_task(task, 2, dt=20.0, tau=20.0, form="rate", activation="sigmoid")
    dk.train(model, task, dk.training.WeightGuessing(max_guesses=2_000_000), seed=seed)
    system = dk.as_system(model)
    points = dk.find_fixed_points(system, drive=task.rest)
    turning = dk.Driven(system, np.ones(1))
    cycles = dk.find_limit_cycles(turning)
    twos = np.flatnonzero((cycles.kinds == "periodic") & (cycles.periods == 2))
    first = cycles.states[twos[0]]
    orbit = np.array([first, turning.step(first).numpy()])
    trials = task.sample(64, seed=1)
    visited = system.trajectory(system.initial_state(), trials.inputs.double())[:, -1]
    orbits = dk.find_limit_cycles(dk.Driven(system, task.rest), visited)
    longer = orbits.periods > 1
    held, said = task.decode(system.observe(points.stable.states)), task.decode(system.observe(orbit))
    parts.leave(folder, model=model, points=points, orbit=orbit)
    return {
        "portrait": "parity",
        "network": "2 units and a readout, guessed",
        "seed": seed,
        "under": "0 and 1",
        "stable fixed points": f"{len(points.stable)} ({', '.join(sorted(set(held.tolist())))})",
        "their largest multipliers": " ".join(f"{m:.2g}" for m in np.abs(points.stable.eigenvalues).max(axis=1)),
        "orbits of a longer period under 0": "; ".join(
            f"{period:.0f} ({name})"
            for period, name in zip(orbits.periods[longer], task.decode(system.observe(orbits.states[longer])))
        ),
        "orbits of period 2 under 1": len(twos),
        "it says": ", ".join(said.tolist()),
        "its largest multiplier": float(np.abs(cycles.multipliers[twos[0]]).max()),
        "its residual": float(np.abs(turning.step(turning.step(orbit)).numpy() - orbit).max()),
    }


def reber(name: str, seed: int, *, folder: Path) -> list[dict[str, Any]]:
    """One network: how well its states tell those of the grammar, and what two loops do to its memory."""
    model, *_ = solved.trained(name, seed)
    task, system = RECIPES[name].task, dk.as_system(model)
    states, where = _visited(system, task, 1000 + seed)
    parts.leave(folder, states=states, where=where)
    kinds = np.unique(where)
    centres = np.array([states[where == k].mean(axis=0) for k in kinds])
    more, of_more = _visited(system, task, 2000 + seed)
    nearest = kinds[((more[:, None] - centres) ** 2).sum(-1).argmin(1)]
    return [
        {
            "portrait": "Reber",
            "network": RECIPES[name].network,
            "seed": seed,
            "under": f"{symbol} for ever",
            "states of the grammar told by the nearest centre": float((nearest == of_more).mean()),
            **_worn(system, task, symbol),
        }
        for symbol in "ST"
    ]


def _visited(system: dk.System, task: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States (k, unit) along drawn strings and where the grammar is (k,)."""
    words = task.draw(N_STRINGS, seed=seed)
    states = system.trajectory(system.initial_state(), task.show(words).inputs.double()).numpy()
    seen = [states[k, : len(word) - 1] for k, word in enumerate(words)]
    return np.concatenate(seen), np.concatenate([task.states(word[:-1]) for word in words])


def _worn(system: dk.System, task: Any, symbol: str) -> dict[str, Any]:
    """How surely the second symbol is named after n rounds of a loop, and where its two memories end."""
    margins = np.array([_margins(system, task, symbol, int(n)) for n in ROUNDS])  # (rounds, second symbol)
    lasted = int((margins > 0).all(axis=1).cumprod().sum())  # how many of the numbers of rounds come out right in a row
    rounds: int | str = int(ROUNDS[lasted - 1]) if lasted else 0
    before = [f"B{outer}B{'T' if symbol == 'S' else 'P'}" for outer in "TP"]
    starts = np.array([_run(system, task, word)[-1] for word in before])
    ends = np.asarray(system.settle(starts, task.alphabet[symbol], FOR_EVER))
    around = system.trajectory(ends[1], np.repeat(task.alphabet[symbol][None], N_AROUND, 0)).numpy()
    apart = float(np.abs(around - ends[0]).max(axis=1).min())  # an end may be an orbit
    speed = np.abs(system.step(ends, task.alphabet[symbol]).numpy() - ends).max()
    moduli = np.abs(np.linalg.eigvals(system.jacobian(ends, task.alphabet[symbol]).numpy())).max(axis=1)
    return {
        "rounds after which it is right": f"all of {rounds}" if lasted == len(ROUNDS) else rounds,
        "ends of the two memories": 1 + (apart > APART),
        "apart by": apart,
        "speed there": float(speed),
        "largest moduli there": " ".join(f"{m:.4f}" for m in moduli),
        "_margins": margins,
    }


def _margins(system: dk.System, task: Any, symbol: str, n: int) -> list[float]:
    """By how much the second symbol is more active than the other one when it is asked for, T and P."""
    found = []
    for outer, other in ("TP", "PT"):
        word = next(w for loop, w in task.stressed(n).items() if loop.startswith(f"B{outer}") and f"({symbol})" in loop)
        said = system.observe(_run(system, task, word[:-2])[-1])
        found.append(float(said[task.symbols.index(outer)] - said[task.symbols.index(other)]))
    return found


def _run(system: dk.System, task: Any, word: str) -> Any:
    """States (step, unit) under the symbols of a word."""
    return system.trajectory(system.initial_state(), np.array([task.alphabet[s] for s in word]))


def parity_figure(row: dict[str, Any], path: Path) -> None:
    """Under 0 the plane is parted between the two parities; under 1 an orbit of period 2 goes from one to the other."""
    from matplotlib.figure import Figure

    model, points, orbit = (parts.left(row, name) for name in ("model", "points", "orbit"))
    system, task = dk.as_system(model), PARITY
    sheet = Figure(figsize=(7.0, 3.4), layout="constrained")
    left, right = sheet.subplots(1, 2, sharey=True)
    side = np.linspace(0, 1, N_STARTS)
    starts = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    ends = system.settle(starts, task.rest, 1000)
    odd = (task.decode(system.observe(ends)) == "odd").reshape(N_STARTS, N_STARTS)
    for ax in (left, right):
        ax.pcolormesh(side, side, odd, cmap=_pale(), vmin=0, vmax=1, shading="nearest", rasterized=True)
        ax.set_xlabel("unit 1")
        ax.set_aspect("equal")
        ax.set_xlim(-0.06, 1.06)
        ax.set_ylim(-0.06, 1.06)
        ax.spines[["top", "right"]].set_visible(False)
    left.set_ylabel("unit 2")
    for kind, kept in (("stable", points.stable), ("saddle", points.saddles), ("repeller", points.repellers)):
        _dots(left, kind, kept.states)
    left.set_title("under 0: the parity stays", fontsize=9)
    _dots(right, "orbit of period 2", orbit)
    for start, end in (orbit, orbit[::-1]):
        arrow = {"arrowstyle": "-|>", "color": "#0072B2", "lw": 1.2, "connectionstyle": "arc3,rad=0.25", "shrinkA": 5}
        right.annotate("", end, start, arrowprops={**arrow, "shrinkB": 5})
    right.set_title("under 1: it turns", fontsize=9)
    sheet.legend(*_legend((left, right)), loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


LOOKS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "color": "black"},
    "saddle": {"marker": "D", "color": "#D55E00"},
    "repeller": {"marker": "o", "mec": "#009E73", "mfc": "none"},
    "orbit of period 2": {"marker": "s", "color": "#0072B2"},
}


def _dots(ax: Axes, kind: str, states: np.ndarray) -> None:
    if len(states):
        label = kind if kind.startswith("orbit") else f"{kind} ({len(states)})"
        ax.plot(states[:, 0], states[:, 1], ls="", ms=7, label=label, clip_on=False, zorder=3, **LOOKS[kind])


def _pale() -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap(["#F4F1EA", "#CFE3F0"])


def _legend(axes: tuple[Axes, ...]) -> tuple[list[Any], list[str]]:
    from matplotlib.patches import Patch

    colours = _pale()
    handles: list[Any] = [Patch(color=colours(k), label=f"ends {n} under 0") for k, n in enumerate(("even", "odd"))]
    for ax in axes:
        handles += ax.get_legend_handles_labels()[0]
    return handles, [str(h.get_label()) for h in handles]


def reber_figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The states along drawn strings by the grammar's, and how surely the second symbol is named after many rounds."""
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    sheet = Figure(figsize=(7.2, 3.5), layout="constrained")
    left, right = sheet.subplots(1, 2)
    shown = next((row for row in rows if "Elman" in row["network"]), rows[0])
    states, where = (parts.left(shown, name) for name in ("states", "where"))
    plane = dk.project(states, n_components=2)
    places = plane.transform(states)
    for state in np.unique(where)[1:]:
        branch, inner = divmod(int(state) - 2, 9)
        own = places[where == state]
        left.plot(*own.T, ls="", color=("#0072B2", "#D55E00")[branch], marker=".", ms=3, mew=0, alpha=0.35)
        typical = own[((own - own.mean(axis=0)) ** 2).sum(axis=1).argmin()]
        where_to: dict[str, Any] = {"textcoords": "offset points", "fontsize": 6.5, "ha": "center", "va": "bottom"}
        said = left.annotate(f"{'TP'[branch]}{inner}", typical, xytext=(0, 2), zorder=5, **where_to)
        said.set_path_effects([withStroke(linewidth=2, foreground="white")])
    left.set_title(f"{shown['network']}: states along drawn strings", fontsize=8)
    left.set_xlabel(f"PC 1 ({plane.explained_variance_ratio[0]:.0%})")
    left.set_ylabel(f"PC 2 ({plane.explained_variance_ratio[1]:.0%})")
    for row in rows:
        elman, symbol = "Elman" in row["network"], row["under"][0]
        look = {"color": "#009E73" if elman else "#332288", "ls": "-" if symbol == "S" else "--", "lw": 1}
        label = f"{'Elman' if elman else 'LSTM'}, loop {symbol}" if row["seed"] == 0 else None
        right.semilogx(ROUNDS, np.min(row["_margins"], axis=1), label=label, **look)
    right.axhline(0, color="0.5", lw=0.7)
    right.set_xlabel("rounds of the loop")
    right.set_ylabel("its activation over the other one's")
    right.set_title("is the second symbol still known? (worse of T and P)", fontsize=8)
    right.legend(frameon=False, fontsize=7)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Ten guessed networks and the Reber networks of the table of benchmarks; with --quick one each."""
    started = time.perf_counter()
    seeds = list(range(1 if quick else N_GUESSED))
    rows = parts.rows(parity, [(seed,) for seed in seeds], n_jobs)
    parity_figure(next((r for r in rows if len(parts.left(r, "points").stable) == 2), rows[0]), out / "parity.png")
    own = [(name, seed) for name in REBER[: 1 if quick else 2] for seed in range(1 if quick else RECIPES[name].seeds)]
    loops = [row for network in parts.rows(reber, own, n_jobs) for row in network]
    reber_figure(loops, out / "reber.png")
    both: dict[str, Any] = {name: "" for row in (rows[0], loops[0]) for name in row}
    table = [{**both, **row} for row in [*rows, *loops]]
    parts.write("classic_tasks", out / "portraits.csv", table, seeds=seeds, started=started, quick=quick)
