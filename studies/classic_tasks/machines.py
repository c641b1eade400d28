"""(d) The machines that trained networks carry out, and whether they are those of the grammars."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

N_WORDS = 10_000
BPTT = dk.training.BPTT


def reber(kind: str, seed: int) -> tuple[Any, Any, dk.Automaton, dict[str, Any]]:
    """A network that predicts strings of the embedded Reber grammar, and the grammar's machine."""
    task = dk.tasks.EmbeddedReber(error="entropy")
    cls, rate, n_updates = {"LSTM 12": (dk.models.LSTM, 1e-2, 1500), "Elman 12": (dk.models.Elman, 5e-3, 3000)}[kind]
    model = cls.for_task(task, 12, seed=seed)
    dk.train(model, task, BPTT(learning_rate=rate, batch_size=32, max_updates=n_updates, decay_to=0.2), seed=seed)
    wanted = dk.Automaton.from_table(task.automaton, task.automaton_labels, 0, task.symbols)
    return model, task, wanted, {}


def parity(kind: str, seed: int) -> tuple[Any, Any, dk.Automaton, dict[str, Any]]:
    """Two units and a readout, guessed at random, every prefix asked for."""
    task = dk.tasks.Parity(signed=True, every_step=True)
    model = dk.models.LeakyRNN.for_task(task, 2, dt=20.0, tau=20.0, form="rate", activation="sigmoid")
    dk.train(model, task, dk.training.WeightGuessing(max_guesses=2_000_000), seed=seed)
    labels = {"even": "even", "odd": "odd"}
    return model, task, dk.Automaton.from_table(task.automaton, labels, "even"), {}


def modulo_three(kind: str, seed: int) -> tuple[Any, Any, dk.Automaton, dict[str, Any]]:
    """A GRU that counts ones modulo three; asked at every step of strings of 1 to 30 bits."""
    rng = np.random.default_rng(seed)
    lengths, bits = rng.integers(1, 31, 2048), rng.integers(0, 2, (2048, 30))
    counts = bits.cumsum(1) % 3
    task = dk.tasks.from_arrays(bits[..., None].astype(float), counts, lengths=lengths, decode="argmax")
    model = dk.models.GRU.for_task(task, 12, seed=seed)
    dk.train(model, task, BPTT(learning_rate=1e-2, batch_size=64, max_updates=1500, decay_to=0.2), seed=seed)
    names = task.decode(np.eye(3)).tolist()
    table = {(k, "0"): k for k in range(3)} | {(k, "1"): (k + 1) % 3 for k in range(3)}
    wanted = dk.Automaton.from_table(table, dict(enumerate(names)), 0)
    words = [[str(b) for b in row[:end]] for row, end in zip(*_strings(rng))]
    return (
        model,
        {"0": np.zeros(1), "1": np.ones(1)},
        wanted,
        {"decode": task.decode, "first": names[0], "words": words},
    )


def _strings(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(0, 2, (N_WORDS, 60)), rng.integers(1, 61, N_WORDS)


NETWORKS = {
    "embedded Reber": (reber, ("LSTM 12", "Elman 12")),
    "parity": (parity, ("2 units, guessed",)),
    "ones modulo three": (modulo_three, ("GRU 12",)),
}


def measure(name: str, kind: str, seed: int) -> dict[str, Any]:
    """Train one network, read its machine out, and compare it with the grammar's."""
    model, alphabet, wanted, more = NETWORKS[name][0](kind, seed)
    system, start = dk.as_system(model), time.process_time()
    found = dk.extract_automaton(system, alphabet, **{"words": N_WORDS, "seed": seed, **more})
    difference = found.automaton.difference(wanted)
    row = {
        "task": name,
        "network": kind,
        "seed": seed,
        "states found": len(found.automaton),
        "states of the grammar": len(wanted.minimal()),
        "words": found.n_words,
        "machine and network agree on": found.n_agreeing,
        "machine is the grammar's": difference is None,
        "they first differ after": "" if difference is None else "".join(difference),
        "stress words": found.n_stress,
        "network leaves the machine under stress after": _short(found.stress_example),
        "separation of states": found.separation,
        "extraction CPU s": time.process_time() - start,
        "loops kept": "",
    }
    if name == "embedded Reber":
        lasting = dk.stress_strings(system, alphabet).lasting
        row["loops kept"] = " ".join(f"{loop}:{n}" for loop, n in lasting.items())
    return row


def _short(word: list[str] | None) -> str:
    """A word with its runs counted: BTBT(S x 30)."""
    if word is None:
        return ""
    runs: list[tuple[str, int]] = []
    for symbol in word:
        runs[-1:] = [(symbol, runs[-1][1] + 1)] if runs and runs[-1][0] == symbol else [*runs[-1:], (symbol, 1)]
    return "".join(symbol * n if n < 4 else f"({symbol} x {n})" for symbol, n in runs)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every network, three seeds; with --quick one of each task."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds = [(name, kind) for name, (_, known) in NETWORKS.items() for kind in known[: 1 if quick else 2]]
    jobs = [(*kind, seed) for kind in kinds for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("classic_tasks", out / "machines.csv", rows, seeds=seeds, started=started, quick=quick)
