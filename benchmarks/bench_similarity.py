"""The dynamical similarity of pairs of operators: how near to the least distance, and for how long.

20 pairs of Gaussian operators of n units, divided by their norms; the same operator rotated; and pairs of normal ones,
of complex eigenvalues only, whose least distance is that of the eigenvalues.  ``ours`` is ``compare_operators``,
``many`` the same from 2,000 random frames, the nearest to the truth that there is.  ``dsa-metric`` is the package of
Ostrow et al. 2023 (``SimilarityTransformDist``, Euclidean, 1,500 iterations of rate .005), where it can be imported; it
is no dependency.  ``largest_excess``: above the least that any of the three found; ``least_found``: on how many pairs
it is that, to 1e-6; ``below_ours``: on how many it is below ours by more.

    python benchmarks/bench_similarity.py      writes similarity.csv beside this file, 15 minutes
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import block_diag
from timing import write

import dynakit as dk
from dynakit.analysis.similarity.bounds import assigned

N_PAIRS, SIZES, SAME = 20, (10, 20, 30), 1e-6
Pairs = list[tuple[np.ndarray, np.ndarray]]


def gaussian(n: int, rng: np.random.Generator) -> np.ndarray:
    """An operator of norm 1."""
    A = rng.standard_normal((n, n))
    return A / np.linalg.norm(A)


def rotation(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def normal(n: int, rng: np.random.Generator) -> np.ndarray:
    """A normal operator of norm 1 whose eigenvalues are complex, of moduli .3 to 1."""
    blocks = [
        r * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        for r, a in zip(rng.uniform(0.3, 1, n // 2), rng.uniform(0, 3, n // 2))
    ]
    Q = rotation(n, rng)
    A = Q @ block_diag(*blocks) @ Q.T
    return A / np.linalg.norm(A)


def pairs(kind: str, n: int) -> Pairs:
    """The pairs of one row of the table."""
    rng = np.random.default_rng([n, len(kind)])
    if kind == "two Gaussian":
        return [(gaussian(n, rng), gaussian(n, rng)) for _ in range(N_PAIRS)]
    if kind == "two normal":
        return [(normal(n, rng), normal(n, rng)) for _ in range(N_PAIRS)]
    found = [(gaussian(n, rng), rotation(n, rng)) for _ in range(N_PAIRS)]
    return [(A, Q @ A @ Q.T) for A, Q in found]


def theirs() -> Callable[[np.ndarray, np.ndarray], float] | None:
    """The distance of dsa-metric, if it is there."""
    try:
        from DSA import SimilarityTransformDist  # pyright: ignore[reportMissingImports]
    except ImportError:
        sys.stdout.write("dsa-metric cannot be imported: its rows are left out\n")
        return None

    def distance(A: np.ndarray, B: np.ndarray) -> float:
        torch.manual_seed(0)
        fit = SimilarityTransformDist(iters=1500, lr=0.005, score_method="euclidean", device="cpu")
        return float(fit.fit_score(A.copy(), B.copy()))  # it normalises what it is given in place

    return distance


def measured(ask: Callable[[np.ndarray, np.ndarray], float], given: Pairs) -> tuple[np.ndarray, float]:
    """The distances, and the median CPU milliseconds of a pair."""
    distances, times = [], []
    for A, B in given:
        began = time.process_time()
        distances.append(ask(A, B))
        times.append(time.process_time() - began)
    return np.array(distances), 1e3 * float(np.median(times))


HEAD = ["pairs", "n", "method", "mean_distance", "largest_excess", "least_found", "below_ours"]
HEAD += ["mean_bound", "ms_per_pair"]


def compared(
    kind: str, n: int, asked: dict[str, Callable[[np.ndarray, np.ndarray], float] | None]
) -> list[list[str]]:
    """The rows of the table for these pairs, one for each method."""
    given = pairs(kind, n)
    some = {name: ask for name, ask in asked.items() if ask and (name != "many" or kind == "two Gaussian")}
    found = {name: measured(ask, given) for name, ask in some.items()}
    least = np.min([distances for distances, _ in found.values()], axis=0)
    bound = np.mean([dk.compare_operators(A, B, n_starts=0).bound for A, B in given])
    if kind == "two normal":
        exact = [assigned(np.linalg.eigvals(A), np.linalg.eigvals(B)) for A, B in given]
        assert np.allclose(found["ours"][0], exact, atol=1e-9)
    rows = []
    for name, (distances, ms) in found.items():
        excess, below = distances - least, int((distances < found["ours"][0] - SAME).sum())
        best = f"{int((excess <= SAME).sum())} of {len(given)}"
        numbers = [
            f"{distances.mean():.6f}",
            f"{excess.max():.6f}",
            best,
            str(below),
            f"{bound:.6f}",
            f"{ms:.0f}",
        ]
        rows.append([kind, str(n), name, *numbers])
    return rows


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    asked = {
        "ours": lambda A, B: dk.compare_operators(A, B).distance,
        "many": lambda A, B: dk.compare_operators(A, B, n_starts=2000).distance,
        "dsa-metric": theirs(),
    }
    kinds = ("rotated copy", "two normal", "two Gaussian")
    write("similarity", [HEAD, *(row for kind in kinds for n in SIZES for row in compared(kind, n, asked))])


if __name__ == "__main__":
    main()
