"""The sides of a kink: the Jacobians of the regions that meet in a state."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part, velocity
from .verdict import MARGIN, contract_together, contracting, eigenvalues, expanding

NEARBY = 1e-7  # step across a kink, relative to 1 + |x|
N_LOOKS = 64
MOST_SIDES = 8
N_TURNS = 200
STRAIGHT = 1e-6  # of a unit direction: how far from straight a move may be, and how fast it must be


def at_kinks(system: System, x: Tensor, u: Tensor) -> np.ndarray:
    """Which states of a flat batch lie on a kink of the map, as far as can be told."""
    if not len(x):
        return np.zeros(0, bool)
    return (system.kinks(x, u) < 1e-9 * (1 + x.abs().amax(-1))).cpu().numpy()


def judge_kinks(
    system: System, x: Tensor, u: Tensor, kinked: np.ndarray, verdicts: np.ndarray
) -> np.ndarray:
    """The spectra (point, side, mode) of the sides of each kink; fills in the verdicts that can be given there."""
    dynamics = dynamics_of(system)
    sides = {int(i): adjacent_jacobians(system, x[i], u[i]) for i in np.flatnonzero(kinked)}
    spectra = np.full((len(x), max(map(len, sides.values()), default=0), x.shape[1]), np.nan, complex)
    for i, matrices in sides.items():
        for k, matrix in enumerate(matrices):
            spectra[i, k] = eigenvalues(matrix, dynamics)
        if grows_along_a_ray(system, x[i], u[i], matrices) or leaves_along_a_ray(system, x[i], u[i], matrices):
            verdicts[i] = "unstable"
        elif (len(matrices) <= 2 and contract_together(matrices, dynamics)) or shrinks_in_size(system, x[i], u[i]):
            verdicts[i] = "stable"
    return spectra


def adjacent_jacobians(system: System, x: Tensor, u: Tensor) -> list[np.ndarray]:
    """The different Jacobians met in 64 fixed directions from ``x`` (unit,); at most eight of them."""
    found: list[np.ndarray] = []
    looks = _looks(len(x))
    for part in chunks.parts(len(looks), 4 * chunks.FLOAT * len(x) ** 2):
        for J in _beside(system, x, u, looks[part]):
            if len(found) < MOST_SIDES and np.isfinite(J).all() and not any(_same(J, K) for K in found):
                found.append(J.copy())
    return found


def _looks(n_units: int) -> np.ndarray:
    """Unit directions (direction, unit), each with its opposite."""
    directions = np.random.default_rng(0).standard_normal((N_LOOKS // 2, n_units))
    looks = np.concatenate([directions, -directions])
    return looks / np.linalg.norm(looks, axis=1, keepdims=True)


def grows_along_a_ray(system: System, x: Tensor, u: Tensor, sides: list[np.ndarray]) -> bool:
    """Does an expanding eigenvector of a side lie in that side, so that a trajectory leaves along it?"""
    dynamics = dynamics_of(system)
    for J in sides:
        eigen = linalg.eig(J[None])
        values = eigen.values[0]
        out = (values.imag == 0) & expanding(values, dynamics) & ((values.real > 0) | (dynamics == "flow"))
        for v in eigen.right[0].T[out].real:
            if any(_same(J, K) for K in _beside(system, x, u, np.stack([v, -v]))):
                return True
    return False


def leaves_along_a_ray(system: System, x: Tensor, u: Tensor, sides: list[np.ndarray]) -> bool:
    """Is there a direction v along which the state moves straight away, F'(x; v) = (1 + mu) v with mu > 0?

    Found as the limit of v + h (F'(x; v) - v) from many directions, of a flow v + h f'(x; v): one-sided derivatives,
    which need no eigenvector in the interior of a side.
    """
    step, here = NEARBY * (1 + float(x.abs().amax())), velocity(system, x, u)
    h = 0.5 / (1 + max((float(np.linalg.norm(J, 2)) for J in sides), default=0.0))
    v = torch.from_numpy(_looks(len(x))).to(x)
    for _ in range(N_TURNS):
        change = (velocity(system, x + step * v, u.expand(len(v), -1)) - here) / step
        rate = (v * change).sum(1, keepdim=True)
        straight = (change - rate * v).abs().amax(1) <= STRAIGHT * (1 + rate[:, 0].abs())
        if bool((straight & (rate[:, 0] > STRAIGHT)).any()):
            return True
        v = v + h * change
        v = v / v.norm(dim=1, keepdim=True)
    return False


def shrinks_in_size(system: System, x: Tensor, u: Tensor) -> bool:
    """Do all maps of slopes between those of the sides shrink the Euclidean norm, or one weighted maximum norm?

    Where the linear pieces are known, J = K + B D W with the entries of D within 1/2: |K| + |B| |W| / 2 below one is
    enough in the first, and in the second a spectral radius below one of that matrix of moduli (Horn and Johnson 2013,
    theorem 8.1.18).
    """
    pieces = system.pieces(u)
    if pieces is None or pieces.L is not None:
        return False
    y = pieces.hinges(x)
    near, active = y.abs() <= 1e-9 * (1 + x.abs().amax()), y > 0
    middle = (pieces.A + pieces.B * torch.where(near, 0.5, active.to(y)) @ pieces.W).numpy(force=True)
    B, W = pieces.B[:, near].numpy(force=True), pieces.W[near].numpy(force=True)
    if np.linalg.norm(middle, 2) + 0.5 * np.linalg.norm(B, 2) * np.linalg.norm(W, 2) < 1 - MARGIN:
        return True
    return bool(contracting(eigenvalues(np.abs(middle) + 0.5 * np.abs(B) @ np.abs(W))).all())


def _beside(system: System, x: Tensor, u: Tensor, directions: np.ndarray) -> np.ndarray:
    """The Jacobians a short step from ``x`` in each direction (direction, unit)."""
    step = NEARBY * (1 + float(x.abs().amax()))
    return linear_part(system, x + step * torch.from_numpy(directions).to(x), u).cpu().numpy()


def _same(J: np.ndarray, K: np.ndarray) -> bool:
    return bool(np.abs(J - K).max() <= 1e-5 * (1 + np.abs(J).max()))
