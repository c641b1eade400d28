"""How long one training step of a leaky network takes, and what the closed-form backward pass is worth.

A step is forward, loss and backward of a Dale network with recurrent noise: 100 units, 64 trials of 153
steps.  Variants, run in turn so that a busy moment hits them all: ``fused`` (ours), ``hoisted`` (the same
equations as a careful loop under autograd), ``naive`` (two linear layers, the sign constraint and fresh noise
inside the
loop), ``native`` (``nn.RNN`` with relu: no leak, no noise, no constraint).

    python benchmarks/bench_leaky_scan.py      writes leaky_scan.csv beside this file

Times are CPU seconds of this process on one thread.  A ratio is the median, and the least and greatest, over
rounds of the time of a variant divided by that of ``fused`` in the same round.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from timing import in_turn, write_against
from torch import Tensor, nn
from torch.nn import functional

from dynakit.linalg import one_thread
from dynakit.models import LeakyRNN

HIDDEN, TRIALS, STEPS, INPUTS, SIGMA = 100, 64, 153, 2, 0.05
ROUNDS = 61


def fused(model: LeakyRNN, inputs: Tensor) -> Tensor:
    return model(inputs).outputs


def hoisted(model: LeakyRNN, inputs: Tensor) -> Tensor:
    a, weights = model.alpha, model.effective_weights()
    drive = a * functional.linear(inputs.transpose(0, 1), weights.W_in, model.b_rec)
    drive = drive + math.sqrt(2 * a) * SIGMA * torch.randn_like(drive)
    recurrent = a * weights.W_rec.t()
    x = drive.new_zeros(drive.shape[1:])
    rates = []
    for step in drive.unbind(0):
        x = torch.addmm(torch.add(step, x, alpha=1 - a), torch.relu(x), recurrent)
        rates.append(torch.relu(x))
    return functional.linear(torch.stack(rates), weights.W_out, model.b_out)


def naive(model: LeakyRNN, inputs: Tensor) -> Tensor:
    a = model.alpha
    x = inputs.new_zeros(len(inputs), HIDDEN)
    outputs = []
    for t in range(inputs.shape[1]):
        W = model.W_rec.abs() * model._connected * model.sign
        noise = math.sqrt(2 * a) * SIGMA * torch.randn_like(x)
        total = functional.linear(inputs[:, t], model.W_in, model.b_rec) + functional.linear(torch.relu(x), W)
        x = (1 - a) * x + a * total + noise
        outputs.append(functional.linear(torch.relu(x), model.W_out, model.b_out))
    return torch.stack(outputs)


def native_step(inputs: Tensor) -> Callable[[], None]:
    rnn = nn.RNN(INPUTS, HIDDEN, nonlinearity="relu", batch_first=True)
    readout = nn.Linear(HIDDEN, 1)
    with torch.no_grad():
        rnn.weight_hh_l0.mul_(0.5)

    def step() -> None:
        readout(rnn(inputs)[0]).square().mean().backward()

    return step


def leaky_step(
    variant: Callable[[LeakyRNN, Tensor], Tensor], model: LeakyRNN, inputs: Tensor
) -> Callable[[], None]:
    def step() -> None:
        model.zero_grad()
        variant(model, inputs).square().mean().backward()

    return step


def main() -> None:
    inputs = torch.randn(TRIALS, STEPS, INPUTS, generator=torch.Generator().manual_seed(0))
    model = LeakyRNN(INPUTS, HIDDEN, 1, dale="abs", autapses=False, sigma_rec=SIGMA)
    steps = {v.__name__: leaky_step(v, model, inputs) for v in (fused, hoisted, naive)}
    with one_thread(), torch.random.fork_rng(devices=[]):
        times = in_turn({**steps, "native": native_step(inputs)}, ROUNDS)
    write_against("leaky_scan", times, "fused")


if __name__ == "__main__":
    main()
