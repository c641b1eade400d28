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

from ... import linalg
from ...systems.derived import Iterated
from . import margins
from .autonomous import Autonomous
from .circle import Curve, interpolation, shift_matrix

MOST_UNKNOWNS = 900  # of the collocated operator
CARRIED = 2000  # most steps directions are carried to find the slowest bundle
SETTLED = 1e-7  # sine of the angle between bundles: the multipliers are wrong by its square
ORTHOGONAL, COMPARED = 2, 32  # steps between orthogonalisations, and between comparisons
COARSE, PRODUCT = 65, 16  # phases, and steps, of products of Jacobians that carry directions roughly
LOW, SMOOTHED = 4.0, 12  # harmonics that smoothing leaves, and how often
SMOOTH = 1e-9  # last coefficients, relative to the largest, of a bundle that the grid resolves
CLEANED = 24  # exact steps after them
INDEPENDENT = 1e-3  # least sine of the angle between an eigenfunction and those taken before it


class Transverse(NamedTuple):
    """Multipliers per step of a circle, by falling modulus, its own direction first."""

    multipliers: np.ndarray  # (k,)  complex, each up to a factor exp(2 pi i j rho); the first should be 1
    uncertainty: float  # how far |first| is from one: a check of all of them
    margins: np.ndarray  # (k,)  how well each is known, by its condition


def multipliers(flow: Autonomous, curve: Curve, n_wanted: int, rng: np.random.Generator) -> Transverse:
    """The leading multipliers of the circle, its tangent one included, or none where the bundle does not settle.

    The grid is refined until the multiplier along the curve is one.
    """
    n = flow.size
    m = max(2 * curve.n_harmonics + 1, 33)
    k = n if n <= n_wanted or n * m <= MOST_UNKNOWNS else n_wanted
    best = Transverse(np.zeros(0, complex), np.nan, np.zeros(0))
    while True:
        m = min(m, MOST_UNKNOWNS // k) | 1
        small = _reduced(flow, curve, m, k, rng)
        if small is None:
            return best
        found = _tangent_first(*_floquet(small, curve.rho), curve.rho)
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
    V, wanted = _smooth_frame(Q, rng)
    W, _ = _frame(image, np.tensordot(shift_matrix(m, curve.rho), wanted, 1))
    return np.conj(np.swapaxes(W, 1, 2)) @ J @ V


def _smooth_frame(Q: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal frame of each span(Q) that has few harmonics, and the smooth matrices to which it is nearest.

    Of a few frames nearest to constant matrices the clearest is smoothed and made orthonormal again, by turns.
    """
    m, n, k = Q.shape
    low = np.exp(-((np.fft.fftfreq(m, 1 / m) / LOW) ** 2))[:, None, None]
    draws = (rng.standard_normal((n, k)) + 1j * rng.standard_normal((n, k)) for _ in range(8))
    wanted = max((np.broadcast_to(C, Q.shape) for C in draws), key=lambda C: _frame(Q, C)[1])
    V, clear = _frame(Q, wanted)
    for _ in range(SMOOTHED):
        smooth = np.fft.ifft(np.fft.fft(V, axis=0) * low, axis=0)
        U, now = _frame(Q, smooth)
        if now > clear:
            wanted, clear = smooth, now
        V = U
    return _frame(Q, wanted)[0], wanted


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
    wide, grid, phase = min(k + 1, flow.size), np.arange(m) / m, 0.0
    pair = [
        np.broadcast_to(Q, (m, *Q.shape)) for Q in np.linalg.qr(rng.standard_normal((2, flow.size, wide)))[0]
    ]
    if isinstance(flow.system, Iterated):
        pair, phase = _roughly(flow, curve, pair, k)
    compared = COMPARED if phase == 0 else CLEANED
    settled: list[int] = []
    for step in range(1, CARRIED + 1):
        moved = flow.push(curve.at(grid + phase + (step - 1) * curve.rho), np.concatenate(pair, axis=2))[1]
        if not np.isfinite(moved).all():
            return None
        pair = np.split(moved, 2, axis=2)
        if step % ORTHOGONAL == 0:
            pair = [np.linalg.qr(Q)[0] for Q in pair]
        if step % compared == 0:
            settled = _settled(pair)
            if settled and settled[-1] >= k:
                break
    return (pair[0][..., : _smoothest(pair[0], settled)], phase + step * curve.rho) if settled else None


def _smoothest(Q: np.ndarray, settled: list[int]) -> int:
    """The most columns whose span is a smooth function of the phase, or those with the smoothest of more than one.

    A span is rough where the direction that is next comes close to it; then fewer multipliers are known, but well.
    """
    m, n = Q.shape[:2]
    probe = np.random.default_rng(0).standard_normal(n)
    best, least = settled[-1], np.inf
    for j in [j for j in settled[::-1] if j > 1]:
        B = Q[..., :j]
        size = np.abs(np.fft.rfft((B @ (probe @ B)[..., None])[..., 0], axis=0)).max(axis=1)
        tail = float(size[-max(1, m // 16) :].max() / size.max())
        if tail < SMOOTH:
            return j
        if tail < least:
            best, least = j, tail
    return best


def _roughly(
    flow: Autonomous, curve: Curve, pair: list[np.ndarray], k: int
) -> tuple[list[np.ndarray], float]:
    """Both sets carried along by interpolated products of Jacobians, where each is dear; and the phase they are at.

    What is wrong with the products is left to a few exact steps after them.
    """
    m, coarse, steps = len(pair[0]), np.arange(COARSE) / COARSE, 1
    P = flow.jacobian(curve.on_grid(COARSE))
    while steps < PRODUCT:
        later = np.tensordot(interpolation(COARSE, coarse + steps * curve.rho), P, 1)
        P, steps = later @ P, 2 * steps
    phase = 0.0
    for _ in range(CARRIED // PRODUCT):
        moved = np.tensordot(interpolation(COARSE, np.arange(m) / m + phase), P, 1)
        pair = [np.linalg.qr(moved @ Q)[0] for Q in pair]
        phase += steps * curve.rho
        if max(_settled(pair), default=0) >= k:
            break
    return pair, phase


def _settled(pair: list[np.ndarray]) -> list[int]:
    """For how many columns the spans of both sets agree."""
    n, wide = pair[0].shape[1:]
    return [j for j in range(1, wide + 1) if j == n or _apart(pair[0], pair[1], j) < SETTLED]


def _apart(Q: np.ndarray, P: np.ndarray, k: int) -> float:
    """The largest sine of an angle between the spans of the first k columns."""
    Q, P = Q[..., :k], P[..., :k]
    return float(np.abs(Q - P @ (np.swapaxes(P, 1, 2) @ Q)).max())


def _floquet(B: np.ndarray, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """One multiplier for each circle of the spectrum of v(theta) -> B(theta - rho) v(theta - rho), B (grid, k, k).

    Each circle comes once for every harmonic: taken is the one whose eigenfunction has the lowest harmonics.  Where
    the curve is one of a family, as of a map that keeps areas, a second multiplier meets the one along the curve, and
    their eigenfunctions meet as well.  With each goes how well it is known.
    """
    m, k = B.shape[:2]
    S = shift_matrix(m, -rho)
    L = np.einsum("ij,jab->iajb", S, B).reshape(m * k, m * k)
    values, vectors = linalg.eig_complex(L)
    waves = np.abs(np.fft.fft(vectors.T.reshape(-1, m, k), axis=1)) ** 2
    order = np.fft.fftfreq(m, 1 / m)
    spread = (waves.sum(axis=2) * order**2).sum(axis=1) / waves.sum(axis=(1, 2))
    chosen: list[int] = []
    seen: list[np.ndarray] = []  # eigenfunctions taken, unit vectors at every phase
    frame = np.zeros((m, k, 0), complex)  # their span at every phase, in which their shifted copies lie
    for i in np.argsort(spread, kind="stable"):
        v = vectors[:, i].reshape(m, k)
        v = v / np.linalg.norm(v, axis=1, keepdims=True)
        new = v - np.einsum("mab,mb->ma", frame, np.einsum("mab,ma->mb", frame.conj(), v))
        length = np.linalg.norm(new, axis=1, keepdims=True)
        independent = np.median(length) >= INDEPENDENT
        if not independent and not any(
            _meets(v, w, values[[i, j]]) for w, j in zip(seen, chosen, strict=True)
        ):
            continue
        chosen.append(int(i))
        seen.append(v)
        if len(chosen) == k:
            break
        if independent:
            frame = np.concatenate([frame, (new / np.maximum(length, 1e-12))[..., None]], axis=2)
    size = float(np.sqrt(np.linalg.norm(L, 1) * np.linalg.norm(L, np.inf)))
    return values[chosen], margins.radius(_conditions(vectors)[chosen], size)


def _meets(v: np.ndarray, w: np.ndarray, pair: np.ndarray) -> bool:
    """Whether two eigenfunctions (grid, k) that are about to meet are one but for a constant, and no shifted copies."""
    ratio = np.einsum("ma,ma->m", w.conj(), v)
    same = abs(ratio.mean()) >= 1 - INDEPENDENT
    return bool(same and abs(pair[0] - pair[1]) <= INDEPENDENT * abs(pair[1]))


def _conditions(vectors: np.ndarray) -> np.ndarray:
    """1 / |y^H x| of each eigenvalue, by the matrix of its unit right eigenvectors."""
    try:
        return np.linalg.norm(np.linalg.inv(vectors), axis=1)
    except np.linalg.LinAlgError:
        return np.full(len(vectors), np.inf)


def _tangent_first(values: np.ndarray, known: np.ndarray, rho: float) -> Transverse:
    """The multiplier nearest to one first, the others by falling modulus."""
    turns = np.exp(2j * np.pi * np.arange(-64, 65) * rho)
    distance = np.abs(values[:, None] / turns - 1).min(axis=1)
    if not np.isfinite(distance).any():
        return Transverse(values, np.nan, known)
    own = int(np.nanargmin(distance))
    rest = np.delete(np.arange(len(values)), own)
    order = [own, *rest[linalg.spectral_order(values[rest])]]
    return Transverse(values[order], float(abs(abs(values[own]) - 1)), known[order])
