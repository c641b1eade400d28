"""A memory of a value: the slow line that released states lie on, what is read along it, how long values stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...analysis import MemoryCheck, SlowManifold, SlowSet, find_slow_manifold, trace_slow_manifold
from ...errors import InputError, NumericalError
from ...records import Record
from ...report import Column, Finder, Stage, Words, refused
from ...systems import Recording
from ...tasks import Hold, Holds, Trials, score_mask
from ...wording import counted, lasting, percent
from ..subject import Subject

TOLERANCE = 0.1  # of the range of the targets, within which a value is still the same
WHOLE = 0.9  # share of the range of the targets beyond which it is not said why a line ends
MOST_POINTS = 200  # of the line either way
MOST_STATES = 60  # of a slow set that is no line
SETTLED = 30  # steps after release after which states are near the line, if there is one


@dataclass(frozen=True)
class GradedMemory(Record):
    """What becomes of values that are left alone, and the slow line they lie on.

    Attributes:
        tolerance: (output,) by which a readout may differ from what is asked, a tenth of the range of the targets
        hold_steps: (state,) last reading before the readout differed by more, in steps; those watched: never
        kept: share of the states within tolerance at the end
        steps: that were watched
        where: the drive, and how values are read, in words
        manifold: the slow line or ring, or None
        values: (point, output) the readout along it
        coverage: (output,) share of the range of the targets that these values span
        absent: why there is no line
        surface: what is slow where that is no line, or None
    """

    tolerance: np.ndarray
    hold_steps: np.ndarray
    kept: float
    steps: int
    where: str
    manifold: SlowManifold | None
    values: np.ndarray
    coverage: np.ndarray
    absent: str = ""
    surface: SlowSet | None = None

    def sentences(self) -> list[str]:
        """The line, what is read along it, and how long values stay."""
        hold = np.median(self.hold_steps)
        within = ", ".join(f"{t:.2g}" for t in self.tolerance)
        watched = counted(self.steps, "step")
        stays = f"at least {lasting(round(hold))}" if hold < self.steps else f"all {watched} that were watched"
        time = [
            f"{len(self.hold_steps)} values left alone stay within {within} of what was asked, a tenth of the range, "
            f"for {stays} (median)",
            f"after {watched} {percent(self.kept)} are still within it",
            f"all of this is {self.where}",
        ]
        m = self.manifold
        if m is None:
            return [f"no slow line: {self.absent}", *self._of_surface(), *time]
        low, high = self.values.min(axis=0), self.values.max(axis=0)
        read = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(low, high))
        covered = self.coverage.min(initial=1.0)
        ends = ", and ".join(dict.fromkeys("it was followed no further" if "max" in e else e for e in m.ends))
        part = "" if covered > WHOLE or m.closed else f"; its ends: {ends}"
        beside = ""
        if 20 * m.n_beside > m.n_settled:
            beside = f"; {m.n_beside} of {m.n_settled} states left alone lie beside it"
        return [
            f"a slow {'ring' if m.closed else 'line'} of length {m.length:.3g}: along it the readout takes {read}, "
            f"{100 * covered:.0f} % of the range that is asked for{part}{beside}",
            f"its drift is at most {np.abs(m.drift).max(initial=0.0):.1e} per step, "
            f"with {counted(len(m.fixed_points), 'isolated fixed point')} on it",
            *time,
        ]


    def _of_surface(self) -> list[str]:
        """What is slow where that is no line."""
        s = self.surface
        if s is None:
            return []
        doubt = "" if s.agreed else f" (modes say {s.dimension_by_spectrum}, settled states {s.dimension_by_cloud})"
        return [
            f"what is slow is {s.shape}, of dimension {s.dimension}{doubt}: its drift is at most {s.sup_drift:.1e} per "
            f"step, with {counted(len(s.fixed_points), 'isolated fixed point')} on it"
        ]


def _read(subject: Subject, memory: MemoryCheck, holds: Holds, trajectories: Recording) -> dict[str, Any]:
    if not subject.task.graded:
        raise InputError("the targets are a few answers, not values")
    hold = next(iter(holds.by_name.values()), holds.ends)
    asked = _asked(subject.trials)
    if memory.outputs.shape[-1] != len(asked):
        raise InputError(f"the network gives {counted(memory.outputs.shape[-1], 'output')}, the task has {len(asked)}")
    spans = np.array([np.ptp(a) if len(a) else 0.0 for a in asked])
    tolerance = TOLERANCE * np.where(spans > 0, spans, np.ptp(np.concatenate(asked)))
    assert subject.trials.targets is not None
    later = 0 if hold.question is None else len(hold.question)
    wanted = subject.trials.targets.cpu().numpy()[hold.rows, hold.steps + later]
    # from what is asked, and not from what is said at release: a value lost before is not kept
    right = np.all(np.abs(memory.outputs - wanted) <= tolerance, axis=2)
    manifold, why, surface = _line(subject, trajectories, hold)
    values = np.zeros((0, len(asked)))
    if manifold is not None:
        states = subject.system.as_states("states", manifold.states)
        values = subject.asked(hold).observe(states).detach().cpu().numpy()
    within = [np.clip(v, a.min(), a.max()) for v, a in zip(values.T, asked) if len(v) and np.ptp(a) > 0]
    found = GradedMemory(
        tolerance=tolerance,
        hold_steps=_hold_steps(right, memory.times),
        kept=float(right[-1].mean()),
        steps=int(memory.times[-1]),
        where=hold.in_words(),
        manifold=manifold,
        values=values,
        coverage=np.array([np.ptp(v) / span for v, span in zip(within, spans[spans > 0])]),
        absent=why,
        surface=surface,
    )
    return {"graded": found}


def _asked(trials: Trials) -> list[np.ndarray]:
    """The values that are asked for, by output."""
    assert trials.targets is not None
    targets, mask = trials.targets.cpu().numpy(), score_mask(trials)
    counts = np.ones(targets.shape, bool) if mask is None else mask.cpu().numpy() > 0
    return [targets[..., k][counts[..., k]] for k in range(targets.shape[-1])]


def _hold_steps(right: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The last reading (state,) up to which all were right, of (time, state)."""
    lost = (~right).argmax(axis=0)
    return np.where(right.all(axis=0), times[-1], times[np.maximum(lost - 1, 0)])


def _line(
    subject: Subject, trajectories: Recording, hold: Hold
) -> tuple[SlowManifold | None, str, SlowSet | None]:
    """The slow line near what ends of trials relax to; or why there is none, and what is slow instead."""
    system, rest = subject.system, hold.drive
    ends = trajectories.states[hold.rows, hold.steps]
    with torch.no_grad():
        x = system.as_states("states", ends)
        settled = system.settle(x, system.as_drive("rest", rest), SETTLED).cpu().numpy()
    try:
        return trace_slow_manifold(system, settled, rest, max_points=MOST_POINTS, seed=subject.seed), "", None
    except NumericalError as reason:
        return None, str(reason), _surface(subject, settled, rest)


def _surface(subject: Subject, settled: np.ndarray, rest: Any) -> SlowSet | None:
    """The slow set of any dimension, or None where it cannot be told."""
    try:
        return find_slow_manifold(subject.system, settled, rest, max_states=MOST_STATES, seed=subject.seed)
    except (InputError, NumericalError):
        return None


def _kept(graded: GradedMemory) -> float:
    return float(graded.kept)


STAGE = Stage(
    name="graded",
    about="GradedMemory: of values, the slow line they lie on, its drift, and how long they stay",
    place=15,
    run=Finder(_read, needs=("memory", "holds", "trajectories")),
    loop=refused("an orbit is no value that stays"),
    columns=(
        Column("values_kept", "share of values within tolerance at the end, 0..1", _kept, needs=("graded",)),
    ),
    words=(Words("How long does a value last?", GradedMemory.sentences, needs=("graded",)),),
)
