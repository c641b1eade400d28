"""Bounds held against values: what certificates rest on, and cells of one's own against brute force.

    python benchmarks/bench_enclosures.py [--quick]

Every function that is followed: a million random intervals of many widths, a random point in each; at how many a value
or a slope lies outside of its bounds (``outside``), and how much wider a small interval's image is than |f'| times its
width (``width``, the median).  Vector functions: boxes of five units, values and Jacobians.  Writes enclosures.csv.

Fifty cells of people's own of 8 units with random weights, as in bench_completeness.py against Newton's method from
12,000 states: points missed, and points certified that neither brute force nor Newton's method
from states around them confirms.  Writes own_cells.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from bench_completeness import absent, brute_force
from torch import Tensor
from torch.nn import functional as F

import dynakit as dk
from dynakit.linalg import one_thread
from dynakit.systems.enclosures import enclose

HERE = Path(__file__).parent
DOMAIN = {"log": (1e-6, np.inf), "sqrt": (1e-6, np.inf), "rsqrt": (1e-3, np.inf), "log1p": (-0.99, np.inf)}
DOMAIN |= {
    "power 1.5": (1e-6, np.inf),
    "asin": (-0.99, 0.99),
    "atanh": (-0.99, 0.99),
    "reciprocal": (0.01, np.inf),
}
IN_TORCH = (
    "tanh sigmoid exp expm1 log log1p sin cos sqrt rsqrt erf erfc atan sinh cosh asinh asin atanh reciprocal"
)
IN_NN = (
    "silu gelu mish softplus elu selu celu softsign logsigmoid tanhshrink relu relu6 hardtanh hardswish softshrink "
    "leaky_relu"
)
FUNCTIONS = {name: getattr(torch, name) for name in IN_TORCH.split()}
FUNCTIONS |= {name: getattr(F, name) for name in IN_NN.split()}
FUNCTIONS |= {"power 3": lambda x: x**3, "power 1.5": lambda x: x**1.5}
FUNCTIONS |= {"gelu by tanh": lambda x: F.gelu(x, approximate="tanh")}
VECTORS = {
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[-1],)),
    "rms_norm": lambda x: F.rms_norm(x, (x.shape[-1],), eps=1e-6),
    "normalize": lambda x: F.normalize(x, dim=-1),
}
SLACK = 2e-15  # of values computed in floating point, relative to the terms they are made of


def slopes(f, x: Tensor) -> Tensor:
    """Derivatives (point, unit, state) by automatic differentiation."""
    x = x.clone().requires_grad_()
    y = f(x)
    rows = [torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(y.shape[1])]
    return torch.stack(rows, 1)


def held(f, name: str, n: int, width: int, rng: np.random.Generator) -> dict[str, object]:
    """One function on ``n`` boxes of ``width`` units, with a point in each."""
    outside, ratios, done = 0, [], 0
    while done < n:
        k = min(20_000, n - done)
        least, most = DOMAIN.get(name, (-np.inf, np.inf))
        a = rng.normal(size=(k, width)) * rng.choice([0.1, 1.0, 5.0], (k, 1))
        radius = 10.0 ** rng.uniform(-9, 0, (k, 1))
        a = np.clip(a, max(least, -1e6) + 2 * radius, min(most, 1e6) - 2 * radius)
        fits = ((a - radius > least) & (a + radius < most)).all(1)
        x, r = torch.from_numpy(a[fits]), torch.from_numpy(radius[fits])
        found = enclose(lambda v, u: f(v), x, x[:, :0], torch.stack([0 * r, r]))
        assert found is not None, name
        y = x + r * torch.from_numpy(rng.uniform(-1, 1, x.shape))
        lo, hi = found.lo[1], found.hi[1]
        value, (low, high), slope = f(y), found.jacobian(), slopes(f, y)
        slack, room = (
            SLACK * (1 + value.abs() + y.abs()),
            8 * SLACK * (1 + slope.abs()) * (1 + y.square().amax(-1)[:, None, None]),
        )
        outside += int(((value < lo - slack) | (value > hi + slack)).any(-1).sum())
        outside += int(((slope < low - room) | (slope > high + room)).flatten(1).any(-1).sum())
        small = (r[:, 0] < 1e-4) & (r[:, 0] > 1e-7)
        reach = (slopes(f, x).abs().sum(-1) * r)[small]
        ratios.append(((hi - lo)[small] / 2 / reach.clamp_min(1e-300))[reach > 1e-9])
        done += k
    return {
        "function": name,
        "boxes": done,
        "outside": outside,
        "width": round(float(torch.cat(ratios).median()), 4),
    }


def own_cell(seed: int) -> tuple[dk.System, np.ndarray]:
    """A cell of 8 units, of one of five kinds, and a constant input."""
    rng = np.random.default_rng(seed)
    W, R, B = (
        torch.from_numpy(g * rng.normal(size=s) / 8**0.5)
        for g, s in ((2.0, (8, 8)), (2.0, (8, 8)), (3.0, (8, 2)))
    )
    A = torch.from_numpy(rng.normal(size=8))
    kinds = [
        lambda x, u: 0.8 * x + 0.2 * torch.tanh(x @ W.T + u @ B.T + A),
        lambda x, u: x + 0.3 * (-x + torch.tanh(x) @ W.T + u @ B.T + A),
        lambda x, u: (
            (1 - torch.sigmoid(x @ R.T)) * torch.tanh(x @ W.T + u @ B.T) + torch.sigmoid(x @ R.T) * x
        ),
        lambda x, u: torch.tanh(F.layer_norm(x, (8,)) @ W.T + u @ B.T + A),
        lambda x, u: 0.5 * x + 0.5 * torch.tanh(F.silu(x) @ W.T + u @ B.T + A),
    ]
    return dk.FunctionSystem(kinds[seed % 5], 8, 2, name=f"cell {seed}"), rng.normal(size=2)


def comes_back(system: dk.System, x: np.ndarray, u: np.ndarray, rng: np.random.Generator) -> bool:
    """Whether plain Newton's method from states around a point, which brute force has not met, leads to it."""
    y = x + 1e-3 * rng.normal(size=(8, len(x)))
    for _ in range(20):
        drive = np.broadcast_to(u, (8, len(u)))
        A = np.eye(len(x)) - system.jacobian(y, drive).numpy()
        y = y + np.linalg.solve(A, (system.step(y, drive).numpy() - y)[..., None])[..., 0]
    return bool((np.abs(y - x).max(axis=1) < 1e-9).all())


def cells(n: int) -> dict[str, object]:
    """All cells: points found, missed, and certified although brute force has no point near them."""
    said = dict.fromkeys(
        ("cells", "with a box", "points", "certified", "missed", "false certificates", "consistent"), 0
    )
    said["false consistent"], started = 0, time.process_time()
    for seed in range(n):
        rng = np.random.default_rng(seed)
        system, u = own_cell(seed)
        points = dk.find_fixed_points(system, drive=u, seed=seed)
        said["cells"] += 1
        said["points"] += len(points)
        said["certified"] += int(points.certified.sum())
        said["consistent"] += points.completeness == "consistent"
        if system.box(torch.from_numpy(u)) is None:
            continue
        said["with a box"] += 1
        truth = brute_force(system, u, seed)
        missed = absent(truth, points.states)
        said["missed"] += missed
        said["false consistent"] += missed > 0 and points.completeness == "consistent"
        certified = points.states[points.certified]
        J = system.jacobian(certified, np.broadcast_to(u, (len(certified), 2))).numpy()
        clear = np.linalg.svd(np.eye(8) - J, compute_uv=False).min(axis=1, initial=np.inf) > 1e-6
        said["false certificates"] += sum(
            absent(x[None], truth) and not comes_back(system, x, u, rng) for x in certified[clear]
        )
    return {**said, "seconds": round(time.process_time() - started, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    folder = HERE.parent / "out" / "benchmarks" if args.quick else HERE
    folder.mkdir(parents=True, exist_ok=True)
    n = 20_000 if args.quick else 1_000_000
    rng = np.random.default_rng(0)
    with one_thread():
        rows = [held(f, name, n, 1, rng) for name, f in FUNCTIONS.items()]
        rows += [held(f, name, n // 10, 5, rng) for name, f in VECTORS.items()]
        write(folder / "enclosures.csv", rows)
        write(folder / "own_cells.csv", [cells(5 if args.quick else 50)])


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
