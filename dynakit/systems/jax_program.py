"""A function of JAX as code of torch: its trace, carried out with torch's functions.

JAX writes down what a function does as a list of primitives (its jaxpr).  Where torch has all of them, what was
written in JAX is differentiated, followed by enclosures and read for linear pieces like any code of torch, and nothing
is compiled.  A trace holds for one size of a batch: two are made, and what differs between them belongs to the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .jax_primitives import CALLS, ELEMENTWISE, NAMED, OTHERS, SMALL, BatchSize, NotFollowed, at, whole

BATCHES = (2, 3)


def paired(a: Any, b: Any) -> Any:
    """What stands in two traces, with :class:`BatchSize` for each number that differs."""
    if isinstance(a, (tuple, list)):
        if len(a) != len(b):
            raise NotFollowed("traces of different lengths")
        return tuple(paired(p, q) for p, q in zip(a, b, strict=True))
    if isinstance(a, (int, np.integer)) and not isinstance(a, bool):
        per = (int(b) - int(a)) // (BATCHES[1] - BATCHES[0])
        return BatchSize(per, int(a) - BATCHES[0] * per) if per else int(a)
    return a


class _Primitive(NamedTuple):
    """One primitive: of which values, into which, and the shapes of those it takes."""

    run: Callable[[int, Sequence[Any]], Any]
    takes: tuple[int, ...]
    shapes: tuple[Any, ...] | None  # None: as they are
    gives: tuple[int, ...]


class Program:
    """The function of a trace, of tensors or of what follows torch's code.  Raises NotFollowed where it cannot be."""

    def __init__(self, small: Any, large: Any, device: torch.device) -> None:
        self.places: dict[Any, int] = {}
        self.constants: list[Any] = []  # by place; None for what is computed
        self.steps: list[_Primitive] = []
        self.device = device
        self.takes = tuple(self._new(v) for v in small.jaxpr.invars)
        (out,) = self._inline(small, large, self.takes)
        self.gives, self.shape = out, paired(small.out_avals[0].shape, large.out_avals[0].shape)

    def __call__(self, *arguments: Any) -> Any:
        n, values = len(arguments[0]), list(self.constants)
        for place, value in zip(self.takes, arguments, strict=True):
            values[place] = value
        for step in self.steps:
            given = [values[k] for k in step.takes]
            if step.shapes is not None:
                given = [whole(v, at(s, n)) for v, s in zip(given, step.shapes, strict=True)]
            made = step.run(n, given)
            for place, value in zip(step.gives, made if len(step.gives) > 1 else (made,), strict=True):
                values[place] = value
        return whole(values[self.gives], at(self.shape, n))

    def _new(self, variable: Any, constant: Any = None) -> int:
        self.constants.append(constant)
        self.places[variable] = len(self.constants) - 1
        return self.places[variable]

    def _place(self, a: Any, b: Any) -> int:
        """Of a variable, or of a number written where one would stand."""
        if not hasattr(a, "val"):
            return self.places[a]
        if not _same(a.val, b.val):
            raise NotFollowed("a number that depends on the size of the batch")
        self.constants.append(_constant(a.val, self.device))
        return len(self.constants) - 1

    def _inline(self, small: Any, large: Any, takes: Sequence[int]) -> list[int]:
        """The steps of a trace whose arguments are in these places; where its results are."""
        for v, p, q in zip(small.jaxpr.constvars, small.consts, large.consts, strict=True):
            if not _same(p, q):
                raise NotFollowed("a constant that depends on the size of the batch")
            self._new(v, _constant(p, self.device))
        self.places.update(zip(small.jaxpr.invars, takes, strict=True))
        if len(small.jaxpr.eqns) != len(large.jaxpr.eqns):
            raise NotFollowed("traces of different lengths")
        for p, q in zip(small.jaxpr.eqns, large.jaxpr.eqns, strict=True):
            self._primitive(p, q)
        return [self._place(a, b) for a, b in zip(small.jaxpr.outvars, large.jaxpr.outvars, strict=True)]

    def _primitive(self, small: Any, large: Any) -> None:
        name, takes = small.primitive.name, tuple(map(self._place, small.invars, large.invars))
        if name != large.primitive.name:
            raise NotFollowed("a trace that depends on the size of the batch")
        inner, other = (e.params.get("jaxpr", e.params.get("call_jaxpr")) for e in (small, large))
        known = NAMED.get(_name(inner)) if name in CALLS else None
        if name in CALLS and known is None:
            self.places.update(zip(small.outvars, self._inline(inner, other, takes), strict=True))
            return
        gives = tuple(self._new(v) for v in small.outvars)
        function = known or ELEMENTWISE.get(name)
        if function is not None:
            self.steps.append(_Primitive(lambda n, given, f=function: f(*given), takes, None, gives))
            return
        if name not in OTHERS:
            raise NotFollowed(name)
        params = {key: paired(p, large.params[key]) for key, p in small.params.items() if not callable(p)}
        run = lambda n, given, f=OTHERS[name]: f(params, n, *given)  # noqa: E731
        pairs = zip(small.invars, large.invars, strict=True)
        shapes = None if name in SMALL else tuple(paired(a.aval.shape, b.aval.shape) for a, b in pairs)
        self.steps.append(_Primitive(run, takes, shapes, gives))


def _name(inner: Any) -> str:
    return str(getattr(inner.jaxpr.debug_info, "func_name", "")).partition(" ")[0]


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _constant(value: Any, device: torch.device) -> Any:
    array = np.array(value)
    return (
        array.item() if array.ndim == 0 and array.dtype.kind in "fib" else torch.from_numpy(array).to(device)
    )


def followed(jax: Any, f: Callable[..., Any], *arguments: Tensor) -> Program | None:
    """The program of a batched function of JAX; None where it does what is not followed."""
    try:
        small, large = (
            jax.make_jaxpr(f)(*(jax.ShapeDtypeStruct((n, *a.shape[1:]), np.float64) for a in arguments))
            for n in BATCHES
        )
        return Program(small, large, arguments[0].device)
    except Exception:  # what torch has not, foreign code, another form of traces: JAX runs the function then
        return None
