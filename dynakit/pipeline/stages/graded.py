"""A memory of a value: the slow line that released states lie on, what is read along it, how long values stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...analysis import MemoryCheck, SlowManifold, trace_slow_manifold
from ...errors import InputError, NumericalError
from ...records import Record
from ...report import Finder, Stage, Words, refused
from ...systems import Recording
from ...wording import counted
from ..subject import Subject
from .memory import release_steps

TOLERANCE = 0.1  # of the range of the targets, within which a value is still the same
SETTLED = 30  # steps after release after which states are near the line, if there is one


@dataclass(frozen=True)
class GradedMemory(Record):
    """What becomes of values that are left alone, and the slow line they lie on.

    Attributes:
        tolerance: (output,) by which a readout may differ from what is asked, a tenth of the range of the targets
        hold_steps: (state,) last reading before the readout differed by more, in steps; those watched: never
        kept: share of the states within tolerance at the end
        steps: that were watched
        manifold: the slow line or ring, or None
        values: (point, output) the readout along it
        coverage: (output,) share of the range of the targets that these values span
        absent: why there is no line
    """

    tolerance: np.ndarray
    hold_steps: np.ndarray
    kept: float
    steps: int
    manifold: SlowManifold | None
    values: np.ndarray
    coverage: np.ndarray
    absent: str = ""

    def sentences(self) -> list[str]:
        """The line, what is read along it, and how long values stay."""
        hold = np.median(self.hold_steps)
        within = ", ".join(f"{t:.2g}" for t in self.tolerance)
        stays = f"{hold:.0f} steps" if hold < self.steps else f"all {self.steps} steps that were watched"
        time = [
            f"{len(self.hold_steps)} values left alone stay within {within} of what was asked, a tenth of the range, "
            f"for {stays} (median)",
            f"after {self.steps} steps {100 * self.kept:.0f} % are still within it",
        ]
        m = self.manifold
        if m is None:
            return [f"no slow line: {self.absent}", *time]
        low, high = self.values.min(axis=0), self.values.max(axis=0)
        read = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(low, high))
        shape = "ring" if m.closed else "line"
        return [
            f"a slow {shape} of length {m.length:.3g}: along it the readout takes {read}, "
            f"{100 * self.coverage.min():.0f} % of the range that is asked for",
            f"its drift is at most {np.abs(m.drift).max(initial=0.0):.1e} per step, "
            f"with {counted(len(m.fixed_points), 'isolated fixed point')} on it",
            *time,
        ]


def _read(subject: Subject, memory: MemoryCheck, trajectories: Recording) -> dict[str, Any]:
    task: Any = subject.task
    if not task.graded:
        raise InputError("the targets are a few answers, not values")
    targets, system = task.trials.targets.cpu().numpy(), subject.system
    counts = np.ones(targets.shape, bool) if task.trials.mask is None else task.trials.mask.cpu().numpy() > 0
    asked = [targets[..., k][counts[..., k]] for k in range(targets.shape[-1])]
    spans = np.array([np.ptp(a) if len(a) else 0.0 for a in asked])
    if memory.outputs.shape[-1] != len(spans):
        raise InputError(f"the network gives {memory.outputs.shape[-1]} outputs, the task has {len(spans)}")
    wanted = targets[np.arange(len(targets)), release_steps(task.trials)]
    moved = np.abs(memory.outputs - wanted)  # from what is asked: a value lost before release is not kept
    away = ~(moved <= TOLERANCE * np.where(spans > 0, spans, task.reading.spread)).all(axis=2)
    steps = int(memory.times[-1])
    last_right = memory.times[np.maximum(away.argmax(axis=0) - 1, 0)]
    hold = np.where(away.any(axis=0), last_right, steps)
    manifold, why = _line(subject, trajectories)
    values = np.zeros((0, len(spans)))
    if manifold is not None:
        with torch.no_grad():
            values = system.observe(system.as_states("states", manifold.states)).cpu().numpy()
    within = [np.clip(v, a.min(), a.max()) for v, a in zip(values.T, asked) if len(v) and len(a)]
    covered = [np.ptp(v) / s for v, s in zip(within, spans) if s > 0]
    found = GradedMemory(
        tolerance=TOLERANCE * spans,
        hold_steps=hold,
        kept=float(1 - away[-1].mean()),
        steps=steps,
        manifold=manifold,
        values=values,
        coverage=np.array(covered),
        absent=why,
    )
    return {"graded": found}


def _line(subject: Subject, trajectories: Recording) -> tuple[SlowManifold | None, str]:
    """The slow line near what ends of trials relax to, or why there is none."""
    system, rest = subject.system, subject.rest
    ends = trajectories.states[:, -1]
    with torch.no_grad():
        x = system.as_states("states", ends)
        settled = system.settle(x, system.as_drive("rest", rest), SETTLED).cpu().numpy()
    try:
        return trace_slow_manifold(system, settled, rest, seed=subject.seed), ""
    except NumericalError as reason:
        return None, str(reason)


STAGE = Stage(
    name="graded",
    about="GradedMemory: of values, the slow line they lie on, its drift, and how long they stay",
    place=15,
    run=Finder(_read, needs=("memory", "trajectories")),
    loop=refused("an orbit is no value that stays"),
    words=(Words("How long does a value last?", GradedMemory.sentences, needs=("graded",)),),
)
