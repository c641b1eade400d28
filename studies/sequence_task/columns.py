"""Inside the columnar spiking network: its wiring, its spikes, its code, and how it forgets.

The network learns the published stream, whose endings are exchanged half way; a network of the same input weights whose
columns are never connected (eta = 0) stands beside it.  Probe contexts, the same at all times, are shown to
both now and then without learning; the counts of every context that the stream brought are kept.
Distances between codes are sums of absolute differences of spike counts, as in the network's own memory.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import columns_figures
import numpy as np
import parts
import torch
from scipy.sparse.linalg import eigs

import dynakit as dk

ETA = 0.008
EVERY = 1000  # elements of the stream in one row
LOOKS = (1000, 2000, 5000)  # at the probes, besides the start, the exchange and the end
N_DIGITS = 10  # symbols from here on are noise
N_TRIALS = 16  # contexts whose spikes are recorded step by step


class Watched(dk.models.CSNN):
    """A network that leaves behind the spike counts of every context it is shown, one for each element."""

    counts: list[np.ndarray]

    def present(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = super().present(codes)
        self.counts.append(found[0].astype(np.uint8))
        return found


def probes(stream: Any, n_columns: int, n_each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Contexts (probe, column, code) before endings, and of which sequence each is: all after the end of one sequence.

    The contexts of one sequence differ in the code of the noise symbol, those of a pair with one code in their start.
    """
    fresh = np.random.default_rng(seed).uniform(-1, 1, (n_each, stream.codes.shape[1]))
    earlier = stream.ids[: stream.ends[2] + 1]
    contexts, kinds = [], np.unique(stream.kinds)
    for kind in kinds:
        end = stream.ends[(stream.kinds == kind) & (stream.ends >= n_columns)][0]
        ids = stream.ids[end - n_columns : end].copy()
        noise = int(np.flatnonzero(ids >= N_DIGITS)[-1])
        ids[:noise] = earlier[len(earlier) - noise :]
        for code in fresh:
            context = stream.codes[ids]
            context[noise] = code
            contexts.append(context.astype(np.float32))
    return np.stack(contexts), np.repeat(kinds, n_each)


def measure(eta: float, seed: int, n: int, n_each: int, n_nulls: int, *, folder: Path) -> dict[str, Any]:
    """One run: rows over time, of the spikes and of the wiring, and what the figures show."""
    task = dk.tasks.SequenceStream(swap_at=n // 2)
    stream = task.draw(seed)
    learner = Watched.for_task(task, eta=eta, seed=seed)
    learner.counts = []
    contexts, kinds = probes(stream, learner.n_columns, n_each, seed)
    looks, networks = {}, {}

    def look(elements: int, _info: Any = None) -> None:
        if elements in (0, *LOOKS, n // 2, n):
            network = dk.models.CSNN.for_task(task, eta=eta, seed=seed)
            network.W_rec.copy_(learner.W_rec)
            looks[elements] = np.stack([network.present(context)[0] for context in contexts])
            if elements in (0, n // 2, n):
                networks[elements] = network

    look(0)
    history = dk.train(learner, task, dk.training.Online(max_elements=n), seed=seed, callback=look)
    who = {"eta": eta, "seed": seed}
    learnt = {m: network for m, network in networks.items() if eta and m}
    arrays = {f"codes {m}": looks[m] for m in networks}
    arrays |= {f"blocks {m}": blocks(weights(network)) for m, network in learnt.items()}
    parts.leave(folder, kinds=kinds, **arrays)
    return {
        "time": [{**who, **row} for row in over_time(learner, stream, history)],
        "codes over time": [{**who, **row} for row in code_rows(looks, kinds)],
        "spikes": [{**who, "elements": m, **spikes(net, contexts)} for m, net in networks.items() if eta],
        "wiring": [{**who, "elements": m, **wiring(network, n_nulls)} for m, network in learnt.items()],
        "codes": list(networks),
        "blocks": list(learnt),
        **who,
    }


# --- wiring -----------------------------------------------------------------------------------------------


def weights(network: Any) -> np.ndarray:
    """The learnt weights (post, pre)."""
    return dk.as_system(network).recurrent_weights()["W_rec"].astype(float)


def blocks(W: np.ndarray, n_columns: int = 10) -> np.ndarray:
    """Mean weight from column to column, (post, pre)."""
    size = len(W) // n_columns
    return W.reshape(n_columns, size, n_columns, size).mean(axis=(1, 3))


def largest_eigenvalue(W: np.ndarray) -> float:
    """Its modulus, by Arnoldi's iteration."""
    return float(np.abs(eigs(W, k=1, v0=np.ones(len(W)), return_eigenvectors=False))[0])


def wiring(network: Any, n_nulls: int) -> dict[str, Any]:
    """The learnt blocks as a graph, against graphs of the same degrees."""
    W = weights(network)
    edges = W != 0
    np.fill_diagonal(edges, False)
    degree, mean = edges.sum(axis=1), blocks(W)
    values = np.linalg.eigvalsh(W)[::-1]
    against = dk.compare_with_null(W, ("reciprocity", "clustering", largest_eigenvalue), n=n_nulls)
    row = {
        "share of weights not 0": float(edges.sum() / (edges.size - len(W))),
        "share of these below 0": float((W[edges] < 0).mean()),
        "largest |W - W^T|": float(np.abs(W - W.T).max()),
        "mean degree": float(degree.mean()),
        "sd of degree": float(degree.std()),
        "largest degree": int(degree.max()),
        "mean weight within a column": float(np.diag(mean).mean()),
        "mean weight between columns": float(mean[~np.eye(len(mean), dtype=bool)].mean()),
        "largest eigenvalue": float(values[0]),
        "second eigenvalue": float(values[1]),
        "smallest eigenvalue": float(values[-1]),
        "effective rank": float(np.abs(values).sum() ** 2 / (values**2).sum()),
    }
    for k, name in enumerate(("reciprocity", "clustering", "largest eigenvalue without self-connections")):
        row |= {name: float(against.observed[k]), f"{name}, null": float(against.mean[k])}
        row |= {f"{name}, null sd": float(against.std[k]), f"{name}, p": float(against.p[k])}
    return row


# --- spikes -----------------------------------------------------------------------------------------------


def spikes(network: Any, contexts: np.ndarray) -> dict[str, float]:
    """How the neurons fire while contexts are shown, a step counted as one millisecond."""
    some = contexts[np.linspace(0, len(contexts) - 1, N_TRIALS).astype(int)]
    inputs = np.repeat(some.reshape(len(some), 1, -1), network.n_steps, axis=1).astype(float)
    inputs[:, 0] = 0.0  # the network is silent in the first step of an element
    system: Any = dk.as_system(network)
    raster = dk.record(system.neurons, inputs).outputs
    found = dk.spike_statistics(raster, dt=1.0)
    return {
        "spikes per neuron and element": float(raster.sum(axis=1).mean()),
        "share of neurons that fire": float((raster.sum(axis=1) > 0).mean()),
        "highest rate (Hz)": float(found.rates.max()),
        "CV of intervals": found.means["cv"],
        "neurons with a CV": found.n_valid["cv"],
        "synchrony chi": found.chi,
        "mean pairwise correlation": found.correlation,
    }


# --- code and memory --------------------------------------------------------------------------------------


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """L1, (row of a, row of b)."""
    return torch.cdist(torch.from_numpy(a).float(), torch.from_numpy(b).float(), p=1.0).numpy()


def apart(codes: np.ndarray, kinds: np.ndarray) -> dict[str, float]:
    """Do the two sequences of one body stay apart?  What their start changes, against what the noise symbol changes."""
    gaps = distances(codes, codes)
    noise = np.arange(len(kinds)) % (kinds == kinds[0]).sum()
    same_noise, upper = noise[:, None] == noise, np.triu(np.ones_like(gaps, dtype=bool), 1)
    partners = (kinds[:, None] ^ 1) == kinds
    within = gaps[(kinds[:, None] == kinds) & upper]
    between = gaps[partners & ~same_noise & upper]
    start = gaps[partners & same_noise & upper]
    spread = np.sqrt((between.var() + within.var()) / 2)
    gaps[same_noise | (kinds[:, None] // 2 != kinds // 2)] = np.inf
    return {
        "distance between noise codes": float(within.mean()),
        "distance between the starts of a pair": float(start.mean()),
        "start over noise": float(start.mean() / within.mean()),
        "d'": float((between.mean() - within.mean()) / spread) if spread else float("nan"),
        "nearest with other noise has the same start": float((kinds[gaps.argmin(axis=1)] == kinds).mean()),
    }


def neighbours(learner: Watched, stream: Any, history: Any, every: int = 4) -> np.ndarray:
    """(evaluation, [position, age, gap to the right ending, to the wrong one]) of the contexts stored before it."""
    counts = np.stack(learner.counts).astype(np.float32)
    labels = stream.ids[learner.n_columns : learner.n_columns + len(counts)]
    rows = []
    for at in history.positions[::every]:
        k = int(at) - learner.n_columns
        if k <= 0:
            continue
        gaps = distances(counts[k : k + 1], counts[:k])[0]
        evaluation = np.searchsorted(stream.ends, at)
        right = stream.endings[evaluation, 0]
        partner = stream.kinds[evaluation] ^ 1
        wrong = stream.endings[(stream.kinds == partner) & (stream.swapped == stream.swapped[evaluation]), 0][
            0
        ]
        nearest = [gaps[labels[:k] == label].min(initial=np.inf) for label in (right, wrong)]
        rows.append([at, k - int(gaps.argmin()), *nearest])
    return np.array(rows)


def over_time(learner: Watched, stream: Any, history: Any) -> list[dict[str, Any]]:
    """One row for every thousand elements of the stream: hits, spikes, and which contexts were the nearest."""
    near, counts = neighbours(learner, stream, history), np.stack(learner.counts)
    swap, rows = int(stream.ends[stream.swapped][0]), []
    for now in range(EVERY, len(counts) + learner.n_columns + 1, EVERY):
        own = near[(near[:, 0] > now - EVERY) & (near[:, 0] <= now)]
        judged = (history.positions > now - EVERY) & (history.positions <= now)
        both = own[np.isfinite(own).all(axis=1)]
        row = {
            "elements": now,
            "accuracy": float(history.hits[judged].mean()),
            "spikes per neuron and element": float(
                counts[max(0, now - EVERY - learner.n_columns) :][:EVERY].mean()
            ),
            "median age of the nearest context": float(np.median(own[:, 1])),
            "nearest from before the exchange": float((own[:, 0] - own[:, 1] < swap).mean()),
            "gap to the nearest with the right ending": float(both[:, 2].mean()),
            "gap to the nearest with the wrong ending": float(both[:, 3].mean()),
        }
        rows.append(row)
    return rows


def code_rows(looks: dict[int, np.ndarray], kinds: np.ndarray) -> list[dict[str, Any]]:
    """One row per look: how far the codes of the probes are apart, and have moved."""
    times = sorted(looks)
    return [
        {
            "elements": now,
            "spikes per neuron and element": float(looks[now].mean()),
            **apart(looks[now], kinds),
            "moved since the look before": _moved(looks[before], looks[now]),
            "moved since the start": _moved(looks[0], looks[now]),
        }
        for before, now in zip([0, *times], times)
    ]


def _moved(before: np.ndarray, now: np.ndarray) -> float:
    """Mean distance of each probe's code from its own of before."""
    return float(np.abs(now.astype(int) - before.astype(int)).sum(axis=1).mean())


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """The learning network with every seed, and one that does not learn."""
    started = time.perf_counter()
    seeds, *sizes = ([0], 2_000, 3, 5) if quick else ([0, 1, 2], 20_000, 6, 19)
    runs = [(ETA, seed) for seed in seeds] + [(0.0, seeds[0])]
    found = parts.rows(measure, [(*who, *sizes) for who in runs], n_jobs)
    tables = {
        "time": "columns",
        "codes over time": "columns_code",
        "spikes": "columns_spikes",
        "wiring": "columns_wiring",
    }
    for part, name in tables.items():
        rows = [row for one in found for row in one[part]]
        parts.write("sequence_task", out / f"{name}.csv", rows, seeds=seeds, started=started, quick=quick)
    columns_figures.over_time(found, out / "columns.png", sizes[0] // 2)
    columns_figures.codes(found[0], out / "columns_code.png")
    columns_figures.wiring(found[0], out / "columns_wiring.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"columns": run}, __doc__ or "")
