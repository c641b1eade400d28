"""A thing by its name and its settings in one text, ``flip-flop:n_bits=3,p_flip=0.1``, as a command line has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import checks
from .errors import InputError


def split(spec: str) -> tuple[str, str]:
    """The name, and the text of the settings."""
    name, _, text = spec.partition(":")
    return name, text


def settings(name: str, text: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The settings that ``text`` gives to the thing called ``name``, whose settings have these annotations.

    Raises InputError for one that is not known (the nearest is suggested), given twice or not readable.

    >>> settings("flip-flop", "n_bits=2, quiet_gap=10..40", {"n_bits": "int", "quiet_gap": "Gap"})
    {'n_bits': 2, 'quiet_gap': (10, 40)}
    """
    found: dict[str, Any] = {}
    for part in text.split(",") if text else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        checks.one_of(f"parameter of {name}", key, annotations)
        if not equals or not value:
            raise InputError(f"parameters of {name} must be written name=value, got {part!r}")
        if key in found:
            raise InputError(f"parameter {key} of {name} is given twice")
        found[key] = _of_kind(key, value, annotations[key])
    return found


def _of_kind(name: str, text: str, annotation: str) -> Any:
    """A word where only words are wanted; where a word is one of several kinds, what else it can be read as first."""
    if annotation == "str":
        return text
    try:
        return _value(name, text)
    except InputError:
        if "str" not in annotation:
            raise
        return text


def _value(name: str, text: str) -> Any:
    """A number, a range, true, false or none, from its text."""
    if text.lower() == "none":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    low, dots, high = text.partition("..")
    if dots:
        return _value(name, low), _value(name, high)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise InputError(f"{name} must be a number, a range low..high or none, got {text!r}")
