"""Frames along a course: how often they are made orthonormal, and what they have grown by.

Within an interval all directions turn towards the fastest, and the digits of the slowest go with it; so the interval
follows from the spread of the growth (von Bremen, Udwadia and Proskurowski 1997), and is halved where it was too long.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import resumption
from ...progress import going, interruptible
from ...systems.base import Bounds
from .frames import SAFE_SPREAD, Frames

LARGEST_SPREAD = 25.0  # beyond it the interval is halved
OFTEN, FEW = 0.5, 4  # intervals whose steps are taken again: the share and number beyond which shorter ones pay
BETWEEN = 100  # steps between two looks at whether the call is to go on
STRETCH = 500  # steps that are kept together for a call that is killed
LONGEST = 10  # steps: the frame costs little by then
SMALL = 1024  # numbers: such a frame costs little at every step, and each step is a sample of the growth
NARROW = 8  # units per direction: to make such a frame orthonormal costs a quarter of carrying it one step


class Course:
    """Inputs along the way: the same for all starts, one sequence each, or none."""

    def __init__(self, inputs: Tensor | None, like: Tensor, width: int) -> None:
        self.inputs = inputs
        self.constant = like.new_zeros(len(like), width)

    def of(self, rows: Tensor) -> Course:
        """That of some starts."""
        constant, inputs = self.constant[rows], self.inputs
        return Course(
            inputs[rows] if inputs is not None and inputs.ndim == 3 else inputs, constant, constant.shape[1]
        )

    def bounds(self) -> Bounds:
        """Between which every input lies."""
        flat = (self.constant if self.inputs is None else self.inputs).flatten(0, -2)
        return Bounds(flat.amin(0), flat.amax(0)) if flat.shape[1] else Bounds(flat[0], flat[0])

    def at(self, t: int) -> Tensor:
        """The inputs (start, input) of step t, counted from 0."""
        return self.constant if self.inputs is None else self.inputs[..., t, :].expand_as(self.constant)


class Growth:
    """What a frame has grown by, interval by interval."""

    def __init__(self) -> None:
        self.logs: list[Tensor] = []  # (start, direction) each
        self.durations: list[int] = []  # steps

    def __len__(self) -> int:
        return len(self.durations)

    def rates(self) -> Tensor:
        """The mean growth per step."""
        return torch.stack(self.logs).sum(0) / sum(self.durations)


def advance(
    frames: Frames, course: Course, n_steps: int, interval: int, limit: float = LARGEST_SPREAD
) -> tuple[Growth, int]:
    """Take steps, orthonormalize after every ``interval`` of them; the growth, and the interval at the end.

    The interval is halved where the directions spread by more than ``limit`` within it, and where they often lose
    digits: to take steps again costs more than to make the frame orthonormal in time.  Fewer are taken if the call is
    to end.
    """
    growth, stretch = Growth(), _Stretch(frames, course, limit)
    with interruptible("step"):
        while sum(growth.durations) < n_steps and going(frames.n_done, "step"):
            interval, whole = stretch.go(growth, n_steps - sum(growth.durations), interval)
            if not whole:
                break
    return growth, interval


class _Stretch:
    """Steps from one orthonormal frame to another: as many as are worth keeping for a call that is killed."""

    def __init__(self, frames: Frames, course: Course, limit: float) -> None:
        self.frames, self.course, self.limit = frames, course, limit
        self.mark = frames.n_again, 0  # frames for which steps were taken again, and intervals, when it was last halved

    def go(self, growth: Growth, n_steps: int, interval: int) -> tuple[int, bool]:
        """Add what the frame grows by; the interval at the end, and whether the call is to go on."""
        n, taken = len(growth), []

        def make() -> resumption.Arrays | None:
            taken.append(self._take(growth, n_steps, interval))
            new = {f"logs{k}": logs.cpu().numpy() for k, logs in enumerate(growth.logs[n:])}
            counts = np.array([taken[0][0], *self.mark, *growth.durations[n:]])
            return {**self.frames.arrays(), **new, "counts": counts} if taken[0][1] else None

        found = resumption.kept(self._decided_by(n, n_steps, interval), make)
        if taken or found is None:
            return taken[0]
        interval, again, since, *durations = found["counts"].tolist()
        self.mark = again, since
        growth.durations += durations
        growth.logs += [torch.from_numpy(found[f"logs{k}"]).to(self.frames.x) for k in range(len(durations))]
        self.frames.put(found)
        return interval, True

    def _decided_by(self, n: int, n_steps: int, interval: int) -> tuple[object, ...] | None:
        frames, course = self.frames, self.course
        which = resumption.of_map(frames.system, frames.x, course.at(frames.n_done))
        length = min(n_steps, STRETCH + interval)
        inputs = course.constant if course.inputs is None else course.inputs[..., frames.n_done :, :][..., :length, :]
        counts = n, length, interval, self.limit, self.mark
        return which and (*which, "stretch", counts, inputs, *frames.arrays().values())

    def _take(self, growth: Growth, n_steps: int, interval: int) -> tuple[int, bool]:
        frames, since = self.frames, 0
        for k in range(n_steps):
            if k and k % BETWEEN == 0 and not going(frames.n_done, "step"):
                return interval, False
            frames.step(self.course.at(frames.n_done))
            since += 1
            if since < interval and k + 1 < n_steps:
                continue
            logs, _ = frames.orthonormalize()
            growth.logs.append(logs)
            growth.durations.append(since)
            since = 0
            again, of = frames.n_again - self.mark[0], len(growth) - self.mark[1]
            often = again > max(FEW, OFTEN * of)
            if interval > 1 and self.limit < np.inf and (spread(logs) > self.limit or often):
                interval, self.mark = interval // 2, (frames.n_again, len(growth))
            if k + 1 >= STRETCH:
                break
        return interval, True


def spread(logs: Tensor) -> float:
    """The largest difference between the directions of one start, those lost and those that left aside."""
    known = torch.isfinite(logs)
    if not bool(known.any()):
        return 0.0
    high = logs.masked_fill(~known, -torch.inf).amax(-1)
    low = logs.masked_fill(~known, torch.inf).amin(-1)
    return float((high - low).clamp_min(0.0).max())


def settle_frames(frames: Frames, course: Course, n_steps: int, given: int | None) -> int:
    """Take the steps of the transient; the interval to go on with, from the spread in its second quarter."""
    shape = frames.T[0].shape
    if given is None and (shape.numel() <= SMALL or max(shape) >= NARROW * min(shape)):
        given = 1
    if given is not None:
        return advance(frames, course, n_steps, given, np.inf)[1]
    quarter = n_steps // 4
    advance(frames, course, quarter, 1)
    growth, _ = advance(frames, course, quarter, 1)
    interval = choose_interval(growth.rates()) if quarter >= 4 and len(growth) else 1
    return advance(frames, course, n_steps - 2 * quarter, interval)[1]


def choose_interval(rates: Tensor) -> int:
    """How many steps the frame may go without being made orthonormal, from mean growth rates (start, direction).

    Neither may the directions come too close to each other, nor any of them overflow.
    """
    known = rates[torch.isfinite(rates)].abs()
    fastest = float(known.max()) if len(known) else 0.0
    limits = [SAFE_SPREAD / max(spread(rates), 1e-9), 200.0 / max(fastest, 1e-9), float(LONGEST)]
    return max(1, int(min(limits)))
