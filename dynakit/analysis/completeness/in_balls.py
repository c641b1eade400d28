"""The search over a network of low rank once more, with every bound in ball arithmetic.

Balls of 128 bits hold the exact result of every operation, tanh included (Johansson 2017), so that the bounds of
``low_rank`` are replaced by another's: products of the factors, the currents, f and its slopes, Krawczyk's operator.
What stays in floats is where boxes are cut, and matrices by which anything may be multiplied.  Of a unit without
bounds the first box is still that of ``a_priori``.  Needs the extra ``proof``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...systems.enclosures import PRECISION, Balls, library
from .low_rank import LowRank, inverses
from .search import Budget, Closed, Contraction, NoBox, closed
from .units import UNITS, Unit

AT_ONCE = 64  # boxes, so that a budget is asked often


def replayed(equations: LowRank, found: Closed, budget: Budget | None = None) -> bool:
    """Does the search close in balls too, with the same roots?

    Raises ImportError, naming the extra, without python-flint; NoBox for a unit of which balls know nothing.
    """
    again = closed(InBalls.of(equations), budget)
    if not (found.proved and again.proved and len(again.roots) == len(found.roots)):
        return False
    away = np.abs(again.roots[:, None] - found.roots)
    return bool(np.any(np.all(away <= found.alone, axis=2), axis=1).all())


class InBalls(LowRank):
    """The equations of ``LowRank`` with other bounds."""

    def __init__(
        self, M: np.ndarray, N: np.ndarray, d: np.ndarray, unit: Unit, d_error: np.ndarray | float = 0.0
    ) -> None:
        super().__init__(M, N, d, unit, d_error)
        if unit.name not in UNITS:
            raise NoBox(f"ball arithmetic has no bounds of a {unit.name} unit")
        self.at_once = AT_ONCE
        with library().ctx.workprec(PRECISION):
            B, A = _matrix(self.B), _matrix(self.A)
            self.MB, self.AN, self.AB = _matrix(M) * B, A * _matrix(N.T), A * B
            self.more = self.AB - _matrix(np.eye(self.r))
            self.input = _column(d, self.d_error)

    @classmethod
    def of(cls, equations: LowRank) -> InBalls:
        """The same equations."""
        return cls(*equations.given, equations.d, equations.unit, equations.d_error)

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """As before, but of a bounded unit in balls."""
        if self.unit.bounds is None:
            return super().hull()
        low, high = self.unit.bounds
        with library().ctx.workprec(PRECISION):
            rates = _column(np.full(self.n, (low + high) / 2), np.full(self.n, (high - low) / 2))
            outer = [_ends(v) for v in (self.AB.inv() * (self.AN * rates)).entries()]  # A B k = A N' f
        lo, hi = np.array(outer).T
        return (lo + hi) / 2, (hi - lo) / 2 * (1 + 1e-9) + 1e-12

    def contraction(self, C: np.ndarray, R: np.ndarray, hint: Any = None) -> Contraction:
        """Bounds over boxes, one by one."""
        z, wrong = self._currents(C)
        spread = self._spread(R, wrong)
        low, high = self.unit.slopes(z - spread, z + spread)
        Y = inverses(self._at_slopes((low + high) / 2) - np.eye(self.r))
        with library().ctx.workprec(PRECISION):
            columns = zip(*(self._box(*row) for row in zip(C, R, Y)))
            step, slack, T, lo, hi = (np.array(column) for column in columns)
        return Contraction(step, slack, T, np.zeros(len(C), bool), lo, hi, None)

    def _box(self, c: np.ndarray, radius: np.ndarray, Y: np.ndarray) -> tuple[Any, ...]:
        """Step, slack, T and both ends of the image of one box."""
        centre, box, inverse = _column(c), _column(c, radius), _matrix(Y)
        z, middle = (Balls((self.MB * k + self.input).entries()) for k in (box, centre))
        image, at = self._rates(z) - self.more * box, self._rates(middle) - self.AB * centre
        rows = zip(z.slope(self.unit.name).entries, self.MB.tolist())
        moved = (inverse * self.AN) * library().arb_mat([[s * m for m in row] for s, row in rows])
        T = _matrix(np.eye(self.r)) - moved + inverse * self.AB
        shift = (inverse * at).entries()
        step = np.array([-float(v.mid()) for v in shift])
        slack = [_up((v + library().arb(s)).abs_upper()) for v, s in zip(shift, step.tolist())]
        ends = np.array([_ends(v) for v in image.entries()])
        return step, slack, [[_up(v.abs_upper()) for v in row] for row in T.tolist()], ends[:, 0], ends[:, 1]

    def _rates(self, z: Balls) -> Any:
        """A N' f(z)."""
        return self.AN * library().arb_mat([[v] for v in z.apply(self.unit.name).entries])


def _matrix(values: np.ndarray) -> Any:
    return library().arb_mat(values.tolist())


def _column(middle: np.ndarray, radius: np.ndarray | None = None) -> Any:
    """A column of balls."""
    arb = library().arb
    radii = np.zeros(len(middle)) if radius is None else radius
    return library().arb_mat([[arb(m, r)] for m, r in zip(middle.tolist(), radii.tolist())])


def _up(value: Any) -> float:
    """A float that is not below an exact number."""
    return math.nextafter(float(value), math.inf)


def _ends(ball: Any) -> tuple[float, float]:
    """Floats that hold a ball."""
    return math.nextafter(float(ball.lower()), -math.inf), _up(ball.upper())
