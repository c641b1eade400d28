"""The calls that a refusal proposes: each has been tried on the module that is refused, so that it runs."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from ...errors import InputError
from ..base import System
from ..derived import WithReadout
from ..foreign import bearing_float64
from .calling import STATE_NAMES
from .comparison import compare, probes
from .copies import on_a_copy
from .layers import linear_readout
from .own_cell import adapt_own_cell, unread_sizes
from .twins import Twins

TO_WRITE = (
    "write one step of it as a method, (input, state) -> state, and call "
    "dk.as_system(model, step='<method>', readout='<readout>')"
)

READOUT_WORDS = ("read", "out", "decode")
MOST_WIDTHS = 6  # that a size which cannot be read off may be looked for among


class StepCall(NamedTuple):
    """A method that takes one step, and the readout with which it does what the forward does."""

    step: str
    readout: str
    sizes: dict[str, int]

    def __str__(self) -> str:
        readout = f", readout={self.readout!r}" if self.readout else ""
        sizes = "".join(f", {name}={size}" for name, size in self.sizes.items())
        return f"its method '{self.step}' is one step of it: dk.as_system(model, step={self.step!r}{readout}{sizes})"


def step_call(model: nn.Module, core: System | None = None) -> str:
    """How to hand ``model`` over by the step it takes; ``core`` is the layer found within it."""
    for step in _step_methods(model):
        for sizes in _sizes(model, step, core):
            found = _as_forward(model, step, sizes)
            if found is not None:
                return str(found)
    return TO_WRITE


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


def _step_methods(model: nn.Module) -> Iterator[str]:
    """Methods, dotted if of a part, that take two arguments, one of them called as states are."""
    for prefix, part in model.named_modules():
        if type(part).__module__.partition(".")[0] == "torch":
            continue
        for name in sorted(vars(type(part)).keys() - vars(nn.Module).keys() | ({"forward"} if prefix else set())):
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
    widths = list(dict.fromkeys(width for p in model.parameters() for width in p.shape))[:MOST_WIDTHS]
    missing = unread_sizes(model, step)
    for values in itertools.product(widths, repeat=len(missing)) if missing else ():
        yield dict(zip(missing, values, strict=True))


def _readouts(model: nn.Module, cell: System) -> Iterator[tuple[str, System]]:
    """The cell read out by each linear layer that fits, by each method that is called as readouts are, and as it is."""
    for name, layer in reversed(list(model.named_modules())):
        if isinstance(layer, nn.Linear) and layer.in_features == cell.output_size:
            yield name, linear_readout(cell, layer)
    seen = cell.observe(cell.initial_state().expand(2, -1))
    for name in sorted(vars(type(model)).keys() - vars(nn.Module).keys()):
        method = getattr(model, name)
        if any(word in name.lower() for word in READOUT_WORDS) and inspect.ismethod(method):
            with contextlib.suppress(Exception):  # foreign code
                yield name, WithReadout(cell, function=bearing_float64(on_a_copy(method, cell.device), seen))
    yield "", cell


def _as_forward(model: nn.Module, step: str, sizes: dict[str, int]) -> StepCall | None:
    """The call with this step, if with some linear readout it does what the forward of ``model`` does."""
    given = {"state_size": None, "input_size": None, **sizes}
    try:
        cell = adapt_own_cell(model, step, given, None, None)
    except InputError:
        return None
    twins = Twins(model, cell.device)
    for reader, system in _readouts(model, cell):
        if compare(twins, system, probes(system)).agrees:
            return StepCall(step, reader, sizes)
    return None
