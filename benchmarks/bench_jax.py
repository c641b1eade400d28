"""The first search of a jitted GRU of JAX, compilation included, and the second:  python benchmarks/bench_jax.py

Needs the extra ``jax``.  Random weights of gain 1.5 on 16 units, zero drive; CPU seconds of this process.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynakit as dk


def gru(n: int, m: int, seed: int):
    rng = np.random.default_rng(seed)
    W, U = 1.5 * rng.normal(size=(3, n, n)) / np.sqrt(n), rng.normal(size=(3, m, n))

    @jax.jit
    def step(x, u):
        r, z = (jax.nn.sigmoid(x @ W[k] + u @ U[k]) for k in (0, 1))
        return (1 - z) * jnp.tanh(r * (x @ W[2]) + u @ U[2]) + z * x

    return step


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    jnp.tanh(jnp.zeros(1)).block_until_ready()
    rows = []
    for n_starts in (64, 512):
        f = gru(16, 3, 0)
        system = None
        starts = np.random.default_rng(1).uniform(-1, 1, (n_starts, 16))
        for search in ("first", "second"):
            before, wall = time.process_time(), time.perf_counter()
            system = dk.FunctionSystem(f, 16, 3) if system is None else system
            points = dk.find_fixed_points(system, starts)
            rows.append(
                {
                    "starts": n_starts,
                    "search": search,
                    "cpu_s": round(time.process_time() - before, 2),
                    "wall_s": round(time.perf_counter() - wall, 2),
                    "points": len(points),
                    "jax": jax.__version__,
                }
            )
    with (Path(__file__).parent / "jax.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
