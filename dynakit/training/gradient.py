"""Backpropagation through time, whole (Werbos 1990) or cut after k steps (Williams and Peng 1990)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks
from ..models import RecurrentModel, Trajectory
from ..tasks import Task, Trials
from .descent import Gradient, GradientDescent, inputs_for, within


@dataclass(frozen=True, kw_only=True)
class BPTT(GradientDescent):
    """Gradients through all steps of a trial (Werbos 1990); ``dk.train(model, task, BPTT(learning_rate=1e-2))``.

    The settings are those of every :class:`GradientDescent`.
    """

    def steps(
        self, model: RecurrentModel, task: Task, trials: Trials, generator: torch.Generator
    ) -> Iterator[Gradient]:
        """One gradient: that of the loss of the batch."""
        outputs, states = self.run(model, inputs_for(model, trials), generator)
        loss = task.loss(outputs, trials)
        (loss + self.penalty(model, within(states, trials))).backward()
        yield Gradient(float(loss.detach()), outputs.detach())

    def run(self, model: RecurrentModel, inputs: Tensor, generator: torch.Generator) -> Trajectory:
        """The network over the inputs, with the graph that the gradient runs back through."""
        return model(inputs, generator=generator)


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

    def run(self, model: RecurrentModel, inputs: Tensor, generator: torch.Generator) -> Trajectory:
        """The network over the inputs in windows of ``k`` steps, each from the state that was reached."""
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
