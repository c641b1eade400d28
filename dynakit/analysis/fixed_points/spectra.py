"""The eigenvalues and verdicts of many points, and the order in which points are listed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part
from ..linearization import at_kinks, conditioned, count_unstable, judge, judge_kinks
from .newton import chunk_of


def spectra(system: System, x: Tensor, u: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and verdict of each point, a few Jacobians at a time."""
    values, dynamics = np.empty((len(x), system.state_size), complex), dynamics_of(system)
    verdicts = np.empty(len(x), dtype="<U12")
    kinked = at_kinks(system, x, u)
    for part in torch.arange(len(x)).split(chunk_of(system)):
        rows = part.numpy()
        J = linear_part(system, x[rows], u[rows])
        values[rows], condition = conditioned(J, dynamics)
        norms = linalg.norms(J) + (dynamics == "map")  # of a map, J - I is what is known
        verdicts[rows] = judge(values[rows], condition, norms, kinked[rows], J.cpu().numpy(), dynamics)
    judge_kinks(system, x, u, kinked, verdicts)
    return values, verdicts


def canonical_order(
    x: np.ndarray, u: np.ndarray, values: np.ndarray, verdicts: np.ndarray, dynamics: str = "map"
) -> np.ndarray:
    """By drive, dimension of the unstable set, largest |lambda| or Re mu, coordinates: independent of the starts."""
    unstable = count_unstable(values, verdicts, dynamics).filled(10**6)
    measure = np.abs(values) if dynamics == "map" else np.real(values)
    largest = np.round(measure.max(axis=1, initial=0.0 if dynamics == "map" else -np.inf), 6)
    keys = [*np.round(x, 6).T[::-1][-8:], largest, unstable, *u.T[::-1]]
    return np.lexsort(keys) if len(x) else np.arange(0)
