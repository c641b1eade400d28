"""Which converged iterates are one and the same root.

Two roots x_i and x_j of r(x) = F(x) - x satisfy r_j - r_i = (J_i - I)(x_j - x_i) + O(d^2).  They are the same as far
as floating point can tell when the left side, and so (J_i - I) d, is within rounding of zero.  The radius that
follows is the root's own: tiny across well-conditioned directions, and as long as the set itself along a line
of fixed points.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .. import linalg
from ..systems.base import System, minus_identity


class Roots:
    """The distinct roots found so far under one drive, and how many starts reached each."""

    def __init__(self, system: System, u: Tensor) -> None:
        self.system, self.u = system, u
        self.x = torch.empty(0, system.state_size, dtype=torch.float64, device=system.device)
        self.residual = self.x.new_empty(0)
        self.A = self.x.new_empty(0, system.state_size, system.state_size)  # J - I at each
        self.hits: list[int] = []
        self.n_isolated = (
            0  # roots at which I - J is clearly regular: only these count as progress of a search
        )

    def __len__(self) -> int:
        return len(self.x)

    def add(self, x: Tensor, residual: Tensor) -> int:
        """Merge converged iterates (start, unit) into the set; returns how many new roots they brought."""
        before = len(self)
        for k in range(before):
            same = self._same(k, x, residual)
            self.hits[k] += int(same.sum())
            x, residual = x[~same], residual[~same]
        while len(x):
            first = int(residual.argmin())
            self._append(x[first], residual[first])
            same = self._same(len(self) - 1, x, residual)
            same[first] = True
            self.hits[-1] = int(same.sum())
            x, residual = x[~same], residual[~same]
        return len(self) - before

    def _append(self, x: Tensor, residual: Tensor) -> None:
        A = minus_identity(self.system.jacobian(x[None], self.u))
        self.x, self.A = torch.cat([self.x, x[None]]), torch.cat([self.A, A])
        self.residual = torch.cat([self.residual, residual[None]])
        self.hits.append(0)
        smallest = linalg.smallest_singular_value(A[0].cpu().numpy())
        self.n_isolated += bool(
            smallest > 1e3 * np.finfo(float).eps * len(x) * (1 + float(A.abs().sum(-1).max()))
        )

    def _same(self, k: int, x: Tensor, residual: Tensor) -> Tensor:
        """Which of the rows of ``x`` cannot be told from root k."""
        A, d = self.A[k], x - self.x[k]
        eps = torch.finfo(x.dtype).eps * x.shape[-1]
        norm = A.norm()
        rounding = eps * (1 + norm) * (1 + self.x[k].abs().amax() + d.norm(dim=-1))
        return (d @ A.T).norm(dim=-1) <= 32 * (rounding + self.residual[k] + residual)
