"""How a thing and its settings may be written: as the text "gru:n_hidden=32", or as a table with a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import checks, specs
from ..errors import InputError

Annotations = Callable[[str], Mapping[str, str]]  # of the settings that the thing of this name has


def written(what: str, value: str | Mapping[str, Any], annotations: Annotations) -> tuple[str, dict[str, Any]]:
    """The name and the settings that a text or a table gives; lists become tuples, "none" becomes None where it may be.

    Raises InputError for a table without a name, for one that stands for code of a user's own, and for settings that
    are not known (the nearest is suggested).
    """
    if isinstance(value, str):
        name, text = specs.split(value)
        return name, specs.settings(name, text, annotations(name))
    _refuse_own(what, value)
    if not isinstance(value.get("name"), str):
        raise InputError(f"{what} must have a name, as in name = 'gru', got {dict(value)!r}")
    known, settings = annotations(value["name"]), {}
    for key, item in value.items():
        if key != "name":
            checks.one_of(f"setting of {what} {value['name']}", key, known)
            settings[key] = _item(f"{what}.{key}", item, known[key])
    return value["name"], settings


def _refuse_own(what: str, value: Mapping[str, Any]) -> None:
    """Raise InputError for what stands for code, a record or an array, of which a plan knows the hash alone."""
    for key in ("is", "array"):
        if key in value:
            thing = value[key] if key == "is" else "an array"
            raise InputError(f"{what} ({thing}) was given in Python, a plan cannot name it: run that script again")


def _item(what: str, value: Any, annotation: str) -> Any:
    if isinstance(value, Mapping):
        _refuse_own(what, value)
    if isinstance(value, list):
        return tuple(_item(what, item, annotation) for item in value)
    return None if value == "none" and "None" in annotation else value
