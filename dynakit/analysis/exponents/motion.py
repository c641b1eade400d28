"""What kind of motion a spectrum of exponents belongs to: whether it recurs, runs away, or is one of rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...systems.base import Bounds, System
from .growth import SHARP, signs

LONGEST_PERIOD = 512
SAME_STATE = 1e-9  # relative to 1 + |x|
FAR = 1e10  # relative to 1 + the largest start: a trajectory beyond it has left every bound
WINDOWS, QUARTERS = 64, 4  # each but the first sets a record of |x| where a trajectory grows without bound
PACE = 400  # steps over which growth is looked at, if the caller has no span of its own
STEADY = 1e-3  # by which an even pace may differ between the two halves of the way
OUTGROWN = 1e3  # times 1 + |start|: so far on, growth that gathers pace is no way along something bounded
NUDGE, NUDGED = (
    1e-6,
    3,
)  # of a start, relative, and how often: typical orbits do not come to rest on what repels
ROUNDED = 4 * float(np.finfo(float).eps)  # of a state, relative
UNBOUNDED, COLLAPSED, CONTRACTS = "unbounded", "collapsed", "contracts along this trajectory"
NO_START = "start not finite"


def recurrence(system: System, x: Tensor, u: Tensor | None = None) -> np.ndarray:
    """The period of each state (start, unit) under the drive u (input,), at most 512; 0 where it does not come back.

    It must come back each time over twice that span: a chance encounter does not.  Of a flow only rest counts, 1: what
    comes back after a whole number of its steps depends on their length.
    """
    flow = system.flow()
    if flow is not None:
        drive = x.new_zeros(system.input_size) if u is None else u
        moves = flow.dt * flow.rhs(x, drive.expand(len(x), -1)).abs().amax(-1)
        return (moves <= SAME_STATE * (1 + x.abs().amax(-1))).long().cpu().numpy()
    u = (x.new_zeros(system.input_size) if u is None else u).expand(len(x), -1)
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


def grow(system: System, x: Tensor, at: Callable[[int], Tensor], n_steps: int, bound: Tensor) -> np.ndarray:
    """Which trajectories grow without bound, from states (start, unit) under the inputs ``at(t)`` (start, input).

    1: it leaves ``bound`` (start,), or the finite numbers, or goes on at an even pace for 16 times ``n_steps`` and is
    1 + |start| farther out than at the start by then.  0: at some time within them it comes to a window that sets no
    record of max |x|.  NaN: still growing, but ever more slowly, or so little that it may creep along what is bounded.
    """
    bound = bound.clamp_max(torch.finfo(bound.dtype).max)
    fates, rows = np.zeros(len(x)), torch.arange(len(x), device=x.device)
    window, records = max(1, -(-n_steps // QUARTERS)), [x.abs().amax(-1)]
    for k in range(WINDOWS):
        top = torch.zeros_like(records[0])
        for t in range(k * window, (k + 1) * window):
            x = system._step(x, at(t)[rows])
            top = torch.maximum(top, x.abs().amax(-1))
        gone = ~(top <= bound[rows])  # NaN too
        fates[rows[gone].cpu().numpy()] = 1.0
        on = ~gone & (top > (1 + SAME_STATE) * records[-1]) if k else ~gone
        x, rows, records = x[on], rows[on], [record[on] for record in [*records, top]]
        if not len(rows):
            return fates
    paces = torch.stack(records[1:]).diff(dim=0)
    first, second = paces[: len(paces) // 2].mean(0), paces[len(paces) // 2 :].mean(0)
    unit = bound[rows] / FAR
    by = records[-1] - (unit - 1)
    even = (by >= unit) & ((second - first).abs() <= STEADY * first)
    away = (by >= OUTGROWN * unit) & (second > first)
    fates[rows.cpu().numpy()] = torch.where(even | away, 1.0, torch.nan).cpu().numpy()
    return fates


def grows(system: System, x0: Tensor, x: Tensor, u: Tensor, n_steps: int = PACE) -> np.ndarray:
    """Which states x (start, unit), come from x0, grow without bound under the constant drive u (input,).

    Nothing does where the map has an invariant box.
    """
    if not len(x) or system._box(Bounds(u, u)) is not None:
        return np.zeros(len(x), bool)
    bound = FAR * (1 + x0.abs().amax(-1).nan_to_num(0.0, 0.0, 0.0))
    drive = u.expand(len(x), -1)
    with torch.no_grad():
        return grow(system, x, lambda t: drive, n_steps, bound) > 0


def superstable(system: System, ends: Tensor, periods: np.ndarray) -> np.ndarray:
    """How many directions orbits lose that repeat themselves, up to the rounding of their states: (start,).

    ``periods`` (start,) of the states ``ends`` (start, unit); 0: not asked.  A singular value of the Jacobian that
    moves by more than its own size within the rounding of the state is zero on the orbit; that of a saturated unit,
    however small, moves by little.
    """
    found = np.zeros(len(ends), int)
    for k in np.flatnonzero(periods):
        x = ends[k].expand(1, -1)
        for _ in range(int(periods[k]) - 1):
            x = torch.cat([x, system.step(x[-1:])])
        noise = seeding.stream(0, "rounding").choice([-1.0, 1.0], size=(NUDGED, *x.shape))
        near = x + ROUNDED * (1 + x.abs().amax(-1, keepdim=True)) * torch.from_numpy(noise).to(x)
        J, moved = (system.jacobian(of).cpu().numpy() for of in (x, near.flatten(0, 1)))
        for matrix, others in zip(J, moved.reshape(NUDGED, *J.shape).swapaxes(0, 1)):
            U, sizes, V = linalg.svd(matrix)
            by = np.abs(((U.T @ (others - matrix)) * V).sum(axis=-1)).max(axis=0)
            found[k] = max(found[k], int((sizes <= by).sum()))
    return found


def collapsed(system: System, x0: Tensor, ends: Tensor, periods: np.ndarray, n_steps: int) -> np.ndarray:
    """Which orbits, that have come to repeat themselves on what repels, were put there by rounding.

    ``periods`` (start,) of the states ``ends`` (start, unit); 0: not asked.  A start on the orbit belongs there, and
    one on its stable set comes there; but that states beside the start come there too is not the map's doing.
    """
    found = np.zeros(len(x0), bool)
    for k in np.flatnonzero(periods):
        orbit = system.trajectory(ends[k], int(periods[k]))
        if bool(((orbit - x0[k]).abs().amax(-1) <= NUDGE * (1 + x0[k].abs().max())).any()):
            continue
        noise = seeding.stream(0, "nudge").standard_normal((NUDGED, system.state_size))
        x = x0[k] + NUDGE * (1 + x0[k].abs().max()) * torch.from_numpy(noise).to(x0)
        x = system.settle(x, None, n_steps)
        found[k] = bool(torch.isfinite(x).all()) and bool((recurrence(system, x) > 0).all())
    return found


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
            kinds.append(UNBOUNDED if left_at[k] else NO_START)
        elif periods is None:
            kinds.append({-1: CONTRACTS, 0: "undetermined", 1: "inconsistent"}[int(sign[0])])
        else:
            kinds.append(_autonomous(sign, sharp, int(periods[k]), flow))
    return np.array(kinds, dtype="<U31")


def _autonomous(sign: np.ndarray, sharp: np.ndarray, period: int, flow: bool) -> str:
    if period:
        return "fixed point" if period == 1 else "periodic"
    if sign[0] > 0:
        return "chaotic" if (sign > 0).sum() == 1 else "hyperchaotic"
    if sign[0] < 0 or not sharp[0]:
        return "undetermined"  # it has not settled, or it cannot be told from weak chaos
    one_zero = len(sign) > 1 and sign[1] < 0
    return "limit cycle" if flow and one_zero else "quasi-periodic"
