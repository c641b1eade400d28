"""Flows whose answers are known; ``dt`` is the time of one step of the map they make."""

from __future__ import annotations

import torch

from ...checks import number
from ...surroundings import in_own_surroundings
from ..flow import Flow
from .planar import rows, spiral


@in_own_surroundings
def lorenz(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3, *, dt: float = 0.01) -> Flow:
    """x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z (Lorenz 1963): chaos at the default parameters.

    Fixed points 0 and (+-q, +-q, rho - 1), q^2 = beta (rho - 1); the exponents sum to -(sigma + 1 + beta) per time;
    at the default parameters they are 0.9056, 0 and -14.572 (Sprott 2003).
    """
    sigma, rho, beta = number("sigma", sigma), number("rho", rho), number("beta", beta)

    def f(v: torch.Tensor) -> torch.Tensor:
        x, y, z = v.unbind(-1)
        return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], -1)

    def jacobian(v: torch.Tensor) -> torch.Tensor:
        x, y, z = v.unbind(-1)
        return rows([-sigma, sigma, 0.0], [rho - z, -1.0, -x], [y, x, -beta])

    return Flow(f, 3, dt=dt, jacobian=jacobian, name=f"Lorenz (rho = {rho:g})")


@in_own_surroundings
def rossler(a: float = 0.2, b: float = 0.2, c: float = 5.7, *, dt: float = 0.05) -> Flow:
    """x' = -y - z, y' = x + a y, z' = b + z (x - c) (Roessler 1976): chaos at the default parameters.

    Fixed points x = (c +- sqrt(c^2 - 4 a b)) / 2, y = -x / a, z = x / a; the exponents at the default parameters are
    0.0714, 0 and -5.394 per time (Sprott 2003).
    """
    a, b, c = number("a", a), number("b", b), number("c", c)

    def f(v: torch.Tensor) -> torch.Tensor:
        x, y, z = v.unbind(-1)
        return torch.stack([-y - z, x + a * y, b + z * (x - c)], -1)

    def jacobian(v: torch.Tensor) -> torch.Tensor:
        x, _, z = v.unbind(-1)
        return rows([0.0, -1.0, -1.0], [1.0, a, 0.0], [z, 0.0, x - c])

    return Flow(f, 3, dt=dt, jacobian=jacobian, name=f"Roessler (c = {c:g})")


@in_own_surroundings
def van_der_pol(mu: float = 1.0, *, dt: float = 0.05) -> Flow:
    """x' = y, y' = mu (1 - x^2) y - x (van der Pol 1926): one limit cycle for mu > 0, round a repelling 0.

    At mu = 1 its period is 6.6632868593231301897, its amplitude 2.00861986087484 (Amore, Boyd and Fernandez 2018).
    """
    mu = number("mu", mu)

    def f(v: torch.Tensor) -> torch.Tensor:
        x, y = v.unbind(-1)
        return torch.stack([y, mu * (1 - x**2) * y - x], -1)

    def jacobian(v: torch.Tensor) -> torch.Tensor:
        x, y = v.unbind(-1)
        return rows([0.0 * x, 1.0], [-2 * mu * x * y - 1, mu * (1 - x**2)])

    return Flow(f, 2, dt=dt, jacobian=jacobian, name=f"Van der Pol (mu = {mu:g})")


@in_own_surroundings
def stuart_landau(mu: float = 1.0, omega: float = 1.0, *, dt: float = 0.1) -> Flow:
    """z' = (mu + i omega) z - |z|^2 z, the normal form of the Hopf bifurcation (Kuznetsov 2004, sec. 3.4).

    For mu > 0 a limit cycle of radius sqrt(mu) and period 2 pi / |omega|; its transverse multiplier is e^(-2 mu t).
    """
    mu, omega = number("mu", mu), number("omega", omega)
    f, jacobian = spiral([complex(mu, omega), -1.0])
    return Flow(f, 2, dt=dt, jacobian=jacobian, name=f"Stuart-Landau (mu = {mu:g}, omega = {omega:g})")


@in_own_surroundings
def two_cycles(*, dt: float = 0.1) -> Flow:
    """r' = r (1 - r) (r - 2) (r - 3) / 2, theta' = 2 - r: two limit cycles that turn in opposite directions.

    Stable circles r = 1 (speed +1, exponent -1 per time across) and r = 3 (speed -1, exponent -3), and between them the
    repelling circle r = 2 of fixed points, the boundary of the basins; 0 repels.
    """
    f, jacobian = spiral([3 + 2j, 3.0], [-5.5 - 1j, -0.5])
    return Flow(f, 2, dt=dt, jacobian=jacobian, name="two opposite limit cycles")
