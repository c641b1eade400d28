"""Flows: dx/dt = f(x, u) as the map that takes a state the time dt further, u held constant over the step.

A step is one of an explicit Runge-Kutta method (Butcher 2016, sec. 23): stages k_i = f(x + h sum_j a_ij k_j, u) and
x' = x + h sum_i b_i k_i.  Its derivatives are exact: the same method on the variational equation dX/dt = f'(x) X
differentiates every stage (Hairer, Norsett and Wanner 1993, sec. I.14).  For a time of any length, to nearly all
digits, :meth:`Flow.integrate` and :meth:`Flow.monodromy` hand the same equations to SciPy's DOP853.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..checks import count, number, one_of, reals
from ..errors import InputError
from .base import Bounds, System, detached, minus_identity
from .cells import fingerprint
from .derived import Wrapped
from .function import FunctionSystem
from .integration import followed, varied
from .pieces import OpenPieces, Pieces
from .runge_kutta import METHODS, advanced, averages


class Monodromy(NamedTuple):
    """Where a flow has gone after a time, and how that depends on where it began."""

    state: Tensor  # (..., unit)
    matrix: Tensor  # (..., unit, unit)  d state / d start


class RightHandSide(FunctionSystem):
    """A vector field as a system whose "step" is the velocity."""

    called = "rhs"


class Relaxation(Wrapped):
    """The vector field rate (F(x, u) - x), along which a state relaxes towards what ``inner`` makes of it."""

    def __init__(self, inner: System, rate: float = 1.0) -> None:
        super().__init__(inner)
        self.speed_of, self.alpha, self.euler = rate, None, False
        alpha = inner.alpha if inner.euler else None  # x' = x + alpha (G - x), an alpha for all units or for each
        self.rate = rate if alpha is None else rate * alpha
        self.into_box = self.rate if inner.box_holds_all else rate  # a grown box holds F of its states, perhaps not G
        self.fingerprint = fingerprint("relaxation", f"{rate:.17g}", inner.fingerprint) * bool(
            inner.fingerprint
        )

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return self.speed_of * (self.inner._step(x, u) - x)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.speed_of * minus_identity(self.inner._jacobian(x, u))

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self.speed_of * self.inner._input_jacobian(x, u)

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, moved = self.inner._push(x, u, T, V)
        return self.speed_of * (y - x), self.speed_of * (moved - T)

    def flow(self) -> None:
        """None: a field's values are no states."""

    def relaxes_to(self) -> tuple[System, float]:
        return self.inner, 1 / self.speed_of

    def _pieces(self, u: Tensor) -> Pieces | None:
        return None

    def open_pieces(self) -> OpenPieces | None:
        return None


class Flow(Wrapped):
    """The time-dt map of dx/dt = rhs(x, u).

    Arguments:
        rhs: takes states (batch, state_size) and, if ``input_size`` > 0, inputs (batch, input_size), in float64, and
            returns velocities (batch, state_size); or a System whose step is the velocity, such as a
            :class:`dynakit.FunctionSystem`.
        state_size, input_size: widths.
        dt: time of one step, in the unit of time of ``rhs``.
        method: "rk4", "euler" or "dopri5".
        n_substeps: steps of the method within one step of the map.
        argument_order, jacobian, readout, device: of ``rhs``, as in :class:`dynakit.FunctionSystem`;
            ``jacobian(x, u)`` is d rhs / dx.
        time_unit: "ms" if that is the unit of time of ``rhs``; in words, for results.

    Raises:
        InputError: for an ``rhs`` that cannot be a vector field, as :class:`dynakit.FunctionSystem` does.

    >>> import dynakit as dk, torch
    >>> decay = dk.Flow(lambda x: -x, 1, dt=0.1)
    >>> round(float(decay.step([1.0])), 6), round(float(decay.integrate([1.0], None, 2.0)), 12)
    (0.904838, 0.135335283237)
    """

    def __init__(
        self,
        rhs: Callable[..., Any] | System,
        state_size: int,
        input_size: int = 0,
        *,
        dt: float,
        method: str = "rk4",
        n_substeps: int = 1,
        argument_order: str | None = None,
        jacobian: Callable[..., Any] | None = None,
        readout: Callable[[Tensor], Tensor] | None = None,
        time_unit: str = "",
        name: str = "",
        device: torch.device | str = "cpu",
    ) -> None:
        if not isinstance(rhs, System):
            given = {
                "argument_order": argument_order,
                "jacobian": jacobian,
                "readout": readout,
                "device": device,
            }
            said = name or f"flow along {getattr(rhs, '__name__', type(rhs).__name__)}"
            rhs = RightHandSide(rhs, state_size, input_size, name=said, **given)
        elif (rhs.state_size, rhs.input_size) != (state_size, input_size):
            raise InputError(
                f"rhs is a System of {rhs.state_size} units and {rhs.input_size} inputs, but state_size and input_size "
                f"are {state_size} and {input_size}"
            )
        super().__init__(rhs, name=name or rhs.name)
        self.dt, self.time_unit = number("dt", dt, above=0.0, closed=False), time_unit
        self.method, self.n_substeps = one_of("method", method, METHODS), count("n_substeps", n_substeps)
        self._tableau, self._h = METHODS[self.method], self.dt / self.n_substeps
        self.alpha, self.euler = self._leak()
        settings = f"{self.method} {self.n_substeps} {self.dt:.17g}"
        self.fingerprint = fingerprint("flow", settings, rhs.fingerprint) if rhs.fingerprint else ""

    @property
    def h(self) -> float:
        """Time of one step of the method."""
        return self._h

    @property
    def field(self) -> System:
        """The vector field as a System: its ``step`` is the velocity, its ``jacobian`` that of the velocity."""
        return self.inner

    def flow(self) -> Flow:
        """This flow itself."""
        return self

    def over(self, field: System, k: int = 1) -> Flow:
        """The flow along another field, ``k`` of this one's steps as one."""
        settings = {"method": self.method, "n_substeps": self.n_substeps * k, "time_unit": self.time_unit}
        return Flow(field, field.state_size, field.input_size, dt=cast(float, self.dt) * k, **settings)

    def rhs(self, x: Any, u: Any = None) -> Float[Tensor, "*batch unit"]:
        """The velocity f(x, u)."""
        return self.inner.step(x, u)

    def rhs_jacobian(self, x: Any, u: Any = None) -> Float[Tensor, "*batch unit unit"]:
        """df/dx at (x, u)."""
        return self.inner.jacobian(x, u)

    # --- one step --------------------------------------------------------------------------------------

    def _stages(self, x: Tensor, u: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The states at which the method asks for the velocity, and what it is there."""
        states, velocities = [], []
        for row in self._tableau.rows:
            states.append(advanced(x, self._h, row, velocities))
            velocities.append(self.inner._step(states[-1], u))
        return states, velocities

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        for _ in range(self.n_substeps):
            x = advanced(x, self._h, self._tableau.weights, self._stages(x, u)[1])
        return x

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        for _ in range(self.n_substeps):
            velocities: list[Tensor] = []
            changes: list[Tensor] = []
            for row in self._tableau.rows:
                y, S = advanced(x, self._h, row, velocities), advanced(T, self._h, row, changes)
                for kept, new in zip((velocities, changes), self.inner._push(y, u, S, V)):
                    kept.append(new)
            x = advanced(x, self._h, self._tableau.weights, velocities)
            T = advanced(T, self._h, self._tableau.weights, changes)
        return x, T

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._push(x, u, _identity(x, self.state_size))[1].mT

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        nothing = x.new_zeros(len(x), self.input_size, self.state_size)
        return self._push(x, u, nothing, _identity(x, self.input_size))[1].mT

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        nearest = x.new_full(x.shape[:1], torch.inf)
        for _ in range(self.n_substeps if self.regularity != "smooth" else 1):  # at rest they are all alike
            states, velocities = self._stages(x, u)
            for y in states:
                nearest = torch.minimum(nearest, self.inner._kinks(y, u))
            x = advanced(x, self._h, self._tableau.weights, velocities)
        return nearest

    # --- any time --------------------------------------------------------------------------------------

    @detached
    def integrate(
        self, x: Any, u: Any, time: Any, *, n_steps: int = 1, rtol: float = 1e-13
    ) -> Float[Tensor, "*batch time unit"]:
        """The states at ``n_steps`` equal parts of ``time``, the last at ``time`` itself.

        ``x`` (..., unit), ``u`` (..., input) constant or None, ``time`` a number or one per start, negative for the
        past.  Each start is integrated by itself, with a step that keeps the relative error per step below ``rtol``
        (DOP853; Hairer, Norsett and Wanner 1993, sec. II.5).  A state that leaves the finite numbers is NaN from then
        on.  Raises InputError on shapes that do not fit or a time that is not finite.
        """
        x, u, times, lead = self._starts(x, u, time)
        n_steps, rtol = count("n_steps", n_steps), number("rtol", rtol, above=3e-14, below=1e-2)
        ends = [np.linspace(0.0, t, n_steps + 1) for t in times]
        states = [followed(self.inner, a, v, after, rtol) for a, v, after in zip(x, u, ends)]
        return _stacked(states, x, (n_steps, self.state_size)).reshape(*lead, n_steps, self.state_size)

    @detached
    def monodromy(self, x: Any, u: Any, time: Any, *, rtol: float = 1e-13) -> Monodromy:
        """The state after ``time`` and its derivative with respect to the start; arguments as for :meth:`integrate`.

        On a cycle, with ``time`` its period, the eigenvalues of the matrix are the Floquet multipliers; one is 1.
        """
        self.refuse_jumps("a monodromy matrix")
        x, u, times, lead = self._starts(x, u, time)
        n, rtol = self.state_size, number("rtol", rtol, above=3e-14, below=1e-2)
        flat = torch.from_numpy(varied(self.inner, x, u, times, rtol)).to(x)
        return Monodromy(flat[:, :n].reshape(*lead, n), flat[:, n:].reshape(*lead, n, n).mT)

    def _starts(self, x: Any, u: Any, time: Any) -> tuple[Tensor, Tensor, np.ndarray, torch.Size]:
        x, u, lead = self.as_batch(x, u)
        times = reals("time", time)
        try:
            times = np.broadcast_to(times, lead).reshape(-1)
        except ValueError:
            raise InputError(f"time {times.shape} must be a number or one per start {tuple(lead)}") from None
        return x, u, times, lead

    # --- hooks -----------------------------------------------------------------------------------------

    def _relaxation(self) -> Relaxation | None:
        """The field rate (G(x, u) - x) that is followed, whatever its inputs and readout; None for any other."""
        field = self.inner
        while isinstance(field, Wrapped) and not isinstance(field, Relaxation):
            field = field.inner
        return field if isinstance(field, Relaxation) else None

    def _leak(self) -> tuple[float | np.ndarray | None, bool]:
        """``alpha`` and ``euler``: a single Euler step of a relaxing field is a leaky network's."""
        field = self._relaxation()
        if field is None or self.method != "euler" or self.n_substeps > 1 or np.any(field.rate * self._h > 1):
            return None, False
        return field.rate * self._h, True

    def _box(self, inputs: Bounds) -> Bounds | None:
        field = self._relaxation()
        if field is None or not all(averages(self._tableau, rate * self._h) for rate in np.unique(field.into_box)):
            return None
        return self.inner._box(inputs)

    def relaxes_to(self) -> None:
        """None: a state some time later is no velocity."""

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        return System.newton_step(self, x, u, r)

    def _pieces(self, u: Tensor) -> Pieces | None:
        return None

    def open_pieces(self) -> OpenPieces | None:
        return None


class NetworkStep(Flow):
    """The step of a network that integrates its own differential equation: a map, as which it was trained.

    What comes in stays the same within a step, and so does what it hears of itself; therefore it is judged by its map,
    as a leaky network is.  The flow is ``dynakit.as_flow(model)``.
    """

    def flow(self) -> None:  # type: ignore[override]
        """None: the network is its map."""


def _identity(x: Tensor, size: int) -> Tensor:
    return torch.eye(size, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)


def _stacked(rows: list[np.ndarray], x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.stack(rows) if rows else np.zeros((0, *shape))).to(x)
