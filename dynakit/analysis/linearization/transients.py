"""How far a network is from normal, and what that lets it do for a while.

A matrix whose eigenvectors are orthogonal (J J^T = J^T J) does what its eigenvalues say; any other can amplify a
disturbance for a while although all its modes decay (Trefethen and Embree 2005; Murphy and Miller 2009 in cortex).
Measured are

    Henrici's index     |N| / |J|, N the strictly upper part of the Schur form (Henrici 1962): 0 normal, 1 nilpotent
    numerical radius    max |x^H J x| over |x| = 1: above the spectral radius if not normal
    transient growth    max over t of |J^t|: the most a disturbance ever grows, and after how many steps
    stability radius    min over |z| = 1 of the smallest singular value of z I - J: the smallest change of J that
                        puts an eigenvalue onto the unit circle (Van Loan 1985)

Of a flow, J is the Jacobian of the right-hand side: exp(J t) takes the place of J^t, the imaginary axis that of the
circle, and the numerical abscissa max Re x^H J x, the fastest growth at first, that of the radius.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import torch

from ... import linalg
from ...checks import count
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...systems.rest import dynamics_of
from ...wording import counted
from .linearization import known_linear_part
from .points import states_and_drives
from .verdict import expanding, line_distance

ANGLES = 24  # at which the numerical range is looked at first
FIRST, RATIO = (
    1e-2,
    1.1,
)  # times at which exp(J t) is looked at: the first, times |J|, and each to the one before


@dataclass(frozen=True, kw_only=True, repr=False)
class NonNormality(Result):
    """Departure from normality of the Jacobian at each point; NaN where it is not finite.

    Attributes:
        states: (point, unit) the states looked at
        drives: (point, input) the constant input at each
        henrici: (point,) Henrici's index, 0 (normal) to 1 (nilpotent)
        spectral_radii: (point,) max |lambda| of a map; NaN of a flow
        spectral_abscissae: (point,) max Re mu of a flow, per unit time; NaN of a map
        numerical_radii: (point,) max |x^H J x| over |x| = 1 of a map; NaN of a flow
        numerical_abscissae: (point,) of a flow, max Re x^H J x, the fastest growth at first, per time; NaN of a map
        norms: (point,) largest singular value of J; of a map the most a disturbance grows in one step
        growth: (point,) max over t >= 0 of |J^t|, of a flow |exp(J t)|; infinite where a mode grows or it overflows
        growth_steps: (point,) of a map the t of that maximum; -1 where it is infinite, and of a flow
        growth_times: (point,) the t of that maximum in steps, of a flow in time units; infinite where there is none
        settled: (point,) no later t can have more: the norm has come down to 1
        stability_radii: (point,) norm of the smallest change of J that puts an eigenvalue on the line of stability
        dynamics: "map" or "flow"
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    henrici: np.ndarray = per_item()
    spectral_radii: np.ndarray = per_item()
    spectral_abscissae: np.ndarray = per_item()
    numerical_radii: np.ndarray = per_item()
    numerical_abscissae: np.ndarray = per_item()
    norms: np.ndarray = per_item()
    growth: np.ndarray = per_item()
    growth_steps: np.ndarray = per_item()
    growth_times: np.ndarray = per_item()
    settled: np.ndarray = per_item()
    stability_radii: np.ndarray = per_item()
    dynamics: str = "map"

    def headline(self) -> str:
        if not len(self):
            return "0 points"
        reach, name = (self.numerical_radii, "radius")
        if self.dynamics == "flow":
            reach, name = (self.numerical_abscissae, "abscissa")
        return (
            f"{counted(len(self), 'point')} of a {self.dynamics}, Henrici index {_span(self.henrici)}, "
            f"transient growth {_span(self.growth)}, numerical {name} {_span(reach)}"
        )


def _span(values: np.ndarray) -> str:
    if np.isnan(values).all():
        return "unknown"
    low, high = (f"{v:.3g}" for v in (np.nanmin(values), np.nanmax(values)))
    return low if low == high else f"{low} to {high}"


@with_provenance
def nonnormality(system: System, points: Any, drive: Any = None, *, n_steps: int = 1000) -> NonNormality:
    """How far the Jacobian at each point is from normal, and how much a disturbance may grow before it decays.

    Arguments:
        system: the map or the flow.
        points: states (..., unit), axes flattened, or a result that has ``states``, such as FixedPoints, which brings
            its own drives.
        drive: the constant input, (input,) or (point, input), of bare states; None is zero input.
        n_steps: most powers of J to look at, of a flow most times t, each a tenth later than the one before.  Where
            the norm is still above 1 then, ``settled`` is False and ``growth`` the largest found.

    Raises:
        InputError: for a discontinuous map, or points and drives that do not fit the system.

    >>> import dynakit as dk, numpy as np
    >>> feedforward = dk.catalog.linear(2 * np.eye(4, k=1))  # a chain of four units, each hands on twice what it gets
    >>> chain = dk.nonnormality(feedforward, np.zeros((1, 4)))
    >>> chain.henrici.tolist(), chain.growth.round(9).tolist(), chain.growth_steps.tolist()
    ([1.0], [8.0], [3])
    """
    n_steps = count("n_steps", n_steps)
    x, u = states_and_drives(system, points, drive, "a Jacobian")
    dynamics = dynamics_of(system)
    measures = _of_map if dynamics == "map" else _of_flow
    with linalg.one_thread(), torch.no_grad():
        matrices = known_linear_part(system, x, u).cpu().numpy()
        rows = [
            (henrici_index(J), *measures(J, n_steps)) if np.isfinite(J).all() else _unknown()
            for J in matrices
        ]
    columns = np.array(rows, float).reshape(len(x), len(MEASURES)).T
    table: dict[str, Any] = dict(zip(MEASURES, columns))
    return NonNormality(
        states=x.numpy(force=True),
        drives=u.numpy(force=True),
        **{name: column for name, column in table.items() if name not in ("growth_steps", "settled")},
        growth_steps=table["growth_steps"].astype(int),
        settled=table["settled"].astype(bool),
        dynamics=dynamics,
    )


MEASURES = (
    "henrici",
    "spectral_radii",
    "spectral_abscissae",
    "numerical_radii",
    "numerical_abscissae",
    "norms",
    "growth",
    "growth_steps",
    "growth_times",
    "settled",
    "stability_radii",
)


def _unknown() -> tuple[float, ...]:
    return tuple({"growth_steps": -1.0, "settled": 0.0}.get(name, np.nan) for name in MEASURES)


def _of_map(J: np.ndarray, n_steps: int) -> tuple[float, ...]:
    values = linalg.eigvals(J)
    growth, at, settled = transient_growth(J, values, n_steps)
    return (
        float(np.abs(values).max(initial=0.0)),
        np.nan,
        numerical_radius(J),
        np.nan,
        float(np.linalg.norm(J, 2)),
        growth,
        at,
        at if np.isfinite(growth) else np.inf,
        settled,
        line_distance(J, values),
    )


def _of_flow(J: np.ndarray, n_steps: int) -> tuple[float, ...]:
    values = linalg.eigvals(J)
    growth, at, settled = transient_growth_along(J, values, n_steps)
    return (
        np.nan,
        float(np.real(values).max(initial=-np.inf)),
        np.nan,
        numerical_abscissa(J),
        float(np.linalg.norm(J, 2)),
        growth,
        -1,
        at,
        settled,
        line_distance(J, values, "flow"),
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


def numerical_abscissa(J: np.ndarray) -> float:
    """The largest eigenvalue of (J + J^T) / 2: the rate at which |exp(J t)| rises from 1 at t = 0."""
    return float(np.linalg.eigvalsh((J + J.T) / 2)[-1])


def transient_growth(J: np.ndarray, values: np.ndarray, n_steps: int) -> tuple[float, int, bool]:
    """max |J^t| over t = 0, 1, ..., the t of it, and whether no later power can be larger.

    Once |J^k| <= 1, t = m k + j gives |J^t| <= |J^k|^m |J^j|: the maximum is behind.  A power beyond the range of
    floating point ends the search: the maximum is infinite as far as can be told.
    """
    if expanding(values).any():
        return np.inf, -1, True
    peak, at, power = 1.0, 0, np.eye(len(J))
    for t in range(1, n_steps + 1):
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


def transient_growth_along(J: np.ndarray, values: np.ndarray, max_times: int) -> tuple[float, float, bool]:
    """max |exp(J t)| over t >= 0, the t of it, and whether no later t can have more: as :func:`transient_growth`."""
    if expanding(values, "flow").any():
        return np.inf, np.inf, True
    size = float(np.linalg.norm(J, 2))
    if numerical_abscissa(J) <= 1e-12 * size:
        return 1.0, 0.0, True

    def reach(t: float) -> float:
        return float(np.linalg.norm(scipy.linalg.expm(J * t), 2))

    peak, at, t = 1.0, 0.0, FIRST / size
    for _ in range(max_times):
        now = reach(t)
        if now > peak:
            peak, at = now, t
        if not now > 1:
            return *_refined(reach, peak, at), True
        t *= RATIO
    return *_refined(reach, peak, at), False


def _refined(reach: Callable[[float], float], peak: float, at: float) -> tuple[float, float]:
    best = scipy.optimize.minimize_scalar(
        lambda t: -reach(t), bounds=(at / RATIO, at * RATIO), method="bounded", options={"xatol": 1e-9 * at}
    )
    found = -float(best.fun)  # type: ignore[union-attr]
    return (found, float(best.x)) if found > peak else (peak, at)  # type: ignore[union-attr]
