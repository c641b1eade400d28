"""What a run is, as a name: the hash of its settings, defaults and all.

A run's settings become plain JSON with the defaults filled in, written in one way (sorted keys, no blanks, equal
numbers alike), and the first 16 hexadecimal digits of the SHA-256 of that text are its name.  So two runs have one name
exactly if they are set the same, whatever stands beside them in a plan and in which order.  What a user wrote stands in
it with its qualified name and a hash of its source: another function of that name is another run.  Seeds come from the
name (:func:`seed_of`), so that adding runs to a plan changes none.

A default that changes is a change of the settings, and makes other runs.  What the settings do not show, the same words
with another meaning, changes ``IDENTITY_VERSION``, which is part of the text.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..checks import kind_of
from ..errors import InputError

IDENTITY_VERSION = 1
DIGITS = 16


def canonical(value: Any) -> str:
    """Plain JSON in the one way it is hashed."""
    return json.dumps(_alike(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def name_of(value: Any) -> str:
    """The name of plain JSON: the first digits of the hash of its text."""
    return hashlib.sha256(canonical({"version": IDENTITY_VERSION, "settings": value}).encode()).hexdigest()[:DIGITS]


def seed_of(name: str, purpose: str) -> int:
    """The seed that a run has for a purpose: 63 bits of the hash of both.

    >>> seed_of("0123456789abcdef", "weights") != seed_of("0123456789abcdef", "training")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{name}/{purpose}".encode()).digest()[:8], "big") >> 1


def _alike(value: Any) -> Any:
    """Plain JSON in which equal numbers are written alike: a setting of 1.0 that is given as 1 is the same."""
    if isinstance(value, dict):
        return {key: _alike(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_alike(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(value: Any, where: str) -> Any:
    """``value`` as plain JSON; arrays by their hash, records by their fields, functions and classes by name and source.

    Raises InputError, naming ``where``, for what cannot be told from another of its kind, and for numbers that are not
    finite.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.generic)):
        return _number(value, where)
    if isinstance(value, Mapping):
        return _mapping(value, where)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{k}]") for k, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, where) for item in value), key=canonical)
    if hasattr(value, "detach") or isinstance(value, np.ndarray):
        return _array(value if isinstance(value, np.ndarray) else value.detach().cpu().numpy(), where)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {**named(type(value), where), **fields_of(value, where)}
    if inspect.isfunction(value) or isinstance(value, type):
        return named(value, where)
    raise InputError(f"{where} must be made of numbers, texts, arrays, records and functions, got {kind_of(value)}")


def fields_of(record: Any, where: str) -> dict[str, Any]:
    """The fields of a record, or the attributes of what is none, as plain JSON."""
    names = [f.name for f in dataclasses.fields(record) if f.init] if dataclasses.is_dataclass(record) else []
    names = names or [name for name in vars(record) if not name.startswith("_")]
    return {name: plain(getattr(record, name), f"{where}.{name}") for name in names}


def named(thing: Any, where: str) -> dict[str, Any]:
    """A class or a function as plain JSON: where it is found, and what it is unless it is of this package."""
    said: dict[str, Any] = {"is": qualified(thing, where)}
    return said if ours(thing) else {**said, "code": code_of([thing], where)}


def ours(thing: Any) -> bool:
    """Whether a class or function is of this package."""
    return str(thing.__module__).startswith(f"{__name__.partition('.')[0]}.")


def qualified(thing: Any, where: str) -> str:
    """``module:name`` of a class or function; InputError unless other processes find it there."""
    name = getattr(thing, "__qualname__", "")
    if ours(thing):
        return f"dynakit:{name}"  # no two classes have one name, and files move
    if not name or "<" in name:
        got = name or kind_of(thing)
        raise InputError(f"{where} must be defined at the top of a module, where other processes find it, got {got}")
    return f"{thing.__module__}:{name}"


def code_of(things: Iterable[Any], where: str) -> str:
    """A hash of the source of modules, and of the modules that functions and classes are defined in."""
    texts = sorted({_source(_module(thing, where) or thing, where) for thing in things})
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:DIGITS]


def _module(thing: Any, where: str) -> ModuleType | None:
    """The module whose file is the source of a thing; None for what is written in a script or in a notebook.

    There all runs are listed in the same file: of it only the thing itself counts.
    """
    if isinstance(thing, str) and thing not in sys.modules:
        raise InputError(f"{where} must name a module that is imported, got {thing!r}")
    if isinstance(thing, ModuleType):
        return thing
    module = sys.modules.get(thing if isinstance(thing, str) else thing.__module__)
    return None if module is None or module.__name__ == "__main__" or not module.__dict__.get("__file__") else module


def _source(thing: Any, where: str) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        raise InputError(f"{where} is {kind_of(thing)} whose source cannot be read: write it in a module") from None


def _number(value: Any, where: str) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where} must be finite, got {value}")
    if isinstance(value, complex):
        raise InputError(f"{where} must be a real number, got {value}")
    return value


def _mapping(value: Mapping[Any, Any], where: str) -> Any:
    """A dictionary; as a list of pairs where its keys are no texts."""
    if all(isinstance(key, str) for key in value):
        return {key: plain(item, f"{where}.{key}") for key, item in value.items()}
    pairs = [[plain(key, where), plain(item, f"{where}[{key!r}]")] for key, item in value.items()]
    return sorted(pairs, key=canonical)


def _array(value: np.ndarray, where: str) -> dict[str, Any]:
    if value.dtype.kind not in "biufcSU":
        raise InputError(f"{where} must be an array of numbers or of texts, got dtype {value.dtype}")
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:DIGITS]
    return {"array": value.dtype.str, "shape": list(value.shape), "sha256": digest}
