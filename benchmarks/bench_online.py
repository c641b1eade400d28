"""How long a learner takes for one element of the stream, against the loops that a user would write.

``replay``: 100 gradient steps of an LSTM of 20 units over a full window.  ``compiled`` is what runs with numba,
``numpy`` without it, ``numpy, 5 runs`` five networks side by side (per run), ``autograd`` torch's own gradients, each
step through the window afresh.  ``columns``: 1,000 spiking neurons for 100 steps with blocks as they are after 10,000
elements; ``dense`` multiplies all spikes by all weights at every step.  ``memory``: the nearest of 10,000 contexts of
250 numbers; ``contexts`` takes the distance to each whole context.

    python benchmarks/bench_online.py      writes online.csv beside this file

Limits: the replay cannot do with fewer than its 2 x 6,400 multiply-adds per step back, some 30 steps for each of the
100; columns have to read one row of weights (4 kB) per spike.  CPU seconds of one thread; medians over rounds in which
all variants take turns.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from timing import ratios, write

import dynakit as dk
from dynakit.linalg import one_thread
from dynakit.models import CSNN, NearestNeighbours, OnlineLSTM
from dynakit.models.learners import compiled
from dynakit.models.learners.columnar import LEAK, REFRACTORY, THRESHOLD
from dynakit.models.learners.learner import Element, Past
from dynakit.models.learners.online_lstm import _Team

TASK = dk.tasks.SequenceStream()
STREAM = TASK.draw(0)
SHOWN = STREAM.codes[STREAM.ids]
LEARNT = 10_000  # elements that columns and memory have behind them
COMPILED = compiled.compiled


def element(t: int) -> Element:
    return Element(SHOWN[t], int(STREAM.ids[t]), t)


def replays(n_runs: int, *, fast: bool) -> Callable[[], object]:
    """One element for networks whose window is full."""
    with numba(fast):
        team = _Team([OnlineLSTM(TASK.code_size, seed=seed) for seed in range(n_runs)])
    team.codes = [np.repeat(SHOWN[t][None], n_runs, axis=0).astype(np.float32) for t in range(101)]
    return lambda: team.learn([element(101)] * n_runs)


def autograd() -> Callable[[], object]:
    """The same rule by torch's gradients: each error through the whole window, with the weights as they are."""
    learner = OnlineLSTM(TASK.code_size, seed=0)
    codes = torch.from_numpy(SHOWN[:101]).float()
    optimiser = torch.optim.SGD(learner.parameters(), lr=learner.learning_rate)

    def step() -> None:
        for j in range(100):
            h, _ = learner.rnn(learner.project(codes[: j + 1])[:, None])
            optimiser.zero_grad()
            (learner.readout(h[-1, 0]) - codes[j + 1]).square().mean().backward()
            optimiser.step()

    return step


def columns(network: CSNN, *, fast: bool) -> Callable[[], object]:
    def step() -> None:
        with numba(fast):
            network.present(SHOWN[LEARNT - 10 : LEARNT])

    return step


def dense(network: CSNN) -> Callable[[], object]:
    current, W = torch.from_numpy(network.currents(SHOWN[LEARNT - 10 : LEARNT])), network.W_rec

    def step() -> None:
        v, s, waiting = torch.zeros_like(current), torch.zeros_like(current), torch.zeros_like(current)
        for t in range(network.n_steps):
            v = v * LEAK + torch.where(waiting == 0, (current if t else 0.0) + s @ W, 0.0)
            s = (v >= THRESHOLD).float()
            waiting = torch.where(s > 0, REFRACTORY, (waiting - 1).clamp_min(0))
            v = v * (1 - s)

    return step


def contexts() -> Callable[[], object]:
    held = np.stack([SHOWN[t - 10 : t].reshape(-1) for t in range(10, LEARNT)])
    query = SHOWN[LEARNT - 10 : LEARNT].reshape(1, -1)
    return lambda: STREAM.ids[10 + cdist(query, held, "cityblock").argmin()]


class numba:
    """With the compiled loops, or as if numba were not installed."""

    def __init__(self, fast: bool) -> None:
        self.fast = fast

    def __enter__(self) -> None:
        compiled.compiled = COMPILED if self.fast else lambda function: None  # pyright: ignore

    def __exit__(self, *_: Any) -> None:
        compiled.compiled = COMPILED


def variants() -> dict[tuple[str, str], tuple[Callable[[], object], int, int]]:
    """What is timed, by learner and variant: the call, how many runs it does, and in how many rounds."""
    network, memory = CSNN(TASK.code_size, seed=0), NearestNeighbours(TASK.code_size)
    dk.train(network, TASK, dk.training.Online(max_elements=LEARNT), seed=0)
    for t in range(LEARNT):
        memory.learn(element(t))
    past = Past(SHOWN[:LEARNT], STREAM.ids[:LEARNT])
    return {
        ("replay", "compiled"): (replays(1, fast=True), 1, 21),
        ("replay", "numpy"): (replays(1, fast=False), 1, 21),
        ("replay", "numpy, 5 runs"): (replays(5, fast=False), 5, 21),
        ("replay", "autograd"): (autograd(), 1, 7),
        ("columns", "compiled"): (columns(network, fast=True), 1, 61),
        ("columns", "numpy"): (columns(copy.deepcopy(network), fast=False), 1, 61),
        ("columns", "dense"): (dense(network), 1, 61),
        ("memory", "codes once"): (lambda: memory.predict(past), 1, 61),
        ("memory", "contexts"): (contexts(), 1, 61),
    }


def main() -> None:
    with one_thread():
        steps = variants()
        times: dict[tuple[str, str], list[float]] = {name: [] for name in steps}
        for round_ in range(-1, 61):
            for name, (step, n_runs, rounds) in steps.items():
                if round_ < rounds:
                    began = time.process_time()
                    step()
                    if round_ >= 0:
                        times[name].append((time.process_time() - began) / n_runs)
    first = dict(reversed(steps))
    head = ["learner", "variant", "median_ms", "least_ms", "ratio_to_first", "least_ratio", "greatest_ratio"]
    rows = [[*name, *ratios(seconds, times[name[0], first[name[0]]])] for name, seconds in times.items()]
    write("online", [head, *rows])


if __name__ == "__main__":
    main()
