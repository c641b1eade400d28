"""What a network does near a state: eigenvalues, their directions, time constants, and a verdict on stability.

Near a fixed point x' - x* = J (x - x*).  Each eigenvalue lambda_k decays or grows with time constant
-1 / ln |lambda_k| steps and turns once in 2 pi / |arg lambda_k| steps.  The right eigenvector r_k is the direction
of the mode (a line attractor points along it); the left one, l_k with l_k^H r_k = 1, says how much of a disturbance
enters it (Mante et al. 2013 call it the selection vector).

A *map* is stable where all eigenvalues lie inside the unit circle.  Computed eigenvalues are only known to
about eps |J| kappa_k, with kappa_k the condition number of the eigenvalue (Golub and Van Loan, sec. 7.2), so the
verdict has four values: stable, unstable, marginal (on the circle as far as can be told) and undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import linalg
from ..errors import InputError
from ..results import Provenance, Result, per_item
from ..systems.base import System, checked

MARGIN = 1e-9  # distance from the unit circle below which no stability is claimed


@dataclass(frozen=True, kw_only=True, repr=False)
class Modes(Result):
    """Linear modes at each point, by falling modulus of the eigenvalue."""

    states: np.ndarray = per_item()  # (point, unit)
    drives: np.ndarray = per_item()  # (point, input)
    eigenvalues: np.ndarray = per_item()  # (point, mode)        of dF/dx: of the map, not of a flow
    right: np.ndarray = per_item()  # (point, unit, mode)  unit columns: the direction of each mode
    left: np.ndarray = per_item()  # (point, unit, mode)  columns l_k with l_k^H r_k = 1: what enters it
    condition_numbers: np.ndarray = per_item()  # (point, mode)  of each eigenvalue
    verdicts: np.ndarray = per_item()  # (point,)  stable | unstable | marginal | undetermined
    dt: float | None = None  # ms per step
    alpha: float | None = None  # leak per step of a leaky network

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
        return columns


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
    checked(system).refuse_jumps("a linearisation")
    if hasattr(points, "states") and hasattr(points, "drives"):
        if drive is not None:
            raise InputError("drive is already in points; pass one of them")
        points, drive = points.states, points.drives
    x, u, _ = system.as_batch(points, system.as_drive("drive", drive), ("points", "drive"))
    with linalg.one_thread(), torch.no_grad():
        J = system.jacobian(x, u)
        eigen = linalg.eig(J)
    norms = linalg.norms(J)
    kinked = (
        (system.kinks(x, u) < 1e-9 * (1 + x.abs().amax(-1))).cpu().numpy() if len(x) else np.zeros(0, bool)
    )
    return Modes(
        states=x.cpu().numpy(),
        drives=u.cpu().numpy(),
        eigenvalues=eigen.values,
        right=eigen.right,
        left=eigen.left,
        condition_numbers=eigen.condition,
        verdicts=judge(eigen.values, eigen.condition, norms, kinked),
        dt=system.dt,
        alpha=system.alpha,
        provenance=Provenance.of(system),
    )


def judge(values: np.ndarray, condition: np.ndarray, norms: np.ndarray, kinked: np.ndarray) -> np.ndarray:
    """The verdict on each point from its eigenvalues, their condition numbers and the norm of its Jacobian.

    At a kink of the map the one-sided spectra may differ: undetermined.
    """
    verdicts = np.full(len(values), "undetermined", dtype="<U12")
    for i, modulus in enumerate(np.abs(values)):
        if np.isnan(modulus).any() or kinked[i]:
            continue
        doubt = np.maximum(MARGIN, 10 * np.finfo(float).eps * norms[i] * condition[i])
        near = np.abs(modulus - 1) <= doubt
        if (modulus[~near] > 1).any():
            verdicts[i] = "unstable"
        elif not near.any():
            verdicts[i] = "stable"
        elif condition[i][near].max() < 1e6:
            verdicts[i] = "marginal"
    return verdicts


def count_unstable(eigenvalues: np.ndarray, verdicts: np.ndarray) -> np.ma.MaskedArray:
    """How many eigenvalues lie outside the unit circle; masked where the verdict is undetermined."""
    outside = (np.abs(eigenvalues) > 1 + MARGIN).sum(axis=1)
    return np.ma.array(outside, mask=verdicts == "undetermined")
