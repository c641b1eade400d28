"""Do spectra of random matrices lie where ``compare_with_law`` says, and what do wiring and lesions cost?

``wiring_laws.csv``: what was found over many draws, for each law and size, beside the law and the standard deviation
that is said of a single matrix.  ``as_predicted`` is the share of draws so judged, ``false_outliers`` the share in
which something is counted beyond the margin that no part of low rank put there.

``wiring_time.csv``: CPU time of each function, of networkx's Louvain (one run, where it is done in seconds), and of the
same lesions in one batch and one by one.

    python benchmarks/bench_wiring.py      writes both beside this file, 4 minutes
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
from timing import write

import dynakit as dk
from dynakit.linalg import one_thread

DRAWS = {100: 100, 200: 50, 400: 20}


def gaussian(rng: np.random.Generator, n: int, tau: float = 0.0) -> np.ndarray:
    """Entries of variance 1 / n, those across the diagonal correlated."""
    X = rng.normal(size=(n, n)) / n**0.5
    S, A = (X + X.T) / 2**0.5, (X - X.T) / 2**0.5
    return ((1 + tau) / 2) ** 0.5 * S + ((1 - tau) / 2) ** 0.5 * A


def vectors(rng: np.random.Generator, n: int, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """m and n of independent normal entries but for m.n, which is ``overlap``."""
    m, other = rng.normal(size=(2, n))
    other /= n
    return m, other + (overlap - other @ m) * m / (m @ m)


def rajan_abbott(rng: np.random.Generator, n: int, zero_sums: bool) -> dk.LawComparison:
    """Four in five units excite; inhibition is 3.6 times as strong, so that the sum of means is not zero."""
    sign = np.where(np.arange(n) < 0.8 * n, 1, -1)
    noise = gaussian(rng, n)
    if zero_sums:
        noise -= noise.mean(axis=1, keepdims=True)
    return dk.compare_with_law(noise + np.where(sign > 0, 1, -3.6) / n**0.5, "rajan_abbott", sign=sign)


def rank_one(rng: np.random.Generator, n: int) -> dk.LawComparison:
    u, v = (x / np.linalg.norm(x) for x in rng.normal(size=(2, n)))
    return dk.compare_with_law(gaussian(rng, n) + 2 * np.outer(u, v), "marchenko_pastur", low_rank=(2 * u, v))


def outlier(rng: np.random.Generator, n: int) -> dk.LawComparison:
    m, other = vectors(rng, n, 1.5)
    return dk.compare_with_law(gaussian(rng, n) + np.outer(m, other), low_rank=(m, other))


LAWS: dict[str, Callable[[np.random.Generator, int], dk.LawComparison]] = {
    "circular": lambda rng, n: dk.compare_with_law(gaussian(rng, n)),
    "elliptic, tau .5": lambda rng, n: dk.compare_with_law(gaussian(rng, n, 0.5), "elliptic"),
    "elliptic, tau -.5": lambda rng, n: dk.compare_with_law(gaussian(rng, n, -0.5), "elliptic"),
    "Marchenko-Pastur": lambda rng, n: dk.compare_with_law(gaussian(rng, n), "marchenko_pastur"),
    "rank one, m.n 1.5": outlier,
    "rank one, theta 2": rank_one,
    "Rajan-Abbott, rows sum to 0": lambda rng, n: rajan_abbott(rng, n, True),
    "Rajan-Abbott, they do not": lambda rng, n: rajan_abbott(rng, n, False),
}


def laws() -> list[list[str]]:
    """A row for each law, size and quantity."""
    head = ["law", "units", "draws", "quantity", "predicted", "found", "sd_found", "sd_said", "as_predicted"]
    rows = [[*head, "false_outliers"]]
    for name, draw in LAWS.items():
        for n, draws in DRAWS.items():
            rng = np.random.default_rng(n)
            results = [draw(rng, n) for _ in range(draws)]
            false = np.mean([len(r.outliers) > len(r.predicted_outliers) for r in results])
            for k, quantity in enumerate(results[0].quantities):
                same = [r for r in results if len(r.quantities) == len(results[0].quantities)]
                predicted, found, sd = np.array([[r.predicted[k], r.found[k], r.sd[k]] for r in same]).T
                judged = np.mean([r.verdicts[k] == "as predicted" for r in same])
                values = (np.mean(predicted), np.nanmean(found), np.nanstd(found), np.mean(sd))
                numbers = [f"{value:.3f}" for value in values]
                rows.append([name, str(n), str(draws), str(quantity), *numbers, f"{judged:.2f}", f"{false:.2f}"])
    return rows


def spent(call: Callable[[], Any], rounds: int = 3) -> tuple[float, Any]:
    """The least CPU milliseconds of a few calls, and what the last gave."""
    best, result = np.inf, None
    for _ in range(rounds):
        began = time.process_time()
        result = call()
        best = min(best, 1e3 * (time.process_time() - began))
    return best, result


def times() -> list[list[str]]:
    """A row for each function and size."""
    rows = [["what", "units", "cpu_ms", "networkx_ms", "modularity", "networkx_modularity"]]
    for n in (100, 256, 512):
        rng = np.random.default_rng(n)
        W = gaussian(rng, n)
        rows.append(["compare_with_law", str(n), f"{spent(lambda W=W: dk.compare_with_law(W))[0]:.0f}", "", "", ""])
        rows.append(["low_rank_structure", str(n), f"{spent(lambda W=W: dk.low_rank_structure(W))[0]:.0f}", "", "", ""])
        sparse = np.abs(W) * (rng.random((n, n)) < 0.1)
        graph = nx.from_numpy_array(sparse.T, create_using=nx.DiGraph)
        ours, found = spent(lambda W=sparse: dk.find_communities(W, n_runs=1))
        theirs, groups = spent(lambda graph=graph: nx.community.louvain_communities(graph, seed=0), 1)
        Q = [f"{found.modularity:.4f}", f"{nx.community.modularity(graph, groups):.4f}"]
        rows.append(["find_communities, one run", str(n), f"{ours:.0f}", f"{theirs:.0f}", *Q])
    return rows + lesions()


def lesions() -> list[list[str]]:
    """A hundred sets of units in one batch, and one call each."""
    task, rows = dk.tasks.FlipFlop(n_bits=3, n_steps=60), []
    one: Any = {"ranking": None, "n_trials": 32}
    for n in (32, 100):
        net = dk.models.Elman.for_task(task, n, seed=0)
        batch, found = spent(lambda net=net: dk.map_lesions(net, task, shares=[0.2], n_sets=100, **one))
        sets = [row[row >= 0] for row in found.removed]
        each, _ = spent(lambda net=net, sets=sets: [dk.map_lesions(net, task, sets=[s], **one) for s in sets], 1)
        rows.append(["map_lesions, 100 sets at once", str(n), f"{batch:.0f}", "", "", ""])
        rows.append(["map_lesions, 100 calls", str(n), f"{each:.0f}", "", "", ""])
    return rows


if __name__ == "__main__":
    with one_thread():
        write("wiring_time", times())
        write("wiring_laws", laws())
