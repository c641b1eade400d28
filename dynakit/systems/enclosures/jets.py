"""A map evaluated on a box: its range and its derivative, from the code of the map itself.

A :class:`Jet` stands in for a batch of states (point, unit) while the code of a step runs.  It knows
the values the quantity takes over the box, and its derivative by the state (Rall 1981, on the automatic
differentiation of interval-valued functions).  torch hands each of its functions over to
the jets among its arguments, so the step of any network, or of a user's own, needs no second version.

Whatever is not listed in ``jet_operations`` is refused: branches on values, other functions, writing in place, NumPy.
A map that needs any of it has no enclosure.  Constants count as the floats they have been computed to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .tangents import Select, Tangent

OPERATIONS: dict[str, Callable[..., Any]] = {}


class Unsupported(TypeError):
    """An operation without an enclosure."""


class Jet:
    """A quantity over boxes around ``n_points`` states: its range ``value`` and its derivative ``tangent``.

    ``is_column`` marks one unit without its axis, as ``x[:, 0]`` is.
    """

    __array_ufunc__ = None  # NumPy leaves arithmetic to the methods here
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, tangent: Tangent, n_points: int, *, is_column: bool = False) -> None:
        self.value, self.tangent, self.n_points, self.is_column = value, tangent, n_points, is_column

    @classmethod
    def state(cls, value: Any, n_points: int) -> Jet:
        """The state itself."""
        return cls(value, Tangent([(None, Select(slice(0, value.width), value.exact))]), n_points)

    @classmethod
    def fixed(cls, value: Any, n_points: int) -> Jet:
        """What does not depend on the state."""
        return cls(value, Tangent([]), n_points)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((self.n_points,) if self.is_column else (self.n_points, self.value.width))

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64

    @property
    def device(self) -> torch.device:
        return self.value.device

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.n_points

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in OPERATIONS:
            raise Unsupported(f"a step that uses .{name} has no enclosure")
        return partial(OPERATIONS[name], self)

    def __getitem__(self, index: Any) -> Jet:
        return OPERATIONS["getitem"](self, index)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        name = name[2:-2] if name.startswith("__") else name
        if name not in OPERATIONS:
            raise Unsupported(f"a step that uses {name or function} has no enclosure")
        return OPERATIONS[name](*args, **(kwargs or {}))

    def constant(self, value: Any) -> Jet:
        """A quantity that does not depend on the state, beside this one."""
        if isinstance(value, Jet):
            return value
        full = torch.as_tensor(_aligned(value, self), dtype=self.dtype, device=self.device)
        if full.ndim == 0 or full.shape[-1] == 1:
            full = full.expand(*full.shape[:-1], self.value.width)
        return self.like(self.value.constant(full), Tangent([]))

    def like(self, value: Any, tangent: Tangent) -> Jet:
        return Jet(value, tangent, self.n_points, is_column=self.is_column)

    def widened(self, width: int) -> Jet:
        """One unit repeated, as broadcasting does."""
        if self.value.width == width:
            return self
        if self.value.width != 1 or self.is_column:
            raise Unsupported(f"{self.value.width} units do not go with {width}")
        return affine(self, torch.ones(width, 1, dtype=self.dtype, device=self.device))


def _refuse(self: Jet, *_: Any) -> Any:
    raise Unsupported("a step that branches on values or leaves torch has no enclosure")


for _name in (
    "bool",
    "float",
    "int",
    "index",
    "iter",
    "array",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "setitem",
    "iadd",
    "isub",
    "imul",
    "itruediv",
    "ipow",
    "imatmul",
):
    setattr(Jet, f"__{_name}__", _refuse)


def operation(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what torch calls by these names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS.update(dict.fromkeys(names, function))
        for name in names:
            if name in _OPERATORS:
                setattr(Jet, f"__{name}__", function)
        return function

    return register


_OPERATORS = ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "neg", "matmul")


def exact(value: Any) -> Tensor | float:
    """A constant as float64 numbers."""
    if isinstance(value, bool | complex) or not isinstance(
        value, int | float | np.number | np.ndarray | Tensor
    ):
        raise Unsupported(f"a {type(value).__name__} is no constant")
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        if value.is_complex() or value.dtype == torch.bool:
            raise Unsupported("a constant must be real numbers")
        return value.detach().to(torch.float64)
    return float(value)


def operands(a: Any, b: Any) -> tuple[Any, Any, Jet]:
    """Two operands, jets or constants, with equally many units; and one of them that is a jet."""
    model = a if isinstance(a, Jet) else b
    a, b = (v if isinstance(v, Jet) else _aligned(v, model) for v in (a, b))
    if isinstance(a, Jet) and isinstance(b, Jet) and a.is_column != b.is_column:
        raise Unsupported("a unit without its axis among vectors")
    width = max(v.value.width if isinstance(v, Jet) else _width(v) for v in (a, b))
    a, b = (v.widened(width) if isinstance(v, Jet) else v for v in (a, b))
    return a, b, a if isinstance(a, Jet) else b


def _aligned(value: Any, model: Jet) -> Tensor | float:
    """A constant in the shape in which it goes with ``model``'s units."""
    value = exact(value)
    if not isinstance(value, Tensor) or value.ndim == 0:
        return float(value)
    if value.ndim > model.ndim or (value.ndim == 2 and len(value) not in (1, model.n_points)):
        raise Unsupported(f"a constant of shape {tuple(value.shape)} does not go with {tuple(model.shape)}")
    return value[..., None] if model.is_column else value


def _width(value: Tensor | float) -> int:
    return value.shape[-1] if isinstance(value, Tensor) else 1


def scaled(jet: Jet, c: Tensor | float) -> Jet:
    """The jet times a constant, a number or one for each unit."""
    full = torch.as_tensor(c, dtype=jet.dtype, device=jet.device)
    full = full.expand(*full.shape[:-1], jet.value.width)
    return jet.like(jet.value * c, jet.tangent.scaled(jet.value.constant(full)))


def affine(jet: Jet, W: Tensor, b: Tensor | None = None) -> Jet:
    """W x + b of a jet x, with W (out, unit); Unsupported for a matrix of another width."""
    W = W.to(torch.float64)
    if W.shape[1] != jet.value.width or jet.is_column:
        raise Unsupported(f"a matrix of {W.shape[1]} columns for {jet.value.width} units")
    return Jet(jet.value.affine(W, b), jet.tangent.through(W), jet.n_points)
