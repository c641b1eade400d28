"""How the state depends on the weights, carried forward in time: J' = (dF/dx) J + dF/dw.

The recursion of real-time recurrent learning (Williams and Zipser 1989, eq. 11) with x' = F(x, u; w).  For any network
both derivatives come from ``torch.func``; for a layer x' = f(W [u, x] + b) the second is so sparse that it is added in
place, for n times less work per weight.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from .. import chunks
from ..errors import InputError
from ..models import ACTIVATIONS, Elman, FullyConnected, RecurrentModel
from ..wording import counted
from .base import Called


class Sensitivity(abc.ABC):
    """dx/dw of every trial, (trial, state, weight), with the weights in the order of ``parameters``, row after row."""

    parameters: list[nn.Parameter]
    J: Tensor

    @abc.abstractmethod
    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        """The state after ``x`` (trial, state) under ``u`` (trial, input), with J after that step."""

    def add(self, slopes: Tensor) -> None:
        """Add slopes (trial, state), of a loss in the state, to the gradients of the parameters."""
        whole = torch.einsum("bs,bsw->w", slopes, self.J)
        for p, part in zip(self.parameters, whole.split([p.numel() for p in self.parameters])):
            part = part.view_as(p)
            p.grad = part.clone() if p.grad is None else p.grad.add_(part)

    def _start(self, model: RecurrentModel, n_trials: int, copies: int) -> None:
        n_weights, like = sum(p.numel() for p in self.parameters), next(model.parameters())
        trials = counted(n_trials, "trial")
        chunks.refuse_larger(
            f"the derivatives of {model.state_size} state entries in {n_weights} weights, for {trials},",
            n_trials * model.state_size * n_weights * like.element_size() * copies,
            "use BPTT, a smaller batch_size or a smaller network",
        )
        self.J = like.new_zeros(n_trials, model.state_size, n_weights)


def sensitivity(model: RecurrentModel, n_trials: int) -> Sensitivity:
    """dx/dw = 0 at the start of ``n_trials`` trials; refuses networks with noise or too many weights."""
    if model.noisy:
        raise InputError("model has noise in its states, through which no derivative is carried forward: use BPTT")
    return Layered(model, n_trials) if isinstance(model, (Elman, FullyConnected)) else General(model, n_trials)


class General(Sensitivity):
    """Any network: both derivatives by reverse mode over a batch of single trials."""

    def __init__(self, model: RecurrentModel, n_trials: int) -> None:
        self.one = Called(model)
        named = _recurrent(self.one)
        self.names, self.parameters = [name for name, _ in named], [p for _, p in named]
        self._start(model, n_trials, copies=4)

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        with torch.no_grad():
            after = self.one("step", x, u)
        if not self.parameters:
            return after
        values = {name: p.detach() for name, p in zip(self.names, self.parameters)}
        by_weights, by_state = vmap(jacrev(self._after, argnums=(0, 1)), in_dims=(None, 0, 0))(values, x, u)
        own = torch.cat([by_weights[name].flatten(2) for name in self.names], 2)
        self.J = torch.baddbmm(own, by_state, self.J)
        return after

    def _after(self, values: dict[str, Tensor], x: Tensor, u: Tensor) -> Tensor:
        return functional_call(self.one, values, ("step", x[None], u[None]))[0]


def _recurrent(one: Called) -> list[tuple[str, nn.Parameter]]:
    """The parameters that a step depends on."""
    named = [(name, p) for name, p in one.named_parameters() if p.requires_grad]
    like = next(one.parameters())
    after = one("step", like.new_zeros(1, one.model.state_size), like.new_zeros(1, one.model.n_inputs))
    if not after.requires_grad:
        return []
    slopes = torch.autograd.grad(after.sum(), [p for _, p in named], allow_unused=True)
    return [pair for pair, slope in zip(named, slopes) if slope is not None]


class Layered(Sensitivity):
    """x' = f(W_rec x + W_in u + b): unit i depends on its own weights through f' times what they carry."""

    def __init__(self, model: Any, n_trials: int) -> None:
        if isinstance(model, Elman):
            rnn = model.rnn
            self.matrices: tuple[Any, ...] = (rnn.weight_hh_l0, rnn.weight_ih_l0, rnn.bias_hh_l0, rnn.bias_ih_l0)
        else:
            self.matrices = (model.W_rec, model.W_in, model.b_rec)
        self.parameters = [p for p in self.matrices if p is not None and p.requires_grad]
        self.slope = ACTIVATIONS[model.activation].slope_from_output
        self.one, self.n = Called(model), model.n_hidden
        self._start(model, n_trials, copies=2)

    @torch.no_grad()
    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        after = self.one("step", x, u)
        self.J = self.matrices[0] @ self.J
        own = torch.arange(self.n, device=x.device)
        for p, part in zip(self.parameters, self._by_unit()):
            part[:, own, own] += x[:, None] if p is self.matrices[0] else u[:, None] if p is self.matrices[1] else 1.0
        self.J *= self.slope(after)[..., None]
        return after

    def _by_unit(self) -> Iterator[Tensor]:
        """J of each parameter with one axis for the row of the weight: (trial, unit, row, column)."""
        for part in self.J.split([p.numel() for p in self.parameters], dim=2):
            yield part.unflatten(2, (self.n, -1))
