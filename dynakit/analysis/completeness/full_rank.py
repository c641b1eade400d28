"""Bounds for a network of any rank: kappa = N' f(Z), Z = M kappa + d + E f(Z), W = M N' + E as ``split`` has it.

At the centre of a box take any slopes Dc and R = (1 - E Dc)^-1 M, K = (1 - E Dc)^-1 E.  For slopes D within D' of them
(1 - E D)^-1 = (1 - K (D - Dc))^-1 (1 - E Dc)^-1, and with h = |D'^1/2 K D'^1/2|_2 < 1 the series converges:

    |Z(kappa) - Z(c)|_i <= (|R| radius)_i + |K_i D'^1/2| |D'^1/2 |R| radius| / (1 - h)
    |Y (DG - DG_c)|     <= |L| D' |R| + h / (1 - h) |L D'^1/2| |D'^1/2 R|,   L = Y N' (1 - Dc E)^-1;

where h >= 1 the a-priori bound Q of |(1 - E D)^-1 E|_2 takes their place.  D' is small where units are saturated.
Everything computed is checked by its residual: the exact (1 - E D)^-1 is bounded by 1 + |E| / mu.
"""

from __future__ import annotations

import numpy as np

from . import a_priori
from .expansion import Expansion, Hint
from .low_rank import inverses
from .search import GROW, Contraction, NoBox
from .split import Split, spectral_norm
from .units import UNITS, U, Unit

WORK = 1_500_000  # numbers of matrices per batch of boxes
ROUNDS = 4  # in which the reach of a box is narrowed
NEAR = 0.98  # h from which the series is no longer used
SPHERE = 20_000  # boxes on the cube around the sphere
SETTLED, HALVED = 200, 30  # steps towards Z, and times one is made shorter


class FullRank:
    """The equations of a network z = W f(z) + d that was split; d is known to ``d_error``."""

    def __init__(self, parts: Split, d: np.ndarray, unit: Unit, d_error: np.ndarray | float = 0.0) -> None:
        self.parts, self.unit, self.d = parts, unit, d
        self.d_error = float(np.linalg.norm(np.broadcast_to(np.asarray(d_error, float), d.shape)))
        self.n, self.r = parts.M.shape
        self.weight = np.ones(self.r)
        self.at_once = max(1, min(4096, WORK // self.n**2))
        self.back = (1 + parts.norm / parts.mu) * (1 + 1e-12)  # at least |(1 - E D)^-1|_2
        self.row_E = np.linalg.norm(np.abs(parts.E) + parts.E_error, axis=1) * GROW
        self.col_N = np.linalg.norm(parts.N, axis=0) * GROW
        self.sum_E = float(np.linalg.norm(np.abs(parts.E) + parts.E_error)) * GROW
        self.gram = np.abs(parts.M.T @ parts.M) + (self.n + 2) * U
        self.eye = np.eye(self.n)

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """What N' f can be; of a unit without bounds as the whole network bounds it."""
        if self.unit.bounds is not None:
            return a_priori.of_bounded(self.parts.N, self.unit.bounds)
        return self._hull_of_unbounded()

    def _hull_of_unbounded(self) -> tuple[np.ndarray, np.ndarray]:
        """By the rectified network without input, of which this one stays within a known distance.

        With |f - relu| <= beyond, dv = d + E (f - relu) moves y = f(Z) by at most |dv| / mu.
        """
        parts = self.parts
        off = np.sqrt(self.n) * self.unit.beyond
        moved = (float(np.linalg.norm(self.d)) + self.d_error + parts.norm * off) / parts.mu + off
        bare = FullRank(parts, np.zeros(self.n), UNITS["relu"])
        delta = a_priori.least_on_sphere(bare.miss_and_slope, self.r, SPHERE)
        if not delta > 0:
            raise NoBox(a_priori.NO_BOX)
        reach = spectral_norm(parts.N) * moved / delta * (1 + 1e-9) + 1e-9
        return np.zeros(self.r), np.full(self.r, reach)

    def miss_and_slope(self, C: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G - kappa at the centres (box, r), and at least |DG - 1| over the boxes (box, r, r), errors included."""
        at = self._tangent(C, R, None)
        _, spread, h = self._reach(at, R)
        F, error = self._residual(at, C)
        J, J_error = self._jacobian(at)
        one = np.broadcast_to(np.eye(self.r), J.shape)
        return np.maximum(np.abs(F) - error, 0.0), np.abs(J) + J_error + self._deviation(at, one, spread, h)

    @property
    def reach(self) -> np.ndarray:
        """About how much each unit's current moves with each coordinate (unit, r)."""
        return np.abs(self.parts.M)

    def image(self, z: np.ndarray) -> np.ndarray:
        """N' f(z) (point, r)."""
        return self.unit.value(z) @ self.parts.N

    def states(self, kappa: np.ndarray, hint: Hint | None = None) -> np.ndarray:
        """Z at kappa (point, r), as far as Newton's method gets: (point, unit)."""
        v = kappa @ self.parts.M.T + self.d
        z = v.copy() if hint is None else hint.z.copy()
        open_ = np.ones(len(z), bool)
        last = np.full(len(z), np.inf)
        for _ in range(SETTLED):
            x = z[open_]
            miss = v[open_] + self.unit.value(x) @ self.parts.E.T - x
            size = np.linalg.norm(miss, axis=1)
            whole = 1 + np.linalg.norm(x, axis=1)
            falls = size < np.where(size > 1e-8 * whole, 1.0, 0.9) * last[open_]  # slowly where units saturate
            going = (size > 1e-14 * whole) & falls
            last[open_] = size
            open_[open_] = going
            if not going.any():
                break
            A = self.eye - self.parts.E * self.unit.slope(x[going])[:, None, :]
            step = np.linalg.solve(A, miss[going][..., None])[..., 0]
            z[open_] = self._towards(x[going], v[open_], step, size[going])
        return z

    def _towards(self, x: np.ndarray, v: np.ndarray, step: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Newton's step, halved where it does not help."""
        length = np.ones(len(x))
        for _ in range(HALVED):
            y = x + length[:, None] * step
            worse = np.linalg.norm(v + self.unit.value(y) @ self.parts.E.T - y, axis=1) > size
            if not worse.any():
                break
            length[worse] /= 2
        return x + length[:, None] * step

    def _tangent(self, C: np.ndarray, R: np.ndarray, hint: Hint | None) -> Expansion:
        """About the slopes in the middle of what the boxes are expected to reach."""
        E, M = self.parts.E, self.parts.M
        v = C @ M.T + self.d
        z = self.states(C) if hint is None else hint.z
        along = np.broadcast_to(np.abs(M), (len(C), *M.shape)) if hint is None else np.abs(hint.R)
        expected = np.einsum("bir,br->bi", along, R)
        low, high = self.unit.slopes(z - expected, z + expected)
        D = (low + high) / 2
        A = self.eye - E * D[:, None, :]
        inverse = np.linalg.inv(A)
        for _ in range(3 if hint is not None else 1):
            miss = v + self.unit.value(z) @ E.T - z
            z = z + np.einsum("bij,bj->bi", inverse, miss)
        z = self._settled(C, v, z)
        rows, K = inverse @ M, inverse @ E
        gamma = (self.n + 6) * U
        wrong_R = np.linalg.norm(np.abs(M - rows + E @ (D[..., None] * rows)), axis=1)
        size_R = np.linalg.norm(rows, axis=1)
        wrong_R += gamma * (1 + size_R * (1 + self.sum_E)) + self.parts.E_off * size_R
        wrong_K = np.linalg.norm(E - K + E @ (D[..., None] * K), axis=(1, 2))
        size_K = np.linalg.norm(K, axis=(1, 2))
        wrong_K += gamma * (self.sum_E + size_K * (1 + self.sum_E)) + self.parts.E_off * (1 + size_K)
        f = self.unit.value(z)
        return Expansion(z, f, *self._errors(C, v, z, f), D, inverse, rows, wrong_R * self.back, K, wrong_K * self.back)

    def _settled(self, C: np.ndarray, v: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Newton's method for those that the middle slopes did not bring close enough."""
        miss = np.linalg.norm(v + self.unit.value(z) @ self.parts.E.T - z, axis=1)
        far = ~(miss < 1e-11 * (1 + np.linalg.norm(z, axis=1)))
        if far.any():
            start = np.where(np.isfinite(z[far]), z[far], v[far])
            z = z.copy()
            z[far] = self.states(C[far], Hint(start, np.zeros((0, 0, 0))))
        return z

    def _errors(self, C: np.ndarray, v: np.ndarray, z: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of |z - Z|_2 and |f - f(Z)|_2: the residual, and how far a change of it moves them."""
        miss = np.linalg.norm(v + f @ self.parts.E.T - z, axis=1)
        size_f, size_z = np.linalg.norm(f, axis=1), np.linalg.norm(z, axis=1)
        size_v = np.linalg.norm(np.abs(C) @ np.abs(self.parts.M.T) + np.abs(self.d), axis=1)
        wrong = (self.n + 4) * U * (self.sum_E * size_f + size_v + size_z) + self.parts.E_off * size_f + self.d_error
        wrong += self.parts.norm * np.linalg.norm(self.unit.error(f), axis=1)
        total = (miss + wrong) * (1 + 1e-12)
        return total * self.back, total / self.parts.mu + np.linalg.norm(self.unit.error(f), axis=1) * (1 + 1e-12)

    def contraction(self, C: np.ndarray, R: np.ndarray, hint: Hint | None = None) -> Contraction:
        """Bounds over boxes; Krawczyk's operator is preconditioned inside of the sum over units."""
        at = self._tangent(C, R, hint)
        reach, spread, h = self._reach(at, R)
        lo, hi = self._image(at, reach)
        F, error = self._residual(at, C)
        J, J_error = self._jacobian(at)
        Y = inverses(J)
        T = self._deviation(at, Y, spread, h) + np.abs(np.eye(self.r) - Y @ J) + np.abs(Y) @ J_error + 8 * U * self.r
        T += (self.r + 2) * U * np.abs(Y) @ np.abs(J)
        step = -np.einsum("bkl,bl->bk", Y, F)
        slack = np.einsum("bkl,bl->bk", np.abs(Y), error + (self.r + 2) * U * np.abs(F)) * GROW
        return Contraction(step, slack, T * (1 + 1e-12), np.zeros(len(C), bool), lo, hi, Hint(at.z, at.R))

    def _residual(self, at: Expansion, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G - kappa at the centres, and what may be wrong with it (box, r)."""
        size = np.linalg.norm(at.f, axis=1)[:, None]
        error = self.col_N * (at.f_error[:, None] + (self.n + 4) * U * size) + 2 * U * np.abs(C)
        return at.f @ self.parts.N - C, error

    def _jacobian(self, at: Expansion) -> tuple[np.ndarray, np.ndarray]:
        """DG - 1 for the slopes of the linearization, and what may be wrong with it (box, r, r)."""
        J = np.einsum("ik,bi,bil->bkl", self.parts.N, at.D, at.R) - np.eye(self.r)
        wrong = at.R_error + (self.n + 8) * U * np.linalg.norm(at.R, axis=1)
        return J, self.col_N[:, None] * wrong[:, None, :] + 4 * U

    def _reach(self, at: Expansion, R: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far Z gets in the boxes (box, unit), how far slopes are from D then, and h (box,)."""
        radius = at.z_error[:, None]
        along = np.einsum("bir,br->bi", np.abs(at.R), R) + np.einsum("br,br->b", at.R_error, R)[:, None]
        moved = np.sqrt(np.einsum("bk,kl,bl->b", R, self.gram, R)) * GROW
        reach = (R @ np.abs(self.parts.M).T + self.row_E * (moved / self.parts.mu)[:, None]) * (1 + 1e-12)
        squares = at.K * at.K
        for _ in range(ROUNDS):
            spread = self._spread(at, reach + radius)
            h = self._series(at, spread)
            pushed = np.sqrt((spread * along**2).sum(axis=1))
            rows = np.sqrt(np.einsum("bij,bj->bi", squares, spread)) + at.K_error[:, None]
            near = along + rows * (pushed / np.maximum(1 - h, 1e-9))[:, None]
            far = along + self.parts.remainder * np.linalg.norm(spread * along, axis=1)[:, None]
            fine = np.where((h < NEAR)[:, None], np.minimum(near, far), far) * (1 + 1e-12)
            done = (fine > 0.9 * reach).all()
            reach = np.minimum(reach, fine)
            if done:
                break
        reach = reach + radius
        spread = self._spread(at, reach)
        return reach, spread, self._series(at, spread)

    def _spread(self, at: Expansion, reach: np.ndarray) -> np.ndarray:
        """How far slopes within the reach are from those of the linearization (box, unit)."""
        low, high = self.unit.slopes((at.z - reach) - U * np.abs(at.z), (at.z + reach) + U * np.abs(at.z))
        return np.maximum(high - at.D, at.D - low) * GROW + U

    def _series(self, at: Expansion, spread: np.ndarray) -> np.ndarray:
        """At least |D'^1/2 K D'^1/2|_2 (box,), by the fourth moment of its singular values."""
        root = np.sqrt(spread)
        H = root[:, :, None] * at.K * root[:, None, :]
        G = np.swapaxes(H, 1, 2) @ H
        G = G @ G
        computed = np.linalg.norm(G, axis=(1, 2)) ** 0.25
        frobenius = np.linalg.norm(H, axis=(1, 2))
        h = np.minimum(computed * (1 + 1e-9) + 1e-7 * frobenius, frobenius * (1 + 1e-12))
        return h + at.K_error * spread.max(axis=1)

    def _deviation(self, at: Expansion, Y: np.ndarray, spread: np.ndarray, h: np.ndarray) -> np.ndarray:
        """At least |Y (DG - DG_c)| over the boxes (box, r, r)."""
        E = self.parts.E
        YN = Y @ self.parts.N.T
        L = YN + ((YN * at.D[:, None, :]) @ at.inverse) @ E
        wrong = np.linalg.norm(YN - L + (L * at.D[:, None, :]) @ E, axis=2)
        size = np.linalg.norm(L, axis=2)
        wrong += (self.n + 6) * U * (np.linalg.norm(YN, axis=2) + size * (1 + self.sum_E)) + self.parts.E_off * size
        wrong += (self.r + 2) * U * (np.abs(Y) @ np.abs(self.parts.N.T)).sum(axis=2)
        L = np.abs(L) + (wrong * self.back)[..., None]
        right = np.abs(at.R) + at.R_error[:, None, :]
        first = (L * spread[:, None, :]) @ right
        l2 = np.sqrt(np.einsum("bki,bi->bk", L**2, spread))
        r2 = np.sqrt(np.einsum("bi,bil->bl", spread, right**2))
        near = (h / np.maximum(1 - h, 1e-9))[:, None, None] * l2[:, :, None] * r2[:, None, :]
        l1 = np.linalg.norm(L * spread[:, None, :], axis=2)
        r1 = np.linalg.norm(spread[..., None] * right, axis=1)
        far = self.parts.remainder * l1[:, :, None] * r1[:, None, :]
        return (first + np.where((h < NEAR)[:, None, None], np.minimum(near, far), far)) * (1 + 1e-12)

    def _image(self, at: Expansion, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of G over the boxes (box, r)."""
        low, high = self.unit.values(at.z - reach, at.z + reach)
        middle, radius = (high + low) / 2, (high - low) / 2
        centre, size = middle @ self.parts.N, np.abs(middle) + radius
        wide = (radius + (self.n + 4) * U * size) @ np.abs(self.parts.N) * (1 + 1e-12)
        return centre - wide, centre + wide

    def newton(self, C: np.ndarray, hint: Hint | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Newton's method on the r equations."""
        C, best = C.copy(), np.full(len(C), np.inf)
        z = self.states(C, hint)
        for _ in range(10):
            F = self.unit.value(z) @ self.parts.N - C
            size = np.abs(F).max(axis=1, initial=0.0)
            if not (size < 0.5 * best).any():
                break
            best = np.minimum(best, size)
            rows, J = self._tangents(z)
            step = -np.einsum("bkl,bl->bk", inverses(J - np.eye(self.r)), F)
            C = C + step
            z = self.states(C, Hint(z + np.einsum("bir,br->bi", rows, step), rows))
        return C, np.abs(self.unit.value(z) @ self.parts.N - C).max(axis=1, initial=0.0)

    def _tangents(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """dZ/dkappa and DG."""
        D = self.unit.slope(z)
        A = self.eye - self.parts.E * D[:, None, :]
        rows = np.linalg.solve(A, np.broadcast_to(self.parts.M, (len(z), *self.parts.M.shape)))
        return rows, np.einsum("ik,bi,bil->bkl", self.parts.N, D, rows)

    def derivative(self, kappa: np.ndarray) -> np.ndarray:
        """dG/dkappa (point, r, r)."""
        return self._tangents(self.states(kappa))[1]
