"""Clauses about a system's derivatives: none is believed that differences do not confirm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..linalg import solve
from ..systems import System
from .case import Case, apart
from .contract import Broken, Unasked
from .differences import differences, directions_of, worst

EXACT = 1e-10  # relative: two ways to the same number
RADII = (0.0, 1e-3, 0.1)  # of the balls in which Jacobians are looked for
IN_BALL, ENTRIES = 60, 200_000  # states of each ball, fewer where their Jacobians have more entries than these
SINGLE = 1e-5  # relative, of float32
NEAR = 1e-4  # how far linear pieces are followed


def jacobian(case: Case) -> None:
    x, u = case.smooth()
    _confirm("dF/dx", case, case.system.jacobian(x, u), case.system.step, x, u)


def input_jacobian(case: Case) -> None:
    if not case.system.input_size:
        raise Unasked("the map has no inputs")
    x, u = case.smooth()
    _confirm("dF/du", case, case.system.input_jacobian(x, u), lambda v, y: case.system.step(y, v), u, x)


def observe_jacobian(case: Case) -> None:
    x, _ = case.smooth()
    _confirm("d observe / dx", case, case.system.observe_jacobian(x), case.system.observe, x)


def gradient(case: Case) -> None:
    x, u = case.smooth()
    z = x.clone().requires_grad_(True)
    with torch.enable_grad():
        y = case.system.step(z, u)
        if not y.requires_grad:
            raise Unasked("the step is not made of torch operations: no gradient runs through it")
        r = (y - z).detach()
        (g,) = torch.autograd.grad(y, z, r)
    error = apart(g, (case.system.jacobian(x, u).mT @ r[..., None])[..., 0])
    if error > 1e2 * EXACT:
        raise Broken(f"the gradient that runs through step is not that of its Jacobian, but differs by {error:.1e}")


def _confirm(what: str, case: Case, J: Tensor, f: Callable[..., Tensor], x: Tensor, *beside: Tensor) -> None:
    along = directions_of(x.shape[-1], case.generator(what))
    where = worst(J, along, *differences(f, x, along, *beside))
    if where:
        raise Broken(f"{what} is not what differences give: {where}")


def jvp(case: Case) -> None:
    x, u = case.smooth()
    Q = case.normal("jvp", 2, len(x), case.system.state_size, 3)
    J = case.system.jacobian(x, u)
    for directions in (Q[0], 1e3 * Q[1]):
        error = apart(case.system.jvp(x, u, directions.clone()), J @ directions)
        if error > EXACT:
            raise Broken(f"jvp is not the Jacobian times the directions, but differs by {error:.1e}")


def newton_step(case: Case) -> None:
    x, u = case.smooth()
    r = case.system.step(x, u) - x
    A = case.system.jacobian(x, u) - torch.eye(case.system.state_size, dtype=x.dtype)
    p, solved = case.system.newton_step(x, u, r.clone())
    _, solvable = solve(A, -r)
    if bool((solvable & ~solved).any()):
        raise Broken("newton_step gives up on equations that can be solved")
    residual = ((A @ p[..., None])[..., 0] + r)[solved].norm()
    size = (A.norm() * p[solved].norm() + r.norm()) if bool(solved.any()) else r.norm()
    if not float(residual) <= 1e-9 * float(size):
        raise Broken(f"newton_step does not solve (J - I) p = -r: the residual is {float(residual):.1e}")


def jacobian_bounds(case: Case) -> None:
    case.differentiable()
    n_states = max(2, min(IN_BALL, ENTRIES // case.system.state_size**2))
    for radius in RADII:
        bounds = case.system.jacobian_bounds(case.x, case.u, radius)
        if bounds is None:
            raise Unasked("the map gives no bounds of its Jacobian")
        y = case.x + radius * case.uniform("jacobian_bounds", n_states, *case.x.shape)
        J = case.system.jacobian(y, case.u)
        slack = 1e-12 * (1 + J.abs())  # the rounding of J itself
        out = (torch.lt(J, bounds.lo - slack) | torch.gt(J, bounds.hi + slack)).nonzero()
        if len(out):
            _, k, i, j = out[0].tolist()
            held = f"[{float(bounds.lo[k, i, j]):.6g}, {float(bounds.hi[k, i, j]):.6g}]"
            value = float(J[tuple(out[0].tolist())])
            raise Broken(f"entry [{i}, {j}] is {value:.6g} within {radius:g} of state {k}, outside its bounds {held}")


def regularity(case: Case) -> None:
    if case.system.regularity != "piecewise_linear" or case.system.flow() is not None:
        raise Unasked("the map does not say that it is made of linear pieces")
    x, u = case.smooth()
    y = x + NEAR * case.normal("regularity", *x.shape)
    bent = [apart(case.system.jacobian(y[k], u[k]), case.system.jacobian(x[k], u[k])) > EXACT for k in range(len(x))]
    if 2 * sum(bent) > len(x):  # a kink may lie between some
        raise Broken("the map says it is piecewise linear, but near most states its Jacobian is not constant")


def kinks(case: Case) -> None:
    distance = case.system.kinks(case.x, case.u)
    if tuple(distance.shape) != (len(case.x),) or not bool((distance >= 0).all()):
        raise Broken("kinks must be a distance of at least 0 for each state")


def single_precision(case: Case) -> None:
    twin: System | None = case.system.single_precision()
    if twin is None:
        raise Unasked("the map is only ever called in float64")
    asked = {"step": (case.system.step, twin.step), "jacobian": (case.system.jacobian, twin.jacobian)}
    for name, (ask, ask_twin) in asked.items():
        got = ask_twin(case.x, case.u)
        error = apart(got.double(), ask(case.x, case.u))
        if got.dtype != torch.float32:
            raise Broken(f"the twin in single precision answers {name} in {got.dtype}")
        if error > SINGLE:
            raise Broken(f"the twin in single precision is another map: its {name} differs by {error:.1e}")


DERIVATIVES: dict[str, Callable[[Case], None]] = {
    clause.__name__: clause
    for clause in (
        jacobian,
        input_jacobian,
        observe_jacobian,
        gradient,
        jvp,
        newton_step,
        jacobian_bounds,
        regularity,
        kinks,
        single_precision,
    )
}
