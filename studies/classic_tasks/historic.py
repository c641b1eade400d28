"""(i) The embedded Reber grammar at the sizes of 1997: who learns 256 strings, and after how many presented?

Hochreiter and Schmidhuber (1997), experiment 1 and table 1.  The training strings come one at a time in random order;
success is that all symbols of the 256 training and the 256 test strings are predicted right, looked at every 1,000
strings.  Errors are sums of squares, descent is plain, weights begin uniform in +-0.2.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import parts
import string_by_string
import torch
from torch import Tensor, nn
from torch.nn import functional

import dynakit as dk

MOST, EVERY = 200_000, 1000  # strings presented, and between two looks
FRESH = 2000  # strings on which a network that succeeded is judged besides
PAIRS, TRIALS = 3, 4  # of fixed sets, as published, and of networks for each
LOOPS: Any = string_by_string  # in machine code, whose signatures no type checker reads


class Simple(dk.models.RecurrentModel):
    """The simple recurrent network with logistic hidden units and outputs and no biases: 435 weights with 15 units."""

    def __init__(
        self, n_inputs: int, n_hidden: int, n_outputs: int, scale: float = 0.2, *, seed: int = 0
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = n_inputs, n_hidden, n_outputs
        self.scale, self.seed, rng = scale, seed, np.random.default_rng(seed)
        shapes = (n_hidden, n_inputs), (n_hidden, n_hidden), (n_outputs, n_hidden)
        drawn = (
            nn.Parameter(torch.from_numpy(rng.uniform(-scale, scale, shape)).float()) for shape in shapes
        )
        self.W_in, self.W_rec, self.W_out = drawn

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """h' = s(W_in u + W_rec h)."""
        return torch.sigmoid(functional.linear(u, self.W_in) + functional.linear(x, self.W_rec))

    def read(self, states: Tensor) -> Tensor:
        """y = s(W_out h)."""
        return torch.sigmoid(functional.linear(states, self.W_out))

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> dk.models.Trajectory:
        return self._step_by_step(inputs, x0)


@dataclass(frozen=True)
class Row:
    """One row of the table: a network, how it is taught, and what was published."""

    network: str
    learner: str
    build: Callable[[int], Any]  # seed -> model
    teach: Callable[..., None]  # (model, strings, lengths, order, rate): changes the model in place
    rate: float
    published: str = ""  # successes
    strings: str = ""  # presented until then


def connected(n_units: int) -> Callable[[int], Any]:
    """So many units and the seven outputs, all connected, without biases."""
    return lambda seed: dk.models.FullyConnected(7, n_units + 7, 7, scale=0.2, bias=False, seed=seed)


def blocks(n_blocks: int, size: int, *, shut: bool = True) -> Callable[[int], Any]:
    """So many blocks of so many cells, whose output gates begin ``shut``: the first a little, the last most."""
    biases = [-1.0 - k if shut else 0.0 for k in range(n_blocks)]
    return lambda seed: dk.models.MemoryBlocks(
        7, n_blocks * size, 7, block_size=size, output_bias=biases, scale=0.2, seed=seed
    )


def weights(model: Any, *names: str) -> list[np.ndarray]:
    """These parameters as arrays that share their memory."""
    return [getattr(model, name).detach().numpy() for name in names]


def by_rtrl(model: Any, *how: Any) -> None:
    """Teach a fully connected network."""
    LOOPS.rtrl(*weights(model, "W_in", "W_rec"), model.n_outputs, *how)


def one_step_back(model: Any, *how: Any) -> None:
    """Teach a simple network as Cleeremans et al. (1989) did: what the units held before is an input."""
    LOOPS.simple(*weights(model, "W_in", "W_rec", "W_out"), False, *how)


def through_time(model: Any, *how: Any) -> None:
    """Teach a simple network by the whole gradient."""
    LOOPS.simple(*weights(model, "W_in", "W_rec", "W_out"), True, *how)


def by_bptt(model: Any, *how: Any) -> None:
    """Teach memory blocks by the whole gradient."""
    LOOPS.blocks(*weights(model, "W_in", "W_rec", "W_out", "b_rec"), model.block_size, True, *how)


def in_cells(model: Any, *how: Any) -> None:
    """Teach memory blocks by the gradient of 1997: errors go back in time through cells alone."""
    LOOPS.blocks(*weights(model, "W_in", "W_rec", "W_out", "b_rec"), model.block_size, False, *how)


def simple(seed: int) -> Any:
    """Fifteen hidden units."""
    return Simple(7, 15, 7, seed=seed)


RTRL, BPTT, SHORT = "RTRL, updates at each symbol", "BPTT, updates after each string", "BPTT, one step back"
CELLS = "BPTT, back through cells alone"
ROWS = {
    "RTRL 3": Row("3 units and the outputs", RTRL, connected(3), by_rtrl, 0.05, "some fraction", "173,000"),
    "RTRL 3, rate 0.1": Row("3 units and the outputs", RTRL, connected(3), by_rtrl, 0.1),
    "RTRL 12": Row("12 units and the outputs", RTRL, connected(12), by_rtrl, 0.1, "some fraction", "25,000"),
    "ELM 15": Row("15 hidden units", SHORT, simple, one_step_back, 0.1, "0 %", ">200,000"),
    "ELM 15, whole gradient": Row("15 hidden units", BPTT, simple, through_time, 0.1),
    "LSTM 4 x 1": Row("4 blocks of 1 cell", BPTT, blocks(4, 1), by_bptt, 0.1, "100 %", "39,740"),
    "LSTM 3 x 2": Row("3 blocks of 2 cells", BPTT, blocks(3, 2), by_bptt, 0.1, "100 %", "21,730"),
    "LSTM 3 x 2, rate 0.2": Row("3 blocks of 2 cells", BPTT, blocks(3, 2), by_bptt, 0.2, "97 %", "14,060"),
    "LSTM 4 x 1, rate 0.5": Row("4 blocks of 1 cell", BPTT, blocks(4, 1), by_bptt, 0.5, "97 %", "9,500"),
    "LSTM 3 x 2, rate 0.5": Row("3 blocks of 2 cells", BPTT, blocks(3, 2), by_bptt, 0.5, "100 %", "8,440"),
    "LSTM 3 x 2, cut gradient": Row("3 blocks of 2 cells", CELLS, blocks(3, 2), in_cells, 0.1),
    "LSTM 3 x 2, rate 0.2, gates alike": Row(
        "3 blocks of 2 cells", BPTT, blocks(3, 2, shut=False), by_bptt, 0.2
    ),
}
RCC = {
    "row": "RCC",
    "network": "7 to 9 hidden units",
    "learner": "recurrent cascade correlation, not run: its network grows while it learns",
    "weights": "119 to 198",
    "published successes": "50 %",
    "published strings": "182,000",
}


def measure(name: str, pair: int, trial: int, most: int = MOST) -> dict[str, Any]:
    """Teach one network until all 512 strings are right, and say what it can do then."""
    row, seed, start = ROWS[name], 100 * pair + trial, time.process_time()
    task = dk.tasks.EmbeddedReber(pair=pair)
    model = row.build(seed).double()
    train, test = (task.show(task.fixed(which)) for which in ("train", "test"))
    strings, lengths = symbols(task, task.fixed("train"))
    order, presented, solved = np.random.default_rng([seed, 1997]), 0, False
    while presented < most and not solved:
        row.teach(model, strings, lengths, order.integers(len(strings), size=EVERY), row.rate)
        presented += EVERY
        solved = all(task.solved(said(model, trials), trials) for trials in (train, test))
    outer = at_the_outer_symbol(test)
    return {
        "row": name,
        "pair": pair,
        "seed": seed,
        "weights": sum(p.numel() for p in model.parameters()),
        "solved": solved,
        "strings": presented,
        "train right": task.score(said(model, train), train),
        "test right": task.score(said(model, test), test),
        "outer symbol right": task.score(said(model, test), asked(test, outer)),
        "all others right": task.score(said(model, test), asked(test, ~outer)),
        "fresh right": task.score(said(model, fresh := task.sample(FRESH, seed=10_000)), fresh),
        "CPU s": time.process_time() - start,
    }


def symbols(task: Any, strings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The symbols (string, step) of strings, zeros beyond their ends, and their predictions (string,)."""
    shown = np.zeros((len(strings), max(map(len, strings))), np.int64)
    for row, string in zip(shown, strings):
        row[: len(string)] = task.as_indices(string)
    return shown, np.array([len(string) - 1 for string in strings])


def said(model: Any, trials: Any) -> Tensor:
    """The outputs of a network in double precision."""
    with torch.no_grad():
        return model(trials.inputs.double()).outputs


def at_the_outer_symbol(trials: Any) -> Tensor:
    """Where the outer symbol is to be predicted, the last but one of each string: boolean (trial, time)."""
    return torch.arange(trials.n_steps) == trials.lengths[:, None] - 2


def asked(trials: Any, where: Tensor) -> Any:
    """The same trials, asked there alone."""
    return dataclasses.replace(trials, mask=trials.mask * where[..., None])


def summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The published row beside what was measured in all trials of it."""
    row, right = ROWS[name], [r for r in rows if r["solved"]]
    strings = [r["strings"] for r in right]
    failed = [r for r in rows if not r["solved"]]
    return {
        "row": name,
        "network": row.network,
        "learner": row.learner,
        "weights": rows[0]["weights"],
        "rate": row.rate,
        "published successes": row.published,
        "published strings": row.strings,
        "trials": len(rows),
        "successes": len(right),
        "strings, median": float(np.median(strings)) if right else "",
        "strings, least": min(strings, default=""),
        "strings, most": max(strings, default=""),
        f"successes with all of {FRESH} fresh right": sum(r["fresh right"] == 1 for r in right),
        "fresh right, least": min((r["fresh right"] for r in right), default=""),
        "outer symbol right where it failed": mean(failed, "outer symbol right"),
        "all others right where it failed": mean(failed, "all others right"),
    }


def mean(rows: list[dict[str, Any]], column: str) -> Any:
    """The mean of one column, nothing without rows."""
    return float(np.mean([row[column] for row in rows])) if rows else ""


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every row, trial and pair of sets; with --quick two trials of one row, cut after 2,000 strings."""
    started = time.perf_counter()
    names = ["LSTM 3 x 2, rate 0.5"] if quick else list(ROWS)
    pairs, trials, most = (1, 2, 2000) if quick else (PAIRS, TRIALS, MOST)
    jobs = [(name, pair, k, most) for name in names for pair in range(pairs) for k in range(trials)]
    rows = parts.rows(measure, jobs, n_jobs)
    how: dict[str, Any] = {"seeds": sorted({r["seed"] for r in rows}), "started": started, "quick": quick}
    parts.write("classic_tasks", out / "historic_trials.csv", rows, **how)
    table = [summary(name, [r for r in rows if r["row"] == name]) for name in names]
    parts.write("classic_tasks", out / "historic.csv", [*table, RCC], **how)
