"""How long ``analyze`` takes on trained 3-bit networks of 100 units, with and without figures.

    python benchmarks/bench_analyze.py

CPU seconds, one thread, in a process that has drawn one figure before.  There is no baseline: the physical limit is
one LU factorisation per Newton step and start (0.05 ms at n = 100 in float64).  Writes benchmarks/analyze.csv.
"""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path

import torch

import dynakit as dk

KINDS = {
    "Elman 100": (dk.models.Elman, {}),
    "LSTM 100": (dk.models.LSTM, {}),
    "GRU 100": (dk.models.GRU, {}),
    "leaky 100": (dk.models.LeakyRNN, {"autapses": False, "sigma_rec": 0.05}),
    "Dale 100": (dk.models.LeakyRNN, {"autapses": False, "sigma_rec": 0.05, "dale": "abs"}),
}


def measure(kind: str) -> dict[str, object]:
    """Train one network, analyse it, save the report."""
    task = dk.tasks.FlipFlop()
    cls, options = KINDS[kind]
    model = cls.for_task(task, n_hidden=100, **options)
    dk.train(model, task, dk.training.BPTT(learning_rate=1e-2, max_updates=200), seed=0)
    start = time.process_time()
    report = dk.analyze(model, task)
    analysed = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        report.save(folder)
    saved = time.process_time()
    points = report.fixed_points["rest"]
    return {
        "network": kind,
        "fixed points": len(points),
        "starts, all drives": sum(p.n_starts for p in report.fixed_points.values()),
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
