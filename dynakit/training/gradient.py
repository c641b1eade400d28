"""Backpropagation through time, whole (Werbos 1990) or cut after k steps (Williams and Peng 1990)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks
from ..errors import InputError
from ..models import RecurrentModel, Trajectory
from ..tasks import Task, Trials
from .descent import Gradient, GradientDescent, Moment, inputs_for, over, within


@dataclass(frozen=True, kw_only=True)
class BPTT(GradientDescent):
    """Gradients through all steps of a trial (Werbos 1990); ``dk.train(model, task, BPTT(learning_rate=1e-2))``.

    ``saturation`` times the mean over steps of f (1 - f) + i (1 - i) + i (1 - g^2), summed over the units of an LSTM,
    is added to the loss: it drives gates to 0 and 1, so that cells count in whole numbers (the saturated automata of
    Merrill 2019).  It grows from 0 over the first ``saturation_ramp`` updates and is for networks that have learnt the
    task before.  The other settings are those of every :class:`GradientDescent`.
    """

    saturation: float = 0.0
    saturation_ramp: int = 3000

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number("saturation", self.saturation, above=0)
        checks.count("saturation_ramp", self.saturation_ramp)

    def steps(self, model: RecurrentModel, task: Task, trials: Trials, at: Moment) -> Iterator[Gradient]:
        """One gradient: that of the loss of the batch."""
        outputs, states = self.run(model, trials, at.generator)
        loss = task.loss(outputs, trials)
        total = loss + self.penalty(model, within(states, trials))
        if self.saturation:
            strength = self.saturation * min(1.0, at.update / self.saturation_ramp)
            total = total + strength * _unsaturated(model.gates(inputs_for(model, trials), states), trials)
        total.backward()
        yield Gradient(float(loss.detach()), outputs.detach())

    def run(self, model: RecurrentModel, trials: Trials, generator: torch.Generator) -> Trajectory:
        """The network over the trials, with the graph that the gradient runs back through."""
        return over(model, trials, generator)


@dataclass(frozen=True, kw_only=True)
class TBPTT(BPTT):
    """Gradients that reach back ``k`` steps at most (Williams and Peng 1990, BPTT(h; h') with h = k, h' = ``every``).

    With ``every=1`` the error of each step reaches back exactly ``k`` steps, its own included, at ``k`` times the price
    of a pass; with a larger ``every`` it is the last of every so many steps that reaches back ``k`` steps, and the
    others less, down to ``k - every + 1``; ``every=k`` cuts the trial in pieces that do not overlap, for the price of
    one pass.  States are never cut: each piece starts where the network was.  The noise of a network is drawn anew in
    the pieces.  The weights change once a batch.
    """

    k: int = 20
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.count("k", self.k)
        checks.count("every", self.every, most=self.k)

    def run(self, model: RecurrentModel, trials: Trials, generator: torch.Generator) -> Trajectory:
        """The network over the trials in windows of ``k`` steps, each from the state that was reached."""
        if not model.causal:
            raise InputError(f"model ({type(model).__name__}) is not causal: cut back in time it is another; use BPTT")
        inputs = inputs_for(model, trials)
        k, n_steps = self.k, inputs.shape[1]
        first = model(inputs[:, :k], generator=generator)  # what lies within k steps of the start is not cut
        if n_steps <= k:
            return first
        with torch.no_grad():
            before = model(inputs, generator=generator).states
        ends = [*range(k + self.every, n_steps, self.every), n_steps]
        pieces = torch.stack([inputs[:, end - k : end] for end in ends], 1)  # (trial, window, step, input)
        starts = torch.stack([before[:, end - k - 1] for end in ends], 1)
        windows = model(pieces.flatten(0, 1), starts.flatten(0, 1), generator=generator)
        n_last = n_steps - k - self.every * (len(ends) - 1)  # of the last window only these are new
        return Trajectory(
            *(
                torch.cat([whole, self._ends(parts.unflatten(0, (len(inputs), len(ends))), n_last)], 1)
                for whole, parts in zip(first, windows)
            )
        )

    def _ends(self, parts: Tensor, n_last: int) -> Tensor:
        """The new steps of each window (trial, window, step, unit), joined along time."""
        whole = parts[:, :-1, self.k - self.every :].flatten(1, 2)
        return torch.cat([whole, parts[:, -1, self.k - n_last :]], 1)


def _unsaturated(gates: dict[str, Tensor], trials: Trials) -> Tensor:
    """How far gates are from 0 and 1, and what is written from +-1: summed over units, mean over steps."""
    i, f, g = gates["i"], gates["f"], gates["g"]
    return within(f * (1 - f) + i * (1 - i) + i * (1 - g.square()), trials).sum(-1).mean()
