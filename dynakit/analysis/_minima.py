"""The minima of q under one drive: batches of starts, each followed downhill, until nothing new turns up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import linalg
from ..systems.base import Box, System
from ._descent import EPS, FIXED, OUTSIDE, SLOW, STALLED, Residual, descend, newton_on_gradient, times, within
from ._starts import Starts


class Minima:
    """The distinct minima found so far under one drive, and how many starts reached each.

    Two are one and the same when floating point cannot tell their gradients apart: H (x_i - x_j) = 0 within rounding.
    """

    def __init__(self, residual: Residual) -> None:
        self.residual = residual
        self.x = torch.empty(0, residual.system.state_size, dtype=torch.float64, device=residual.u.device)
        self.hits: list[int] = []

    def __len__(self) -> int:
        return len(self.x)

    def add(self, x: Tensor) -> int:
        """Merge minima (start, unit) into the set; returns how many new ones they brought."""
        before = len(self)
        for k in range(before):
            x = self._merged(k, x)
        while len(x):
            self.x, x = torch.cat([self.x, x[:1]]), x[1:]
            self.hits.append(1)
            x = self._merged(len(self) - 1, x)
        return len(self) - before

    def _merged(self, k: int, x: Tensor) -> Tensor:
        """The rows of ``x`` that are not the k-th minimum; the others are counted for it."""
        if not len(x):
            return x
        here = self.x[k : k + 1]
        r, A = self.residual(here), self.residual.slope(here)
        H = self.residual.hessian(here, r, A)[0]
        d = x - here
        same = (d @ H).norm(dim=-1) <= 64 * (
            gradient_rounding(self.residual, here, r, A) + H.norm() * EPS * d.norm(dim=-1)
        )
        self.hits[k] += int(same.sum())
        return x[~same]


class MinimaSearch(NamedTuple):
    residual: Residual
    minima: Minima
    roots: Tensor  # (start, unit)  where the starts that reached a fixed point ended
    status: np.ndarray


def gradient_rounding(residual: Residual, x: Tensor, r: Tensor, A: Tensor) -> Tensor:
    """How much of A^T r is rounding, (start,): of F - x, which the rate magnifies, of A, and of the product."""
    size, norm = residual.rate * (1 + x.norm(dim=-1)), torch.linalg.matrix_norm(A)
    return 8 * EPS * x.shape[1] ** 0.5 * (norm * size + (norm + size) * r.norm(dim=-1))


def search_minima(
    system: System, given: Tensor | None, u: Tensor, rng: np.random.Generator, max_starts: int
) -> MinimaSearch:
    """Batches of starts under one drive until nothing new turns up."""
    rows = given if given is not None and given.ndim == 2 else None
    pool = None if given is None or rows is not None else given.reshape(-1, system.state_size)
    supply = Starts(system, u, rows, pool, rng)
    residual = Residual(system, u)
    minima, roots, status, quiet = Minima(residual), [supply.pool[:0]], [], 0
    batch = supply.first()[:max_starts]
    while len(batch):
        x, state = _minimise(residual, batch, supply.box)
        roots.append(x[state == FIXED])
        quiet = 0 if minima.add(x[state == SLOW]) else quiet + 1
        status.append(state.cpu().numpy())
        if quiet >= 2:
            break
        batch = supply.more(minima.x)[: max_starts - sum(map(len, status))]
    return MinimaSearch(residual, minima, torch.cat(roots), np.concatenate(status))


def _minimise(residual: Residual, starts: Tensor, box: Box | None) -> tuple[Tensor, Tensor]:
    """Where each start comes to rest, and what is there (index into STATUS)."""
    if box is not None:
        starts = torch.minimum(torch.maximum(starts, box.lo), box.hi)
        middle, radius = (box.hi + box.lo) / 2, (box.hi - box.lo) / 2
        limit = Box(middle - 3 * radius - 1, middle + 3 * radius + 1)
    else:
        reach = 1e3 * (1 + starts.abs().nan_to_num(0.0, 0.0, 0.0).amax(0))
        limit = Box(-reach, reach)
    x, status = descend(residual, starts, limit)
    rows = (status == STALLED).nonzero()[:, 0]
    if len(rows):
        x[rows], status[rows] = newton_on_gradient(residual, x[rows], limit)
    rows = (status == SLOW).nonzero()[:, 0]
    if len(rows):
        status[rows[~_is_minimum(residual, x[rows])]] = STALLED
    if box is not None:
        status[((status == SLOW) | (status == STALLED)) & ~within(x, box)] = OUTSIDE
    return x, status


def _is_minimum(residual: Residual, x: Tensor) -> Tensor:
    """Is the gradient zero within rounding, and no eigenvalue of the Hessian clearly negative?"""
    r, A = residual(x), residual.slope(x)
    still = times(A.mT, r).norm(dim=-1) <= 64 * gradient_rounding(residual, x, r, A)
    H = residual.hessian(x, r, A)
    return still & (linalg.symmetric_eig(H)[0][:, 0] >= -curvature_doubt(H, A))


def curvature_doubt(H: Tensor, A: Tensor) -> Tensor:
    """How well the least eigenvalue of a Hessian is known: rounding, and the error of its differenced part."""
    curved = torch.linalg.matrix_norm(H - A.mT @ A)
    return 10 * EPS * torch.linalg.matrix_norm(H) + 1e-8 * curved
