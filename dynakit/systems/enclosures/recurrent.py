"""torch's recurrent layers and cells, which are one function each to it: their formulas written out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .constants import Unsupported
from .contractions import linear
from .jets import Jet, operation

Cell = Callable[..., Any]  # (input, state, W_ih, W_hh, b_ih, b_hh) -> state


def _linear(v: Any, W: Tensor, b: Tensor | None) -> Any:
    W, b = W.detach(), None if b is None else b.detach()
    return linear(v, W, b) if isinstance(v, Jet) else functional.linear(v, W, b)


def _gru(u: Any, h: Any, W: Tensor, R: Tensor, b_u: Any = None, b_h: Any = None) -> Any:
    r, z, n = _linear(u, W, b_u).chunk(3, -1)
    r_h, z_h, n_h = _linear(h, R, b_h).chunk(3, -1)
    return torch.lerp(torch.tanh(n + torch.sigmoid(r + r_h) * n_h), h, torch.sigmoid(z + z_h))


def _lstm(u: Any, state: Any, W: Tensor, R: Tensor, b_u: Any = None, b_h: Any = None) -> Any:
    h, c = state
    i, f, g, o = (_linear(u, W, b_u) + _linear(h, R, b_h)).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _rnn(
    f: Callable[[Any], Any], u: Any, h: Any, W: Tensor, R: Tensor, b_u: Any = None, b_h: Any = None
) -> Any:
    return f(_linear(u, W, b_u) + _linear(h, R, b_h))


_CELLS: dict[str, Cell] = {
    "gru": _gru,
    "lstm": _lstm,
    "rnn_tanh": partial(_rnn, torch.tanh),
    "rnn_relu": partial(_rnn, torch.relu),
}
for _name, _cell in _CELLS.items():
    operation(f"{_name}_cell")(_cell)


def _sequence(
    cell: Cell,
    input: Any,
    hx: Any,
    params: Any,
    has_biases: Any,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """Layers over a sequence: the output (time, point, unit) and the last states (layer, point, unit)."""
    per_layer = 4 if has_biases else 2
    if not isinstance(params, list | tuple) or bidirectional or len(params) != per_layer * num_layers:
        raise Unsupported("only layers that run forwards, without projections, have an enclosure")
    if dropout and train:
        raise Unsupported("dropout draws: a step with it has no enclosure in training")
    is_pair = isinstance(hx, tuple | list)
    steps = list((input.transpose(0, 1) if batch_first else input).unbind(0))
    lasts = []
    for k in range(num_layers):
        state = tuple(part[k] for part in hx) if is_pair else hx[k]
        weights = params[per_layer * k : per_layer * (k + 1)]
        for t, u in enumerate(steps):
            state = cell(u, state, *weights)
            steps[t] = state[0] if is_pair else state
        lasts.append(state)
    output = torch.stack(steps, 1 if batch_first else 0)
    if is_pair:
        return output, *(torch.stack(parts) for parts in zip(*lasts))
    return output, torch.stack(lasts)


for _name, _cell in _CELLS.items():
    operation(_name)(partial(_sequence, _cell))
