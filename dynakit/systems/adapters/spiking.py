"""Spiking networks as systems: maps that jump, stepped by the network's own code on a copy in float64."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from ...models.spiking import SpikingNetwork
from ..base import System
from ..cells import fingerprint
from .copies import float64_copy


class SpikingSystem(System):
    """A spiking network.  Its step has no derivative: surrogates belong to training."""

    def __init__(self, model: SpikingNetwork, device: torch.device | str | None = None) -> None:
        twin = float64_copy(model, device)
        assert isinstance(twin, SpikingNetwork)
        super().__init__(
            twin.state_size,
            twin.n_inputs,
            output_size=twin.n_outputs,
            parts=dict(twin.parts),
            regularity="discontinuous",
            device=twin.W_rec.device,
            name=type(model).__name__,
        )
        self.twin, self.dt = twin, twin.dt
        settings = {name: value for name, value in twin.config().items() if name != "seed"}
        self.fingerprint = fingerprint(self.name, repr(settings), *twin.parameters())

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        with torch.no_grad():
            return self.twin(u[:, None], x).states[:, 0]

    def _observe(self, x: Tensor) -> Tensor:
        W, b = self.twin.linear_readout()
        return self.twin.features(x) @ W.T + b

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        return {"W_rec": self.twin.W_rec.numpy(force=True).copy()}

    def rewired(self, weights: dict[str, np.ndarray]) -> System:
        if "W_rec" not in dict(self.twin.named_parameters(recurse=False)):
            return super().rewired(weights)
        other = copy.copy(self)
        other.twin = copy.deepcopy(self.twin)
        with torch.no_grad():
            other.twin.W_rec.copy_(torch.from_numpy(weights["W_rec"]))
        other.fingerprint = fingerprint(self.fingerprint, other.twin.W_rec)
        return other
