"""A cell of the user's own: any module (or object) with a method that takes the state one step."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import InputError
from ..base import System
from ..cells import fingerprint
from ..function import ORDERS, FunctionSystem
from .copies import on_a_copy

_STATE_NAMES = {"state", "states", "hidden", "hidden_state", "h", "hx", "h_prev", "h0", "r", "rate", "rates"}
_INPUT_NAMES = {"input", "inputs", "inp", "u", "i", "in_", "input_t", "u_t", "stimulus"}
_SIZES = {
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


def adapt_own_cell(
    model: Any,
    step: str | Callable[..., Any],
    sizes: dict[str, int | None],
    argument_order: str | None,
    device: torch.device | str | None,
) -> System:
    """``model`` with its method ``step`` as a system, on a float64 copy of the method's module."""
    kind, said = type(model).__name__, step if isinstance(step, str) else getattr(step, "__name__", "step")
    method = _method(model, step)
    function, owner = on_a_copy(method, device), getattr(method, "__self__", method)
    n, m = (_size(model, owner, argument, given) for argument, given in sizes.items())
    order = argument_order or _order_by_name(function)
    twin = getattr(function, "__self__", function)
    weights = list(twin.parameters()) if isinstance(twin, nn.Module) else []
    where = weights[0].device if weights else device or "cpu"
    try:
        system = _in_either_order(function, n, m, order, {"name": f"{kind}.{said}", "device": where})
    except InputError as error:
        raise InputError(f"step={said!r} of model ({kind}): {error}{_alone(said, str(error))}") from error
    system.fingerprint = fingerprint(system.name, *weights) if weights else ""
    return system


def _alone(step: str, error: str) -> str:
    """What to write where a step takes or returns more than one array."""
    if "must return one array, got" in error:
        return f"; write a method that returns the new state alone, such as self.{step}(input, state)[1], and name that"
    if "failed on" in error:
        return (
            "; a state of several arrays is given as one, side by side: write a method that takes it apart with "
            "state.split(sizes, -1), calls the step, and returns torch.cat of the new ones, and name that"
        )
    return ""


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
    if isinstance(model, nn.Module) and not bound:  # it would reach the given weights, not a copy of them
        called = getattr(step, "__name__", type(step).__name__)
        raise InputError(
            f"step must be the name of a method of model ({type(model).__name__}), got the function {called}: write it "
            "as a method of a module that holds model, class Stepped(torch.nn.Module), and name that"
        )
    return method


def unread_sizes(model: Any, step: str | Callable[..., Any]) -> list[str]:
    """Which of state_size and input_size must be passed."""
    method = _method(model, step)
    owner = getattr(method, "__self__", method)
    return [argument for argument in _SIZES if _read_size(model, owner, argument) is None]


def _size(model: Any, owner: Any, argument: str, given: int | None) -> int:
    value = given if given is not None else _read_size(model, owner, argument)
    if value is None:
        raise InputError(f"{argument} cannot be read off model ({type(model).__name__}); pass {argument}=")
    return int(value)


def _read_size(model: Any, owner: Any, argument: str) -> int | None:
    held = (getattr(holder, name, None) for holder in (owner, model) for name in _SIZES[argument])
    return next((int(v) for v in held if isinstance(v, (int, np.integer))), None)


def _order_by_name(function: Callable[..., Any]) -> str | None:
    """The order of (state, input) if the parameters' names tell."""
    try:
        signature = inspect.signature(getattr(function, "forward", function))
    except (TypeError, ValueError):
        return None
    names = [name.lower() for name in signature.parameters][:2]
    if len(names) < 2:
        return None
    for known, orders in ((_STATE_NAMES, ORDERS), (_INPUT_NAMES, ORDERS[::-1])):
        if (names[0] in known) != (names[1] in known):
            return orders[0] if names[0] in known else orders[1]
    return None


def _in_either_order(
    f: Callable[..., Any], n: int, m: int, order: str | None, kwargs: dict[str, Any]
) -> System:
    """``f`` in the order that is known, or in the only one that works."""
    if order is not None or n == m or m == 0:
        return FunctionSystem(f, n, m, argument_order=order, **kwargs)
    works, errors = [], []
    for candidate in ORDERS:
        try:
            works.append(FunctionSystem(f, n, m, argument_order=candidate, **kwargs))
        except InputError as error:
            errors.append(str(error))
    if not works:
        raise InputError(f"it fails in either argument order: {errors[0]}")
    if len(works) > 1:
        raise InputError(f"it works in either order: pass argument_order={ORDERS[0]!r} or {ORDERS[1]!r}")
    return works[0]
