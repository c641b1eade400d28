"""The distinct roots of r(x) = F(x) - x found so far, and which root an iterate belongs to.

A certified root is the only one within its uniqueness radius, so an iterate that enters that region belongs to it
and need not be followed to the end.  Where there is no certificate, two polished roots x_i and x_j satisfy
r_j - r_i = (J_i - I)(x_j - x_i) + O(d^2): they are one as far as floating point can tell when the left side, and so
(J_i - I) d, is within rounding of zero.  The radius that follows is the root's own: tiny across well-conditioned
directions, and as long as the set itself along a line of fixed points.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import System, minus_identity
from .certificate import certify
from .isolation import Isolation, isolation
from .known import Inverses, Known
from .newton import CONVERGED, HELD, STALLED, Iterates, chunk_of, polish

TELLING = 1e-9  # radius of uniqueness from which on it tells roots apart beyond rounding
SAMPLES = 64  # of a continuum of roots: more would only repeat what these say
COARSE = 1e-2  # iterates closer than this are likely to lead to one root: one of them is polished first


class Roots:
    """The distinct roots under one drive, how many starts reached each, and what is certain of each."""

    def __init__(self, system: System, u: Tensor, *, odd: bool = False) -> None:
        self.system, self.u, self.odd = system, u, odd
        self.within = system.rest_within(u)
        n = system.state_size
        self.x = torch.empty(0, n, dtype=torch.float64, device=system.device)
        self.residual, self.existence, self.uniqueness = (self.x.new_empty(0) for _ in range(3))
        self.matrices: dict[int, Tensor] = {}  # J - I, where the certificate does not tell roots apart
        self.inverses = Inverses()
        self.seen: dict[torch.dtype, Known] = {}  # kept until a root is added
        self.hits: list[int] = []
        self.signs: list[int] = []  # of det(I - J)
        self.alone: list[Isolation] = []  # only points that stand alone count as progress of a search

    def __len__(self) -> int:
        return len(self.x)

    @property
    def n_isolated(self) -> int:
        return int(self.isolated.sum())

    @property
    def degree(self) -> int:
        """The sum of the signs of det(I - J)."""
        return sum(self.signs)

    @property
    def isolated(self) -> np.ndarray:
        """Which of the roots stand alone (root,)."""
        return np.array([not item.singular for item in self.alone], bool)

    def known(self, dtype: torch.dtype) -> Known:
        """The certified roots, for iterates of this precision."""
        if dtype not in self.seen:
            coarse = 1e3 * torch.finfo(self.x.dtype).eps * (1 + self.x.abs().amax(-1))
            which = (self.uniqueness > coarse).nonzero()[:, 0]
            x, radii = self.x[which], self.uniqueness[which]
            self.seen[dtype] = Known(self.system, x, radii, which, self.inverses, dtype)
        return self.seen[dtype]

    def absorb(self, found: Iterates) -> Tensor:
        """Polish what has converged and merge it into the set; returns the status of each start after that."""
        status = found.status.clone()
        for k in found.owner[status == HELD].tolist():
            self.hits[k] += 1
        rows = (status == CONVERGED).nonzero()[:, 0]
        rows, first = self._unknown(found.x, rows), True
        while len(rows):
            chosen = rows[_representatives(found.x[rows])] if first else rows
            refined, residual, sure = polish(self.system, found.x[chosen], self.u.expand(len(chosen), -1))
            sure &= self._may_rest(refined)
            status[chosen[~sure]] = STALLED
            self.include(refined[sure], residual[sure])
            rows = rows[~torch.isin(rows, chosen)]
            rows, first = self._unknown(found.x, rows), False
        return status

    def _unknown(self, x: Tensor, rows: Tensor) -> Tensor:
        """Those of the ``rows`` of x that lead to no known root; the others are counted as hits."""
        u = self.u.expand(len(rows), -1)
        owner = self.known(x.dtype).owns(x[rows], u, self.system.step(x[rows], u) - x[rows])
        for k in owner[owner >= 0].tolist():
            self.hits[k] += 1
        return rows[owner < 0]

    def _may_rest(self, x: Tensor) -> Tensor:
        """Which of the states (row, unit) lie where fixed points can; others stand still by rounding."""
        if self.within is None:
            return torch.ones_like(x[:, 0], dtype=torch.bool)
        slack = 1e-9 * (1 + x.abs())
        return ((x >= self.within.lo - slack) & (x <= self.within.hi + slack)).all(-1)

    def include(self, x: Tensor, residual: Tensor, hit: int = 1) -> None:
        """Merge polished roots into the set; those that are new are certified where that is possible."""
        x, residual = self._without_known(x, residual, hit)
        before = len(self)
        for rows in residual.argsort().split(chunk_of(self.system)):
            self._include(x[rows], residual[rows], hit)
        if len(self) > before:
            x = self.x[before:]
            related = self.system.siblings(x, self.u.expand(len(x), -1))
            self.include_relatives(torch.cat([related, -x]) if self.odd else related)

    def _include(self, x: Tensor, residual: Tensor, hit: int) -> None:
        if not len(x):
            return
        drive = self.u.expand(len(x), -1)
        A = minus_identity(self.system.jacobian(x, drive))
        proofs = certify(self.system, x, drive)
        signs = linalg.sign_det(-A)
        existence, uniqueness = (
            torch.as_tensor(v).to(x) for v in (proofs.existence_radius, proofs.uniqueness_radius)
        )
        for k in range(len(x)):
            if not len(self._without_known(x[k : k + 1], residual[k : k + 1], hit)[0]):
                continue
            alone = isolation(self.system, x[k], self.u, A[k], float(residual[k]), float(existence[k]))
            if alone.singular and len(self) - self.n_isolated >= SAMPLES:
                self.hits[self._nearest_singular(x[k])] += hit
                continue
            if not uniqueness[k] > TELLING:
                self.matrices[len(self)] = A[k].clone()
            self.x, self.residual = (
                torch.cat([self.x, x[k : k + 1]]),
                torch.cat([self.residual, residual[k : k + 1]]),
            )
            self.existence = torch.cat([self.existence, existence[k : k + 1]])
            self.uniqueness = torch.cat([self.uniqueness, uniqueness[k : k + 1]])
            self.seen.clear()
            self.inverses.add(A[k], len(self) - 1)
            self.alone.append(alone)
            self.signs.append(int(signs[k]))
            self.hits.append(hit)

    def include_relatives(self, x: Tensor) -> None:
        """States that must be roots because others are: the mirror images under an odd map, the rest of an orbit."""
        if len(x):
            refined, residual, sure = polish(self.system, x, self.u.expand(len(x), -1))
            self.include(refined[sure], residual[sure], hit=0)

    def _without_known(self, x: Tensor, residual: Tensor, hit: int) -> tuple[Tensor, Tensor]:
        """What of ``x`` is new; the others are counted as hits of the roots they are."""
        owner = self.known(x.dtype).holds(x)
        known = torch.tensor(list(self.matrices), dtype=torch.long, device=x.device)
        if len(known) and len(x):
            same = self._same(known, x, residual)
            owner = torch.where((owner < 0) & same.any(-1), known[same.long().argmax(-1)], owner)
        for k in owner[owner >= 0].tolist():
            self.hits[k] += hit
        return x[owner < 0], residual[owner < 0]

    def _nearest_singular(self, x: Tensor) -> int:
        distance = (self.x - x).norm(dim=-1)
        distance[torch.from_numpy(self.isolated).to(x.device)] = torch.inf
        return int(distance.argmin())

    def _same(self, known: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        """Which of the rows of ``x`` cannot be told from which of the ``known`` roots by I - J there (row, root)."""
        A = torch.stack([self.matrices[k] for k in known.tolist()])
        d = x[:, None] - self.x[known]
        eps = torch.finfo(x.dtype).eps * x.shape[-1]
        size = 1 + self.x[known].abs().amax(-1) + torch.linalg.vector_norm(d, dim=-1)
        rounding = eps * (1 + torch.linalg.matrix_norm(A)) * size + self.residual[known] + residual[:, None]
        return torch.linalg.vector_norm(torch.einsum("kij,mkj->mki", A, d), dim=-1) <= 32 * rounding


def _representatives(x: Tensor) -> Tensor:
    """Indices of iterates such that each of the others is close to one of them."""
    close = torch.cdist(x, x, p=torch.inf) <= COARSE * (1 + x.abs().amax())
    left = torch.ones(len(x), dtype=torch.bool, device=x.device)
    chosen = []
    for k in range(len(x)):
        if bool(left[k]):
            chosen.append(k)
            left &= ~close[k]
    return torch.tensor(chosen, device=x.device)
