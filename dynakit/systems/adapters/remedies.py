"""What is refused can be taken as something else: the call that takes it so.

For a step it is named only if it runs.  Modules of flax, equinox, haiku and Keras are told by where their classes come
from, and no framework is imported.  A cell of theirs is better converted than wrapped: in closed form it has its
Jacobian, its box and its certificates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ...errors import InputError
from ..steps import NO_MEAN_MAP, CountsItsCalls, Form

WINDOW = 8
KINDS = {"LSTM": "LSTM", "GRU": "GRU", "Simple": "Elman", "Vanilla": "Elman"}  # models here by words in names there
ARRAYS = {
    "flax": '"flax", **variables["params"]',
    "haiku": '"haiku", **params["{name}"]',
    "equinox": '"equinox", weight_ih=model.weight_ih, weight_hh=model.weight_hh, bias=model.bias',
    "keras": '"keras", **dict(zip(("kernel", "recurrent_kernel", "bias"), model.get_weights()))',
}
BUNDLES = {"LSTM": "lstm/linear", "GRU": "gru"}  # of haiku's parameters
OWN = {"flax": "flax.linen"}  # where the cells are whose layout is read; modules of nnx hold theirs otherwise
UNREAD = ("haiku", "Elman")  # a ReLU network of two bundles


FILE = '"network.keras"'
USUAL = {"activation": "tanh", "recurrent_activation": "sigmoid", "gate_fn": "sigmoid", "activation_fn": "tanh"}


def remedy_for(
    error: InputError, form: Form, said: str, given: dict[str, Any], retry: Callable[[Form, dict[str, Any]], Any]
) -> str:
    """The end of the sentence that refuses a step, called ``said``; empty where nothing helps.

    ``given`` are the arguments beside the form, and ``retry`` takes the step with another form and such arguments.
    """
    words, field, value = _remedy(error)
    if not field or getattr(form, field) == value:
        return ""
    given = {name: v for name, v in given.items() if v is not None}
    if field == "window":
        given.pop("state_size", None)  # which was that of no window
    try:
        retry(dataclasses.replace(form, **{field: value}), given)
    except InputError:
        return ""
    more = "".join(f", {name}={v!r}" for name, v in given.items())
    return f"; {words} dk.as_system(model, step={said!r}{more}, form=dk.Form({field}={value!r}))"


def _remedy(error: InputError) -> tuple[str, str, Any]:
    """In words, and as a field of the form and its value."""
    if isinstance(error, CountsItsCalls):
        return "its map at this moment is", "held", (error.name,)
    if "state that grows" in str(error):
        return f"a window upon its last {WINDOW} entries is", "window", WINDOW
    if NO_MEAN_MAP in str(error):
        return "with each draw replaced by its mean it is", "mean_of_draws", True
    return "", "", None


def _is_usual(model: Any) -> bool:
    """Whether its arrays say all that a cell does: the functions in it are those that it has where none are chosen."""
    chosen = (getattr(getattr(model, name, None), "__name__", usual) == usual for name, usual in USUAL.items())
    return all(chosen) and getattr(model, "use_bias", True) and not getattr(model, "go_backwards", False)


def refuse_other_frameworks(model: Any) -> None:
    """Raise InputError, with the call that converts it, for a module of another framework."""
    homes = [kind.__module__ for kind in type(model).__mro__]
    framework = next((home.partition(".")[0] for home in homes if home.partition(".")[0] in ARRAYS), None)
    if framework is None:
        return
    kind, home = type(model).__name__, OWN.get(framework, framework)
    ours = next((model_here for word, model_here in KINDS.items() if word in kind), None)
    if framework == "keras" and any(home.startswith("keras.src.models") for home in homes):
        call = f"model.save({FILE}), then dk.as_system(dk.models.read({FILE}))"
    elif framework == "keras" and ours is not None and not _is_usual(model):
        call = f"keras.Sequential([model]).save({FILE}), then dk.as_system(dk.models.read({FILE}))"
    elif not _is_usual(model) or ours is None or (framework, ours) == UNREAD or not homes[0].startswith(home):
        call = "dk.FunctionSystem(step, state_size, input_size), where step(x, u) -> x is one step of it"
    else:
        arrays = ARRAYS[framework].format(name=BUNDLES.get(ours, ""))
        more = ", bias_n=model.bias_n" if framework == "equinox" and ours == "GRU" else ""
        call = f"dk.as_system(dk.models.{ours}.from_arrays({arrays}{more}))"
    raise InputError(f"model ({kind}) is a module of {framework}, which is taken by {call}")
