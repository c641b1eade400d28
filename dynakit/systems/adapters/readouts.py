"""Readouts that a user names: put on a system in the place of what was found, one or several side by side."""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..base import System
from ..derived import WithReadout
from ..flow import Flow
from ..foreign import bearing_float64
from ..function import FunctionSystem
from .copies import on_a_copy
from .layers import is_linear, linear_readout


def attribute(model: Any, value: Any, *, called: str = "readout") -> Any:
    """A readout, or the attribute of the model that is named; of a dictionary of readouts each."""
    if isinstance(value, dict):
        return {name: attribute(model, each, called=called) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    try:
        return operator.attrgetter(value)(model)
    except AttributeError:
        raise InputError(f"{called}={value!r} is not an attribute of model ({type(model).__name__})") from None


def read_out(system: System, readout: Any) -> System:
    """``system`` with this readout; with a dictionary of them, with all of them side by side."""
    if isinstance(system, Flow):
        return system.over(read_out(system.field, readout))
    if not isinstance(readout, dict):
        return _with_one(system, readout)
    if not readout:
        raise InputError("readout names no readouts")
    return _side_by_side({str(name): _with_one(system, each) for name, each in readout.items()})


def _with_one(system: System, readout: Any) -> System:
    inner = system.inner if isinstance(system, WithReadout) else system
    if not is_linear(readout) and not callable(readout):
        raise InputError(f"readout must be a module or a callable, got {type(readout).__name__}")
    first: InputError | None = None
    for seen in _seen(inner):
        try:
            return _on(seen, readout)
        except InputError as error:
            first = first or error
    assert first is not None
    raise first


def _on(system: System, readout: Any) -> System:
    if is_linear(readout):
        return linear_readout(system, readout)
    function = on_a_copy(readout, system.device, called="readout")
    seen = system._observe(system.initial_state().expand(2, -1))
    return WithReadout(system, function=bearing_float64(function, seen))


def _seen(system: System) -> Iterator[System]:
    """``system`` handing on what it does; a step of the user's also its whole state, and the first of its parts."""
    yield system
    if type(system) is FunctionSystem:
        first = next(iter(system.parts.values()))
        for columns in (slice(None), first):
            twin = copy.copy(system)
            twin._readout = None if columns == slice(None) else lambda x, columns=columns: x[:, columns]
            twin.output_size = len(range(system.state_size)[columns])
            twin.readouts = {}
            yield twin


def _side_by_side(each: dict[str, System]) -> System:
    """The outputs of systems that differ in their readouts alone, in one."""
    parts, at = {}, 0
    for name, system in each.items():
        parts[name] = slice(at, at + system.output_size)
        at += system.output_size
    systems = [system for system in each.values() if isinstance(system, WithReadout)]
    inner = systems[0].inner
    if all(system.W is not None and system.inner is inner for system in systems):
        W = torch.cat([system.W for system in systems if system.W is not None])
        whole = WithReadout(inner, W, torch.cat([system.b for system in systems if system.b is not None]))
    else:
        base = inner
        if type(inner) is FunctionSystem:  # whose readouts may read different parts of its state
            base = copy.copy(inner)
            base._readout, base.output_size = None, inner.state_size
        read = _Beside([system._observe if base is not inner else _reader(system) for system in systems])
        whole = WithReadout(base, function=read)
    whole.readouts = parts
    return whole


def _reader(system: WithReadout) -> Any:
    """The readout of what the inner system hands on."""
    if system.function is not None:
        return system.function
    W, b = system.W, system.b
    assert W is not None
    assert b is not None
    return lambda seen: seen @ W.T + b


class _Beside:
    """Readouts of the same, side by side."""

    def __init__(self, readers: list[Any]) -> None:
        self.readers = readers

    def __call__(self, seen: Tensor) -> Tensor:
        return torch.cat([read(seen.clone()) for read in self.readers], -1)
