"""A state of several tensors as one flat vector: which tensors, in which order, along which axis the batch lies.

Trees are tensors in dictionaries, named tuples, dataclasses, tuples, lists and deques, in each other; None is skipped.
The axis of the batch is where the same state for batches of two sizes differs.  Flat vectors hold leaves in order, a
dictionary's by insertion, the others' by field or place; each is raveled in C order with the batch's axis taken out,
of a complex one first all real parts, then all imaginary ones.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import InputError
from ..enclosures import ComplexJet, Jet

BATCHES = (5, 7)  # sizes that are unlikely to be a width


def is_leaf(tree: Any) -> bool:
    """A tensor, or what stands in for one within an enclosure."""
    return isinstance(tree, (Tensor, Jet, ComplexJet))


def branches(tree: Any) -> list[tuple[str, Any]]:
    """The (name, value) pairs right below a tree; TypeError for what is none."""
    if isinstance(tree, dict):
        return [(str(key), value) for key, value in tree.items()]
    if hasattr(tree, "_fields"):
        return list(zip(tree._fields, tree, strict=True))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(f.name, getattr(tree, f.name)) for f in dataclasses.fields(tree)]
    if isinstance(tree, (tuple, list, collections.deque)):
        return [(str(place), value) for place, value in enumerate(tree)]
    raise TypeError(f"{type(tree).__name__} is no tensor")


def leaves(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """The (path, tensor) pairs of a tree in their order; TypeError, with the path, for what is no tree of tensors."""
    if is_leaf(tree):
        return [(path or "x", tree)]
    if tree is None:
        return []
    try:
        below = branches(tree)
    except TypeError as error:
        raise TypeError(f"part '{path}' of the state: {error}" if path else str(error)) from None
    return [leaf for name, value in below for leaf in leaves(value, f"{path}.{name}" if path else name)]


def rebuilt(like: Any, values: Iterator[Any]) -> Any:
    """``like`` with its tensors replaced, in their order, by ``values``."""
    if is_leaf(like):
        return next(values)
    if like is None:
        return None
    if isinstance(like, dict):
        return type(like)((key, rebuilt(value, values)) for key, value in like.items())
    if hasattr(like, "_fields"):
        return type(like)(*(rebuilt(value, values) for value in like))
    if dataclasses.is_dataclass(like):
        changes = {name: rebuilt(value, values) for name, value in branches(like)}
        return dataclasses.replace(like, **changes)  # type: ignore[type-var]
    below = [rebuilt(value, values) for value in like]
    return collections.deque(below, like.maxlen) if isinstance(like, collections.deque) else type(like)(below)


def aligned(tree: Any, like: Any) -> list[Any] | None:
    """The leaves of ``tree`` in the order of ``like``, dictionaries by key; None where it is built otherwise."""
    if is_leaf(like) or like is None:
        return ([tree] if is_leaf(like) else []) if is_leaf(tree) == is_leaf(like) else None
    try:
        theirs, own = branches(tree), branches(like)
    except TypeError:
        return None
    if isinstance(like, dict) or isinstance(tree, dict):
        named = dict(theirs)
        if type(tree) is not type(like) or named.keys() != dict(own).keys():
            return None
        theirs = [(name, named[name]) for name, _ in own]
    if len(theirs) != len(own):
        return None
    found = [aligned(value, below) for (_, value), (_, below) in zip(theirs, own, strict=True)]
    return None if any(f is None for f in found) else [leaf for f in found for leaf in f or ()]


class Leaf(NamedTuple):
    """One tensor of a state: its shape without the batch, the batch's axis, its dtype, and its columns."""

    path: str
    shape: torch.Size
    axis: int
    dtype: torch.dtype
    columns: slice

    @property
    def is_plain(self) -> bool:
        """Whether it is (batch, unit) of real numbers: then slices are all it takes."""
        return self.axis == 0 and len(self.shape) == 1 and self.dtype.is_floating_point

    def full(self, n_rows: int) -> torch.Size:
        """Its shape for a batch of so many."""
        return torch.Size((*self.shape[: self.axis], n_rows, *self.shape[self.axis :]))

    def made(self, part: Any) -> Any:
        """The tensor that its columns (batch, column) stand for."""
        if self.is_plain:
            return part
        if self.dtype.is_complex:
            part = torch.complex(*part.split(self.shape.numel(), -1))
        elif not self.dtype.is_floating_point:
            part = part.round().to(self.dtype)
        return part.reshape(len(part), *self.shape).movedim(0, self.axis)

    def flat(self, value: Any) -> Any:
        """The columns that the tensor becomes."""
        if self.is_plain:
            return value
        value = value.movedim(self.axis, 0)
        value = value.reshape(len(value), self.shape.numel())
        if self.dtype.is_complex:
            return torch.cat([value.real, value.imag], -1)
        return value if self.dtype.is_floating_point else value.to(torch.float64)


class Layout:
    """How a tree lies in a flat vector; ``small`` and ``large`` are the same tree for batches of 5 and of 7.

    Attributes:
        leaves: the tensors.
        size: width of the flat vector.
        parts: its columns by name.
    """

    def __init__(self, small: Any, large: Any, *, names: tuple[str, ...] = (), flags: bool = False) -> None:
        one, two, at = leaves(small), aligned(large, small), 0
        if two is None or not one:
            raise InputError(
                "the state has another structure for another batch" if one else "no state is there"
            )
        if names and len(names) != len(one):
            raise InputError(
                f"form.names must name the {len(one)} parts of the state, got {len(names)}: {names}"
            )
        self.like, self.parts, self.leaves = small, {}, []
        for k, ((path, a), b) in enumerate(zip(one, two, strict=True)):
            axis = _batch_axis(path, a, b)
            if not (a.is_floating_point() or a.is_complex() or flags):
                raise InputError(
                    f"part '{path}' of the state is of {a.dtype}, a counter or a flag without a derivative; "
                    'regularity="discontinuous" carries it along'
                )
            shape = torch.Size((*a.shape[:axis], *a.shape[axis + 1 :]))
            width = shape.numel() * (2 if a.is_complex() else 1)
            leaf = Leaf(path, shape, axis, a.dtype, slice(at, at + width))
            self.leaves.append(leaf)
            self.parts |= _named(names[k] if names else path, leaf)
            at += width
        self.size = at
        self._full: tuple[int, list[torch.Size]] = -1, []  # the shapes of a batch, of the last one

    def taken(self, x: Any) -> Any:
        """The tree for flat vectors (batch, unit)."""
        tensors, like = self.tensors(x), self.like
        if type(like) in (tuple, list) and len(like) == len(tensors):  # the usual, at a fraction of the time
            return type(like)(tensors)
        return rebuilt(like, iter(tensors))

    def tensors(self, x: Any) -> list[Any]:
        """The leaves for flat vectors, each to be written into as the step likes: nobody else sees x."""
        if len(self.leaves) == 1:
            made = [self.leaves[0].made(x)]
        else:
            made = [leaf.made(x[:, leaf.columns]) for leaf in self.leaves]
        return made if type(x) is Tensor else [value.clone() for value in made]

    def flat(self, tree: Any, n_rows: int) -> Any:
        """The flat vectors (batch, unit) of a tree; InputError where it is not of this layout."""
        usual = type(tree) is tuple and len(tree) == len(self.leaves) and all(map(is_leaf, tree))
        found = list(tree) if usual and type(self.like) in (tuple, list) else aligned(tree, self.like)
        if found is None:
            raise InputError("the state came back in another structure")
        if self._full[0] != n_rows:
            self._full = n_rows, [leaf.full(n_rows) for leaf in self.leaves]
        for leaf, value, full in zip(self.leaves, found, self._full[1], strict=True):
            if value.shape != full:
                raise InputError(
                    f"part '{leaf.path}' of the state changes its shape from {tuple(full)} to "
                    f"{tuple(value.shape)}: a state that grows is no map of one space"
                )
        flat = [leaf.flat(value) for leaf, value in zip(self.leaves, found, strict=True)]
        return flat[0] if len(flat) == 1 else torch.cat(flat, -1)

    def fits(self, tree: Any, n_rows: int) -> bool:
        """Whether a tree is a state of so many rows."""
        found = aligned(tree, self.like)
        return found is not None and all(
            value.shape == leaf.full(n_rows) and _kind(value.dtype) == _kind(leaf.dtype)
            for leaf, value in zip(self.leaves, found, strict=True)
        )

    def within(
        self, value: Any, n_rows: int, path: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Where in a returned value a state is, and that state, outermost first."""
        if self.fits(value, n_rows):
            yield path, value
        elif not is_leaf(value):
            try:
                below = branches(value)
            except TypeError:
                return
            for name, part in below:
                yield from self.within(part, n_rows, (*path, name))

    @property
    def is_plain(self) -> bool:
        """Whether the state is one tensor (batch, unit) already."""
        return is_leaf(self.like) and self.leaves[0].is_plain

    def __str__(self) -> str:
        return ", ".join(f"{name} {p.stop - p.start}" for name, p in self.parts.items())


def at_path(value: Any, path: tuple[str, ...]) -> Any:
    """What lies at a path within a value."""
    for name in path:
        value = dict(branches(value))[name]
    return value


def _kind(dtype: torch.dtype) -> str:
    return "complex" if dtype.is_complex else "real" if dtype.is_floating_point else "whole"


def _named(name: str, leaf: Leaf) -> dict[str, slice]:
    if not leaf.dtype.is_complex:
        return {name: leaf.columns}
    middle = leaf.columns.start + leaf.shape.numel()
    return {f"{name}.re": slice(leaf.columns.start, middle), f"{name}.im": slice(middle, leaf.columns.stop)}


def _batch_axis(path: str, small: Tensor, large: Tensor) -> int:
    differ = [k for k, (a, b) in enumerate(zip(small.shape, large.shape)) if a != b]
    if (
        small.ndim != large.ndim
        or len(differ) != 1
        or (small.shape[differ[0]], large.shape[differ[0]]) != BATCHES
    ):
        raise InputError(
            f"part '{path}' of the state has no one axis of the batch: {tuple(small.shape)} for {BATCHES[0]} trials, "
            f"{tuple(large.shape)} for {BATCHES[1]}; form=dk.Form(state=make) gives one for each of n trials"
        )
    return differ[0]
