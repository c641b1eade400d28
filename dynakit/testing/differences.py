"""Derivatives by differences, as good as rounding allows, with what they may be wrong by (Ridders 1982).

Central differences over steps that are halved are extrapolated to step zero; of all extrapolations the one is taken
that disagrees least with those it was made of.  A kink nearer than the larger steps spoils those alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FIRST, N_STEPS = 1e-2, 14  # steps from 1e-2 down to 1e-6, in units of 1 + |x|
MOST_DIRECTIONS = 32  # of a wider argument, as many random directions are looked along
SAFETY, LEAST = 100.0, 1e-9  # times the disagreement; relative to the largest derivative


def differences(f: Callable[..., Tensor], x: Tensor, directions: Tensor, *beside: Tensor) -> tuple[Tensor, Tensor]:
    """d f(x, *beside) along directions (k, in) at x (row, in): (row, out, k), and how far each may be off."""
    h = FIRST * 0.5 ** torch.arange(N_STEPS, dtype=x.dtype).reshape(-1, 1, 1, 1)
    h = h * (1 + x.abs().amax(-1))[None, :, None, None]
    moved = torch.cat([x[:, None] + h * directions, x[:, None] - h * directions])  # (2 steps, row, k, in)
    lead = moved.shape[:-1]
    others = (v[:, None].expand(*lead, v.shape[-1]).reshape(lead.numel(), -1) for v in beside)
    values = f(moved.reshape(lead.numel(), -1), *others).detach()
    up, down = values.reshape(2, N_STEPS, *lead[1:], values.shape[-1])
    row = (up - down) / (2 * h)
    best, error = row[-1], torch.full_like(row[-1], torch.inf)
    for order in range(1, N_STEPS):
        last, weight = row, 4.0**order
        row = (weight * last[1:] - last[:-1]) / (weight - 1)
        apart = torch.maximum((row - last[1:]).abs(), (row - last[:-1]).abs())
        for value, doubt in zip(row, apart):
            nearer = doubt < error
            best, error = torch.where(nearer, value, best), torch.where(nearer, doubt, error)
    return best.mT, error.mT


def directions_of(width: int, generator: torch.Generator) -> Tensor:
    """The unit vectors of a space, or random ones where there are many: (k, width)."""
    if width <= MOST_DIRECTIONS:
        return torch.eye(width, dtype=torch.float64)
    drawn = torch.randn(MOST_DIRECTIONS, width, generator=generator, dtype=torch.float64)
    return drawn / drawn.norm(dim=1, keepdim=True)


def worst(J: Tensor, along: Tensor, expected: Tensor, error: Tensor) -> str:
    """Where matrices J (row, out, in) differ most from differences along directions (k, in); "" if nowhere."""
    got = J @ along.T
    allowed = SAFETY * error + LEAST * (1 + got.abs().amax((1, 2), keepdim=True))
    excess = (got - expected).abs() - allowed
    excess = torch.where(excess.isnan(), torch.inf, excess)
    if not excess.numel() or float(excess.max()) <= 0:
        return ""
    k, i, j = (int(n) for n in torch.unravel_index(excess.argmax(), excess.shape))
    where = f"entry [{i}, {j}]" if J.shape[-1] <= MOST_DIRECTIONS else f"row {i} along a random direction"
    return f"{where} is {float(got[k, i, j]):.6g} at state {k}, differences give {float(expected[k, i, j]):.6g}"
