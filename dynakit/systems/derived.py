"""Systems made of systems: a readout on top, the loop closed, the input fixed, k steps as one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import count
from ..errors import InputError
from ..wording import counted
from .autodiff import autodiff
from .base import Bounds, System, checked
from .cells import affine_range, fingerprint, in_single_precision
from .function import readout_size
from .pieces import OpenPieces, Pieces, Readout
from .rate_form import RateForm


class Wrapped(System):
    """A system that does what ``inner`` does, but for the methods a subclass replaces."""

    def __init__(self, inner: System, **kwargs: Any) -> None:
        settings = {
            "output_size": inner.output_size,
            "parts": inner.parts,
            "regularity": inner.regularity,
            "device": inner.device,
            "name": inner.name,
            **kwargs,
        }
        input_size = settings.pop("input_size", inner.input_size)
        super().__init__(inner.state_size, input_size, **settings)
        self.inner, self.dt, self.fingerprint = inner, inner.dt, inner.fingerprint
        self.alpha, self.euler, self.time_unit = inner.alpha, inner.euler, inner.time_unit
        self.compared, self.time_first = inner.compared, inner.time_first
        self.readouts = inner.readouts if self.output_size == inner.output_size else {}
        self.copies, self.box_holds_all = inner.copies + 2, inner.box_holds_all

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._step(x, u)

    def _stepping(self, u: Tensor) -> Callable[[Tensor], Tensor]:
        own = type(self)._step is not Wrapped._step
        return super()._stepping(u) if own else self.inner._stepping(u)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._jacobian(x, u)

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._input_jacobian(x, u)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.inner._push(x, u, T, V)

    def _observe(self, x: Tensor) -> Tensor:
        return self.inner._observe(x)

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return self.inner._observe_jacobian(x)

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return self.inner._observe_push(x, T)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._kinks(x, u)

    def _box(self, inputs: Bounds) -> Bounds | None:
        return self.inner._box(inputs)

    def rest_within(self, u: Tensor) -> Bounds | None:
        return self.inner.rest_within(u) if self.inner.input_size == len(u) else System.rest_within(self, u)

    def observe_bounds(self) -> Bounds | None:
        return self.inner.observe_bounds()

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.newton_step(x, u, r)

    def single_precision(self) -> System | None:
        inner = self.inner.single_precision()
        if inner is None:
            return None
        twin = in_single_precision(self)
        twin.inner = inner
        return twin

    def flow(self) -> Any:
        """The flow along the wrapped field, where the inner system is one's time-dt map."""
        inner = self.inner.flow()
        return None if inner is None else inner.over(self._around(inner.field))

    def relaxes_to(self) -> tuple[System, float] | None:
        inner = self.inner.relaxes_to()
        return None if inner is None else (self._around(inner[0]), inner[1])

    def _around(self, field: System) -> System:
        """What this does to a system, done to another, such as a vector field."""
        raise NotImplementedError

    def _pieces(self, u: Tensor) -> Pieces | None:
        return self.inner._pieces(u)

    def rate_form(self) -> RateForm | str:
        own = type(self)._step is not Wrapped._step or self.input_size != self.inner.input_size
        form = super().rate_form() if own else self.inner.rate_form()
        if isinstance(form, str) or type(self)._observe is Wrapped._observe:
            return form
        return form._replace(readout=None)

    def open_pieces(self) -> OpenPieces | None:
        return self.inner.open_pieces()

    def readout_pieces(self) -> Readout | None:
        return self.inner.readout_pieces()

    def initial_state(self) -> Tensor:
        return self.inner.initial_state()

    def encode(self, given: Any) -> Tensor:
        return self.inner.encode(given) if self.inner.input_size == self.input_size else super().encode(given)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        return self.inner.recurrent_weights()

    def rewired(self, weights: dict[str, np.ndarray]) -> System:
        twin = copy.copy(self)
        twin.inner = self.inner.rewired(weights)
        twin.fingerprint = fingerprint(self.fingerprint, twin.inner.fingerprint)
        return twin


class WithReadout(Wrapped):
    """``inner`` observed through an affine readout y = W o + b, or through any callable, of what it hands on."""

    def __init__(
        self,
        inner: System,
        W: Tensor | None = None,
        b: Tensor | None = None,
        *,
        function: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if function is not None:
            size = readout_size(function, inner._observe(inner.initial_state().expand(2, -1)))
        else:
            assert W is not None
            size = len(W)
        super().__init__(inner, output_size=size)
        self.W, self.function = W, function
        self.b = W.new_zeros(size) if b is None and W is not None else b
        self.fingerprint = fingerprint(inner.fingerprint, self.W, self.b)

    def _jacobian_factors(self, x: Tensor, u: Tensor) -> list[Tensor]:
        return self.inner._jacobian_factors(x, u)

    def lipschitz(self) -> float | None:
        return self.inner.lipschitz()

    def _around(self, field: System) -> System:
        return WithReadout(field, self.W, self.b, function=self.function)

    def single_precision(self) -> System | None:
        return None if self.function is not None else super().single_precision()

    def _observe(self, x: Tensor) -> Tensor:
        handed_on = self.inner._observe(x)
        if self.function is not None:
            return self.function(handed_on.clone())  # it may work in place
        assert self.W is not None
        assert self.b is not None
        return handed_on @ self.W.T + self.b

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        if self.W is None:
            return autodiff(self._observe, x, out_size=self.output_size)
        return self.W @ self.inner._observe_jacobian(x)

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return (
            System._observe_push(self, x, T) if self.W is None else self.inner._observe_push(x, T) @ self.W.T
        )

    def observe_bounds(self) -> Bounds | None:
        bounds = self.inner.observe_bounds()
        if bounds is None or self.W is None or self.b is None:
            return None
        return affine_range(self.W, self.b, bounds)

    def rate_form(self) -> RateForm | str:
        form = self.inner.rate_form()
        return form if isinstance(form, str) else form.read(self.W, self.b)

    def readout_pieces(self) -> Readout | None:
        inner = self.inner.readout_pieces()
        return None if inner is None or self.W is None or self.b is None else inner.then(self.W, self.b)


class Driven(Wrapped):
    """``system`` under one constant drive (input,): autonomous."""

    def __init__(self, system: System, drive: Any) -> None:
        u = checked(system).as_drive("drive", drive)
        if u.ndim != 1:
            raise InputError(
                f"drive must be one vector of {counted(system.input_size, 'value')}, got shape {tuple(u.shape)}"
            )
        super().__init__(system, input_size=0, name=f"{system.name} under a constant drive")
        self.constant = u.detach().clone()

    def _around(self, field: System) -> System:
        return Driven(field, self.constant)

    def _u(self, x: Tensor) -> Tensor:
        return self.constant.type_as(x).expand(len(x), -1)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._step(x, self._u(x))

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._jacobian(x, self._u(x))

    def _jacobian_factors(self, x: Tensor, u: Tensor) -> list[Tensor]:
        return self.inner._jacobian_factors(x, self._u(x))

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.inner._push(x, self._u(x), T)

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.state_size, 0)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self.inner._kinks(x, self._u(x))

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.newton_step(x, self.constant, r)

    def _box(self, inputs: Bounds) -> Bounds | None:
        return self.inner._box(Bounds(self.constant, self.constant))

    def rate_form(self) -> RateForm | str:
        form = self.inner.rate_form()
        return form if isinstance(form, str) else form.under(self.constant)

    def _pieces(self, u: Tensor) -> Pieces | None:
        return self.inner._pieces(self.constant)

    def open_pieces(self) -> OpenPieces | None:
        return None


class Iterated(Wrapped):
    """``k`` steps of ``system`` as one: its fixed points are the system's points of period dividing k."""

    def __init__(self, system: System, k: int) -> None:
        self.k = count("k", k)
        super().__init__(checked(system), name=f"{system.name}, {counted(self.k, 'step')} as one")
        self.dt = None if system.dt is None else system.dt * self.k
        self.alpha, self.euler = None, False

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        for _ in range(self.k):
            x = self.inner._step(x, u)
        return x

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        product = torch.eye(self.state_size, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        for _ in range(self.k):
            product = self.inner._jacobian(x, u) @ product
            x = self.inner._step(x, u)
        return product

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        total = x.new_zeros(len(x), self.state_size, self.input_size)
        for _ in range(self.k):
            total = self.inner._jacobian(x, u) @ total + self.inner._input_jacobian(x, u)
            x = self.inner._step(x, u)
        return total

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        for _ in range(self.k):
            x, T = self.inner._push(x, u, T, V)
        return x, T

    def flow(self) -> Any:
        """The same flow with a longer step: its right-hand side, and with it all times, are those of one step."""
        inner = self.inner.flow()
        return None if inner is None else inner.over(inner.field, self.k)

    def relaxes_to(self) -> None:
        """None: velocities are not iterated."""

    def factors(self) -> list[System]:
        """Fewer steps, of which the k steps are a whole number: one map per prime factor of k."""
        primes = [p for p in range(2, self.k + 1) if self.k % p == 0 and all(p % q for q in range(2, p))]
        return [Iterated(self.inner, self.k // p) for p in primes]

    def siblings(self, x: Any, u: Any = None) -> Tensor:
        """The rest of the orbit."""
        x, u, _ = self.as_batch(x, u)
        orbit = []
        for _ in range(self.k - 1):
            x = self.inner._step(x, u)
            orbit.append(x)
        return torch.cat(orbit) if orbit else x[:0]

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return System.newton_step(self, x, u, r)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        nearest = x.new_full(x.shape[:1], torch.inf)
        for _ in range(self.k):
            nearest = torch.minimum(nearest, self.inner._kinks(x, u))
            x = self.inner._step(x, u)
        return nearest

    def _pieces(self, u: Tensor) -> Pieces | None:
        once = self.inner._pieces(u)
        return None if once is None else once.repeated(self.k)

    def open_pieces(self) -> OpenPieces | None:
        return None
