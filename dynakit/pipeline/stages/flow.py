"""The phase portrait: trajectories, points and flow in the plane, and in the space, of the principal axes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ... import plots
from ...analysis import (
    Attractors,
    FixedPoints,
    MemoryCheck,
    Modes,
    PlaneFlow,
    Projection,
    SlowPoints,
    Transitions,
    plane_flow,
)
from ...errors import InputError
from ...report import Figure, Finder, Stage, View
from ...systems import Recording, System
from ...tasks import Task, Trials
from ..subject import Subject


def _answering(subject: Subject, projection: Projection, points: dict[str, FixedPoints]) -> dict[str, Any]:
    return {"flow": _through(subject.system, projection, points["rest"], subject.rest)}


def _generating(subject: Subject, projection: Projection, points: dict[str, FixedPoints]) -> dict[str, Any]:
    return {"flow": _through(subject.loop, projection, points["rest"], None)}


def _through(system: System, projection: Projection, points: FixedPoints, drive: np.ndarray | None) -> PlaneFlow:
    """The flow in the plane of the trajectories, through the last saddle under this drive where there is one."""
    if len(projection) < 2:
        raise InputError("the state has one dimension: there is no plane")
    through = points.saddles if len(points.saddles) else points
    centre = through[-1].states[0] if len(through) else projection.mean
    return plane_flow(system, projection, drive, through=centre)


class Portrait(NamedTuple):
    """What a phase portrait is drawn from."""

    projection: Projection
    trajectories: Recording
    points: dict[str, FixedPoints]
    flow: PlaneFlow | None
    modes: Modes | None
    slow: SlowPoints | None
    memory: MemoryCheck | None
    trials: Trials

    @property
    def labels(self) -> Any:
        """One label per trial: the memory in which it ended, or the orbit it showed."""
        return self.trials.conditions.get("orbit") if self.memory is None else self.memory.labels

    def plot(self, axes: tuple[int, ...], ax: Any = None, **kwargs: Any) -> Any:
        """Draw it along these principal axes, those of them that there are."""
        axes = axes[: len(self.projection)]
        flow = self.flow if len(axes) == 2 else None
        if flow is not None:  # the frame: where the network spends its time; points that lie outside are counted
            ax = plots.plot_flow(flow, ax=ax)
        dt = None if self.modes is None else self.modes.ms_per_step
        what = {"slow": self.slow, "conditions": self.labels, "axes": axes, "dt": dt, "ax": ax, **kwargs}
        states, rest = self.trajectories.states, self.points["rest"]
        return plots.plot_phase_portrait(self.projection, states, rest, self.modes, **what)


def _in_the_plane(*results: Any, **kwargs: Any) -> Any:
    return Portrait(*results).plot((0, 1), **kwargs)


def _in_space(*results: Any, **kwargs: Any) -> Any:
    return Portrait(*results).plot((0, 1, 2), **kwargs)


def _to_explore(
    projection: Projection,
    trajectories: Recording,
    points: dict[str, FixedPoints],
    trials: Trials,
    task: Task | None,
    modes: Modes | None,
    attractors: Attractors | None,
    transitions: Transitions | None,
    memory: MemoryCheck | None,
) -> plots.Explored:
    """What can be looked around in, with the trials told apart by what they remember and by their conditions."""
    n, outputs = len(trajectories.states), trajectories.outputs
    labels = {} if memory is None or len(memory.labels) != n else {"what they remember": memory.labels}
    labels |= {name: np.asarray(each) for name, each in trials.conditions.items() if np.shape(each) == (n,)}
    targets = None if trials.targets is None else np.asarray(trials.targets)
    return plots.Explored(
        projection,
        trajectories.states,
        points,
        {} if task is None else {name: np.asarray(drive) for name, drive in task.drives.items()},
        modes,
        attractors,
        transitions,
        np.asarray(trials.inputs),
        outputs,
        targets if targets is not None and targets.shape == outputs.shape else None,
        labels,
        None if modes is None else modes.ms_per_step,
    )


NEEDS = ("projection", "trajectories", "fixed_points")
USES = ("flow", "modes", "slow_points", "memory", "trials")


STAGE = Stage(
    name="flow",
    about="PlaneFlow in the plane of the first two principal axes, at rest",
    place=35,
    run=Finder(_answering, needs=("projection", "fixed_points")),
    loop=Finder(_generating, needs=("projection", "fixed_points")),
    figures=(
        Figure(
            "phase_portrait",
            "Trajectories, fixed points at rest and their unstable directions in the plane of the first two principal "
            "axes of the trajectories; slow points are grey crosses, the larger the slower; arrows fade where the "
            "motion leaves the plane (after Sussillo and Barak 2013; colours after Maheswaranathan et al. 2019).",
            _in_the_plane,
            "Trajectories under the orbits as inputs, and the fixed points and the flow of the closed loop, in the "
            "plane of the first two principal axes of the trajectories; arrows fade where the motion leaves the plane.",
            needs=NEEDS,
            uses=USES,
        ),
        Figure(
            "phase_portrait_3d",
            "The same in three principal axes.",
            _in_space,
            in_space=True,
            needs=NEEDS,
            uses=USES,
        ),
    ),
    views=(
        View(
            _to_explore,
            needs=("projection", "trajectories", "fixed_points", "trials"),
            uses=("task", "modes", "attractors", "transitions", "memory"),
        ),
    ),
)
