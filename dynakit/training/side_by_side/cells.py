"""Networks of one kind over a batch, and the gradient back through time in closed form (Werbos 1990).

Each network is one matrix M.  It acts on the column (r, u, 1) of what the units say, the inputs and a one, and its
rows are those of the gates, a = W r + W_in u + b, and below them those of the readout, y = W_out r + b_out:

    (a_{t+1}, y_t) = M (r_t, u_{t+1}, 1),   dL/dr_t = M_r' (v_{t+1}, e_t),
    dL/dM = sum_t (v_{t+1}, e_t) (r_t, u_{t+1}, 1)',

with v the derivative of the loss in a, and e that in y.  So a step forward is one product of matrices, a step back
another, and the gradient of every weight a third.  What kinds of networks differ in lies between a and r.

Fed its own output, a network hears u_{t+1} = y_t: then it acts as the matrix whose W is W + W_in W_out, and whose
bias is b + W_in b_out.

Buffers are (time, network, row, trial), so that each step of all networks lies in one piece, and are used again in
every pass.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .population import Views


class Pool:
    """Memory that is used again: one stretch under each name, as long as the longest that was asked for."""

    def __init__(self, like: Tensor) -> None:
        self.like = like
        self._flat: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """A contiguous tensor of this shape, of whatever was left in it."""
        n, flat = math.prod(shape), self._flat.get(name)
        if flat is None or len(flat) < n:
            flat = self._flat[name] = self.like.new_zeros(n)
        return flat[:n].view(shape)


class Stacked(abc.ABC):
    """Networks of one kind and size; a subclass says what lies between the gates and the units."""

    n_gates: ClassVar[int] = 1

    def __init__(self, models: Sequence[Any], n_trials: int, pool: Pool) -> None:
        self.pool, self.n_networks, self.n_trials = pool, len(models), n_trials
        self.n_units, self.n_inputs, self.n_outputs = models[0].n_hidden, models[0].n_inputs, models[0].n_outputs
        self.n_rows = self.n_gates * self.n_units
        self.units, self.gates = slice(self.n_units), slice(self.n_rows)
        self.inputs = slice(self.n_units, self.n_units + self.n_inputs)
        self.readout = slice(self.n_rows, None)
        sizes = (len(models), self.n_rows + self.n_outputs, self.n_units + self.n_inputs + 1)
        self.matrix = pool.like.new_zeros(sizes)
        self.d_matrix = torch.zeros_like(self.matrix)
        self.capacity = 0

    # ------------------------------------------------------------------ what a kind provides

    @abc.abstractmethod
    def assemble(self, p: Views) -> None:
        """Write the rows of the gates of ``matrix``, and those of the readout."""

    @abc.abstractmethod
    def scatter(self, p: Views, g: Views) -> None:
        """Write the gradient of each parameter, from that of ``matrix``."""

    @abc.abstractmethod
    def advance(self, t: int) -> None:
        """From the gates ``a`` of step t to what the units say, ``r[t]``."""

    @abc.abstractmethod
    def retreat(self, t: int) -> None:
        """From ``g``, the derivative in r_t, to ``v[t - 1]``, that in the gates of step t."""

    def begin(self) -> None:
        """Set what the units say before the first step, ``r[0]``."""
        self.r[0].zero_()

    def end(self) -> None:  # noqa: B027
        """Forget what the way back has carried so far."""

    def reserve(self, n_steps: int) -> None:
        """Take the buffers that hold something of every step."""
        K, B = self.n_networks, self.n_trials
        self.x_all = self.pool.take("x", n_steps + 1, K, self.matrix.shape[2], B)
        self.v_all = self.pool.take("v", n_steps + 1, K, self.matrix.shape[1], B)
        self.y_all = self.pool.take("y", n_steps, K, self.n_outputs, B)
        self.x, self.v_whole, self.y = self.x_all.unbind(0), self.v_all.unbind(0), self.y_all.unbind(0)
        self.x_turned = [x.transpose(1, 2) for x in self.x]
        self.r = [x[:, self.units] for x in self.x]
        self.v = [v[:, self.gates] for v in self.v_whole]
        self.a_whole = self.pool.take("a", K, self.matrix.shape[1], B)
        self.a, self.a_readout = self.a_whole[:, self.gates], self.a_whole[:, self.readout]
        self.g = self.pool.take("g", K, self.n_units, B)

    # ------------------------------------------------------------------ what all kinds share

    def forward(self, p: Views, inputs: Tensor, noise: Tensor | None = None, n_closed: int = 0) -> Tensor:
        """Outputs (time, network, output, trial) under ``inputs`` (network, trial, time, input).

        In the last ``n_closed`` steps each hears its last output besides.  ``noise`` (time, network, gate, trial) is
        added to the gates.
        """
        n_steps = inputs.shape[2]
        if n_steps > self.capacity:
            self.reserve(n_steps)
            self.capacity = n_steps
        self.assemble(p)
        self.n_steps, self.n_open = n_steps, n_steps - n_closed
        self.closed = self._closed() if n_closed else self.matrix
        self.x_all[:n_steps, :, self.inputs] = inputs.permute(2, 0, 3, 1)
        self.x_all[n_steps, :, self.inputs] = 0
        self.x_all[: n_steps + 1, :, -1] = 1
        self.begin()
        for t in range(n_steps):
            torch.bmm(self.matrix if t < self.n_open else self.closed, self.x[t], out=self.a_whole)
            if t:
                self.y[t - 1].copy_(self.a_readout)
            if noise is not None:
                self.a.add_(noise[t])
            self.advance(t + 1)
        torch.bmm(self.matrix[:, self.readout].contiguous(), self.x[n_steps], out=self.y[n_steps - 1])
        return self.y_all[:n_steps]

    def backward(self, p: Views, g: Views, errors: Tensor, d_rates: Tensor | None = None) -> None:
        """Write the gradients ``g`` for ``errors`` (time, network, output, trial), dL/dy of the last forward pass.

        ``d_rates`` (time, network, unit, trial) is what the loss depends on the units for by itself.
        """
        T = self.n_steps
        self.v_all[1 : T + 1, :, self.readout] = errors
        self.v_all[0, :, self.readout] = 0
        self.v[T].zero_()
        self.end()
        d_closed = torch.zeros_like(self.matrix) if self.n_open < T else self.d_matrix
        self.d_matrix.zero_()
        back, back_closed = (m[:, :, self.units].transpose(1, 2) for m in (self.matrix, self.closed))
        for t in range(T, -1, -1):
            is_open = t < self.n_open or t == T
            v, d = self.v_whole[t], self.d_matrix if is_open else d_closed
            torch.baddbmm(d, v, self.x_turned[t], out=d)
            if t:
                torch.bmm(back if is_open else back_closed, v, out=self.g)
                if d_rates is not None:
                    self.g.add_(d_rates[t - 1])
                self.retreat(t)
        if self.n_open < T:
            self._open(d_closed)
        self.scatter(p, g)

    @property
    def rates(self) -> Tensor:
        """What the units said in the last forward pass, (time, network, unit, trial)."""
        return self.x_all[1 : self.n_steps + 1, :, self.units]

    def _closed(self) -> Tensor:
        """The matrix of the networks that hear their own outputs."""
        closed = self.matrix.clone()
        heard, said = self.matrix[:, self.gates, self.inputs], self.matrix[:, self.readout]
        closed[:, self.gates] += torch.bmm(heard, said)
        return closed

    def _open(self, d_closed: Tensor) -> None:
        """Add to the gradient of ``matrix`` what that of the closed one makes of it."""
        heard, said = self.matrix[:, self.gates, self.inputs], self.matrix[:, self.readout]
        d_gates = d_closed[:, self.gates]
        self.d_matrix += d_closed
        self.d_matrix[:, self.gates, self.inputs] += torch.bmm(d_gates, said.transpose(1, 2))
        self.d_matrix[:, self.readout] += torch.bmm(heard.transpose(1, 2), d_gates)

    def _fill(self, rows: slice, W: Tensor, W_in: Tensor, b: Tensor) -> None:
        """Some rows of the matrix: (network, row, unit), (network, row, input) and (network, row)."""
        self.matrix[:, rows, self.units], self.matrix[:, rows, self.inputs] = W, W_in
        self.matrix[:, rows, -1] = b

    def _fill_readout(self, W_out: Tensor, b_out: Tensor) -> None:
        self.matrix[:, self.readout, self.units], self.matrix[:, self.readout, -1] = W_out, b_out


class StackedLayers(Stacked):
    """A kind whose weights a layer of torch and a linear readout hold, its gates in the order of that layer."""

    def assemble(self, p: Views) -> None:
        bias = p["rnn.bias_ih_l0"] + p["rnn.bias_hh_l0"]
        self._fill(self.gates, p["rnn.weight_hh_l0"], p["rnn.weight_ih_l0"], bias)
        self._fill_readout(p["readout.weight"], p["readout.bias"])

    def scatter(self, p: Views, g: Views) -> None:
        d = self.d_matrix[:, self.gates]
        g["rnn.weight_hh_l0"].copy_(d[:, :, self.units])
        g["rnn.weight_ih_l0"].copy_(d[:, :, self.inputs])
        g["rnn.bias_ih_l0"].copy_(d[:, :, -1])
        g["rnn.bias_hh_l0"].copy_(d[:, :, -1])
        self._scatter_readout(g)

    def _scatter_readout(self, g: Views) -> None:
        d = self.d_matrix[:, self.readout]
        g["readout.weight"].copy_(d[:, :, self.units])
        g["readout.bias"].copy_(d[:, :, -1])
