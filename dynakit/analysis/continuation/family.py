"""One-parameter families of maps, and the equation whose solutions are their branches of fixed points.

A fixed point at parameter mu solves G(z) = F(x; mu) - x = 0 with z = (x / c, nu): the scale c makes a change of all
units by their own size count as 1, and nu runs from 0 to 1 over the range of mu, so that no unit of measurement
decides how long a step along the branch is (Keller 1977, sec. 4; Govaerts 2000, sec. 2.3).

Of a flow, F(x; mu) is x + h f(x; mu), whose fixed points are its equilibria; its eigenvalues are those of df/dx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...systems.base import System
from ...systems.rest import AtRest, Blend, at_rest, dynamics_of
from ..linearization import eigenvalues

DIFFERENCE = float(np.finfo(float).eps ** (1 / 3))  # relative step of a central difference
MEMBERS = 8  # systems of a family that are kept at hand


class OneParameter:
    """x -> F(x; mu) with mu along ``knots``; a leg is the stretch between two of them, on which F is smooth in mu.

    Children say which system and which drive belong to a parameter, and how the map changes with it.
    """

    name = "parameter"
    straight = False  # is a branch a straight line between kinks?

    def __init__(self, like: System, knots: np.ndarray, scale: float) -> None:
        self.n, self.knots, self.c = like.state_size, knots, scale * np.sqrt(like.state_size)
        self.smooth, self.dynamics = like.regularity == "smooth", dynamics_of(like)
        self.start, self.length = float(knots[0]), float(knots[-1] - knots[0])
        self.marks = (knots - self.start) / self.length  # nu at each knot

    def member(self, mu: float, leg: int) -> tuple[System, np.ndarray]:
        """The system at ``mu`` and the constant input (input,) it runs under; the leg goes on beyond its ends."""
        raise NotImplementedError

    def _at(self, z: np.ndarray, leg: int) -> tuple[System, torch.Tensor, torch.Tensor]:
        """The system at z with the arguments of its private methods: these are called thousands of times."""
        x, mu = self.split(z)
        system, u = self.member(mu, leg)
        x, u = (torch.from_numpy(v)[None].to(system.device) for v in (x, u))
        return system, x, u

    def slope(self, z: np.ndarray, leg: int) -> np.ndarray:
        """dF/dmu (unit,), from within the leg."""
        raise NotImplementedError

    # --- in the coordinates z ---------------------------------------------------------------------------

    def join(self, x: np.ndarray, mu: float) -> np.ndarray:
        """z of a state and a parameter."""
        return np.append(x / self.c, (mu - self.start) / self.length)

    def split(self, z: np.ndarray) -> tuple[np.ndarray, float]:
        """State and parameter of z; exactly the knot where nu is that of one."""
        at = np.flatnonzero(self.marks == z[-1])
        mu = self.knots[at[0]] if len(at) else self.start + self.length * z[-1]
        return z[:-1] * self.c, float(mu)

    def residual(self, z: np.ndarray, leg: int) -> np.ndarray:
        """G(z) (unit,)."""
        system, x, u = self._at(z, leg)
        return as_numpy(system._step(x, u) - x)[0]

    def stillness(self, z: np.ndarray, leg: int) -> float:
        """max |F(x) - x|, of a flow max |f(x)|."""
        largest = float(np.abs(self.residual(z, leg)).max())
        return largest if self.dynamics == "map" else largest / self._pace(z, leg)

    def jacobian(self, z: np.ndarray, leg: int) -> np.ndarray:
        """dF/dx (unit, unit)."""
        system, x, u = self._at(z, leg)
        return as_numpy(system._jacobian(x, u))[0]

    def linear(self, z: np.ndarray, leg: int) -> np.ndarray:
        """dF/dx, or df/dx of a flow (unit, unit): what is stable is said of it."""
        system, x, u = self._at(z, leg)
        if self.dynamics == "flow" and isinstance(system, (AtRest, Blend)):
            return as_numpy(system.linear(x, u))[0]
        return as_numpy(system._jacobian(x, u))[0]

    def eigenvalues(self, z: np.ndarray, leg: int) -> np.ndarray:
        """The eigenvalues of :meth:`linear` (unit,), those nearest to instability first."""
        return eigenvalues(self.linear(z, leg), self.dynamics)

    # --- the line of stability: the unit circle of a map; of a flow 1 + i w, for eigenvalues of x + h f -------

    def on_line(self, w: float) -> complex:
        """The eigenvalue of dF/dx on the line of stability, w above the real axis: e^{i w} or 1 + i w."""
        return complex(np.exp(1j * w)) if self.dynamics == "map" else 1 + 1j * w

    def along_line(self, w: float) -> complex:
        """d on_line / dw."""
        return 1j * complex(np.exp(1j * w)) if self.dynamics == "map" else 1j

    def as_seen(self, z: np.ndarray, leg: int, eigenvalue: complex) -> complex:
        """The eigenvalue of :meth:`linear` that belongs to one of dF/dx."""
        return eigenvalue if self.dynamics == "map" else (eigenvalue - 1) / self._pace(z, leg)

    def height(self, z: np.ndarray, leg: int, value: complex) -> float:
        """How far above the real axis the eigenvalue ``value`` of :meth:`linear` is, as in :meth:`on_line`."""
        return abs(float(np.angle(value) if self.dynamics == "map" else self._pace(z, leg) * value.imag))

    def growth(self, z: np.ndarray, leg: int, value: complex) -> float:
        """A measure of an eigenvalue of :meth:`linear` that is zero on the line and positive beyond it."""
        if self.dynamics == "map":
            return float(np.log(max(abs(value), 1e-300)))
        return float(self._pace(z, leg) * value.real)

    def _pace(self, z: np.ndarray, leg: int) -> float:
        system = self.member(self.split(z)[1], leg)[0]
        assert isinstance(system, (AtRest, Blend))
        return system.pace

    def matrix(self, z: np.ndarray, leg: int) -> np.ndarray:
        """dG/dz (unit, unit + 1)."""
        A = self.jacobian(z, leg) - np.eye(self.n)  # a copy: the system may have handed out its own matrix
        return np.concatenate([self.c * A, self.length * self.slope(z, leg)[:, None]], axis=1)

    def jacobian_slope(self, z: np.ndarray, leg: int) -> np.ndarray:
        """d(dF/dx)/dnu (unit, unit), by differences within the leg."""
        lo, hi = sorted(self.marks[leg : leg + 2])
        return _difference(lambda nu: self.jacobian(np.append(z[:-1], nu), leg), z[-1], DIFFERENCE, lo, hi)

    def jacobian_along(self, z: np.ndarray, leg: int, v: np.ndarray) -> np.ndarray:
        """The derivative of dF/dx along the states v, which may be complex: F_xx[v, .] (unit, unit)."""
        if np.iscomplexobj(v):
            return self.jacobian_along(z, leg, np.real(v)) + 1j * self.jacobian_along(z, leg, np.imag(v))
        size = np.linalg.norm(v)
        if size == 0:
            return np.zeros((self.n, self.n))
        step = np.append(v / self.c, 0.0) * (DIFFERENCE * self.c / size)
        change = self.jacobian(z + step, leg) - self.jacobian(z - step, leg)
        return change * (size / (2 * DIFFERENCE * self.c))

    def kinked(self, z: np.ndarray, leg: int) -> bool:
        """Does the map have a kink at this very point?"""
        system, x, u = self._at(z, leg)
        return bool(system._kinks(x, u)[0] < 1e-9 * (1 + x.abs().max()))


class AlongDrives(OneParameter):
    """One system under drives that move along the straight lines between given rows (row, input)."""

    def __init__(self, system: System, drives: np.ndarray, scale: float) -> None:
        self.system = system
        self.rows, knots, self.name = _lay_out(drives)
        super().__init__(system, knots, scale)
        self.straight = system.regularity == "piecewise_linear"

    def member(self, mu: float, leg: int) -> tuple[System, np.ndarray]:
        share = (mu - self.knots[leg]) / (self.knots[leg + 1] - self.knots[leg])
        return self.system, (1 - share) * self.rows[leg] + share * self.rows[leg + 1]

    def slope(self, z: np.ndarray, leg: int) -> np.ndarray:
        direction = (self.rows[leg + 1] - self.rows[leg]) / (self.knots[leg + 1] - self.knots[leg])
        system, x, u = self._at(z, leg)
        return as_numpy(system._input_jacobian(x, u))[0] @ direction

    def positions(self, drive: np.ndarray) -> np.ndarray:
        """The parameters at which the path passes through a drive."""
        found = []
        for leg, (a, b) in enumerate(zip(self.rows[:-1], self.rows[1:])):
            share = np.clip((drive - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            if np.abs((1 - share) * a + share * b - drive).max() <= 1e-9 * (1 + np.abs(drive).max()):
                found.append(self.knots[leg] + share * (self.knots[leg + 1] - self.knots[leg]))
        return np.array(found)


def _lay_out(drives: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The corners of the path, the parameter at each, and what to call it.

    Row i is at parameter i; a single input that only rises or only falls is its own parameter.
    """
    gaps = np.diff(drives, axis=0)
    if drives.shape[1] == 1 and ((gaps > 0).all() or (gaps < 0).all()):
        return drives[[0, -1]], drives[[0, -1], 0], "input"
    bend = np.abs(np.diff(gaps, axis=0)).max(axis=1) > 1e-12 * np.abs(gaps).max()
    keep = np.concatenate([[True], bend, [True]])
    return drives[keep], np.flatnonzero(keep).astype(float), "position along the drives"


class OfSystems(OneParameter):
    """A family mu -> System under one constant drive (input,), with mu from ``span[0]`` to ``span[1]``."""

    def __init__(
        self,
        family: Callable[[float], Any],
        span: tuple[float, float],
        drive: np.ndarray,
        scale: float,
        like: System,
    ) -> None:
        super().__init__(like, np.array(span, float), scale)
        self.family, self.constant, self.like = family, drive, like
        rests = at_rest(like)
        self.pace = rests.pace if isinstance(rests, AtRest) else None
        self._kept: dict[float, System] = {}

    def member(self, mu: float, leg: int) -> tuple[System, np.ndarray]:
        if mu not in self._kept:
            if len(self._kept) >= MEMBERS:
                del self._kept[next(iter(self._kept))]
            self._kept[mu] = at_rest(member_of(self.family, mu, self.like), self.pace)
        return self._kept[mu], self.constant

    def slope(self, z: np.ndarray, leg: int) -> np.ndarray:
        _, x, u = self._at(z, leg)
        mu = self.split(z)[1]

        def step(value: float) -> np.ndarray:
            return as_numpy(self.member(value, leg)[0]._step(x, u))[0]

        return _difference(step, mu, DIFFERENCE * abs(self.length), *sorted(self.knots))


class NotAMember(InputError):
    """What a family returned cannot be a map of the same kind."""


def member_of(family: Callable[[float], Any], mu: float, like: System) -> System:
    """``family(mu)``; raises NotAMember if it is no system of the same sizes."""
    system = family(float(mu))
    if not isinstance(system, System):
        raise NotAMember(f"family must return a System, got {type(system).__name__} at {mu:g}")
    if (system.state_size, system.input_size) != (like.state_size, like.input_size):
        raise NotAMember(
            f"family must keep the sizes of system, {like.state_size} units and {like.input_size} inputs, got "
            f"{system.state_size} and {system.input_size} at {mu:g}"
        )
    if dynamics_of(system) != dynamics_of(like):
        raise NotAMember(f"family must return {dynamics_of(like)}s as system is one, got {system.name} at {mu:g}")
    system.refuse_jumps("a branch of fixed points")
    return system


def _difference(f: Callable[[float], np.ndarray], at: float, h: float, lo: float, hi: float) -> np.ndarray:
    """df/dt at ``at`` to second order, from values within [lo, hi]."""
    h = min(h, (hi - lo) / 4)
    if at - h < lo:
        return (4 * f(at + h) - 3 * f(at) - f(at + 2 * h)) / (2 * h)
    if at + h > hi:
        return (3 * f(at) - 4 * f(at - h) + f(at - 2 * h)) / (2 * h)
    return (f(at + h) - f(at - h)) / (2 * h)


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor."""
    return tensor.detach().cpu().numpy()
