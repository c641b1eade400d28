"""To which known root a state belongs, without following it to the end.

Within a certified region of uniqueness there is no other root.  Farther out Newton's method is asked with the Jacobian
of the root itself, y <- y - (J(x*) - I)^-1 (F(y) - y), which takes a product where a step of its own takes a
factorisation (the chord method: Ortega and Rheinboldt 1970, sec. 7.1).  A state that each of a few such steps brings to
a quarter of its distance, until it lies in the region, belongs to that root: were another one near, F(y) - y would be
small there, and the step short.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import System

INSIDE = 0.9  # of the radius of uniqueness
SHARE = 0.25  # of its distance at which each step must leave a state
STEPS = 8
REACH = 0.5  # distance, relative to 1 + the largest root, beyond which this hardly ever succeeds
FROM = 32  # units from which on products are so much cheaper than factorisations


class Inverses:
    """(J - I)^-1 at the first roots found, in both precisions: as many as the budget holds, none if they do not pay."""

    def __init__(self) -> None:
        self.of: dict[torch.dtype, list[Tensor]] = {torch.float64: [], torch.float32: []}

    def __len__(self) -> int:
        return len(self.of[torch.float64])

    def add(self, A: Tensor, root: int) -> None:
        """That of ``A`` (unit, unit), which belongs to the root of that number."""
        room = 12 * A.numel() * (len(self) + 1) <= chunks.BYTES
        if len(A) >= FROM and room and root == len(self):
            inverse = linalg.inverses(A[None])[0][0]
            for dtype, inverses in self.of.items():
                inverses.append(inverse.to(dtype))


class Known:
    """The certified roots whose region of uniqueness one precision can see, found so far."""

    def __init__(self, x: Tensor, radii: Tensor, which: Tensor, inverses: list[Tensor]) -> None:
        self.x, self.radii, self.which, self.inverses = x, radii, which, inverses
        self.n_inverses = int((which < len(inverses)).sum())  # the first of them, now

    def holds(self, x: Tensor) -> Tensor:
        """The root whose region holds each state (state, unit), or -1."""
        if not len(self.x) or not len(x):
            return torch.full(x.shape[:1], -1, device=x.device)
        nearest, k = (torch.cdist(x, self.x, p=torch.inf) / self.radii).min(-1)
        return torch.where(nearest < INSIDE, self.which[k], -1)

    def owns(self, system: System, x: Tensor, u: Tensor, r: Tensor) -> Tensor:
        """The root whose region holds each state, or to which it is drawn; ``r`` = F(x, u) - x."""
        n = self.n_inverses
        if not n or not len(x):
            return self.holds(x)
        apart = torch.cdist(x, self.x, p=torch.inf)
        nearest, inside = (apart / self.radii).min(-1)
        owner = torch.where(nearest < INSIDE, self.which[inside], -1)
        distance, k = apart[:, :n].min(-1)
        near = distance <= REACH * (1 + self.x.abs().max())
        rows = ((owner < 0) & near).nonzero()[:, 0]
        for _ in range(STEPS):
            y = x[rows] + self._steps(k[rows], r[rows])
            gap = (y - self.x[k[rows]]).abs().amax(-1)
            near = gap <= SHARE * distance[rows]
            arrived = near & (gap < INSIDE * self.radii[k[rows]])
            owner[rows[arrived]] = self.which[k[rows[arrived]]]
            going = near & ~arrived
            rows, y = rows[going], y[going]
            if not len(rows):
                break
            residual = system.step(y, u[rows]) - y
            x, r, distance = x.clone(), r.clone(), distance.clone()
            x[rows], r[rows], distance[rows] = y, residual, gap[going]
        return owner

    def _steps(self, k: Tensor, r: Tensor) -> Tensor:
        """-(J - I)^-1 r with the inverse at root k[i] for each row, one product for all rows of a root."""
        p = torch.empty_like(r)
        for root in k.unique().tolist():
            rows = k == root
            p[rows] = -r[rows] @ self.inverses[int(self.which[root])].T
        return p
