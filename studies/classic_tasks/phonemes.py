"""(h) Phonemes, frame by frame: five networks on held-out sentences and on a held-out voice.

Two claims of Graves and Schmidhuber (2005) are tested on synthesised speech: networks that hear both directions are
better, and an LSTM learns faster than a plain network.  Then what the networks do: how long they keep, while they hear
each phone, what came before (eigenvalues of the Jacobian along the trajectory, forward and backward), and what kind of
errors they make.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import phoneme_figure
import torch

import dynakit as dk

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Elman": (dk.models.Elman, {}),
    "WindowedMLP": (dk.models.WindowedMLP, {"before": 5, "after": 5}),
    "LSTM": (dk.models.LSTM, {}),
    "BidirectionalElman": (dk.models.BidirectionalElman, {}),
    "BidirectionalLSTM": (dk.models.BidirectionalLSTM, {}),
}
RATE = 1e-2  # of 0.001 to 0.02; no rate tried with a kind gave it 0.6 points of frames more (one seed, 3,200 sequences)
SPLITS = ("train", "test", "voice")
BATCH = 16
FRAME = 10.0  # ms
NOISE = 0.1  # on the inputs, in training
RANKS = (1, 10)  # which time constants, from the longest
N_FRAMES = 10  # of each phone, at which they are measured


@functools.cache
def task(split: str) -> Any:
    """The sentences of a split, as they are."""
    return dk.tasks.Phonemes(split=split)


@functools.cache
def sentences(split: str) -> Any:
    """All trials of a split, each once."""
    return task(split).sample(task(split).n_sentences).until_the_longest()


def outputs_of(model: Any, split: str) -> torch.Tensor:
    """What the network says of all sentences of a split."""
    trials = sentences(split)
    with torch.no_grad():
        return model(trials.inputs, lengths=trials.lengths).outputs


def measure(kind: str, seed: int, epochs: int, n_hidden: int = 64, n_frames: int = N_FRAMES) -> dict[str, Any]:
    """One network, trained and judged."""
    cls, settings = KINDS[kind]
    noisy = dk.tasks.Phonemes(input_noise=NOISE)
    model = cls.for_task(noisy, n_hidden, seed=seed, **settings)
    per_epoch = noisy.n_sentences // BATCH
    curve: list[float] = []  # share of right frames of the held-out sentences, after each epoch

    def look(done: int, _: Any) -> None:
        if done % per_epoch == 0:
            curve.append(task("test").score(outputs_of(model, "test"), sentences("test")))

    began = time.process_time()
    method = dk.training.BPTT(learning_rate=RATE, batch_size=BATCH, max_updates=epochs * per_epoch)
    dk.train(model, noisy, method, seed=seed, callback=look)
    seconds = time.process_time() - began
    return {
        "network": kind,
        "hidden": n_hidden,
        "weights": sum(p.numel() for p in model.parameters()),
        "seed": seed,
        "sequences presented": epochs * per_epoch * BATCH,
        **{f"{split} frames right": task(split).score(outputs_of(model, split), sentences(split)) for split in SPLITS},
        **{f"{split} {what}": n for split in SPLITS[1:] for what, n in errors(outputs_of(model, split), split).items()},
        "training CPU s": seconds,
        "_curve": curve,
        "_constants": time_constants(model, kind, seed, n_frames) if kind.endswith("LSTM") else [],
    }


def errors(outputs: torch.Tensor, split: str) -> dict[str, Any]:
    """Substitutions, insertions and deletions per 100 phones of what is spelled, and what is confused most."""
    trials = sentences(split)
    said, meant = task(split).spelled(outputs, trials), task(split).spelled(trials.targets, trials)
    steps = [step for ours, theirs in zip(said, meant) for step in edits(ours, theirs)]
    n = sum(map(len, meant))
    kinds = {
        "substitutions": [s for s in steps if s[0] and s[1] and s[0] != s[1]],
        "insertions": [s for s in steps if not s[1]],
        "deletions": [s for s in steps if not s[0]],
    }
    pairs = [f"{theirs} as {ours}" for ours, theirs in kinds["substitutions"]]
    most = max(sorted(set(pairs)), key=pairs.count, default="")
    return {
        **{f"{name} per 100": 100 * len(found) / n for name, found in kinds.items()},
        "most confused": f"{most} ({pairs.count(most)})" if most else "",
    }


def edits(said: list[str], meant: list[str]) -> list[tuple[str, str]]:
    """The fewest edits that lead from one string to the other (Levenshtein 1966), as pairs (said, meant).

    "" stands for nothing: ("s", "") is an insertion, ("", "s") a deletion, ("s", "s") is right.
    """
    cost = np.zeros((len(said) + 1, len(meant) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(meant) + 1)
    for i, ours in enumerate(said, 1):
        for j, theirs in enumerate(meant, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (ours != theirs), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    i, j, found = len(said), len(meant), []
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (said[i - 1] != meant[j - 1]):
            i, j = i - 1, j - 1
            found.append((said[i], meant[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            found.append((said[i], ""))
        else:
            j -= 1
            found.append(("", meant[j]))
    return found[::-1]


def time_constants(model: Any, kind: str, seed: int, n_frames: int) -> list[dict[str, Any]]:
    """How long each direction keeps what came before, by the phone it is hearing: medians over frames, in ms.

    Of the Jacobian of a step dx_t/dx_{t-1} on held-out sentences, -10 ms / ln|lambda| of the eigenvalue of each rank.
    """
    ways = ("forward", "backward") if kind.startswith("Bidirectional") else ("",)
    rows = []
    for way in ways:
        system = dk.as_system(model.direction(way) if way else model)
        for phone, (x, u) in frames_by_phone(system, n_frames, reverse=way == "backward").items():
            sizes = np.sort(np.abs(np.linalg.eigvals(system.jacobian(x, u).numpy())), axis=1)[:, ::-1]
            row = {"network": kind, "direction": way or "forward", "seed": seed, "phone": phone, "frames": len(u)}
            for rank in RANKS:
                row[f"time constant {rank} (ms)"] = float(np.median(constant(sizes[:, rank - 1])))
            rows.append(row)
    return rows


def constant(size: np.ndarray) -> np.ndarray:
    """The time constant in ms of an eigenvalue of this modulus; infinite where nothing decays."""
    with np.errstate(divide="ignore"):
        return np.where(size < 1, -FRAME / np.log(np.minimum(size, 1)), np.inf)


def frames_by_phone(system: dk.System, n_frames: int, *, reverse: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each phone, the states (frame, unit) before some of its frames, and the inputs (frame, input) there."""
    trials = sentences("test")
    states, inputs, labels = [], [], []
    for k, length in enumerate(trials.lengths.tolist()):
        order = slice(None, None, -1) if reverse else slice(None)
        u = trials.inputs[k, :length].double().numpy()[order]
        after = system.trajectory(system.initial_state(), u).numpy()
        states.append(np.concatenate([system.initial_state().numpy()[None], after[:-1]]))
        inputs.append(u)
        labels.append(task("test").decode(trials.targets[k, :length])[order])
    x, u, said = np.concatenate(states), np.concatenate(inputs), np.concatenate(labels)
    rng, found = np.random.default_rng(0), {}
    for phone in task("test").phones:
        at = np.flatnonzero(said == phone)
        if at.size:
            at = rng.permutation(at)[:n_frames]
            found[phone] = x[at], u[at]
    return found


def learnt_after(row: dict[str, Any], rows: list[dict[str, Any]]) -> int | str:
    """Sequences after which a network is as good as the Elman network of its seed ends up; "" if never."""
    rivals = [r for r in rows if r["network"] == "Elman" and r["seed"] == row["seed"]]
    there = [k for k, share in enumerate(row["_curve"], 1) if rivals and share >= rivals[0]["_curve"][-1]]
    return there[0] * row["sequences presented"] // len(row["_curve"]) if there else ""


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Five networks, three seeds; with --quick three networks, one seed, few epochs."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds = ["Elman", "LSTM", "BidirectionalLSTM"] if quick else list(KINDS)
    sizes = (2, 24, 2) if quick else (20, 64, N_FRAMES)
    jobs = [(kind, seed, *sizes) for kind in kinds for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    for row in rows:
        row["as good as Elman's end after"] = learnt_after(row, rows)
    constants = [each for row in rows for each in row["_constants"]]
    curves = [
        {"network": row["network"], "seed": row["seed"], "epoch": k, "test frames right": share}
        for row in rows
        for k, share in enumerate(row["_curve"], 1)
    ]
    for name, table in (("phonemes", rows), ("phonemes_by_phone", constants), ("phonemes_learning", curves)):
        parts.write("classic_tasks", out / f"{name}.csv", table, seeds=seeds, started=started, quick=quick)
    phoneme_figure.draw(rows, constants, out / "phonemes.png")
