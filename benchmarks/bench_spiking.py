"""How long one training step of a recurrent LIF network takes, and what its closed-form backward pass is worth.

A step is forward, loss and backward of 100 neurons on 32 trials of 100 steps, in single precision, with the trace as
what is read.  Variants, run in turn so that a busy moment hits them all: ``closed_form`` (ours), ``naive`` (the loop
a user writes around a surrogate of six lines), ``hoisted`` (the same loop with input and readout taken out of it).

    python benchmarks/bench_spiking.py      writes spiking.csv beside this file

``products_alone`` is the limit: one product of the spikes and W_rec per step and direction, and the one that sums
the gradient of W_rec.  Times are CPU seconds of this process on one thread.  A ratio is the median, and the least and
greatest, over rounds of the time of a variant divided by that of ``closed_form`` in the same round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from timing import in_turn, write_against
from torch import Tensor
from torch.nn import functional

from dynakit.linalg import one_thread
from dynakit.models import LIF

HIDDEN, TRIALS, STEPS, INPUTS, OUTPUTS = 100, 32, 100, 10, 2
BETA = math.exp(-1 / 20)  # of voltage and trace, as LIF has them by default
ROUNDS = 61


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return (z >= 0).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (z,) = ctx.saved_tensors
        return grad / (1 + 10 * z.abs()) ** 2


def closed_form(model: LIF, inputs: Tensor) -> Tensor:
    return model(inputs).outputs


def naive(model: LIF, inputs: Tensor) -> Tensor:
    v = s = r = inputs.new_zeros(TRIALS, HIDDEN)
    outputs = []
    for t in range(STEPS):
        into = functional.linear(inputs[:, t], model.W_in, model.b_rec) + functional.linear(s, model.W_rec)
        v = BETA * v + into
        s = Spike.apply(v - 1.0)
        v = v - s.detach()
        r = BETA * r + s
        outputs.append(functional.linear(r, model.W_out, model.b_out))
    return torch.stack(outputs, 1)


def hoisted(model: LIF, inputs: Tensor) -> Tensor:
    drive, weights = functional.linear(inputs.transpose(0, 1), model.W_in, model.b_rec), model.W_rec.t()
    v = s = r = inputs.new_zeros(TRIALS, HIDDEN)
    traces = []
    for step in drive.unbind(0):
        v = torch.add(torch.addmm(step, s, weights), v, alpha=BETA)
        s = Spike.apply(v - 1.0)
        v = v - s.detach()
        r = torch.add(s, r, alpha=BETA)
        traces.append(r)
    return functional.linear(torch.stack(traces, 1), model.W_out, model.b_out)


def training_step(
    variant: Callable[[LIF, Tensor], Tensor], model: LIF, inputs: Tensor
) -> Callable[[], None]:
    def step() -> None:
        model.zero_grad()
        variant(model, inputs).square().mean().backward()

    return step


def products(model: LIF) -> Callable[[], None]:
    weights = model.W_rec.detach()
    path, into = weights.new_zeros(STEPS, TRIALS, HIDDEN), weights.new_zeros(TRIALS, HIDDEN)

    def step() -> None:
        for spikes in (*path.unbind(0), *path.unbind(0)):
            torch.mm(spikes, weights, out=into)
        torch.mm(path.flatten(0, 1).t(), path.flatten(0, 1))

    return step


def main() -> None:
    inputs = torch.randn(TRIALS, STEPS, INPUTS, generator=torch.Generator().manual_seed(0))
    model = LIF(INPUTS, HIDDEN, OUTPUTS)
    with one_thread():
        for variant in (naive, hoisted):  # the same network
            torch.testing.assert_close(variant(model, inputs), closed_form(model, inputs), rtol=1e-4, atol=1e-5)
        steps = {v.__name__: training_step(v, model, inputs) for v in (closed_form, hoisted, naive)}
        times = in_turn({**steps, "products_alone": products(model)}, ROUNDS)
    write_against("spiking", times, "closed_form")


if __name__ == "__main__":
    main()
