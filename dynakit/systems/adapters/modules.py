"""A user's module around one recurrent layer: layer and readout are found, and compared with its forward."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...models.base import RecurrentModel
from ..base import System
from ..foreign import untouched_randomness
from .copies import float64_copy
from .layers import KNOWN, adapt_layer, linear_readout


def adapt_module(model: nn.Module, device: torch.device | str | None, *, find_readout: bool) -> System:
    """The one recurrent layer that ``model`` is or holds, with its readout if that is to be found too."""
    if isinstance(model, KNOWN):
        return adapt_layer(model, device)
    found: dict[str, nn.Module] = {n: m for n, m in model.named_modules() if isinstance(m, KNOWN)}
    found = {n: m for n, m in found.items() if not any(n.startswith(o + ".") for o in found)}
    if len(found) != 1:
        raise InputError(_how_to_call(model, found))
    twin = float64_copy(model, device)  # checks every weight under its full name
    name, rnn = next(iter(found.items()))
    system = adapt_layer(rnn, device)
    said = f"{system.name}, layer '{name}' of {type(model).__name__}"
    if find_readout:
        reader = "" if isinstance(rnn, RecurrentModel) else _find_readout(model, name, system.output_size)
        if reader:
            system = linear_readout(system, model.get_submodule(reader))  # pyright: ignore[reportArgumentType]
            said += f" with readout '{reader}'"
        if not _forward_agrees(twin, system, name, reader):
            said += " (forward not compared)"
    system.name = said
    return system


def _expression(name: str) -> str:
    """How a submodule is written in Python: "layers.0.rnn" is model.layers[0].rnn."""
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))


def _listed(modules: dict[str, nn.Module]) -> str:
    return ", ".join(f"{name} ({type(module).__name__})" for name, module in modules.items())


def _how_to_call(model: nn.Module, found: dict[str, nn.Module]) -> str:
    kind = type(model).__name__
    if not found:
        held = _listed(dict(model.named_children())) or "nothing"
        return (
            f"model ({kind}) holds no recurrent layer that is known here (found: {held}); name the method that "
            "takes one step: dk.as_system(model, step='...', readout='...')"
        )
    return (
        f"model ({kind}) holds {len(found)} recurrent layers: {_listed(found)}; choose one, for example "
        f"dk.as_system(({_expression(next(iter(found)))}, model.<readout>))"
    )


def _find_readout(model: nn.Module, rnn_name: str, width: int) -> str:
    """The name of the one linear layer that can read the recurrent layer, or ""; other weights are errors."""
    outside = {n: m for n, m in model.named_modules() if n and not f"{n}.".startswith(f"{rnn_name}.")}
    weighted = {n: m for n, m in outside.items() if next(m.parameters(recurse=False), None) is not None}
    if not weighted:
        return ""
    name, module = next(iter(weighted.items()))
    if len(weighted) == 1 and isinstance(module, nn.Linear) and module.in_features == width:
        return name
    raise InputError(
        f"model ({type(model).__name__}) holds the recurrent layer '{rnn_name}' and also {_listed(weighted)}: which "
        "of them reads it out, and what stands before it, cannot be told; call "
        f"dk.as_system(({_expression(rnn_name)}, model.<readout>)), whose inputs are those of the layer itself"
    )


def _forward_agrees(twin: nn.Module, system: System, rnn_name: str, reader: str) -> bool:
    """Compare with the forward pass of a copy; False where it cannot be called with one input sequence."""
    n = system.input_size
    inputs = torch.linspace(-1, 1, 2 * 3 * n, dtype=torch.float64, device=system.device).reshape(2, 3, n)
    theirs: list[Tensor] = []
    for given in (inputs, inputs.transpose(0, 1)):  # the order that the layer wants, or the module turns
        try:
            with untouched_randomness(), torch.no_grad():
                theirs += list(_tensors(twin(given)))
        except Exception:  # foreign code, which may want other arguments than one sequence
            continue
    if not theirs:
        return False
    ours = system.observe(system.trajectory(system.initial_state(), inputs))
    if any(_same(a, b) for a in theirs for b in (ours, ours.transpose(0, 1), ours[:, -1])):
        return True
    does = f"reading '{rnn_name}' by '{reader}'" if reader else f"running '{rnn_name}'"
    pair = f"({_expression(rnn_name)}, {_expression(reader) if reader else '<readout>'})"
    raise InputError(
        f"model ({type(twin).__name__}) does something else than {does}: its forward gives other values, of "
        f"shape {tuple(theirs[0].shape)}; say what to take: dk.as_system({pair})"
    )


def _tensors(value: object) -> Iterator[Tensor]:
    """The tensors of what a forward pass returns."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _same(a: Tensor, b: Tensor) -> bool:
    """Equal values in equal order; a squeezed or flattened axis is not a difference."""
    a, b = a.double().reshape(-1), b.reshape(-1)
    return len(a) == len(b) and torch.allclose(a, b, rtol=1e-6, atol=1e-8)
