"""Explicit Runge-Kutta methods: their coefficients, and when a step is an average.

Where f = rate (G(x, u) - x) relaxes towards values of G, the stages y_i of a step of length h can be eliminated:
x' = (1 - sum_i c_i) x + sum_i c_i G(y_i, u) with c = z b (I + z A)^-1, z = rate h.  As long as none of these weights
is negative, which for RK4 means z < 1.2955, a box that holds all values of G is invariant under the step, as it is
under the flow, whatever the stages are (Horvath 1998 on the positivity of Runge-Kutta methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor


class Tableau(NamedTuple):
    """The coefficients of an explicit Runge-Kutta method."""

    rows: tuple[tuple[float, ...], ...]  # a_ij, j < i
    weights: tuple[float, ...]  # b_i


METHODS = {
    "euler": Tableau(((),), (1.0,)),
    "rk4": Tableau(((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
    "dopri5": Tableau(  # Dormand and Prince 1980, fifth order
        (
            (),
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        ),
        (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
}


def averages(tableau: Tableau, z: float) -> bool:
    """Whether a step of dx/dt = rate (G - x) is an average of x and values of G, with z = rate h."""
    n = len(tableau.weights)
    A = np.array([[*row, *[0.0] * (n - len(row))] for row in tableau.rows])
    c = z * np.linalg.solve((np.eye(n) + z * A).T, np.array(tableau.weights))
    return bool((c >= 0).all() and c.sum() <= 1)


def advanced(x: Tensor, h: float, coefficients: Sequence[float], velocities: list[Tensor]) -> Tensor:
    """x + h sum_i coefficients_i velocities_i."""
    for a, v in zip(coefficients, velocities):
        x = x + (h * a) * v if a else x
    return x
