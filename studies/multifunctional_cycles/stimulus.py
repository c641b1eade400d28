"""(g) A behaviour chosen by a constant stimulus: each cycle followed in the stimulus until it is lost.

A stimulus that lasts, as salinity does in the leech, needs no cue to choose, and can be turned up slowly.  Here a third
input s is 0 on A (anticlockwise) and 1 on B (clockwise, slower).  A is followed upwards in s and B downwards, each from
where it was at the last s, in steps that are halved where it is not there any more.  How it was lost: what its leading
transverse multiplier does (Kuznetsov 2004, ch. 4; of invariant circles: Jorba 2001), whether a fixed point changes its
stability there, and what is there instead.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import population
import stimulus_figure

import dynakit as dk

TASK, N_UPDATES, N_NETWORKS = "stimulus", 300, 1
RANGE, STEP, SHORTEST = (0.0, 1.0), 0.1, 0.1 / 2**8  # of the stimulus
SETTINGS = dk.CycleSettings(n_transient=300, n_record=640, max_harmonics=32, n_exponents=2)
PHASES = np.arange(120) / 120
MOVED = 0.3  # of its size: how far a cycle may move in a step
SMALL, NEAR = 0.25, 0.02  # of its size; of s: it shrinks to a fixed point that changes its stability there
CRITICAL = 0.99  # leading multiplier per step at the end of a branch, without which nothing is said of how it ended
AFTER = 0.02  # behind the end of a branch: what is there instead
MEASURED = ("turns per step", "residual", "radius", "leading multiplier", "its angle", "left after one turn")
FIT = 3  # rows at the end of a branch from which laws are read


def measure(n_updates: int, seed: int, shortest: float) -> dict[str, Any]:
    """One network: both branches of cycles, how each ends, and its fixed points."""
    model = population.trained("LSTM", TASK, population.CURRICULUM, n_updates, seed)
    system = dk.as_system(population.told(model))
    branches = [follow(system, *goal, shortest) for goal in zip("AB", population.STIMULI, (1, -1))]
    points = dk.find_fixed_points(system, None, [0.5], seed=seed)
    rest = dk.trace_fixed_points(system, points, drives=np.array([[v] for v in RANGE]))
    a, b = branches
    row: dict[str, Any] = {"seed": seed, "fixed points at s = 0.5": len(points)}
    for branch in branches:
        row |= {f"{branch['name']}: {k}": v for k, v in ending(branch, rest).items()}
    low, high = b["rows"][-1]["stimulus"], a["rows"][-1]["stimulus"]
    row["both"] = f"{low:.4f} to {high:.4f}" if low < high else "nowhere"
    if row["A: turns the other way from"] != "" or row["B: turns the other way from"] != "":
        row["both"] = "one cycle that turns about"
    rows = [{"seed": seed, "cycle": branch["name"], **one} for branch in branches for one in branch["rows"]]
    return {
        "network": row,
        "rows": rows,
        "_rest": [rest.parameter, np.asarray(rest.verdicts) == "stable", rest.branch],
    }


def follow(system: Any, name: str, s: float, up: int, shortest: float) -> dict[str, Any]:
    """The cycle that is there at s, as far as it goes upwards or downwards; then what is there instead."""
    x = np.asarray(system.trajectory(system.initial_state(), np.full((1, 400, 1), s)))[0, -1]
    row, x, curve = look(system, x, s)
    found: dict[str, Any] = {"name": name, "rows": [row], "then": None}
    step = STEP
    while step >= shortest and found["rows"][-1]["radius"] > SMALL * found["rows"][0]["radius"]:
        trial = round(s + up * step, 9)
        if not RANGE[0] <= trial <= RANGE[1]:
            return found
        row, at, moved = look(system, x, trial)
        if same(row, curve, moved):
            s, x, curve = trial, at, moved
            found["rows"].append(row)
        else:
            step /= 2
    found["then"], *_ = look(system, x, s + up * AFTER)
    return found


def same(row: dict[str, Any], curve: np.ndarray, moved: np.ndarray) -> bool:
    """Whether this is the cycle of before, a little moved: how it turns may change with it."""
    turns = row["kind"] in ("invariant circle", "periodic") and row["verdict"] == "attracting"
    return turns and _apart(moved, curve) <= MOVED * float(
        np.linalg.norm(curve - curve.mean(0), axis=1).mean()
    )


def look(system: Any, x: np.ndarray, s: float) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """What the network settles on from ``x`` under the stimulus: a row, a state, and states along it."""
    found = dk.find_limit_cycles(system, x[None], [s], settings=SETTINGS)
    row: dict[str, Any] = {"stimulus": float(s), "kind": "unsettled", "verdict": ""} | dict.fromkeys(
        MEASURED, np.nan
    )
    k = int(found.start_object[0])
    if k < 0:
        return row, x, x[None]
    moduli, q = found.transverse_moduli[k], found.multipliers[k]
    leading = q[1] if found.kinds[k] == "invariant circle" and len(q) > 1 else q[0] if len(q) else np.nan
    y = found.output_curve(PHASES, k)
    row |= {
        "kind": str(found.kinds[k]),
        "verdict": str(found.verdicts[k]),
        "turns per step": float(found.rotation_numbers[k]),
        "residual": float(found.residuals[k]),
        "radius": float(np.sqrt(2 * y.var(axis=0).mean())) if np.isfinite(y).all() else 0.0,
        "leading multiplier": float(moduli[0]) if len(moduli) else np.nan,
        "its angle": float(np.angle(leading)),
        "left after one turn": float(found.decay_per_revolution[k]),
    }
    return row, found.states[k], found.curve(PHASES, k)


def ending(branch: dict[str, Any], rest: Any) -> dict[str, Any]:
    """Where and how a cycle is lost."""
    rows, then = branch["rows"], branch["then"]
    turned = next((r["stimulus"] for r in rows if r["turns per step"] * rows[0]["turns per step"] < 0), "")
    said = {"turns the other way from": turned, "followed to": rows[-1]["stimulus"]}
    if then is None:
        return said | {"how": "not lost"}
    last, births = rows[-1], rest.events.of_kind("neimark-sacker")
    small = last["radius"] <= SMALL * rows[0]["radius"]
    near = np.abs(births.parameter - last["stimulus"]) if len(births) else np.array([np.inf])
    critical = last["leading multiplier"] > CRITICAL
    how = "not settled" if not critical else "fold" if abs(last["its angle"]) < 0.05 else "torus"
    if small and near.min() < NEAR:
        how = f"Neimark-Sacker, {births.forms[near.argmin()]}"
    return said | {
        "how": how,
        "then": then["kind"] + ("" if then["kind"] == "fixed point" else f", {then['turns per step']:+.4f}"),
        "multiplier at the end": last["leading multiplier"],
        "its angle": last["its angle"],
        "end by the law of a fold": vanishing(rows, lambda row: (1 - row["leading multiplier"]) ** 2),
        "end by the law of a birth": vanishing(rows, lambda row: row["radius"] ** 2),
        "radius at the end": last["radius"],
        "turns per step at the end": last["turns per step"],
        "nearest Neimark-Sacker": float(births.parameter[near.argmin()]) if len(births) else np.nan,
        "its form": str(births.forms[near.argmin()]) if len(births) else "",
    }


def vanishing(rows: list[dict[str, Any]], what: Any) -> float:
    """Where a quantity that falls linearly over the last rows comes to zero."""
    s, values = (np.array([of(row) for row in rows[-FIT:]]) for of in (lambda row: row["stimulus"], what))
    if len(s) < 2 or not np.isfinite(values).all():
        return np.nan
    slope, offset = np.polyfit(s, values, 1)
    return float(-offset / slope)


def _apart(x: np.ndarray, y: np.ndarray) -> float:
    """The mean over x of the distance to the nearest of y."""
    return float(np.linalg.norm(x[:, None] - y[None], axis=-1).min(axis=1).mean())


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """LSTM networks that hear their own outputs and the stimulus."""
    started = time.perf_counter()
    n_seeds, n_updates, shortest = (1, 100, STEP) if quick else (N_NETWORKS, N_UPDATES, SHORTEST)
    parts.rows(
        population.train,
        population.train_all("LSTM", TASK, population.CURRICULUM, n_updates, n_seeds),
        n_jobs,
    )
    found = parts.rows(measure, [(n_updates, seed, shortest) for seed in range(n_seeds)], n_jobs)
    said_of: dict[str, Any] = {"seeds": list(range(n_seeds)), "started": started, "quick": quick}
    parts.write(population.STUDY, out / "stimulus.csv", [one["network"] for one in found], **said_of)
    branches = [row for one in found for row in one["rows"]]
    parts.write(population.STUDY, out / "stimulus_branches.csv", branches, **said_of)
    stimulus_figure.draw(found, out / "stimulus.png")
