"""Constants beside jets: as float64 numbers, in the shape in which they go with the units."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


class Unsupported(TypeError):
    """An operation without an enclosure."""


class ComplexNeeded(Unsupported):
    """An operation of real numbers that was given complex ones."""


def exact(value: Any) -> Tensor | float:
    """A constant as float64 numbers."""
    if isinstance(value, complex) or getattr(value, "dtype", None) in (torch.complex128, torch.complex64):
        raise ComplexNeeded("complex numbers where real ones are followed")
    if isinstance(value, bool) or not isinstance(value, int | float | np.number | np.ndarray | Tensor):
        raise Unsupported(f"a {type(value).__name__} is no constant")
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        return value.detach().to(torch.float64)
    return float(value)


def aligned(value: Tensor | float, model: Any) -> Tensor | float:
    """A constant in the shape in which it goes with ``model``'s units: a number, (unit,) or (point, unit)."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return float(value)
    if value.ndim == 1 and model.is_plain:
        return value
    value = value[(None,) * (model.ndim - value.ndim)]
    each = value.shape[model.axis] > 1
    full = value.expand(model.shape).movedim(model.axis, 0)
    if not each:
        return full[0].reshape(-1)
    full = full.reshape(model.n_rows, -1)
    return full if model.n_points == model.n_rows else of_every_row(full)


def of_every_row(full: Tensor) -> Tensor:
    """The one row (unit,) of constants that are the same for each point."""
    if not bool((full == full[:1]).all()):
        raise Unsupported("constants that differ from point to point, of which there is one")
    return full[0]
