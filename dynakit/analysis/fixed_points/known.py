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
    """The certified roots found so far, for iterates of one precision.

    ``x`` (root, unit) and ``radii`` (root,) of uniqueness; ``which`` are their numbers.
    """

    def __init__(
        self, system: System, x: Tensor, radii: Tensor, which: Tensor, inverses: Inverses, dtype: torch.dtype
    ) -> None:
        self.system, self.exact, self.radii, self.which = system, x, radii, which
        self.x, self.inverses = x.to(dtype), inverses.of
        coarse = 1e3 * torch.finfo(dtype).eps * (1 + x.abs().amax(-1))
        self.seen = torch.where(radii > coarse, radii, 0.0).to(dtype)  # where this precision can see the region
        self.n_inverses = int((which < len(inverses)).sum())  # of the first roots, now

    def arrays(self) -> tuple[Tensor, ...]:
        """All that what is known here decides by."""
        inverses = [inverse for of in self.inverses.values() for inverse in of[: self.n_inverses]]
        return self.exact, self.radii, self.which, *inverses

    def holds(self, x: Tensor) -> Tensor:
        """The root whose region holds each state (state, unit), or -1."""
        if not len(self.x) or not len(x):
            return torch.full(x.shape[:1], -1, device=x.device)
        return self._held(torch.cdist(x, self.x, p=torch.inf))

    def _held(self, apart: Tensor) -> Tensor:
        share, k = torch.where(self.seen > 0, apart / self.seen, torch.inf).min(-1)
        return torch.where(share < INSIDE, self.which[k], -1)

    def owns(self, x: Tensor, u: Tensor, r: Tensor) -> Tensor:
        """The root whose region holds each state, or to which it is drawn; ``r`` = F(x, u) - x."""
        n = self.n_inverses
        if not n or not len(x):
            return self.holds(x)
        apart = torch.cdist(x, self.x, p=torch.inf)
        owner = self._held(apart)
        distance, k = apart[:, :n].min(-1)
        rows = ((owner < 0) & (distance <= REACH * (1 + self.x.abs().max()))).nonzero()[:, 0]
        u, k, distance = u[rows].to(self.exact), k[rows], distance[rows]
        y = (x[rows] + self._steps(k, r[rows])).to(self.exact)  # the others to all digits: regions may be small
        for _ in range(STEPS):
            gap = (y - self.exact[k]).abs().amax(-1)
            near = gap <= SHARE * distance
            arrived = near & (gap < INSIDE * self.radii[k])
            owner[rows[arrived]] = self.which[k[arrived]]
            going = near & ~arrived
            rows, k, u, y, distance = (t[going] for t in (rows, k, u, y, gap))
            if not len(rows):
                break
            y = y + self._steps(k, self.system.step(y, u) - y)
        return owner

    def _steps(self, k: Tensor, r: Tensor) -> Tensor:
        """-(J - I)^-1 r with the inverse at root k[i] for each row, one product for all rows of a root."""
        p = torch.empty_like(r)
        for root in k.unique().tolist():
            rows = k == root
            p[rows] = -r[rows] @ self.inverses[r.dtype][int(self.which[root])].T
        return p
