"""Maps with roots to certify: networks with seeded random weights, and states at which they stand still."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

import dynakit as dk
from dynakit import models
from dynakit.systems import System


def seeded(module: nn.Module, scale: float, seed: int = 0) -> nn.Module:
    """The module with weights from N(0, scale^2 / fan in)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            fan_in = p.shape[-1] if p.ndim > 1 else 4
            p.copy_(torch.randn(p.shape, generator=generator) * scale / fan_in**0.5)
    return module


def network(name: str, scale: float = 2.0, seed: int = 0, **kwargs: object) -> System:
    return dk.as_system(seeded(getattr(models, name)(2, 6, 2, **kwargs), scale, seed))


NETWORKS: dict[str, Callable[[], System]] = {
    "Elman": lambda: network("Elman", 3.0, 2),
    "Elman relu": lambda: network("Elman", 1.5, 1, activation="relu"),
    "GRU": lambda: network("GRU", 5.0, 1),
    "LSTM": lambda: network("LSTM", 2.0, 3),
    "LSTM peepholes": lambda: network("LSTM", 2.0, 2, peepholes=True),
    "leaky current tanh": lambda: network("LeakyRNN", 3.0, 3, activation="tanh"),
    "leaky rate softplus": lambda: network("LeakyRNN", 2.0, 2, activation="softplus", form="rate"),
    "leaky rectified sigmoid": lambda: network("LeakyRNN", 5.0, activation="sigmoid", form="rectified"),
    "leaky current relu": lambda: network("LeakyRNN", 2.0, 1, activation="relu"),
    "two layers of GRU": lambda: dk.as_system(seeded(nn.GRU(2, 4, num_layers=2), 5.0, 5)),
    "two layers of LSTM": lambda: dk.as_system(seeded(nn.LSTM(2, 4, num_layers=2), 5.0, 1)),
    "closed Elman": lambda: dk.ClosedLoop(network("Elman", 3.0, 3)),
    "closed GRU": lambda: dk.ClosedLoop(network("GRU", 2.0, 3)),
    "closed peephole LSTM": lambda: dk.ClosedLoop(network("LSTM", 2.0, 1, peepholes=True)),
    "closed leaky": lambda: dk.ClosedLoop(network("LeakyRNN", 2.0, 3, activation="tanh")),
    "driven": lambda: dk.Driven(network("GRU", 3.0), [0.5, -1.0]),
    "three steps": lambda: dk.Iterated(network("Elman", 3.0, 2), 3),
    "Henon": dk.catalog.henon,
    "Henon, seven steps": lambda: dk.Iterated(dk.catalog.henon(), 7),
    "own function": lambda: dk.FunctionSystem(lambda x: torch.sin(2 * x.roll(1, -1)) + 0.1 * x**2, 3),
}


def roots_of(system: System, n_starts: int = 60, seed: int = 1) -> Tensor:
    """States (point, unit) at which Newton's method came to rest, each once, under zero input."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n_starts, system.state_size, generator=generator, dtype=torch.float64)
    x[::2] = system.settle(x[::2], n_steps=200).clamp(-50, 50)
    u = torch.zeros(n_starts, system.input_size, dtype=torch.float64)
    for _ in range(80):
        p, _ = system.newton_step(x, u, system.step(x, u) - x)
        x = x + p.clamp(-0.5, 0.5)
    p, regular = system.newton_step(x, u, system.step(x, u) - x)
    moved = system.newton_step(x + 1e-9, u, system.step(x + 1e-9, u) - x - 1e-9)[0] + 1e-9
    there = regular & (torch.maximum(p.abs(), moved.abs()).amax(-1) < 1e-11)  # not in a flat valley
    x = x[there & (x.abs().amax(-1) < 20)]
    apart = torch.cdist(x, x, p=torch.inf, compute_mode="donot_use_mm_for_euclid_dist")
    return x[~(apart < 1e-7).tril(-1).any(-1)]


@cache
def rooted(name: str) -> tuple[System, Tensor]:
    """A network and its roots, found once for all tests."""
    system = NETWORKS[name]()
    return system, roots_of(system, n_starts=100)
