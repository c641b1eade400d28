"""The networks that several parts look at: seeds of one kind are trained side by side, once, and kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

STUDY = "multifunctional_cycles"
N_SEEDS, TOGETHER = 10, 5  # networks of each kind; trained side by side
KINDS: dict[str, tuple[Any, int, dict[str, Any]]] = {  # 64 state variables each
    "LSTM": (dk.models.LSTM, 32, {}),
    "LSTM, peepholes": (dk.models.LSTM, 32, {"peepholes": True}),
    "GRU": (dk.models.GRU, 64, {}),
    "Elman": (dk.models.Elman, 64, {}),
    "leaky": (dk.models.LeakyRNN, 64, {"activation": "tanh"}),
    "reservoir": (dk.models.Reservoir, 64, {"form": "discrete", "sigma_in": 1.0}),
}
CURRICULUM, FORCED, RIDGE = "curriculum", "teacher forcing", "ridge"
TURN = 31  # steps of 0.2 in a revolution at speed 1
STIMULI, STIMULUS_TURNS = (0.0, 1.0), (20, 32)  # a constant input that chooses, and steps in a revolution of A and of B
DRIVES, DRIVEN_TURN = (10, 18), 32  # periods of a drive that chooses, and steps in a revolution of either cycle


def tasks() -> dict[str, dk.tasks.Cycles]:
    """What is to be held, by name."""
    Cycles = dk.tasks.Cycles
    return {
        "seeing double": Cycles.seeing_double(radius=1.0),
        "seeing double, x_cen 2": Cycles.seeing_double(x_cen=2.0, radius=1.0),
        "seeing double, dt 0.05": Cycles.seeing_double(radius=1.0, dt=0.05),
        "three shapes": Cycles.shapes(),
        "four cycles on one circle": Cycles.on_one_circle(),
        "stimulus": Cycles(tuple(map(_under_stimulus, "AB", STIMULUS_TURNS, (1, -1), STIMULI))),
        "frequencies": Cycles(tuple(map(_under_drive, "AB", (1, -1), DRIVES))),
    }


def _under_stimulus(name: str, turn: int, sense: int, stimulus: float) -> dk.Orbit:
    """A circle of ``turn`` steps; the third component is the stimulus."""

    def points(p: np.ndarray) -> list[np.ndarray]:
        return [np.cos(2 * np.pi * p), sense * np.sin(2 * np.pi * p), np.full_like(p, stimulus)]

    return dk.Orbit.cycle(name, points, period=float(turn), dt=1.0)


def _under_drive(name: str, sense: int, period: int) -> dk.Orbit:
    """A circle; the third component is a drive, and the orbit as long as the two need to come round together."""
    whole = math.lcm(DRIVEN_TURN, period)

    def points(p: np.ndarray) -> list[np.ndarray]:
        angle, drive = (2 * np.pi * whole / steps * p for steps in (DRIVEN_TURN, period))
        return [np.cos(angle), sense * np.sin(angle), np.sin(drive)]

    return dk.Orbit.cycle(name, points, period=float(whole), dt=1.0)


def told(model: Any) -> dk.models.LSTM:
    """The LSTM that hears its own first two outputs and is told the third from outside, as one of one input.

    What is heard is affine in h, so it goes into the recurrent weights: this is exact.
    """
    alone = dk.models.LSTM(1, model.n_hidden, 2).double()
    W_ih, W_hh, b_ih, b_hh = (w.detach().double() for w in model.rnn.all_weights[0])
    W_out, b_out = (w.detach().double()[:2] for w in (model.readout.weight, model.readout.bias))
    heard = W_ih[:, :2]
    with torch.no_grad():
        for own, value in zip(
            (*alone.rnn.all_weights[0], alone.readout.weight, alone.readout.bias),
            (W_ih[:, 2:], W_hh + heard @ W_out, b_ih + heard @ b_out, b_hh, W_out, b_out),
        ):
            own.copy_(value)
    return alone


def recipe_of(kind: str) -> str:
    """How a kind is trained where the kinds are compared."""
    return RIDGE if kind == "reservoir" else CURRICULUM


def train(kind: str, task: str, recipe: str, n_updates: int, first: int, n: int) -> dict[str, list[float]]:
    """Train the networks of seeds first .. first + n - 1, save them, and give the last loss of each."""
    goal, seeds = tasks()[task], range(first, first + n)
    cls, n_hidden, options = KINDS[kind]
    models = [cls.for_task(goal, n_hidden=n_hidden, seed=seed, **options) for seed in seeds]
    if recipe == RIDGE:
        models = [model.double() for model in models]
        histories = [_readout(model, task, seed) for model, seed in zip(models, seeds)]
    else:
        steps = 60 if recipe == CURRICULUM else 0
        method = dk.training.Curriculum(steps_forced=100 - steps, steps_closed=steps, max_updates=n_updates)
        histories = dk.training.train_together(models, goal, method, seeds=list(seeds))
    for model, seed in zip(models, seeds):
        dk.models.save(model, _folder(kind, task, recipe, n_updates, seed))
    losses = [float(history.losses[-1]) for history in histories]
    return {"losses": losses, "seconds": [float(history.seconds[-1]) for history in histories]}


def _readout(model: Any, task: str, seed: int) -> Any:
    """Six revolutions to forget the start, fifteen to fit, as for the reservoirs of the first part."""
    cycles = tasks()[task]
    long = dk.tasks.Cycles(cycles.orbits, n_steps=21 * TURN, cue_steps=6 * TURN, grace=0)
    method = dk.training.Ridge(beta=1e-2, washout=6 * TURN, n_trials=2 * len(cycles.orbits or ()))
    return dk.train(model, long, method, seed=seed)


def train_all(kind: str, task: str, recipe: str, n_updates: int, n_seeds: int) -> list[tuple[Any, ...]]:
    """The jobs of :func:`train` for these seeds."""
    return [
        (kind, task, recipe, n_updates, first, min(TOGETHER, n_seeds - first))
        for first in range(0, n_seeds, TOGETHER)
    ]


def trained(kind: str, task: str, recipe: str, n_updates: int, seed: int) -> Any:
    """A network that was trained."""
    return dk.models.load(_folder(kind, task, recipe, n_updates, seed))


def _folder(kind: str, task: str, recipe: str, n_updates: int, seed: int) -> Path:
    return parts.home(trained, kind, task, recipe, n_updates, seed)
