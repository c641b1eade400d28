"""What kind of motion a spectrum of exponents belongs to, and whether the state recurs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...systems.base import System
from .growth import SHARP, signs

LONGEST_PERIOD = 512
SAME_STATE = 1e-9  # relative to 1 + |x|


def recurrence(system: System, x: Tensor) -> np.ndarray:
    """The period of each state (start, unit) under zero input, at most 512; 0 where it does not come back.

    It must come back each time over twice that span: a chance encounter does not.  Of a flow only rest counts, 1: what
    comes back after a whole number of its steps depends on their length.
    """
    flow = system.flow()
    if flow is not None:
        moves = flow.dt * flow.rhs(x).abs().amax(-1)
        return (moves <= SAME_STATE * (1 + x.abs().amax(-1))).long().cpu().numpy()
    u = x.new_zeros(len(x), system.input_size)
    reach = SAME_STATE * (1 + x.abs().amax(-1))
    period = torch.zeros(len(x), dtype=torch.long, device=x.device)
    met = torch.zeros_like(period)
    y = x
    for t in range(1, 2 * LONGEST_PERIOD + 1):
        y = system._step(y, u)
        here = (y - x).abs().amax(-1) <= reach  # False for NaN
        if t <= LONGEST_PERIOD:
            period = torch.where(here & (period == 0), t, period)
        met = met + here
    back = (period > 0) & (met == 2 * LONGEST_PERIOD // period.clamp_min(1))
    return torch.where(back, period, 0).cpu().numpy()


def kinds_of(
    exponents: np.ndarray,
    tolerances: np.ndarray,
    left_at: np.ndarray,
    periods: np.ndarray | None,
    *,
    flow: bool,
) -> np.ndarray:
    """The kind of motion of each start, by exponents and tolerances (start, exponent); no ``periods``: it is driven."""
    kinds = []
    for k, (sign, sharp) in enumerate(zip(signs(exponents, tolerances), tolerances <= SHARP)):
        if left_at[k] >= 0:
            kinds.append("diverged")
        elif periods is None:
            kinds.append({-1: "consistent (echo state)", 0: "undetermined", 1: "inconsistent"}[int(sign[0])])
        else:
            kinds.append(_autonomous(sign, sharp, int(periods[k]), flow))
    return np.array(kinds, dtype="<U23")


def _autonomous(sign: np.ndarray, sharp: np.ndarray, period: int, flow: bool) -> str:
    if period:
        return "fixed point" if period == 1 else "periodic"
    if sign[0] > 0:
        return "chaotic" if (sign > 0).sum() == 1 else "hyperchaotic"
    if sign[0] < 0 or not sharp[0]:
        return "undetermined"  # it has not settled, or it cannot be told from weak chaos
    one_zero = len(sign) > 1 and sign[1] < 0
    return "limit cycle" if flow and one_zero else "quasi-periodic"
