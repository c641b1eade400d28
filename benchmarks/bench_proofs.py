"""Does a proof ever miss a fixed point?  Random networks that few equations decide, against brute force.

    python benchmarks/bench_proofs.py [--quick] [--networks 65]

z = W f(z) + d with 4 to 12 units, of low rank with its factors (1 to 3) or with random weights upon them, f one of
tanh, sigmoid, softplus and relu, d zero or random.  Brute force is another code: of relu networks all 2^n patterns of
active units, each a linear system; of the others Newton's method with shortened steps from 2,000 states.  ``missed``:
what it finds and a list called proved lacks.  ``only proved``: what a list has and brute force lacks (Newton's method
misses some).  ``degree off``: proved lists, of bounded f, whose sum of sign det(1 - W D) is not +1.  ``seconds``: CPU
time of the proofs, median and longest.  A relu network without input stands still at a kink, which is never called
proved here.  Writes proofs.csv (with --quick: in out/benchmarks).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from pathlib import Path

import numpy as np

from dynakit.analysis.completeness import Budget, Proof, RateEquation, prove, unit
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
STRENGTH = {"tanh": 2.0, "sigmoid": 8.0, "softplus": 2.0, "relu": 2.0}
N_STARTS, STEPS, SAME = 2000, 60, 1e-6


def network(name: str, full: bool, seed: int) -> RateEquation:
    """Overlapping loadings, with weights of their own on all pairs if ``full``."""
    rng = np.random.default_rng([seed, full, list(STRENGTH).index(name)])
    n, r = int(rng.integers(4, 13)), int(rng.integers(1, 4))
    M = rng.normal(size=(n, r))
    N = STRENGTH[name] * (M + 0.7 * rng.normal(size=(n, r))) / n
    W = M @ N.T + full * 0.3 * rng.normal(size=(n, n)) / (np.sqrt(n) * unit(name).steepest)
    d = rng.choice([0.0, 0.3, 1.0]) * rng.normal(size=n)
    return RateEquation(W, d, name, factors=None if full else (M, N))


def by_patterns(W: np.ndarray, d: np.ndarray) -> np.ndarray:
    """All z = W relu(z) + d."""
    on = np.array(list(itertools.product([0.0, 1.0], repeat=len(d))))
    A = np.eye(len(d)) - W * on[:, None, :]
    A[np.abs(np.linalg.det(A)) < 1e-12] = np.eye(len(d))
    z = np.linalg.solve(A, np.broadcast_to(d, on.shape)[..., None])[..., 0]
    return z[np.abs(np.maximum(z, 0) @ W.T + d - z).max(axis=1) < 1e-9 * (1 + np.abs(z).max(axis=1))]


def by_newton(W: np.ndarray, d: np.ndarray, name: str) -> np.ndarray:
    """What Newton's method reaches."""
    rng, f, reach = np.random.default_rng(0), unit(name), np.abs(W).sum(axis=1).max() + np.abs(d).max()
    z = rng.normal(size=(N_STARTS, len(d))) * rng.choice([0.1, 0.3, 1.0], size=(N_STARTS, 1)) * reach
    z[::2] = d + f.value(z[::2]) @ W.T
    for _ in range(STEPS):
        miss = f.value(z) @ W.T + d - z
        step = np.linalg.solve(np.eye(len(d)) - W * f.slope(z)[:, None, :] + 1e-14, miss[..., None])[..., 0]
        z = z + step * np.minimum(1, 0.3 * reach / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
    return z[np.abs(f.value(z) @ W.T + d - z).max(axis=1) < 1e-10 * (1 + np.abs(z).max(axis=1))]


def distinct(z: np.ndarray) -> np.ndarray:
    kept: list[np.ndarray] = []
    for row in z[np.unique(np.round(z, 6), axis=0, return_index=True)[1]]:
        if not kept or np.abs(np.array(kept) - row).max(axis=1).min() > SAME * (1 + np.abs(row).max()):
            kept.append(row)
    return np.array(kept).reshape(-1, z.shape[1])


def absent(points: np.ndarray, others: np.ndarray) -> int:
    """How many of ``points`` are not among ``others``."""
    if not len(points) or not len(others):
        return len(points)
    away = np.abs(points[:, None] - others).max(axis=2).min(axis=1)
    return int((away > SAME * (1 + np.abs(points).max(axis=1))).sum())


def degree(asked: RateEquation, z: np.ndarray) -> int:
    slopes = unit(asked.name).slope(z)[:, None, :]
    return int(np.sign(np.linalg.det(np.eye(len(asked.d)) - asked.W * slopes)).sum())


def row(name: str, full: bool, n_networks: int) -> dict[str, object]:
    """One kind over all its networks."""
    seconds, proofs, missed, spare, off, known = [], [], 0, 0, 0, 0
    for seed in range(n_networks):
        asked = network(name, full, seed)
        before = time.process_time()
        proof: Proof = prove(asked, Budget(seconds=60))
        seconds.append(time.process_time() - before)
        proofs.append(proof)
        if proof.verdict != "proved":
            print(name, full, seed, proof.verdict, proof.reason, flush=True)
            continue
        brute = distinct(by_patterns(asked.W, asked.d) if name == "relu" else by_newton(asked.W, asked.d, name))
        known += len(brute)
        missed += absent(brute, proof.currents)
        spare += absent(proof.currents, brute)
        off += unit(name).bounds is not None and degree(asked, proof.currents) != 1
    verdicts = [proof.verdict for proof in proofs]
    return {
        "f": name,
        "weights": "full" if full else "low rank",
        "networks": n_networks,
        **{word: verdicts.count(word) for word in ("proved", "proved but for tubes", "not attempted")},
        "points": sum(len(proof.currents) for proof in proofs if proof.verdict == "proved"),
        "by brute force": known,
        "missed": missed,
        "only proved": spare,
        "degree off": off,
        "seconds": f"{np.median(seconds):.3f}",
        "longest": f"{max(seconds):.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--networks", type=int, default=65, help="of each kind")
    args = parser.parse_args()
    folder = HERE.parent / "out" / "benchmarks" if args.quick else HERE
    folder.mkdir(parents=True, exist_ok=True)
    with one_thread():
        rows = [row(f, full, 5 if args.quick else args.networks) for f in STRENGTH for full in (False, True)]
    with (folder / "proofs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
