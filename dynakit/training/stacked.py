"""Several networks of one kind as one: their weights side by side, one batched product per step for all.

A network of 32 units spends its time in the calls, not in the sums: five of them, stacked along a leading network
axis, take little longer than one.  Weights are gathered afresh for every pass by ``torch.stack``, through
which gradients reach each network's own parameters, and nothing a network does can reach its neighbours.

Every kind of cell is affine in its input: ``drive`` is that affine part, for any number of steps at once,
and ``advance`` the rest of a step.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import InputError
from ..models import ACTIVATIONS, GATES, GRU, LSTM, Elman, LeakyRNN, RecurrentModel
from ..models.time_constants import as_factor

State = tuple[Tensor, ...]  # (network, trial, unit) each


class Stacked(abc.ABC):
    """The weights of several networks of one class and size, as they act in one pass."""

    W_in: Tensor  # (network, input, gate)
    b: Tensor  # (network, 1, gate)
    W_out: Tensor  # (network, hidden, output)
    b_out: Tensor  # (network, 1, output)
    n_states = 1  # parts of a full state, of hidden size each

    def __init__(self, models: Sequence[Any]) -> None:
        self.n_hidden = models[0].n_hidden
        self._gather(models)

    @abc.abstractmethod
    def _gather(self, models: Sequence[Any]) -> None:
        """Stack the weights."""

    @abc.abstractmethod
    def advance(self, x: State, drive: Tensor) -> State:
        """One step from ``x`` under ``drive`` (network, trial, gate)."""

    def enter(self, x: Tensor) -> State:
        """A full state (network, trial, state) in parts."""
        return x.split(self.n_hidden, dim=-1)

    def full(self, x: State) -> Tensor:
        """The full state (network, trial, state) of its parts."""
        return torch.cat(x[: self.n_states], dim=-1)

    def rates(self, x: State) -> Tensor:
        """What the readout reads: (network, trial, hidden)."""
        return x[0]

    def drive(self, inputs: Tensor) -> Tensor:
        """The affine part of a step: (network, row, input) to (network, row, gate)."""
        return torch.baddbmm(self.b, inputs, self.W_in)

    def read(self, rates: Tensor) -> Tensor:
        """The outputs: (network, row, hidden) to (network, row, output)."""
        return torch.baddbmm(self.b_out, rates, self.W_out)

    def noise(self, n_steps: int, n_trials: int, generators: Sequence[torch.Generator]) -> Tensor | None:
        """What noise adds to the drives, (network, time, trial, gate), one generator per network; None: nothing."""
        return None

    def _gather_layers(self, models: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Input weights and readout of torch's layers; returns W_hh transposed, and both biases, stacked."""
        W_ih, W_hh, b_ih, b_hh = (torch.stack(same) for same in zip(*(m.rnn.all_weights[0] for m in models)))
        self.W_in = W_ih.transpose(1, 2)
        self._gather_readout([(m.readout.weight, m.readout.bias) for m in models])
        return W_hh.transpose(1, 2), b_ih[:, None], b_hh[:, None]

    def _gather_readout(self, readouts: Sequence[tuple[Tensor, Tensor]]) -> None:
        W_out, b_out = (torch.stack(same) for same in zip(*readouts))
        self.W_out, self.b_out = W_out.transpose(1, 2), b_out[:, None]


class StackedElman(Stacked):
    """h' = f(W_hh h + drive)."""

    def _gather(self, models: Sequence[Elman]) -> None:
        self.W, b_ih, b_hh = self._gather_layers(models)
        self.b = b_ih + b_hh
        self.f = ACTIVATIONS[models[0].activation].function

    def advance(self, x: State, drive: Tensor) -> State:
        return (self.f(torch.baddbmm(drive, x[0], self.W)),)


class StackedGRU(Stacked):
    """r, z = s(.), n = tanh(drive_n + r (W_hn h + b_hn)), h' = (1 - z) n + z h."""

    def _gather(self, models: Sequence[GRU]) -> None:
        self.W, self.b, self.b_hidden = self._gather_layers(models)
        self.s, self.f = _functions(models[0])

    def advance(self, x: State, drive: Tensor) -> State:
        (h,), sizes = x, [2 * self.n_hidden, self.n_hidden]
        gates, new = drive.split(sizes, dim=-1)
        gates_h, new_h = torch.baddbmm(self.b_hidden, h, self.W).split(sizes, dim=-1)
        r, z = self.s(gates + gates_h).chunk(2, dim=-1)
        return (torch.lerp(self.f(torch.addcmul(new, r, new_h)), h, z),)


class StackedLSTM(Stacked):
    """The LSTM with its gates in the order i, f, o, g: one sigmoid serves three of them."""

    n_states = 2
    ORDER: ClassVar[tuple[int, ...]] = (0, 1, 3, 2)  # torch's layers have i, f, g, o

    def _gather(self, models: Sequence[LSTM]) -> None:
        W, b_ih, b_hh = self._gather_layers(models)
        self.s, self.f = _functions(models[0])
        self.W, self.W_in, self.b = (self._ordered(weights) for weights in (W, self.W_in, b_ih + b_hh))
        peepholes: list[Tensor] = [m.peephole for m in models if m.peephole is not None]
        self.peepholes = torch.stack(peepholes, dim=1)[:, :, None].unbind(0) if peepholes else None

    def _ordered(self, weights: Tensor) -> Tensor:
        gates = weights.chunk(4, dim=-1)
        return torch.cat([gates[k] for k in self.ORDER], dim=-1)

    def advance(self, x: State, drive: Tensor) -> State:
        (h, c), n = x, self.n_hidden
        z = torch.baddbmm(drive, h, self.W)
        if self.peepholes is None:
            gates, g = z.split([3 * n, n], dim=-1)
            i, f, o = self.s(gates).chunk(3, dim=-1)
            c = torch.addcmul(f * c, i, self.f(g))
            return o * self.f(c), c
        p_i, p_f, p_o = self.peepholes
        i, f, o, g = z.chunk(4, dim=-1)
        i, f = self.s(torch.addcmul(i, p_i, c)), self.s(torch.addcmul(f, p_f, c))
        c = torch.addcmul(f * c, i, self.f(g))
        return self.s(torch.addcmul(o, p_o, c)) * self.f(c), c


class StackedLeaky(Stacked):
    """The three forms of the leaky network; a state in parts is (x, f(x)) for "current", else (r,)."""

    def _gather(self, models: Sequence[LeakyRNN]) -> None:
        weights = [m.effective_weights() for m in models]
        self.W_in = torch.stack([w.W_in for w in weights]).transpose(1, 2)
        self.W = torch.stack([w.W_rec for w in weights]).transpose(1, 2)
        self.b = torch.stack([m.b_rec for m in models])[:, None]
        self._gather_readout([(w.W_out, m.b_out) for w, m in zip(weights, models)])
        first = models[0]
        self.alpha, self.form = as_factor(first.alpha, self.W), first.form
        self.f = ACTIVATIONS[first.activation].function
        noises = {"inputs": first.input_noise, "units": as_factor(first.unit_noise, self.W)}
        used = {"inputs": first.training and first.sigma_in > 0, "units": first.training and first.sigma_rec > 0}
        self.noises = {name: std for name, std in noises.items() if used[name]}

    def enter(self, x: Tensor) -> State:
        return (x, self.f(x)) if self.form == "current" else (x,)

    def rates(self, x: State) -> Tensor:
        return x[-1]

    def advance(self, x: State, drive: Tensor) -> State:
        a, driven = self.alpha, torch.baddbmm(drive, x[-1], self.W)
        if self.form == "current":
            after = torch.lerp(x[0], driven, a)
            return after, self.f(after)
        if self.form == "rate":
            return (torch.lerp(x[0], self.f(driven), a),)
        return (self.f(torch.lerp(x[0], driven, a)),)

    def noise(self, n_steps: int, n_trials: int, generators: Sequence[torch.Generator]) -> Tensor | None:
        if not self.noises:
            return None
        rows = []
        for W_in, generator in zip(self.W_in, generators):  # the inputs' noise first, as the network draws it
            row = W_in.new_zeros(n_steps, n_trials, self.n_hidden)
            for name, std in self.noises.items():
                size = len(W_in) if name == "inputs" else self.n_hidden
                drawn = torch.empty(n_steps, n_trials, size, dtype=W_in.dtype, device=generator.device)
                drawn = drawn.normal_(generator=generator).to(W_in.device).mul_(std)
                row = row + (drawn @ W_in if name == "inputs" else drawn)
            rows.append(row)
        return torch.stack(rows)


def _functions(model: GRU | LSTM) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Of the gates, and in the place of tanh."""
    return GATES[model.recurrent_activation].function, ACTIVATIONS[model.activation].function


KINDS: dict[type[RecurrentModel], Callable[[Sequence[Any]], Stacked]] = {
    Elman: StackedElman,
    GRU: StackedGRU,
    LSTM: StackedLSTM,
    LeakyRNN: StackedLeaky,
}
OWN = ("seed", "mask_rec", "spectral_radius")  # what networks side by side may differ in


def stack(models: Sequence[RecurrentModel]) -> Stacked:
    """The networks side by side, as their weights are now."""
    return KINDS[type(models[0])](models)


def check_alike(models: Sequence[RecurrentModel]) -> None:
    """Raise InputError unless the networks are of one known class, size, precision and device."""
    first = models[0]
    if type(first) not in KINDS:
        known = ", ".join(sorted(kind.__name__ for kind in KINDS))
        raise InputError(f"model must be one of {known} for Curriculum, got a {type(first).__name__}")
    for name, only in (("reset", "after"), ("recurrent_dropout", 0.0)):
        if (value := getattr(first, name, only)) != only:
            raise InputError(
                f"models with {name}={value!r} cannot be stacked, nor trained by Curriculum: leave {name} at {only!r}, "
                "or train each by dk.train with BPTT"
            )
    for k, model in enumerate(models):
        for name, value in _likeness(model, first).items():
            expected = _likeness(first, first)[name]
            if value != expected:
                raise InputError(
                    f"models must be alike but for their weights, yet {name} is {expected} for models[0] and "
                    f"{value} for models[{k}]"
                )


def _likeness(model: RecurrentModel, first: RecurrentModel) -> dict[str, Any]:
    if type(model) is not type(first):
        return {"class": type(model).__name__}
    parameter = next(model.parameters())
    config = {name: value for name, value in model.config().items() if name not in OWN}
    return {"class": type(model).__name__, **config, "dtype": parameter.dtype, "device": parameter.device}


def rollout(
    cells: Stacked,
    inputs: Tensor,
    n_closed: int = 0,
    *,
    x0: Tensor | None = None,
    noise: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run all networks over ``inputs``, and then ``n_closed`` steps on their own outputs.

    Args:
        cells: the networks.
        inputs: (network, time, trial, input), at least one step.
        n_closed: steps in the closed loop: the input is the output of the step before.
        x0: (network, trial, state); None: zeros.
        noise: what :meth:`Stacked.noise` drew for all steps.

    Returns:
        The outputs at every step, (network, time + n_closed, trial, output), and the full state after the
        last, (network, trial, state).
    """
    n_nets, n_steps, n_trials, n_inputs = inputs.shape
    if x0 is None:
        x0 = inputs.new_zeros(n_nets, n_trials, cells.n_states * cells.n_hidden)
    drives = cells.drive(inputs.reshape(n_nets, -1, n_inputs)).view(n_nets, n_steps, n_trials, -1)
    if noise is not None:
        drives = drives + noise[:, :n_steps]
    x, rates = cells.enter(x0), []
    for drive in drives.unbind(1):
        x = cells.advance(x, drive)
        rates.append(cells.rates(x))
    forced = cells.read(torch.stack(rates, dim=1).flatten(1, 2)).view(n_nets, n_steps, n_trials, -1)
    y, closed = forced[:, -1], []
    for k in range(n_steps, n_steps + n_closed):
        drive = cells.drive(y)
        x = cells.advance(x, drive if noise is None else drive + noise[:, k])
        y = cells.read(cells.rates(x))
        closed.append(y)
    outputs = torch.cat([forced, torch.stack(closed, dim=1)], dim=1) if closed else forced
    return outputs, cells.full(x)
