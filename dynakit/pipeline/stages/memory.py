"""What lasts when the network is left alone at the end of its trials."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import plots
from ...analysis import MemoryCheck, check_memory
from ...report import Figure, Finder, Stage, refused
from ...systems import Recording
from ...tasks import Trials, score_mask
from ..subject import Subject


def _release(subject: Subject, trajectories: Recording) -> dict[str, Any]:
    subject.refuse_lines()
    subject.refuse_unshown_rest()
    states = trajectories.states
    released = states[np.arange(len(states)), release_steps(subject.trials)]
    return {"memory": check_memory(subject.system, released, subject.rest, subject.decode)}


def release_steps(trials: Trials) -> np.ndarray:
    """The last step of each trial at which every output counts: there the readout says what is remembered."""
    mask = score_mask(trials)
    if mask is None:
        return np.full(len(trials), trials.n_steps - 1)
    counts = (mask > 0).all(dim=2).cpu().numpy()
    last = trials.n_steps - 1 - counts[:, ::-1].argmax(axis=1)
    return np.where(counts.any(axis=1), last, trials.n_steps - 1)


def _headline(memory: MemoryCheck) -> str:
    return f"{100 * memory.kept_at_end:.0f} % kept for {memory.times[-1]} steps"


def _plot_traces(memory: MemoryCheck, **kwargs: Any) -> Any:
    return plots.plot_memory(memory, what="outputs", **kwargs)


STAGE = Stage(
    name="memory",
    about="MemoryCheck of the states at the end of trials, left alone at rest",
    place=40,
    run=Finder(_release, needs=("trajectories",)),
    loop=refused("a network that generates orbits keeps them by moving, not by a readout that stays"),
    headline=_headline,
    figures=(
        Figure(
            "memory",
            "States at the end of trials, left alone under the resting input: the share whose readout still says the "
            "same.",
            plots.plot_memory,
            needs=("memory",),
        ),
        Figure(
            "memory_traces",
            "The readout of the same states, coloured by what it said at release.",
            _plot_traces,
            needs=("memory",),
        ),
    ),
)
