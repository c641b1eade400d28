"""What a network shall hold: a target orbit, known before any network is trained.

A cycle of period T is kept as samples of one revolution at even steps of phase, and evaluated anywhere by
trigonometric interpolation,

    y(p) = sum_k c_k exp(2 pi i k p),    c = FFT(samples) / n,

which is exact for trigonometric polynomials of degree < n/2 (Zygmund 1959, ch. X).  The phase p is in
revolutions.  A network that follows the cycle in steps of dt advances by the rotation number dt / T per step.
A chaotic target is a long stretch of a trajectory and its largest Lyapunov exponent; a fixed point is one point.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch

from . import checks, linalg
from .errors import InputError
from .records import Record

KINDS = ("cycle", "chaos", "fixed point")
KNOTS = (65, 257, 1025, 4097)  # odd: no harmonic is cut in half
SMOOTH = 1e-12  # what interpolation between the knots may miss, relative to the size of the curve
NEGLIGIBLE = 1e-15  # harmonics below this share of the largest are not evaluated
MOST_HARMONICS = 32  # fitted to a recorded series
FINE = 4096  # points on which winding and size are read off


@dataclass(frozen=True, eq=False, repr=False)
class Orbit(Record):
    """A target: a cycle, a chaotic attractor or a fixed point in the space of outputs.

    Build one with :meth:`cycle`, :meth:`recorded`, :meth:`chaos` or :meth:`fixed_point`.

    Args:
        name: what the orbit is called in results.
        samples: (time, output); of a cycle, one revolution at even steps of phase; of chaos, a trajectory
            sampled every ``dt``; of a fixed point, one row.
        kind: "cycle", "chaos" or "fixed point".
        dt: time of one step of the network.
        period: time of one revolution (cycles only).
        exponent: the largest Lyapunov exponent per unit of time, where known (chaos only).

    Raises:
        InputError: an argument is out of its range, or does not belong to the kind.

    >>> circle = Orbit.cycle("A", lambda p: [np.cos(2 * np.pi * p), np.sin(2 * np.pi * p)], period=6.0, dt=0.2)
    >>> circle
    Orbit('A', cycle, 2 outputs, 30 steps a revolution, anticlockwise)
    >>> circle(0.125).round(3).tolist(), round(circle.rotation_number, 6)
    ([0.707, 0.707], 0.033333)
    """

    name: str
    samples: np.ndarray
    _: KW_ONLY
    kind: str = "cycle"
    dt: float
    period: float | None = None
    exponent: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"name must be a text that is not empty, got {self.name!r}")
        checks.one_of("kind", self.kind, KINDS)
        checks.number("dt", self.dt, above=0, closed=False)
        samples = checks.reals("samples", self.samples, ("time", "output"))
        if not samples.shape[1]:
            raise InputError(f"samples must have at least one output, got shape {samples.shape}")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)
        self._check_kind()

    def _check_kind(self) -> None:
        fewest = {"cycle": 3, "chaos": 2, "fixed point": 1}[self.kind]
        n = len(self.samples)
        if n < fewest or (self.kind == "fixed point" and n > 1):
            exactly = "exactly" if self.kind == "fixed point" else "at least"
            raise InputError(f"samples of a {self.kind} must be {exactly} {fewest}, got {n}")
        if (self.period is None) == (self.kind == "cycle"):
            raise InputError(f"a {self.kind} must have {'a' if self.period is None else 'no'} period")
        if self.exponent is not None:
            checks.number("exponent", self.exponent, above=0, closed=False)
            if self.kind != "chaos":
                raise InputError(f"exponent belongs to chaos, got {self.exponent:g} for a {self.kind}")
        if self.period is not None:
            checks.number("period", self.period, above=0, closed=False)
            if self.period <= 2 * self.dt:
                raise InputError(
                    f"period must be more than two steps of dt = {self.dt:g}, for less shows no direction, "
                    f"got {self.period:g}"
                )
        if self.kind != "fixed point" and not np.ptp(self.samples, axis=0).any():
            raise InputError(f"samples of a {self.kind} must move, but all {n} are the same point")

    @classmethod
    def cycle(cls, name: str, curve: Callable[[np.ndarray], Any] | Any, *, period: float, dt: float) -> Orbit:
        """A cycle from ``curve``: a function of the phase, or samples of exactly one revolution.

        The function maps phases (point,) in revolutions to (output, point); samples are (time, output) at even
        steps of phase.  Raises InputError for fewer than three samples, or for a function too rough.
        """
        if not callable(curve):
            return cls(name, curve, dt=dt, period=period)
        for n in KNOTS:
            orbit = cls(name, _values(curve, np.arange(n) / n), dt=dt, period=period)
            between = (np.arange(n) + 0.5) / n
            missed = float(np.abs(orbit(between) - _values(curve, between)).max())
            if missed <= SMOOTH * np.abs(orbit.samples).max():
                return orbit
        raise InputError(
            f"curve must be smooth and of period 1 in its phase, but interpolation from {KNOTS[-1]} points "
            f"misses it by {missed:.2g}; give samples of one revolution instead"
        )

    @classmethod
    def recorded(cls, name: str, series: Any, *, dt: float, period: float) -> Orbit:
        """A cycle from a recorded ``series`` (time, output), sampled every ``dt``, of known ``period``.

        Least squares over all samples give at most 32 harmonics.  Raises InputError for less than a revolution.
        """
        values = checks.reals("series", series, ("time", "output"))
        dt = checks.number("dt", dt, above=0, closed=False)
        period = checks.number("period", period, above=0, closed=False)
        turns = len(values) * dt / period
        if turns < 1 - 1e-9:
            raise InputError(
                f"series must cover at least one revolution, got {len(values)} samples every {dt:g}, "
                f"{turns:.3g} of a period of {period:g}"
            )
        n_harmonics = min(MOST_HARMONICS, max(1, (math.floor(period / dt + 1e-9) - 1) // 2))
        basis = _waves(np.arange(len(values)) * dt / period, n_harmonics)
        gram = torch.from_numpy(basis.T @ basis).expand(values.shape[1], -1, -1)
        fitted, solved = linalg.solve(gram, torch.from_numpy(values.T @ basis))
        if not bool(solved.all()):
            raise InputError(
                f"series does not determine a cycle of period {period:g}; record it more densely"
            )
        knots = np.arange(2 * n_harmonics + 1) / (2 * n_harmonics + 1)
        return cls(name, _waves(knots, n_harmonics) @ fitted.numpy().T, dt=dt, period=period)

    @classmethod
    def chaos(cls, name: str, series: Any, *, dt: float, exponent: float | None = None) -> Orbit:
        """A chaotic target from a long ``series`` (time, output) on it, sampled every ``dt``."""
        return cls(name, series, kind="chaos", dt=dt, exponent=exponent)

    @classmethod
    def fixed_point(cls, name: str, point: Any, *, dt: float = 1.0) -> Orbit:
        """A target that does not move: ``point`` (output,)."""
        return cls(name, checks.reals("point", point, ("output",))[None], kind="fixed point", dt=dt)

    def at(self, dt: float) -> Orbit:
        """The same orbit for a network whose steps take ``dt``; raises InputError for chaos sampled otherwise."""
        if self.kind == "chaos" and dt != self.dt:
            raise InputError(f"dt must be {self.dt:g}, at which {self.name!r} was sampled, got {dt!r}")
        return dataclasses.replace(self, dt=dt)

    @property
    def n_outputs(self) -> int:
        """Width of the orbit: values per point."""
        return self.samples.shape[1]

    @property
    def period_steps(self) -> float | None:
        """Steps of the network in one revolution; None unless it is a cycle."""
        return None if self.period is None else self.period / self.dt

    @property
    def rotation_number(self) -> float:
        """Revolutions per step, positive anticlockwise: 0 for a fixed point, NaN for chaos.

        A cycle that does not wind about its centre (see :attr:`winding`) has no sign: its number is positive.
        """
        if self.period is None:
            return 0.0 if self.kind == "fixed point" else math.nan
        return math.copysign(self.dt / self.period, self.winding or 1)

    @functools.cached_property
    def winding(self) -> int:
        """Anticlockwise turns about :attr:`centre` in one revolution.

        0 for what does not wind: a figure-eight, a cycle through its centre, outputs that are no plane.
        """
        if self.kind != "cycle" or self.n_outputs != 2:
            return 0
        arm = self.curve(FINE) - self.centre
        step = np.linalg.norm(arm - np.roll(arm, 1, axis=0), axis=1).max()
        if np.linalg.norm(arm, axis=1).min() <= step:
            return 0
        turns = (arm[:, 0] + 1j * arm[:, 1]) / (np.roll(arm[:, 0], 1) + 1j * np.roll(arm[:, 1], 1))
        return round(float(np.angle(turns).sum() / (2 * np.pi)))

    @property
    def direction(self) -> int:
        """+1 anticlockwise, -1 clockwise, 0 where :attr:`winding` is 0."""
        return (self.winding > 0) - (self.winding < 0)

    @property
    def centre(self) -> np.ndarray:
        """The mean over time, (output,)."""
        return self.samples.mean(axis=0)

    @functools.cached_property
    def radius(self) -> float:
        """The largest distance from :attr:`centre`: the unit in which errors of the orbit are measured."""
        return float(np.linalg.norm(self.curve(FINE) - self.centre, axis=1).max())

    @functools.cached_property
    def _harmonics(self) -> np.ndarray:
        """c_0, 2 c_1, 2 c_2, ... (harmonic, output): y = Re sum_k of these times exp(2 pi i k p)."""
        n = len(self.samples)
        waves = np.fft.rfft(self.samples, axis=0) / n
        waves[1 : (n + 1) // 2] *= 2  # all but the mean and, for even n, the highest
        size = np.abs(waves).max(axis=1)
        return waves[: int(np.flatnonzero(size > NEGLIGIBLE * size.max())[-1]) + 1]

    def __call__(self, phase: Any) -> np.ndarray:
        """The point at ``phase`` (in revolutions; of chaos, in lengths of the series): (..., output)."""
        p = np.mod(checks.reals("phase", phase, (...,), integers=True), 1.0)
        if self.kind != "cycle":
            return self.samples[np.minimum((p * len(self.samples)).astype(int), len(self.samples) - 1)]
        k = np.arange(len(self._harmonics))
        return np.real(np.exp(2j * np.pi * (p[..., None] * k)) @ self._harmonics)

    def curve(self, n_points: int = 1000) -> np.ndarray:
        """The whole orbit as ``n_points`` points at even steps of phase, (point, output); chaos: all samples."""
        n = checks.count("n_points", n_points)
        return self.samples if self.kind == "chaos" else self(np.arange(n) / n)

    def sample(self, n_steps: int, phase: Any = 0.0, *, dt: float | None = None) -> np.ndarray:
        """``n_steps`` points in steps of ``dt`` from ``phase``: a stretch to train or to cue a network with.

        Args:
            n_steps: length, in steps.
            phase: () or (trial,), in revolutions; of chaos, where in the series to begin, 0 to 1.
            dt: time of one step, if not the orbit's own.

        Returns:
            (time, output), or (trial, time, output).

        Raises:
            InputError: a chaotic series has fewer than ``n_steps`` samples, or another ``dt``.
        """
        if dt is not None:
            return self.at(dt).sample(n_steps, phase)
        n_steps = checks.count("n_steps", n_steps)
        p, steps = checks.reals("phase", phase, (...,), integers=True), np.arange(n_steps)
        if self.period is not None:
            return self(np.mod(p, 1.0)[..., None] + steps * (self.dt / self.period))
        if self.kind == "fixed point":
            return np.broadcast_to(self.samples[0], (*p.shape, n_steps, self.n_outputs)).copy()
        room = len(self.samples) - n_steps
        if room < 0:
            raise InputError(
                f"n_steps must be at most the {len(self.samples)} samples of {self.name!r}, got {n_steps}"
            )
        start = np.minimum((np.mod(p, 1.0) * (room + 1)).astype(int), room)
        return self.samples[start[..., None] + steps]

    def __repr__(self) -> str:
        parts = [repr(self.name), self.kind, f"{self.n_outputs} output{'s' * (self.n_outputs != 1)}"]
        if self.period_steps is not None:
            parts.append(f"{self.period_steps:.4g} steps a revolution")
            parts += {1: ["anticlockwise"], -1: ["clockwise"]}.get(self.direction, [])
        if self.exponent is not None:
            parts.append(f"exponent {self.exponent:g} per unit of time")
        return f"Orbit({', '.join(parts)})"


def as_orbits(name: str, value: Any) -> tuple[Orbit, ...]:
    """One or more orbits of one width and with names of their own, as a tuple; else InputError."""
    orbits = (value,) if isinstance(value, Orbit) else tuple(value) if isinstance(value, Iterable) else ()
    if not orbits or not all(isinstance(orbit, Orbit) for orbit in orbits):
        raise InputError(f"{name} must be one or more Orbits, got {value!r}")
    for k, orbit in enumerate(orbits):
        if orbit.n_outputs != orbits[0].n_outputs:
            raise InputError(
                f"{name} must be of one width, but {orbits[0].name!r} has {orbits[0].n_outputs} outputs and "
                f"{orbit.name!r} has {orbit.n_outputs}"
            )
        if orbit.name in {other.name for other in orbits[:k]}:
            raise InputError(f"{name} must have names of their own, but {orbit.name!r} is there twice")
    return orbits


def _values(curve: Callable[[np.ndarray], Any], phases: np.ndarray) -> np.ndarray:
    """What ``curve`` says at ``phases`` (point,), as (point, output)."""
    said = curve(phases)
    try:
        rows = [checks.reals("curve", row, finite=False, integers=True) for row in said]
        return np.stack([np.broadcast_to(row, phases.shape) for row in rows], axis=1)
    except (TypeError, ValueError):
        raise InputError(
            f"curve must return real numbers (output, point) for phases (point,), got {type(said).__name__} "
            f"for {len(phases)} phases"
        ) from None


def _waves(phases: np.ndarray, n_harmonics: int) -> np.ndarray:
    """1, cos 2 pi p, sin 2 pi p, cos 4 pi p, ... at each phase: (phase, 2 n_harmonics + 1)."""
    angles = 2 * np.pi * phases[:, None] * np.arange(1, n_harmonics + 1)
    return np.concatenate([np.ones((len(phases), 1)), np.cos(angles), np.sin(angles)], axis=1)
