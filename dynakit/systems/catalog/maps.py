"""Maps whose answers are known."""

from __future__ import annotations

import cmath
import math
from typing import Any

import torch
from torch import Tensor

from ...checks import number, reals
from ...errors import InputError
from ...surroundings import in_own_surroundings
from ...wording import counted
from ..base import System
from ..cells import ElmanCell, HingeMap
from ..function import FunctionSystem
from ..pieces import Pieces
from .planar import circle, rows, spiral

GOLDEN = (math.sqrt(5) - 1) / 2


@in_own_surroundings
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
        name=f"linear map of {counted(len(matrix), 'unit')}",
    )


@in_own_surroundings
def logistic(r: float = 4.0) -> System:
    """x' = r x (1 - x) (May 1976): at r = 4 its k-th iterate has 2^k fixed points, its Lyapunov exponent is ln 2."""
    r = number("r", r)
    return FunctionSystem(
        lambda x: r * x * (1 - x),
        1,
        jacobian=lambda x: (r * (1 - 2 * x))[..., None],
        name=f"logistic map (r = {r:g})",
    )


@in_own_surroundings
def henon(a: float = 1.4, b: float = 0.3) -> System:
    """x' = 1 - a x^2 + y, y' = b x: fixed points x = (b - 1 +- sqrt((1-b)^2 + 4a)) / 2a; det J = -b (Henon 1976)."""
    a, b = number("a", a), number("b", b)

    return FunctionSystem(
        lambda z: torch.stack([1 - a * z[:, 0] ** 2 + z[:, 1], b * z[:, 0]], 1),
        2,
        jacobian=lambda z: rows([-2 * a * z[:, 0], 1.0], [b, 0.0]),
        name=f"Henon map (a = {a:g}, b = {b:g})",
    )


@in_own_surroundings
def delayed_logistic(a: float = 2.0) -> System:
    """x' = a x (1 - y), y' = x: the fixed point 1 - 1/a loses stability at a = 2, in a Neimark-Sacker bifurcation."""
    a = number("a", a)
    return FunctionSystem(
        lambda z: torch.stack([a * z[:, 0] * (1 - z[:, 1]), z[:, 0]], 1),
        2,
        jacobian=lambda z: rows([a * (1 - z[:, 1]), -a * z[:, 0]], [1.0, 0.0]),
        name=f"delayed logistic map (a = {a:g})",
    )


@in_own_surroundings
def tanh_unit(w: float = 2.0, b: float = 0.0) -> System:
    """x' = tanh(w x + b + u), one unit: for b = 0 one fixed point up to w = 1, three beyond (a pitchfork)."""
    return tanh_network([[number("w", w)]], [number("b", b)], [[1.0]])


@in_own_surroundings
def tanh_network(W: Any, b: Any = None, W_in: Any = None) -> System:
    """x' = tanh(W x + W_in u + b): n independent units (W = w I, w > 1) have exactly 3^n fixed points, 2^n stable."""
    W = _square("W", W)
    n = len(W)
    shift = torch.from_numpy(reals("b", b, (n,))) if b is not None else torch.zeros(n, dtype=torch.float64)
    weights = torch.from_numpy(reals("W_in", W_in, (n, "input"))) if W_in is not None else W.new_zeros(n, 0)
    return ElmanCell(weights, W, shift)


@in_own_surroundings
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


@in_own_surroundings
def tent() -> System:
    """x' = 1 - |2 x - 1|: its k-th iterate has 2^k fixed points, all repelling, in [0, 1]."""
    return piecewise_linear([[2.0]], [[1.0]], [[-4.0]], b=[-0.5])


@in_own_surroundings
def rotation(angle: float = 0.1, radius: float = 1.0) -> System:
    """A rotation by ``angle`` (radians) times ``radius``: eigenvalues radius e^{+-i angle}, one fixed point at 0."""
    angle, radius = number("angle", angle), number("radius", radius)
    c, s = radius * math.cos(angle), radius * math.sin(angle)
    return linear([[c, -s], [s, c]])


@in_own_surroundings
def bistable(dt: float = 0.1) -> System:
    """x' = x + dt (x - x^3): stable points -1 and 1 of multiplier 1 - 2 dt, and 0, the boundary of their basins."""
    dt = number("dt", dt, above=0.0, below=1.0, closed=False)
    return FunctionSystem(
        lambda x: x + dt * (x - x**3),
        1,
        jacobian=lambda x: (1 + dt * (1 - 3 * x**2))[..., None],
        name=f"bistable map (dt = {dt:g})",
    )


@in_own_surroundings
def stuart_landau_euler(mu: float = 1.0, omega: float = 1.0, *, dt: float = 0.2) -> System:
    """z' = z + dt ((mu + i omega) z - |z|^2 z), Euler's step of :func:`stuart_landau`: a circle that turns rigidly.

    With A = sqrt(1 - (omega dt)^2): radius^2 = mu + (1 - A) / dt, rotation number asin(omega dt) / 2 pi, transverse
    multiplier 1 - 2 dt radius^2 A per step; the circle is born at mu = (A - 1) / dt (Neimark-Sacker).
    """
    mu, omega = number("mu", mu), number("omega", omega)
    dt = number("dt", dt, above=0.0, closed=False)
    f, jacobian = spiral([1 + dt * complex(mu, omega), -dt])
    name = f"Euler's step of Stuart-Landau (mu = {mu:g}, omega = {omega:g}, dt = {dt:g})"
    return FunctionSystem(f, 2, jacobian=jacobian, name=name)


@in_own_surroundings
def neimark_sacker(mu: float = 0.1, theta: float = 1.0, *, a: float = 1.0, c: complex = -1.0) -> System:
    """z' = z e^(i theta) (1 + a mu + c |z|^2), the normal form of its name (Kuznetsov 2004, sec. 4.6).

    The fixed point 0 has multipliers (1 + a mu) e^(+-i theta).  For real c and a mu / c < 0 there is a circle of
    radius sqrt(-a mu / c), rotation number theta / 2 pi and transverse multiplier 1 - 2 a mu per step.
    """
    mu, theta, a = number("mu", mu), number("theta", theta), number("a", a)
    turn = cmath.exp(1j * theta)
    f, jacobian = spiral([turn * (1 + a * mu), turn * complex(c)])
    return FunctionSystem(f, 2, jacobian=jacobian, name=f"Neimark-Sacker normal form (mu = {mu:g})")


@in_own_surroundings
def circle_map(rotation_number: float = GOLDEN, *, skew: float = 0.5, across: float = 0.5) -> System:
    """A plane map that turns the unit circle unevenly: on it the angles are T_n = h(n rotation_number), h known.

    In radians h(t) = t - 2 atan2(skew sin t, 1 + skew cos t), a Moebius transform of the circle.  Rotation number,
    invariant curve and ``across``, the transverse multiplier per step, are exact.
    """
    turn = 2 * math.pi * number("rotation_number", rotation_number)
    s = number("skew", skew, above=-1.0, below=1.0, closed=False)

    def h(t: Tensor, s: float) -> Tensor:
        return t - 2 * torch.atan2(s * t.sin(), 1 + s * t.cos())

    def slope(t: Tensor, s: float) -> Tensor:
        return (1 - s**2) / (1 + 2 * s * t.cos() + s**2)

    f, jacobian = circle(
        lambda angle: h(h(angle, -s) + turn, s),
        lambda angle: slope(h(angle, -s) + turn, s) * slope(angle, -s),
        number("across", across),
    )
    return FunctionSystem(
        f, 2, jacobian=jacobian, name=f"circle map (rotation {rotation_number:g}, skew {s:g})"
    )


@in_own_surroundings
def arnold(Omega: float = GOLDEN, K: float = 0.5, *, across: float = 0.5) -> System:
    """Turns of the unit circle by T' = T + Omega - K / (2 pi) sin(2 pi T) (Arnold 1961), drawn to it by ``across``.

    K = 0: rotation number Omega.  |Omega| <= K / (2 pi): locked to fixed points.  Omega = 1/2: rotation number 1/2.
    """
    turn, K = 2 * math.pi * number("Omega", Omega), number("K", K)
    f, jacobian = circle(
        lambda angle: angle + turn - K * angle.sin(),
        lambda angle: 1 - K * angle.cos(),
        number("across", across),
    )
    return FunctionSystem(f, 2, jacobian=jacobian, name=f"Arnold's circle map (Omega = {Omega:g}, K = {K:g})")


def _square(name: str, value: Any) -> Tensor:
    matrix = torch.from_numpy(reals(name, value, ("unit", "unit")))
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"{name} must be square, got {tuple(matrix.shape)}")
    return matrix
