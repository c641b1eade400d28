"""What a way to label trajectories must provide, and what it may use.

A labelling is a frozen dataclass of settings with one method, ``label(run, x, targets)``: for states x (sample,
unit) it returns an :class:`Outcome`, the attractor of each sample.  It may use :meth:`Rollout.flight` to follow
trajectories (those that leave every bound are let go with their step) and :meth:`Rollout.chunks` to stay within the
memory budget.  What it says of a sample must not depend on the samples beside it, nor on the chunk it is in, except
where attractors are found from the samples themselves.  ``targets`` are the known attractors, or None: then it finds
them. :class:`Proximity`, :class:`Recurrence` and :class:`Features` are the three there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ... import chunks
from ...progress import going, interruptible
from ...systems.base import System
from ...wording import lasting
from ..exponents import FAR, UNBOUNDED
from .targets import Target, Targets

PATIENCE = 10  # those still under way after n_steps get so many times as many
START = "start not finite"
INTERRUPTED = "unresolved (interrupted)"
BETWEEN = 50  # steps between two looks at whether the call is to go on
REST, UNRESOLVED, ELSEWHERE = "at rest at none of them", "unresolved", "at another attractor"


@dataclass(frozen=True)
class Outcome:
    """What became of samples; one entry each."""

    labels: np.ndarray  # (sample,)  index of the attractor; -1: none
    steps: np.ndarray  # (sample,)  at which it came near for good; -1: it did not, or is not known
    reasons: np.ndarray  # (sample,)  why none; empty where there is one
    ends: np.ndarray  # (sample, unit)  the last state that was followed
    found: list[Target] = field(default_factory=list)  # the attractors, where they were not given


class Labelling(Protocol):
    """The interface."""

    def label(self, run: Rollout, x: np.ndarray, targets: Targets | None) -> Outcome:
        """The attractor of each of the states x (sample, unit)."""
        ...


@dataclass(frozen=True)
class Rollout:
    """A map under a constant drive, and how long to follow it."""

    system: System
    u: Tensor  # (input,)
    n_steps: int

    @property
    def clock(self) -> dict[str, Any]:
        """What results say of their steps: whose they are, and of a flow how long."""
        if self.system.flow() is None:
            return {"dynamics": "map", "dt": self.system.dt, "time_unit": "steps"}
        return {"dynamics": "flow", "dt": self.system.dt, "time_unit": self.system.time_unit}

    def lasting(self, n_steps: int) -> str:
        """So many steps in words, of a flow the time they take."""
        return lasting(n_steps, None if self.system.flow() is None else self.system.dt, self.system.time_unit)

    def at(self, step: int) -> str:
        """Which step it is, of a flow what time."""
        return f"step {step}" if self.system.flow() is None else f"after {self.lasting(step)}"

    def flight(self, x: np.ndarray) -> Flight:
        """Trajectories from the states x (sample, unit)."""
        return Flight(self, x)

    def chunks(self, n: int, floats: int) -> Iterator[np.ndarray]:
        """Indices of n samples, as many at a time as fit when each takes so many numbers."""
        return (np.arange(n)[part] for part in chunks.parts(n, chunks.FLOAT * floats))


class Flight:
    """Trajectories under way: each that leaves every bound stops where it was one step before."""

    def __init__(self, run: Rollout, x: np.ndarray) -> None:
        start = torch.from_numpy(np.array(x)).to(run.system.device, run.system.dtype)
        self._run, self._system, self._u = run, run.system, run.u
        self.t = 0
        self.left_at = np.full(len(x), -1)  # (sample,)  the step at which it left; 0: it never was finite
        self._stopped = start.clone()
        self.index = torch.arange(len(x), device=start.device)  # of those still followed
        self.x, self._bound = start, FAR * (1 + start.abs().amax(-1))
        self._leave(torch.isfinite(start).all(-1))

    def __len__(self) -> int:
        return len(self.index)

    def advance(self, n_steps: int) -> None:
        """So many steps further."""
        for _ in range(n_steps):
            if not len(self):
                self.t += 1
                continue
            following = self._system._step(self.x, self._u.expand(len(self.x), -1))
            self.t += 1
            inside = (following.abs() <= self._bound[:, None]).all(-1)  # False for NaN
            if bool(inside.all()):
                self.x = following
                continue
            self._leave(inside, following)

    def go(self, n_steps: int) -> None:
        """So many steps further, unless the call is to end."""
        end = self.t + n_steps
        with interruptible("sample"):
            while self.t < end and going(0, "sample"):
                self.advance(min(BETWEEN, end - self.t))

    def stop(self, which: Tensor) -> None:
        """Follow these (a mask of those still followed) no longer."""
        self._stopped[self.index[which]] = self.x[which]
        self._keep(~which)

    @property
    def ends(self) -> np.ndarray:
        """The last state of every sample."""
        ends = self._stopped.clone()
        ends[self.index] = self.x
        return ends.cpu().numpy()

    def moving(self) -> Tensor:
        """Which of those still followed do not stand still."""
        step = (self._system.step(self.x, self._u) - self.x).abs().amax(-1)
        return step > 1e-13 * (1 + self.x.abs().amax(-1))

    def reasons(self) -> np.ndarray:
        """Why samples were lost; empty for those that were not."""
        texts = [
            "" if at < 0 else START if at == 0 else f"{UNBOUNDED} ({self._run.at(at)})"
            for at in self.left_at.tolist()
        ]
        return np.array(texts, dtype="<U48")

    def _leave(self, inside: Tensor, following: Tensor | None = None) -> None:
        gone = self.index[~inside]
        self.left_at[gone.cpu().numpy()] = self.t
        self._stopped[gone] = self.x[~inside]
        if following is not None:
            self.x = following
        self._keep(inside)

    def _keep(self, which: Tensor) -> None:
        self.x, self.index, self._bound = self.x[which], self.index[which], self._bound[which]
