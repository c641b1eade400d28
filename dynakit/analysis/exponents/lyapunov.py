"""How fast do neighbouring trajectories part, or come together?  Lyapunov exponents of a map, driven or not.

lambda_i = lim 1/t ln of the growth of the i-th axis of a small ball carried by J_t ... J_1 (Oseledets 1968), by
orthonormal frames (Benettin, Galgani, Giorgilli and Strelcyn 1980; ``frames``) whose logarithms are averaged as fits
the motion (``growth``).  Under an input they are conditional on it: the largest is negative where neighbours come to
do the same under the same input (Pecora and Carroll 1991), which says nothing of states far away: see
:func:`dynakit.check_echo_state`.  The state is the whole state: an LSTM of N units has 2N exponents.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...checks import count
from ...errors import InputError, Interrupted
from ...progress import Callback, ended, expect, passed
from ...provenance import with_provenance
from ...systems.base import System, checked
from ...wording import counted
from .course import LARGEST_SPREAD, LONGEST, Course, advance, settle_frames
from .frames import Frames
from .growth import Estimates, entropy_rate, estimate, kaplan_yorke, signs
from .motion import COLLAPSED, FAR, NO_START, UNBOUNDED, collapsed, grow, kinds_of, recurrence, superstable
from .spectrum import LyapunovSpectrum

DETERMINANTS = 64  # steps over which the sum of all exponents is compared with ln |det J|
RANK = 1e-12  # a multiplier below it may be zero
CURVE = 60  # times at which the running mean is kept


@with_provenance
def lyapunov_spectrum(
    system: System,
    x0: Any,
    inputs: Any = None,
    *,
    n_steps: int,
    n_exponents: int | None = None,
    n_transient: int = 500,
    qr_interval: int | None = None,
    callback: Callback | None = None,
) -> LyapunovSpectrum:
    """Lyapunov exponents along the trajectory from each start.

    Arguments:
        system: the map, or a flow, by itself or under Driven, Iterated or ClosedLoop; those compare by ``per_time``.
        x0: where to start, (unit,) or (start, unit), or a result that has states; a start that is not finite is marked.
        inputs: (n_transient + n_steps, input), or (start, n_transient + n_steps, input), the transient first.  None is
            zero input, and the motion is judged as that of an autonomous map.
        n_steps: steps to average over.
        n_exponents: how many, from the largest; None: all.  A few of many cost a small share of all.
        n_transient: steps before, for the state to reach its attractor and the frame to align.
        qr_interval: steps between two orthonormalizations; None: as many as the spread that shows in the transient
            leaves safe.
        callback: called every hundred steps with the steps done and {"total": of all starts that are followed together,
            "unit": "step"}; StopIteration raised in it ends the call, which returns what the steps taken by then say:
            ``interrupted``, and ``n_steps`` is how many they were.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit the system.
        Interrupted: if it was ended within the transient.

    >>> import dynakit as dk, math
    >>> henon = dk.lyapunov_spectrum(dk.catalog.henon(), [0.1, 0.1], n_steps=4000)
    >>> henon.kind, henon.exponents.round(1).tolist(), math.isclose(henon.exponents.sum(), math.log(0.3))
    ('chaotic', [[0.4, -1.6]], True)
    """
    checked(system).refuse_jumps("a Lyapunov spectrum")
    n_steps, n_transient = count("n_steps", n_steps), count("n_transient", n_transient, least=0)
    k = (
        system.state_size
        if n_exponents is None
        else count("n_exponents", n_exponents, most=system.state_size)
    )
    interval = None if qr_interval is None else count("qr_interval", qr_interval)
    x, course = starts_and_inputs(system, x0, inputs, n_transient + n_steps)
    plan = _Plan(k, n_steps, n_transient, interval, inputs is not None)
    with linalg.one_thread(), torch.inference_mode(False), torch.no_grad():
        each = chunks.FLOAT * ((6 * k + system.state_size) * system.state_size + 2 * n_steps * k)
        lots = torch.arange(len(x)).split(chunks.at_once(each))
        expect(len(lots) * (n_transient + n_steps), "step")
        parts = []
        for rows in lots:
            along = _along(system, x[rows], course.of(rows), plan)
            if along is None or (parts and ended()):  # those before it are whole
                break
            parts.append(along)
            passed(n_transient + n_steps, "step")
    if not parts:
        raise Interrupted("interrupted within the transient: no step was averaged over")
    n_steps = parts[0][2]
    fields: dict[str, Any] = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    return LyapunovSpectrum(
        **fields,
        times=_times(plan._replace(n_steps=n_steps)),
        n_steps=n_steps,
        n_transient=n_transient,
        qr_interval=min(part[1] for part in parts),
        state_size=system.state_size,
        driven=plan.driven,
        dt=system.dt,
        time_unit=system.time_unit,
        dynamics="map" if system.flow() is None else "flow",
    )


class _Plan(NamedTuple):
    """How many exponents, and over which steps."""

    n_exponents: int
    n_steps: int
    n_transient: int
    interval: int | None
    driven: bool


def starts_and_inputs(
    system: System, x0: Any, inputs: Any, n_steps: int, said: str = "n_transient + n_steps"
) -> tuple[Tensor, Course]:
    """States (start, unit), and the inputs along the way."""
    x = system.as_states("x0", x0).detach()
    if x.ndim > 2:
        raise InputError(f"x0 must be (unit,) or (start, unit), got {tuple(x.shape)}")
    sequence = None
    if inputs is not None:
        sequence = system.as_tensor("inputs", inputs, system.input_size).detach()
        if sequence.ndim not in (2, 3) or sequence.shape[-2] != n_steps:
            raise InputError(
                f"inputs must be (time, input) or (start, time, input) with {said} = {n_steps} steps, in this order, "
                f"got {tuple(sequence.shape)}"
            )
        if sequence.ndim == 3:
            if x.ndim == 2 and len(x) != len(sequence):
                raise InputError(
                    f"inputs must hold one sequence per start, got {len(sequence)} for {counted(len(x), 'start')}"
                )
            x = x.expand(len(sequence), -1)
    x = x.reshape(-1, system.state_size)
    if not len(x):
        raise InputError("x0 must hold at least one start, got none")
    return x, Course(sequence, x, system.input_size)


def _along(system: System, x: Tensor, course: Course, plan: _Plan) -> tuple[dict[str, np.ndarray], int, int] | None:
    """The fields of the result for some starts, the interval of their frames, and the steps averaged over.

    None if the call was to end before there were any.
    """
    frames = Frames(system, x, plan.n_exponents)
    interval = settle_frames(frames, course, plan.n_transient, plan.interval)
    settled = frames.x
    limit = LARGEST_SPREAD if plan.interval is None else np.inf
    growth, interval = advance(frames, course, plan.n_steps, interval, limit)
    if not len(growth):
        return None
    plan = plan._replace(n_steps=sum(growth.durations))
    logs, durations = torch.stack(growth.logs).cpu().numpy(), np.array(growth.durations)
    left_at = frames.left_at.cpu().numpy()
    known = estimate(logs, durations, smooth=False if plan.driven else None)
    periods = None if plan.driven else recurrence(system, frames.x) * (left_at < 0)
    if periods is not None:
        known = _superstable(system, known, periods, frames.x)
    way = _Way(x, settled, frames.x, left_at)
    kinds = _kinds(system, way, course, plan, known, periods)
    spectra = [
        (np.full_like(exponents, np.nan) if kind == UNBOUNDED else exponents, tolerances, system.state_size)
        for exponents, tolerances, kind in zip(known.exponents, known.tolerances, kinds)
    ]
    fields = {
        "exponents": known.exponents,
        "standard_errors": known.standard_errors,
        "tolerances": known.tolerances,
        "block_averages": known.block_averages,
        "weights": known.weights,
        "kinds": kinds,
        "periods": np.zeros(len(x), int) if periods is None else periods,
        "kaplan_yorke_dimensions": np.array([kaplan_yorke(*of) for of in spectra]),
        "entropy_rates": np.array([entropy_rate(*of) for of in spectra]),
        "left_at": left_at,
        "end_states": frames.x.cpu().numpy(),
        "determinant_gaps": _determinant_gaps(system, settled, course, plan, logs, durations),
        "convergence": np.take_along_axis(_running(logs, durations, _times(plan)), known.order[:, None], 2),
    }
    return fields, interval, plan.n_steps


def _superstable(system: System, known: Estimates, periods: np.ndarray, ends: Tensor) -> Estimates:
    """Growth that is finite only because the orbit misses a point of none by its rounding is none."""
    low = periods * np.nan_to_num(known.exponents[:, -1], nan=0.0, neginf=0.0) < math.log(RANK)
    n_lost = superstable(system, ends, periods * low)
    lost = np.arange(known.exponents.shape[1]) >= system.state_size - n_lost[:, None]
    return known._replace(
        exponents=np.where(lost, -np.inf, known.exponents),
        block_averages=np.where(lost, -np.inf, known.block_averages),
        standard_errors=np.where(lost, np.nan, known.standard_errors),
        tolerances=np.where(lost, 0.0, known.tolerances),
    )


class _Way(NamedTuple):
    """The states (start, unit) at the start, after the transient and at the end, and when each trajectory left."""

    start: Tensor
    settled: Tensor
    end: Tensor
    left_at: np.ndarray


def _kinds(
    system: System, way: _Way, course: Course, plan: _Plan, known: Estimates, periods: np.ndarray | None
) -> np.ndarray:
    """What the exponents tell of, unless it grows without bound, or rounding has ended it."""
    flow, total = system.flow() is not None, plan.n_transient + plan.n_steps
    kinds = kinds_of(known.exponents, known.tolerances, way.left_at, periods, flow=flow)
    low = signs(known.exponents, known.tolerances)[:, 0]
    recurs = np.zeros(len(kinds), int) if periods is None else periods
    asked = np.flatnonzero(~np.isin(kinds, [UNBOUNDED, NO_START]) & (low >= 0) & (recurs == 0))
    if len(asked) and system._box(course.bounds()) is None:
        rows = torch.from_numpy(asked).to(way.start.device)
        own, bound = course.of(rows), FAR * (1 + way.start[rows].abs().amax(-1))
        fates = grow(
            system, way.settled[rows], lambda t: own.at((plan.n_transient + t) % total), plan.n_steps, bound
        )
        kinds[asked[fates > 0]], kinds[asked[np.isnan(fates)]] = UNBOUNDED, "undetermined"
    kinds[collapsed(system, way.start, way.end, recurs * (low > 0), total)] = COLLAPSED
    return kinds


def _times(plan: _Plan) -> np.ndarray:
    first = min(plan.n_steps, max(LONGEST, plan.interval or 1))
    return np.unique(np.round(np.geomspace(first, plan.n_steps, CURVE)).astype(int))


def _running(logs: np.ndarray, durations: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The mean growth per step up to the last interval that ends by each time, (start, time, direction)."""
    ends = durations.cumsum()
    at = np.searchsorted(ends, times, side="right") - 1
    return (logs.cumsum(axis=0)[at] / ends[at, None, None]).swapaxes(0, 1)


def _determinant_gaps(
    system: System, x: Tensor, course: Course, plan: _Plan, logs: np.ndarray, durations: np.ndarray
) -> np.ndarray:
    """How far the growth of all directions is from ln |det J|, nats per step, over the first intervals."""
    if plan.n_exponents < system.state_size:
        return np.full(len(x), np.nan)
    ends = durations.cumsum()
    m = max(1, int((ends <= DETERMINANTS).sum()))
    total = np.zeros(len(x))
    for t in range(ends[m - 1]):
        u = course.at(plan.n_transient + t)
        for J in system._jacobian_factors(x, u):
            total += linalg.log_abs_det(J).cpu().numpy()
        x = system._step(x, u)
    carried = logs[:m].sum(axis=(0, 2))
    same = np.isneginf(carried) & np.isneginf(total)
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.abs(carried - total) / ends[m - 1])
