"""Proofs that all states come together under one input sequence: a norm that shrinks, or a tube that closes.

Where |F(x, u) - F(y, u)| <= c |x - y| for all states and inputs, with c < 1, there is one response to every input (the
sufficient condition of Jaeger 2001, prop. 3, in a norm fitted to the weights: Buehner and Young 2006).  Where there is
no such c, there may still be one response to this sequence: boxes that hold all trajectories from the invariant box are
carried along, from the mean value theorem with enclosures of the Jacobian.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...systems.base import Bounds, System

CLOSED = 1e-9  # width of a tube, relative to 1 + |x|, at which its states are one
PATIENCE, SHRINKS = 20, 0.5  # a tube must shrink to this share within so many steps
LARGEST = 256  # units beyond which boxes are too crude
ROUNDING = 1e-13  # of F at the middle of a box, relative, over what its enclosure says


def contraction(system: System) -> float:
    """The factor c that is known for the system, or infinity."""
    known = system.lipschitz()
    return float("inf") if known is None else known


def tube_closes(system: System, box: Bounds | None, inputs: Tensor) -> bool:
    """Whether boxes around all trajectories from the invariant ``box`` close under ``inputs`` (time, input)."""
    if box is None or system.state_size > LARGEST:
        return False
    lo, hi = box.lo, box.hi
    width = float((hi - lo).max())
    for t, u in enumerate(inputs):
        image = moved(system, lo, hi, u)
        if image is None:
            return False
        lo, hi = torch.maximum(image.lo, box.lo), torch.minimum(image.hi, box.hi)
        if bool((hi - lo <= CLOSED * (1 + lo.abs())).all()):
            return True
        if (t + 1) % PATIENCE == 0:
            before, width = width, float((hi - lo).max())
            if not width <= SHRINKS * before:
                return False
    return False


def moved(system: System, lo: Tensor, hi: Tensor, u: Tensor) -> Bounds | None:
    """A box that holds F(x, u) for all x between lo and hi (unit,), or None."""
    middle = (lo + hi) / 2
    radius = torch.maximum(hi - middle, middle - lo) * (1 + ROUNDING)
    found = system.enclosure(middle[None], u[None], torch.stack([torch.zeros_like(radius), radius])[:, None])
    if found is None:
        return None
    reach = found.middle()[0].abs() @ radius + found.gap(radius[:, None])[-1, 0, :, 0]
    slack = ROUNDING * (1 + reach)
    low, high = found.lo[0, 0] - reach - slack, found.hi[0, 0] + reach + slack
    whole_low, whole_high = found.lo[-1, 0], found.hi[-1, 0]
    low, high = torch.fmax(low, whole_low), torch.fmin(high, whole_high)
    return Bounds(low, high) if bool(torch.isfinite(low + high).all()) else None
