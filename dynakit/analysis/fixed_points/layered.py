"""The only fixed point of a map that is affine layer by layer: solved for, not searched for.

Where gates hear a layer's input alone, the layer is affine in its own state, and what it hears of the others comes
from the layers before it,

    x_l' = A_l(x_1, ..., x_(l-1), u) x_l + b_l(x_1, ..., x_(l-1), u):

linear recurrent units (Orvieto et al. 2023), diagonal state spaces (Gu, Goel, Gupta and Re 2022), minGRU and minLSTM
(Feng et al. 2024), selective state spaces (Gu and Dao 2023), and stacks of these with any function between them.  Under
a constant input x_1 solves a linear equation, then x_2, and so on: where no A_l has the eigenvalue one there is exactly
one fixed point, and its eigenvalues are those of the A_l.

Layers are guessed from Jacobians at a few states.  That nothing else rests within ``FAR`` of the point follows from
bounds of the Jacobian over the box of that size, layer after layer: the rows of layer l are zero right of A_l, and
|1 - C (A_l - 1)| < 1 for all A_l within the bounds (Krawczyk 1969; Rump 2010, sec. 13).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ... import chunks, linalg
from ...systems.base import JacobianBounds, System, minus_identity
from .certificate import certify

FAR = 1e30  # distance, in state units, within which there is no other: its powers are still finite numbers
NOTHING = 1e-200  # bounds of a slope below which it is zero: what is added up of zeros rounded outwards
ALIKE = 1e-9  # relative difference of slopes that count as constant
CLOSE = 1e-6  # the same of bounds, which what is known of the layers below leaves this far apart
CONTRACTS = 0.5  # |1 - C (A - 1)| up to which rounding in its evaluation cannot matter
MOST = 64  # layers


def only_point(system: System, u: Tensor) -> Tensor | None:
    """The fixed point (unit,) beside which there is none within ``FAR``, or None where this cannot be said."""
    if not _few(system):
        return None
    order = _order(system, u)
    x = None if order is None else _solved(system, u, order)
    return x if x is not None and order is not None and _is_alone(system, u, x, order) else None


class Order(NamedTuple):
    """Who hears whom."""

    layers: list[Tensor]  # the numbers of the units of each, the first to be heard first
    group: Tensor  # (unit,) one number for units that hear each other


def _few(system: System) -> bool:
    """Whether a few Jacobians are nothing beside a search."""
    return 8 * system.copies * system.state_size**2 <= chunks.BYTES


def _states(system: System, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(n, system.state_size, generator=generator, dtype=torch.float64)
    return draws.to(system.device)


def _order(system: System, u: Tensor) -> Order | None:
    """From Jacobians at a few states; None where there are too many layers."""
    J = system.jacobian(_states(system, 3), u)
    if not bool(torch.isfinite(J).all()):
        return None
    hears = (J != 0).any(0).cpu().numpy()  # [i, j]: unit i hears unit j
    n_groups, group = connected_components(hears, connection="strong")
    between = np.zeros((n_groups, n_groups), bool)
    i, j = np.nonzero(hears)
    between[group[i], group[j]] = True
    np.fill_diagonal(between, False)
    depth = np.zeros(n_groups, int)
    for _ in range(MOST):
        deeper = np.where(between, depth + 1, 0).max(1, initial=0)
        if (deeper == depth).all():
            levels = depth[group]
            layers = [torch.from_numpy(np.flatnonzero(levels == k)).to(u.device) for k in range(depth.max() + 1)]
            return Order(layers, torch.from_numpy(group).to(u.device))
        depth = deeper
    return None


def _solved(system: System, u: Tensor, order: Order) -> Tensor | None:
    """The state at which each layer rests, one after another; None where one is not affine, or has no such state."""
    x, draws = u.new_zeros(system.state_size), _states(system, 1)[0]
    for units in order.layers:
        J, moved = system.jacobian(torch.stack([x, x.index_add(0, units, draws[units])]), u)[:, units][..., units]
        if not bool((J - moved).abs().amax() <= ALIKE * (1 + J.abs().amax())):
            return None
        for _ in range(3):  # the second and third only take rounding back
            r = (system.step(x, u) - x)[units]
            p, solvable = linalg.solve(minus_identity(J)[None], -r[None])
            if not bool(solvable[0]) or not bool(torch.isfinite(p).all()):
                return None
            x = x.index_add(0, units, p[0])
    return x


def _is_alone(system: System, u: Tensor, x: Tensor, order: Order) -> bool:
    """Whether no other state within ``FAR`` of x (unit,) rests."""
    proof = certify(system, x[None], u[None])
    if not proof.certified[0]:
        return False
    radius, known = x.new_full(x.shape, FAR), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    while not bool(known.all()):
        bounds = system.jacobian_bounds(x, u, radius[None])
        if bounds is None:
            return False
        units = _next(bounds, known, order.group)
        if len(units) == 0 or not _contracts(bounds.lo[units][:, units], bounds.hi[units][:, units]):
            return False
        known[units] = True
        radius[units] = float(proof.existence_radius[0])  # of the others that rest, these units are those of x
    return True


def _next(bounds: JacobianBounds, known: Tensor, group: Tensor) -> Tensor:
    """The numbers of the units that hear nothing but what is known, and units that hear each other."""
    size = torch.maximum(bounds.lo.abs(), bounds.hi.abs())
    within = known | (group[:, None] == group)
    hears_more = ((size > NOTHING) & ~within).any(1)
    not_yet = torch.zeros_like(size[0]).index_add(0, group, hears_more.to(size))[group] > 0
    return (~known & ~not_yet).nonzero()[:, 0]


def _contracts(lo: Tensor, hi: Tensor) -> bool:
    """Whether the bounds are those of one matrix, and |1 - C (A - 1)| < 1 for a C and every A between them."""
    middle, gap = (lo + hi) / 2, (hi - lo) / 2
    if not bool((gap <= CLOSE * (1 + middle.abs().amax())).all()):  # bent, or without bounds
        return False
    C, usable = linalg.inverses(minus_identity(middle)[None])
    if not bool(usable[0]):
        return False
    apart = torch.eye(len(lo)).to(lo) - C[0] @ minus_identity(middle)
    return bool((apart.abs() + C[0].abs() @ gap).sum(-1).amax() <= CONTRACTS)
