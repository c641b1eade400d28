"""The figures of a report: what each needs, how it is drawn, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import plots

if TYPE_CHECKING:
    from .report import Report


def _always(report: Report) -> bool:
    return True


def _any_cycle(report: Report) -> bool:
    """Whether anything that was found moves: fixed points have figures of their own."""
    assert report.cycles is not None
    return bool(np.isin(report.cycles.kinds, ("periodic", "invariant circle")).any())


def _plane(report: Report) -> Any:
    """The plane of the trajectories; None where there is none, and outputs are drawn."""
    projection = report.projection
    return None if projection is None or len(projection) < 2 else projection


class Figure(NamedTuple):
    """The fields of the report that must be there, and what draws the figure on given axes."""

    needs: tuple[str, ...]
    draw: Callable[[Report, Any, dict[str, Any]], Any]
    shows_something: Callable[[Report], bool] = _always


def labels_of_trials(report: Report) -> Any:
    """One label per trial: the memory in which it ended, or the orbit it showed."""
    if report.closed_loop:
        return report.trials.conditions.get("orbit")
    return None if report.memory is None else report.memory.labels


def _portrait(report: Report, ax: Any, kwargs: dict[str, Any], axes: tuple[int, ...]) -> Any:
    assert report.projection is not None
    assert report.trajectories is not None
    axes = axes[: len(report.projection)]
    flow = report.flow if len(axes) == 2 else None
    if flow is not None:
        ax = plots.plot_flow(flow, ax=ax)
    ax = plots.plot_phase_portrait(
        report.projection,
        report.trajectories.states,
        report.fixed_points.get("rest"),
        report.modes,
        slow=report.slow_points,
        conditions=labels_of_trials(report),
        axes=axes,
        ax=ax,
        **kwargs,
    )
    if flow is not None:  # drawn where the network spends its time; excursions may leave the frame
        ax.set_xlim(flow.grid_x[0], flow.grid_x[-1])
        ax.set_ylim(flow.grid_y[0], flow.grid_y[-1])
    return ax


def _answers(report: Report) -> Any:
    """The network's outputs, where they are answers to the task and not only the state it hands on."""
    assert report.trajectories is not None
    outputs, targets = report.trajectories.outputs, report.trials.targets
    return outputs if targets is None or targets.shape == outputs.shape else None


FIGURES: dict[str, Figure] = {
    "multifunctionality": Figure(
        ("multifunctionality",),
        lambda r, ax, k: plots.plot_multifunctionality(
            r.multifunctionality, None if r.task is None else r.task.orbits, ax=ax, **k
        ),
    ),
    "cycles": Figure(
        ("cycles",),
        lambda r, ax, k: plots.plot_cycles(r.cycles, _plane(r), ax=ax, **k),
        shows_something=_any_cycle,
    ),
    "multipliers": Figure(
        ("cycles",), lambda r, ax, k: plots.plot_multipliers(r.cycles, ax=ax, **k), shows_something=_any_cycle
    ),
    "phase_portrait": Figure(
        ("trajectories", "projection", "fixed_points"),
        lambda r, ax, k: _portrait(r, ax, k, (0, 1)),
    ),
    "phase_portrait_3d": Figure(
        ("trajectories", "projection", "fixed_points"),
        lambda r, ax, k: _portrait(r, ax, k, (0, 1, 2)),
    ),
    "memory": Figure(("memory",), lambda r, ax, k: plots.plot_memory(r.memory, ax=ax, **k)),
    "memory_traces": Figure(
        ("memory",), lambda r, ax, k: plots.plot_memory(r.memory, what="outputs", ax=ax, **k)
    ),
    "transitions": Figure(
        ("transitions", "attractors"),
        lambda r, ax, k: plots.plot_transitions(
            r.transitions, labels=list(r.attractors.memories), ax=ax, **k
        ),
    ),
    "spectrum": Figure(("modes",), lambda r, ax, k: plots.plot_spectrum(r.modes, ax=ax, **k)),
    "exponents": Figure(("lyapunov",), lambda r, ax, k: plots.plot_exponents(r.lyapunov, ax=ax, **k)),
    "trials": Figure(
        ("trials", "trajectories"),
        lambda r, ax, k: plots.plot_trials(r.trials, _answers(r), ax=ax, **k),
    ),
    "activity": Figure(("trajectories",), lambda r, ax, k: plots.plot_activity(r.trajectories, ax=ax, **k)),
    "raster": Figure(("spikes",), lambda r, ax, k: plots.plot_raster(r.spikes, ax=ax, **k)),
    "connectivity": Figure(
        ("connectivity",), lambda r, ax, k: plots.plot_connectivity(r.connectivity, ax=ax, **k)
    ),
    "connectivity_spectrum": Figure(
        ("connectivity",),
        lambda r, ax, k: plots.plot_spectrum(r.connectivity, ax=ax, **k),
    ),
    "training": Figure(("history",), lambda r, ax, k: plots.plot_training(r.history, ax=ax, **k)),
}

CAPTIONS = {
    "multifunctionality": "The outputs on each attractor of the closed loop (lines) over the orbits that were to be "
    "held (bands); an arrow gives the sense of time, grey is what nobody trained.",
    "cycles": "The cycles that were found, in the plane of the first two principal axes; an arrow gives the sense of "
    "time.",
    "multipliers": "What is left of a small deviation after one period, or one step across an invariant circle: the "
    "motion attracts inside the unit circle. An open mark is the multiplier along the object.",
    "exponents": "Leading Lyapunov exponents with two standard errors; negative: neighbours approach.",
    "phase_portrait": "Trajectories, fixed points at rest and their unstable directions in the plane of the first two "
    "principal axes of the trajectories; slow points are grey crosses, the larger the slower; "
    "arrows fade where the motion leaves the plane "
    "(after Sussillo and Barak 2013; colours after Maheswaranathan et al. 2019).",
    "phase_portrait_3d": "The same in three principal axes.",
    "memory": "States at the end of trials, left alone under the resting input: "
    "the share whose readout still says the same.",
    "memory_traces": "The readout of the same states, coloured by what it said at release.",
    "transitions": "From each attractor, each pulse applied once: where the network comes to rest.",
    "spectrum": "Eigenvalues of the Jacobian at each fixed point at rest; a map is stable inside the unit circle.",
    "trials": "Sample trials: inputs, targets (dotted where they do not count) and the network's outputs.",
    "activity": "Every unit over one trial.",
    "raster": "The spikes of every neuron in one trial.",
    "connectivity": "The recurrent matrix, excitatory units first where units have signs.",
    "connectivity_spectrum": "Eigenvalues of the recurrent matrix.",
    "training": "Loss and score on each update's fresh batch.",
}
LOOP_CAPTIONS = {
    "phase_portrait": "Trajectories under the orbits as inputs, and the fixed points and the flow of the closed loop, "
    "in the plane of the first two principal axes of the trajectories; arrows fade where the motion leaves the plane.",
    "spectrum": "Eigenvalues of the Jacobian of the closed loop at each of its fixed points; a map is stable inside "
    "the unit circle.",
    "trials": "Sample trials: the next point of the orbit is predicted from the true last one (targets dotted where "
    "they do not count).",
}


def caption(report: Report, name: str) -> str:
    """What a figure of this report shows, in a sentence or two."""
    return LOOP_CAPTIONS.get(name, CAPTIONS[name]) if report.closed_loop else CAPTIONS[name]
