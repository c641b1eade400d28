"""Where a system rests: the fixed points of a map, the zeros of a flow's right-hand side.

A step of a Runge-Kutta method has every equilibrium of its flow as a fixed point, but may have others, which move with
the step, and its eigenvalues are only about exp(dt mu) (Iserles, Peplow and Stuart 1991).  Equilibria are therefore
sought as the fixed points of x -> x + h f(x, u), the field displaced by the state.  Whatever is known of fixed points
then holds of them: F(x) - x is h f, J - I is h df/dx, and sign det(I - J) is sign det(-df/dx).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .base import Bounds, System, minus_identity
from .derived import Wrapped
from .pieces import OpenPieces, Pieces

SCALES_AT = 5  # random states at which the scale of a field is read


class Displaced(Wrapped):
    """x -> x + h f(x, u), f the velocity that ``inner`` says."""

    def __init__(self, field: System, h: float) -> None:
        super().__init__(field)
        self.h = h

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return x + self.h * self.inner._step(x, u)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        J = self.h * self.inner._jacobian(x, u)
        J.diagonal(dim1=-2, dim2=-1).add_(1.0)
        return J

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.h * self.inner._input_jacobian(x, u)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        v, moved = self.inner._push(x, u, T, V)
        return x + self.h * v, T + self.h * moved

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return System.newton_step(self, x, u, r)

    def flow(self) -> None:
        """None: this is no state some time later."""

    def _box(self, inputs: Bounds) -> Bounds | None:
        return None

    def _pieces(self, u: Tensor) -> Pieces | None:
        field = self.inner._pieces(u)
        return None if field is None else field._replace(**self._moved(field), c=self.h * field.c)

    def open_pieces(self) -> OpenPieces | None:
        field = self.inner.open_pieces()
        if field is None:
            return None
        return field._replace(**self._moved(field), C=self.h * field.C, c=self.h * field.c)

    def _moved(self, field: Pieces | OpenPieces) -> dict[str, Tensor]:
        eye = torch.eye(self.state_size).to(field.A)
        return {"A": eye + self.h * field.A, "B": self.h * field.B}


class AtRest(Wrapped):
    """The map x -> x + h f(x, u), whose fixed points are a flow's equilibria; states settle as the flow does.

    Of a field rate (F(x, u) - x), however it is driven or closed, it is F itself with all that F knows: a box that
    F maps into its interior is one on whose border the field points inwards.

    Attributes:
        pace: h, a time: of the eigenvalue lambda here, (lambda - 1) / h is the flow's.
    """

    def __init__(self, flow: Any, pace: float | None = None) -> None:
        target = flow.field.relaxes_to()
        if target is None:
            h = _time_of(flow) if pace is None else pace
            target = Displaced(flow.field, h), h
        inner, self.pace = target
        super().__init__(inner, name=flow.name)
        self.along = flow
        self.dt, self.time_unit, self.fingerprint = flow.dt, flow.time_unit, flow.fingerprint
        self.alpha, self.euler = None, False

    def flow(self) -> Any:
        """The flow itself."""
        return self.along

    def linear(self, x: Tensor, u: Tensor) -> Tensor:
        """df/dx for a flat batch."""
        return self.along.field._jacobian(x, u)

    def trajectory(self, x0: Any, inputs: Any) -> Tensor:
        """The flow's own."""
        return self.along.trajectory(x0, inputs)

    def settle(self, x0: Any, drive: Any = None, n_steps: int = 1000) -> Tensor:
        """After the flow's own steps."""
        return self.along.settle(x0, drive, n_steps)


def _time_of(flow: Any) -> float:
    """1 / |df/dx|, in which a field moves states by about their own size: it belongs to the field, not to its steps.

    With h = dt, what is singular or converged to rounding would hang on how finely the flow is stepped.
    """
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(SCALES_AT, flow.state_size))).to(flow.device, flow.dtype)
    J = flow.field._jacobian(x, x.new_zeros(len(x), flow.input_size))
    norms = J.abs().sum(-1).amax(-1)
    known = norms[torch.isfinite(norms) & (norms > 0)]
    return 1 / float(known.median()) if len(known) else flow.h


class Blend(System):
    """The share-weighted mean of two maps at whose fixed points systems rest, or of two fields likewise."""

    def __init__(self, first: System, second: System, share: float) -> None:
        kinked = "piecewise_linear" in (first.regularity, second.regularity)
        super().__init__(
            first.state_size,
            first.input_size,
            regularity="piecewise_linear" if kinked else "smooth",
            device=first.device,
            name=f"{first.name}, on the way to another",
        )
        self.first, self.second = first, second
        paces = [system.pace if isinstance(system, AtRest) else 1.0 for system in (first, second)]
        self.pace, self.ratio = paces[0], paces[0] / paces[1]
        self.shares = (1 - share, share * self.ratio)  # of the first pace: fields are mixed, not steps

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        first, second = self._moves(x, u)
        return x + self.shares[0] * first + self.shares[1] * second

    def _moves(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return self.first._step(x, u) - x, self.second._step(x, u) - x

    def slope(self, x: Tensor, u: Tensor) -> Tensor:
        """The derivative of a step with the share, for a flat batch."""
        first, second = self._moves(x, u)
        return self.ratio * second - first

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        moves = [minus_identity(system._jacobian(x, u)) for system in (self.first, self.second)]
        J = self.shares[0] * moves[0] + self.shares[1] * moves[1]
        J.diagonal(dim1=-2, dim2=-1).add_(1.0)
        return J

    def linear(self, x: Tensor, u: Tensor) -> Tensor:
        """df/dx of the field in between, for a flat batch."""
        return minus_identity(self._jacobian(x, u)) / self.pace

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.minimum(self.first._kinks(x, u), self.second._kinks(x, u))


def at_rest(system: System, pace: float | None = None) -> System:
    """The map whose fixed points are where ``system`` rests: itself, or of a flow :class:`AtRest`.

    ``pace``: that of another field of one family, which are then displaced alike; None: this field's own.
    """
    flow = system.flow()
    return system if flow is None else AtRest(flow, pace)


def dynamics_of(system: System) -> str:
    """ "map" or "flow": what eigenvalues, verdicts and times of this system are those of."""
    return "map" if system.flow() is None else "flow"


def velocity(system: System, x: Any, u: Any = None) -> Tensor:
    """How a state moves: F(x, u) - x in a step of a map, f(x, u) per unit time along a flow."""
    flow = system.flow()
    return system.step(x, u) - system.as_states("x", x) if flow is None else flow.rhs(x, u)


def linear_part(system: System, x: Any, u: Any = None) -> Tensor:
    """dF/dx of a map, df/dx of a flow."""
    flow = system.flow()
    return system.jacobian(x, u) if flow is None else flow.rhs_jacobian(x, u)


def input_part(system: System, x: Any, u: Any = None) -> Tensor:
    """dF/du of a map, df/du of a flow."""
    flow = system.flow()
    return system.input_jacobian(x, u) if flow is None else flow.field.input_jacobian(x, u)
