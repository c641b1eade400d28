"""Where states come to rest that are not there yet: the slowest mode says how long that takes, not the observer.

A state is followed as long as it comes nearer to a stable point, up to a budget of steps.  It need not be followed to
the end: with J = V diag(lambda) V^-1 at the point x*, and d = x - x* in its modes, c = V^-1 d,

    V^-1 (F(x) - x*) = int_0^1 V^-1 J(x* + s d) V ds  c,

so that F brings x nearer to x* in the norm max_i |c_i| / w_i where A w < w, A = |diag(lambda)| + |V^-1 D V| entry by
entry, D the mean of J(x* + s d) - J over s.  Such weights w > 0 exist if and only if the spectral radius of A is below
one, and w = (1 - A)^-1 1 are some (Berman and Plemmons 1994, ch. 6): a slow mode may be far from rest where the norm of
the whole would not let it.  D is Simpson's mean, taken twice, for the directions that nobody reads; then all states
that are as near in that norm are drawn in too.

Of a conjugate pair, the two real coordinates are one entry.  So are those of all modes that a step leaves half of, or
less: some of their eigenvectors are nearly parallel, and nothing is gained by telling them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import System
from ..basins import Targets
from ..linearization import spectrum

CHUNK = 250  # steps between two looks
DOUBT = 2.0  # by which the mean change of the Jacobian is multiplied
FAST = 0.5  # share that a step leaves of a mode, up to which it is one of the fast ones
WITHIN = 0.75  # which they stay below in one norm
NEARER = 0.7  # of its distance when it was last judged: then a state is judged again
TRIED = 4  # states judged by their own Jacobians, of all those near one point


def arrivals(system: System, u: Tensor, targets: Targets, x: np.ndarray, most_steps: int) -> tuple[np.ndarray, int]:
    """The attractor each state (state, unit) arrives at, -1 for none, and how many steps it took to say so."""
    which, distance = targets.at(x)
    state = torch.from_numpy(np.array(x)).to(u)
    left, done = np.flatnonzero((which < 0) & np.isfinite(x).all(axis=1)), 0
    basins = Neighbourhoods(system, u, targets)
    judged = np.full(len(x), np.inf)
    while True:
        due = left[distance[left] <= NEARER * judged[left]]
        judged[due] = distance[due]
        which[due] = basins.judge(state[due])
        left = left[which[left] < 0]
        which[left] = basins.known(state[left])
        left = left[which[left] < 0]
        if not len(left) or done >= most_steps:
            return which, done
        chunk = min(CHUNK, most_steps - done)
        state[left] = system.settle(state[left], u, chunk)
        done += chunk
        which[left], now = targets.at(state[left])
        nearer, distance[left] = now < distance[left], now
        left = left[(which[left] < 0) & nearer]


class Neighbourhoods:
    """Of each stable point among targets, the states that are drawn in as by the linear map there."""

    def __init__(self, system: System, u: Tensor, targets: Targets) -> None:
        self.system, self.u, self.targets = system, u, targets
        self._basins: dict[int, _Basin] = {}

    def judge(self, x: Tensor) -> np.ndarray:
        """The point to which each state (state, unit) is drawn, or -1, by the Jacobians at some of them."""
        return self._ask(x, _Basin.draws_in)

    def known(self, x: Tensor) -> np.ndarray:
        """The same, by what was read before."""
        return self._ask(x, _Basin.holds)

    def _ask(self, x: Tensor, question: Callable[[_Basin, Tensor], np.ndarray]) -> np.ndarray:
        which = np.full(len(x), -1)
        if not len(x) or not len(self.targets):
            return which
        nearest = self.targets.distances(x).argmin(1).cpu().numpy()
        for k in np.unique(nearest).tolist():
            if self.targets.list[k].kind == "fixed point":
                rows = np.flatnonzero(nearest == k)
                which[rows[question(self._basin(k), x[rows])]] = k
        return which

    def _basin(self, k: int) -> _Basin:
        if k not in self._basins:
            self._basins[k] = _Basin(self.system, self.u, self.targets.list[k].states[0])
        return self._basins[k]


class _Basin:
    """What is known to be drawn in by one stable point, from its linear part."""

    def __init__(self, system: System, u: Tensor, point: np.ndarray) -> None:
        self.system, self.u, self.point = system, u, torch.from_numpy(np.array(point)).to(u)
        self.J = system.jacobian(self.point[None], u[None])[0]
        self.into, self.out, self.mode, self.rates = _coordinates(self.J)
        self.usable = bool((self.rates < 1).all()) and bool(torch.isfinite(self.into).all())
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
        inside = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if self.balls:
            c = self._sizes((x - self.point) @ self.into.mT)
            for weights, radius in self.balls:
                inside |= (c / weights).amax(-1) <= radius
        return inside.cpu().numpy()

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
