"""Networks whose own code takes the step: a method of theirs, layers one after another, or the forward itself.

What is found is compared with the forward of the whole, and taken where it agrees.  A forward that is handed its state
and one input is the step; one of whole sequences is stepped by sequences of one element.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterator

import torch
from torch import nn

from ...errors import InputError
from ..base import System
from ..cells import Cell, Stack, fingerprint
from ..derived import WithReadout
from ..foreign import bearing_float64, untouched_randomness
from ..function import FunctionSystem
from ..steps import STATE_NAMES, TreeStep, Undecided, parameters_of
from .comparison import compare, probes
from .copies import float64_copy, on_a_copy, taking_one_hot
from .fronts import fronts_of
from .layers import adapt_layer, linear_readout
from .own_cell import UNREAD, adapt_own_cell, from_step
from .own_start import from_given_start, from_own_start, missing
from .own_step import MOST_WIDTHS, unread_sizes
from .twins import Twins

TO_WRITE = (
    "write one step of it as a method, (input, state) -> state, and call "
    "dk.as_system(model, step='<method>', readout='<readout>')"
)
SETTLED = ("no mean map", "must be deterministic", "time is part", "state that grows", "a counter or a flag")
READOUT_WORDS = ("read", "out", "decode")
MOST_READOUTS = 8


def by_its_step(
    model: nn.Module,
    core: System | None,
    device: torch.device | str | None,
    *,
    within: str = "",
    trouble: list[str],
) -> System | None:
    """``model`` by a step that it takes itself and that does what its forward does; None where there is none.

    ``core`` is the layer found within it, if one was; ``within`` names the part of which the step must be.  Why a step
    of its own cannot be taken, if that is known, is added to ``trouble``.
    """
    for step in _step_methods(model):
        if not step.startswith(f"{within}." if within else ""):
            continue
        for sizes in _sizes(model, step, core):
            found = _as_forward(model, step, sizes, device, trouble)
            if found is not None:
                return found
    whole = None if within else _itself(model, device) or _from_a_given_start(model, device)
    return whole or _from_its_start(model, device)


def stacked(
    model: nn.Module, layers: dict[str, nn.Module], device: torch.device | str | None
) -> System | None:
    """Layers that hear each other in the order in which they stand, if that is what the forward of ``model`` does."""
    try:
        stack = stack_of([adapt_layer(layer, device) for layer in layers.values()])
    except InputError:
        return None
    stack.name = f"{stack.name}, layers {' and '.join(map(repr, layers))} of {type(model).__name__}"
    twins = Twins(model, stack.device)
    twins.parts = list(layers)
    return _read_out(twins, stack)


def stack_of(layers: list[System]) -> Stack:
    """Layers one upon the other; InputError where one does not take what the one below hands on."""
    cells: list[Cell] = []
    for k, layer in enumerate(layers):
        below = layers[k - 1]
        if k and below.output_size != layer.input_size:
            raise InputError(
                f"model[{k}] takes {layer.input_size} inputs, but model[{k - 1}] hands on {below.output_size}"
            )
        found = layer.layers if isinstance(layer, Stack) else [layer]
        cells += [cell for cell in found if isinstance(cell, Cell)]
        if not all(isinstance(cell, Cell) for cell in found):
            raise InputError(f"model[{k}] ({layer.name}) is no layer of torch's without a readout")
    return Stack(cells)


def why_not(model: nn.Module) -> str:
    """What is to be written so that ``model`` can be taken by its step."""
    parameters = parameters_of(model.forward)
    takes_state = any(p.name.lower() in STATE_NAMES for p in parameters)
    custom = (
        type(model).forward is not nn.Module.forward and type(model).__module__.partition(".")[0] != "torch"
    )
    return f"{missing(model)}; or {TO_WRITE}" if custom and parameters and not takes_state else TO_WRITE


def without_a_forward(model: nn.Module, why: str, device: torch.device | str | None) -> str:
    """That a module without a forward can only be taken by a step that is named, or by its parts."""
    kind = type(model).__name__
    for step in _step_methods(model):
        with contextlib.suppress(InputError):
            adapt_own_cell(model, step, {"state_size": None, "input_size": None}, None, device)
            call = f"dk.as_system(model, step={step!r})"
            return f"model ({kind}) has no forward to be compared with: name its step, {call}"
    return f"model ({kind}) has no forward to be compared with, and {why.removeprefix(f'model ({kind}) ')}"


def _step_methods(model: nn.Module) -> Iterator[str]:
    """Methods, dotted if of a part, that take two arguments, one of them called as states are."""
    for prefix, part in model.named_modules():
        if type(part).__module__.partition(".")[0] == "torch":
            continue
        written = (k for k in type(part).__mro__ if k.__module__.partition(".")[0] not in ("torch", "builtins"))
        own = sorted({name for kind in written for name in vars(kind)} - vars(nn.Module).keys() - {"forward"})
        for name in [*own, "forward"] if prefix else own:
            method = getattr(type(part), name)
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            given = list(inspect.signature(method).parameters.values())[1:]
            needed = [p.name.lower() for p in given if p.default is p.empty or p.name.lower() in STATE_NAMES]
            if len(needed) == 2 and any(name in STATE_NAMES for name in needed):
                yield f"{prefix}.{name}" if prefix else name


def _sizes(model: nn.Module, step: str, core: System | None) -> Iterator[dict[str, int]]:
    """Sizes to pass: none where both can be read off, those of the core, or any that the weights have."""
    yield {}
    if core is not None:
        yield {"state_size": core.state_size, "input_size": core.input_size}
    missing = unread_sizes(model, step)
    for values in itertools.product(_widths(model), repeat=len(missing)) if missing else ():
        yield dict(zip(missing, values, strict=True))


def _widths(model: nn.Module) -> list[int]:
    return list(dict.fromkeys(width for p in model.parameters() for width in p.shape))[:MOST_WIDTHS]


def _readouts(model: nn.Module, cell: System) -> Iterator[tuple[str, System]]:
    """The cell read out by each part that fits, by each method that is called as readouts are, and as it is."""
    seen = cell.observe(cell.initial_state().expand(2, -1))
    for name, layer in reversed(list(model.named_modules())):
        if isinstance(layer, nn.Linear) and layer.in_features == cell.output_size:
            yield name, linear_readout(cell, layer)
    named = [name for name in dir(type(model)) if any(word in name.lower() for word in READOUT_WORDS)]
    methods = [(n, getattr(model, n)) for n in named if n not in dir(nn.Module)]
    parts = [(n, part) for n, part in model.named_children() if not isinstance(part, nn.Linear)]
    for name, part in [*methods, *parts][:MOST_READOUTS]:
        if inspect.ismethod(part) or isinstance(part, nn.Module):
            with contextlib.suppress(Exception):  # foreign code
                yield name, WithReadout(cell, function=bearing_float64(on_a_copy(part, cell.device), seen))
    yield "", cell


def _read_out(twins: Twins, cell: System) -> System | None:
    """The cell with the readout, and from the start, with which it does what the forward does."""
    starts = [cell.start] if cell.start is not None else [None, *_that_fit(twins, cell)]
    for start in starts:
        cell.start = start
        for reader, system in _readouts(twins.model, cell):
            with untouched_randomness():
                found = compare(twins, system, probes(system))
            if found.agrees and (found.outputs or not reader):
                said = f"{cell.name.partition(UNREAD)[0]} with readout '{reader}'" if reader else cell.name
                system.name = said
                system.compared = found.steps
                system.time_first = found.way is not None and found.way.time_first
                return system
    cell.start = None
    return None


def _that_fit(twins: Twins, cell: System) -> list[torch.Tensor]:
    """The weights that may be a first state."""
    held = [*twins.double.named_parameters(), *twins.double.named_buffers()]
    own = [w for name, w in held if "bias" not in name and w.numel() == cell.state_size and bool(w.any())]
    return [w.detach().reshape(-1).to(torch.float64) for w in own]


def _as_forward(
    model: nn.Module, step: str, sizes: dict[str, int], device: torch.device | str | None, trouble: list[str]
) -> System | None:
    """The system with this step, if with some readout it does what the forward of ``model`` does."""
    given = {"state_size": None, "input_size": None, **sizes}
    try:
        cell = adapt_own_cell(model, step, given, None, device)
    except InputError as error:
        if any(word in str(error) for word in SETTLED):
            trouble.append(f"its own {error}")
        return None
    twins = Twins(model, cell.device)
    twins.parts = [step]
    found = _read_out(twins, cell)
    for behind in () if found is not None else fronts_of(twins, step, cell):
        with contextlib.suppress(Exception):  # foreign code, which bore a few rows, need not bear others
            found = _read_out(twins, behind)
        if found is not None:
            found.fingerprint = fingerprint(cell.fingerprint, *twins.double.parameters())
            found.name = found.name.replace(step, f"{step} with what stands before it", 1)
            return found
    return found


def _itself(model: nn.Module, device: torch.device | str | None) -> System | None:
    """A forward that is handed a first state, as the step that it is."""
    if not any(p.name.lower() in STATE_NAMES for p in parameters_of(model.forward)):
        return None
    try:
        system = adapt_own_cell(model, "forward", {"state_size": None, "input_size": None}, None, device)
    except InputError as error:
        if isinstance(error.__cause__, Undecided):  # it is the step, but something has to be said of it
            raise
        return None
    with untouched_randomness():
        system.compared = compare(Twins(model, system.device), system, probes(system)).steps
    return system


def _from_its_start(model: nn.Module, device: torch.device | str | None) -> System | None:
    """A forward of whole sequences, stepped from where its own first state is put."""
    build: Callable[[], nn.Module] = lambda: float64_copy(taking_one_hot(model), device)  # noqa: E731
    twins = Twins(model, device)
    return _first_that_agrees(model, twins, from_own_start(build, _widths(model), twins.device))


def _from_a_given_start(model: nn.Module, device: torch.device | str | None) -> System | None:
    """A forward of whole sequences that takes a first state and returns all states, stepped from where it is told."""
    if not any(p.name.lower() in STATE_NAMES for p in parameters_of(model.forward)):
        return None
    twin, twins = float64_copy(taking_one_hot(model), device), Twins(model, device)
    return _first_that_agrees(model, twins, from_given_start(twin, _widths(model), twins.device))


def _first_that_agrees(model: nn.Module, twins: Twins, steps: Iterator[TreeStep]) -> System | None:
    """The first of these steps that with some readout does what the forward does."""
    for step in steps:
        with contextlib.suppress(InputError):
            system = from_step(
                FunctionSystem, step, f"{type(model).__name__}.forward", {"device": twins.device}
            )
            system.fingerprint = fingerprint(system.name, *twins.double.parameters())
            found = _read_out(twins, system)
            if found is not None:
                return found
    return None
