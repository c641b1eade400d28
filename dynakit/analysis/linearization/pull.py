"""Which states a stable point draws in, as far as its linear part says: how long that takes its slowest mode decides.

A state need not be followed to the end: with J = V diag(lambda) V^-1 at the point x*, and d = x - x* in its modes,
c = V^-1 d,

    V^-1 (F(x) - x*) = int_0^1 V^-1 J(x* + s d) V ds  c,

so that F brings x nearer to x* in the norm max_i |c_i| / w_i where A w < w, A = |diag(lambda)| + |V^-1 D V| entry by
entry, D the mean of J(x* + s d) - J over s.  Such weights w > 0 exist if and only if the spectral radius of A is below
one, and w = (1 - A)^-1 1 are some (Berman and Plemmons 1994, ch. 6): a slow mode may be far from rest where the norm of
the whole would not let it.  D is Simpson's mean, taken twice, for the directions that nobody reads; then all states
that are as near in that norm are drawn in too.

Of a conjugate pair, the two real coordinates are one entry.  So are those of all modes that a step leaves half of, or
less: some of their eigenvectors are nearly parallel, and nothing is gained by telling them apart.

The slower a point is, the smaller is the neighbourhood in which that holds, although everything around may fall in.
Farther out the deviation is scaled down, shell by shell, to where it holds, and each scaled state is left alone for a
while: if |c| falls on every shell, at no less than half the rate of the slowest mode, then nothing that could hold the
state lies between: a circle or another point there would stop one of the shells.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import System
from .verdict import MARGIN, spectrum

DOUBT = 2.0  # by which the mean change of the Jacobian is multiplied
FAST = 0.5  # share that a step leaves of a mode, up to which it is one of the fast ones
WITHIN = 0.75  # which they stay below in one norm
TRIED = 4  # states judged by their own Jacobians, of all those near one point
SHELL, HALVINGS = 0.8, 24  # scale of each shell to the next; how often a deviation is halved to where this holds
ALONE = 256  # steps after which the norms of the scaled states are read, and again as many to see them fall
RATE = 0.5  # of the slowest mode's, the least that counts
ROUNDING = 1e-12  # of its norm at first: what has fallen below it has come to rest


class Pull:
    """One stable point (unit,) of a map under one input, and which states (state, unit) are drawn to it."""

    def __init__(self, system: System, u: Tensor, point: np.ndarray) -> None:
        self.system, self.u, self.point = system, u, torch.from_numpy(np.array(point)).to(u)
        self.J = system.jacobian(self.point[None], u[None])[0]
        self.into, self.out, self.mode, self.rates = _coordinates(self.J)
        self.usable = bool((self.rates < 1 - MARGIN).all()) and bool(torch.isfinite(self.into).all())
        self.balls: list[tuple[Tensor, Tensor]] = []  # weights (mode,) and the radius in the norm they make

    def draws_in(self, x: Tensor) -> np.ndarray:
        """Which states (state, unit) the map brings nearer to the point; new ones are judged by their Jacobians."""
        drawn = self.holds(x)
        order = np.flatnonzero(~drawn)
        if not self.usable or not len(order):
            return drawn
        farthest = (x[order] - self.point).norm(dim=-1).argsort(descending=True).cpu().numpy()
        some = order[farthest[np.unique(np.linspace(0, len(order) - 1, TRIED).astype(int))]]
        for part in chunks.parts(len(some), 8 * 8 * self.J.numel()):
            self._read(x[some[part]])
        return self.holds(x)

    def holds(self, x: Tensor) -> np.ndarray:
        """Which states are at least as near as one that was found to be drawn in."""
        if not self.balls:
            return np.zeros(len(x), bool)
        c = self._sizes((x - self.point) @ self.into.mT)
        weights, radii = (torch.stack(part) for part in zip(*self.balls))
        return ((c[:, None] / weights).amax(-1) <= radii).any(-1).cpu().numpy()

    def draws_from_afar(self, x: Tensor) -> bool:
        """Is one state (unit,) drawn in from every shell between it and where the linear part rules?"""
        if not self.usable:
            return False
        slack, d = 1 - float(self.rates.amax()), x - self.point
        inner = next((k for k in range(HALVINGS) if self.draws_in((self.point + 0.5**k * d)[None])[0]), None)
        if not inner:
            return inner == 0
        n_shells = int(np.ceil(inner * np.log(0.5) / np.log(SHELL)))
        shells = self.point + SHELL ** torch.arange(n_shells).to(x)[:, None] * d
        before = self.system.settle(shells, self.u, ALONE)
        after = self.system.settle(before, self.u, ALONE)
        most = (1 - RATE * slack) ** ALONE * self.size(before) + ROUNDING * self.size(shells)
        return bool((self.size(after) <= most).all())

    def size(self, x: Tensor) -> Tensor:
        """Distance of states from the point, in the norm of its modes."""
        return torch.linalg.vector_norm((x - self.point) @ self.into.mT, dim=-1)

    def _read(self, x: Tensor) -> None:
        """Keep the ball of each of these states that is drawn in, unless a ball holds it."""
        half, whole = (
            self.system.jacobian(self.point + share * (x - self.point), self.u.expand(len(x), -1)) - self.J
            for share in (0.5, 1.0)
        )
        change = self.into @ ((4 * half + whole) / 6) @ self.out
        rest = -DOUBT * self._sizes(self._sizes(change).mT).mT
        rest.diagonal(dim1=-2, dim2=-1).add_(1 - self.rates)
        weights, solved = linalg.solve(rest, torch.ones_like(rest[..., 0]))
        for k in torch.nonzero(solved & (weights > 0).all(-1)).flatten().tolist():
            radius = (self._sizes((x[k] - self.point) @ self.into.mT) / weights[k]).amax()
            self.balls.append((weights[k], radius * (1 + 1e-12)))

    def _sizes(self, values: Tensor) -> Tensor:
        """Lengths over the two coordinates of each pair, (..., unit) -> (..., mode)."""
        if len(self.rates) == len(self.mode):
            return values.abs()
        squares = values.new_zeros(*values.shape[:-1], len(self.rates)).index_add_(-1, self.mode, values.square())
        return squares.sqrt()


def _coordinates(J: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Matrices into coordinates of the modes and out of them, the entry of each coordinate, and |J| of each entry."""
    eigen = spectrum(J[None])
    values = eigen.values[0]
    one = np.flatnonzero((values.imag >= 0) & ~(np.abs(values) <= FAST))  # one of each pair of the slow ones
    pairs = np.flatnonzero(values[one].imag > 0)
    scale = np.where(values[one].imag > 0, 2**0.5, 1.0)
    # rows of V^-1 are the left eigenvectors, scaled as l.r = 1; of a pair x = 2 Re (l.x) r
    left, right = (scale * vectors[0][:, one] for vectors in (eigen.left, eigen.right))
    real = lambda v: torch.from_numpy(np.concatenate([v.real, v.imag[:, pairs]], 1)).to(J)  # noqa: E731
    L, V = real(left).mT, real(right)
    mode = torch.from_numpy(np.concatenate([np.arange(len(one)), pairs])).to(J.device)
    rates = torch.from_numpy(np.abs(values[one])).to(J)
    if len(V.mT) == len(J) or not bool(torch.isfinite(L).all()):
        return L, V, mode, rates
    Q = torch.linalg.qr(L.mT, mode="complete")[0][:, len(L) :]  # all that the slow modes do not see
    rest = Q.mT @ J @ Q
    R = _norm_within(rest / WITHIN)
    B, C = R @ (Q.mT - (Q.mT @ V) @ L), torch.linalg.solve_triangular(R, Q, upper=True, left=False)
    fast = torch.linalg.matrix_norm(R @ rest @ torch.linalg.inv(R), 2)
    together = mode.new_full((len(B),), len(one))
    return (
        torch.cat([L, B]),
        torch.cat([V, C], 1),
        torch.cat([mode, together]),
        torch.cat([rates, fast[None]]),
    )


def _norm_within(A: Tensor) -> Tensor:
    """R with |R A x| < |R x|: R^T R = sum_k (A^T)^k A^k, which solves Stein's equation, doubled (Smith 1968)."""
    P = torch.eye(len(A)).to(A)
    for _ in range(8):
        P, A = P + A.mT @ P @ A, A @ A
    R, failed = torch.linalg.cholesky_ex(P, upper=True)
    return R if not bool(failed) else torch.full_like(R, torch.nan)
