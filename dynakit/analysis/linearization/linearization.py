"""What a network does near a state: eigenvalues, their directions, time constants, and a verdict on stability.

Near a fixed point x' - x* = J (x - x*).  Each eigenvalue lambda_k decays or grows with time constant
-1 / ln |lambda_k| steps and turns once in 2 pi / |arg lambda_k| steps.  The right eigenvector r_k is the direction
of the mode (a line attractor points along it); the left one, l_k with l_k^H r_k = 1, says how much of a disturbance
enters it (Mante et al. 2013 call it the selection vector).

A *map* is stable where all eigenvalues lie inside the unit circle; the verdict has four values: stable, unstable,
marginal (on the circle as far as can be told) and undetermined (see ``verdict``).

A *flow* dx/dt = f(x) is judged by the eigenvalues mu of df/dx, never by those of the Runge-Kutta step that
approximates it: stable where all Re mu < 0, with time constants -1 / Re mu and periods 2 pi / |Im mu| in its unit of
time.  Where the step disagrees, that is said.

A leaky network x' = x + alpha (G(x) - x) is Euler's step of the flow dx/dt = (G(x) - x) / tau, alpha = dt / tau.  Both
have the same fixed points, but not the same stability: to lambda belongs mu = (lambda - 1) / alpha, in units of
1 / tau, and the flow is stable where all Re mu < 0.  A stable map implies a stable flow, not the other way round:
where mu = -2.5, Euler's step with alpha = 1 flips and grows.  Where units differ in tau, alpha is a diagonal matrix,
and lambda - 1 over the alpha of their mean tau is mu in units of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import chunks, linalg
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, mean_alpha
from ...systems.rest import at_rest, dynamics_of, linear_part
from ...wording import counted, span
from .kinks import at_kinks, judge_kinks
from .naming import names_of_points
from .points import states_and_drives
from .step import verdicts_of_step, warn_of_step
from .times import constants, frequencies, growth_rates, in_ms
from .verdict import count_unstable, judge, judge_flow_of_step, spectrum

COPIES = 16  # of a Jacobian that are held while its modes are found
SLOW = 100  # steps, or units of time of a flow; modes with longer time constants are counted in words


@dataclass(frozen=True, kw_only=True, repr=False)
class Modes(Result):
    """Linear modes at each point, those nearest to instability first: by falling |lambda| of a map, Re mu of a flow.

    The fields and properties ``flow_*`` speak of the flow of which a *map* is Euler's step; of a flow they are None,
    because all else already speaks of it.

    Attributes:
        states: (point, unit) the states linearised at
        drives: (point, input) the constant input at each
        eigenvalues: (point, mode) of dF/dx of a map; of df/dx of a flow, per unit time
        right: (point, unit, mode) unit columns: the direction of each mode
        left: (point, unit, mode) columns l_k with l_k^H r_k = 1: what of a disturbance enters each mode
        condition_numbers: (point, mode) of each eigenvalue: how many times rounding in J is magnified
        norms: (point,) Frobenius norm of the Jacobian, in the unit of the eigenvalues
        one_sided: (point, side, mode) at a kink, the eigenvalues of each side; else NaN
        verdicts: (point,) stable | unstable | marginal | undetermined
        step_verdicts: (point,) of a flow, the verdict on its time-dt map, which may differ; of a map, ``verdicts``
        dynamics: "map" or "flow": what eigenvalues, verdicts and times are those of
        dt: time of one step in ms; None if it is not known
        time_unit: the unit of time of a flow, "" if it has no name; "steps" of a map
        alpha: (unit,) or, where all are alike, a number: dt / tau, the leak per step of a leaky network; None for any
            other map and for a flow
        euler: whether a step of the map is x' = x + alpha (G - x), Euler's step of a flow
    """

    drawn_by: ClassVar[str] = "plot_spectrum"

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    right: np.ndarray = per_item()
    left: np.ndarray = per_item()
    condition_numbers: np.ndarray = per_item()
    norms: np.ndarray = per_item()
    one_sided: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    step_verdicts: np.ndarray = per_item()
    dynamics: str = "map"
    dt: float | None = None
    time_unit: str = "steps"
    alpha: float | np.ndarray | None = None
    euler: bool = False

    @property
    def ms_per_step(self) -> float | None:
        """The length of a step in ms, or None where it is not known."""
        return None if self.dynamics == "flow" and self.time_unit != "ms" else self.dt

    @property
    def growth_rates(self) -> np.ndarray:
        """ln |lambda| per step, of a flow Re mu per unit time (point, mode): negative where a mode decays."""
        return growth_rates(self.eigenvalues, self.dynamics)

    @property
    def time_constants(self) -> np.ndarray:
        """-1 / :attr:`growth_rates` in steps, of a flow in time units (point, mode).

        Negative where a mode grows; +inf where it neither grows nor decays.
        """
        return constants(self.growth_rates)

    @property
    def time_constants_ms(self) -> np.ndarray | None:
        """:attr:`time_constants` in ms, or None if the unit of time is not known."""
        return in_ms(self.time_constants, self.dynamics, self.dt, self.time_unit)

    @property
    def periods(self) -> np.ndarray:
        """2 pi / |arg lambda| in steps, of a flow 2 pi / |Im mu| in time units (point, mode); infinite if real."""
        with np.errstate(divide="ignore"):
            return 2 * np.pi / frequencies(self.eigenvalues, self.dynamics)

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of each unstable manifold; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts, self.dynamics)

    @property
    def types(self) -> np.ndarray:
        """(point,) what each is in the plane: "stable node", "unstable focus", "saddle", "centre", ...

        By its linear part: whether a centre of it is one of the system this does not decide.  A saddle of more than two
        units in which something turns is a "saddle focus"; a point that has no such name keeps its verdict.
        """
        return names_of_points(self.eigenvalues, self.verdicts, self.dynamics)

    @property
    def kinked(self) -> np.ndarray:
        """Is the point at a kink of the map (point,)?"""
        return np.asarray(np.isfinite(self.one_sided).any(axis=(1, 2)))

    def sentences(self) -> list[str]:
        """How slow the slowest modes at the stable points are."""
        stable = self.verdicts == "stable"
        if not stable.any():
            return []
        slowest = self.time_constants[stable][:, 0]
        unit = self.time_unit or "time units"
        text = f"slowest mode at the stable points: time constant {span(slowest, unit)}"
        if self.dynamics == "flow":
            return [text]
        if self.dt is not None:
            text += f" ({span(slowest * self.dt, 'ms')})"
        n_slow = int((self.time_constants[stable] > SLOW).sum(axis=1).max())
        return [text] + ([f"up to {n_slow} modes slower than {SLOW} {unit} at one point"] if n_slow else [])

    @property
    def flow_eigenvalues(self) -> np.ndarray | None:
        """mu = (lambda - 1) / alpha (point, mode), per time constant tau; None unless a step is Euler's step of a flow.

        Of units that differ in tau it is per mean of their tau.

        A network of the "rectified" form, r' = f((1 - a) r + a (...)), is no such step, although it leaks: there a unit
        that is cut off has lambda = 0 whatever its time constant.
        """
        if self.alpha is None or not self.euler:
            return None
        return (self.eigenvalues - 1) / mean_alpha(self.alpha)

    @property
    def flow_verdicts(self) -> np.ndarray | None:
        """The verdict on the flow at each point, by the signs of Re mu; None where there is no flow."""
        if self.alpha is None or not self.euler:
            return None
        smooth = np.where(self.kinked[:, None], np.nan, self.eigenvalues)
        return judge_flow_of_step(smooth, self.condition_numbers, self.norms, self.verdicts)

    @property
    def flow_time_constants(self) -> np.ndarray | None:
        """-tau / Re mu in steps (point, mode): negative where a mode of the flow grows; None where there is none."""
        mu = self.flow_eigenvalues
        if mu is None:
            return None
        assert self.alpha is not None
        return constants(np.real(mu * mean_alpha(self.alpha)))

    @property
    def flow_time_constants_ms(self) -> np.ndarray | None:
        """:attr:`flow_time_constants` in ms, or None if the system's ``dt`` is not known."""
        steps = self.flow_time_constants
        return None if steps is None or self.dt is None else steps * self.dt

    def headline(self) -> str:
        counts = {v: int((self.verdicts == v).sum()) for v in np.unique(self.verdicts)}
        said = [f"{counted(len(self), 'point')} of {counted(self.eigenvalues.shape[1], 'mode')} of a {self.dynamics}"]
        said += [f"{n} {v}" for v, n in counts.items()]
        wrong = int((self.step_verdicts != self.verdicts).sum())
        said += [f"{wrong} judged otherwise by the step"] if wrong else []
        measure = np.abs if self.dynamics == "map" else np.real
        known = measure(self.eigenvalues[np.isfinite(self.eigenvalues)])
        name = "|eigenvalue|" if self.dynamics == "map" else "Re eigenvalue"
        return ", ".join(said) + (f"; largest {name} {known.max():.6g}" if known.size else "")

    def table(self) -> dict[str, np.ndarray]:
        first = self.eigenvalues[:, 0] if self.eigenvalues.shape[1] else np.zeros(len(self), complex)
        columns = {"verdict": self.verdicts, "n_unstable": self.n_unstable.filled(-1), "eigenvalue 1": first}
        is_map = self.dynamics == "map"
        columns |= {"|eigenvalue 1|": np.abs(first)} if is_map else {"Re eigenvalue 1": np.real(first)}
        unit = self.time_unit or "time units"
        if self.eigenvalues.shape[1]:
            columns[f"time constant 1 ({unit})"] = self.time_constants[:, 0]
            columns[f"period 1 ({unit})"] = self.periods[:, 0]
        flow = self.flow_verdicts if is_map else None
        columns |= {} if flow is None else {"verdict on the flow": flow}
        return columns if is_map else {**columns, "verdict on the step": self.step_verdicts}


@with_provenance
def linearize(system: System, points: Any, drive: Any = None) -> Modes:
    """Eigen-modes at each point: of a map's Jacobian dF/dx, of a flow's df/dx, its right-hand side's.

    Arguments:
        system: the map or the flow.
        points: states (..., unit), axes flattened, or a result that has ``states``, such as FixedPoints, which brings
            its own drives.
        drive: the constant input, (input,) or (point, input), of bare states; None is zero input.

    Returns:
        Modes, one entry per point, in the order of ``points``.  Warns (DynakitWarning) where the Runge-Kutta step of a
        flow calls a point stable that the flow calls unstable, or the other way round.

    Raises:
        InputError: for a discontinuous map, or points and drives that do not fit the system.
        ResourceError: where the modes of so many points would not fit into memory.

    >>> import dynakit as dk
    >>> modes = dk.linearize(dk.catalog.rotation(angle=0.1, radius=0.9), [[0.0, 0.0]])
    >>> round(float(modes.time_constants[0, 0]), 3), round(float(modes.periods[0, 0]), 3)
    (9.491, 62.832)
    >>> spiral = dk.Flow(lambda x: -0.1 * x + x.flip(-1) * x.new_tensor([2.0, -2.0]), 2, dt=0.1)
    >>> dk.linearize(spiral, [[0.0, 0.0]])
    Modes(1 point of 2 modes of a flow, 1 stable; largest Re eigenvalue -0.1)
    """
    x, u = states_and_drives(system, points, drive, "a linearisation")
    system, dynamics = at_rest(system), dynamics_of(system)
    matrix = chunks.FLOAT * system.state_size**2
    what = f"the modes of {counted(len(x), 'point')} of {counted(system.state_size, 'unit')}"
    chunks.refuse_larger(what, 4 * matrix * len(x), "linearise fewer points at a time")
    with linalg.one_thread(), torch.no_grad():
        parts = chunks.parts(len(x), COPIES * matrix)
        known = chunks.gathered(len(x), ((part, _spectra(system, x[part], u[part])) for part in parts))
        kinked, verdicts = known.pop("kinked"), known["verdicts"]
        one_sided = judge_kinks(system, x, u, kinked, verdicts)
        by_step = verdicts_of_step(system, x, u, verdicts)
    warn_of_step(system, verdicts, by_step)
    return Modes(
        **known,
        states=x.numpy(force=True),
        drives=u.numpy(force=True),
        one_sided=one_sided,
        step_verdicts=by_step,
        dynamics=dynamics,
        dt=system.dt_ms,
        time_unit="steps" if dynamics == "map" else system.time_unit,
        alpha=system.alpha,
        euler=system.euler,
    )


def _spectra(system: System, x: torch.Tensor, u: torch.Tensor) -> dict[str, np.ndarray]:
    """What the linear parts at some points say, by the fields of :class:`Modes`, and which points are at kinks."""
    dynamics, J = dynamics_of(system), known_linear_part(system, x, u)
    eigen, norms, kinked = spectrum(J, dynamics), linalg.norms(J), at_kinks(system, x, u)
    return {
        "eigenvalues": eigen.values,
        "right": eigen.right,
        "left": eigen.left,
        "condition_numbers": eigen.condition,
        "norms": norms,
        "verdicts": judge(eigen.values, eigen.condition, norms, kinked, J.cpu().numpy(), dynamics),
        "kinked": kinked,
    }


def known_linear_part(system: System, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """dF/dx or df/dx (point, unit, unit), NaN at states that are not finite: there may be one even there."""
    finite = torch.isfinite(x).all(-1)[:, None, None]
    return torch.where(finite, linear_part(system, x, u), torch.nan)
