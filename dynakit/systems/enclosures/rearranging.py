"""What moves the units of jets and computes nothing: slices, shapes, axes, pieces side by side.

Each of torch's functions is run on the numbers of the units.  Where these have gone to says what the result is made
of, and whether each point has only units of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .constants import Unsupported, exact, of_every_row
from .jets import Jet, operation
from .tangents import Tangent


class Numbered:
    """Jets and constants as tensors of numbers: unit k of point p is k + p * stride, constants count down from -1."""

    def __init__(self, jets: list[Jet]) -> None:
        self.model = jets[0]
        if any(jet.n_points != self.model.n_points for jet in jets):
            raise Unsupported("units of other points")
        self.jets: list[Jet] = []
        self.firsts: list[int] = []
        self.constants: list[Tensor] = []
        self.stride, self.n_constants = sum(jet.value.width for jet in jets), 0

    def of(self, jet: Jet) -> Tensor:
        known = next((k for k, other in enumerate(self.jets) if other is jet), None)
        if known is None:
            known = len(self.jets)
            self.firsts.append(sum(other.value.width for other in self.jets))
            self.jets.append(jet)
        units = torch.arange(jet.value.width, device=jet.device) + self.firsts[known]
        rows = self.stride * torch.arange(jet.n_rows, device=jet.device)
        return (rows[:, None] + units).reshape(-1, *jet.sizes).movedim(0, jet.axis)

    def constant(self, value: Any) -> Tensor:
        full = torch.as_tensor(exact(value), dtype=torch.float64, device=self.model.device)
        start = -1 - self.n_constants
        self.constants.append(full.reshape(-1))
        self.n_constants += full.numel()
        return start - torch.arange(full.numel(), device=full.device).reshape(full.shape)

    def read(self, numbers: Tensor) -> Jet:
        """The jet of which these are the numbers."""
        n_rows = self.model.n_rows
        for axis in sorted(range(numbers.ndim), key=lambda k: k != self.model.axis):
            if numbers.shape[axis] != n_rows:
                continue
            by_row = numbers.movedim(axis, 0).reshape(n_rows, -1)
            first = by_row[0]
            rows = self.stride * torch.arange(n_rows, device=first.device)[:, None]
            moved = torch.where(first >= 0, first + rows, by_row)
            if bool(((moved == by_row) & ((by_row >= 0) == (first >= 0)) & (first < self.stride)).all()):
                sizes = tuple(numbers.shape[:axis] + numbers.shape[axis + 1 :])
                return self._made(by_row, sizes, axis)
        raise Unsupported("a step that mixes the points of a batch has no enclosure")

    def _made(self, by_row: Tensor, sizes: tuple[int, ...], axis: int) -> Jet:
        first = by_row[0]
        fixed = first < 0
        if bool(fixed.any()):
            whole, first = self._with_constants(by_row, fixed)
        else:
            whole, first = self._whole(first)
        start, n = int(first[0]) if len(first) else 0, len(first)
        if bool((first == start + torch.arange(n, device=first.device)).all()):
            if n == whole.value.width:
                return whole.reshaped(sizes, axis)
            return whole.rows(slice(start, start + n), sizes, axis)
        return whole.rows(first, sizes, axis)

    def _whole(self, units: Tensor) -> tuple[Jet, Tensor]:
        """The jet that has these units, the one that they are all of or all side by side."""
        for jet, start in zip(self.jets, self.firsts):
            if bool(((units >= start) & (units < start + jet.value.width)).all()):
                return jet, units - start
        return side_by_side(self.jets), units

    def _with_constants(self, by_row: Tensor, fixed: Tensor) -> tuple[Jet, Tensor]:
        """The jets beside the constants in use, and the numbers in these."""
        values = torch.cat(self.constants)[-1 - by_row[:, fixed]]
        same = self.model.n_points < len(values) or bool((values == values[:1]).all())
        constants = of_every_row(values) if same else values
        beside = Jet.fixed(self.model.value.constant(constants), self.model.n_points)
        units = by_row[0].clone()
        jets = [] if bool(fixed.all()) else self.jets
        units[fixed] = torch.arange(constants.shape[-1], device=units.device) + sum(
            j.value.width for j in jets
        )
        return side_by_side([*jets, beside]), units


def side_by_side(jets: list[Jet]) -> Jet:
    """The units of jets one after the other, as (point, unit)."""
    if len(jets) == 1:
        return jets[0]
    model, widths = jets[0], [jet.value.width for jet in jets]
    tangent = Tangent.cat([jet.tangent for jet in jets], widths)
    return Jet(model.value.cat([jet.value for jet in jets]), tangent, model.n_points)


def rearranged(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What ``function`` of torch makes of jets by moving their units; other arguments are as they are."""
    jets = _jets_in((args, kwargs))
    numbered = Numbered(jets)
    moved = function(*_numbers(args, numbered), **_numbers(kwargs, numbered))
    return _read(moved, numbered)


def _jets_in(value: Any) -> list[Jet]:
    if isinstance(value, Jet):
        return [value]
    if isinstance(value, dict):
        return _jets_in(list(value.values()))
    return (
        list({id(j): j for v in value for j in _jets_in(v)}.values())
        if isinstance(value, tuple | list)
        else []
    )


def _numbers(value: Any, numbered: Numbered) -> Any:
    if isinstance(value, Jet):
        return numbered.of(value)
    if isinstance(value, dict):
        return {key: _numbers(item, numbered) for key, item in value.items()}
    return type(value)(_numbers(v, numbered) for v in value) if type(value) in (tuple, list) else value


def _read(moved: Any, numbered: Numbered) -> Any:
    if isinstance(moved, Tensor):
        jet = numbered.read(moved)
        jet.is_mask = all(source.is_mask for source in numbered.jets)
        return jet
    return type(moved)(_read(item, numbered) for item in moved)


def _view(function: Callable[..., Any], a: Jet, *args: Any, **kwargs: Any) -> Any:
    """One jet in another shape, or pieces of it, which may lie in the same memory."""
    made = rearranged(function, a, *args, **kwargs)
    for jet in made if isinstance(made, tuple | list) else [made]:
        jet.sharing(a)
    return made


_VIEWS = (
    "reshape view flatten ravel unflatten squeeze unsqueeze transpose swapaxes swapdims permute movedim moveaxis "
    "expand expand_as view_as reshape_as broadcast_to narrow select tensor_split hsplit unfold t diagonal"
)
for _name in _VIEWS.split():
    operation(_name)(partial(_view, getattr(Tensor, _name)))
_COPIES = "repeat repeat_interleave tile flip fliplr flipud rot90 index_select gather take_along_dim"
for _name in _COPIES.split():
    operation(_name)(partial(rearranged, getattr(Tensor, _name)))


@operation("getitem")
def _getitem(a: Jet, index: Any) -> Jet:
    item = index[1] if isinstance(index, tuple) and len(index) == 2 and _is_whole(index[0]) else None
    if isinstance(item, slice) and a.is_plain:
        start, stop, step = item.indices(a.value.width)
        if step == 1:
            units = slice(start, max(start, stop))
            return a.rows(units, (units.stop - units.start,), 0).sharing(a)
    elif isinstance(item, int | np.integer) and not isinstance(item, bool) and a.is_plain:
        unit = range(a.value.width)[item]
        return a.rows(slice(unit, unit + 1), (), 0).sharing(a)
    return _view(Tensor.__getitem__, a, index)


def _is_whole(item: Any) -> bool:
    return item is Ellipsis or (isinstance(item, slice) and item == slice(None))


@operation("with_item")
def _with_item(a: Jet, index: Any, value: Any) -> Jet:
    """The jet with some of its units replaced."""
    numbered = Numbered([a, value] if isinstance(value, Jet) and value is not a else [a])
    numbers = numbered.of(a).clone()
    numbers[index] = numbered.of(value) if isinstance(value, Jet) else numbered.constant(value)
    return numbered.read(numbers)


def _written(function: Callable[..., Tensor], a: Jet, dim: int, index: Tensor, value: Any, **_: Any) -> Jet:
    """The jet with units replaced by those of another, or by constants, by one of torch's functions."""
    numbered = Numbered(_jets_in([a, value]))
    new = numbered.of(value) if isinstance(value, Jet) else numbered.constant(value)
    whole = not isinstance(value, Jet) and new.ndim == 0
    return numbered.read(function(numbered.of(a), dim, index, int(new) if whole else new))


for _name in ("index_fill", "index_copy", "scatter"):
    operation(_name)(partial(_written, getattr(Tensor, _name)))


@operation("split", "split_with_sizes")
def _split(a: Jet, sizes: Any, dim: int = 0) -> tuple[Jet, ...]:
    if not a.is_plain or dim not in (-1, 1):
        return _view(Tensor.split, a, sizes, dim)
    width = a.value.width
    sizes = [min(sizes, width - k) for k in range(0, width, sizes)] if isinstance(sizes, int) else list(sizes)
    if sum(sizes) != width:
        raise Unsupported(f"{width} units do not split into {sizes}")
    starts = np.cumsum([0, *sizes]).tolist()
    return tuple(_getitem(a, (Ellipsis, slice(i, i + n))) for i, n in zip(starts, sizes))


@operation("chunk")
def _chunk(a: Jet, chunks: int, dim: int = 0) -> tuple[Jet, ...]:
    if not a.is_plain or dim not in (-1, 1):
        return _view(Tensor.chunk, a, chunks, dim)
    return _split(a, math.ceil(a.value.width / chunks), dim)


@operation("unbind")
def _unbind(a: Jet, dim: int = 0) -> tuple[Jet, ...]:
    if not a.is_plain or dim not in (-1, 1):
        return _view(Tensor.unbind, a, dim)
    return tuple(_getitem(a, (Ellipsis, k)) for k in range(a.value.width))


def _joined(function: Callable[..., Any], tensors: Any, dim: int = 0) -> Jet:
    """Jets and constants put together by ``function``."""
    numbered = Numbered(_jets_in(list(tensors)))
    return numbered.read(
        function([numbered.of(v) if isinstance(v, Jet) else numbered.constant(v) for v in tensors], dim)
    )


@operation("cat", "concat", "concatenate")
def _cat(tensors: Any, dim: int = 0) -> Jet:
    if dim in (-1, 1) and all(isinstance(v, Jet) and v.is_plain for v in tensors):
        whole = side_by_side(list(tensors))
        return whole.reshaped(whole.sizes, 0)
    return _joined(torch.cat, tensors, dim)


@operation("stack")
def _stack(tensors: Any, dim: int = 0) -> Jet:
    if dim in (-1, 1) and all(isinstance(v, Jet) and v.sizes == () for v in tensors):
        whole = side_by_side(list(tensors))
        return Jet(whole.value, whole.tangent, whole.n_points)
    return _joined(torch.stack, tensors, dim)


for _name, _function in (
    ("hstack", torch.hstack),
    ("vstack", torch.vstack),
    ("column_stack", torch.column_stack),
):
    operation(_name)(lambda tensors, f=_function: _joined(lambda parts, _: f(parts), tensors))


@operation("roll")
def _roll(a: Jet, shifts: Any, dims: Any = ()) -> Jet:
    return rearranged(torch.roll, a, shifts, dims)


@operation("pad")
def _pad(input: Jet, pad: Any, mode: str = "constant", value: float | None = None) -> Jet:
    numbered = Numbered([input])
    numbers = numbered.of(input).double()  # which all ways to pad take
    if mode == "constant":
        fill = float(numbered.constant(0.0 if value is None else value))
        return numbered.read(torch.nn.functional.pad(numbers, pad, mode, fill).long())
    return numbered.read(torch.nn.functional.pad(numbers, pad, mode).long())


def chosen(mask: Tensor, a: Any, b: Any) -> Jet:
    """``a`` where a constant mask is true, elsewhere ``b``: jets or constants."""
    numbered = Numbered(_jets_in([a, b]))
    a, b = (numbered.of(v) if isinstance(v, Jet) else numbered.constant(v) for v in (a, b))
    return numbered.read(torch.where(mask, a, b))
