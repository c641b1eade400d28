"""A map evaluated on a box: its range and its derivative, from the code of the map itself.

A :class:`Jet` stands in for a batch of states while the code of a step runs.  It knows the values the quantity takes
over the box, and its derivative by the state (Rall 1981, on the automatic differentiation of interval-valued
functions).  torch hands each of its functions over to the jets among its arguments, so the step of any network, or of
a user's own, needs no second version.

A jet may have any shape with one axis of points: what is computed with are its units, the entries for one point in C
order.  Taking apart, putting together and turning are changes of their order (see ``rearranging``) and cost nothing.

Whatever is not registered as an :func:`operation` is refused: branches on values, other functions, NumPy.  A map that
needs any of it has no enclosure.  Constants count as the floats they have been computed to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from .constants import ComplexNeeded, Unsupported, aligned, exact
from .linear_part import LinearPart
from .remembered import computed
from .tangents import Select, Tangent, Units

OPERATIONS: dict[str, Callable[..., Any]] = {}
COMPLEX: dict[str, Callable[..., Any]] = {}  # the same, where one of the arguments is complex


class Factor(NamedTuple):
    """One of two that are multiplied: its range, what it is the complement of, and what it is the difference of."""

    value: Any
    complement: Any
    difference: tuple[Any, Any] | None


class Jet:
    """A quantity over boxes around ``n_points`` states: its range ``value`` and its derivative ``tangent``.

    ``sizes`` are those of its axes but the axis of points, which comes as number ``axis``.  To the code that runs
    there are at least two points, so that their axis can be told from the others.

    ``is_mask`` marks what a comparison gave, 1 for true.  ``complement`` is the range of the z of which this is 1 - z,
    ``difference`` the two ranges of those of which it is the difference, ``factors`` are those of which it is the
    product: what lets a gate be recognized.  ``form`` is its exact linear part, where it is asked for.
    """

    __array_ufunc__ = None  # NumPy leaves arithmetic to the methods here
    __hash__ = None  # type: ignore[assignment]
    requires_grad = is_sparse = is_quantized = is_nested = is_cuda = is_mkldnn = False
    layout = torch.strided
    grad = None

    def __init__(
        self,
        value: Any,
        tangent: Tangent,
        n_points: int,
        *,
        sizes: tuple[int, ...] | None = None,
        axis: int = 0,
    ) -> None:
        self.value, self.tangent, self.n_points = value, tangent, n_points
        self.sizes, self.axis = (value.width,) if sizes is None else sizes, axis
        self.is_mask = False
        self.complement: Any = None
        self.difference: tuple[Any, Any] | None = None
        self.factors: tuple[Factor, Factor] | None = None
        self.form: LinearPart | None = None
        self.sharers = [1]  # how many jets that anyone holds may lie in the same memory
        self.slice_of: tuple[Jet, Any] | None = None  # and by which index

    @classmethod
    def state(cls, value: Any, n_points: int) -> Jet:
        """The state itself."""
        return cls(value, Tangent([(None, Select(slice(0, value.width), value.exact))]), n_points)

    @classmethod
    def fixed(cls, value: Any, n_points: int) -> Jet:
        """What does not depend on the state."""
        return cls(value, Tangent([]), n_points)

    @property
    def n_rows(self) -> int:
        """The length of the axis of points."""
        return max(2, self.n_points)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((*self.sizes[: self.axis], self.n_rows, *self.sizes[self.axis :]))

    @property
    def is_plain(self) -> bool:
        """Whether it is (point, unit)."""
        return self.axis == 0 and len(self.sizes) == 1

    @property
    def dtype(self) -> torch.dtype:
        return torch.bool if self.is_mask else torch.float64

    @property
    def device(self) -> torch.device:
        return self.value.device

    @property
    def ndim(self) -> int:
        return len(self.sizes) + 1

    @property
    def T(self) -> Jet:
        return OPERATIONS["permute"](self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Jet:
        return OPERATIONS["transpose"](self, -2, -1)

    @property
    def data(self) -> Jet:
        return OPERATIONS["detach"](self)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(OPERATIONS["unbind"](self))

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("__") else _found(name)
        if found is None:
            raise Unsupported(f"a step that uses .{name} has no enclosure")
        return lambda *args, **kwargs: _real_or_complex(name, found, (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Jet:
        item = OPERATIONS["getitem"](self, index)
        if self.slice_of is None and _is_simple(index):
            item.slice_of = self, index
        return item

    def __setitem__(self, index: Any, value: Any) -> None:
        own = value.slice_of if isinstance(value, Jet) else None
        if own is not None and own[0] is self and own[1] == index:
            return  # y[:, :3] += 1 ends with a slice put where it is
        self.become(OPERATIONS["with_item"](self, index, value))

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        name = name[2:-2] if name.startswith("__") else name
        found = _found(name)
        if found is None:
            raise Unsupported(f"a step that uses {name or function} has no enclosure")
        return _real_or_complex(name, found, args, kwargs or {})

    def like(self, value: Any, tangent: Tangent) -> Jet:
        return Jet(value, tangent, self.n_points, sizes=self.sizes, axis=self.axis)

    def formed(self, form: LinearPart | None) -> Jet:
        """The same with its linear part, and in the range that this leaves."""
        if form is not None:
            self.form, self.value = form, self.value.cut(form.range())
        return self

    def reshaped(self, sizes: tuple[int, ...], axis: int) -> Jet:
        """The same units in another shape."""
        same = Jet(self.value, self.tangent, self.n_points, sizes=sizes, axis=axis)
        same.form = self.form
        return same

    def rows(self, units: Units, sizes: tuple[int, ...], axis: int) -> Jet:
        """Some of the units, in another shape."""
        some = Jet(self.value[units], self.tangent.rows(units), self.n_points, sizes=sizes, axis=axis)
        some.form = None if self.form is None else self.form.rows(units)
        return some

    def copy(self) -> Jet:
        """The same quantity as another object."""
        same = self.reshaped(self.sizes, self.axis)
        same.is_mask, same.complement, same.factors = self.is_mask, self.complement, self.factors
        same.difference = self.difference
        return same

    def alias(self) -> Jet:
        """The same quantity as another object in the same memory."""
        return self.copy().sharing(self)

    def sharing(self, other: Jet) -> Jet:
        """Marked as what may lie in the same memory as ``other``."""
        self.sharers[0] -= 1
        self.sharers = other.sharers
        self.sharers[0] += 1
        return self

    def __del__(self) -> None:
        self.sharers[0] -= 1  # what nobody holds, nobody can see

    def become(self, other: Jet) -> Jet:
        """This jet written over, and with it what it is a slice of; refused where another may see it."""
        base, index = self.slice_of or (None, None)
        seen = self.sharers[0] > (1 if base is None else 2) or (
            base is not None and base.sharers is not self.sharers
        )
        if seen or other.shape != self.shape or other.axis != self.axis or self.is_mask:
            raise Unsupported("a step that writes into what other names or shapes show has no enclosure")
        if base is not None:
            base._take(OPERATIONS["with_item"](base, index, other))
        return self._take(other)

    def _take(self, other: Jet) -> Jet:
        self.value, self.tangent = other.value, other.tangent
        self.complement, self.factors, self.form = other.complement, other.factors, other.form
        self.difference = other.difference
        return self

    def constant(self, value: Any) -> Jet:
        """A quantity that does not depend on the state, in the shape of this one."""
        if isinstance(value, Jet):
            return value
        full = torch.as_tensor(aligned(exact(value), self), dtype=torch.float64, device=self.device)
        if full.ndim == 0 or full.shape[-1] != self.value.width:
            full = full.expand(*full.shape[:-1], self.value.width)
        return self.like(self.value.constant(full), Tangent([]))

    def expanded(self, shape: tuple[int, ...]) -> Jet:
        """Repeated, as broadcasting does."""
        return self if self.shape == torch.Size(shape) else OPERATIONS["expand"](self, *shape)


def _is_simple(index: Any) -> bool:
    """Whether it is made of slices and numbers: then what it gives is a view of its own part of the memory."""
    return all(
        isinstance(v, slice | int) or v is Ellipsis for v in (index if isinstance(index, tuple) else (index,))
    )


def _found(name: str) -> Callable[..., Any] | None:
    """What is registered for a name, or for it without the ending of what works in place."""
    if name in OPERATIONS:
        return OPERATIONS[name]
    if name.endswith("_") and name[:-1] in OPERATIONS:
        return partial(_in_place, OPERATIONS[name[:-1]])
    if name[:1] == "i" and name[1:] in _OPERATORS:  # iadd of Tensor: its own, a tensor, cannot become a jet
        return partial(_in_place, OPERATIONS[name[1:]])
    return None


def _real_or_complex(name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    try:
        return computed(name, function, args, kwargs)
    except ComplexNeeded:
        if name not in COMPLEX:
            raise
        return COMPLEX[name](*args, **kwargs)


def _in_place(function: Callable[..., Any], a: Any, *args: Any, **kwargs: Any) -> Jet:
    if not isinstance(a, Jet):
        raise Unsupported("a step that writes into a tensor of its own has no enclosure")
    return a.become(function(a, *args, **kwargs))


def _refuse(self: Jet, *_: Any) -> Any:
    raise Unsupported("a step that branches on values or leaves torch has no enclosure")


for _name in ("bool", "float", "int", "index", "array", "eq", "ne", "contains", "copy", "deepcopy", "reduce_ex"):
    setattr(Jet, f"__{_name}__", _refuse)

_OPERATORS = ("add", "sub", "mul", "truediv", "pow", "matmul", "and", "or", "xor")
_METHODS = (*_OPERATORS, *(f"r{name}" for name in _OPERATORS), "neg", "invert", "gt", "ge", "lt", "le", "abs")


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: _real_or_complex(name, function, args, {})


def operation(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what torch calls by these names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS.update(dict.fromkeys(names, function))
        for name in names:
            if name in _METHODS:
                setattr(Jet, f"__{name}__", _method(name, function))
            if name in _OPERATORS:
                setattr(Jet, f"__i{name}__", lambda a, b: a.become(function(a, b)))
        return function

    return register
