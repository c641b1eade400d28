"""Orbits to be held together: may one network with fixed weights keep several attractors, chosen by a cue?

Multifunctionality of a recurrent network is multistability of its closed loop: after a cue of points of one
orbit the network hears its own output, and is to go on along that orbit for ever.

References: Flynn, Tsachouridis and Amann 2021, Chaos 31, 013125 (multifunctionality); Flynn, Heilmann, Koeglmayr,
Tsachouridis, Raeth and Amann 2022, arXiv:2205.11375, and Flynn, Tsachouridis and Amann 2023, Chaos 33, 113115
(two circles of opposite direction, "seeing double"); Lorenz 1963; Roessler 1976.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import torch
from scipy.spatial import KDTree

from .. import checks, seeding
from ..errors import InputError
from ..orbits import Orbit, as_orbits
from ..surroundings import in_own_surroundings
from .arrays import explained_variance
from .base import Task
from .chaos import FLOWS, standardised
from .evidence import balanced
from .timing import noisy
from .trials import Trials

NEAR = 0.1  # of an orbit's radius: how far an output may be from a point of it
TURN = 2 * np.pi
MOST_NAMED = 4  # orbits in a representation


@dataclass(frozen=True)
class Cycles(Task):
    """Predict the next point of one of several orbits; the orbits are then to live on in the closed loop.

    A trial is a stretch of one orbit from a random phase, every orbit equally often: inputs are its points y_t,
    with noise, and targets the points y_{t+1} without.  The first ``grace`` steps count neither in the loss nor
    in the score, since one point does not say which of two crossing orbits it belongs to.

    The score is R^2 of one-step prediction, clipped to 0..1.  It is no evidence of stored attractors: four
    cycles on one circle are predicted almost perfectly by networks whose closed loop holds none of them.  Close
    the loop to see: cue ``dynakit.ClosedLoop(dynakit.as_system(model))`` by ``.drive`` along :meth:`cue`.

    :func:`dynakit.analyze` scores the open loop and asks all else of the closed one: which orbits it holds, what else
    it holds, its fixed points and exponents.  There are no pulses, because a cue is a movement, not a constant input,
    and does not hit a network at rest.

    Args:
        orbits: one or more :class:`dynakit.Orbit` of one width; None: :meth:`seeing_double`.
        dt: time of one step for all orbits; None: each orbit's own.
        n_steps: length of a trial, in steps.
        cue_steps: length of a cue, in steps.
        noise: standard deviation of the noise on the inputs.
        grace: steps at the start of a trial that do not count.

    Raises:
        InputError: orbits differ in width or share a name, a cue is longer than a trial, a chaotic orbit has
            fewer samples than a trial, or a parameter is out of its range.

    >>> task = Cycles.seeing_double(radius=1.0)
    >>> task
    Cycles('A', 'B', dt=0.2, n_steps=100, cue_steps=60, grace=5)
    >>> task.sample(8)
    Trials(8 trials, 100 steps, 2 inputs, 2 outputs)
    >>> {name: cue.shape for name, cue in task.cues().items()}
    {'A': (60, 2), 'B': (60, 2)}
    """

    orbits: tuple[Orbit, ...] | None = None
    dt: float | None = None
    _: KW_ONLY
    n_steps: int = 100
    cue_steps: int = 60
    noise: float = 0.0
    grace: int = 5

    def __post_init__(self) -> None:
        orbits = _two_circles(0.0, 5.0, 0.2) if self.orbits is None else as_orbits("orbits", self.orbits)
        if self.dt is not None:
            orbits = tuple(orbit.at(self.dt) for orbit in orbits)
        object.__setattr__(self, "orbits", orbits)
        checks.count("n_steps", self.n_steps)
        checks.count("cue_steps", self.cue_steps)
        checks.count("grace", self.grace, least=0, most=self.n_steps - 1)
        checks.number("noise", self.noise, above=0)
        if self.cue_steps > self.n_steps:
            raise InputError(
                f"cue_steps must be at most n_steps = {self.n_steps}: a cue is the beginning of a trial, "
                f"got {self.cue_steps}"
            )
        for orbit in orbits:
            if orbit.kind == "chaos" and len(orbit.samples) <= self.n_steps:
                raise InputError(
                    f"n_steps must be less than the {len(orbit.samples)} samples of {orbit.name!r}, "
                    f"got {self.n_steps}"
                )

    @classmethod
    def seeing_double(cls, x_cen: float = 0.0, radius: float = 5.0, dt: float = 0.2, **settings: Any) -> Self:
        """Two circles of opposite direction with centres (+-x_cen, 0); at x_cen = 0 they are the same points.

        At time t, with angular speed 1, A is (x_cen + R cos t, R sin t), anticlockwise, and B is
        (-x_cen - R cos t, R sin t), clockwise from the far side.  ``settings`` are those of the class.
        """
        x_cen = checks.number("x_cen", x_cen)
        return cls(
            _two_circles(x_cen, checks.number("radius", radius, above=0, closed=False), dt), **settings
        )

    @classmethod
    def on_one_circle(
        cls,
        directions: Sequence[int] = (1, -1),
        speeds: Sequence[float] = (1.0, 2.0),
        radius: float = 1.0,
        dt: float = 0.2,
        **settings: Any,
    ) -> Self:
        """One orbit for each direction (+1 anticlockwise, -1 clockwise) at each speed, all on one circle.

        ``speeds`` are in radians per unit of time; every orbit starts at (radius, 0).
        """
        radius = checks.number("radius", radius, above=0, closed=False)
        words = {1: "anticlockwise", -1: "clockwise"}
        orbits = []
        for speed, direction in itertools.product(speeds, directions):
            period = TURN / checks.number("speeds", speed, above=0, closed=False)
            name = f"{words[checks.one_of('directions', direction, words)]}, speed {speed:g}"
            orbits.append(_ellipse(name, radius, direction * radius, period=period, dt=dt))
        return cls(tuple(orbits), **settings)

    @classmethod
    def shapes(cls, dt: float = 0.2, **settings: Any) -> Self:
        """A circle, a slower figure-eight and a faster ellipse of opposite direction, one over the other."""

        def eight(p: np.ndarray) -> list[np.ndarray]:
            return [np.sin(TURN * p), 0.8 * np.sin(2 * TURN * p)]

        orbits = (
            _ellipse("circle", 1.0, 1.0, period=TURN, dt=dt),
            Orbit.cycle("figure-eight", eight, period=TURN / 0.7, dt=dt),
            _ellipse("ellipse", 1.2, -0.6, period=TURN / 1.6, dt=dt),
        )
        return cls(orbits, **settings)

    @classmethod
    def lorenz_rossler(cls, n_samples: int = 10_000, **settings: Any) -> Self:
        """The attractors of Lorenz (every 0.03) and Rössler (every 0.2), standardised to one box: they overlap.

        Each coordinate has mean 0 and standard deviation 0.5.
        """
        n = checks.count("n_samples", n_samples, least=2)
        orbits = tuple(
            Orbit.chaos(name, standardised(name, dt, n), dt=dt, exponent=FLOWS[name].exponent)
            for name, dt in {"Lorenz": 0.03, "Rössler": 0.2}.items()
        )
        return cls(orbits, **settings)

    def __repr__(self) -> str:
        """The names of the orbits and the settings, on one line."""
        names = [repr(orbit.name) for orbit in self._orbits]
        rest = len(names) - MOST_NAMED
        shown = [*names[:MOST_NAMED], f"and {rest} more"] if rest > 0 else names
        steps = sorted({orbit.dt for orbit in self._orbits})
        dt = f"{steps[0]:g}" if len(steps) == 1 else f"{steps[0]:g} to {steps[-1]:g}"
        said = {"dt": dt, "n_steps": self.n_steps, "cue_steps": self.cue_steps, "grace": self.grace}
        said |= {"noise": f"{self.noise:g}"} if self.noise else {}
        return f"Cycles({', '.join(shown)}, {', '.join(f'{name}={value}' for name, value in said.items())})"

    @property
    def _orbits(self) -> tuple[Orbit, ...]:
        assert self.orbits is not None  # since __post_init__
        return self.orbits

    @property
    def n_inputs(self) -> int:
        """The width of the orbits."""
        return self._orbits[0].n_outputs

    @property
    def n_outputs(self) -> int:
        """The width of the orbits: what comes out may be fed back."""
        return self._orbits[0].n_outputs

    def cue(self, orbit: str, phase: Any = 0.0) -> np.ndarray:
        """``cue_steps`` points of the orbit so named from ``phase``: (step, output) or (trial, step, output)."""
        by_name = {o.name: o for o in self._orbits}
        return by_name[checks.one_of("orbit", orbit, by_name)].sample(self.cue_steps, phase)

    def cues(self, phase: Any = 0.0) -> dict[str, np.ndarray]:
        """:meth:`cue` of every orbit, by name."""
        return {orbit.name: self.cue(orbit.name, phase) for orbit in self._orbits}

    @in_own_surroundings
    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        """Draw trials; conditions: the name of the ``"orbit"``, and its ``"phase"`` at the first step, 0 to 1."""
        seed, n_trials = seeding.as_seed(seed), checks.count("n_trials", n_trials)
        rng = [seeding.stream(seed, "cycles", name) for name in ("orbits", "phases", "noise")]
        which = balanced(n_trials, len(self._orbits), rng[0])
        phases = rng[1].random(n_trials)
        points = np.empty((n_trials, self.n_steps + 1, self.n_outputs), dtype=np.float32)
        for k, orbit in enumerate(self._orbits):
            points[which == k] = orbit.sample(self.n_steps + 1, phases[which == k])
        counted = torch.ones(n_trials, self.n_steps, self.n_outputs)
        counted[:, : self.grace] = 0
        return Trials(
            noisy(points[:, :-1].copy(), self.noise, rng[2]),
            torch.from_numpy(points[:, 1:]),
            counted,
            {"orbit": np.array([orbit.name for orbit in self._orbits])[which], "phase": phases},
        )

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Right within a tenth of the smallest orbit's radius, in every output by itself."""
        sizes = [orbit.radius for orbit in self._orbits if orbit.kind != "fixed point"]
        return (outputs - targets).abs() <= NEAR * min(sizes, default=1.0)

    def score(self, outputs: Any, trials: Trials) -> float:
        """R^2 of one-step prediction where the mask is 1, clipped to 0..1; raises as :meth:`Task.score`."""
        super().score(outputs, trials)
        return explained_variance(outputs, trials)

    def decode(self, outputs: Any) -> np.ndarray:
        """The only orbit that passes within a tenth of its radius, one name per row of outputs (..., output).

        ``"?"`` where none does, or several do: a point where orbits cross does not say on which of them it is.
        """
        y = checks.reals("outputs", outputs, (..., self.n_outputs), finite=False)
        near = np.zeros((len(self._orbits), y[..., 0].size), dtype=bool)
        rows = y.reshape(-1, self.n_outputs)
        finite = np.isfinite(rows).all(axis=1)
        for k, orbit in enumerate(self._orbits):
            distance = KDTree(orbit.curve()).query(rows[finite])[0]
            near[k, finite] = distance <= NEAR * (orbit.radius or 1.0)
        names = np.array([orbit.name for orbit in self._orbits])[near.argmax(axis=0)]
        return np.where(near.sum(axis=0) == 1, names, "?").reshape(y.shape[:-1])


def _ellipse(name: str, a: float, b: float, *, period: float, dt: float, x_cen: float = 0.0) -> Orbit:
    """(x_cen + a cos, b sin) of the phase."""

    def curve(p: np.ndarray) -> list[np.ndarray]:
        return [x_cen + a * np.cos(TURN * p), b * np.sin(TURN * p)]

    return Orbit.cycle(name, curve, period=period, dt=dt)


def _two_circles(x_cen: float, radius: float, dt: float) -> tuple[Orbit, ...]:
    return (
        _ellipse("A", radius, radius, period=TURN, dt=dt, x_cen=x_cen),
        _ellipse("B", -radius, radius, period=TURN, dt=dt, x_cen=-x_cen),
    )
