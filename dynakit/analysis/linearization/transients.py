"""How far a network is from normal, and what that lets it do for a while.

A matrix whose eigenvectors are orthogonal (J J^T = J^T J) does what its eigenvalues say; any other can amplify a
disturbance for a while although all its modes decay (Trefethen and Embree 2005; Murphy and Miller 2009 in cortex).
Measured are

    Henrici's index     |N| / |J|, N the strictly upper part of the Schur form (Henrici 1962): 0 normal, 1 nilpotent
    numerical radius    max |x^H J x| over |x| = 1: above the spectral radius if not normal
    transient growth    max over t of |J^t|: the most a disturbance ever grows, and after how many steps
    stability radius    min over |z| = 1 of the smallest singular value of z I - J: the smallest change of J that
                        puts an eigenvalue onto the unit circle (Van Loan 1985)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import torch

from ... import linalg
from ...checks import count
from ...provenance import Provenance
from ...results import Result, per_item
from ...systems.base import System
from .linearization import known_jacobian
from .points import states_and_drives
from .verdict import circle_distance

ANGLES = 24  # at which the numerical range is looked at first


@dataclass(frozen=True, kw_only=True, repr=False)
class NonNormality(Result):
    """Departure from normality of the Jacobian at each point; NaN where it is not finite.

    Attributes:
        states: (point, unit)
        drives: (point, input)
        henrici: (point,) 0 (normal) to 1 (nilpotent)
        spectral_radii: (point,)
        numerical_radii: (point,)
        norms: (point,) |J|: the most a disturbance grows in one step
        growth: (point,) max over t >= 0 of |J^t|; infinite where a mode grows or it overflows
        growth_steps: (point,) the t of that maximum; -1 where it is infinite
        settled: (point,) no later power can be larger: |J^t| has come down to 1
        stability_radii: (point,)
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    henrici: np.ndarray = per_item()
    spectral_radii: np.ndarray = per_item()
    numerical_radii: np.ndarray = per_item()
    norms: np.ndarray = per_item()
    growth: np.ndarray = per_item()
    growth_steps: np.ndarray = per_item()
    settled: np.ndarray = per_item()
    stability_radii: np.ndarray = per_item()

    def headline(self) -> str:
        if not len(self):
            return "0 points"
        return (
            f"{len(self)} points, Henrici index {_span(self.henrici)}, transient growth {_span(self.growth)}, "
            f"numerical radius {_span(self.numerical_radii)}"
        )


def _span(values: np.ndarray) -> str:
    if np.isnan(values).all():
        return "unknown"
    low, high = (f"{v:.3g}" for v in (np.nanmin(values), np.nanmax(values)))
    return low if low == high else f"{low} to {high}"


def nonnormality(system: System, points: Any, drive: Any = None, *, max_steps: int = 1000) -> NonNormality:
    """How far the Jacobian at each point is from normal, and how much a disturbance may grow before it decays.

    Arguments:
        system: the map.
        points: FixedPoints, SlowPoints or Modes, or states (point, unit), then with ``drive`` (input,) or
            (point, input).
        max_steps: most powers of J to look at.  Where |J^t| is still above 1 then, ``settled`` is False and ``growth``
            the largest found.

    Raises:
        InputError: for a discontinuous map, or points and drives that do not fit the system.

    >>> import dynakit as dk, numpy as np
    >>> feedforward = dk.catalog.linear(2 * np.eye(4, k=1))  # a chain of four units, each hands on twice what it gets
    >>> chain = dk.nonnormality(feedforward, np.zeros((1, 4)))
    >>> chain.henrici.tolist(), chain.growth.round(9).tolist(), chain.growth_steps.tolist()
    ([1.0], [8.0], [3])
    """
    max_steps = count("max_steps", max_steps)
    x, u = states_and_drives(system, points, drive, "a Jacobian")
    with linalg.one_thread(), torch.no_grad():
        rows = [_measures(J, max_steps) for J in known_jacobian(system, x, u).cpu().numpy()]
    table = np.array(rows, float).reshape(len(x), 8).T
    return NonNormality(
        states=x.numpy(force=True),
        drives=u.numpy(force=True),
        henrici=table[0],
        spectral_radii=table[1],
        numerical_radii=table[2],
        norms=table[3],
        growth=table[4],
        growth_steps=table[5].astype(int),
        settled=table[6].astype(bool),
        stability_radii=table[7],
        provenance=Provenance.of(system, max_steps=max_steps),
    )


def _measures(J: np.ndarray, max_steps: int) -> tuple[float, ...]:
    if not np.isfinite(J).all():
        return (*[np.nan] * 5, -1, 0, np.nan)
    values = linalg.eigvals(J)
    radius = float(np.abs(values).max(initial=0.0))
    growth = transient_growth(J, radius, max_steps)
    return (
        henrici_index(J),
        radius,
        numerical_radius(J),
        float(np.linalg.norm(J, 2)),
        *growth,
        circle_distance(J, values),
    )


def henrici_index(J: np.ndarray) -> float:
    """|strictly upper part of the Schur form| / |J|, both Frobenius; 0 for a zero matrix."""
    largest = np.abs(J).max(initial=0.0)
    if largest == 0:
        return 0.0
    unit = J / largest  # whose squares do not overflow
    form = scipy.linalg.schur(unit / np.linalg.norm(unit), output="complex")[0]
    return float(np.linalg.norm(np.triu(form, 1)))


def numerical_radius(J: np.ndarray) -> float:
    """max over angles of the largest eigenvalue of (e^{i a} J + its adjoint) / 2 (Horn and Johnson 1991, sec. 1.5).

    For a real matrix angles in [0, pi] suffice; the best of a grid is refined between its neighbours.
    """

    def reach(angle: float) -> float:
        turned = np.exp(1j * angle) * J
        return float(np.linalg.eigvalsh((turned + turned.conj().T) / 2)[-1])

    angles = np.linspace(0, np.pi, ANGLES)
    found = np.array([reach(a) for a in angles])
    best, width = angles[found.argmax()], np.pi / (ANGLES - 1)
    refined = scipy.optimize.minimize_scalar(
        lambda a: -reach(a), bounds=(best - width, best + width), method="bounded", options={"xatol": 1e-9}
    )
    return float(max(found.max(), -refined.fun))  # type: ignore[union-attr]


def transient_growth(J: np.ndarray, radius: float, max_steps: int) -> tuple[float, int, bool]:
    """max |J^t| over t = 0, 1, ..., the t of it, and whether no later power can be larger.

    Once |J^k| <= 1, t = m k + j gives |J^t| <= |J^k|^m |J^j|: the maximum is behind.  A power beyond the range of
    floating point ends the search: the maximum is infinite as far as can be told.
    """
    if radius > 1 + 1e-9:
        return np.inf, -1, True
    peak, at, power = 1.0, 0, np.eye(len(J))
    for t in range(1, max_steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            power = J @ power
        if not np.isfinite(power).all():
            return np.inf, -1, False
        size = float(np.linalg.norm(power, 2))
        if size > peak * (1 + 1e-12):
            peak, at = size, t
        if size <= 1:
            return peak, at, True
    return peak, at, False
