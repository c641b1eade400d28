"""The baseline: fixed points by Adam on the speed of many states at once.

q(x) = |F(x) - x|^2 / 2 is lowered from states of trajectories with Gaussian noise; every state is one row of one
variable, so the learning rate, its schedule and the clipping of the gradient are shared by all.  What is left is made
unique by a distance, and points far from where the search began are dropped; q itself decides nothing.

References: Sussillo and Barak 2013, "Opening the black box", Neural Computation 25, 626-649 (q and its use); Golub and
Sussillo 2018, "FixedPointFinder", JOSS 3(31), 1003 (the search and its settings).  Written from the description.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

import dynakit as dk

TOLERANCE = 1e-12  # of q
LEAST_CHANGE = 1e-20  # of q between iterations, per learning rate: below it a state counts as arrived
MOST_ITERATIONS = 5000
UNIQUE = 1e-3
OUTLIER = 10.0  # times the mean distance of the starts from their centre

Step = Callable[[Tensor], Tensor]


class AdamPoints(NamedTuple):
    """What the search returns, and how it ended."""

    states: Tensor  # (point, unit)  float32
    arrived: Tensor  # (point,)  whether q is below the tolerance: the others are returned all the same
    n_iterations: int


def one_step(model: nn.Module) -> Step:
    """The map of a network at rest in float32, by torch's own layer; the state of an LSTM is [h, c]."""
    if isinstance(model, dk.models.LeakyRNN):
        return _leaky_step(model)
    layer = getattr(model, "rnn", model)
    if not isinstance(layer, nn.RNNBase):
        raise TypeError(f"a layer of torch was expected, got {type(layer).__name__}")
    layer = copy.deepcopy(layer).requires_grad_(False)
    run = _lstm_step if isinstance(layer, nn.LSTM) else _plain_step
    return lambda x: run(layer, x.new_zeros(1, len(x), layer.input_size), x[None])[0]


def _plain_step(layer: nn.RNNBase, rest: Tensor, x: Tensor) -> Tensor:
    return layer(rest, x)[1]


def _lstm_step(layer: nn.RNNBase, rest: Tensor, x: Tensor) -> Tensor:
    h, c = x.chunk(2, dim=2)
    return torch.cat(layer(rest, (h.contiguous(), c.contiguous()))[1], dim=2)


def _leaky_step(model: dk.models.LeakyRNN) -> Step:
    if (model.form, model.activation) != ("current", "relu"):
        raise ValueError(
            f"only the current form with ReLU is written here, got {model.form}, {model.activation}"
        )
    W, b = model.effective_weights().W_rec.detach(), model.b_rec.detach()
    return lambda x: x + model.alpha * (functional.linear(torch.relu(x), W, b) - x)


def noisy_states(trajectories: Tensor, n: int, noise: float, seed: int) -> Tensor:
    """``n`` states of trajectories (trial, time, unit), with replacement, plus Gaussian noise; float32."""
    generator = torch.Generator().manual_seed(seed)
    pool = trajectories.reshape(-1, trajectories.shape[-1]).float()
    rows = torch.randint(len(pool), (n,), generator=generator)
    return pool[rows] + noise * torch.randn(n, pool.shape[1], generator=generator)


def adam_search(step: Step, starts: Tensor, learning_rate: float) -> AdamPoints:
    """Lower q from all starts (start, unit) together, then leave out copies and outliers."""
    x = starts.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.95, patience=2)
    before = torch.full((len(x),), torch.nan)
    n_iterations = 0
    while True:
        optimizer.zero_grad()
        q = (step(x) - x).square().sum(1) / 2
        now = q.detach()
        still = (now - before).abs() < LEAST_CHANGE * optimizer.param_groups[0]["lr"]
        if bool(((now < TOLERANCE) | still).all()) or n_iterations == MOST_ITERATIONS:
            break
        loss = q.mean()
        loss.backward()
        nn.utils.clip_grad_norm_([x], 1.0)
        optimizer.step()
        schedule.step(loss.item())
        before, n_iterations = now, n_iterations + 1
    kept = _unique(x.detach())
    kept = kept[_central(x.detach()[kept], starts)]
    return AdamPoints(x.detach()[kept], now[kept] < TOLERANCE, n_iterations)


def _unique(x: Tensor) -> Tensor:
    """The rows that no earlier kept one is near to."""
    kept: list[int] = []
    for i in range(len(x)):
        if not kept or bool(((x[kept] - x[i]).norm(dim=1) > UNIQUE).all()):
            kept.append(i)
    return torch.tensor(kept)


def _central(x: Tensor, starts: Tensor) -> Tensor:
    """Which states are finite and not far out, measured by the starts."""
    centre = starts.mean(0)
    reach = OUTLIER * (starts - centre).norm(dim=1).mean()
    return (x - centre).norm(dim=1) <= reach
