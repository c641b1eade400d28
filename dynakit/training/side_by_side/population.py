"""All weights of all networks as one matrix, a row each: clipping, optimiser and rollback are operations on rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

FIRST, SECOND, EPS = 0.9, 0.999, 1e-8  # Adam's, as torch has them
JOINT_EPS = 1e-6  # what torch adds to a norm before it divides by it

Views = dict[str, Tensor]  # name of a parameter -> (network, *its shape)


class Standing(NamedTuple):
    """What a network is between two updates: its weights, both moments, and the steps that made them."""

    values: Tensor  # (network, weight)
    first: Tensor
    second: Tensor
    steps: Tensor  # (network, 1)


class Population:
    """The weights of ``models`` side by side, their gradients, and the optimiser that moves them."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        named = dict(models[0].named_parameters())
        self.shapes = {name: p.shape for name, p in named.items()}
        self.frozen = [name for name, p in named.items() if not p.requires_grad]
        rows = [torch.cat([p.detach().reshape(-1) for p in model.parameters()]) for model in models]
        values = torch.stack(rows)
        self.rows = Standing(values, torch.zeros_like(values), torch.zeros_like(values), values.new_zeros(len(rows), 1))
        self.good = Standing(*(part.clone() for part in self.rows))
        self.gradient = torch.zeros_like(values)

    def __len__(self) -> int:
        return len(self.gradient)

    def views(self, matrix: Tensor) -> Views:
        """Each parameter's part of ``matrix`` (network, weight)."""
        parts = matrix.split([shape.numel() for shape in self.shapes.values()], dim=1)
        return {name: part.unflatten(1, shape) for (name, shape), part in zip(self.shapes.items(), parts)}

    def clip(self, longest: float) -> list[float]:
        """Make each gradient at most ``longest``; returns how long they were."""
        views = self.views(self.gradient)
        for name in self.frozen:
            views[name].zero_()
        norms = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
        if math.isfinite(longest):
            self.gradient.mul_((longest / (norms + JOINT_EPS)).clamp(max=1.0))
        return norms[:, 0].tolist()

    def step(self, rates: Sequence[float], optimizer: str, momentum: float) -> None:
        """Step along each gradient, by "adam" or "sgd", at the learning rate of its network."""
        (w, first, second, steps), g = self.rows, self.gradient
        rate = w.new_tensor(rates, dtype=torch.float64)[:, None]
        if optimizer == "sgd":
            w.sub_(first.mul_(momentum).add_(g).mul(rate.to(w)))
            return
        done = steps.add_(1).double()
        first.lerp_(g, 1 - FIRST)
        second.mul_(SECOND).addcmul_(g, g, value=1 - SECOND)
        size = (rate / (1 - FIRST**done)).to(w)
        scale = torch.sqrt(1 - SECOND**done).to(w)
        w.sub_(second.sqrt().div_(scale).add_(EPS).reciprocal_().mul_(first).mul_(size))

    def keep(self, chosen: Sequence[int]) -> None:
        """Copy these networks as they are now: they are good."""
        for good, now in zip(self.good, self.rows):
            if chosen:
                good[chosen] = now[chosen]

    def restore(self, chosen: Sequence[int]) -> None:
        """Put the last good copies of these networks in place."""
        for good, now in zip(self.good, self.rows):
            if chosen:
                now[chosen] = good[chosen]

    def leave_only(self, chosen: Sequence[int]) -> None:
        """Go on with these networks alone."""
        self.rows = Standing(*(part[chosen] for part in self.rows))
        self.good = Standing(*(part[chosen] for part in self.good))
        self.gradient = self.gradient[chosen]

    @torch.no_grad()
    def write(self, k: int, model: nn.Module) -> None:
        """Give ``model`` the weights of row ``k``."""
        views: Mapping[str, Tensor] = self.views(self.rows.values[k : k + 1])
        for name, p in model.named_parameters():
            p.copy_(views[name][0])
