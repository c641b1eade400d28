"""Recurrent networks one upon the other, each hearing in the same step what the one below hands on, with layers that
keep no state before, between and behind them: what other libraries call a sequential model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks
from ..errors import InputError
from .activations import ACTIVATIONS, GATES
from .base import RecurrentModel, Trajectory

POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: found.function for name, found in {**ACTIVATIONS, **GATES}.items()},
    "softmax": partial(torch.softmax, dim=-1),
    "softsign": functional.softsign,
    "elu": functional.elu,
    "selu": torch.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "swish": functional.silu,
    "mish": functional.mish,
    "relu6": functional.relu6,
    "exponential": torch.exp,
}


class Pointwise(nn.Module):
    """One of :data:`POINTWISE` as a layer without weights."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = checks.one_of("activation", name, POINTWISE)

    def extra_repr(self) -> str:
        return self.name

    def forward(self, x: Tensor) -> Tensor:
        """The function of each value (of each row, for softmax)."""
        return POINTWISE[self.name](x)


class LayeredNetwork(RecurrentModel):
    """Networks of this package and layers without a state, in the order in which they hear each other.

    Arguments:
        layers: recurrent models of this package, of which each hands on its outputs, and ``nn.Linear`` and
            :class:`Pointwise` layers.
        left_out: what the network that this one was read from has besides, and the dynamics have not (dropout,
            masking); it is said in the name of its system.

    The state holds those of the recurrent layers side by side.  Raises InputError for layers that do not fit.

    >>> from dynakit.models import GRU, LSTM
    >>> LayeredNetwork([LSTM(3, 5, 4), GRU(4, 6, 2)])(torch.zeros(1, 10, 3)).states.shape
    torch.Size([1, 10, 16])
    """

    state_layout = "[the state of each layer]"

    def __init__(self, layers: Iterable[nn.Module], *, left_out: Iterable[str] = ()) -> None:
        super().__init__()
        self.layers, self.left_out = nn.ModuleList(layers), tuple(left_out)
        if not self.recurrent:
            raise InputError("layers holds no recurrent network")
        widths = [_widths(layer) for layer in self.layers]
        sizes = [size for size in widths if size is not None]
        for k, ((_, below), (above, _)) in enumerate(pairwise(sizes), start=1):
            if below != above:
                raise InputError(f"layer {k} of layers hands on {below} values, and the one behind it takes {above}")
        self.n_inputs, self.n_outputs = sizes[0][0], sizes[-1][1]
        self.n_hidden = self.recurrent[-1].n_hidden

    @property
    def recurrent(self) -> list[RecurrentModel]:
        """The layers that have a state, from below."""
        return [layer for layer in self.layers if isinstance(layer, RecurrentModel)]

    @property
    def state_size(self) -> int:
        """Number of entries of one state: those of all layers."""
        return sum(layer.state_size for layer in self.recurrent)

    def extra_repr(self) -> str:
        return super().extra_repr() + (f", without {', '.join(self.left_out)}" if self.left_out else "")

    def _parts(self, states: Tensor) -> Iterator[Tensor]:
        return iter(states.split([layer.state_size for layer in self.recurrent], dim=-1))

    def rates(self, states: Tensor) -> Tensor:
        """The units of the last recurrent layer (..., hidden)."""
        *_, top = self._parts(states)
        return self.recurrent[-1].rates(top)

    def read(self, states: Tensor) -> Tensor:
        """The outputs (..., output) of the last layer, from ``states`` (..., state); differentiable."""
        *_, top = self._parts(states)
        values = self.recurrent[-1].read(top)
        for layer in self.layers[self._last + 1 :]:
            values = layer(values)
        return values

    @property
    def _last(self) -> int:
        return max(k for k, layer in enumerate(self.layers) if isinstance(layer, RecurrentModel))

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step in plain operations, from states ``x`` (trial, state) under ``u`` (trial, input)."""
        parts, states = self._parts(x), []
        for layer in self.layers[: self._last + 1]:
            if isinstance(layer, RecurrentModel):
                states.append(layer.step(next(parts), u))
                u = layer.read(states[-1])
            else:
                u = layer(u)
        return torch.cat(states, -1)

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        parts, states, values = self._parts(x0), [], inputs
        for layer in self.layers:
            if isinstance(layer, RecurrentModel):
                run = layer(values, next(parts), generator=generator)
                values, states = run.outputs, [*states, run.states]
            else:
                values = layer(values)
        return Trajectory(values, torch.cat(states, -1))


def _widths(layer: nn.Module) -> tuple[int, int] | None:
    """What a layer takes and hands on; None where it hands on as much as it takes."""
    if isinstance(layer, RecurrentModel):
        return layer.n_inputs, layer.n_outputs
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    if isinstance(layer, Pointwise):
        return None
    raise InputError(
        f"layers must hold models of this package, nn.Linear and Pointwise layers, got {type(layer).__name__}"
    )
