"""What people mean by the arrays they have: whole numbers are classes, NaN at the end of a trial is no part of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError

IGNORED = (-1, -100)  # classes that are not asked for; -100 is torch's ignore_index


def without_padding(inputs: Any, targets: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and mask, zero in the steps after a trial in which all inputs are NaN."""
    array = _as_array(inputs)
    if array.ndim != 3 or array.dtype.kind != "f" or not np.isnan(array).any():
        return inputs, targets, mask
    empty: np.ndarray = np.all(np.isnan(array), axis=2)
    after = np.logical_and.accumulate(empty[:, ::-1], axis=1)[:, ::-1]
    if not after.any() or after.all(axis=1).any():
        return inputs, targets, mask  # no padding, or a trial of nothing else: not finite
    return _blank(inputs, after), None if targets is None else _blank(targets, after), _and(mask, ~after)


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


def _blank(value: Any, where: np.ndarray) -> Any:
    """A copy of the array, zero at these steps (trial, time)."""
    array = np.array(_as_array(value))
    if array.shape[:2] == where.shape:
        array[where] = 0
    return array


def _and(mask: Any, asked: np.ndarray) -> Any:
    """The mask, with 0 also where nothing is asked (trial, time)."""
    if mask is None:
        return asked
    array = _as_array(mask)
    if array.shape[:2] != asked.shape:
        return mask  # it does not fit, and that will be said
    return array * asked.reshape(*asked.shape, *[1] * (array.ndim - 2))
