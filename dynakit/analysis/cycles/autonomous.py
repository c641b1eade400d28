"""A system under one constant drive, spoken to in NumPy: what the search for cycles asks of a map."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import chunks
from ...progress import going
from ...systems.base import System
from ..exponents import FAR, Course, Estimates, Frames, advance, estimate, retrace
from ..linearization import Pull

BETWEEN = 100  # steps between two looks at whether the call is to go on
LARGE = 64  # units beyond which a few directions are carried without Jacobians
NEARER = 64  # steps after each of which a state that is drawn to a point must be nearer
ALIGN = 8  # the first of so many parts of an orbit turns the frame into place


class Autonomous:
    """x -> F(x, u) for one u; states (state, unit) in and out."""

    pace = 1.0  # steps per unit of what exponents are counted in: steps, or of a flow time

    def __init__(self, system: System, u: Tensor) -> None:
        self.system, self.u = system, u
        self.size = system.state_size

    def step(self, x: np.ndarray) -> np.ndarray:
        """F(x)."""
        return _numpy(self.system.step(x, self.u))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """dF/dx (state, unit, unit), a few states at a time."""
        return np.concatenate([_numpy(part) for part in self._jacobians(x)])

    def _jacobians(self, x: np.ndarray) -> Iterator[Tensor]:
        some = chunks.at_once(chunks.FLOAT * self.size**2)
        return (self.system.jacobian(x[i : i + some], self.u) for i in range(0, len(x), some))

    def exponents(
        self, orbit: np.ndarray, k: int, n_aligning: int | None = None, *, smooth: bool | None = None
    ) -> Estimates:
        """The k leading Lyapunov exponents, (1, k), along an orbit (step, unit); its first steps align the frame.

        ``smooth``: on a closed curve the averages are those of a regular motion, however few turns there are.
        """
        states = torch.as_tensor(orbit).to(self.system.device, self.system.dtype)
        frames = Frames(self.system, states[:1], min(k, self.size))
        if self.size > LARGE:
            course = Course(self.u.expand(len(orbit), -1), states[:1], self.system.input_size)
            growth = _numpy(torch.stack(advance(frames, course, len(orbit) - 1, 1)[0].logs))[:, 0]
        else:
            along = itertools.chain.from_iterable(self._jacobians(orbit[:-1]))
            growth = _numpy(retrace(frames, states, along))
        growth = growth[len(orbit) // ALIGN if n_aligning is None else n_aligning :]
        return estimate(growth[:, None], np.ones(len(growth), int), smooth=smooth)

    def push(self, x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F(x) and J(x) Q for directions Q (state, unit, k)."""
        y, moved = self.system.push(x, self.u, np.array(Q))
        return _numpy(y), _numpy(moved)

    def pulled(self, point: np.ndarray, orbits: np.ndarray) -> np.ndarray:
        """Which orbits (start, step, unit) come nearer to a point (unit,) that draws them in, as far as is known."""
        pull = Pull(self.system, self.u, point)
        states = torch.as_tensor(orbits[:, ::-NEARER].copy()).to(self.u)
        sizes = pull.size(states)
        rows = (sizes[:, :-1] < sizes[:, 1:]).all(-1).cpu().numpy()
        rows[rows] = [pull.draws_from_afar(x) for x in states[rows, 0]]
        return rows

    def observe(self, x: np.ndarray) -> np.ndarray:
        """The readout of each state."""
        return _numpy(self.system.observe(x))

    def orbit(self, x: np.ndarray, n_steps: int) -> np.ndarray:
        """The states from ``x`` (unit,) or (state, unit) on, ``x`` first: (..., n_steps + 1, unit)."""
        after = self.system.trajectory(x, self.u.expand(n_steps, -1))
        return np.concatenate([x[..., None, :], _numpy(after)], axis=-2)


class Settled(NamedTuple):
    """Where starts were after a transient."""

    states: np.ndarray  # (start, unit)  the last one before it left, for those that did
    left_at: np.ndarray  # (start,)  the step at which each left every bound; -1: never


def settle(flow: Autonomous, x: np.ndarray, n_steps: int) -> Settled:
    """Follow all starts at once; each that leaves stays where it was one step before."""
    system, u = flow.system, flow.u
    here = torch.as_tensor(x).to(system.device, system.dtype)
    u = u.expand(len(here), -1)
    bound = FAR * (1 + here.abs().amax(-1).nan_to_num(0.0, 0.0, 0.0))
    bound = bound.clamp_max(torch.finfo(bound.dtype).max)[:, None]
    left = torch.where(torch.isfinite(here).all(-1), -1, 0)
    all_inside = not bool((left == 0).any())
    with torch.no_grad():
        for t in range(1, n_steps + 1):
            if t % BETWEEN == 0 and not going(None, "start"):
                break
            following = system._step(here, u)
            inside = following.abs() <= bound  # no NaN is
            if all_inside and bool(inside.all()):
                here = following
                continue
            all_inside = False
            left = torch.where(~inside.all(-1) & (left < 0), t, left)
            here = torch.where((left < 0)[:, None], following, here)
            if not bool((left < 0).any()):
                break
    return Settled(_numpy(here), left.cpu().numpy())


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()
