"""Is "echo state" ever said of a network that remembers its start?  And how many responses does a unit have?

500 random networks under noise: leaky tanh, GRU and LSTM of several gains, under inputs of several sizes.  What
``check_echo_state`` says from its 72 starts is held against 500 other states of the invariant box, in plain steps:
``contradicted`` counts "echo state" where two of them are apart at the end, ``too_many`` more responses than they have.
``negative`` are the networks whose exponent along one trajectory is negative, beyond its tolerance; ``of_them_several``
those of them in which the 500 states end in several places: what that exponent alone would call consistent.

The unit x' = tanh(2 x + u): two responses to every input below a* = 0.53284; to +-a in turn up to 2.29559; to random
inputs above a* one, in the end: a count of two belongs to its horizon.

    python benchmarks/bench_echo_state.py      writes echo_state.csv and echo_unit.csv beside this file, 10 minutes
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import dynakit as dk
from dynakit.linalg import one_thread
from dynakit.systems import Bounds

HERE = Path(__file__).parent
GAINS = {"leaky tanh": (0.5, 1.2, 1.8, 2.5), "GRU": (1.0, 2.0, 4.0, 8.0), "LSTM": (1.0, 2.0, 4.0, 8.0)}
AMPLITUDES, SEEDS = (0.03, 0.3, 3.0), 14
HORIZON, OTHERS, MET, APART = 1000, 500, 1e-6, 1e-3
X = np.sqrt(0.5)
FOLD, FLIP = 2 * X - np.arctanh(X), 2 * X + np.arctanh(X)
UNIT_SIZES = (0.1, 0.5, 0.53, 0.535, 0.6, 0.8, 1.0, 1.5, 2.0, 2.29, 2.4, 3.0)


def network(cell: str, gain: float, seed: int) -> dk.System:
    """3 to 12 units with normal weights of standard deviation gain / sqrt(units), 2 inputs."""
    generator = torch.Generator().manual_seed(seed)
    n = 3 + seed % 10
    if cell == "leaky tanh":
        model: Any = dk.models.LeakyRNN(
            2, n, 1, dt=20.0, tau=100.0, activation="tanh", form="rate", seed=seed
        )
    else:
        model = (nn.GRU if cell == "GRU" else nn.LSTM)(2, n)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0.0, gain / p.shape[-1] ** 0.5 if p.ndim == 2 else 0.1, generator=generator)
    return dk.as_system(model)


def end_states(system: dk.System, inputs: np.ndarray, seed: int) -> np.ndarray:
    """Where other states end: a third near zero, a third of the size of activity, a third from all of the box."""
    rng, u = np.random.default_rng([seed, 1]), torch.from_numpy(inputs)
    box = system._box(Bounds(u.amin(0), u.amax(0)))
    assert box is not None
    lo, hi = box
    sizes = np.resize([0.05, 0.5, np.inf], OTHERS)[:, None]
    x = torch.from_numpy(np.nan_to_num(sizes * rng.standard_normal((OTHERS, system.state_size))))
    x[2::3] = lo + (hi - lo) * torch.from_numpy(rng.random((len(x[2::3]), len(lo))))
    x = x.clamp(lo, hi)
    with torch.no_grad():
        for now in u:
            x = system._step(x, now.expand(OTHERS, -1))
    return x.numpy()


def places(states: np.ndarray, radius: float) -> int:
    """How many states there are, none within the radius of another."""
    kept: list[np.ndarray] = []
    for x in states:
        if all(np.abs(x - y).max() > radius * (1 + np.abs(y).max()) for y in kept):
            kept.append(x)
    return len(kept)


def judged(cell: str, gain: float, amplitude: float, seed: int) -> Counter[str]:
    """One network: what was said, and what the other states say to it."""
    system = network(cell, gain, seed)
    inputs = amplitude * np.random.default_rng([seed, 0]).standard_normal((HORIZON, 2))
    start = time.process_time()
    echo = dk.check_echo_state(system, inputs, seed=seed)
    spent = time.process_time() - start
    ends = end_states(system, inputs, seed)
    several = places(ends, MET) > 1
    one = dk.lyapunov_spectrum(
        system, system.initial_state(), inputs, n_steps=HORIZON - 100, n_exponents=1, n_transient=100
    )
    negative = one.kind == "contracts along this trajectory"
    said = Counter({"networks": 1, echo.verdict: 1, "cpu_s": spent})
    said["several_responses"] = echo.n_responses > 1
    said["proved"] = echo.proved
    said["contradicted"] = echo.verdict == "echo state" and several
    said["proved_wrong"] = echo.proved and several and echo.verdict != "undetermined"
    said["too_many"] = echo.n_responses > places(ends, APART)
    said["negative"] = negative
    said["of_them_several"] = negative and places(ends, APART) > 1
    return said


def networks() -> list[dict[str, Any]]:
    """A row for each cell and size of inputs."""
    rows = []
    for cell, gains in GAINS.items():
        for amplitude in AMPLITUDES:
            total: Counter[str] = Counter()
            for k, gain in enumerate(gains):
                for seed in range(SEEDS):
                    total.update(judged(cell, gain, amplitude, 100 * k + seed))
            names = ("networks", "echo state", "contradicted", "proved", "proved_wrong", "no echo state")
            names += ("several_responses", "too_many", "undetermined", "negative", "of_them_several")
            row = {"cell": cell, "input_sd": amplitude, **{name: int(total[name]) for name in names}}
            rows.append({**row, "cpu_s_each": f"{total['cpu_s'] / total['networks']:.2f}"})
    return rows


def courses(a: float, n_steps: int) -> dict[str, tuple[np.ndarray, str]]:
    """Inputs of size a, and how many responses they have by the closed form."""
    rng, low = np.random.default_rng(0), a < FOLD
    rarely = "2" if low else "1 in the end"
    return {
        "constant": (np.full(n_steps, a), "2" if low else "1"),
        "alternating": (a * (-1.0) ** np.arange(n_steps), "2" if a < FLIP else "1"),
        "uniform in +-a": (rng.uniform(-a, a, n_steps), rarely),
        "+-a at random": (a * rng.choice([-1.0, 1.0], n_steps), rarely),
    }


def unit() -> list[dict[str, Any]]:
    """A row for each course and size of inputs, at two horizons."""
    system, rows = dk.catalog.tanh_unit(2.0), []
    for a in UNIT_SIZES:
        for n_steps in (400, 4000):
            for name, (inputs, expected) in courses(a, n_steps).items():
                echo = dk.check_echo_state(system, inputs[:, None])
                row = {"inputs": name, "a": a, "closed_form": expected, "horizon": n_steps}
                rows.append(
                    {**row, "responses": echo.n_responses, "verdict": echo.verdict, "proved": echo.proved}
                )
    return sorted(rows, key=lambda row: (row["inputs"], row["a"], row["horizon"]))


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """A table beside this file."""
    with open(HERE / name, "w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    with one_thread():
        write("echo_unit.csv", unit())
        write("echo_state.csv", networks())
