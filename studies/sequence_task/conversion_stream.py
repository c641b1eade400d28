"""What conversion to spikes loses at every element of the stream, not only where an ending is asked for.

The published curve of the loss (Ramkumar 2019, fig. 4) is of one network that was not normalised, at the numbers of
steps below.  Here each network answers for the elements that come between its training and the next, as rates and as
spikes; the loss is the distance between the two outputs.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import conversion
import numpy as np
import parts
import torch

import dynakit as dk

PUBLISHED = {25: 0.524, 50: 0.390, 75: 0.347, 100: 0.327, 150: 0.308, 200: 0.299, 300: 0.290, 500: 0.283, 1000: 0.278}
STEPS = tuple(PUBLISHED)
DRAWN = dict(zip((25, 50, 100, 500), ("#CC79A7", "#D55E00", "#009E73", "#0072B2")))
BLOCK = 100  # elements that a point of the curve is the mean of


def measure(seed: int, n_elements: int, steps: tuple[int, ...]) -> dict[str, Any]:
    """One run: losses over all elements, over kinds of them and over blocks, each one for every number of ``steps``."""
    began = time.process_time()
    stream, networks = conversion.networks(seed, n_elements)
    positions, losses = losses_of(stream, networks, steps)
    first = min(k for k in networks if k)
    kinds = {
        "all": np.full(len(positions), True),
        "endings": np.isin(positions, stream.ends),
        "noise": stream.symbols[positions] >= 10,
        "before training": positions < first,
        "after training": positions >= first,
        "before the exchange": (positions >= first) & (positions < n_elements // 2),
        "after the exchange": positions >= n_elements // 2,
    }
    at = positions // BLOCK
    return {
        "seed": seed,
        "steps": list(steps),
        "elements": len(positions),
        "losses": {name: losses[:, own].mean(axis=1) for name, own in kinds.items() if own.any()},
        "positions": [float(positions[at == block].mean()) for block in np.unique(at)],
        "curves": [losses[:, at == block].mean(axis=1) for block in np.unique(at)],
        "CPU s": time.process_time() - began,
    }


def losses_of(stream: Any, networks: dict[int, Any], steps: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The elements (element,) that can be predicted, and the distance of outputs (number of steps, element) there."""
    shown = stream.codes[stream.ids].astype(np.float32)
    positions, losses = [], []
    for first, network in networks.items():
        here = np.arange(max(first, network.lag), first + network.retrain_every)
        contexts = np.stack([shown[t - network.lag : t].ravel() for t in here])
        with torch.no_grad():
            rates = network(torch.from_numpy(contexts)).double().numpy()
        spiking = dk.models.TDSNN.from_tdnn(network, n_steps=max(steps))
        losses.append(np.linalg.norm(spiking.outputs_after(contexts, steps) - rates, axis=2))
        positions.append(here)
    return np.concatenate(positions), np.concatenate(losses, axis=1)


def table(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each run and number of steps."""
    return [
        {"seed": run["seed"], "steps": n, "elements": run["elements"]}
        | {f"loss, {name}": float(values[k]) for name, values in run["losses"].items()}
        | {"published": PUBLISHED[n]}
        for run in found
        for k, n in enumerate(run["steps"])
    ]


def curves(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each block of elements: the mean over runs of the loss at each number of steps."""
    losses = np.mean([run["curves"] for run in found], axis=0)
    at = found[0]["positions"]
    return [
        {"element": t, **{f"T = {n}": float(y) for n, y in zip(found[0]["steps"], row)}} for t, row in zip(at, losses)
    ]


def figure(found: list[dict[str, Any]], path: Path) -> None:
    """The loss over the stream for some numbers of steps, and over all of it against the number of steps."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = sheet.subplots(1, 2, width_ratios=(1.9, 1))
    steps = found[0]["steps"]
    each = np.array([run["curves"] for run in found])
    for n, colour in DRAWN.items():
        if n in steps:
            own = each[:, :, steps.index(n)]
            at = found[0]["positions"]
            left.fill_between(at, own.min(axis=0), own.max(axis=0), color=colour, alpha=0.2, lw=0)
            left.plot(at, own.mean(axis=0), color=colour, lw=1, label=f"T = {n}")
            left.axhline(PUBLISHED[n], color=colour, lw=0.9, ls=":")
    left.set(xlabel="element of the stream", ylabel="distance to the rates' output", ylim=(0, None))
    left.plot([], [], color="0.4", lw=0.9, ls=":", label="published means")
    left.legend(frameon=False, fontsize=8, ncols=3, loc="lower right")
    for name, style in (("all", "o-"), ("endings", "s--")):
        own = np.array([run["losses"][name] for run in found])
        said = {"all": "here, all elements", "endings": "here, endings only"}[name]
        spread = np.abs(np.stack([own.min(axis=0), own.max(axis=0)]) - own.mean(axis=0))
        look: dict[str, Any] = {"ms": 4, "lw": 1, "color": "#0072B2" if name == "all" else "#E69F00", "label": said}
        right.errorbar(steps, own.mean(axis=0), spread, fmt=style, **look)
    right.plot(STEPS, list(PUBLISHED.values()), "kx", ms=6, label="Ramkumar (2019), fig. 4")
    right.set(xscale="log", xlabel="steps per prediction, T", ylabel="mean distance", ylim=(0, None))
    right.set_xticks([25, 50, 100, 200, 500, 1000], ["25", "50", "100", "200", "500", "1000"])
    right.set_xticks([], minor=True)
    right.legend(frameon=False, fontsize=8)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every number of steps over the whole stream."""
    started = time.perf_counter()
    seeds, n_elements, steps = ([0], 2000, (25, 100)) if quick else ([0], 20_000, STEPS)
    found = parts.rows(measure, [(seed, n_elements, steps) for seed in seeds], n_jobs)
    for name, rows in (("conversion_stream", table(found)), ("conversion_stream_curves", curves(found))):
        parts.write("sequence_task", out / f"{name}.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(found, out / "conversion_stream.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"conversion_stream": run}, __doc__ or "")
