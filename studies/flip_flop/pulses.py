"""(f) A pulse that destroys a memory: the fold in which it meets its saddle, and the weakest pulse that switches.

While a pulse lasts, the network is another map.  Along the input from rest to the full pulse the memory it is to end
meets the saddle of the edge it is to cross, and both vanish.  A pulse of T steps must be stronger than that by about
C / T^2, the square-root law of passing a ghost (Strogatz and Westervelt 1989).
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import networks
import numpy as np
import parts
from scipy.optimize import root_scalar

import dynakit as dk

KINDS = ("Elman 16", "GRU 16", "LSTM 16")
LENGTHS = (2, 3, 5, 10, 20, 50, 100, 200, 400, 800)
BESIDE, WATCH = 1e-5, 20_000  # this near to the fold, relative, a memory is watched for so many steps


def measure(
    kind: str, seed: int, n_updates: int, lengths: tuple[int, ...] = LENGTHS, *, folder: Path
) -> list[dict[str, Any]]:
    """One network: a row for each memory that some pulse destroys while it lasts."""
    task, model, _ = networks.trained(kind, seed, n_updates)
    system = dk.as_system(model)
    states = dk.record(system, task.sample(64, seed=seed).inputs).states
    rest = task.drives["rest"]
    points = dk.find_fixed_points(system, states, rest, seed=seed)
    memory = networks.memories(system, task, points.states)
    crossed = _crossed(dk.map_unstable_manifolds(system, points, n_directions=0))
    stable = points.stable
    rows: list[dict[str, Any]] = []
    for name, pulse in task.pulses.items():
        branches = dk.trace_fixed_points(system, stable, drives=[rest, pulse[0]])
        for k in range(len(stable)):
            fold, partner = end_of(branches, points.states, k)
            if np.isfinite(fold):
                joins = " ".join(sorted(memory[end] for end in crossed.get(partner, ())))
                rows.append(_row(kind, seed, name, memory[k], fold, joins) | {"_where": (k, name)})
    _beside(system, stable, task, memory, rows)
    _simulate(system, stable, task, [row for row in rows if row["asked to change"]], lengths)
    if seed == 0 and rows:
        parts.leave(folder, model=model, points=points, up=task.drives["bit 1 up"])
    return rows


def _crossed(manifolds: Any) -> dict[int, tuple[int, ...]]:
    """For each saddle the attractors its two branches reach."""
    return {int(s): tuple(manifolds.targets[manifolds.saddles == s]) for s in np.unique(manifolds.saddles)}


def end_of(branches: Any, states: np.ndarray, k: int) -> tuple[float, int]:
    """Where along the drives point k ends in a fold (NaN: nowhere), and which of the states it meets there (or -1)."""
    mine = branches.branch == branches.point_branch[k]
    folds = branches.events[
        (branches.events.branch == branches.point_branch[k]) & (branches.events.kinds == "fold")
    ]
    if not len(folds):
        return np.nan, -1
    x, mu = branches.states[mine], branches.parameter[mine]
    if np.abs(x[0] - states[k]).max() > np.abs(x[-1] - states[k]).max():
        x, mu = x[::-1], mu[::-1]
    first = next(m for m in mu if m in folds.parameter)
    apart = np.abs(states - x[-1]).max(axis=1)
    return float(first), int(apart.argmin()) if apart.min() < 1e-6 else -1


def _row(kind: str, seed: int, pulse: str, memory: str, fold: float, joins: str) -> dict[str, Any]:
    bit, sign = int(pulse.split()[1]) - 1, "+" if pulse.endswith("up") else "-"
    goal = memory[:bit] + sign + memory[bit + 1 :]
    return {
        "network": kind,
        "seed": seed,
        "pulse": pulse,
        "memory": memory,
        "asked to change": memory != goal,
        "fold": fold,
        "saddle it meets joins": joins,
        "saddle of the edge to cross": set(joins.split()) == {memory, goal} if memory != goal else "",
    }


def _beside(system: Any, stable: Any, task: Any, memory: list[str], rows: list[dict[str, Any]]) -> None:
    """The memory left when a very long pulse just below the fold, or just above it, is over."""
    start = np.array([row["_where"][0] for row in rows], int)
    for side, size in (("below", 1 - BESIDE), ("above", 1 + BESIDE)):
        drives = np.array([size * row["fold"] * task.pulses[row["pulse"]][0] for row in rows])
        x = system.settle(stable.states[start], drives.reshape(len(rows), -1), WATCH)
        ends = np.asarray(system.settle(x, task.drives["rest"], WATCH // 10))
        nearest = np.abs(ends[:, None] - stable.states).max(axis=2).argmin(axis=1)
        for row, end in zip(rows, nearest):
            row[f"memory after a pulse just {side}"] = memory[end]


def _simulate(
    system: Any, stable: Any, task: Any, rows: list[dict[str, Any]], lengths: tuple[int, ...]
) -> None:
    """The weakest pulse that switches, for each length, by bisection; and the limit of an endless pulse."""
    if not rows:
        return
    rest, most = task.drives["rest"], max(row["fold"] for row in rows)
    for n in lengths:
        high = min(1.0, most * (1 + 60 / n))
        pulses = {name: np.tile(high * pulse[0], (n, 1)) for name, pulse in task.pulses.items()}
        found = dk.map_transitions(system, stable, pulses, rest=rest, amplitudes=(0.0, 1.0))
        for row in rows:
            k, name = row["_where"]
            row[f"weakest of {n} steps"] = high * found.critical_amplitudes[k, found.pulses.index(name)]
    for row in rows:
        weakest = np.array([row[f"weakest of {n} steps"] for n in lengths[-3:]])
        row["endless, from simulation"] = endless(np.array(lengths[-3:]), weakest)
        row["relative difference"] = abs(row["endless, from simulation"] / row["fold"] - 1)
        excess = weakest - row["fold"]
        row["exponent"] = float(np.log(excess[-1] / excess[-2]) / np.log(lengths[-1] / lengths[-2]))


def endless(lengths: np.ndarray, weakest: np.ndarray) -> float:
    """The limit m of weakest = m + C / (T + t0)^2 through three lengths: 1 / sqrt(weakest - m) is linear in T."""

    def bent(m: float) -> float:
        slope = np.diff(1 / np.sqrt(weakest - m)) / np.diff(lengths)
        return float(slope[1] - slope[0])

    low, high = weakest[-1] - 2 * (weakest[-2] - weakest[-1]), weakest[-1] * (1 - 1e-9)
    if not np.isfinite(weakest).all() or bent(low) * bent(high) >= 0:
        return np.nan
    return float(root_scalar(bent, bracket=(low, high), method="brentq").root)


def figure(nested: list[list[dict[str, Any]]], path: Path) -> None:
    """The bifurcation diagram of one bit, the weakest pulses of one network, and how they near the folds in all."""
    from matplotlib.figure import Figure

    with dk.plots.using("paper", lines_markersize=2.6):
        sheet = Figure(figsize=(7.4, 2.6), layout="constrained")
        left, middle, right = sheet.subplots(1, 3, width_ratios=[1.35, 1, 1])
        shown = next(rows for rows in nested if rows and rows[0]["seed"] == 0)
        _diagram(left, shown)
        _weakest(middle, shown)
        _excess(right, nested)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path, dpi=220)


def _diagram(ax: Any, rows: list[dict[str, Any]]) -> None:
    """All fixed points of one network along the input to bit 1, from a pulse down to a pulse up."""
    model, points, up = (parts.left(rows[0], name) for name in ("model", "points", "up"))
    system = dk.as_system(model)
    reach = 2.2 * max(row["fold"] for row in rows if row["asked to change"])
    branches = dk.trace_fixed_points(system, points, drives=[-reach * up, 0 * up, reach * up])
    branches = dataclasses.replace(
        branches,
        parameter=reach * (branches.parameter - 1),
        events=dataclasses.replace(branches.events, parameter=reach * (branches.events.parameter - 1)),
    )
    dk.plots.plot_branches(branches, along=networks.readout(system, 0), ax=ax, linewidth=0.8)
    handles, labels = ax.get_legend_handles_labels()
    short = [label.replace(" directions", "").replace(" direction", "") for label in labels]
    ax.legend(
        handles, short, frameon=False, fontsize=5.5, loc="upper left", handlelength=1.6, borderaxespad=0.1
    )
    ax.axvline(0, color="0.8", linewidth=0.6, zorder=0)
    ax.set_title(f"{rows[0]['network']}: while a pulse to bit 1 lasts", loc="left")
    ax.set(xlabel="constant input (full pulse: 1)", ylabel="state along the readout")


def _weakest(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Strength against duration: each edge of one network ends at its fold."""
    from matplotlib.ticker import LogLocator

    for row in (r for r in rows if r["asked to change"] and r["pulse"] == "bit 1 up"):
        lengths, weakest = _curve(row)
        line = ax.plot(lengths, weakest, ".-", markersize=3, linewidth=0.9, label=row["memory"])[0]
        ax.axhline(row["fold"], color=line.get_color(), linewidth=0.7, linestyle=(0, (3, 2)))
    ax.set(
        xscale="log", yscale="log", xlabel="length of the pulse (steps)", ylabel="weakest pulse that switches"
    )
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    ax.set_title("the same network; dashed: folds", loc="left")
    ax.legend(frameon=False, title="memory it ends", title_fontsize=7, fontsize=7)
    ax.spines[["top", "right"]].set_visible(False)


def _excess(ax: Any, nested: list[list[dict[str, Any]]]) -> None:
    """How much stronger than its fold a pulse of each length must be, for every edge of every network."""
    kinds = list(dict.fromkeys(rows[0]["network"] for rows in nested if rows))
    for kind, colour in reversed(list(zip(kinds, ("#332288", "#CC6677", "#44AA99")))):
        rows = [r for network in nested for r in network if r["network"] == kind and r["asked to change"]]
        for k, row in enumerate(rows):
            lengths, weakest = _curve(row)
            label = kind if k == 0 else None
            ax.plot(lengths, weakest / row["fold"] - 1, color=colour, linewidth=0.25, alpha=0.7, label=label)
    guide = np.array([100.0, 800.0])
    ax.plot(
        guide,
        0.009 * (guide / 100) ** -2,
        color="black",
        linewidth=0.9,
        linestyle=(0, (3, 2)),
        label="slope −2",
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="length of the pulse (steps)",
        ylabel="excess over the fold (share)",
    )
    ax.set_title("all networks and edges", loc="left")
    for line in ax.legend(frameon=False, fontsize=7).get_lines():
        line.set(linewidth=1.2, alpha=1)
    ax.spines[["top", "right"]].set_visible(False)


def _curve(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and weakest pulses of one row, where there is one."""
    found = {int(name.split()[2]): size for name, size in row.items() if name.startswith("weakest of ")}
    lengths, weakest = np.array(list(found)), np.array(list(found.values()))
    return lengths[np.isfinite(weakest)], weakest[np.isfinite(weakest)]


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every kind and seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds, n_updates, lengths = (("LSTM 16",), 400, (5, 50, 100, 200)) if quick else (KINDS, 800, LENGTHS)
    jobs = [(kind, seed, n_updates, lengths) for kind in kinds for seed in seeds]
    nested = parts.rows(measure, jobs, n_jobs)
    rows = [row for rows in nested for row in rows]
    parts.write("flip_flop", out / "pulses.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(nested, out / "pulses.png")
