"""Adam, and descent with momentum, one tensor after the other: the steps of ``torch.optim``, bit for bit.

torch's own load its compiler when the first of them is made, which takes longer than many a small network needs to
learn, and each of their steps costs more than its arithmetic.  Moments have torch's names, so that checkpoints written
with either are read.

Kingma and Ba (2015), algorithm 1; Polyak (1964).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Optimizer:
    """Steps along the gradients of ``parameters``; those without a gradient stay.

    ``moments`` are what is carried from step to step, by the number of the parameter and by name.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.moments: dict[int, dict[str, Tensor]] = {}

    def forget_gradients(self) -> None:
        """So that the next are not added to these."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step of each parameter."""
        for number, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                self._move(parameter, parameter.grad, number)

    def _move(self, parameter: Tensor, gradient: Tensor, number: int) -> None:
        raise NotImplementedError


class Adam(Optimizer):
    """Along the mean gradient, over the root of the mean square of each entry."""

    def _move(self, parameter: Tensor, gradient: Tensor, number: int) -> None:
        if number not in self.moments:
            first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
            self.moments[number] = {"step": torch.tensor(0.0), "exp_avg": first, "exp_avg_sq": second}
        moments = self.moments[number]
        moments["step"] += 1
        n = moments["step"].item()
        first = moments["exp_avg"].lerp_(gradient, 1 - BETAS[0])
        second = moments["exp_avg_sq"].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        size = (second.sqrt() / (1 - BETAS[1] ** n) ** 0.5).add_(EPSILON)
        parameter.addcdiv_(first, size, value=-self.learning_rate / (1 - BETAS[0] ** n))


class SGD(Optimizer):
    """Along the gradient, and ``momentum`` times the step before."""

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, momentum: float = 0.0) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum

    def _move(self, parameter: Tensor, gradient: Tensor, number: int) -> None:
        if self.momentum:
            if number in self.moments:
                self.moments[number]["momentum_buffer"].mul_(self.momentum).add_(gradient)
            else:
                self.moments[number] = {"momentum_buffer": gradient.detach().clone()}
            gradient = self.moments[number]["momentum_buffer"]
        parameter.add_(gradient, alpha=-self.learning_rate)
