"""Where the method ends: random networks of growing gain, and rings that are more and more nearly continuous."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import dynakit as dk

N_RANDOM = 64
GAINS = (0.5, 0.7, 0.75, 0.8, 1.0, 1.5)
POLYGONS = (6, 8, 12, 16, 32)
STRENGTH = 1.5  # of a polygon, 1 where its points appear
MAX_BOXES = 20_000


def random_network(gain: float, seed: int) -> Any:
    """tanh units with weights drawn from N(0, gain^2 / n): eigenvalues fill a disc of this radius."""
    W = gain * np.random.default_rng(seed).normal(size=(N_RANDOM, N_RANDOM)) / np.sqrt(N_RANDOM)
    return dk.catalog.tanh_network(W)


def polygon(n: int) -> Any:
    """Units on a circle that excite their like by the cosine of the angle, of rank two: nearly a ring."""
    angles = 2 * np.pi * np.arange(n) / n
    return dk.catalog.tanh_network(2 * STRENGTH / n * np.cos(angles[:, None] - angles))


def measure(kind: str, value: float, seed: int) -> dict[str, Any]:
    """What is proved of one of them."""
    system = random_network(value, seed) if kind == "random" else polygon(int(value))
    started = time.process_time()
    found = dk.enumerate_fixed_points(system, max_boxes=MAX_BOXES, time_limit=60.0)
    return {
        "network": f"random, gain {value:g}" if kind == "random" else f"polygon of {int(value)}",
        "seed": seed,
        "equations": found.n_equations,
        "verdict": found.completeness,
        "points": len(found),
        "boxes": found.n_nodes,
        "tubes": len(found.tubes),
        "widest tube": float(found.tube_extents.max(initial=0.0)),
        "largest miss in a tube": float(found.tube_misses.max(initial=0.0)),
        "CPU s": time.process_time() - started,
        "why not": found.left,
    }


def calls(quick: bool) -> list[tuple[str, float, int]]:
    """Kinds, values and seeds."""
    if quick:
        return [("random", 0.5, 0), ("random", 1.5, 0), ("polygon", 6, 0)]
    return [("random", g, seed) for g in GAINS for seed in (0, 1, 2)] + [("polygon", n, 0) for n in POLYGONS]
