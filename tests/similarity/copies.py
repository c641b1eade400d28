"""Bits that are independent, and the same in other coordinates: every fixed point and multiplier is known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import dynakit as dk

BEND = 0.3


def bits(gains, shift=None) -> dk.System:
    """x' = tanh(w x + b + u), unit by unit."""
    return dk.catalog.tanh_network(np.diag(gains), shift, W_in=np.eye(len(gains)))


def turned(gains, Q) -> dk.System:
    """The bits in axes that are turned, or in another order, and read in the old ones."""
    Q, W = torch.as_tensor(Q, dtype=torch.float64), torch.from_numpy(np.diag(gains))
    n = len(gains)
    return dk.FunctionSystem(
        lambda x, u: torch.tanh(x @ Q @ W + u) @ Q.T, n, n, argument_order="state, input", readout=lambda x: x @ Q
    )


def rotation(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def bend(x: Tensor) -> Tensor:
    return x + BEND * torch.tanh(x)


def unbend(y: Tensor) -> Tensor:
    """The x with x + 0.3 tanh(x) = y, by Newton's method: the slope is between 1 and 1.3."""
    x = y.clone()
    for _ in range(8):
        x = x - (bend(x) - y) / slope(x)
    return x


def slope(x: Tensor) -> Tensor:
    return 1 + BEND * (1 - torch.tanh(x) ** 2)


def bent(gains) -> dk.System:
    """H F H^-1 with H(x) = x + 0.3 tanh(x); its Jacobian by the chain rule."""
    W, n = torch.from_numpy(np.diag(gains)), len(gains)

    def step(y: Tensor, u: Tensor) -> Tensor:
        return bend(torch.tanh(unbend(y) @ W + u))

    def jacobian(y: Tensor, u: Tensor) -> Tensor:
        x = unbend(y)
        after = torch.tanh(x @ W + u)
        inner = (1 - after**2)[:, :, None] * W
        return slope(after)[:, :, None] * inner / slope(x)[:, None, :]

    return dk.FunctionSystem(step, n, n, argument_order="state, input", jacobian=jacobian, readout=unbend)
