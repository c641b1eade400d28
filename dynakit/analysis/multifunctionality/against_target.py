"""How an attractor compares with the target it should be: kind, curve, direction, period; of chaos, cloud and exponent.

A trajectory is never compared with its target point by point: a rotation number that is off by a thousandth has
slipped by a whole turn after a thousand turns, and the orbit is no worse for it.  Curves are compared as sets, by the
Hausdorff distance of the invariant curve itself, not of samples of it, relative to the radius of the target.  Clouds
are compared by the 99th percentile of the distance to the other cloud's nearest point, both ways, and set beside the
same number between the two halves of the reference: two samples of one attractor are not at distance zero either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from ...orbits import Orbit
from ...systems.base import System
from ..cycles import LimitCycles
from ..exponents import lyapunov_spectrum

ON_CURVE = 2048  # points of a curve
CLOUD_STEPS = 8192  # of a chaotic attractor
EXPONENT_STEPS = 5000  # over which its exponent is averaged
TURNS, LONGEST_PATH = 4, 4096  # of an orbit whose direction is looked at
FAR_QUANTILE = 0.99
CLEAR = 0.2  # least share of a vote about the direction
AS_KINDS = {
    "cycle": ("invariant circle", "periodic", "limit cycle"),
    "chaos": ("chaotic",),
    "fixed point": ("fixed point",),
}


class Seen(NamedTuple):
    """An attractor as its outputs show it."""

    kind: str
    points: np.ndarray  # (point, output)  the curve, the point, or a cloud
    closed: bool  # whether the points are joined, each to the next
    path: np.ndarray  # (step, output)  a trajectory on it
    period_steps: float  # of one revolution; NaN: none
    rotation_number: float  # turns per step, signed; NaN: none
    exponents: np.ndarray  # (k,)  nats per step

    @property
    def centre(self) -> np.ndarray:
        """The mean, (output,)."""
        return self.points.mean(axis=0)

    @property
    def distances(self) -> np.ndarray:
        """(point,) from the centre."""
        return np.linalg.norm(self.points - self.centre, axis=1)


def seen(system: System, cycles: LimitCycles, k: int) -> Seen:
    """Object k, looked at from outside."""
    kind, state = str(cycles.kinds[k]), cycles.states[k]
    period = float(cycles.periods[k]) if kind in AS_KINDS["cycle"] else np.nan
    exponents, rho = cycles.exponents[k], float(cycles.rotation_numbers[k])
    if cycles.dynamics == "flow":
        assert system.dt is not None  # a flow has one
        period, exponents, rho = period / system.dt, exponents * system.dt, rho * system.dt
    n = CLOUD_STEPS if kind in ("chaotic", "unresolved", "slow") else 1
    n = int(np.clip(TURNS * period, 64, LONGEST_PATH)) if np.isfinite(period) else n
    path = system.observe(system.trajectory(state, n)).cpu().numpy()
    if kind == "periodic":
        points, closed = _joined(cycles, k, rho), True
        period = 1 / abs(rho) if np.isfinite(rho) and rho else period
    elif cycles.harmonics[k]:
        points, closed = cycles.output_curve(np.arange(ON_CURVE) / ON_CURVE, k), True
    else:
        points, closed = (cycles.outputs[[k]] if kind == "fixed point" else path), False
    return Seen(kind, points, closed, path, period, rho, exponents)


def _joined(cycles: LimitCycles, k: int, rho: float) -> np.ndarray:
    """The curve through a cycle of a map: its points in the order of their phase, interpolated."""
    y = cycles.output_orbits[k]
    y = y[np.isfinite(y).all(axis=1)]
    turns = round(rho * len(y)) if np.isfinite(rho) else 1
    y = y[np.argsort(np.arange(len(y)) * turns % len(y), kind="stable")]
    waves = np.fft.rfft(y, axis=0) / len(y)
    if len(y) % 2 == 0:
        waves[-1] /= 2  # its other half is the conjugate
    return np.fft.irfft(waves, ON_CURVE, axis=0) * ON_CURVE


class Comparison(NamedTuple):
    """One attractor against one target."""

    kind_fits: bool
    error: float  # Hausdorff distance / radius of the target (of a fixed point / 1); of clouds the larger quantile
    roundness: float  # (largest - smallest distance from the centre) / largest
    period_ratio: float  # period / that of the target; NaN: either has none
    sense: int  # +1 along the target, -1 against it, 0: cannot be told
    cloud: tuple[float, float]  # attractor -> reference, reference -> attractor; NaN: not chaos
    baseline: float  # reference -> reference
    exponent_difference: float  # of the largest, per unit of time; NaN: not known


def compare(item: Seen, target: Orbit, exponent: Callable[[], float]) -> Comparison:
    """An object against a target; its largest exponent per step is asked for where it decides."""
    fits = item.kind in AS_KINDS[target.kind]
    spread = item.distances
    round_ = float(np.ptp(spread) / spread.max()) if spread.max() > 0 else 0.0
    nothing = (np.nan, np.nan)
    if target.kind == "chaos":
        cloud, baseline = _clouds(item.path, target.samples)
        wanted = target.exponent if fits else None
        gap = np.nan if wanted is None else exponent() / target.dt - wanted
        return Comparison(fits, max(cloud) / target.radius, round_, np.nan, 0, cloud, baseline, gap)
    closed = target.kind == "cycle"
    curve = target.curve(ON_CURVE) if closed else target.samples
    error = max(_distance(item.points, curve, closed), _distance(curve, item.points, item.closed))
    error /= target.radius or 1.0
    ratio, sense = np.nan, 0
    if closed and fits:
        assert target.period_steps is not None
        ratio, sense = _ratio(item, target.period_steps), _sense(item.path, target, curve)
    return Comparison(fits, error, round_, ratio, sense, nothing, np.nan, np.nan)


def _distance(points: np.ndarray, curve: np.ndarray, closed: bool) -> float:
    """The largest distance of points from a curve, which is a closed polygon or only its corners."""
    d, j = KDTree(curve).query(points)
    if closed and len(curve) > 1:
        near = curve[j]
        for other in (curve[(j + 1) % len(curve)], curve[j - 1]):
            along = other - near
            t = ((points - near) * along).sum(1) / np.maximum((along**2).sum(1), 1e-300)
            d = np.minimum(d, np.linalg.norm(points - near - np.clip(t, 0, 1)[:, None] * along, axis=1))
    return float(d.max())


def _ratio(item: Seen, wanted: float) -> float:
    """A cycle of a map that does not wind may have gone around several times in its period."""
    if np.isfinite(item.rotation_number):
        return item.period_steps / wanted
    return item.period_steps / max(1, round(item.period_steps / wanted)) / wanted


def _sense(path: np.ndarray, target: Orbit, curve: np.ndarray) -> int:
    """Whether each step goes the way the target does from its nearest point, or the way it came."""
    if target.n_outputs < 2 or len(path) < 3:
        return 0
    assert target.period_steps is not None
    phase = KDTree(curve).query(path[:-1])[1] / len(curve)
    here, step = target(phase), np.diff(path, axis=0)
    ways = [target(phase + sign / target.period_steps) - here for sign in (1, -1)]
    ahead, back = (float(((step - way) ** 2).sum()) for way in ways)
    vote = (back - ahead) / (back + ahead) if back + ahead > 0 else 0.0
    return int(np.sign(vote)) if abs(vote) >= CLEAR else 0


def _clouds(path: np.ndarray, samples: np.ndarray) -> tuple[tuple[float, float], float]:
    half = len(samples) // 2
    between = (_far(samples[:half], samples[half:]), _far(samples[half:], samples[:half]))
    return (_far(path, samples), _far(samples, path)), max(between)


def _far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.quantile(KDTree(b).query(a)[0], FAR_QUANTILE))


def largest_exponent(system: System, state: np.ndarray) -> float:
    """Per step, along the way from a state."""
    found = lyapunov_spectrum(system, state, n_steps=EXPONENT_STEPS, n_exponents=1)
    return float(found.exponents[0, 0])
