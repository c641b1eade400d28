"""What an update of many networks side by side costs, against each alone, and whether they end as they end alone.

    python benchmarks/bench_together.py      writes together.csv and together_runs.csv beside this file

CPU seconds of one thread, `dk.train` and `dk.train_together` in turn, on three bits of `FlipFlop` with 100 steps;
`ratio` is the median of alone to together within a round. What bounds it: `products` are the three products of
matrices per step alone, `drawing` is the drawing of the trials, `traffic` is to write states and their derivatives to
memory and to read them again, at the speed at which this machine copies.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from timing import in_turn, write

import dynakit as dk
from dynakit.linalg import one_thread
from dynakit.training import BPTT, train_together

TASK = dk.tasks.FlipFlop(n_bits=3)
UPDATES, ROUNDS = 8, 5
CASES: list[tuple[str, dict[str, Any], int, int, int]] = [  # network, settings, units, batch, networks
    ("Elman", {}, 16, 16, 32),
    ("Elman", {}, 16, 64, 32),
    ("Elman", {}, 32, 64, 16),
    ("Elman", {}, 32, 64, 1),
    ("GRU", {}, 16, 16, 32),
    ("GRU", {}, 32, 64, 16),
    ("LSTM", {}, 16, 16, 32),
    ("LSTM", {}, 32, 64, 16),
    ("LeakyRNN", {}, 50, 64, 16),
    ("LeakyRNN", {"dale": "abs"}, 50, 16, 32),
    ("LeakyRNN", {"dale": "abs", "sigma_rec": 0.05}, 50, 16, 32),
    ("LeakyRNN", {"dale": "abs"}, 100, 64, 8),
]
HEAD = "network,units,batch,networks,alone_ms,together_ms,ratio,least,greatest,products_ms,drawing_ms,traffic_ms"
ROWS = {"Elman": 1, "GRU": 4, "LSTM": 4, "LeakyRNN": 1}  # blocks of rows of the matrix that a network is


def cpu(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def copying() -> float:
    """Bytes per second through memory: read once and written once."""
    source = torch.ones(2**24)
    target = torch.empty_like(source)
    return 2 * 4 * len(source) / statistics.median(cpu(lambda: target.copy_(source)) for _ in range(9))


def products(kind: str, units: int, batch: int, networks: int) -> float:
    """Seconds of the three products of a step, per network and update, on as many networks as are in one block."""
    networks = min(networks, max(1, 2**15 // (units * batch)))
    rows, columns = ROWS[kind] * units + TASK.n_outputs, units + TASK.n_inputs + 1
    matrix, x = torch.randn(networks, rows, columns), torch.randn(networks, columns, batch)
    a, g, back, turned = matrix @ x, x[:, :units].contiguous(), matrix[:, :, :units].mT, x.mT

    def step() -> None:
        torch.bmm(matrix, x, out=a)
        torch.bmm(back, a, out=g)
        torch.baddbmm(matrix, a, turned, beta=0, out=matrix)

    def pass_() -> None:
        for _ in range(TASK.n_steps):
            step()
            matrix.fill_(0.01)

    return statistics.median(cpu(pass_) for _ in range(9)) / networks


def drawing(batch: int, networks: int) -> float:
    """Seconds to draw one network's trials."""
    return statistics.median(cpu(lambda: TASK.sample_each(batch, range(networks))) for _ in range(9)) / networks


def row(case: tuple[str, dict[str, Any], int, int, int], bandwidth: float) -> list[str]:
    """One line of the table."""
    kind, settings, units, batch, networks = case
    method = BPTT(max_updates=UPDATES, batch_size=batch)
    alone = min(networks, 2)

    def make(seed: int) -> Any:
        return getattr(dk.models, kind).for_task(TASK, n_hidden=units, seed=seed, **settings)

    def one_by_one() -> None:
        for seed in range(alone):
            dk.train(make(seed), TASK, method, seed=seed)

    def together() -> None:
        train_together([make(seed) for seed in range(networks)], TASK, method)

    times = in_turn({"alone": one_by_one, "together": together}, ROUNDS)
    each = {"alone": [s / alone / UPDATES for s in times["alone"]]}
    each["together"] = [s / networks / UPDATES for s in times["together"]]
    ratios = [a / b for a, b in zip(each["alone"], each["together"])]
    states = (2 * units + ROWS[kind] * units + 2 * TASK.n_outputs + TASK.n_inputs + 1) * batch * TASK.n_steps
    bounds = (products(kind, units, batch, networks), drawing(batch, networks), 2 * 4 * states / bandwidth)
    name = kind + "".join(f" {key}={value}" for key, value in settings.items())
    ms = [f"{1e3 * statistics.median(each[who]):.3f}" for who in ("alone", "together")]
    spread = [f"{x:.1f}" for x in (statistics.median(ratios), min(ratios), max(ratios))]
    return [name, *map(str, (units, batch, networks)), *ms, *spread, *(f"{1e3 * bound:.3f}" for bound in bounds)]


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def ends(kind: str) -> list[str]:
    """Eight networks of 16 units on two bits, until a score of .97: the updates, and how far weights are apart."""
    task = dk.tasks.FlipFlop(n_bits=2)
    method = BPTT(max_updates=400, batch_size=32, learning_rate=5e-3, stop_at_score=0.97)
    models, twins = ([getattr(dk.models, kind).for_task(task, 16, seed=s) for s in range(8)] for _ in range(2))
    histories, alone = [], []
    together_s = cpu(lambda: histories.extend(train_together(models, task, method)))
    alone_s = cpu(lambda: alone.extend(dk.train(m, task, method, seed=s) for s, m in enumerate(twins)))
    same = sum(len(a) == len(b) for a, b in zip(histories, alone))
    gap = max(float((weights(a) - weights(b)).abs().max()) for a, b in zip(models, twins))
    updates = [len(history) for history in histories]
    what = f"{kind} 16, 2 bits, to .97"
    seconds = [f"{together_s:.1f}", f"{alone_s:.1f}"]
    return [what, "8", f"{min(updates)}-{max(updates)}", f"{same} of 8", f"{gap:.0e}", *seconds]


def hundred() -> list[str]:
    """A hundred tanh networks of 32 units, to .998 on three bits."""
    task = dk.tasks.FlipFlop(n_bits=3, n_steps=60, p_flip=0.08)
    method = BPTT(max_updates=2000, batch_size=32, learning_rate=3e-3, stop_at_score=0.998)
    models = [dk.models.Elman.for_task(task, 32, seed=seed) for seed in range(100)]
    histories: list[Any] = []
    seconds = cpu(lambda: histories.extend(train_together(models, task, method)))
    reached = sum("reached" in history.stopped for history in histories)
    updates = sorted(len(history) for history in histories)
    ideal = sum((len(points), len(points.stable)) == (27, 8) for points in map(at_rest, models))
    what = f"Elman 32, 3 bits, to .998: {reached} of 100 reach it; 27 fixed points, 8 of them stable, in {ideal}"
    return [what, "100", f"{updates[0]}-{updates[-1]}", "", "", f"{seconds:.1f}", ""]


def at_rest(model: Any) -> dk.FixedPoints:
    """The fixed points of a network under no input."""
    return dk.find_fixed_points(dk.as_system(model), seed=0)


def main() -> None:
    with one_thread():
        bandwidth = copying()
        write("together", [HEAD.split(","), *(row(case, bandwidth) for case in CASES)])
        head = ["run", "networks", "updates", "end_as_alone", "weight_gap", "together_s", "alone_s"]
        write("together_runs", [head, ends("Elman"), ends("GRU"), hundred()])


if __name__ == "__main__":
    main()
