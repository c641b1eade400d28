"""What a network does near a state: eigenvalues, their directions, time constants, and a verdict on stability.

Near a fixed point x' - x* = J (x - x*).  Each eigenvalue lambda_k decays or grows with time constant
-1 / ln |lambda_k| steps and turns once in 2 pi / |arg lambda_k| steps.  The right eigenvector r_k is the direction
of the mode (a line attractor points along it); the left one, l_k with l_k^H r_k = 1, says how much of a disturbance
enters it (Mante et al. 2013 call it the selection vector).

A *map* is stable where all eigenvalues lie inside the unit circle; the verdict has four values: stable, unstable,
marginal (on the circle as far as can be told) and undetermined (see ``_verdict``).

A leaky network x' = x + alpha (G(x) - x) is Euler's step of the flow dx/dt = (G(x) - x) / tau, alpha = dt / tau.  Both
have the same fixed points, but not the same stability: to lambda belongs mu = (lambda - 1) / alpha, in units of
1 / tau, and the flow is stable where all Re mu < 0.  A stable map implies a stable flow, not the other way round:
where mu = -2.5, Euler's step with alpha = 1 flips and grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System
from ...wording import span
from .kinks import adjacent_jacobians, grows_along_a_ray
from .points import states_and_drives
from .verdict import EPS, ILL, MARGIN, contract_together, count_unstable, judge

__all__ = ["Modes", "count_unstable", "judge", "linearize"]

SLOW = 100  # steps; modes with longer time constants are counted in words


@dataclass(frozen=True, kw_only=True, repr=False)
class Modes(Result):
    """Linear modes at each point, by falling modulus of the eigenvalue.

    Attributes:
        states: (point, unit)
        drives: (point, input)
        eigenvalues: (point, mode) of dF/dx: of the map, not of a flow
        right: (point, unit, mode) unit columns: the direction of each mode
        left: (point, unit, mode) columns l_k with l_k^H r_k = 1: what enters it
        condition_numbers: (point, mode) of each eigenvalue
        norms: (point,) |dF/dx|, Frobenius
        one_sided: (point, side, mode) at a kink, the spectrum of each side; else NaN
        verdicts: (point,) stable | unstable | marginal | undetermined
        dt: ms per step
        alpha: leak per step of a leaky network
        euler: x' = x + alpha (G - x): the step of a flow
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    right: np.ndarray = per_item()
    left: np.ndarray = per_item()
    condition_numbers: np.ndarray = per_item()
    norms: np.ndarray = per_item()
    one_sided: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    dt: float | None = None
    alpha: float | None = None
    euler: bool = False

    @property
    def time_constants(self) -> np.ndarray:
        """-1 / ln |lambda| in steps (point, mode): negative where a mode grows, infinite on the unit circle."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return -1.0 / np.log(np.abs(self.eigenvalues))

    @property
    def time_constants_ms(self) -> np.ndarray | None:
        """:attr:`time_constants` in ms, or None if the system's ``dt`` is not known."""
        return None if self.dt is None else self.time_constants * self.dt

    @property
    def periods(self) -> np.ndarray:
        """2 pi / |arg lambda| in steps (point, mode); infinite for a mode that does not turn."""
        with np.errstate(divide="ignore"):
            return 2 * np.pi / np.abs(np.angle(self.eigenvalues))

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of each unstable manifold; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts)

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
        text = f"slowest mode at the stable points: time constant {span(slowest, 'steps')}"
        if self.dt is not None:
            text += f" ({span(slowest * self.dt, 'ms')})"
        n_slow = int((self.time_constants[stable] > SLOW).sum(axis=1).max())
        return [text] + ([f"up to {n_slow} modes slower than {SLOW} steps at one point"] if n_slow else [])

    @property
    def flow_eigenvalues(self) -> np.ndarray | None:
        """mu = (lambda - 1) / alpha (point, mode), per time constant tau; None unless a step is Euler's step of a flow.

        A network of the "rectified" form, r' = f((1 - a) r + a (...)), is no such step, although it leaks: there a unit
        that is cut off has lambda = 0 whatever its time constant.
        """
        if self.alpha is None or not self.euler:
            return None
        return (self.eigenvalues - 1) / self.alpha

    @property
    def flow_verdicts(self) -> np.ndarray | None:
        """The verdict on the flow at each point, by the signs of Re mu; None where there is no flow."""
        mu = self.flow_eigenvalues
        if mu is None:
            return None
        assert self.alpha is not None
        doubt = np.maximum(MARGIN, 10 * EPS * self.norms[:, None] * self.condition_numbers) / self.alpha
        rate = np.real(mu)
        with np.errstate(invalid="ignore"):
            near = np.abs(rate) <= doubt
            grows = ((rate > 0) & ~near).any(axis=1)
        ill = (near & (self.condition_numbers >= ILL)).any(axis=1)
        known = np.isfinite(mu).all(axis=1) & ~self.kinked
        choices = [self.verdicts == "stable", ~known, grows, ill, near.any(axis=1)]
        return np.select(
            choices, ["stable", "undetermined", "unstable", "undetermined", "marginal"], "stable"
        )

    @property
    def flow_time_constants(self) -> np.ndarray | None:
        """-tau / Re mu in steps (point, mode): negative where a mode of the flow grows; None where there is no flow."""
        mu = self.flow_eigenvalues
        if mu is None:
            return None
        with np.errstate(divide="ignore"):
            return -1 / np.real(mu * self.alpha)

    @property
    def flow_time_constants_ms(self) -> np.ndarray | None:
        """:attr:`flow_time_constants` in ms, or None if the system's ``dt`` is not known."""
        steps = self.flow_time_constants
        return None if steps is None or self.dt is None else steps * self.dt

    def headline(self) -> str:
        counts = {v: int((self.verdicts == v).sum()) for v in np.unique(self.verdicts)}
        said = [f"{len(self)} points of {self.eigenvalues.shape[1]} modes"]
        said += [f"{n} {v}" for v, n in counts.items()]
        moduli = np.abs(self.eigenvalues)
        known = moduli[np.isfinite(moduli)]
        return ", ".join(said) + (f"; largest |eigenvalue| {known.max():.6g}" if known.size else "")

    def table(self) -> dict[str, np.ndarray]:
        first = self.eigenvalues[:, 0] if self.eigenvalues.shape[1] else np.zeros(len(self), complex)
        columns = {"verdict": self.verdicts, "n_unstable": self.n_unstable.filled(-1), "eigenvalue 1": first}
        columns["|eigenvalue 1|"] = np.abs(first)
        if self.eigenvalues.shape[1]:
            columns["time constant 1 (steps)"] = self.time_constants[:, 0]
            columns["period 1 (steps)"] = self.periods[:, 0]
        flow = self.flow_verdicts
        return columns if flow is None else {**columns, "verdict on the flow": flow}


def linearize(system: System, points: Any, drive: Any = None) -> Modes:
    """Eigen-modes of the map's Jacobian at each point.

    Arguments:
        system: the map.
        points: FixedPoints, or states (point, unit) or (unit,), then with ``drive`` (input,) or (point, input).

    Returns:
        Modes, one entry per point, in the order of ``points``.

    Raises:
        InputError: for a discontinuous map, or points and drives that do not fit the system.

    >>> import dynakit as dk
    >>> modes = dk.linearize(dk.catalog.rotation(angle=0.1, radius=0.9), [[0.0, 0.0]])
    >>> round(float(modes.time_constants[0, 0]), 3), round(float(modes.periods[0, 0]), 3)
    (9.491, 62.832)
    """
    x, u = states_and_drives(system, points, drive, "a linearisation")
    with linalg.one_thread(), torch.no_grad():
        J = known_jacobian(system, x, u)
        eigen, norms = linalg.eig(J), linalg.norms(J)
        kinked = (
            (system.kinks(x, u) < 1e-9 * (1 + x.abs().amax(-1))).cpu().numpy()
            if len(x)
            else np.zeros(0, bool)
        )
        verdicts = judge(eigen.values, eigen.condition, norms, kinked, J.cpu().numpy())
        one_sided = _at_kinks(system, x, u, kinked, verdicts)
    return Modes(
        states=x.numpy(force=True),
        drives=u.numpy(force=True),
        eigenvalues=eigen.values,
        right=eigen.right,
        left=eigen.left,
        condition_numbers=eigen.condition,
        norms=norms,
        one_sided=one_sided,
        verdicts=verdicts,
        dt=system.dt_ms,
        alpha=system.alpha,
        euler=system.euler,
        provenance=Provenance.of(system),
    )


def known_jacobian(system: System, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """dF/dx (point, unit, unit), NaN at states that are not finite: a map may have one even there."""
    finite = torch.isfinite(x).all(-1)[:, None, None]
    return torch.where(finite, system.jacobian(x, u), torch.nan)


def _at_kinks(
    system: System, x: torch.Tensor, u: torch.Tensor, kinked: np.ndarray, verdicts: np.ndarray
) -> np.ndarray:
    """The spectra (point, side, mode) of the sides of each kink; fills in the verdicts that can be given there."""
    sides = {int(i): adjacent_jacobians(system, x[i], u[i]) for i in np.flatnonzero(kinked)}
    spectra = np.full((len(x), max(map(len, sides.values()), default=0), x.shape[1]), np.nan, complex)
    for i, matrices in sides.items():
        for k, matrix in enumerate(matrices):
            spectra[i, k] = linalg.eigvals(matrix)
        if grows_along_a_ray(system, x[i], u[i], matrices):
            verdicts[i] = "unstable"
        elif len(matrices) <= 2 and contract_together(matrices):
            verdicts[i] = "stable"
    return spectra
