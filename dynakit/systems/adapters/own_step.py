"""The method of a user's object that takes one step, on a float64 copy of what it belongs to."""

from __future__ import annotations

import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ..base import System
from ..foreign import untouched_randomness
from ..steps import Form, held, names_kept
from .copies import float64_copy, taking_one_hot

SIZES = {
    "state_size": [
        "state_size",
        "hidden_size",
        "n_hidden",
        "hidden_dim",
        "n_rec",
        "N_rec",
        "n_units",
        "n_rnn",
    ],
    "input_size": ["input_size", "n_inputs", "input_dim", "n_in", "N_in", "n_input"],
}
MOST_WIDTHS = 6  # that a size which cannot be read off may be looked for among


class OwnStep:
    """The method of a user's object that takes one step, on a float64 copy of what it belongs to."""

    def __init__(
        self, model: Any, step: str | Callable[..., Any], device: torch.device | str | None, form: Form | None = None
    ) -> None:
        self.model, self.step, self.kind = model, step, type(model).__name__
        self.said = step if isinstance(step, str) else getattr(step, "__name__", "step")
        self.method = method = _method(model, step)
        self.holder = _holder(model, step, method)
        if isinstance(self.holder, nn.Module):
            self.twin: Any = float64_copy(taking_one_hot(self.holder), device, complex_too=True)
            self.function = self.twin if method is self.holder else _method_of(self.twin, method, self.said)
        else:
            self.twin = self.holder
            self.function = method
        self.form = form
        if form is not None and form.held:
            self.function = held(self.function, self.twin, form.held)
        weights = list(self.twin.parameters()) if isinstance(self.twin, nn.Module) else []
        buffers = list(self.twin.buffers()) if isinstance(self.twin, nn.Module) else []
        self.weights = weights
        self.device = next((w.device for w in [*weights, *buffers]), torch.device(device or "cpu"))

    def size(self, argument: str, given: int | None) -> int | None:
        """A size that is given, or can be read off the object or the whole model."""
        held = (getattr(owner, name, None) for owner in (self.holder, self.model) for name in SIZES[argument])
        return (
            given
            if given is not None
            else next((int(v) for v in held if isinstance(v, (int, np.integer))), None)
        )

    def input_widths(self, state_size: int | None) -> list[int]:
        """The widths that inputs may have, beside a state in one matrix among them."""
        widths = self.widths()
        beside = [w - v for w in widths for v in ([state_size] if state_size else widths) if w > v]
        return list(dict.fromkeys([*widths, *beside]))

    def widths(self) -> list[int]:
        """The widths that weights have, among which a size that cannot be read off is looked for."""
        return list(dict.fromkeys(width for p in self.weights for width in p.shape))[:MOST_WIDTHS]


def _method(model: Any, step: str | Callable[..., Any]) -> Callable[..., Any]:
    method = step
    if isinstance(step, str):
        try:
            method = operator.attrgetter(step)(model)  # of a part, too: "rnn.recurrence"
        except AttributeError:
            raise InputError(f"step={step!r} is not an attribute of model ({type(model).__name__})") from None
    if not callable(method):
        raise InputError(f"step={step!r} is not a method of model ({type(model).__name__})")
    bound = isinstance(method, nn.Module) or isinstance(getattr(method, "__self__", None), nn.Module)
    scripted = isinstance(step, str) and isinstance(model, torch.jit.ScriptModule)
    if (
        isinstance(model, nn.Module) and not bound and not scripted
    ):  # it would reach the given weights, not a copy
        called = getattr(step, "__name__", type(step).__name__)
        raise InputError(
            f"step must be the name of a method of model ({type(model).__name__}), got the function {called}: write it "
            "as a method of a module that holds model, class Stepped(torch.nn.Module), and name that"
        )
    return method


def _holder(model: Any, step: str | Callable[..., Any], method: Callable[..., Any]) -> Any:
    """What the method belongs to: a module that is called is its own."""
    if isinstance(method, nn.Module):
        return method
    if isinstance(step, str) and isinstance(model, torch.jit.ScriptModule):
        parent = step.rpartition(".")[0]
        return operator.attrgetter(parent)(model) if parent else model
    return getattr(method, "__self__", method)


def _method_of(twin: nn.Module, method: Any, said: str) -> Callable[..., Any]:
    if isinstance(twin, torch.jit.ScriptModule):
        return getattr(twin, said.rpartition(".")[2])
    return types.MethodType(method.__func__, twin)


def unread_sizes(model: Any, step: str | Callable[..., Any]) -> list[str]:
    """Which of state_size and input_size must be passed."""
    owner = getattr(_method(model, step), "__self__", model)
    holders = (owner, model)
    return [
        a
        for a in SIZES
        if not any(isinstance(getattr(o, k, None), (int, np.integer)) for o in holders for k in SIZES[a])
    ]


def tried(system: System, device: torch.device) -> Tensor:
    """A step of ``system`` for two states."""
    x, u = (torch.full((2, n), 0.2, dtype=torch.float64, device=device) for n in (system.state_size, system.input_size))
    return system._step(x, u)


def refuse_drawn_weights(
    own: OwnStep, system: System, build: Callable[[OwnStep], System]
) -> None:
    """Raise InputError for weights that a first call draws and keeps, which are others in each copy."""
    made = sorted(names_kept(own.twin) - names_kept(own.holder))
    if not made or own.twin is own.holder:
        return
    with untouched_randomness(), torch.no_grad():
        torch.manual_seed((torch.initial_seed() + 1) % 2**63)
        again = build(OwnStep(own.model, own.step, own.device, own.form))
        if not torch.equal(tried(system, own.device), tried(again, own.device)):
            raise InputError(
                f"its first call draws '{made[0]}', which is another one in each copy: call model once before, so that "
                "it is part of model"
            )
