"""An LSTM written by hand in five ways, against torch's layer: the same points, certified, at what cost?

    python benchmarks/bench_own_lstm.py [--repeats 5] [--network lstm16_0]

A trained 3-bit flip-flop of 16 units has 27 fixed points.  Its weights stand in modules whose state is a tuple, a
dictionary or units first, in a forward of whole sequences, and in a step that draws noise; each goes through
``dk.as_system`` and ``dk.find_fixed_points`` with default starts.  ``worst`` is the largest distance of a point of the
closed form's to the nearest one found, ``eigenvalues`` the largest difference of spectra, ``orbits`` that of 25 steps
from 5 random states under random inputs.  ``cpu_s`` is the median CPU time of the searches, interleaved; ``ratio`` is
that to the closed form's in the same round.  Writes own_lstm.csv.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from pathlib import Path
from typing import Any

import networks
import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent


class Tuple(nn.Module):
    """The state a tuple (h, c)."""

    def __init__(self, rnn: nn.LSTM) -> None:
        super().__init__()
        self.rnn, self.hidden_size, self.input_size = rnn, rnn.hidden_size, rnn.input_size

    def gates(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step, in torch's order of the gates."""
        r = self.rnn
        both = x @ r.weight_ih_l0.T + r.bias_ih_l0 + h @ r.weight_hh_l0.T + r.bias_hh_l0
        i, f, g, o = both.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def step(self, x: Tensor, state: Any) -> Any:
        """Output and state."""
        h, c = self.gates(x, *state)
        return h, (h, c)


class Dictionary(Tuple):
    """The state a dictionary."""

    def step(self, x: Tensor, state: Any) -> Any:
        h, c = self.gates(x, state["rate"], state["memory"])
        return {"rate": h, "memory": c}

    def init_state(self, n: int) -> Any:
        """Zeros."""
        return {name: torch.zeros(n, self.hidden_size) for name in ("rate", "memory")}


class UnitsFirst(Tuple):
    """The state two tensors (1, unit, batch)."""

    def step(self, x: Tensor, state: Any) -> Any:
        h, c = self.gates(x, state[0][0].T, state[1][0].T)
        return h, (h.T[None], c.T[None])


class Sequence(Tuple):
    """A forward of whole sequences through torch's own layer."""

    def step(self, x: Tensor, state: Any = None) -> Any:
        return self.rnn(x, state)


class Noisy(Tuple):
    """Noise on the input of each step."""

    def step(self, x: Tensor, state: Any) -> Any:
        return super().step(x + 0.1 * torch.randn_like(x), state)


FORMS = {"tuple": Tuple, "dictionary": Dictionary, "units first": UnitsFirst, "sequence": Sequence, "noise": Noisy}


def differences(system: dk.System, points: Any, closed: dk.System, known: Any) -> list[float]:
    """Of points, of spectra at the nearest points, and of orbits."""
    far, nearest = cKDTree(points.states).query(known.states)
    order = lambda values: np.sort_complex(np.round(values, 12))  # noqa: E731
    spectra = max(
        float(abs(order(points.eigenvalues[k]) - order(known.eigenvalues[j])).max()) for j, k in enumerate(nearest)
    )
    rng = np.random.default_rng(0)
    x0, inputs = rng.standard_normal((5, closed.state_size)), rng.standard_normal((5, 25, closed.input_size))
    orbits = float((system.trajectory(x0, inputs) - closed.trajectory(x0, inputs)).abs().max())
    return [float(far.max()), spectra, orbits]


def timed(system: dk.System) -> tuple[Any, float]:
    """The points, and the CPU time that they took."""
    start = time.process_time()
    points = dk.find_fixed_points(system, seed=0)
    return points, time.process_time() - start


def main() -> None:
    """Search by each way in turn, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--network", default="lstm16_0")
    arguments = parser.parse_args()
    rnn = networks.network(arguments.network).rnn
    systems = {"torch's layer": dk.as_system(rnn)}
    systems |= {name: dk.as_system(kind(rnn), step="step") for name, kind in FORMS.items()}
    found: dict[str, Any] = {}
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    with one_thread():
        for system in systems.values():
            timed(system)
        for _ in range(arguments.repeats):
            for name, system in systems.items():
                found[name], cpu = timed(system)
                seconds[name].append(cpu)
    closed, known = systems["torch's layer"], found["torch's layer"]
    with open(HERE / "own_lstm.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        head = ["state", "points", "stable", "certified", "completeness", "worst", "eigenvalues", "orbits"]
        table.writerow([*head, "cpu_s", "ratio"])
        for name, points in found.items():
            ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["torch's layer"], strict=True))
            errors = [f"{value:.0e}" for value in differences(systems[name], points, closed, known)]
            counts = [len(points), len(points.stable), int(points.certified.sum()), points.completeness]
            table.writerow([name, *counts, *errors, f"{statistics.median(seconds[name]):.2f}", f"{ratio:.1f}"])
            print(name, *counts, *errors, f"{statistics.median(seconds[name]):.2f}", f"{ratio:.1f}", flush=True)


if __name__ == "__main__":
    main()
