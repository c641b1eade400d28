"""The 3-bit networks that several parts of the study look at: each is trained once, and kept beside the study's output.

A network is kept under the hash of the code that makes it, so a kept one is what training would give.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import parts

import dynakit as dk

KINDS: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "Elman 16": (dk.models.Elman, 16, {}),
    "GRU 16": (dk.models.GRU, 16, {}),
    "LSTM 16": (dk.models.LSTM, 16, {}),
    "Elman 100": (dk.models.Elman, 100, {}),
    "GRU 100": (dk.models.GRU, 100, {}),
    "LSTM 100": (dk.models.LSTM, 100, {}),
    "leaky 100": (dk.models.LeakyRNN, 100, {"autapses": False, "sigma_rec": 0.05}),
    "Dale 100": (dk.models.LeakyRNN, 100, {"autapses": False, "sigma_rec": 0.05, "dale": "abs"}),
}
REPULSED = "every channel pulsed every 20 steps"
RANDOM = "random pulses"
TASKS = {
    RANDOM: dk.tasks.FlipFlop(),
    REPULSED: dk.tasks.FlipFlop(n_steps=103, pulse_width=3, repulse_every=20),
}


class Trained(NamedTuple):
    """A network, what it was trained on, and how that went."""

    task: Any
    model: Any
    history: Any


def trained(kind: str, seed: int, n_updates: int, *, protocol: str = RANDOM) -> Trained:
    """The network of one kind and seed: read if it was trained before, else trained."""
    task = TASKS[protocol]
    cls, n_hidden, options = KINDS[kind]
    model = cls.for_task(task, n_hidden=n_hidden, seed=seed, **options)
    home = parts.home(trained, kind, seed, n_updates, protocol=protocol)
    method = dk.training.BPTT(max_updates=n_updates, checkpoint=home)
    return Trained(task, model, dk.train(model, task, method, seed=seed))


def memories(system: Any, task: Any, states: np.ndarray) -> list[str]:
    """What the readout says at states (state, unit): "+-+" and the like."""
    return task.decode(system.observe(np.array(states))).tolist()


def readout(system: Any, output: int) -> np.ndarray:
    """The direction (unit,) of the state that an output reads; the readouts here are affine."""
    x = np.vstack([np.zeros(system.state_size), np.eye(system.state_size)])
    y = np.asarray(system.observe(x))[:, output]
    return y[1:] - y[0]
