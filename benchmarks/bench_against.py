"""Two versions of the package on the same networks: is any search slower than it was?

    python benchmarks/bench_against.py --against ANOTHER_CHECKOUT [--rounds 7]

Layers of torch and a cell written by hand with random weights of gain 2 go through ``dk.as_system`` and
``dk.find_fixed_points`` with default starts.  The two versions take turns, each in a process of its own, and change
the order from round to round; a process warms up and takes the median of its repeats.  ``before_ms`` and ``now_ms`` are
medians of CPU time over the rounds, ``ratio`` that of now to before within a round, with its least and its greatest.
``points`` are those of now, and of before where they differ.  Writes against.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
N_INPUTS, GAIN, REPEATS = 3, 2.0, 3


class Own(nn.Module):
    """x' = tanh(W x + V u + b), by hand."""

    def __init__(self, n_units: int) -> None:
        super().__init__()
        self.hidden_size, self.input_size = n_units, N_INPUTS
        self.recurrent, self.input = nn.Linear(n_units, n_units), nn.Linear(N_INPUTS, n_units)

    def step(self, u: Tensor, x: Tensor) -> Tensor:
        """The next state."""
        return torch.tanh(self.recurrent(x) + self.input(u))


class Whole(nn.Module):
    """A layer with its readout, as networks are trained."""

    def __init__(self, n_units: int) -> None:
        super().__init__()
        self.rnn, self.readout = nn.GRU(N_INPUTS, n_units, batch_first=True), nn.Linear(n_units, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of whole sequences."""
        return self.readout(self.rnn(inputs)[0])


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "nn.RNN": lambda n: nn.RNN(N_INPUTS, n),
    "nn.GRU": lambda n: nn.GRU(N_INPUTS, n),
    "nn.LSTM": lambda n: nn.LSTM(N_INPUTS, n),
    "nn.GRU of two layers": lambda n: nn.GRU(N_INPUTS, n // 2, num_layers=2),
    "GRU and readout": Whole,
    "own tanh": Own,
}
SIZES = (16, 32)


def drawn(name: str, n_units: int) -> nn.Module:
    """A model with random weights."""
    model, generator = MODELS[name](n_units).double(), torch.Generator().manual_seed(n_units)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(GAIN / p.shape[-1] ** 0.5 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return model


def taken(name: str, model: nn.Module) -> dk.System:
    """The model as a system."""
    return dk.as_system(model, step="step") if name == "own tanh" else dk.as_system(model)


def measured(name: str, n_units: int) -> dict[str, Any]:
    """Milliseconds of this process for both calls, and the points."""
    model, times, points = drawn(name, n_units), [], None
    for _ in range(REPEATS + 1):
        began = time.process_time()
        system = taken(name, model)
        between = time.process_time()
        points = dk.find_fixed_points(system)
        times.append((1e3 * (between - began), 1e3 * (time.process_time() - between)))
    adapted, searched = (statistics.median(t) for t in zip(*times[1:], strict=True))
    return {"as_system": adapted, "find_fixed_points": searched, "points": len(points or ())}


def child() -> None:
    """All networks with the version that is imported, as JSON."""
    with one_thread():
        found = [[name, n, measured(name, n)] for name in MODELS for n in SIZES]
    print(json.dumps([str(Path(dk.__file__).parent.parent), found]))


def run(checkout: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """What a process with that version says."""
    surroundings = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "bench_against.py"), "--child"]
    said = subprocess.run(
        command, cwd=checkout, env=surroundings, check=True, capture_output=True, text=True
    ).stdout
    where, found = json.loads(said.splitlines()[-1])
    if Path(where).resolve() != checkout.resolve():
        raise SystemExit(f"dynakit was imported from {where}, not from {checkout}")
    return {(name, n): values for name, n, values in found}


def row(key: tuple[str, int], before: list[Any], now: list[Any]) -> list[Any]:
    """One network: times of both calls, and ratios within rounds."""
    cells: list[Any] = [*key]
    for call in ("as_system", "find_fixed_points"):
        old, new = ([r[key][call] for r in runs] for runs in (before, now))
        ratios = [b / a for a, b in zip(old, new, strict=True)]
        numbers = (statistics.median(old), statistics.median(new))
        cells += [f"{x:.1f}" for x in numbers]
        cells += [f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}-{max(ratios):.2f}"]
    old, new = (runs[0][key]["points"] for runs in (before, now))
    return [*cells, new if old == new else f"{new} (before: {old})"]


def main() -> None:
    """Take turns, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        return child()
    if arguments.against is None:
        parser.error("--against must be the path of another checkout")
    versions = (arguments.against.resolve(), HERE.parent.resolve())
    runs: tuple[list[Any], list[Any]] = ([], [])
    for k in range(arguments.rounds):
        for j in (0, 1) if k % 2 == 0 else (1, 0):
            runs[j].append(run(versions[j]))
    calls = [
        f"{call}_{what}"
        for call in ("as_system", "search")
        for what in ("before_ms", "now_ms", "ratio", "range")
    ]
    with open(HERE / "against.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["network", "units", *calls, "points"])
        table.writerows(row(key, *runs) for key in runs[0][0])


if __name__ == "__main__":
    main()
