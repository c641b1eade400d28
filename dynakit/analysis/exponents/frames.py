"""Trajectories that carry a frame of directions: T <- J T, brought back to orthonormal from time to time.

With the directions as columns Q, one interval of k steps gives J_k ... J_1 Q = Q' R; the logarithms of R's diagonal,
summed along a trajectory, grow as the Lyapunov exponents (Benettin, Galgani, Giorgilli and Strelcyn 1980).  Within an
interval all directions turn towards the fastest: the share of the slowest shrinks by the spread of the exponents times
k, and its digits with it, so k follows from the spread (von Bremen, Udwadia and Proskurowski 1997 on what is lost).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...systems.base import System

SAFE_SPREAD = 20.0  # nats between the fastest and the slowest direction over one interval
LARGEST_SPREAD = 25.0  # beyond it the interval is halved
LONGEST = 10  # steps: the frame costs little by then
SMALL = 1024  # numbers: such a frame costs little at every step, and each step is a sample of the growth
EPS = float(np.finfo(float).eps)


class Frames:
    """Flat batches of states x (start, unit) and directions T (start, direction, unit), moved together.

    A trajectory that leaves the finite numbers stays at its last finite state and is marked with the step.  A
    direction that the map sends to zero, up to rounding, is lost for good: the product of Jacobians has lost a rank.
    Lost directions are zero rows behind all others.
    """

    def __init__(self, system: System, x: Tensor, n_directions: int) -> None:
        self.system, self.x = system, x
        draws = seeding.stream(0, "frame").standard_normal((1, n_directions, system.state_size))
        frame = linalg.orthonormalize(torch.from_numpy(draws).to(x))[0]
        self.T = frame.expand(len(x), -1, -1).clone()  # generic: a frame along the axes may never turn
        self.lost = torch.zeros(len(x), n_directions, dtype=torch.bool, device=x.device)
        self.n_done = 0
        self.left_at = torch.where(torch.isfinite(x).all(-1), -1, 0)
        self.x = torch.where(self.inside[:, None], x, 0.0)
        self.all_inside = bool(self.inside.all())

    @property
    def inside(self) -> Tensor:
        """(start,)  still finite."""
        return self.left_at < 0

    def step(self, u: Tensor) -> None:
        """One step under the inputs u (start, input)."""
        self.moved(*self.system._push(self.x, u, self.T))

    def moved(self, x: Tensor, T: Tensor) -> None:
        """One step that leads to the states x and the directions T."""
        self.n_done += 1
        if self.all_inside and bool(torch.isfinite(x.sum() + T.sum())):
            self.x, self.T = x, T
            return
        fine = torch.isfinite(x).all(-1) & torch.isfinite(T).all(-1).all(-1)
        self.left_at = torch.where(self.inside & ~fine, self.n_done, self.left_at)
        self.x = torch.where(self.inside[:, None], x, self.x)
        self.T = torch.where(self.inside[:, None, None], T, self.T)
        self.all_inside = bool(self.inside.all())

    def orthonormalize(self) -> tuple[Tensor, Tensor]:
        """Make the frame orthonormal again; the growth ln |R_ii| (start, direction) since the last time, and R^T.

        The growth is -inf for a direction that is lost, and NaN for a trajectory that has left.
        """
        Q, L = linalg.orthonormalize(self.T)
        growth = L.diagonal(dim1=-2, dim2=-1).abs().log()
        if (
            not float(growth.amax() - growth.amin()) < SAFE_SPREAD
        ):  # else no direction can be lost, nor has been
            fastest = self.T.norm(dim=-1).amax(-1, keepdim=True)
            threshold = (16 * EPS * self.T.shape[-1] ** 0.5 * fastest).log()
            gone = ~self.lost & (growth <= threshold)
            if bool(gone.any()):
                self._lose(gone)
                return self.orthonormalize()
            Q, growth = Q.masked_fill(self.lost[..., None], 0.0), growth.masked_fill(self.lost, -torch.inf)
        self.T = Q
        return growth if self.all_inside else torch.where(self.inside[:, None], growth, torch.nan), L

    def _lose(self, gone: Tensor) -> None:
        """Zero the directions that are gone and put them last: a frame is built from the front."""
        self.lost = self.lost | gone
        order = self.lost.to(torch.int8).argsort(dim=-1, stable=True)
        self.lost = self.lost.gather(-1, order)
        T = self.T.gather(1, order[..., None].expand_as(self.T))
        self.T = T.masked_fill(self.lost[..., None], 0.0)


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

    The interval is halved where the directions spread by more than ``limit`` within it.
    """
    growth, since = Growth(), 0
    for k in range(n_steps):
        frames.step(course.at(frames.n_done))
        since += 1
        if since < interval and k + 1 < n_steps:
            continue
        logs, _ = frames.orthonormalize()
        growth.logs.append(logs)
        growth.durations.append(since)
        since = 0
        if interval > 1 and spread(logs) > limit:
            interval //= 2
    return growth, interval


def retrace(frames: Frames, orbit: Tensor, jacobians: Iterable[Tensor]) -> Tensor:
    """The growth (step, direction) along one orbit (step + 1, unit) that is known, whose Jacobians are given in order.

    Asked for many states at once, those of a map without a closed form cost far less than one by one.
    """
    logs = []
    for x, J in zip(orbit[1:], jacobians):
        frames.moved(x[None], frames.T @ J.mT)
        logs.append(frames.orthonormalize()[0][0])
    return torch.stack(logs)


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
    if given is None and frames.T[0].numel() <= SMALL:
        given = 1
    if given is not None:
        return advance(frames, course, n_steps, given, np.inf)[1]
    quarter = n_steps // 4
    advance(frames, course, quarter, 1)
    growth, _ = advance(frames, course, quarter, 1)
    interval = choose_interval(growth.rates()) if quarter >= 4 else 1
    return advance(frames, course, n_steps - 2 * quarter, interval)[1]


def choose_interval(rates: Tensor) -> int:
    """How many steps the frame may go without being made orthonormal, from mean growth rates (start, direction).

    Neither may the directions come too close to each other, nor any of them overflow.
    """
    known = rates[torch.isfinite(rates)].abs()
    fastest = float(known.max()) if len(known) else 0.0
    limits = [SAFE_SPREAD / max(spread(rates), 1e-9), 200.0 / max(fastest, 1e-9), float(LONGEST)]
    return max(1, int(min(limits)))
