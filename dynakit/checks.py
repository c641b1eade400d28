"""Arguments are validated once, at the boundary of a public function, by the checks in this file.

Each takes the argument's name first, so that its message can say which argument is meant.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError


def states_of(value: Any) -> Any:
    """``value`` itself, or the states of a result that has them: the one gate for whatever takes states."""
    return value.states if _is_record(value) and hasattr(value, "states") else value


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def no_record(name: str, value: Any, width: Any = None) -> None:
    """Raise if ``value`` is a result, with what of it ``name``, an array of ``width`` columns, may be."""
    if not _is_record(value):
        return
    offers = [
        offer for f in dataclasses.fields(value) for offer in _offers(f.name, getattr(value, f.name), width)
    ]
    offers.sort(key=lambda offer: not offer.endswith("states"))
    columns = f" of {width} columns" if isinstance(width, int) else ""
    hint = f"; pass {' or '.join(offers[:4])}" if offers else f", which holds none{columns}"
    raise InputError(f"{name} must be an array of numbers{columns}, got {kind_of(value)}{hint}")


def _offers(name: str, value: Any, width: Any) -> list[str]:
    """How to write the array of so many columns that a field of a result is, or holds: none, or one of them."""
    if isinstance(value, dict) and value:
        first = next(iter(value))
        return _offers(f"{name}[{first!r}]", value[first], width)
    if isinstance(value, (list, tuple)) and value and _is_record(value[0]):
        return _offers(f"{name}[0]", value[0], width)
    if _is_record(value) and not hasattr(value, "states"):
        return []
    array = states_of(value)
    shape = getattr(array, "shape", None)
    numbers = getattr(getattr(array, "dtype", None), "kind", "f") == "f"
    return [f".{name}"] if shape and numbers and (not isinstance(width, int) or shape[-1] == width) else []


def states(
    name: str, value: Any, shape: tuple[Any, ...] | None = None, *, finite: bool = False
) -> np.ndarray:
    """States (..., unit), or a result that has them, as :func:`reals` reads arrays."""
    return reals(name, states_of(value), shape, finite=finite)


def reals(
    name: str,
    value: Any,
    shape: tuple[Any, ...] | None = None,
    *,
    finite: bool = True,
    integers: bool = False,
) -> np.ndarray:
    """``value`` as a float64 array of the given shape, or one sentence saying why not.

    ``shape`` mixes sizes (int), names of free axes (str) and at most one leading ``...``.  Arrays and tensors
    must be of a floating dtype, unless ``integers`` lets whole numbers pass, for quantities that no network holds;
    plain Python numbers and lists of them are read as floats.
    """
    array = in_place(name, value, shape, integers=integers)
    array = array.astype(np.float64, order="C")  # a copy, so that any memory layout gives the same numbers
    if finite and not np.isfinite(array).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{name} must be finite, but {int((~np.isfinite(array)).sum())} of {array.size} values are not; "
            f"the first is {array[first]} at index {first}"
        )
    return array


def in_place(
    name: str, value: Any, shape: tuple[Any, ...] | None = None, *, integers: bool = False
) -> np.ndarray:
    """What :func:`reals` would read, of its own dtype and where it is: to be read a part at a time, never written."""
    no_record(name, value, shape[-1] if shape else None)
    holds_numbers(name, value)
    for dense in ("toarray", "to_dense"):  # of SciPy and of torch, where they are sparse
        value = getattr(value, dense)() if hasattr(value, dense) else value
    detached = value.detach().cpu() if hasattr(value, "detach") else value
    if detached is not value:  # bfloat16 has no NumPy counterpart
        detached = (detached.double() if detached.is_floating_point() else detached).numpy()
    given = getattr(detached, "dtype", None)
    try:
        array = np.asarray(detached)
    except ValueError as error:
        raise InputError(f"{name} must be a rectangular array of numbers ({error})") from None
    if array.dtype.kind not in ("fiu" if given is None or integers else "f"):
        raise InputError(f"{name} must be real floating-point numbers, got {_in_words(value, array)}")
    if shape is not None:
        matches_shape(name, array.shape, shape)
    return array


def rectangular(name: str, value: Any) -> np.ndarray:
    """``value`` as an array of whatever it holds: numbers, labels, truth values."""
    value = value.detach().cpu() if hasattr(value, "detach") else value
    try:
        return np.asarray(value)
    except ValueError:
        raise InputError(f"{name} must be a rectangular array, got rows of different lengths") from None


def _in_words(value: Any, array: np.ndarray) -> str:
    """What was given in place of real numbers."""
    if hasattr(value, "shape"):
        hint = "; convert it, for example with .astype(float)" if array.dtype.kind in "iub" else ""
        return f"dtype {value.dtype}{hint}"
    if isinstance(value, (list, tuple)):
        kinds = {"U": "text", "O": "objects that are no numbers", "c": "complex numbers", "b": "truth values"}
        return f"a {type(value).__name__} of {kinds.get(array.dtype.kind, array.dtype)}"
    return f"{value!r}" if value is None or isinstance(value, (bool, str, complex)) else kind_of(value)


def kind_of(value: Any) -> str:
    """The kind of a value, with its article; of a class its name."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def matches_shape(name: str, got: Iterable[int], expected: tuple[Any, ...]) -> None:
    """Raise unless ``got`` fits ``expected`` (see :func:`reals` for how shapes are written)."""
    got = tuple(got)
    tail = expected[1:] if expected and expected[0] is ... else expected
    fits = len(got) >= len(tail) if tail is not expected else len(got) == len(tail)
    if fits:
        fits = all(isinstance(e, str) or g == e for g, e in zip(got[len(got) - len(tail) :], tail))
    if not fits:
        text = ", ".join("..." if e is ... else str(e) for e in expected)
        raise InputError(f"{name} must have shape ({text}), got {got}")


def folder(name: str, value: Any) -> Path:
    """``value`` as the path of a folder."""
    return path(name, value, "folder")


def path(name: str, value: Any, of: str) -> Path:
    """``value`` as the path of what it is called."""
    if not isinstance(value, (str, os.PathLike)) or not str(value) or "\0" in str(value):
        raise InputError(f"{name} must be the path of a {of}, got {value if value is None else repr(value)}")
    return Path(value)


def function(name: str, value: Any, of: str) -> None:
    """Raise unless ``value`` can be called."""
    if not callable(value):
        raise InputError(f"{name} must be a function of {of}, got {value if value is None else repr(value)}")


def holds_numbers(name: str, value: Any) -> None:
    """Raise if an array or tensor is of a kind that hides what it holds: masked, nested, without memory."""
    if np.ma.is_masked(value):
        raise InputError(f"{name} holds masked values; fill them, {name}.filled(np.nan), or leave their rows out")
    if getattr(value, "is_nested", False):
        raise InputError(f"{name} is a nested tensor; pad it, torch.nested.to_padded_tensor({name}, torch.nan)")
    if getattr(value, "is_meta", False):
        raise InputError(f"{name} is a tensor on the device 'meta', which holds no numbers")


def of_kind(name: str, value: Any, kind: type) -> None:
    """Raise unless ``value`` is a record of this kind."""
    if not isinstance(value, kind):
        raise InputError(f"{name} must be {kind.__name__}, got {type(value).__name__}")


def several(name: str, value: Any) -> Iterable[Any]:
    """``value`` itself, which may be gone through; a text is one thing, and so is None."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise InputError(f"{name} must be a list, got {value!r}")
    return value


def count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """``value`` as an int of at least ``least`` (and at most ``most``)."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{name} must be a whole number, got {value!r}")
    if value < least or (most is not None and value > most):
        limit = f"at least {least}" if most is None else f"between {least} and {most}"
        raise InputError(f"{name} must be {limit}, got {value}")
    return int(value)


def number(
    name: str, value: Any, *, above: float = -math.inf, below: float = math.inf, closed: bool = True
) -> float:
    """``value`` as a finite float in [above, below], or (above, below) if not ``closed``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{name} must be a number, got {value!r}")
    value = float(value)
    inside = above <= value <= below if closed else above < value < below
    if not math.isfinite(value) or not inside:
        left, right = ("[", "]") if closed else ("(", ")")
        within = f" in {left}{above:g}, {below:g}{right}" if above > -math.inf or below < math.inf else ""
        raise InputError(f"{name} must be a finite number{within}, got {value:g}")
    return value


def flag(name: str, value: Any) -> bool:
    """``value`` as True or False; a word such as "no" is neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """``value`` if it is allowed; otherwise an error that lists what is, nearest first."""
    allowed = list(allowed)
    if value not in allowed:
        near = difflib.get_close_matches(str(value), [str(a) for a in allowed], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}{hint}")
    return value
