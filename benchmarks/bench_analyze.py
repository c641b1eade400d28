"""How long ``analyze`` takes on trained networks, stage by stage, with and without figures.

    python benchmarks/bench_analyze.py

CPU seconds, one thread, in a process that has drawn one figure before.  There is no baseline: the physical limits are
one LU factorisation per Newton step and start (0.05 ms at n = 100 in float64), and one product of 128 states with the
recurrent weights per step that they are left alone (0.1 ms at n = 100, 4 ms at n = 512).  Writes
benchmarks/analyze.csv.
"""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import dynakit as dk

LEAKY: dict[str, object] = {"autapses": False, "sigma_rec": 0.05}
KINDS: dict[str, tuple[type, int, int, dict[str, object]]] = {  # model, bits, units, options
    "Elman 100": (dk.models.Elman, 3, 100, {}),
    "LSTM 100": (dk.models.LSTM, 3, 100, {}),
    "GRU 100": (dk.models.GRU, 3, 100, {}),
    "leaky 100": (dk.models.LeakyRNN, 3, 100, LEAKY),
    "Dale 100": (dk.models.LeakyRNN, 3, 100, {**LEAKY, "dale": "abs"}),
    "GRU 512": (dk.models.GRU, 2, 512, {}),
}
STAGES = ("memory", "fixed_points", "attractors", "transitions", "slow_points", "cycles", "lyapunov", "echo_state")


def trained(kind: str) -> tuple[Any, dk.tasks.Task]:
    """A network that solves its flip-flop: 200 updates; of the large one four rounds of 60 at a tenth of the rate."""
    cls, n_bits, n_hidden, options = KINDS[kind]
    task = dk.tasks.FlipFlop(n_bits=n_bits)
    model: Any = cls
    model = model.for_task(task, n_hidden=n_hidden, **options)
    large = n_hidden > 100
    for seed in range(4 if large else 1):
        rate, updates = (1e-3, 60) if large else (1e-2, 200)
        dk.train(model, task, dk.training.BPTT(learning_rate=rate, max_updates=updates), seed=seed)
    return model, task


def measure(kind: str) -> dict[str, object]:
    """Train one network, analyse it, save the report."""
    model, task = trained(kind)
    marks: list[tuple[str, float]] = []

    def note(_: int, said: dict[str, Any]) -> None:
        if said.get("unit") == "stage":
            marks.append((said["stage"], time.process_time()))

    report = dk.analyze(model, task, callback=note)
    analysed = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        report.save(folder)
    saved = time.process_time()
    ends = [at for _, at in marks[1:]] + [analysed]
    spent = {stage: end - at for (stage, at), end in zip(marks, ends)}
    points = report.fixed_points["rest"]
    start = marks[0][1]
    return {
        "network": kind,
        "fixed points": len(points),
        "starts, all drives": sum(p.n_starts for p in report.fixed_points.values()),
        **{f"{stage}_s": round(spent[stage], 2) for stage in STAGES},
        "other_stages_s": round(sum(t for stage, t in spent.items() if stage not in STAGES), 2),
        "analyze_s": round(analysed - start, 2),
        "figures_and_save_s": round(saved - analysed, 2),
        "total_s": round(saved - start, 2),
    }


def main() -> None:
    """Measure every kind and write the table."""
    torch.set_num_threads(1)
    dk.plots.close(
        dk.plots.plot_training(
            dk.train(dk.models.Elman(3, 2, 3), dk.tasks.FlipFlop(), dk.training.BPTT(max_updates=2))
        ).figure
    )
    rows = [measure(kind) for kind in KINDS]
    with open(Path(__file__).with_name("analyze.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    main()
