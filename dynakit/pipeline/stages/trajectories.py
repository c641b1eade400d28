"""The network on trials of its task: what it does, and how well."""

from __future__ import annotations

from typing import Any

from ... import plots
from ...analysis import Modes
from ...errors import InputError
from ...report import Column, Figure, Finder, Number, Stage
from ...systems import Recording, record
from ...tasks import Baseline, Trials, baseline
from ...wording import counted
from ..subject import Subject


def _record(subject: Subject) -> dict[str, Any]:
    trajectories = record(subject.system, subject.trials.inputs, lengths=subject.trials.lengths)
    asked, given = subject.task.n_outputs, subject.system.output_size
    if asked is None:
        return {"trajectories": trajectories, "score": InputError("the trials have no targets")}
    if asked != given:
        reason = InputError(
            f"the network gives {counted(given, 'output')}, the task has {asked}; memories are told apart by the signs "
            "of what it gives. Its readout is handed over by dk.as_system(model, readout=...)"
        )
        return {"trajectories": trajectories, "score": reason}
    score = subject.task.score(trajectories.outputs, subject.trials)
    beside = baseline(subject.task, trajectories.outputs, subject.trials)
    return {"trajectories": trajectories, "score": score, "baseline": beside}


def _plot_trials(trials: Trials, trajectories: Recording, modes: Modes | None, **kwargs: Any) -> Any:
    """The outputs are drawn where they are answers to the task, and not only the state that is handed on."""
    outputs, targets = trajectories.outputs, trials.targets
    answers = outputs if targets is None or targets.shape == outputs.shape else None
    return plots.plot_trials(trials, answers, **{"dt": None if modes is None else modes.ms_per_step, **kwargs})


def _plot_activity(trajectories: Recording, modes: Modes | None, **kwargs: Any) -> Any:
    return plots.plot_activity(trajectories, **{"dt": None if modes is None else modes.ms_per_step, **kwargs})


def _score(score: float) -> str:
    return f"{score:.4f}"


def _of_score(score: float) -> float:
    return float(score)


def _blind(beside: Baseline) -> float:
    return float(beside.constant)


STAGE = Stage(
    name="trajectories",
    about="Recording of outputs and states on the trials; beside it the score, 0..1, and its baseline, scored blindly",
    place=100,
    run=Finder(_record),
    beside=("score", "baseline"),
    numbers=(
        Number(
            10,
            "score",
            "How much of what the task asks for is right on fresh trials with the noise off, from 0 to 1.",
            _score,
            needs=("score",),
        ),
    ),
    columns=(
        Column("score", "share of the answers that are right, 0..1", _of_score, needs=("score",)),
        Column("blind_score", "of the best constant answer", _blind, needs=("baseline",)),
    ),
    figures=(
        Figure(
            "trials",
            "Sample trials: inputs, targets (dotted where they do not count) and the network's outputs.",
            _plot_trials,
            "Sample trials: the next point of the orbit is predicted from the true last one (targets dotted where "
            "they do not count).",
            needs=("trials", "trajectories"),
            uses=("modes",),
        ),
        Figure("activity", "Every unit over one trial.", _plot_activity, needs=("trajectories",), uses=("modes",)),
    ),
)
