"""Leading Lyapunov exponents along an orbit that is known already, averaged with weights that converge fast.

As in :func:`dynakit.lyapunov_spectrum` a frame is carried along and made orthonormal at every step (Benettin, Galgani,
Giorgilli and Strelcyn 1980).  The Jacobians are asked for many states at a time, which of a plain callable is much
faster than one by one.  Of exponents that are nearly equal only the mean converges fast, and each of them is given it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._autonomous import BYTES, Autonomous
from ._birkhoff import average, halves

ALIGN = 8  # the first of so many parts of the orbit turns the frame into place
EQUAL = 10.0  # exponents closer than so many times their uncertainty are averaged
BLOCKS = 16
LOST = 1e-300  # a stretch below it is that of a direction the map forgets in one step


class Exponents(NamedTuple):
    """Leading exponents in nats per step, falling."""

    values: np.ndarray  # weighted averages, which converge fast on a regular orbit
    doubt: np.ndarray  # how far the averages over two halves are apart
    means: np.ndarray  # plain means, the better estimate on a chaotic orbit
    errors: np.ndarray  # and their standard errors, from means of blocks


def exponents(flow: Autonomous, orbit: np.ndarray, k: int, rng: np.random.Generator) -> Exponents:
    """The k leading exponents along an orbit (step, unit)."""
    Q = np.linalg.qr(rng.standard_normal((flow.size, min(k, flow.size))))[0]
    some, logs = max(1, BYTES // (8 * flow.size**2)), []
    for i in range(0, len(orbit), some):
        for J in flow.jacobian(orbit[i : i + some]):
            moved = J @ Q
            if not np.isfinite(moved).all():
                return Exponents(*np.full((4, Q.shape[1]), np.nan))
            Q, R = np.linalg.qr(moved)
            logs.append(np.log(np.maximum(np.abs(np.diagonal(R)), LOST)))
    kept = np.array(logs)[len(logs) // ALIGN :]
    blocks = np.array([block.mean(0) for block in np.array_split(kept, BLOCKS)])
    errors = blocks.std(0, ddof=1) / np.sqrt(BLOCKS)
    return Exponents(*_levelled(average(kept), halves(kept)), kept.mean(0), errors)


def _levelled(values: np.ndarray, doubt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups of nearly equal exponents as their mean."""
    order = np.argsort(-values, kind="stable")
    values, doubt = values[order].copy(), doubt[order]
    start = 0
    for i in range(1, len(values) + 1):
        near = i < len(values) and values[i - 1] - values[i] <= min(
            EQUAL * max(doubt[i - 1], doubt[i]), 1e-4 + 0.02 * abs(values[i])
        )
        if not near:
            values[start:i] = values[start:i].mean()
            start = i
    return values, doubt
