"""What a closed-form Jacobian is worth: ours against reverse-mode differentiation of the same cell.

The Jacobian of one step at 64 states (a batch of a search) of a network of 256 units, by ``system.jacobian`` and by
``torch.func.vmap(jacrev(system.step))``, run in turn so that a busy moment hits both.

    python benchmarks/bench_jacobian.py      writes jacobian.csv beside this file

Times are CPU seconds of this process on one thread.  A ratio is the median, and the least and greatest, over
rounds of the time of automatic differentiation divided by that of the closed form in the same round.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

import dynakit as dk
from dynakit.linalg import one_thread

UNITS, STATES, ROUNDS = 256, 64, 11
CELLS = {"Elman": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def seconds(call: Callable[[], Tensor]) -> float:
    """CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(layer: Callable[[int, int], nn.Module]) -> tuple[float, float, list[float]]:
    """Median milliseconds of the closed form and of automatic differentiation, and the ratio of each round."""
    system = dk.as_system(layer(3, UNITS))
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(STATES, system.state_size, generator=generator, dtype=torch.float64)
    u = torch.zeros(STATES, 3, dtype=torch.float64)
    automatic = vmap(jacrev(system.step))
    error = (system.jacobian(x, u) - automatic(x, u)).abs().max()
    if error > 1e-12:
        raise AssertionError(f"the two Jacobians differ by {error:.1e}")
    rounds = [
        (seconds(lambda: system.jacobian(x, u)), seconds(lambda: automatic(x, u))) for _ in range(ROUNDS)
    ]
    ours, theirs = (1000 * statistics.median(column) for column in zip(*rounds))
    return ours, theirs, [b / a for a, b in rounds]


def main() -> None:
    rows = []
    with one_thread():
        for name, layer in CELLS.items():
            ours, theirs, ratios = measure(layer)
            row = [ours, theirs, statistics.median(ratios), min(ratios), max(ratios)]
            rows.append([name, *(f"{value:.2f}" for value in row)])
    header = ["cell", "closed_form_ms", "autodiff_ms", "median_ratio", "least_ratio", "greatest_ratio"]
    with open(Path(__file__).with_name("jacobian.csv"), "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    for row in [header, *rows]:
        print("  ".join(f"{value:>14}" for value in row))


if __name__ == "__main__":
    main()
