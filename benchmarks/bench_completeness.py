"""Points that ``find_fixed_points`` misses, and whether it says so: random networks against brute force.

    python benchmarks/bench_completeness.py [--quick] [--networks 500] [--cells tanh current rate GRU LSTM]

Every cell at gains 1, 2 and 3 (all weights and biases N(0, g^2)), 2 to 6 units, under a random constant input, from
default starts.  Brute force is another code: plain Newton's method with shortened steps in NumPy on the map's step
and Jacobian, from 8,000 states (uniform ones of the whole invariant box and of a tenth of it, normal ones of three
sizes) and from half of them settled.  What it confirms to 1e-7 and the search lacks is ``missed``; where I - J is
within 1e-8 of singular, rounding moves a root by more.  A network in which anything is missed although the search says
"consistent" is a ``false consistent``.  ``false verdicts``: points called stable from which states a millionth away
depart, or unstable to which all of them return.  ``seconds`` is the CPU time of the searches.  Writes completeness.csv
(with --quick: in out/benchmarks); rows of cells that were not asked for stay.
"""

from __future__ import annotations

import argparse
import collections
import csv
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
CELLS = ("tanh", "current", "rate", "GRU", "LSTM")
GAINS = (1.0, 2.0, 3.0)
N_STARTS, STEPS, CONFIRMED, SAME, SINGULAR = 8000, 60, 1e-9, 1e-6, 1e-8


def network(cell: str, gain: float, seed: int) -> tuple[dk.System, np.ndarray]:
    """A random network and a random constant input."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    if cell in ("current", "rate"):
        model: nn.Module = dk.models.LeakyRNN(2, n, 1, activation="tanh", form=cell)
    else:
        model = {"tanh": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}[cell](2, n if cell != "LSTM" else (n + 1) // 2)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(gain * torch.randn(p.shape, generator=draws))
    return dk.as_system(model), rng.normal(size=2)


def brute_force(system: dk.System, u: np.ndarray, seed: int) -> np.ndarray:
    """Every root that Newton's method confirms from many states (point, unit)."""
    rng, n = np.random.default_rng(seed), system.state_size
    box = system.box(torch.as_tensor(u))
    assert box is not None
    lo, hi = box.lo.numpy(), box.hi.numpy()
    k = N_STARTS // 8
    kinds = [rng.uniform(lo, hi, (2 * k, n)), rng.uniform(lo, hi, (k, n)) / 10]
    kinds += [size * rng.standard_normal((k, n)) for size in (0.3, 1.0, 3.0)]
    x = np.clip(np.concatenate(kinds), lo, hi)
    x = np.concatenate([x, system.settle(x[::2], u, 60).numpy()])
    roots, eye = [], np.eye(n)
    for _ in range(STEPS):
        drive = np.broadcast_to(u, (len(x), len(u)))
        A = eye - system.jacobian(x, drive).numpy()
        r = system.step(x, drive).numpy() - x
        try:
            step = np.linalg.solve(A, r[..., None])[..., 0]
        except np.linalg.LinAlgError:
            step = np.stack([np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(A, r)])
        length = np.abs(step).max(axis=1)
        x = x + step * np.minimum(1.0, 0.3 * np.sqrt(n) / np.maximum(length, 1e-300))[:, None]
        done = (length < CONFIRMED) & (np.abs(r).max(axis=1) < 1e-11)
        inside = ((x >= lo - 1e-9) & (x <= hi + 1e-9)).all(axis=1)
        roots.append(x[done & inside])
        near = ((x >= 3 * lo - 1) & (x <= 3 * hi + 1)).all(axis=1)
        x = x[~done & near]
        if not len(x):
            break
    found = distinct(np.concatenate(roots))
    J = system.jacobian(found, np.broadcast_to(u, (len(found), len(u)))).numpy()
    return found[np.linalg.svd(eye - J, compute_uv=False).min(axis=1, initial=np.inf) > SINGULAR]


def distinct(x: np.ndarray) -> np.ndarray:
    kept: list[np.ndarray] = []
    for row in x[np.unique(np.round(x, 6), axis=0, return_index=True)[1]]:
        if not kept or np.abs(np.array(kept) - row).max(axis=1).min() > SAME:
            kept.append(row)
    return np.array(kept).reshape(-1, x.shape[1])


def absent(points: np.ndarray, others: np.ndarray) -> int:
    """How many of ``points`` are not among ``others``."""
    if not len(points):
        return 0
    if not len(others):
        return len(points)
    return int((np.abs(points[:, None] - others).max(axis=2).min(axis=1) > SAME).sum())


def false_verdicts(system: dk.System, u: np.ndarray, points: dk.FixedPoints, seed: int) -> int:
    """Points whose neighbours do otherwise than the verdict says; only what decides itself in 20,000 steps."""
    rng, wrong = np.random.default_rng(seed), 0
    for x, verdict, values in zip(points.states, points.verdicts, points.eigenvalues):
        if verdict not in ("stable", "unstable") or abs(np.log(np.abs(values[0]))) < 5e-4:
            continue
        start = x + 1e-6 * rng.standard_normal((8, len(x)))
        end = system.settle(start, u, 20_000 if 0.99 < np.abs(values[0]) < 1.01 else 2_000).numpy()
        back = np.abs(end - x).max(axis=1) < 1e-6
        wrong += int(back.all() != (verdict == "stable"))
    return wrong


def row(cell: str, n_networks: int) -> dict[str, object]:
    """One cell over all its networks."""
    said: collections.Counter[str] = collections.Counter()
    for seed in range(n_networks):
        system, u = network(cell, GAINS[seed % 3], seed)
        before = time.process_time()
        points = dk.find_fixed_points(system, drive=u)
        said["seconds"] += time.process_time() - before  # type: ignore[assignment]
        truth = brute_force(system, u, seed)
        missed = absent(truth, points.states)
        said["points"] += len(points)
        said["missed"] += missed
        said["networks with missed points"] += missed > 0
        said[points.completeness] += 1
        said["false consistent"] += missed > 0 and points.completeness == "consistent"
        said["false verdicts"] += false_verdicts(system, u, points, seed)
        said["starts"] += points.n_starts
        if missed:
            print(cell, seed, points, "missed", missed, flush=True)
    names = ("points", "missed", "networks with missed points", "consistent", "incomplete", "unknown")
    names += ("false consistent", "false verdicts", "starts")
    return {"cell": cell, "networks": n_networks, **{k: said[k] for k in names}, "seconds": round(said["seconds"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--networks", type=int, default=400, help="of each cell")
    parser.add_argument("--cells", nargs="*", default=CELLS)
    args = parser.parse_args()
    folder = HERE.parent / "out" / "benchmarks" if args.quick else HERE
    folder.mkdir(parents=True, exist_ok=True)
    with one_thread():
        rows = [row(cell, 12 if args.quick else args.networks) for cell in args.cells]
    path = folder / "completeness.csv"
    kept = {}
    if path.exists():
        with path.open(newline="") as file:
            kept = {row["cell"]: row for row in csv.DictReader(file)}
    kept |= {str(row["cell"]): row for row in rows}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept[cell] for cell in CELLS if cell in kept)


if __name__ == "__main__":
    main()
