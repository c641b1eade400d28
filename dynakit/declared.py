"""Whether values are of the kinds that the fields of a record declare, as far as a file can get them wrong."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np


def misfit(cls: Any, values: Mapping[str, Any], known: Mapping[str, type]) -> str:
    """Which value does not fit the field of ``cls`` it is for, in words; empty if all do.

    Whole numbers pass for real ones and lists for tuples: a file that was changed shall be noticed, and no sloppy
    annotation shall keep anything from being saved.  Fields marked ``per_item`` must be arrays of one length.
    ``known`` are the classes that annotations may name.
    """
    hints = _hints(cls, tuple(known.items()))
    for name, value in values.items():
        if name in hints and not fits(value, hints[name]):
            return f"{name} of a {cls.__name__} must be {_said(hints[name])}, got a {type(value).__name__}"
    items = [f.name for f in dataclasses.fields(cls) if f.metadata.get("per_item") and f.name in values]
    shapes = {name: getattr(values[name], "shape", ()) for name in items}
    lengths = {name: shape[0] if shape else None for name, shape in shapes.items()}
    if None in lengths.values() or len(set(lengths.values())) > 1:
        return f"the fields of a {cls.__name__} must be arrays of one length, got {lengths}"
    return ""


@functools.lru_cache(maxsize=256)
def _hints(cls: type, known: tuple[tuple[str, type], ...]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, localns=dict(known))
    except (NameError, TypeError, AttributeError):
        return {}  # of a class whose annotations cannot be read at run time nothing is asked


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the kind an annotation says."""
    if hint is Any:
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    if hint is None or hint is type(None):
        return value is None
    if origin in (tuple, list):
        return isinstance(value, (tuple, list)) and _items_fit(value, origin, inner)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items()
        )
    if origin is not None or not isinstance(hint, type):
        return True  # of a kind that records do not use
    if issubclass(hint, (int, float)):  # a whole number passes for a real one, but not the other way round
        kinds = {bool: (bool, np.bool_), int: (int, np.integer), float: (int, float, np.integer, np.floating)}
        return isinstance(value, kinds.get(hint, hint))
    return isinstance(value, (tuple, list) if hint in (tuple, list) else hint)


def _items_fit(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    if origin is list or inner[-1:] == (...,):
        return all(fits(item, inner[0]) for item in value)
    return len(value) == len(inner) and all(fits(item, one) for item, one in zip(value, inner))


def _said(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint).replace("numpy.", "np.")
