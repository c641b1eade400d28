"""What the network does near each fixed point at rest: its linear modes, and how slow they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import plots
from ...analysis import FixedPoints, Modes, linearize
from ...report import Column, Figure, Finder, Number, Stage, Words
from ...wording import counted, three
from ..subject import Subject


def _answering(subject: Subject, points: dict[str, FixedPoints]) -> dict[str, Any]:
    return {"modes": linearize(subject.system, points["rest"])}


def _generating(subject: Subject, points: dict[str, FixedPoints]) -> dict[str, Any]:
    return {"modes": linearize(subject.loop, points["rest"])}


def _of_the_step_only(modes: Modes) -> list[str]:
    """Where the step of a leaky network is unstable although the flow it stands for is stable."""
    flow = modes.flow_verdicts
    n = 0 if flow is None else int(((modes.verdicts == "unstable") & (flow == "stable")).sum())
    return [f"{counted(n, 'point')} unstable for the network's time step only: its flow is stable there"] if n else []


def _slowest(modes: Modes) -> str:
    """The longest time constant at a stable point."""
    times = modes.time_constants[modes.verdicts == "stable"]
    if not times.size or not np.isfinite(times[:, 0]).any():
        return ""
    slowest = float(times[:, 0][np.isfinite(times[:, 0])].max())
    unit = modes.time_unit if modes.dynamics == "flow" else "steps"
    in_ms = modes.dynamics == "map" and modes.dt is not None
    return f"{three(slowest)} {unit}" + (f" ({three(slowest * modes.dt)} ms)" if in_ms and modes.dt else "")


def _slowest_steps(modes: Modes) -> float:
    times = modes.time_constants[modes.verdicts == "stable"]
    return float(times[:, 0].max()) if times.size else np.nan


STAGE = Stage(
    name="modes",
    about="Modes at the fixed points at rest",
    place=60,
    run=Finder(_answering, needs=("fixed_points",)),
    loop=Finder(_generating, needs=("fixed_points",)),
    numbers=(
        Number(
            50,
            "slowest decay to a stable point",
            "The longest time constant of the network linearised at its stable fixed points: after so long a small "
            "disturbance has fallen to 37 %.",
            _slowest,
            needs=("modes",),
        ),
    ),
    columns=(
        Column("slowest", "longest time constant at a stable point, steps", _slowest_steps, needs=("modes",)),
    ),
    words=(
        Words("What lies between", _of_the_step_only, needs=("modes",)),
        Words("What is slow", Modes.sentences, needs=("modes",)),
    ),
    figures=(
        Figure(
            "spectrum",
            "Eigenvalues of the Jacobian at each fixed point at rest; a map is stable inside the unit circle, a flow "
            "left of the imaginary axis.",
            plots.plot_spectrum,
            "Eigenvalues of the Jacobian of the closed loop at each of its fixed points; a map is stable inside the "
            "unit circle, a flow left of the imaginary axis.",
            needs=("modes",),
        ),
    ),
)
