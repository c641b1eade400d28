"""Complex quantities as two jets: what LRU, S4D and other diagonal cells are written in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .arithmetic import add, elementwise, mul, neg, square, sub
from .constants import Unsupported
from .contractions import linear, matmul
from .jets import COMPLEX, OPERATIONS, Jet, operation

Part = Any  # a jet, real constants, or None for zero


class ComplexJet:
    """``re`` + i ``im``, two jets of one shape."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]
    dtype = torch.complex128

    def __init__(self, re: Jet, im: Jet) -> None:
        self.re, self.im = re, im

    @property
    def shape(self) -> torch.Size:
        return self.re.shape

    @property
    def device(self) -> torch.device:
        return self.re.device

    @property
    def ndim(self) -> int:
        return self.re.ndim

    @property
    def real(self) -> Jet:
        return self.re.alias()

    @property
    def imag(self) -> Jet:
        return self.im.alias()

    @property
    def T(self) -> ComplexJet:
        return ComplexJet(self.re.T, self.im.T)

    @property
    def mT(self) -> ComplexJet:
        return ComplexJet(self.re.mT, self.im.mT)

    def __len__(self) -> int:
        return len(self.re)

    def __getitem__(self, index: Any) -> ComplexJet:
        return ComplexJet(self.re[index], self.im[index])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return partial(of_complex, name, self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        return of_complex(name[2:-2] if name.startswith("__") else name, *args, **(kwargs or {}))


def _method(name: str) -> Callable[..., Any]:
    return lambda *args: of_complex(name, *args)


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "neg", "matmul", "rmatmul", "truediv"):
    setattr(ComplexJet, f"__{_name}__", _method(_name))

_PARTWISE = (
    "reshape view flatten unflatten squeeze unsqueeze transpose permute movedim expand select narrow t repeat flip "
    "roll getitem sum mean cumsum clone contiguous detach index_select"
)


def of_complex(name: str, *args: Any, **kwargs: Any) -> Any:
    """One of torch's functions of complex jets and others."""
    if name in COMPLEX:
        return COMPLEX[name](*args, **kwargs)
    if name in _PARTWISE.split() and isinstance(args[0], ComplexJet):
        return ComplexJet(*(OPERATIONS[name](v, *args[1:], **kwargs) for v in (args[0].re, args[0].im)))
    if name in ("size", "dim", "numel", "ndimension"):
        return OPERATIONS[name](args[0].re, *args[1:], **kwargs)
    raise Unsupported(f"a step that uses {name} of complex numbers has no enclosure")


def parts(v: Any) -> tuple[Part, Part]:
    """Real and imaginary part; None for one that is zero."""
    if isinstance(v, ComplexJet):
        return v.re, v.im
    if isinstance(v, complex):
        return v.real, v.imag
    if isinstance(v, Tensor) and v.is_complex():
        return v.detach().real, v.detach().imag
    return v, None


def _known(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        COMPLEX[name] = function
        return function

    return register


def _made(re: Part, im: Part) -> ComplexJet:
    model = re if isinstance(re, Jet) else im
    shape = torch.broadcast_shapes(*(v.shape for v in (re, im) if isinstance(v, Jet | Tensor)))
    model = model.expanded(shape)
    return ComplexJet(
        *(
            (v if isinstance(v, Jet) else model.constant(0.0 if v is None else v)).expanded(shape)
            for v in (re, im)
        )
    )


def _plus(a: Part, b: Part) -> Part:
    if a is None or b is None:
        return b if a is None else a
    return add(a, b) if isinstance(a, Jet) or isinstance(b, Jet) else a + b


def _minus(a: Part, b: Part) -> Part:
    if b is None:
        return a
    if a is None:
        return neg(b) if isinstance(b, Jet) else -b
    return sub(a, b) if isinstance(a, Jet) or isinstance(b, Jet) else a - b


def _bilinear(function: Callable[..., Any], a: Any, b: Any) -> ComplexJet:
    """(a + i b)(c + i d) of any product."""

    def times(v: Part, w: Part) -> Part:
        if v is None or w is None:
            return None
        return function(v, w)

    (re_a, im_a), (re_b, im_b) = parts(a), parts(b)
    return _made(_minus(times(re_a, re_b), times(im_a, im_b)), _plus(times(re_a, im_b), times(im_a, re_b)))


for _names, _function in (("mul multiply rmul", mul), ("matmul mm bmm mv", matmul)):
    for _name in _names.split():
        COMPLEX[_name] = partial(_bilinear, _function)
COMPLEX["rmatmul"] = lambda a, b: _bilinear(matmul, b, a)


@_known("einsum")
def _einsum(equation: str, *operands: Any) -> ComplexJet:
    if len(operands) != 2:
        raise Unsupported("only an einsum of two has an enclosure for complex numbers")
    return _bilinear(lambda a, b: OPERATIONS["einsum"](equation, a, b), *operands)


@_known("linear")
def _linear(input: Any, weight: Any, bias: Any = None) -> ComplexJet:
    product = _bilinear(linear, input, weight)
    return product if bias is None else _add(product, bias)


def _add(a: Any, b: Any, *, alpha: float = 1) -> ComplexJet:
    (re_a, im_a), (re_b, im_b) = parts(a), parts(b if alpha == 1 else b * alpha)
    return _made(_plus(re_a, re_b), _plus(im_a, im_b))


def _sub(a: Any, b: Any, *, alpha: float = 1) -> ComplexJet:
    (re_a, im_a), (re_b, im_b) = parts(a), parts(b if alpha == 1 else b * alpha)
    return _made(_minus(re_a, re_b), _minus(im_a, im_b))


COMPLEX |= {"add": _add, "radd": _add, "sub": _sub, "rsub": lambda a, b: _sub(b, a)}


@_known("neg")
def _neg(a: ComplexJet) -> ComplexJet:
    return ComplexJet(neg(a.re), neg(a.im))


def _div(a: Any, b: Any) -> ComplexJet:
    if not isinstance(a, ComplexJet) or parts(b)[1] is not None:
        raise Unsupported("a division by complex numbers has no enclosure")
    return ComplexJet(OPERATIONS["div"](a.re, b), OPERATIONS["div"](a.im, b))


COMPLEX |= {"truediv": _div, "div": _div}


@_known("conj")
def _conj(a: ComplexJet) -> ComplexJet:
    return ComplexJet(a.re, neg(a.im))


@_known("abs")
def _abs(a: ComplexJet) -> Jet:
    return elementwise("sqrt", add(square(a.re), square(a.im)))


@_known("exp")
def _exp(a: ComplexJet) -> ComplexJet:
    size = elementwise("exp", a.re)
    return ComplexJet(mul(size, elementwise("cos", a.im)), mul(size, elementwise("sin", a.im)))


COMPLEX |= {"real": lambda a: a.real, "imag": lambda a: a.imag, "is_complex": lambda a: True}


@_known("view_as_real")
def _view_as_real(a: ComplexJet) -> Jet:
    return OPERATIONS["stack"]([a.re, a.im], -1)


@_known("to")
def _to(a: ComplexJet, *args: Any, **kwargs: Any) -> ComplexJet:
    types = [v for v in (*args, kwargs.get("dtype")) if isinstance(v, torch.dtype)]
    if any(kind != torch.complex128 for kind in types):
        raise Unsupported("a step that rounds has no enclosure")
    return a


COMPLEX |= {"type": _to, "resolve_conj": lambda a: a}


@operation("view_as_complex")
def _view_as_complex(a: Jet) -> ComplexJet:
    return ComplexJet(a[..., 0], a[..., 1])


@operation("complex")
def _complex(real: Any, imag: Any) -> ComplexJet:
    return _made(real, imag)


@operation("as_complex")
def as_complex(a: Jet) -> ComplexJet:
    """A real quantity as a complex one."""
    return _made(a, None)


@operation("polar")
def _polar(abs: Any, angle: Any) -> ComplexJet:
    """size e^(i angle)."""
    size, turn = (v if isinstance(v, Jet) else other.constant(v) for v, other in ((abs, angle), (angle, abs)))
    return _made(mul(size, elementwise("cos", turn)), mul(size, elementwise("sin", turn)))
