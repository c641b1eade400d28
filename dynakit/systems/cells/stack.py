"""Layers on top of each other: layer k hears, in the same step, what layer k - 1 hands on, as in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base import Bounds, System, joint_regularity
from ..pieces import OpenPieces, Readout
from ..rate_form import RateForm
from .cells import Cell, fingerprint, in_single_precision


class Stack(System):
    """Layers on top of each other, their states side by side: [layer 1, layer 2, ...].

    The first layer's parts keep their names; those of layer k are called "layerk.h" and so on.
    """

    def __init__(self, layers: list[Cell]) -> None:
        self.layers, parts, start = layers, {}, 0
        for k, layer in enumerate(layers, start=1):
            prefix = "" if k == 1 else f"layer{k}."
            for name, part in layer.parts.items():
                parts[prefix + name] = slice(start + part.start, start + part.stop)
            start += layer.state_size
        super().__init__(
            start,
            layers[0].input_size,
            output_size=layers[-1].output_size,
            parts=parts,
            regularity=joint_regularity(*layers),
            device=layers[0].device,
            name=f"{' and '.join(dict.fromkeys(layer.name for layer in layers))}, {len(layers)} layers",
        )
        self.fingerprint = fingerprint(*(layer.fingerprint for layer in layers))

    def _split(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.split([layer.state_size for layer in self.layers], dim=-1)

    def _walk(self, x: Tensor, u: Tensor) -> list[tuple[Cell, Tensor, Tensor]]:
        """Each layer with its state and the input it receives."""
        visits = []
        for layer, part in zip(self.layers, self._split(x)):
            visits.append((layer, part, u))
            u = layer._observe(layer._step(part, u))
        return visits

    def single_precision(self) -> System:
        twin = in_single_precision(self)
        twin.layers = [layer.single_precision() for layer in self.layers]
        return twin

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.cat([layer._step(part, v) for layer, part, v in self._walk(x, u)], -1)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._chain(x, u, by_input=False)

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._chain(x, u, by_input=True)

    def _chain(self, x: Tensor, u: Tensor, *, by_input: bool) -> Tensor:
        """Block lower triangular: layer k sees the layers below through its input."""
        rows, below, start = [], None, 0
        width = self.input_size if by_input else self.state_size
        for layer, part, v in self._walk(x, u):
            row = x.new_zeros(len(x), layer.state_size, width)
            if below is not None:
                row += layer._input_jacobian(part, v) @ below
            elif by_input:
                row += layer._input_jacobian(part, v)
            if not by_input:
                row[:, :, start : start + layer.state_size] += layer._jacobian(part, v)
            rows.append(row)
            below = layer._observe_jacobian(layer._step(part, v)) @ row
            start += layer.state_size
        return torch.cat(rows, 1)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        states, moved = [], []
        for layer, part, own in zip(self.layers, self._split(x), self._split(T)):
            state, own = layer._push(part, u, own, V)
            u, V = layer._observe(state), layer._observe_push(state, own)
            states.append(state)
            moved.append(own)
        return torch.cat(states, -1), torch.cat(moved, -1)

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return self.layers[-1]._observe_push(self._split(x)[-1], self._split(T)[-1])

    def _observe(self, x: Tensor) -> Tensor:
        return self.layers[-1]._observe(self._split(x)[-1])

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        top = self.layers[-1]
        wide = x.new_zeros(len(x), self.output_size, self.state_size)
        wide[:, :, self.state_size - top.state_size :] = top._observe_jacobian(self._split(x)[-1])
        return wide

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.stack([layer._kinks(part, v) for layer, part, v in self._walk(x, u)]).amin(0)

    def _box(self, inputs: Bounds) -> Bounds | None:
        boxes = []
        for layer in self.layers:
            box, bounds = layer._box(inputs), layer.observe_bounds()
            if box is None or bounds is None:
                return None
            boxes.append(box)
            inputs = bounds
        return Bounds(torch.cat([b.lo for b in boxes]), torch.cat([b.hi for b in boxes]))

    def observe_bounds(self) -> Bounds | None:
        return self.layers[-1].observe_bounds()

    def rate_form(self) -> RateForm | str:
        """At rest each layer hears the rates that those below have there: one network of all their units."""
        whole = self.layers[0].rate_form()
        for layer in self.layers[1:]:
            own = layer.rate_form()
            if isinstance(whole, str) or isinstance(own, str):
                return whole if isinstance(whole, str) else own
            whole = own.onto(whole)
        return whole

    def open_pieces(self) -> OpenPieces | None:
        whole, heard = self.layers[0].open_pieces(), self.layers[0].readout_pieces()
        for layer in self.layers[1:]:
            own = layer.open_pieces()
            if own is None or whole is None or heard is None or bool(heard.Q.any()):
                return None
            whole, heard = own.onto(whole, heard), layer.readout_pieces()
            heard = None if heard is None else heard.widened(len(whole.A))
        return whole

    def readout_pieces(self) -> Readout | None:
        top = self.layers[-1].readout_pieces()
        return None if top is None else top.widened(self.state_size)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        prefix = lambda k: "" if k == 1 else f"layer{k}."  # noqa: E731
        return {
            prefix(k) + name: W
            for k, layer in enumerate(self.layers, start=1)
            for name, W in layer.recurrent_weights().items()
        }

    def rewired(self, weights: dict[str, np.ndarray]) -> System:
        layers: list[Any] = []
        for k, layer in enumerate(self.layers, start=1):
            prefix = "" if k == 1 else f"layer{k}."
            layers.append(layer.rewired({name: weights[prefix + name] for name in layer.recurrent_weights()}))
        return Stack(layers)
