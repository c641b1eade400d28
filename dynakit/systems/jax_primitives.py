"""What torch does for each primitive of JAX.

Broadcasting is put off: elementwise functions take what is not in its full shape yet, and so do those of ``SMALL``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


class NotFollowed(Exception):
    """Something that torch is not asked to do."""


class BatchSize(NamedTuple):
    """A number that depends on the size n of a batch, as per * n + more."""

    per: int
    more: int


def at(value: Any, n: int) -> Any:
    """The same for a batch of n."""
    if isinstance(value, BatchSize):
        return value.per * n + value.more
    return tuple(at(v, n) for v in value) if isinstance(value, tuple) else value


def whole(value: Any, shape: tuple[int, ...]) -> Any:
    """A value in its full shape; broadcast ones are kept small until then."""
    if isinstance(value, (bool, int, float)):
        return torch.full(shape, value, dtype=torch.float64 if isinstance(value, float) else None)
    return value if tuple(value.shape) == shape else value.expand(shape)


def _extreme(both: Callable[..., Any], bound: str, a: Any, b: Any) -> Any:
    a, b = (b, a) if isinstance(a, (int, float)) else (a, b)
    if isinstance(b, (int, float)):
        return (
            torch.relu(a)
            if bound == "min" and b == 0
            else torch.clamp(a, b)
            if bound == "min"
            else torch.clamp(a, max=b)
        )
    return both(a, b)


def _select(which: Any, *cases: Any) -> Any:
    if len(cases) != 2:
        raise NotFollowed("a choice among several")
    no, yes = cases
    if isinstance(which, bool):
        return yes if which else no
    if isinstance(no, (int, float)) and isinstance(yes, (int, float)):
        no = torch.tensor(float(no), dtype=torch.float64, device=which.device)
    return torch.where(which, yes, no)


def _clamped(least: Any, x: Any, most: Any) -> Any:
    return _extreme(torch.minimum, "max", _extreme(torch.maximum, "min", x, least), most)


_OPERATORS = ("add", "sub", "mul", "neg", "gt", "ge", "lt", "le", "eq", "ne")
_SAME = (
    "tanh",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "erf",
    "erfc",
    "abs",
    "sign",
)
_SAME += ("square", "sinh", "cosh", "asinh", "acosh", "atanh", "asin", "acos", "atan")

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in _OPERATORS},
    **{name: getattr(torch, name) for name in _SAME},
    "div": operator.truediv,
    "pow": operator.pow,
    "logistic": torch.sigmoid,
    "and": operator.and_,
    "or": operator.or_,
    "not": torch.logical_not,
    "max": partial(_extreme, torch.maximum, "min"),
    "min": partial(_extreme, torch.minimum, "max"),
    "clamp": _clamped,
    "select_n": _select,
    **dict.fromkeys(("copy", "copy_p", "stop_gradient", "optimization_barrier"), lambda x: x),
}


def _dot(p: dict[str, Any], n: int, a: Any, b: Any) -> Any:
    (of_a, of_b), (with_a, with_b) = p["dimension_numbers"]
    if not with_a and len(of_a) == 1 and a.ndim == b.ndim == 2:
        return (a if of_a[0] == 1 else a.T) @ (b if of_b[0] == 0 else b.T)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    in_a, in_b = [next(letters) for _ in range(a.ndim)], [next(letters) for _ in range(b.ndim)]
    for k, j in (*zip(of_a, of_b, strict=True), *zip(with_a, with_b, strict=True)):
        in_b[j] = in_a[k]
    out = [in_a[k] for k in with_a]
    out += [c for k, c in enumerate(in_a) if k not in (*of_a, *with_a)]
    out += [c for k, c in enumerate(in_b) if k not in (*of_b, *with_b)]
    return torch.einsum(f"{''.join(in_a)},{''.join(in_b)}->{''.join(out)}", a, b)


def _broadcast(p: dict[str, Any], n: int, x: Any) -> Any:
    """Ones in the place of the axes that are new: elementwise functions need no more."""
    if isinstance(x, (bool, int, float)):
        return x
    sizes = [1] * len(p["shape"])
    for size, axis in zip(x.shape, p["broadcast_dimensions"], strict=True):
        sizes[axis] = size
    while isinstance(x, Tensor) and len(sizes) > 1 and sizes[0] == 1:
        sizes = sizes[1:]
    return x.reshape(sizes)


def _slice(p: dict[str, Any], n: int, x: Any) -> Any:
    strides = p["strides"] or (1,) * len(p["start_indices"])
    ends = zip(at(p["start_indices"], n), at(p["limit_indices"], n), strides, x.shape, strict=True)
    for axis, (start, stop, stride, size) in enumerate(ends):
        if (start, stop, stride) != (0, size, 1):
            x = x[(slice(None),) * axis + (slice(start, stop, stride),)]
    return x


def _converted(p: dict[str, Any], n: int, x: Any) -> Any:
    kind = np.dtype(p["new_dtype"])
    if isinstance(x, (bool, int, float)):
        return {"f": float, "i": int, "b": bool}[kind.kind](x)
    return x if x.dtype == torch.float64 and kind == np.float64 else x.to(getattr(torch, kind.name))


def _integer_power(p: dict[str, Any], n: int, x: Any) -> Any:
    return torch.square(x) if p["y"] == 2 else x ** p["y"]


def _reduced(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda p, n, x: f(x, p["axes"])


OTHERS: dict[str, Callable[..., Any]] = {
    "dot_general": _dot,
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "convert_element_type": _converted,
    "integer_pow": _integer_power,
    "reshape": lambda p, n, x: x.reshape(at(p["new_sizes"], n)),
    "transpose": lambda p, n, x: x.permute(p["permutation"]),
    "squeeze": lambda p, n, x: x.reshape([s for k, s in enumerate(x.shape) if k not in p["dimensions"]]),
    "concatenate": lambda p, n, *parts: torch.cat(parts, p["dimension"]),
    "stack": lambda p, n, *parts: torch.stack(parts, p["axis"]),
    "split": lambda p, n, x: torch.split(x, list(at(p["sizes"], n)), p["axis"]),
    "reduce_sum": _reduced(torch.sum),
    "reduce_max": _reduced(torch.amax),
    "reduce_min": _reduced(torch.amin),
    "rev": lambda p, n, x: x.flip(p["dimensions"]),
}
SMALL = (
    "broadcast_in_dim",
    "convert_element_type",
    "integer_pow",
    "square",
)  # take what is not in its full shape
CALLS = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "remat", "checkpoint")


def _logaddexp(a: Any, b: Any) -> Any:
    if isinstance(b, (int, float)) and b == 0:
        return F.softplus(a, threshold=40.0)  # above, x itself, to the last digit
    return torch.logaddexp(a, torch.as_tensor(b))


NAMED: dict[
    str, Callable[..., Any]
] = {  # JAX's own, by which torch's are meant; values are compared afterwards
    "logaddexp": _logaddexp,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "hard_tanh": F.hardtanh,
    "silu": F.silu,
}
