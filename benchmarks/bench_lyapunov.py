"""What Lyapunov exponents cost: the ten largest of a 256-unit LSTM, whose state has 512 dimensions.

``top_10`` is ``lyapunov_spectrum`` with all that it does; ``limit`` is the product J Q (with the gates that J is made
of) and one QR decomposition per interval alone, on the same states; ``full`` are all 512 exponents, over fewer steps;
``full_limit`` the same for them.  Run in turn so that a busy moment hits all.

    python benchmarks/bench_lyapunov.py      writes lyapunov.csv beside this file

Times are CPU seconds of this process on one thread, per step.  A ratio is the median, and the least and greatest, over
rounds of ratios within a round.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import dynakit as dk
from dynakit.linalg import one_thread

UNITS, INPUTS, EXPONENTS, GAIN = 256, 3, 10, 3.0
STEPS, FULL_STEPS, TRANSIENT = 400, 24, 40
ROUNDS = 9


def lstm() -> dk.System:
    """Random weights, normal with the standard deviation GAIN / sqrt(units)."""
    layer = nn.LSTM(INPUTS, UNITS)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(0.0, GAIN / UNITS**0.5, generator=generator)
    return dk.as_system(layer)


def seconds(call: Callable[[], object]) -> float:
    """CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def bare(system: dk.System, states: Tensor, inputs: Tensor, k: int, interval: int) -> None:
    """J Q at each state of a trajectory (time, unit), one QR per interval, and nothing else."""
    Q = torch.linalg.qr(torch.randn(1, system.state_size, k, dtype=torch.float64)).Q
    rows = Q.mT
    for t, (x, u) in enumerate(zip(states.split(1), inputs.split(1))):
        rows = system._push(x, u, rows)[1]
        if t % interval == 0:
            rows = torch.linalg.qr(rows.mT).Q.mT


def measure(system: dk.System) -> tuple[dict[str, list[float]], int, int]:
    """Seconds per step of each variant in each round, and the intervals of the ten and of all exponents."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(TRANSIENT + STEPS, INPUTS, generator=generator, dtype=torch.float64)
    x0 = system.initial_state()
    states = torch.cat([x0[None], system.trajectory(x0, inputs)[:-1]])[TRANSIENT:]
    few = inputs[: TRANSIENT + FULL_STEPS]
    top = {"n_steps": STEPS, "n_exponents": EXPONENTS, "n_transient": TRANSIENT}
    full = {"n_steps": FULL_STEPS, "n_transient": TRANSIENT}
    k, n = dk.lyapunov_spectrum(system, x0, inputs, **top).qr_interval, system.state_size
    all_k = dk.lyapunov_spectrum(system, x0, few, **full).qr_interval
    own = inputs[TRANSIENT:]
    variants: dict[str, tuple[int, Callable[[], object]]] = {
        "top_10": (TRANSIENT + STEPS, lambda: dk.lyapunov_spectrum(system, x0, inputs, **top)),
        "limit": (STEPS, lambda: bare(system, states, own, EXPONENTS, k)),
        "full": (TRANSIENT + FULL_STEPS, lambda: dk.lyapunov_spectrum(system, x0, few, **full)),
        "full_limit": (FULL_STEPS, lambda: bare(system, states[:FULL_STEPS], own[:FULL_STEPS], n, all_k)),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    with torch.random.fork_rng(devices=[]):
        for _ in range(ROUNDS):
            for name, (steps, call) in variants.items():
                times[name].append(seconds(call) / steps)
    return times, k, all_k


def main() -> None:
    """Measure and write."""
    with one_thread(), torch.no_grad():
        times, k, all_k = measure(lstm())
    rows = [
        ("variant", "qr_interval", "ms_per_step", "compared_with", "ratio", "least_ratio", "greatest_ratio")
    ]
    for name, interval, base in (
        ("limit", k, "limit"),
        ("top_10", k, "limit"),
        ("full_limit", all_k, "top_10"),
        ("full", all_k, "top_10"),
    ):
        ratios = [a / b for a, b in zip(times[name], times[base])]
        numbers = (statistics.median(ratios), min(ratios), max(ratios))
        ms = f"{1e3 * statistics.median(times[name]):.3f}"
        rows.append((name, str(interval), ms, base, *(f"{x:.2f}" for x in numbers)))
    with open(Path(__file__).with_name("lyapunov.csv"), "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    sys.stdout.write("".join("  ".join(f"{cell:>14}" for cell in row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
