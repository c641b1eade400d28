"""Real-time recurrent learning: gradients that are carried forward in time and never look back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..models import RecurrentModel
from ..tasks import Task, Trials
from .descent import Gradient, GradientDescent, Moment, inputs_for, within
from .sensitivity import sensitivity


@dataclass(frozen=True, kw_only=True)
class RTRL(GradientDescent):
    """Exact gradients by derivatives of the state in the weights, carried forward (Williams and Zipser 1989).

    With ``online=False`` the gradient is that of the whole batch, equal to BPTT's up to rounding.  With ``online=True``
    the weights change after every step of the trials, which is exact only for small rates; penalties of firing rates
    and weights are then counted at every step.

    A step costs (state size)^2 per weight and trial, against 1 in BPTT, and the derivatives take state size x weights
    numbers per trial: for networks of up to some 50 units, 20 for an LSTM.  Networks with noise in their states are
    refused.  The other settings are those of every :class:`GradientDescent`.
    """

    online: bool = False

    def steps(self, model: RecurrentModel, task: Task, trials: Trials, at: Moment) -> Iterator[Gradient]:
        """The gradient of the batch, or one after each of its steps."""
        return (self._along if self.online else self._whole)(model, task, trials)

    def _whole(self, model: RecurrentModel, task: Task, trials: Trials) -> Iterator[Gradient]:
        inputs, carried = inputs_for(model, trials), sensitivity(model, len(trials))
        with torch.no_grad():
            states = model(inputs).states
        states.requires_grad_()
        outputs = model.read(states)
        loss = task.loss(outputs, trials)
        (loss + self.penalty(model, within(states, trials))).backward()
        assert states.grad is not None
        x = torch.zeros_like(states[:, 0])
        for u, slopes in zip(inputs.unbind(1), states.grad.unbind(1)):
            x = carried.advance(x, u)
            carried.add(slopes)
        yield Gradient(float(loss.detach()), outputs.detach())

    def _along(self, model: RecurrentModel, task: Task, trials: Trials) -> Iterator[Gradient]:
        inputs, carried = inputs_for(model, trials), sensitivity(model, len(trials))
        said = inputs.new_zeros(*inputs.shape[:2], model.n_outputs)
        x, last = inputs.new_zeros(len(inputs), model.state_size), inputs.shape[1] - 1
        for t, u in enumerate(inputs.unbind(1)):
            present = trials.valid[:, t].to(x.device)
            x = carried.advance(x, u).requires_grad_()
            outputs = model.read(x)
            loss = task.loss(said.index_copy(1, torch.tensor([t]), outputs[:, None]), trials)  # others do not move
            (loss + self.penalty(model, x[present])).backward()
            slopes, x = x.grad, x.detach()
            assert slopes is not None
            said[:, t] = outputs.detach()
            if t < last and not slopes.any():  # nothing is asked here; a step of Adam would still move the weights
                continue
            carried.add(slopes)
            yield Gradient(float(task.loss(said, trials)), said) if t == last else Gradient(math.nan)
