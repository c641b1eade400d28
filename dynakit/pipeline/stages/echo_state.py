"""Does the network forget how it began?  How many responses to the task's own inputs there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis import EchoState, check_echo_state
from ...report import Column, Finder, Stage, Table, Words, refused
from ..subject import Subject

N_STEPS = 1200  # of the trials joined end to end, as for the exponents


def _answering(subject: Subject) -> dict[str, Any]:
    """From states everywhere, under the trials joined end to end."""
    subject.refuse_lines()
    system = subject.system
    inputs = subject.trials.joined[:N_STEPS]
    return {"echo_state": check_echo_state(system, inputs, seed=subject.seed)}


def _words(echo_state: EchoState) -> list[str]:
    return [f"under {echo_state.horizon} steps of the task's own inputs: {echo_state.headline()}"]


def _table(echo_state: EchoState) -> dict[str, dict[str, np.ndarray]]:
    columns = {
        "share of starts": echo_state.shares,
        "from": echo_state.share_intervals[:, 0],
        "to": echo_state.share_intervals[:, 1],
    }
    return {f"Where states end under the same inputs: {echo_state.verdict}": columns}


def _responses(echo_state: EchoState) -> int:
    return echo_state.n_responses


STAGE = Stage(
    name="echo_state",
    about="EchoState: how many responses the trials' inputs have, from states everywhere",
    place=92,
    run=Finder(_answering),
    loop=refused("a closed loop has no inputs to respond to"),
    columns=(
        Column("responses", "responses to the task's inputs that were found", _responses, needs=("echo_state",)),
    ),
    words=(Words("Does it forget how it began?", _words, needs=("echo_state",)),),
    tables=(Table(_table, needs=("echo_state",)),),
)
