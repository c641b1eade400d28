"""What else states do that are left alone: reach a cycle, go on without settling, or grow without bound.

A count of fixed points says nothing of these, and they say nothing against it: they are reported beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import seeding
from ...systems.base import System
from ..exponents import grows, recurrence
from .search import Sought

FOLLOWED, FEW = 64, 24  # states at most where there is no box, and in a box
WAIT, LONG = 16, 400  # half the steps that states are followed, and those not on their way to a point by then
LOOKS = 8  # in each half of them
SLOWER = 0.5  # of the largest step of the first half in the second: the state is on its way to rest
AT = 1e-6  # distance, relative to 1 + |x|, at which it is there
STILL = 1e-9  # step, likewise, of a state at rest
SIZES = (0.1, 1.0, 10.0)  # of states where there is no box


class LeftAlone(NamedTuple):
    """How many states were followed, and what became of those that come to no point."""

    n_followed: int = 0
    n_unbounded: int = 0
    n_cycling: int = 0
    n_unsettled: int = 0

    def and_(self, other: LeftAlone) -> LeftAlone:
        """Both together."""
        return LeftAlone(*(a + b for a, b in zip(self, other)))


def left_alone(system: System, given: Tensor | None, sought: Sought, seed: Any) -> LeftAlone:
    """Follow states under the drive of a search that found points.

    In a box those of all of it and of shares of it that it has left alone for a while; elsewhere given ones (..., unit)
    or, without any, some of several sizes.  None where the only point there is attracts all.
    """
    u, points = sought.roots.u, sought.roots.x
    if sought.only and _attracts(system, points, u):  # in a map that is affine layer by layer, every state
        return LeftAlone()
    if system.box(u) is not None:
        return _followed(system, sought.ends[:FEW], u, points, len(sought.ends[:FEW]))
    if given is None:
        sizes = np.resize(SIZES, FOLLOWED)[:, None]
        draws = sizes * seeding.stream(seed, "left alone").standard_normal((FOLLOWED, system.state_size))
        x = torch.from_numpy(draws).to(system.device)
    else:
        x = given.reshape(-1, system.state_size)
        x = x[:: max(1, len(x) // FOLLOWED)][:FOLLOWED]
    x = x[torch.isfinite(x).all(-1)]
    away = torch.from_numpy(grows(system, x, x, u)).to(x.device)
    return _followed(system, x[~away], u, points, len(x))


def _attracts(system: System, x: Tensor, u: Tensor) -> bool:
    """Whether the steps lead to the points x (point, unit) from nearby."""
    return bool((torch.linalg.eigvals(system.jacobian(x, u)).abs() < 1).all())


def _followed(system: System, x: Tensor, u: Tensor, points: Tensor, n: int) -> LeftAlone:
    """What becomes of states that do not grow without bound, of n that were followed."""
    rough = system.single_precision() or system
    roughly = [of.to(rough.dtype) for of in (x, u, points)]
    later = _open(rough, roughly[0], roughly[1], roughly[2], WAIT).to(x)
    later = _open(system, later, u, points, LONG)
    periods = recurrence(system, later, u) if len(later) else np.zeros(0, int)
    return LeftAlone(n, n - len(x), int((periods > 1).sum()), int((periods == 0).sum()))


def _open(system: System, x: Tensor, u: Tensor, points: Tensor, n_steps: int) -> Tensor:
    """Where states get to that neither come to a point nor move ever more slowly, after 2 ``n_steps``."""
    if not len(x):
        return x
    looks = []
    for _ in range(2 * LOOKS):
        x = system.settle(x, u, n_steps // LOOKS)
        looks.append((system.step(x, u) - x).abs().amax(-1))
    steps, size = torch.stack(looks), 1 + x.abs().amax(-1)
    rests = steps[-1] <= max(STILL, torch.finfo(x.dtype).eps) * size
    slows = (steps.diff(dim=0) < 0).all(0) | (steps[LOOKS:].amax(0) <= SLOWER * steps[:LOOKS].amax(0))
    if len(points):
        rests |= torch.cdist(x, points, p=torch.inf).amin(-1) <= AT * size
    return x[~(rests | slows) & torch.isfinite(x).all(-1)]
