"""Where the layers of spiking libraries keep their state: set before a call, and read after it.

snnTorch and sinabs keep it in buffers, SpikingJelly in a dictionary, Norse hands it over and back.  A layer is
recognised by the module that its class comes from; no library is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..steps import branches, leaves, rebuilt

LIBRARIES = {"snntorch": "snnTorch", "norse": "Norse", "sinabs": "sinabs", "spikingjelly": "SpikingJelly"}
SPIKES = "spikes"
Values = dict[str, Any]


def library_of(part: nn.Module) -> str:
    """The library whose class a module is or descends from; "" for none."""
    roots = (kind.__module__.partition(".")[0] for kind in type(part).__mro__)
    return next((root for root in roots if root in LIBRARIES), "")


class LayerMemory:
    """The state that a layer keeps in attributes ``names``, and what it last returned.

    Attributes:
        kept: whether what the layer returns is carried along as its part "spikes".
        n_calls: how often the layer was called since ``prepare``.
    """

    def __init__(self, layer: nn.Module, names: Sequence[str] = ()) -> None:
        self.layer, self.names, self.kept, self.n_calls = layer, names, True, 0
        self.values: Values | None = None
        self.output: Any = None

    def forget(self) -> None:
        """Put the layer where it is before its first input."""
        for name in self.names:
            setattr(self.layer, name, torch.zeros(0))

    def first(self, after: Values) -> Values:
        """What the layer begins with, shaped as what it has ``after`` its first input."""
        return {name: _like(value, 0.0) for name, value in after.items()}

    def prepare(self, values: Values | None) -> None:
        """Set the state for the next call; None: whatever is kept."""
        self.values, self.n_calls = values, 0
        if values is not None:
            self._set({name: value for name, value in values.items() if name != SPIKES})

    def read(self) -> Values:
        """The state after a call."""
        if not self.n_calls:
            raise InputError(f"its forward does not call its layer {type(self.layer).__name__}")
        return {**self._read(), **({SPIKES: self.output} if self.kept else {})}

    def before(self, layer: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Hook before each call: the first of a forward must begin with the state that was set."""
        self.n_calls += 1
        if self.values is None or self.n_calls > 1:
            return None
        return self._begun(args, named)

    def after(self, layer: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """Hook after each call: what it returned, by a function of torch's, so that what follows is traced to it."""
        self.returned = output
        spikes = output[0] if isinstance(output, tuple) else output
        if not self.kept or not isinstance(spikes, Tensor):
            return None
        spikes = spikes.clone()
        self.output = self._last(spikes)
        return (spikes, *output[1:]) if isinstance(output, tuple) else spikes

    def _last(self, spikes: Tensor) -> Tensor:
        state = next((v for _, v in leaves(self._read())), spikes)
        if spikes.ndim == state.ndim + 1:  # a sequence, its time beside the axis of the batch
            return spikes[-1] if spikes.shape[1:] == state.shape else spikes[:, -1]
        return spikes

    def _set(self, values: Values) -> None:
        for name, value in values.items():
            setattr(self.layer, name, value)

    def _read(self) -> Values:
        held = {name: getattr(self.layer, name) for name in self.names}
        return {name: value for name, value in held.items() if isinstance(value, Tensor)}

    def _begun(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        values = self.values or {}
        given = [*args[1:], *named.values()]
        mine = [each for name, each in values.items() if name != SPIKES]
        own = all(any(v is each for each in mine) for v in given if isinstance(v, Tensor))
        now = self._read()
        if not own or any(now.get(name) is not v for name, v in values.items() if name != SPIKES):
            raise InputError(
                f"its forward puts its layer {type(self.layer).__name__} to a first state of its own at every call"
            )
        return None


class SnnTorchMemory(LayerMemory):
    """Buffers, which a forward may ask to be zeroed: it is given the state that was set instead."""

    def prepare(self, values: Values | None) -> None:
        kind = type(self.layer)
        for name in dir(kind):
            if name == "reset_mem" or (name.startswith("init_") and callable(getattr(kind, name))):
                vars(self.layer).pop(name, None)
                if values is not None:
                    vars(self.layer)[name] = self._instead
        super().prepare(values)

    def _instead(self) -> Any:
        values = [(self.values or {})[name] for name in self.names]
        return values[0] if len(values) == 1 else tuple(values)


class JellyMemory(LayerMemory):
    """A dictionary of memories, with the values to which they are reset."""

    def forget(self) -> None:
        self.layer.reset()  # type: ignore[operator]

    def first(self, after: Values) -> Values:
        again: Any = self.layer._memories_rv
        return {
            name: _like(value, again[name] if isinstance(again.get(name), (int, float)) else 0.0)
            for name, value in after.items()
        }


class SinabsMemory(LayerMemory):
    """Buffers; a layer of squeezed sequences is set to one step of a batch of any size."""

    def __init__(self, layer: nn.Module, names: Sequence[str]) -> None:
        super().__init__(layer, names)
        if hasattr(layer, "num_timesteps"):
            layer.batch_size, layer.num_timesteps = -1, 1  # type: ignore[assignment]


class NorseMemory(LayerMemory):
    """A state that is handed over and comes back."""

    def forget(self) -> None:
        self.begun: Any = None
        self.returned: Any = None

    def first(self, after: Values) -> Values:
        values = super().first(after)
        if self.begun is None:
            return values
        mine = dict(branches(self.begun))
        return {
            name: rebuilt(
                value, (b.detach().expand_as(v).clone() for (_, v), (_, b) in _pairs(value, mine[name]))
            )
            if name in mine
            else value
            for name, value in values.items()
        }

    def before(self, layer: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        inputs, *more = args
        given = more[0] if more else named.get("state")
        self.n_calls += 1
        if self.n_calls > 1 or (self.values is None and given is not None):
            return None
        if given is not None:
            raise InputError(
                f"its forward puts its layer {type(layer).__name__} to a first state of its own at every call"
            )
        if self.values is None:
            make = getattr(layer, "state_fallback", None)
            self.begun = make(inputs) if callable(make) else None
            return None
        return (inputs, self._as_given(self.values)), {}

    def _as_given(self, values: Values) -> Any:
        given = {name: value for name, value in values.items() if name != SPIKES}
        return self.kind(**given)

    def _set(self, values: Values) -> None:
        pass

    def _read(self) -> Values:
        state = self.returned[1]
        self.kind = type(state)
        return dict(branches(state))


def memories_of(model: nn.Module) -> dict[str, LayerMemory]:
    """The layers of a model that keep a state, by name; none where no spiking library made any."""
    found = {}
    for name, part in model.named_modules():
        memory = _memory(part)
        if memory is not None:
            found[name] = memory
    return found


def _memory(part: nn.Module) -> LayerMemory | None:
    library = library_of(part)
    buffers = list(part._buffers)
    if library == "snntorch":
        names = [name for name in ("spk", "syn", "syn_exc", "syn_inh", "mem") if name in buffers]
        return SnnTorchMemory(part, names) if names else None
    if library == "sinabs":
        return SinabsMemory(part, buffers) if hasattr(part, "is_state_initialised") else None
    if library == "spikingjelly":
        names = list(getattr(part, "_memories", ()))
        return JellyMemory(part, names) if names else None
    return _norse(part) if library == "norse" else None


def _norse(part: nn.Module) -> NorseMemory | None:
    if type(part).__name__ == "RecurrentSequential":
        raise InputError(
            "RecurrentSequential of Norse feeds its outputs back outside its layers' states; its layers without that "
            "feedback are dk.as_system(model.module)"
        )
    inside = any(hasattr(below, "state_fallback") for below in part.modules() if below is not part)
    return NorseMemory(part) if hasattr(part, "state_fallback") and not inside else None


def _like(value: Any, filled: float) -> Any:
    return rebuilt(value, (torch.full_like(leaf, filled) for _, leaf in leaves(value)))


def _pairs(a: Any, b: Any) -> list[Any]:
    return list(zip(leaves(a), leaves(b), strict=True))
