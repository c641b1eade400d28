"""Networks of snnTorch, Norse, sinabs and SpikingJelly as maps that jump, stepped by the library's own code.

A step sets what every layer remembers, runs the network on one input, and reads what the layers then remember.  What a
layer hands on stands beside it as "spikes", because a reset loses it.  Surrogate derivatives are never asked for.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import count
from ...errors import InputError
from ..base import System
from ..cells import fingerprint
from ..foreign import in_float64, untouched_randomness
from ..function import FunctionSystem
from ..steps import BATCHES, INPUT_FORMS, Form, Maker, Search, StepCall, TreeStep, as_states, leaves, rebuilt
from .by_step import TO_WRITE
from .copies import float64_copy
from .modules import expression
from .own_cell import from_step
from .spiking_memory import LIBRARIES, SPIKES, library_of, memories_of

SEQUENCE = "a sequence of one step"
FORMS = ("", f"{SEQUENCE}, time first", SEQUENCE)
N_COMPARED = 12  # steps


class Row(nn.Module):
    """Parts one after another, each handed what the one before it returns first."""

    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        for k, part in enumerate(parts):
            self.add_module(str(k), part)

    def forward(self, u: Tensor) -> Any:
        for part in self.children():
            u = part(u)
            u = u[0] if isinstance(u, tuple) else u
        return u


class Remembering:
    """(u, state) -> (output, state) of a network whose layers remember."""

    def __init__(self, twin: nn.Module) -> None:
        self.twin, self.memories = twin, memories_of(twin)

    def __call__(self, u: Tensor, state: Any) -> tuple[Any, Any]:
        plain = u.ndim == 2
        own = {"": state} if "" in self.memories else state
        with self._hooked(own), torch.no_grad():  # surrogate derivatives belong to training
            output = self.twin(u)
            often = [name for name, memory in self.memories.items() if memory.n_calls > 1]
            if plain and often:
                raise InputError(f"its forward calls '{often[0]}' several times for one input")
            return _first(output), self.read()

    def read(self) -> Any:
        """What the layers remember, under their names; of one layer by itself, that."""
        read = {name: memory.read() for name, memory in self.memories.items()}
        return read.get("", read)

    def forget(self) -> None:
        """Begin anew."""
        for memory in self.memories.values():
            memory.forget()

    def start(self, u: Tensor) -> Any:
        """The first state for as many trials as ``u`` has."""
        self.forget()
        with self._hooked(None):
            self.twin(u)
            first = {name: memory.first(memory.read()) for name, memory in self.memories.items()}
        self.forget()
        return first.get("", first)

    def by_itself(self, inputs: list[Tensor]) -> Any:
        """What is remembered at last if the network runs on its own from its first state."""
        self.forget()
        takes = "state" in inspect.signature(self.twin.forward).parameters
        state: Any = None
        for u in inputs:
            with self._hooked(None):
                output = self.twin(u, state) if takes else self.twin(u)
                state, last = output[1] if takes else None, self.read()
        return last

    def carry_what_is_lost(self, u: Tensor) -> None:
        """Carry along what a layer returns only where that is no part of its state."""
        generator = torch.Generator().manual_seed(0)
        start = self.start(u)
        state = {"": start} if "" in self.memories else start
        held: dict[str, list[set[str]]] = {name: [] for name in self.memories}
        for scale in (1.0, 5.0):
            with self._hooked({name: _random(part, scale, generator) for name, part in state.items()}):
                self.twin(scale * u)
                for name, memory in self.memories.items():
                    read = memory.read()
                    spikes = read.pop(SPIKES)
                    held[name].append({path for path, v in leaves(read) if torch.equal(v, spikes)})
        for name, memory in self.memories.items():
            memory.kept = not set.intersection(*held[name])

    @contextlib.contextmanager
    def _hooked(self, state: Any) -> Iterator[None]:
        handles = []
        try:
            for name, memory in self.memories.items():
                memory.prepare(None if state is None else state[name])
                handles.append(memory.layer.register_forward_pre_hook(memory.before, with_kwargs=True))
                handles.append(memory.layer.register_forward_hook(memory.after))
            yield
        finally:
            for handle in handles:
                handle.remove()
            for memory in self.memories.values():
                memory.prepare(None)


def is_of_a_spiking_library(model: Any) -> bool:
    """Whether layers of a spiking library are the model, or among its parts or in a row of them."""
    if isinstance(model, (list, tuple)):
        return bool(model) and all(isinstance(part, nn.Module) for part in model) and any(map(_keeps, model))
    return isinstance(model, nn.Module) and _keeps(model)


def _keeps(model: nn.Module) -> bool:
    return any(map(library_of, model.modules())) and bool(memories_of(model))


def adapt_spiking(model: Any, input_size: int | None, device: torch.device | str | None) -> FunctionSystem:
    """A network with layers of a spiking library, or a row of its parts, as a system that jumps.

    Raises InputError, with a call that runs where there is one, for a forward that is no step from what the layers
    remember.
    """
    row = isinstance(model, (list, tuple))
    whole = Row(list(model)) if row else model
    kind = " + ".join(type(part).__name__ for part in model) if row else type(model).__name__
    twin = float64_copy(whole, device)
    m = _n_inputs(whole, kind, input_size)
    library = next(library for part in twin.modules() if (library := library_of(part)))
    try:
        step, function = _step(twin, m, library, compared=not row)
    except InputError as error:
        raise InputError(
            f"model ({kind}) cannot be taken whole: {error}{_by_parts(model, m, device)}"
        ) from None
    settings = {"device": step.device, "regularity": "discontinuous"}
    system = from_step(FunctionSystem, step, f"{kind} of {LIBRARIES[library]}", settings)
    system.start, system.dt, system.jumps = step.start, _dt(twin), System.jumps
    function.forget()
    said = re.sub(r" at 0x[0-9a-f]+", "", repr(twin))
    held = [w for w in [*twin.parameters(), *twin.buffers()] if w.numel()]
    system.fingerprint = fingerprint(f"{system.name}, {said}", *held)
    return system


def _step(twin: nn.Module, m: int, library: str, *, compared: bool) -> tuple[TreeStep, Remembering]:
    """The step in the first form of its input in which the network runs from what it remembers."""
    device = next((w.device for w in [*twin.parameters(), *twin.buffers()]), torch.device("cpu"))
    reasons: list[str] = []
    for said in _forms(twin, library):
        function, call = Remembering(twin), StepCall(1, m, said)
        search = Search(
            function, twin, {"state_size": [], "input_size": [m]}, None, Form(returned="1"), total=None, flags=True,
            device=device,
        )  # fmt: skip
        form, u = INPUT_FORMS[said], search.u(m, BATCHES[0])
        begin = in_float64(function.start, device)
        make = lambda n, begin=begin, s=search, form=form: as_states(begin(form(s.u(m, n))))  # noqa: E731
        try:
            with untouched_randomness(), torch.no_grad():
                in_float64(function.carry_what_is_lost, device)(form(u))
        except Exception as error:  # foreign code
            reasons.append(str(error).splitlines()[0] if str(error) else type(error).__name__)
            continue
        step = search.tried(function, call, make)
        if step is not None:
            first = step.layout.flat(make(BATCHES[0]), BATCHES[0])
            if compared:
                _compare(function, step, first)
            step.start = first[0] if bool(first.any()) else None
            return step, function
        reasons += [*_said_in_float64(function, form(u), make), *search.reasons]
    told = (reason for reason in reasons if reason.startswith("its forward"))
    raise InputError(next(told, reasons[0] if reasons else "it does not run on one input"))


def _forms(twin: nn.Module, library: str) -> tuple[str, ...]:
    """How inputs may be handed over: sinabs takes whatever it is given for (batch, time, ...), unless squeezed."""
    if library != "sinabs":
        return FORMS
    return ("",) if any(hasattr(part, "num_timesteps") for part in twin.modules()) else (SEQUENCE,)


def _said_in_float64(function: Remembering, u: Tensor, make: Maker) -> list[str]:
    """What a network that refuses float64 says where it is not asked to take it."""
    try:
        with untouched_randomness(), torch.no_grad():
            in_float64(function, u.device)(u, make(BATCHES[0]))
    except InputError as error:
        return [str(error)]
    except Exception:  # foreign code
        return []
    return []


def _compare(function: Remembering, step: TreeStep, first: Tensor) -> None:
    """Raise InputError unless steps do what the network does when it runs on its own."""
    generator, (n, m) = torch.Generator().manual_seed(0), (len(first), step.call.n_inputs)
    run = function.by_itself if step.function is function else in_float64(function.by_itself, first.device)
    for scale in (0.5, 5.0):
        inputs = torch.randn(n, N_COMPARED, m, generator=generator, dtype=torch.float64).to(first)
        inputs, x = scale * inputs, first
        given, _ = step.call.of_sequence(inputs, None)
        runs = [given[0]] if step.call.is_sequence else [*inputs.unbind(1)]
        with untouched_randomness(), torch.no_grad():
            for u in inputs.unbind(1):
                x = step(x, u)
            alone = as_states(run(runs))
        if not torch.allclose(step.layout.flat(alone, n), x, rtol=1e-9, atol=1e-9, equal_nan=True):
            raise InputError("its forward does something else than steps from what its layers remember")


def _n_inputs(model: nn.Module, kind: str, given: int | None) -> int:
    """How many inputs a network takes: said, or of its first part that has weights of a known size."""
    if given is not None:
        return count("input_size", given)
    for part in model.modules():
        held = (
            getattr(part, name, None)
            for name in ("input_size", "in_features", "linear_features", "all_to_all")
        )
        size = next((int(v) for v in held if isinstance(v, (int, Tensor)) and not isinstance(v, bool)), None)
        if size is not None:
            return size
        if isinstance(part, nn.modules.conv._ConvNd):
            break
    raise InputError(
        f"input_size cannot be read off model ({kind}), which takes vectors of any width: "
        "dk.as_system(model, input_size=4), with the width that is meant"
    )


def _by_parts(model: Any, n_inputs: int, device: torch.device | str | None) -> str:
    """The call of the layers one after another, where it runs; else what is to be written."""
    if isinstance(model, (list, tuple)):
        return ""
    parts = {name: part for name, part in model.named_modules() if name and not [*part.children()]}
    try:
        system = adapt_spiking(list(parts.values()), n_inputs, device)
    except Exception:  # parts that do not follow each other
        return f"; {TO_WRITE}"
    said = ", ".join(map(expression, parts))
    size = "" if isinstance(next(iter(parts.values())), nn.Linear) else f", input_size={system.input_size}"
    return f"; its layers one after another are dk.as_system([{said}]{size})"


def _dt(twin: nn.Module) -> float | None:
    """The time of a step in ms, where the layers say it, as those of Norse do (in seconds), and agree."""
    times: list[Any] = [getattr(part, "dt", None) for part in twin.modules() if library_of(part) == "norse"]
    said = {float(time) for time in times if time is not None}
    return 1000 * said.pop() if len(said) == 1 else None


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple) else output


def _random(tree: Any, scale: float, generator: torch.Generator) -> Any:
    """A state of the same structure with other numbers."""
    drawn = (
        (scale * torch.randn(v.shape, generator=generator, dtype=torch.float64)).to(v)
        if v.is_floating_point()
        else v
        for _, v in leaves(tree)
    )
    return rebuilt(tree, drawn)
