"""A time-delay network made to spike: what is lost, and by what?

The network learns the stream as rates and is frozen after each retraining.  Each of its predictions is made once more
by spikes, for several numbers of steps, readouts and with and without normalised weights.  The loss is the mean
Euclidean distance between the two outputs (Ramkumar 2019, whose values without normalisation are the crosses).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import frozen
import numpy as np
import parts
import torch

import dynakit as dk

STEPS = (25, 50, 100, 200, 500, 1000)
READOUTS = ("difference", "count", "voltage")
NORMALISE = (None, 99.9)
N_DATA = 100  # windows that activations are measured on, the first of what was trained on
PUBLISHED = {  # seed 0, no normalisation
    "difference": {25: 0.524, 50: 0.390, 100: 0.327, 200: 0.299, 500: 0.283, 1000: 0.278},
    "count": {25: 1.933, 100: 1.919, 500: 1.917, 1000: 1.917},
}


class Segment:
    """The evaluations between two retrainings, with the network that answers them."""

    def __init__(self, network: Any, stream: Any, first: int) -> None:
        self.network, self.stream, lag = network, stream, network.lag
        until = first + network.retrain_every
        self.evaluations = np.flatnonzero((stream.ends >= max(first, lag)) & (stream.ends < until))
        shown = stream.codes[stream.ids].astype(np.float32)
        self.contexts = np.stack([shown[t - lag : t].ravel() for t in stream.ends[self.evaluations]])
        begin = max(0, first - network.memory)
        n = min(N_DATA, first - begin - lag)
        self.data = np.stack([shown[i : i + lag].ravel() for i in range(begin, begin + n)]) if first else None

    @torch.no_grad()
    def rates(self) -> np.ndarray:
        """Outputs of the rate network (evaluation, code)."""
        return self.network(torch.from_numpy(self.contexts)).double().numpy()

    @torch.no_grad()
    def activations(self) -> np.ndarray:
        """Of the hidden units (evaluation, unit)."""
        return torch.relu(self.network.hidden(torch.from_numpy(self.contexts))).double().numpy()

    def spikes(self, n_steps: int, readout: str, normalise: float | None) -> np.ndarray:
        """Outputs of the spiking network (evaluation, code); nothing to normalise on before the first retraining."""
        chosen = None if self.data is None else normalise
        spiking = dk.models.TDSNN.from_tdnn(
            self.network, self.data, n_steps=n_steps, readout=readout, normalise=chosen
        )
        return spiking.spiking_outputs(self.contexts)

    def right(self, outputs: np.ndarray) -> np.ndarray:
        """Which evaluations the outputs get right (evaluation,)."""
        return frozen.right(self.stream, self.evaluations, outputs)


def networks(seed: int, n_elements: int) -> tuple[Any, dict[int, Any]]:
    """The stream of a run, and the network that answers from each retraining on, by the element of the retraining."""
    task = dk.tasks.SequenceStream(n_elements=n_elements, swap_at=n_elements // 2)
    every = dk.models.TDNN.for_task(task).retrain_every
    run = frozen.learnt("TDNN", seed, task, range(every, n_elements + 1, every))
    fresh = dk.models.TDNN.for_task(task, seed=seed)
    return run.stream, {k: net for k, net in {0: fresh, **run.networks}.items() if k < n_elements}


def segments(seed: int, n_elements: int) -> list[Segment]:
    """All of a run."""
    stream, found = networks(seed, n_elements)
    return [Segment(network, stream, first) for first, network in found.items()]


def measure(
    seed: int, n_elements: int, steps: tuple[int, ...]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One run: a row per way of spiking, and the activations that no rate of spikes can be."""
    parts = segments(seed, n_elements)
    rates = [part.rates() for part in parts]
    rows = []
    for readout in READOUTS:
        for normalise in NORMALISE:
            for n_steps in steps:
                began = time.process_time()
                outputs = [part.spikes(n_steps, readout, normalise) for part in parts]
                gaps = np.concatenate([np.linalg.norm(y - r, axis=1) for y, r in zip(outputs, rates)])
                row = {"seed": seed, "readout": readout, "normalise": normalise or "none", "steps": n_steps}
                row |= {
                    "contexts": len(gaps),
                    "loss": float(gaps.mean()),
                    "accuracy": accuracy(parts, outputs),
                }
                rows.append({**row, "CPU s": time.process_time() - began})
    return rows, {"seed": seed, "accuracy as rates": accuracy(parts, rates), **clipped(parts, rates)}


def accuracy(parts: list[Segment], outputs: list[np.ndarray]) -> float:
    """The mean windowed accuracy over the run."""
    hits = np.concatenate([part.right(y) for part, y in zip(parts, outputs)]).astype(float)
    window = min(len(hits), dk.training.Online().window)
    return float(np.mean([hits[max(0, k + 1 - window) : k + 1].mean() for k in range(len(hits))]))


def clipped(parts: list[Segment], rates: list[np.ndarray]) -> dict[str, float]:
    """Shares of activations above one spike per step, and the loss that cutting them off alone would make."""
    hidden = np.concatenate([part.activations().ravel() for part in parts])
    outputs = np.concatenate([y.ravel() for y in rates])
    gaps: dict[str, list[np.ndarray]] = {"hidden": [], "outputs": [], "both": [], "both, positive": []}
    for part, y in zip(parts, rates):
        W, c = (p.detach().double().numpy() for p in (part.network.readout.weight, part.network.readout.bias))
        cut = np.minimum(part.activations(), 1) @ W.T + c
        for name, said in zip(gaps, (cut, y.clip(-1, 1), cut.clip(-1, 1), cut.clip(0, 1))):
            gaps[name].append(np.linalg.norm(said - y, axis=1))
    return {
        "hidden activations above 1": float((hidden > 1).mean()),
        "largest hidden activation": float(hidden.max()),
        "outputs above 1 in size": float((np.abs(outputs) > 1).mean()),
        "outputs below 0": float((outputs < 0).mean()),
        **{f"loss by clipping {name}": float(np.concatenate(g).mean()) for name, g in gaps.items()},
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Loss against steps, one line per readout and normalisation (mean over seeds, bars from least to most)."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.4, 4.0), layout="constrained")
    ax = sheet.subplots()
    colours = dict(zip(READOUTS, ("#0072B2", "#D55E00", "#009E73")))
    for readout in READOUTS:
        for normalise, line in (("none", "o-"), (99.9, "s--")):
            own = [r for r in rows if r["readout"] == readout and r["normalise"] == normalise]
            steps = sorted({r["steps"] for r in own})
            losses = np.array([[r["loss"] for r in own if r["steps"] == n] for n in steps])
            mean = losses.mean(axis=1)
            spread = np.abs(np.stack([losses.min(axis=1), losses.max(axis=1)]) - mean)
            said = readout + (", normalised" if normalise != "none" else "")
            face = colours[readout] if normalise == "none" else "white"
            ax.errorbar(
                steps, mean, spread, fmt=line, color=colours[readout], ms=4, lw=1, mfc=face, label=said
            )
    for readout, points in PUBLISHED.items():
        said = "Ramkumar (2019), one seed" if readout == "difference" else None
        ax.plot(list(points), list(points.values()), "x", color="black", ms=6, label=said, zorder=5)
    ax.set(
        xscale="log", yscale="log", xlabel="steps per prediction", ylabel="mean distance to the rates' output"
    )
    ax.set_xticks(STEPS, [str(n) for n in STEPS])
    ax.set_xticks([], minor=True)
    ax.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    ax.set_yticks([], minor=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every way of spiking."""
    started = time.perf_counter()
    seeds, n_elements, steps = ([0], 2000, (25, 100)) if quick else ([0, 1, 2], 20_000, STEPS)
    found = parts.rows(measure, [(seed, n_elements, steps) for seed in seeds], n_jobs)
    rows = [row for own, _ in found for row in own]
    notes = {"seeds": seeds, "started": started, "quick": quick}
    parts.write("sequence_task", out / "conversion.csv", rows, **notes)
    parts.write("sequence_task", out / "conversion_clipping.csv", [own for _, own in found], **notes)
    figure(rows, out / "conversion.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"conversion": run}, __doc__ or "")
