"""What an invariant circle does to its neighbours: multipliers by Fourier collocation.

A deviation v(theta) is carried to (L v)(theta) = DF(u(theta - rho)) v(theta - rho).  The spectrum of L is made of
circles Lambda_j exp(2 pi i k rho): the Lambda_j are the multipliers per step, and the direction along the curve has
Lambda = 1 (Jorba 2001).  Of a large network only the slowest bundle is looked at: it is invariant, found by carrying
any directions along, and spanned by a smooth complex frame V(theta); on it L is
V(theta + rho)^H DF(u(theta)) V(theta), a small matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import linalg
from ._autonomous import Autonomous
from ._circle import Curve, shift_matrix

MOST_UNKNOWNS = 900  # of the collocated operator
CARRIED = 2000  # most steps directions are carried to find the slowest bundle
SETTLED = 1e-7  # sine of the angle between bundles: the multipliers are wrong by its square
ORTHOGONAL, COMPARED = 2, 32  # steps between orthogonalisations, and between comparisons
INDEPENDENT = 1e-3  # least sine of the angle between an eigenfunction and those taken before it


class Transverse(NamedTuple):
    """Multipliers per step of a circle, by falling modulus, its own direction first."""

    multipliers: np.ndarray  # (k,)  complex, each up to a factor exp(2 pi i j rho); the first should be 1
    uncertainty: float  # how far |first| is from one: a check of all of them


def multipliers(flow: Autonomous, curve: Curve, n_wanted: int, rng: np.random.Generator) -> Transverse:
    """The leading multipliers of the circle, its tangent one included, or none where the bundle does not settle.

    The grid is refined until the multiplier along the curve is one.
    """
    n = flow.size
    m = max(2 * curve.n_harmonics + 1, 33)
    k = n if n <= n_wanted or n * m <= MOST_UNKNOWNS else n_wanted
    best = Transverse(np.zeros(0, complex), np.nan)
    while True:
        m = min(m, MOST_UNKNOWNS // k) | 1
        small = _reduced(flow, curve, m, k, rng)
        if small is None:
            return best
        found = _tangent_first(_floquet(small, curve.rho), curve.rho)
        if not found.uncertainty >= best.uncertainty:
            best = found
        if best.uncertainty < 1e-10 or 2 * m > MOST_UNKNOWNS // k:
            return best
        m = 2 * m


def _reduced(flow: Autonomous, curve: Curve, m: int, k: int, rng: np.random.Generator) -> np.ndarray | None:
    """DF on the slowest directions, (grid, k, k), in a smooth frame; None if they are not told apart."""
    if k == flow.size:
        return flow.jacobian(curve.on_grid(m)).astype(complex)
    bundle = _slowest(flow, curve, m, k, rng)
    if bundle is None:
        return None
    Q, phase = bundle
    J = flow.jacobian(curve.on_grid(m, shift=phase))
    image = np.linalg.qr(J @ Q)[0]  # spans the bundle at theta + rho
    best, least = None, -1.0
    for _ in range(8):
        C = rng.standard_normal(Q.shape[1:]) + 1j * rng.standard_normal(Q.shape[1:])
        (V, clear), (W, _) = _frame(Q, C), _frame(image, C)
        if clear > least:
            best, least = np.conj(np.swapaxes(W, 1, 2)) @ J @ V, clear
    return best


def _frame(Q: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, float]:
    """The orthonormal frame of each span(Q) that is nearest to the projection of C; how far from degenerate it is."""
    U, s, Vh = np.linalg.svd(np.swapaxes(Q, 1, 2) @ C, full_matrices=False)
    return Q @ (U @ Vh), float((s[:, -1] / s[:, 0]).min())


def _slowest(
    flow: Autonomous, curve: Curve, m: int, k: int, rng: np.random.Generator
) -> tuple[np.ndarray, float] | None:
    """Orthonormal bases (grid, unit, k) of the slowest bundle, and the phase at which the grid begins.

    Two sets of directions, begun at random, are carried along until their spans agree.  Where k would part a complex
    pair the next larger k does not, and the largest that settles is taken.
    """
    wide, grid = min(k + 1, flow.size), np.arange(m) / m
    pair = [
        np.broadcast_to(Q, (m, *Q.shape)) for Q in np.linalg.qr(rng.standard_normal((2, flow.size, wide)))[0]
    ]
    settled: list[int] = []
    for step in range(1, CARRIED + 1):
        moved = flow.push(curve.at(grid + (step - 1) * curve.rho), np.concatenate(pair, axis=2))[1]
        if not np.isfinite(moved).all():
            return None
        pair = np.split(moved, 2, axis=2)
        if step % ORTHOGONAL == 0:
            pair = [np.linalg.qr(Q)[0] for Q in pair]
        if step % COMPARED == 0:
            settled = [j for j in range(1, wide + 1) if j == flow.size or _apart(*pair, j) < SETTLED]
            if settled and settled[-1] >= k:
                break
    return (pair[0][..., : settled[-1]], step * curve.rho) if settled else None


def _apart(Q: np.ndarray, P: np.ndarray, k: int) -> float:
    """The largest sine of an angle between the spans of the first k columns."""
    Q, P = Q[..., :k], P[..., :k]
    return float(np.abs(Q - P @ (np.swapaxes(P, 1, 2) @ Q)).max())


def _floquet(B: np.ndarray, rho: float) -> np.ndarray:
    """One multiplier for each circle of the spectrum of v(theta) -> B(theta - rho) v(theta - rho), B (grid, k, k).

    Each circle comes once for every harmonic.  Taken is the one whose eigenfunction has the lowest harmonics.
    """
    m, k = B.shape[:2]
    S = shift_matrix(m, -rho)
    L = np.einsum("ij,jab->iajb", S, B).reshape(m * k, m * k)
    values, vectors = linalg.eig_complex(L)
    waves = np.abs(np.fft.fft(vectors.T.reshape(-1, m, k), axis=1)) ** 2
    order = np.fft.fftfreq(m, 1 / m)
    spread = (waves.sum(axis=2) * order**2).sum(axis=1) / waves.sum(axis=(1, 2))
    chosen: list[int] = []
    frame = np.zeros((m, k, 0), complex)  # of the eigenfunctions taken: their shifted copies lie in its span
    for i in np.argsort(spread, kind="stable"):
        v = vectors[:, i].reshape(m, k)
        v = v / np.linalg.norm(v, axis=1, keepdims=True)
        new = v - np.einsum("mab,mb->ma", frame, np.einsum("mab,ma->mb", frame.conj(), v))
        length = np.linalg.norm(new, axis=1, keepdims=True)
        if np.median(length) < INDEPENDENT:
            continue
        chosen.append(int(i))
        if len(chosen) == k:
            break
        frame = np.concatenate([frame, (new / np.maximum(length, 1e-12))[..., None]], axis=2)
    return values[chosen]


def _tangent_first(values: np.ndarray, rho: float) -> Transverse:
    """The multiplier nearest to one first, the others by falling modulus."""
    turns = np.exp(2j * np.pi * np.arange(-64, 65) * rho)
    distance = np.abs(values[:, None] / turns - 1).min(axis=1)
    if not np.isfinite(distance).any():
        return Transverse(values, np.nan)
    own = int(np.nanargmin(distance))
    rest = np.delete(values, own)
    rest = rest[linalg.spectral_order(rest)]
    return Transverse(np.concatenate([[values[own]], rest]), float(abs(abs(values[own]) - 1)))
