"""All attractors that cues and random states lead to, and which of them each leads to.

The end of one cue of each target is followed to what it comes to.  Then all cues and all random states are labelled
by proximity to the attractors among that; some of those that go elsewhere are followed up in turn, and labelling
begins anew with what they show.  What is left is unresolved: it is never counted for the attractor it is nearest to.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import samplers, seeding
from ...errors import InputError
from ...systems.base import System
from ..basins import (
    START,
    Basins,
    BasinSettings,
    Proximity,
    Target,
    Targets,
    as_run,
    as_targets,
    map_basins,
)
from ..cycles import CycleSettings, LimitCycles, find_limit_cycles
from ..exponents import UNBOUNDED
from .cues import Cued

ROUNDS, CUES, RANDOM = 5, 1, 8  # rounds of following up, and in each: cues of each target, random states
CLOUDS = ("chaotic", "unresolved")  # kinds without multipliers: that trajectories stay is all that is known
SAME = 2.0  # distance of two attractors that are one, in terms of how far what stands for them may be off


class Survey(NamedTuple):
    """What was found."""

    cycles: LimitCycles  # the attractors
    attractors: Targets  # the same, as labels count them
    labels: np.ndarray  # (cue,) the attractor each cue leads to; -1: none
    reasons: np.ndarray  # (cue,) why none
    short_labels: list[np.ndarray]  # of each target (length, phase), after shorter cues
    fates: dict[int, str]  # what some of the cues that lead to no attractor came to, by cue
    basins: Basins | None  # None: nothing attracts


class Effort(NamedTuple):
    """How much to look at."""

    sampler: samplers.Sampler
    n_samples: int
    n_steps: int
    confidence: float
    seed: int


def survey(system: System, cued: Cued, effort: Effort) -> Survey:
    """Find the attractors and label cues and random states."""
    ends, owner = cued.ends, cued.owner
    known, fates, basins = _Known(system), {}, None
    rng, settings = seeding.stream(effort.seed, "look"), CycleSettings(n_transient=effort.n_steps)
    unseen = samplers.draw(
        effort.sampler, RANDOM, system.state_size, rng
    )  # looked at if cues lead to nothing
    followed, random = _some(owner, np.ones(len(owner), bool), CUES), unseen[:0]
    for _ in range(ROUNDS):
        starts = np.concatenate([ends[followed], random])
        found = find_limit_cycles(system, starts, settings=settings, seed=effort.seed)
        fates |= _came_to(found, followed)
        new = known.add(found)
        labels, reasons = known.labels(ends, effort.n_steps)
        lost = (labels < 0) & ~np.isin(np.arange(len(ends)), list(fates))
        followed, random = _some(owner, lost, CUES), random[:0]
        if new:
            basins = _basins(system, known.targets, effort)
            random = _left(basins)
        if basins is None:
            random, unseen = unseen, unseen[:0]
        if not len(followed) + len(random):
            break
    width = system.state_size
    shorter = [
        known.labels(x.reshape(-1, width), effort.n_steps)[0].reshape(x.shape[:2]) for x in cued.shorter
    ]
    return Survey(known.cycles(found), known.targets, labels, reasons, shorter, fates, basins)


class _Known:
    """The attractors found so far."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.parts: list[LimitCycles] = []
        self.targets = Targets([], system.state_size, system.device)

    def add(self, found: LimitCycles) -> int:
        """Take those that are new, and say how many; objects of unknown multipliers attract what came to them."""
        more: list[Target] = []
        for item in found:
            kind, verdict = item.kinds[0], item.verdicts[0]
            arrived = verdict == "attracting" or (verdict == "undetermined" and kind != "slow")
            target = _target(self.system, item) if arrived or kind in CLOUDS else None
            if target is not None and not self.has(target):
                more.append(target)
                self.parts.append(item)
        if more:
            self.targets = Targets([*self.targets.list, *more], self.system.state_size, self.system.device)
        return len(more)

    def has(self, target: Target) -> bool:
        """Whether it is known already."""
        d = self.targets.distances(torch.from_numpy(np.array(target.states)).to(self.system.device))
        return bool((d.median(0).values <= SAME * self.targets.floors).any()) if len(self.targets) else False

    def labels(self, x: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The attractor each state goes to, and why none."""
        if not self.parts:
            return np.full(len(x), -1), np.full(len(x), "", "<U48")
        outcome = Proximity().label(as_run(self.system, None, n_steps), x, self.targets)
        return outcome.labels, outcome.reasons

    def cycles(self, like: LimitCycles) -> LimitCycles:
        """All of them, in the order of labels; ``like``: a result of the same system."""
        out = like[:0]
        for part in self.parts:
            out = joined(out, part)
        nothing = np.zeros(0, int)
        return dataclasses.replace(
            out, start_object=nothing, start_status=np.zeros(0, "<U10"), left_at=nothing
        )


def _target(system: System, item: LimitCycles) -> Target | None:
    """What stands for one object, whatever its multipliers say; None if a trajectory on it does not last."""
    taken = dataclasses.replace(item, verdicts=np.array(["attracting"]))
    try:
        return as_targets(system, taken, system.as_drive("drive", None)).list[0]
    except InputError:
        return None


def _some(owner: np.ndarray, among: np.ndarray, n: int) -> np.ndarray:
    """Up to n cues of each target, spread over its phases."""
    rows = [np.flatnonzero(among & (owner == j)) for j in range(owner.max() + 1)]
    return np.concatenate([row[np.linspace(0, len(row), n, endpoint=False).astype(int)] if len(row) else row
                           for row in rows])  # fmt: skip


def _left(basins: Basins) -> np.ndarray:
    """Where some of the random states got to that were labelled none and stay within bounds."""
    lost = (basins.labels < 0) & ~np.char.startswith(basins.reasons, UNBOUNDED) & (basins.reasons != START)
    ends = basins.end_states[lost]
    return ends[np.unique(np.linspace(0, len(ends) - 1, RANDOM).astype(int))] if len(ends) else ends


def _came_to(found: LimitCycles, cues: np.ndarray) -> dict[int, str]:
    """What became of cues, in words."""
    fates = {}
    for cue, k, status, left in zip(cues.tolist(), found.start_object, found.start_status, found.left_at):
        if k >= 0:
            fates[cue] = f"{found.kinds[k]}, {found.verdicts[k]}"
        else:
            fates[cue] = f"{status} at step {left}" if status == UNBOUNDED else str(status)
    return fates


def _basins(system: System, attractors: Targets, effort: Effort) -> Basins:
    return map_basins(
        system,
        attractors,
        effort.sampler,
        n_samples=effort.n_samples,
        seed=effort.seed,
        settings=BasinSettings(effort.n_steps, confidence=effort.confidence),
    )


def joined(a: LimitCycles, b: LimitCycles) -> LimitCycles:
    """The objects of two searches, those of ``b`` after those of ``a``; what is said of starts is that of ``a``."""
    fields: dict[str, Any] = {}
    for f in dataclasses.fields(a):
        if f.metadata.get("per_item"):
            fields[f.name] = _stacked(getattr(a, f.name), getattr(b, f.name))
    return dataclasses.replace(a, **fields)


def _stacked(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rows of both, NaN behind the shorter ones."""
    width = np.maximum(a.shape[1:], b.shape[1:]).astype(int)
    out = []
    for rows in (a, b):
        pad = [(0, 0), *((0, int(w) - n) for w, n in zip(width, rows.shape[1:]))]
        out.append(np.pad(rows, pad, constant_values=np.nan) if width.size else rows)
    return np.concatenate(out)
