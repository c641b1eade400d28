"""Any batched callable as a system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..checks import count, number, one_of
from ..errors import InputError
from ..surroundings import in_own_surroundings
from ..wording import counted
from .autodiff import autodiff_push
from .base import REGULARITIES, Bounds, System
from .enclosures import Jet, invariant_box
from .foreign import bearing_float64, untouched_randomness
from .jax_code import JaxCode, in_jax
from .pieces import OpenPieces, Readout
from .tracing import distances, read_pieces, slopes_differ

ORDERS = ("state, input", "input, state")
FAR = (30.0, -1000.0)  # times the states that a function is tried with
MIXES = "{} must treat each row of a batch by itself: a row changed with its neighbour"
MOST_BOXES = 64  # that are kept, one for each drive


class FunctionSystem(System):
    """A batched function ``f(x, u) -> x`` (or ``f(x)`` without input) as a system.

    Arguments:
        f: takes states (batch, state_size) and, if ``input_size`` > 0, inputs (batch, input_size), in float64,
            and returns the next states (batch, state_size).  It is only ever called in float64.
        state_size, input_size: widths; a parameter of the map is an input component.
        argument_order: "state, input" (the default) or "input, state", as in torch's cells.  Where the two sizes
            coincide a swap would go unnoticed, so there it must be stated.
        jacobian: optional ``jacobian(x, u) -> (batch, state_size, state_size)``, with the arguments in the same
            order; it opens every framework that torch cannot differentiate.
        input_jacobian: the same with respect to the inputs, (batch, state_size, input_size).
        readout: optional ``readout(x) -> (batch, output)``.
        regularity: "smooth", "piecewise_linear" or "discontinuous"; by default "piecewise_linear" where the linear
            pieces can be read off the code, else "smooth".  Kinks are looked for in any case.

    Functions of JAX, jitted or not, of a batch or of one state, are recognised where JAX is imported: torch
    carries them out from their trace, and differentiates and encloses them like its own.  Where it cannot (loops of
    ``lax``, scatters), JAX runs them in blocks of two sizes, each compiled once, and differentiates them; nothing is
    certified then.  They must compute in float64 (``jax_enable_x64``).

    Raises:
        InputError: if f is not callable, computes in JAX's float32, returns another shape, lets rows of a batch
            influence each other, is not deterministic, or coinciding sizes leave the argument order open.

    >>> import dynakit as dk, torch
    >>> logistic = dk.FunctionSystem(lambda x, r: r * x * (1 - x), 1, 1, argument_order="state, input")
    >>> logistic.step([0.5], [4.0])
    tensor([1.], dtype=torch.float64)
    """

    box_holds_all = False  # it is grown until it keeps its states, and there may be others beyond
    called = "f"  # the argument's name in messages
    jumps = 'is said to jump (regularity="discontinuous"); look at its trajectories and basins instead'

    @in_own_surroundings
    def __init__(
        self,
        f: Callable[..., Any],
        state_size: int,
        input_size: int = 0,
        *,
        argument_order: str | None = None,
        jacobian: Callable[..., Any] | None = None,
        input_jacobian: Callable[..., Any] | None = None,
        readout: Callable[[Tensor], Tensor] | None = None,
        regularity: str | None = None,
        dt: float | None = None,
        name: str = "",
        device: torch.device | str = "cpu",
    ) -> None:
        if not callable(f):
            raise InputError(f"{self.called} must be callable, got {type(f).__name__}")
        state_size = count("state_size", state_size)
        input_size = count("input_size", input_size, least=0)
        if argument_order is None and input_size == state_size:
            raise InputError(
                f"argument_order must be stated, because state_size and input_size are both {state_size} and a swap "
                f"would go unnoticed: pass argument_order={ORDERS[0]!r} or {ORDERS[1]!r}"
            )
        self._state_first = one_of("argument_order", argument_order or ORDERS[0], ORDERS) == ORDERS[0]
        self._f, self._jacobian_function, self._readout = f, jacobian, readout
        self._input_jacobian_function = input_jacobian
        self.weights: dict[str, np.ndarray] = {}
        super().__init__(
            state_size,
            input_size,
            regularity=one_of("regularity", regularity or "smooth", REGULARITIES),
            device=device,
            name=name or f"function {getattr(f, '__name__', type(f).__name__)}",
        )
        self.dt = None if dt is None else number("dt", dt, above=0.0, closed=False)
        self._hinges: OpenPieces | None = None
        self._boxes: dict[bytes, Bounds | None] = {}
        with untouched_randomness(), torch.no_grad():
            self._probe()
            if self._jacobian_function is None and regularity != "discontinuous":
                self._hinges = read_pieces(self._step, state_size, input_size, self.device)
        if self._hinges is not None and regularity is None:
            self.regularity = "piecewise_linear"

    def _call(self, name: str, f: Callable[..., Any], x: Tensor, u: Tensor) -> Tensor:
        x = x.clone()  # f may work in place
        if self.input_size == 0:
            return _as_float64(name, f(x), self.device)
        u = u.clone()
        return _as_float64(name, f(x, u) if self._state_first else f(u, x), self.device)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self._call(self.called, self._f, x, u)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        if self._jacobian_function is None:
            return super()._jacobian(x, u)
        return self._call("jacobian", self._jacobian_function, x, u)

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        if self._input_jacobian_function is None or self.input_size == 0:
            return super()._input_jacobian(x, u)
        return self._call("input_jacobian", self._input_jacobian_function, x, u)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        few = (
            4 * T.shape[1] <= self.state_size and self.state_size >= 16
        )  # below, one reverse sweep is cheaper
        if self._jacobian_function is None and V is None and few:
            repeated = u.repeat_interleave(T.shape[1], 0)
            pushed = autodiff_push(lambda z: self._step(z, repeated), x, T)
            if pushed is not None:
                return pushed
        return super()._push(x, u, T, V)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        """From a trace of ``f`` where there is one; zero where slopes from both sides differ nonetheless."""
        with untouched_randomness():  # once for all calls
            seen = distances(self._step, x, u)
            nearest = super()._kinks(x, u) if seen is None else seen
            unseen = (nearest > 0).nonzero()[:, 0]
            nearest[unseen[slopes_differ(self._step, x[unseen], u[unseen])]] = 0.0
        return nearest

    def _box(self, inputs: Bounds) -> Bounds | None:
        """From the code of ``f``, where an enclosure follows it and it keeps some box."""
        if self.regularity == "discontinuous":
            return None
        key = torch.stack(inputs).cpu().numpy().tobytes()
        if key not in self._boxes:
            if len(self._boxes) >= MOST_BOXES:
                self._boxes.clear()
            with torch.no_grad(), untouched_randomness():
                ends = invariant_box(self._step, self.state_size, inputs.lo, inputs.hi)
            self._boxes[key] = None if ends is None else Bounds(*ends)
        return self._boxes[key]

    def open_pieces(self) -> OpenPieces | None:
        return self._hinges

    def readout_pieces(self) -> Readout | None:
        if self._readout is not None:
            return None
        eye = torch.eye(self.state_size, dtype=torch.float64, device=self.device)
        return Readout(eye, torch.zeros_like(eye), torch.zeros_like(eye[0]))

    def _observe(self, x: Tensor) -> Tensor:
        return x if self._readout is None else _as_float64("readout", self._readout(x.clone()), self.device)

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        if isinstance(self._readout, JaxCode):
            return self._readout.derivative(0)(x)
        return super()._observe_jacobian(x)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        return {name: W.copy() for name, W in self.weights.items()}

    def _probe(self) -> None:
        """Calls on a small batch: shape, determinism, independence of the rows."""
        x = torch.linspace(0.1, 0.4, 2 * self.state_size, dtype=torch.float64, device=self.device).reshape(
            2, -1
        )
        u = torch.linspace(-0.2, 0.2, 2 * self.input_size, dtype=torch.float64, device=self.device).reshape(
            2, -1
        )
        n, f = self.state_size, self.called
        given = (x,) if self.input_size == 0 else (x, u) if self._state_first else (u, x)
        self._in_jax(given, x)
        self._f = bearing_float64(self._f, *given)
        first = self._tried(f, self._f, x, u, (2, n))
        if not torch.equal(first.nan_to_num(), self._tried(f, self._f, x, u, (2, n)).nan_to_num()):
            raise InputError(
                f"{f} must be deterministic: two equal calls gave different states (is its noise off, and is all that "
                "it remembers in the state?)"
            )
        alone = torch.cat([self._tried(f, self._f, x[i : i + 1], u[i : i + 1], (1, n)) for i in (0, 1)])
        if not _near(first, alone, 1e-12):
            raise InputError(MIXES.format(f))
        self._probe_far(first, x, u)
        if self._jacobian_function is not None:
            self._jacobian_function = bearing_float64(self._jacobian_function, *given)
            self._tried("jacobian", self._jacobian_function, x, u, (2, n, n))
        if self._input_jacobian_function is not None:
            self._input_jacobian_function = bearing_float64(self._input_jacobian_function, *given)
            self._tried("input_jacobian", self._input_jacobian_function, x, u, (2, n, self.input_size))
        if self._readout is not None:
            self._readout = bearing_float64(self._readout, x)
            self.output_size = readout_size(self._observe, x)
        self._derived_in_jax()

    def _probe_far(self, first: Tensor, x: Tensor, u: Tensor) -> None:
        """The same with large states, which a threshold may treat otherwise, and whether anything is kept of them."""
        f = self.called
        for scale in FAR:
            try:
                far, alone = (scale * x, scale * u), [(scale * x[i : i + 1], scale * u[i : i + 1]) for i in (0, 1)]
                together = self._call(f, self._f, *far)
                apart = torch.cat([self._call(f, self._f, *one) for one in alone])
            except Exception:  # foreign code need not bear them
                continue
            if not _near(together, apart, 1e-9):
                raise InputError(MIXES.format(f))
        if not torch.equal(first.nan_to_num(), self._call(f, self._f, x, u).nan_to_num()):
            raise InputError(
                f"{f} must be deterministic: after a call with large states it gave another state than before (is all "
                "that it remembers in the state?)"
            )

    def _in_jax(self, given: tuple[Tensor, ...], x: Tensor) -> None:
        """Functions of JAX run by it."""
        f = in_jax(self._f, *given, called=self.called)
        if f is not None:
            self._f = f
        for name in ("jacobian", "input_jacobian"):
            own = getattr(self, f"_{name}_function")
            code = None if own is None else in_jax(own, *given, called=name)
            setattr(self, f"_{name}_function", code or own)
        if self._readout is not None:
            self._readout = in_jax(self._readout, x, called="readout") or self._readout

    def _derived_in_jax(self) -> None:
        """JAX's own derivatives of its function, where none are given: not probed, since that would compile them."""
        if isinstance(self._f, JaxCode):
            at = 0 if self._state_first or not self.input_size else 1
            self._jacobian_function = self._jacobian_function or self._f.derivative(at)
            if self.input_size:
                self._input_jacobian_function = self._input_jacobian_function or self._f.derivative(1 - at)

    def _tried(
        self, name: str, f: Callable[..., Any], x: Tensor, u: Tensor, expected: tuple[int, ...]
    ) -> Tensor:
        """``f`` on a copy of the arguments; an InputError if it fails or returns another shape."""
        said = f"a batch of {counted(len(x), 'state')} of {counted(self.state_size, 'unit')}"
        if self.input_size:
            said += self._beside_states(name)
        try:
            value = self._call(name, f, x, u)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name} failed on {said}: {error}") from error
        if tuple(value.shape) != expected:
            raise InputError(f"{name} must return shape {expected} for {said}, got {tuple(value.shape)}")
        return value

    def _beside_states(self, name: str) -> str:
        """What is handed over with the states, and in which order, in words."""
        order = ORDERS[0] if self._state_first else ORDERS[1]
        return f" and inputs of {self.input_size}, called as {name}({order}) (see argument_order)"


def _near(a: Tensor, b: Tensor, atol: float) -> bool:
    """Equal to nine digits; equal to the last one costs a fraction of that question and is the rule."""
    return torch.equal(a, b) or torch.allclose(a, b, rtol=1e-9, atol=atol, equal_nan=True)


def readout_size(readout: Callable[[Tensor], Any], x: Tensor, *, called: str = "readout") -> int:
    """The width of what a readout returns for states (batch, unit), each of which it must read by itself."""
    x = x + torch.linspace(0.0, 0.3, x.numel(), dtype=x.dtype, device=x.device).reshape(x.shape)
    try:
        with torch.no_grad():
            y, again = (_as_float64(called, readout(x.clone()), x.device) for _ in range(2))
            alone = [_as_float64(called, readout(x[k : k + 1].clone()), x.device) for k in range(len(x))]
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{called} failed on states of shape {tuple(x.shape)} in float64: {error}"
        ) from error
    if y.ndim != 2 or len(y) != len(x):
        raise InputError(f"{called} must return shape ({len(x)}, output), got {tuple(y.shape)}")
    if not torch.equal(y.nan_to_num(), again.nan_to_num()):
        raise InputError(f"{called} must be deterministic: two equal calls gave different outputs")
    if any(one.shape != y[:1].shape for one in alone):
        raise InputError(f"{called} must return shape (1, output) for one state, got {tuple(alone[0].shape)}")
    if not torch.allclose(y, torch.cat(alone), rtol=1e-6, atol=1e-9, equal_nan=True):
        raise InputError(f"{called} must treat each row of a batch by itself: a row changed with its neighbour")
    return y.shape[1]


def _as_float64(name: str, value: Any, device: torch.device) -> Tensor:
    if type(value) is Tensor and value.dtype is torch.float64 and value.device == device:
        return value
    if isinstance(value, Jet):  # the values and slopes of an enclosure
        return cast(Tensor, value)
    if not isinstance(value, (Tensor, np.ndarray)):
        raise InputError(f"{name} must return one array, got {type(value).__name__}")
    value = torch.as_tensor(value, device=device)
    if value.is_complex():
        raise InputError(f"{name} must return real numbers, got dtype {value.dtype}")
    return value.to(torch.float64)
