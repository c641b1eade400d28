"""The minima of q under one drive: batches of starts, each followed downhill, until nothing new turns up."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ...progress import going, interruptible
from ...systems.base import Bounds, System
from ..fixed_points import Starts
from .corners import Corners
from .descent import FIXED, OUTSIDE, SLOW, STALLED, Descent, Local, Residual, descend, within
from .smooth_minima import SmoothMinima


class Landscape(Protocol):
    """q near its minima: smooth, or with kinks."""

    residual: Residual

    def settle(self, x: Tensor, limit: Bounds) -> Descent:
        """Go on to the last digit from states (start, unit) at which the first descent stalled."""
        ...

    def same(self, here: Tensor, x: Tensor) -> Tensor:
        """Which minima ``x`` (start, unit) cannot be told from the one at ``here`` (unit,)?"""
        ...

    def describe(self, x: Tensor) -> Local:
        """What is said of each minimum (point, unit)."""
        ...


class Minima:
    """The distinct minima found so far, and how many starts reached each."""

    def __init__(self, landscape: Landscape, none: Tensor) -> None:
        self.landscape, self.x = landscape, none
        self.hits: list[int] = []

    def add(self, x: Tensor) -> int:
        """Merge minima (start, unit) into the set; returns how many new ones they brought."""
        before = len(self.x)
        for k in range(before):
            x = self._merged(k, x)
        while len(x):
            self.x, x = torch.cat([self.x, x[:1]]), x[1:]
            self.hits.append(1)
            x = self._merged(len(self.x) - 1, x)
        return len(self.x) - before

    def _merged(self, k: int, x: Tensor) -> Tensor:
        """The rows of ``x`` that are not the k-th minimum; the others are counted for it."""
        if not len(x):
            return x
        same = self.landscape.same(self.x[k], x)
        self.hits[k] += int(same.sum())
        return x[~same]


class MinimaSearch(NamedTuple):
    landscape: Landscape
    minima: Minima
    roots: Tensor  # (start, unit)  where the starts that reached a fixed point ended
    status: np.ndarray


def search_minima(
    system: System, given: Tensor | None, u: Tensor, rng: np.random.Generator, max_starts: int
) -> MinimaSearch:
    """Batches of starts under one drive until nothing new turns up."""
    rows = given if given is not None and given.ndim == 2 else None
    pool = None if given is None or rows is not None else given.reshape(-1, system.state_size)
    supply = Starts(system, u, rows, pool, rng)
    landscape: Landscape = Corners.of(system, u) or SmoothMinima(Residual(system, u))
    minima, roots, status, quiet = Minima(landscape, supply.pool[:0]), [supply.pool[:0]], [], 0
    batch = supply.first()[:max_starts]
    with interruptible("start"):
        while len(batch):
            x, state = _minimise(landscape, batch, supply.box)
            roots.append(x[state == FIXED])
            quiet = 0 if minima.add(x[state == SLOW]) else quiet + 1
            status.append(state.cpu().numpy())
            n_used = sum(map(len, status))
            if not going(n_used, "start") or quiet >= 2:
                break
            batch = supply.more(minima.x)[: max_starts - n_used]
    return MinimaSearch(landscape, minima, torch.cat(roots), np.concatenate([np.zeros(0, int), *status]))


def _minimise(landscape: Landscape, starts: Tensor, box: Bounds | None) -> Descent:
    """Where each start comes to rest, and what is there."""
    if box is not None:
        starts = torch.minimum(torch.maximum(starts, box.lo), box.hi)
        middle, radius = (box.hi + box.lo) / 2, (box.hi - box.lo) / 2
        limit = Bounds(middle - 3 * radius - 1, middle + 3 * radius + 1)
    else:
        reach = 1e3 * (1 + starts.abs().nan_to_num(0.0, 0.0, 0.0).amax(0))
        limit = Bounds(-reach, reach)
    x, status = descend(landscape.residual, starts, limit)
    if box is not None:  # what has come to the neighbourhood of a minimum out there is followed no more
        status[(status == STALLED) & ~within(x, box)] = OUTSIDE
    rows = (status == STALLED).nonzero()[:, 0]
    if len(rows):
        x[rows], status[rows] = landscape.settle(x[rows], limit)
    if box is not None:
        status[((status == SLOW) | (status == STALLED)) & ~within(x, box)] = OUTSIDE
    return Descent(x, status)
