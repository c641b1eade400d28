"""Labels by staying near a known attractor.

A state is near an attractor if it is closer than a twentieth of the way to the next one, and a quarter of its own size
(``_targets``).  Touching is not enough: a trajectory may pass.  It has arrived once it has stayed for two spans, each a
revolution of the slowest attractor or more, and the largest distance within a span has halved; where it no longer
shrinks (the attractor is known to few digits, or its shape is), once it has stayed ten spans without growing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ... import chunks
from ...errors import InputError
from ...progress import going, interruptible, passed
from ..exponents import UNBOUNDED
from .labelling import PATIENCE, REST, UNRESOLVED, Flight, Outcome, Rollout
from .targets import Targets

CHECKS = 8  # in a span
LONG = 10  # spans after which staying alone is enough


@dataclass(frozen=True)
class Proximity:
    """Label by the attractor that a trajectory stays near.

    ``reach``: Euclidean distance that counts as near, the same for all attractors; None: from their separation and
    size.
    """

    reach: float | None = None

    def label(self, run: Rollout, x: np.ndarray, targets: Targets | None) -> Outcome:
        """See :class:`Labelling`."""
        if targets is None:
            raise InputError("attractors must be given for Proximity; pass labelling=None to find them")
        reaches = targets.reaches if self.reach is None else torch.full_like(targets.reaches, self.reach)
        each = chunks.FLOAT * (16 * run.system.state_size + 2 * len(targets.states))
        parts = ((part, _labelled(run, x[part], targets, reaches)) for part in chunks.parts(len(x), each))
        return Outcome(**chunks.gathered(len(x), parts))


@dataclass
class _Stays:
    """For each trajectory followed, the stay it is in: near which attractor, and how near in each span."""

    which: Tensor  # -1: near none
    since: Tensor  # step
    checks: Tensor
    peak: Tensor  # largest distance in this span
    first: Tensor  # largest distance in the first span

    @classmethod
    def none(cls, flight: Flight) -> _Stays:
        zero = torch.zeros_like(flight.x[:, 0])
        whole = torch.zeros_like(flight.index)
        return cls(whole - 1, whole, whole, zero, zero)

    def __getitem__(self, rows: Tensor) -> _Stays:
        return replace(self, **{name: value[rows] for name, value in vars(self).items()})

    def update(self, d: Tensor, reaches: Tensor, t: int) -> None:
        """One more check, of distances (trajectory, attractor)."""
        k = (d / reaches).argmin(1)
        near = d.gather(1, k[:, None])[:, 0]
        k = torch.where(near <= reaches[k], k, -1)
        goes_on = (k == self.which) & (k >= 0)
        fresh = goes_on & (self.checks % CHECKS == 0)
        self.since = torch.where(goes_on, self.since, t)
        self.peak = torch.where(goes_on & ~fresh, torch.maximum(self.peak, near), near)
        self.checks = torch.where(goes_on, self.checks + 1, 1)
        self.which = k
        self.first = torch.where(self.checks <= CHECKS, self.peak, self.first)

    def arrived(self, floors: Tensor) -> Tensor:
        """At the end of a span: which have arrived."""
        spans = self.checks // CHECKS
        ended = (self.which >= 0) & (self.checks % CHECKS == 0) & (spans >= 2)
        close = (self.peak <= floors[self.which]) | (self.peak <= self.first / 2)
        stays = (spans >= LONG) & (self.peak <= self.first * (1 + 1e-6))
        return ended & (close | stays)


def _labelled(run: Rollout, x: np.ndarray, targets: Targets, reaches: Tensor) -> dict[str, np.ndarray]:
    """The fields of an :class:`Outcome`."""
    flight = run.flight(x)
    labels, steps, why = np.full(len(x), -1), np.full(len(x), -1), np.full(len(x), "", dtype="<U48")
    stays = _Stays.none(flight)
    every = -(-targets.stay // CHECKS)
    asked = False
    with interruptible("sample"):
        while len(flight) and flight.t < PATIENCE * run.n_steps and going(len(x) - len(flight), "sample"):
            stays.update(targets.distances(flight.x), reaches, flight.t)
            done = stays.arrived(targets.floors)
            if bool(done.any()):
                rows = flight.index[done].cpu().numpy()
                labels[rows], steps[rows] = stays.which[done].cpu().numpy(), stays.since[done].cpu().numpy()
                flight.stop(done)
                stays = stays[~done]
            if not asked and flight.t >= run.n_steps and len(flight):
                asked, rests = True, ~flight.moving() & (stays.which < 0)
                why[flight.index[rests].cpu().numpy()] = REST
                flight.stop(rests)
                stays = stays[~rests]
            stays = _advance(flight, stays, every)
    passed(len(x), "sample")
    why[flight.index.cpu().numpy()] = f"{UNRESOLVED} ({run.lasting(flight.t)})"
    lost = flight.reasons()
    return {"labels": labels, "steps": steps, "reasons": np.where(lost != "", lost, why), "ends": flight.ends}


def _advance(flight: Flight, stays: _Stays, n_steps: int) -> _Stays:
    """Go on, and forget the stays of those that leave."""
    before = flight.index
    flight.advance(n_steps)
    if len(before) == len(flight):
        return stays
    return stays[torch.isin(before, flight.index)]


OFF = -2  # the label of a state that grows without bound, where that is a fate like others


def fates(run: Rollout, x: np.ndarray, targets: Targets) -> np.ndarray:
    """For each state: its attractor, ``OFF`` if it grows without bound, -1 if neither is known."""
    outcome = Proximity().label(run, x, targets)
    return np.where(np.char.startswith(outcome.reasons, UNBOUNDED), OFF, outcome.labels)
