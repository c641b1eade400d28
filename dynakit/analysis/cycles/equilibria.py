"""States where a flow stands still: f(x*, u) = 0, found by Newton's method on f, not on a step of its integration.

A step of an explicit method has fixed points of its own, and other eigenvalues; those of the flow are d f / dx.
"""

from __future__ import annotations

import numpy as np
import torch

from ... import linalg
from ...systems.flow import Flow
from ..fixed_points import certify
from . import margins
from .irregular import RETURNS
from .objects import ON_IT, Found

ACCEPT = 1e-11  # residual of an equilibrium, relative to 1 + |x| and to |df/dx|
SHORT = 1e-7  # length of the last Newton step, relative to 1 + |x|
MOST_STEPS = 30
NEAR = 1e-4  # how far a start may be, relative to 1 + |x|, from an equilibrium beside it
STARTS, RESTS = (
    4,
    1e-9,
)  # of Newton's method from a track; residual, relative to 1 + |x| and |df/dx|, of a state on it
PROVABLE = 600  # units up to which one is certified


def reached(flow: Flow, u: torch.Tensor, orbit: np.ndarray) -> Found | None:
    """The equilibrium that an orbit (step, unit) of the time-dt map has arrived at, or is arriving at.

    Where Newton's method finds none, as on a line of equilibria, the last state is one if it rests.
    """
    scale = 1 + float(np.abs(orbit).max())
    if not np.abs(orbit[-1] - orbit[-2]).max() <= RETURNS * scale:
        return None
    found = led_to(flow, u, orbit[-1]) or _resting(flow, u, orbit[-1], ACCEPT)
    if found is None:
        return None
    late, early = found.distances(orbit[[-1, len(orbit) // 2]])
    return found if late <= ON_IT or (found.attracting and late <= RETURNS and late < early) else None


def beside(flow: Flow, u: torch.Tensor, x: np.ndarray) -> Found | None:
    """The equilibrium near one state, stable or not."""
    found = led_to(flow, u, x, NEAR * (1 + float(np.abs(x).max())))
    return found if found is not None and found.distances(x[None])[0] <= NEAR else None


def close_to(flow: Flow, u: torch.Tensor, tail: np.ndarray, near: float) -> Found | None:
    """The equilibrium within ``near`` of the end of a track (step, unit), from the slowest of its states.

    A state of the track itself is one only where Newton's method finds none, as on a ring of equilibria.
    """
    speeds = np.abs(flow.rhs(tail, u).cpu().numpy()).max(axis=1)
    order = speeds.argsort(kind="stable")
    found = [item for x in tail[order[:STARTS]] if (item := led_to(flow, u, x)) is not None]
    found = [item for item in found if np.linalg.norm(item.orbit[0] - tail[-1]) <= near]
    if found:
        return min(found, key=lambda item: float(np.linalg.norm(item.orbit[0] - tail[-1])))
    x = tail[order[0]]
    return _resting(flow, u, x, RESTS) if np.linalg.norm(x - tail[-1]) <= near else None


def _resting(flow: Flow, u: torch.Tensor, x: np.ndarray, most: float) -> Found | None:
    """The state x (unit,) itself as an equilibrium, if |f| relative to 1 + |x| and |df/dx| is at most so much."""
    f, J = flow.rhs(x, u).cpu().numpy(), flow.rhs_jacobian(x, u).cpu().numpy()
    residual = float(np.abs(f).max())
    at_rest = residual <= most * (1 + np.abs(x).max()) * np.linalg.norm(J)
    return _described(flow, u, x, residual, J) if at_rest else None


def led_to(flow: Flow, u: torch.Tensor, x: np.ndarray, longest: float = np.inf) -> Found | None:
    """All that is said about the equilibrium that Newton's method leads to from x (unit,), if no step is longer."""
    root = _root(flow, u, x, longest)
    return None if root is None else _described(flow, u, *root)


def _described(flow: Flow, u: torch.Tensor, x: np.ndarray, residual: float, J: np.ndarray) -> Found:
    eigen = linalg.eig(J[None])
    values = eigen.values[0]
    values, condition = values[order := np.argsort(-values.real, kind="stable")], eigen.condition[0][order]
    size = float(np.linalg.norm(J)) or 1.0
    proof = certify(flow, x[None], u).existence_radius[0] if len(x) <= PROVABLE else np.nan
    return Found(
        kind="fixed point",
        orbit=x[None],
        residual=residual,
        multipliers=np.exp(values),
        exponents=values.real,
        verdict=margins.verdict(values.real / size, margins.radius(condition, 1.0)),
        existence_radius=float(proof),
    )


def _root(
    flow: Flow, u: torch.Tensor, x: np.ndarray, longest: float
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """The zero of f near x, max |f| and df/dx there; None if Newton's method does not converge in steps so long."""
    best, last = None, np.inf
    for _ in range(MOST_STEPS):
        f, J = flow.rhs(x, u).cpu().numpy(), flow.rhs_jacobian(x, u).cpu().numpy()
        residual = float(np.abs(f).max())
        if not np.isfinite(J).all() or not residual < (np.inf if best is None else best[1]):
            break
        best = x, residual, J
        step, solved = linalg.solve(torch.from_numpy(J[None]), torch.from_numpy(-f[None]))
        if not bool(solved[0]):
            break
        last = float(np.abs(step[0].numpy()).max())
        if last > longest:
            return None
        x = x + step[0].numpy()
        if residual == 0:
            break
    if best is None:
        return None
    scale = 1 + float(np.abs(best[0]).max())
    small = best[1] <= ACCEPT * scale * float(np.abs(best[2]).sum(axis=1).max())
    return best if small and last <= SHORT * scale else None
