"""What is true: roots of F(x) - x that plain Newton in float64 confirms, gathered from every search.

A small residual is no proof of a root: where the gates of a network saturate, F(x) - x vanishes along valleys without
one.  Newton's own step A^-1 (F(x) - x), A = I - J, estimates the distance to the root (Deuflhard 2011, "Newton Methods
for Nonlinear Problems", sec. 2.1); it stays large in a valley, and so does the way back into the invariant box.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import dynakit as dk

STEPS = 12  # from where a search has ended
CONFIRMED = 1e-9  # longest last Newton step of a root
SAME_ROOT = 1e-7
NEAR = 1e-3  # a returned point is true within this distance of a root
CHUNK = 64  # states whose Jacobians are in memory at a time


def polish(system: dk.System, states: Tensor) -> Tensor:
    """The roots that Newton reaches from states (point, unit), some twice; where it arrives nowhere, none."""
    box = system.box(torch.zeros(system.input_size, dtype=torch.float64))
    roots = [_newton(system, x) for x in states.double().split(CHUNK)]
    x = torch.cat(roots) if roots else states.double()
    return x if box is None else x[((x >= box.lo - CONFIRMED) & (x <= box.hi + CONFIRMED)).all(1)]


def _newton(system: dk.System, x: Tensor) -> Tensor:
    """The states of a batch that arrive."""
    roots = []
    for _ in range(STEPS):
        step = _newton_step(system, x)
        arrived = step.norm(dim=1) < CONFIRMED * (1 + x.norm(dim=1))
        x = x + step
        roots.append(x[arrived])
        x = x[~arrived & x.isfinite().all(1)]
    return torch.cat(roots)


def _newton_step(system: dk.System, x: Tensor) -> Tensor:
    u = torch.zeros(len(x), system.input_size, dtype=torch.float64)
    A = torch.eye(x.shape[1], dtype=torch.float64) - system.jacobian(x, u)
    step, _ = torch.linalg.solve_ex(A, (system.step(x, u) - x)[..., None])
    return step[..., 0]


class Reference:
    """The union of the roots that anything found; it only grows, and is complete once all searches are done."""

    def __init__(self, system: dk.System, *, odd: bool = False) -> None:
        """``odd``: F(-x) = -F(x), so that with each root its mirror image is one."""
        self.system, self.odd = system, odd
        self.roots = torch.zeros(0, system.state_size, dtype=torch.float64)

    def add(self, roots: Tensor) -> None:
        """Keep what is new of roots (point, unit) as :func:`polish` returns them."""
        for root in torch.cat([roots, -roots]) if self.odd else roots:
            if not len(self.roots) or float((self.roots - root).norm(dim=1).min()) > SAME_ROOT:
                self.roots = torch.cat([self.roots, root[None]])

    def nearest(self, states: Tensor) -> np.ndarray:
        """Which root each state (point, unit) is near to; -1 = none."""
        if not len(states) or not len(self.roots):
            return np.full(len(states), -1)
        exact = "donot_use_mm_for_euclid_dist"  # the product form errs by 6e-8
        distance, root = torch.cdist(states.double(), self.roots, compute_mode=exact).min(1)
        return torch.where(distance <= NEAR, root, -1).numpy()
