"""What a refused step can be taken as, and the call that takes it so; named only if it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ...errors import InputError
from ..steps import NO_MEAN_MAP, CountsItsCalls, Form

WINDOW = 8


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
