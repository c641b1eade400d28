"""Random states to begin from, where the caller has none."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ...systems.base import System

WIDTH = 2.0  # half width of the part of a box that is used: a bound may be far wider than what is visited
SCALES = (0.1, 1.0, 3.0)  # of normal states where no box is known


def random_states(system: System, u: Tensor, n: int, rng: np.random.Generator) -> np.ndarray:
    """States (start, unit): one near the state a trial starts from, the others of the box, or of several scales."""
    draws = rng.standard_normal((n, system.state_size))
    box = system.box(u)
    if box is not None:
        lo, hi = box.lo.cpu().numpy(), box.hi.cpu().numpy()
        half = np.minimum((hi - lo) / 2, WIDTH)
        states = (hi + lo) / 2 + half * rng.uniform(-1, 1, (n, system.state_size))
    else:
        states = draws * np.resize(SCALES, n)[:, None]
    states[0] = system.initial_state().cpu().numpy() + 0.01 * draws[0]
    return states
