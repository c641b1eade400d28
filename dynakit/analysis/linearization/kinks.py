"""The sides of a kink: the Jacobians of the regions that meet in a state."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part
from .verdict import contract_together, eigenvalues, expanding

NEARBY = 1e-7  # step across a kink, relative to 1 + |x|
N_LOOKS = 64
MOST_SIDES = 8


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
        if grows_along_a_ray(system, x[i], u[i], matrices):
            verdicts[i] = "unstable"
        elif len(matrices) <= 2 and contract_together(matrices, dynamics):
            verdicts[i] = "stable"
    return spectra


def adjacent_jacobians(system: System, x: Tensor, u: Tensor) -> list[np.ndarray]:
    """The different Jacobians met in 64 fixed directions from ``x`` (unit,); at most eight of them."""
    directions = np.random.default_rng(0).standard_normal((N_LOOKS // 2, len(x)))
    looks = np.concatenate([directions, -directions])
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    found: list[np.ndarray] = []
    for J in _beside(system, x, u, looks):
        if len(found) < MOST_SIDES and np.isfinite(J).all() and not any(_same(J, K) for K in found):
            found.append(J)
    return found


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


def _beside(system: System, x: Tensor, u: Tensor, directions: np.ndarray) -> np.ndarray:
    """The Jacobians a short step from ``x`` in each direction (direction, unit)."""
    step = NEARBY * (1 + float(x.abs().amax()))
    return linear_part(system, x + step * torch.from_numpy(directions).to(x), u).cpu().numpy()


def _same(J: np.ndarray, K: np.ndarray) -> bool:
    return bool(np.abs(J - K).max() <= 1e-5 * (1 + np.abs(J).max()))
