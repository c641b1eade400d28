"""A user's module around one recurrent layer: layer and readout are found, and compared with its forward."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ... import models
from ...errors import InputError
from ...models.base import RecurrentModel
from ..base import System
from .by_step import by_its_step, stacked, why_not, without_a_forward
from .comparison import ForwardComparison, compare, probes
from .fronts import behind_its_front
from .heads import learned_start, rest_of_forward
from .layers import (
    DIRECTIONS,
    KNOWN,
    LAYERS,
    adapt_layer,
    direction_of,
    is_plain,
    linear_readout,
    refuse_variants,
)
from .twins import Twins

BEFORE = " with what stands before it"
BUILT_IN = (*LAYERS, *(kind for kind in vars(models).values() if isinstance(kind, type)), RecurrentModel)


class Unfit(InputError):
    """A module that is not one layer with what is around it; ``core`` is the layer that was found in it."""

    def __init__(self, text: str, core: System | None = None) -> None:
        super().__init__(text)
        self.core = core


def adapt_module(
    model: nn.Module,
    device: torch.device | str | None,
    *,
    find_readout: bool = True,
    core: str | None = None,
) -> System:
    """``model`` by the recurrent layer that it is or holds, with its readout if that is to be found; or by its step.

    ``core`` names the layer, or the part that takes the step.
    """
    if getattr(model, "bidirectional", False) and core in DIRECTIONS and is_plain(model):
        system = adapt_whole(direction_of(model, core), device)
        system.name += f", {core} direction of a bidirectional layer, its inputs in that order"
        return system
    if isinstance(model, KNOWN):
        return adapt_whole(model, device)
    try:
        return _by_its_layer(model, device, find_readout=find_readout, core=core)
    except Unfit as unfit:
        if type(model).forward is nn.Module.forward:
            raise InputError(without_a_forward(model, str(unfit), device)) from None
        trouble: list[str] = []
        found = by_its_step(model, unfit.core, device, within=core or "", trouble=trouble)
        if found is not None:
            return found
        told = str(unfit).partition("; ")[0] if trouble else str(unfit)
        raise InputError("; ".join([told, *trouble[:1]])) from None


def _by_its_layer(
    model: nn.Module, device: torch.device | str | None, *, find_readout: bool, core: str | None
) -> System:
    found: dict[str, nn.Module] = _recurrent_layers(model)
    if core is not None:
        part = _part(model, core)
        found = {core: part} if isinstance(part, KNOWN) else {}
    if len(found) > 1:
        stack = stacked(model, found, device)
        if stack is not None:
            return stack
    if len(found) != 1:
        raise Unfit(_how_to_call(model, found))
    name, rnn = next(iter(found.items()))
    twins = Twins(model, device, name)  # checks every weight under its full name
    if isinstance(rnn, LAYERS):
        refuse_variants(rnn, expression(name))
    system = adapt_layer(rnn, device)
    inputs = probes(system)
    system.start = learned_start(twins, system, inputs)
    said = f"{system.name}, layer '{name}' of {type(model).__name__}"
    if not find_readout or core is not None:
        states = compare(twins, system, inputs, need="states")
    if not find_readout:
        front = None if states.agrees else behind_its_front(twins, system)
        if front is not None:
            system, states, _ = front
            said += BEFORE
        if not states.agrees:
            raise _something_else(model, system, name, "", states)
    else:
        try:
            system, states, read = _with_its_readout(twins, system, inputs)
        except Unfit:
            if core is None or not states.agrees:
                raise
            read = " without its readout, which its state does not settle"
        said += read
    system.name = said + (", with the mean of its noise" if twins.draws else "")
    return _said_of(system, states)


def _part(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        held = listed(dict(model.named_children()))
        raise InputError(f"core={name!r} is no part of model ({type(model).__name__}), which holds {held}") from None


def adapt_whole(layer: nn.Module, device: torch.device | str | None) -> System:
    """A layer, or a model of this package, that is the network itself; compared with a forward that may be another."""
    system = adapt_layer(layer, device)
    if is_plain(layer):
        system.time_first = not getattr(layer, "batch_first", True)
        return system
    comparison = compare(Twins(layer, device), system, probes(system))
    if not comparison.agrees:
        kind, base = type(layer).__name__, next(k for k in type(layer).__mro__ if k in BUILT_IN)
        own = (
            "a forward" if type(layer).forward is not base.forward or "forward" in vars(layer) else "settings"
        )
        hooks = [*layer._forward_pre_hooks.values(), *layer._forward_hooks.values()]
        names = ", ".join(getattr(h, "__qualname__", type(h).__name__).rpartition(".")[2] for h in hooks)
        raise InputError(
            f"model ({kind}) has {f'forward hooks ({names})' if hooks else own} of its own, so it is not the "
            f"{base.__name__} it descends from: {comparison.why}; put it into a module with a method that takes one "
            "step, and call dk.as_system(module, step='<method>', state_size=..., input_size=...)"
        )
    return _said_of(system, comparison)


def _said_of(system: System, comparison: ForwardComparison) -> System:
    """``system`` with what was learnt by comparing it."""
    system.compared = comparison.steps
    system.time_first = comparison.way is not None and comparison.way.time_first
    return system


def _with_its_readout(twins: Twins, core: System, inputs: Tensor) -> tuple[System, ForwardComparison, str]:
    """The core read out as the forward does it: by a linear layer, or by all that the forward does with its states."""
    model, name = twins.model, twins.core
    assert name is not None
    ours = isinstance(model.get_submodule(name), RecurrentModel)
    reader, unclear = ("", "") if ours else _find_readout(model, name, core.output_size)
    if not unclear:
        system = linear_readout(core, model.get_submodule(reader)) if reader else core  # type: ignore[arg-type]
        found = compare(twins, system, inputs)
        if found.agrees:
            return system, found, f" with readout '{reader}'" if reader else ""
    else:
        found = ForwardComparison(why=unclear)
    states = compare(twins, core, inputs, need="states")
    whole = rest_of_forward(twins, core, inputs, states) if states.agrees else None
    if whole is not None:
        return whole, states, " with the rest of its forward as readout"
    behind = None if states.agrees else _behind_its_front(twins, core)
    if behind is not None:
        return behind
    if unclear:
        by_itself = f"{layer_call(model, name, '', core.output_size)} takes the layer by itself, with inputs of its own"
        raise Unfit(f"{unclear}; {by_itself}", core)
    raise _something_else(model, core, name, reader, states if not states.agrees else found, dynamics=states.agrees)


def _behind_its_front(twins: Twins, core: System) -> tuple[System, ForwardComparison, str] | None:
    """The core with the inputs and the outputs of the forward; None where these are not made of one step each."""
    front = behind_its_front(twins, core)
    if front is None:
        return None
    system, states, inputs = front
    for reader, layer in twins.model.named_modules():
        if isinstance(layer, nn.Linear) and layer.in_features == system.output_size:
            read = linear_readout(system, layer)
            found = compare(twins, read, inputs)
            if found.agrees:
                return read, found, f"{BEFORE} and readout '{reader}'"
    whole = rest_of_forward(twins, system, inputs, states)
    if whole is not None:
        return whole, states, f"{BEFORE} and the rest of its forward as readout"
    found = compare(twins, system, inputs)  # a model of ours brings its readout
    return (system, found, BEFORE) if found.agrees else None


def _something_else(
    model: nn.Module, core: System, name: str, reader: str, found: ForwardComparison, *, dynamics: bool = False
) -> Unfit:
    does = f"reading '{name}' by '{reader}'" if reader else f"running '{name}'"
    call, why = layer_call(model, name, reader, core.output_size), found.why
    alone = _stands_alone(model.get_submodule(name))
    inside = f"; {call} takes the layer by itself; for the whole, " if alone else "; "
    if dynamics:
        why = found.why if found.no_values else f"its outputs are not read off the state of '{name}' alone"
        inside = f"; its states are those of '{name}', dk.as_system(model, core={name!r}); for its outputs too, "
    kind = type(model).__name__
    return Unfit(f"model ({kind}) does something else than {does}: {why}{inside}{why_not(model)}", core)


def _stands_alone(layer: nn.Module) -> bool:
    """Whether a layer can be taken without the module around it."""
    try:
        adapt_whole(layer, None)
    except InputError:
        return False
    return True


def _recurrent_layers(model: nn.Module) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {n: m for n, m in model.named_modules() if isinstance(m, KNOWN)}
    return {n: m for n, m in found.items() if not any(n.startswith(o + ".") for o in found)}


def name_of_core(model: nn.Module) -> str | None:
    """The name of the one recurrent layer that ``model`` holds; None if it is one itself."""
    return None if isinstance(model, KNOWN) else next(iter(_recurrent_layers(model)), None)


def _how_to_call(model: nn.Module, found: dict[str, nn.Module]) -> str:
    kind = type(model).__name__
    if not found:
        held = listed(dict(model.named_children()))
        return f"model ({kind}) holds no recurrent layer that is known here (found: {held}); {why_not(model)}"
    return (
        f"model ({kind}) holds {len(found)} recurrent layers: {listed(found)}; {why_not(model)}; choose one to have it "
        f"by itself, for example dk.as_system({expression(next(iter(found)))})"
    )


def layer_call(model: nn.Module, name: str, reader: str, width: int) -> str:
    """How to take the layer ``name`` by itself, read out by ``reader`` or by the first linear layer that fits."""
    linear = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear) and m.in_features == width}
    reader = reader or next((n for n in linear if not f"{n}.".startswith(f"{name}.")), "")
    pair = f"({expression(name)}, {expression(reader)})" if reader else expression(name)
    return f"dk.as_system({pair})"


def expression(name: str) -> str:
    """How a submodule is written in Python: "layers.0.rnn" is model.layers[0].rnn."""
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))


def listed(modules: dict[str, nn.Module]) -> str:
    """Submodules by name and kind."""
    return ", ".join(f"{name} ({type(module).__name__})" for name, module in modules.items()) or "nothing"


def _find_readout(model: nn.Module, rnn_name: str, width: int) -> tuple[str, str]:
    """The name of the one linear layer that can read the recurrent layer, or "", and why it cannot be told."""
    outside = {n: m for n, m in model.named_modules() if n and not f"{n}.".startswith(f"{rnn_name}.")}
    weighted = {n: m for n, m in outside.items() if next(m.parameters(recurse=False), None) is not None}
    if not weighted:
        return "", ""
    name, module = next(iter(weighted.items()))
    if len(weighted) == 1 and isinstance(module, nn.Linear) and module.in_features == width:
        return name, ""
    return "", (
        f"model ({type(model).__name__}) holds the recurrent layer '{rnn_name}' and also {listed(weighted)}: which of "
        "them reads it out, and what stands before it, cannot be told"
    )
