"""Maps whose answers are known, to learn on and to test against."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..checks import number, reals
from ..errors import InputError
from .base import System
from .cells import ElmanCell
from .function import FunctionSystem
from .pieces import Pieces
from .piecewise import HingeMap


def linear(A: Any, b: Any = None) -> System:
    """x' = A x + b: one fixed point (I - A)^-1 b unless 1 is an eigenvalue of A; A is (unit, unit).

    >>> float(linear([[0.5]], [1.0]).step([2.0]))
    2.0
    """
    matrix = _square("A", A)
    shift = torch.zeros(len(matrix), dtype=torch.float64)
    if b is not None:
        shift = torch.from_numpy(reals("b", b, (len(matrix),)))
    return FunctionSystem(
        lambda x: x @ matrix.T + shift,
        len(matrix),
        jacobian=lambda x: matrix.expand(len(x), -1, -1),
        name=f"linear map of {len(matrix)} units",
    )


def logistic(r: float = 4.0) -> System:
    """x' = r x (1 - x) (May 1976): at r = 4 its k-th iterate has 2^k fixed points, its Lyapunov exponent is ln 2."""
    r = number("r", r)
    return FunctionSystem(
        lambda x: r * x * (1 - x),
        1,
        jacobian=lambda x: (r * (1 - 2 * x))[..., None],
        name=f"logistic map (r = {r:g})",
    )


def henon(a: float = 1.4, b: float = 0.3) -> System:
    """x' = 1 - a x^2 + y, y' = b x: fixed points x = (b - 1 +- sqrt((1-b)^2 + 4a)) / 2a; det J = -b (Henon 1976)."""
    a, b = number("a", a), number("b", b)

    def jacobian(z: torch.Tensor) -> torch.Tensor:
        J = z.new_zeros(len(z), 2, 2)
        J[:, 0, 0], J[:, 0, 1], J[:, 1, 0] = -2 * a * z[:, 0], 1.0, b
        return J

    return FunctionSystem(
        lambda z: torch.stack([1 - a * z[:, 0] ** 2 + z[:, 1], b * z[:, 0]], 1),
        2,
        jacobian=jacobian,
        name=f"Henon map (a = {a:g}, b = {b:g})",
    )


def delayed_logistic(a: float = 2.0) -> System:
    """x' = a x (1 - y), y' = x: the fixed point 1 - 1/a loses stability at a = 2, in a Neimark-Sacker bifurcation."""
    a = number("a", a)
    return FunctionSystem(
        lambda z: torch.stack([a * z[:, 0] * (1 - z[:, 1]), z[:, 0]], 1),
        2,
        name=f"delayed logistic map (a = {a:g})",
    )


def tanh_unit(w: float = 2.0, b: float = 0.0) -> System:
    """x' = tanh(w x + b + u), one unit: for b = 0 one fixed point up to w = 1, three beyond (a pitchfork)."""
    return tanh_network([[number("w", w)]], [number("b", b)], [[1.0]])


def tanh_network(W: Any, b: Any = None, W_in: Any = None) -> System:
    """x' = tanh(W x + W_in u + b): n independent units (W = w I, w > 1) have exactly 3^n fixed points, 2^n stable."""
    W = _square("W", W)
    n = len(W)
    shift = torch.from_numpy(reals("b", b, (n,))) if b is not None else torch.zeros(n, dtype=torch.float64)
    weights = torch.from_numpy(reals("W_in", W_in, (n, "input"))) if W_in is not None else W.new_zeros(n, 0)
    return ElmanCell(weights, W, shift)


def piecewise_linear(A: Any, W: Any, B: Any, b: Any = None, c: Any = None) -> System:
    """x' = A x + c + B relu(W x + b): A (unit, unit), W (hinge, unit), B (unit, hinge) (Hess et al. 2023, eq. 2).

    >>> float(piecewise_linear([[0.0]], [[1.0]], [[2.0]], c=[-1.0]).step([3.0]))
    5.0
    """
    A = _square("A", A)
    W = torch.from_numpy(reals("W", W, ("hinge", len(A))))
    B = torch.from_numpy(reals("B", B, (len(A), len(W))))
    shifts = []
    for name, shift, size in (("b", b, len(W)), ("c", c, len(A))):
        shifts.append(
            torch.zeros(size).to(A) if shift is None else torch.from_numpy(reals(name, shift, (size,)))
        )
    return HingeMap(Pieces(W, shifts[0], A, B, shifts[1]))


def tent() -> System:
    """x' = 1 - |2 x - 1|: its k-th iterate has 2^k fixed points, all repelling, in [0, 1]."""
    return piecewise_linear([[2.0]], [[1.0]], [[-4.0]], b=[-0.5])


def rotation(angle: float = 0.1, radius: float = 1.0) -> System:
    """A rotation by ``angle`` (radians) times ``radius``: eigenvalues radius e^{+-i angle}, one fixed point at 0."""
    angle, radius = number("angle", angle), number("radius", radius)
    c, s = radius * math.cos(angle), radius * math.sin(angle)
    return linear([[c, -s], [s, c]])


def _square(name: str, value: Any) -> torch.Tensor:
    matrix = torch.from_numpy(reals(name, value, ("unit", "unit")))
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"{name} must be square, got {tuple(matrix.shape)}")
    return matrix
