"""What a forward does before its recurrent layer starts and after it has run: learned first states, and heads.

A forward that only reads the states of its layer, by whatever it likes, is a readout: the layer is replaced by a stub
that returns given states, and what the forward then returns is taken for the readout if it is so over whole sequences.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...models.base import RecurrentModel
from ..base import System
from ..cells import fingerprint
from ..derived import WithReadout
from ..foreign import bearing_float64
from .calling import Way, run
from .comparison import ForwardComparison, Ours, is_among
from .copies import WEIGHT_MAKERS, float64_copy
from .twins import Twins, first_state


def learned_start(twins: Twins, system: System, inputs: Tensor) -> Tensor | None:
    """The state that every trial of a model starts from, where it is not zero and does not depend on the inputs."""
    for way in twins.ways(system):
        outcome = twins.run(way, inputs, None) if way.form is None else None
        if outcome is None or not outcome.calls:
            continue
        first = first_state(outcome.calls[0], system)
        if first is not None and len(first) != len(inputs):
            continue
        same = first is not None and bool((first == first[:1]).all())
        return first[0].detach().clone() if first is not None and same and bool(first.any()) else None
    return None


def rest_of_forward(twins: Twins, core: System, inputs: Tensor, found: ForwardComparison) -> System | None:
    """``core`` read out by all that the forward of its model does with its states; None if that is no readout."""
    model, name, way = twins.model, twins.core, found.way
    assert name is not None
    layer = model.get_submodule(name)
    hooks = [*layer._forward_hooks.values(), *layer._forward_pre_hooks.values()]
    if (
        way is None
        or isinstance(layer, RecurrentModel)
        or not all(isinstance(h, WEIGHT_MAKERS) for h in hooks)
    ):
        return None
    ours = Ours(core, core.initial_state(), inputs)
    outcome = twins.run(way, inputs, None) if way.form is None else None
    if outcome is None:  # it wants a state
        outcome = twins.run(way, inputs, _before(ours, way))
    seen = core.observe(ours.states)
    for k, value in enumerate(outcome.values if outcome is not None else []):
        try:
            head = bearing_float64(_Head(model, core, name, way, k), seen[:2, 0])
            with torch.no_grad():
                read = head(seen.flatten(0, 1)).double().unflatten(0, seen.shape[:2])
        except Exception:  # foreign code
            continue
        precise = outcome is not None and outcome.precise
        if is_among(value, read, ours.clear(precise), 1e-8 if precise else 1e-4):
            whole = WithReadout(core, function=head)
            whole.fingerprint = fingerprint(core.fingerprint, *twins.double.parameters())
            return whole
    return None


def _before(ours: Ours, way: Way) -> Tensor:
    """The states to start from: the first, or for a forward of one step that of each step."""
    return torch.cat([ours.x0[:, None], ours.states[:, :-1]], 1) if way.stepwise else ours.x0


class _Head:
    """The ``k``-th value of a forward whose layer returns given states."""

    def __init__(self, model: nn.Module, core: System, name: str, way: Way, k: int) -> None:
        self.twin = float64_copy(model, core.device)
        self.core, self.way, self.k = core, way, k
        self.layer: Any = self.twin.get_submodule(name)
        self.layer.forward = self._returned
        self.states: Tensor | None = None

    def __call__(self, states: Tensor) -> Tensor:
        if not len(states):  # foreign code need not bear none
            return self(states.new_zeros(1, states.shape[1]))[:0]
        self.states = states
        n, core = len(states), self.core
        x = states.new_zeros(n, 1, core.input_size)
        before = (
            states.new_zeros(n, 1, core.state_size)
            if self.way.stepwise
            else states.new_zeros(n, core.state_size)
        )
        values = run(self.twin, self.way, x, None if self.way.form is None else before)
        return values[self.k].reshape(n, -1)

    def _returned(self, *args: Any, **kwargs: Any) -> Any:
        """The given states in the form in which the layer returns its own."""
        h, layer = self.states, self.layer
        assert h is not None
        if isinstance(layer, nn.RNNCellBase):
            return (h, torch.zeros_like(h)) if isinstance(layer, nn.LSTMCell) else h
        sequence = h[:, None] if layer.batch_first else h[None]
        last = torch.cat([h.new_zeros(layer.num_layers - 1, *h.shape), h[None]])
        return sequence, (last, torch.zeros_like(last)) if isinstance(layer, nn.LSTM) else last
