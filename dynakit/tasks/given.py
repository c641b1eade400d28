"""What people mean by the arrays they have.

Whole numbers are classes; trials may be of several lengths, in a list or filled up with NaN at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError

IGNORED = (-1, -100)  # classes that are not asked for; -100 is torch's ignore_index


def stacked(name: str, value: Any, lengths: Any = None) -> tuple[Any, Any]:
    """A list of trials as one array, filled up with zeros, and its lengths (trial,); anything else as it is.

    Where ``lengths`` are given, those of the inputs, the trials must have them, or all one length.
    """
    if not isinstance(value, (list, tuple)):
        return value, lengths
    rows = [_plain(f"{name}[{i}]", row) for i, row in enumerate(value)]
    if not rows:
        return np.zeros(0), lengths
    for i, row in enumerate(rows):
        if row.ndim != rows[0].ndim or row.shape[1:] != rows[0].shape[1:]:
            raise InputError(
                f"{name} must hold trials that differ in length only, but trial 0 has shape {rows[0].shape} and "
                f"trial {i} has {row.shape}"
            )
    own = np.array([len(row) if row.ndim else 1 for row in rows])
    if (own == own[0]).all():
        return np.stack(rows), lengths
    if lengths is None:
        lengths = own
    elif np.shape(lengths) == own.shape and (wrong := np.flatnonzero(own != np.asarray(lengths))).size:
        k = wrong[0]
        raise InputError(f"{name}[{k}] has {own[k]} steps, but trial {k} has {np.asarray(lengths)[k]} steps")
    whole = np.zeros((len(rows), int(own.max()), *rows[0].shape[1:]), np.result_type(*rows))
    for into, row in zip(whole, rows):
        into[: len(row)] = row
    return whole, lengths


def _plain(name: str, value: Any) -> np.ndarray:
    """An array, a tensor or nested lists as an array; whole numbers in lists are read as floats."""
    if hasattr(value, "dtype"):
        return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} must be a rectangular array of numbers ({error})") from None
    return array.astype(float) if array.dtype.kind in "iu" else array


def ends_of(inputs: Any, lengths: Any) -> Any:
    """The lengths (trial,) of the trials: as given, or up to the steps at the end in which all inputs are NaN."""
    array = _as_array(inputs)
    if lengths is not None or array.ndim != 3 or array.dtype.kind != "f" or not np.isnan(array).any():
        return lengths
    empty: np.ndarray = np.all(np.isnan(array), axis=2)
    after = np.logical_and.accumulate(empty[:, ::-1], axis=1)
    if not after.any() or after.all(axis=1).any():
        return None  # no padding, or a trial of nothing else: not finite
    return array.shape[1] - after.sum(axis=1)


def blank(value: Any, lengths: Any) -> Any:
    """A copy of the array (trial, time, ...), zero beyond the ends of trials; as it is where all are of one length."""
    if value is None or lengths is None:
        return value
    array = np.array(_as_array(value))
    if array.ndim < 2 or np.shape(lengths) != array.shape[:1]:
        return value  # it does not fit, and that will be said
    array[np.arange(array.shape[1]) >= np.asarray(lengths)[:, None]] = 0
    return array


def one_hot_classes(targets: Any, mask: Any, decode: Any) -> tuple[Any, Any]:
    """Whole numbers (trial, time) or (trial, time, 1) as one-hot classes, without those that are not asked for."""
    array: np.ndarray = np.zeros(0) if targets is None else _as_array(targets)
    if array.ndim == 3 and array.shape[2] == 1 and decode == "argmax":
        array = array[:, :, 0]
    numbers = array.dtype.kind == "f" and decode == "argmax" and bool((array % 1 == 0).all())
    whole = array.dtype.kind in "biu" or numbers
    if array.ndim != 2 or not array.size or not whole:
        return targets, mask
    classes = array.astype(int)
    asked = ~np.isin(classes, IGNORED)
    if not asked.any() or classes[asked].min() < 0:
        raise InputError(
            f"targets that are classes must be 0, 1, ..., or -1 where none is asked, got {classes.min()}"
        )
    one_hot = np.eye(int(classes[asked].max()) + 1)[np.where(asked, classes, 0)]
    return one_hot, mask if asked.all() else _and(mask, asked)


def _as_array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _and(mask: Any, asked: np.ndarray) -> Any:
    """The mask, with 0 also where nothing is asked (trial, time)."""
    if mask is None:
        return asked
    array = _as_array(mask)
    if array.shape[:2] != asked.shape:
        return mask  # it does not fit, and that will be said
    return array * asked.reshape(*asked.shape, *[1] * (array.ndim - 2))
