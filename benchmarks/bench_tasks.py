"""Batches of flip-flop trials against a generator that makes one Python call per time step and trial.

    python benchmarks/bench_tasks.py      writes tasks.csv beside this file

CPU seconds of one thread, run in turn.  Target: at least 50 times faster for 64 trials of 100 steps and 3 bits.
Give this file to pytest for the distributions.
"""

import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dynakit.tasks import FlipFlop

TASK, N_TRIALS = FlipFlop(), 64


class StepByStep:
    """The flip-flop as an environment: one call draws one time step of one trial."""

    def __init__(self, task: FlipFlop, rng: np.random.Generator) -> None:
        self.task, self.rng = task, rng
        self.held = np.zeros(task.n_bits)
        self.busy = np.zeros(task.n_bits, dtype=int)
        self.starting = True

    def step(self) -> tuple[np.ndarray, np.ndarray]:
        onsets = (self.rng.random(self.task.n_bits) < self.task.p_flip) & (self.busy == 0) | self.starting
        signs = 2.0 * self.rng.integers(0, 2, self.task.n_bits) - 1
        self.starting = False
        self.held = np.where(onsets, signs, self.held)
        self.busy = np.where(onsets, self.task.pulse_width, self.busy)
        inputs = np.where(self.busy > 0, self.held, 0.0)
        self.busy = np.maximum(self.busy - 1, 0)
        return inputs, self.held


def step_by_step(task: FlipFlop, n_trials: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same batch of trials, without masks and labels, one call per step."""
    rng = np.random.default_rng(seed)
    inputs = np.zeros((n_trials, task.n_steps, task.n_bits), dtype=np.float32)
    targets = np.zeros_like(inputs)
    for trial in range(n_trials):
        environment = StepByStep(task, rng)
        for t in range(task.n_steps):
            inputs[trial, t], targets[trial, t] = environment.step()
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def test_vectorised(benchmark):
    benchmark(TASK.sample, N_TRIALS, seed=0)


def test_step_by_step(benchmark):
    benchmark.pedantic(step_by_step, (TASK, N_TRIALS, 0), rounds=5)


def _seconds(function: Callable[[int], object], seed: int, repeats: int) -> float:
    start = time.process_time()
    for k in range(repeats):
        function(seed + k)
    return (time.process_time() - start) / repeats


def main(rounds: int = 11) -> None:
    """Time both in turn and write tasks.csv."""
    torch.set_num_threads(1)
    TASK.sample(N_TRIALS, 0)
    pairs = []
    for k in range(rounds):
        fast = _seconds(lambda seed: TASK.sample(N_TRIALS, seed), 100 * k, 20)
        pairs.append((fast, _seconds(lambda seed: step_by_step(TASK, N_TRIALS, seed), k, 1)))
    ratios = [slow / fast for fast, slow in pairs]
    row = {
        "vectorised_ms": f"{1e3 * statistics.median(fast for fast, _ in pairs):.2f}",
        "step_by_step_ms": f"{1e3 * statistics.median(slow for _, slow in pairs):.1f}",
        "median_ratio": f"{statistics.median(ratios):.0f}",
        "least_ratio": f"{min(ratios):.0f}",
        "greatest_ratio": f"{max(ratios):.0f}",
    }
    with open(Path(__file__).with_name("tasks.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        writer.writeheader()
        writer.writerow(row)
    print(row)


if __name__ == "__main__":
    main()
