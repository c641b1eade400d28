"""A function of JAX as a function of torch tensors.

Where torch can do all that it does, it is carried out there (see ``jax_program``).  Else JAX runs it, and NumPy goes in
and comes out: JAX compiles a jitted function anew for every size of a batch, which costs a search far more than its
steps do, so every batch is cut into blocks of few sizes, and filled up to them.  A function of one state is mapped over
the batch (``vmap``), and derivatives are JAX's own (``jacfwd``), compiled when they are first asked for.  JAX is asked
for only where the user has imported it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .jax_program import Program, followed

FEW = 64  # rows of a block: fewer cost about as much, and each size would be compiled
MANY = 1024  # and of one where many states are stepped at once; a derivative, whose compiling costs more, has FEW alone
FLAG = 'jax.config.update("jax_enable_x64", True)'


def in_jax(f: Callable[..., Any], *arguments: Tensor, called: str = "f") -> JaxCode | Program | None:
    """``f`` for tensors if it is JAX's: its result, or its refusal of tensors, says so; else None.

    Its program where torch can carry it out, else :class:`JaxCode`.

    Raises InputError for a function that computes in float32.
    """
    jax = sys.modules.get("jax")
    if jax is None or not hasattr(jax, "Array"):
        return None
    try:
        with warnings.catch_warnings():  # NumPy's weights warn where they meet tensors
            warnings.simplefilter("ignore")
            value = f(*(a.clone() for a in arguments))
    except Exception:  # JAX takes no tensors; torch's own errors come again below, and are no arrays of JAX
        value = None
    if value is not None and not _holds_arrays(jax, value):
        return None
    code = JaxCode(jax, f, called)
    return (code.program(*arguments) or code) if code.fits(*arguments) else None


def _holds_arrays(jax: Any, value: Any) -> bool:
    return any(isinstance(leaf, jax.Array) for leaf in jax.tree_util.tree_leaves(value))


class JaxCode:
    """A function of JAX, batched and compiled, that takes float64 tensors and returns them."""

    def __init__(self, jax: Any, f: Callable[..., Any], called: str) -> None:
        self.jax, self.called = jax, called
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self.f = self.given = f
        self._derivatives: dict[int, Callable[..., Any]] = {}

    def fits(self, *arguments: Tensor) -> bool:
        """Whether JAX can run the function on these, in a batch or one by one; the first that it can is kept."""
        filled = [_filled(a.detach().cpu().numpy(), FEW) for a in arguments]
        as_it_is = self.given if hasattr(self.given, "lower") else self.jax.jit(self.given)
        for f in (as_it_is, self.jax.jit(self.jax.vmap(self.given))):
            try:
                value = f(*filled)
            except Exception:  # foreign code; whoever calls it next says why it fails
                continue
            if not _holds_arrays(self.jax, value):
                return False
            self._refuse_single(value)
            if getattr(value, "shape", ())[:1] == (FEW,):
                self.f = f
                return True
        return False

    def program(self, *arguments: Tensor) -> Program | None:
        """The function in torch, if it gives the same values."""
        program = followed(self.jax, self.f, *arguments)
        try:
            same = program is not None and all(
                self._agrees(program, scale, *arguments) for scale in (0.3, 1.0, 10.0)
            )
        except Exception:  # foreign code
            return None
        return program if same else None

    def _agrees(self, program: Program, scale: float, *arguments: Tensor) -> bool:
        generator = torch.Generator().manual_seed(0)
        draw = partial(torch.randn, generator=generator, dtype=torch.float64, device="cpu")
        given = [scale * draw(5, *a.shape[1:]).to(a.device) for a in arguments]
        value = self(*given)
        return torch.allclose(program(*given), value, rtol=1e-10, atol=1e-12 * float(1 + value.abs().max()))

    def __call__(self, *arguments: Tensor) -> Any:
        return self._run(self.f, *arguments, size=FEW if len(arguments[0]) <= MANY // 8 else MANY)

    def derivative(self, place: int) -> Callable[..., Tensor]:
        """The Jacobian (batch, out, in) with respect to the argument at ``place``."""
        if place not in self._derivatives:
            alone = lambda *row: self.f(*(a[None] for a in row))[0]  # noqa: E731
            self._derivatives[place] = self.jax.jit(self.jax.vmap(self.jax.jacfwd(alone, place)))
        return lambda *arguments: self._run(self._derivatives[place], *arguments, size=FEW)

    def _run(self, f: Callable[..., Any], *arguments: Tensor, size: int) -> Any:
        """In blocks of ``size`` rows, the last one filled up."""
        if any(type(a) is not Tensor for a in arguments):
            raise TypeError(f"{self.called} is JAX's and takes numbers only")  # no enclosure follows it
        x = arguments[0]
        rows = [a.detach().cpu().numpy() for a in arguments]
        values = []
        for k in range(0, max(len(x), 1), size):
            value = f(*(_filled(a[k : k + size], size) for a in rows))
            if not isinstance(value, self.jax.Array):
                return value  # whoever called says what is expected
            values.append(np.asarray(value)[: len(x) - k])
        return torch.from_numpy(np.concatenate(values)).to(x.device)  # a copy: JAX's own are read-only

    def _refuse_single(self, value: Any) -> None:
        leaves = self.jax.tree_util.tree_leaves(value)
        if not any(getattr(leaf, "dtype", None) == np.float32 for leaf in leaves):
            return
        if not self.jax.config.jax_enable_x64:
            raise InputError(
                f"{self.called} computes in float32, as JAX does by default, and Newton's method stops at 1e-7 there: "
                f"call {FLAG} before the first array is made"
            )
        raise InputError(
            f"{self.called} returns float32 for states in float64 although jax_enable_x64 is set: it casts somewhere"
        )


def _filled(a: np.ndarray, size: int) -> np.ndarray:
    """The rows, and the last again and again up to ``size``."""
    if len(a) == size:
        return a
    filled = np.zeros((size, *a.shape[1:]))
    filled[: len(a)] = a
    filled[len(a) :] = a[-1:] if len(a) else 0.0
    return filled
