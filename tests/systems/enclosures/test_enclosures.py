"""The Jacobian and the values of every system over boxes: nothing escapes the bounds, and the bounds are close."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems import Flow, System

from ..members import MEMBERS, POLAR, UNFOLLOWED, UNPROVED, sample, seeded


def around(x: torch.Tensor, radius: torch.Tensor | float, n: int = 300) -> torch.Tensor:
    """States of the boxes around ``x``, half of them corners, (state, point, unit)."""
    direction = 2 * torch.rand(n, *x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype) - 1
    direction[: n // 2] = torch.sign(direction[: n // 2])
    return x + radius * direction


def inside(values: torch.Tensor, lo: torch.Tensor, hi: torch.Tensor) -> bool:
    """Whether values lie within bounds, but for the rounding of the values themselves."""
    slack = 1e-13 * (1 + values.abs())
    return bool(((values >= lo - slack) & (values <= hi + slack)).all())


@pytest.fixture(params=[name for name in MEMBERS if name not in (*UNFOLLOWED, *POLAR)])
def system(request) -> System:
    return MEMBERS[request.param]()


@pytest.mark.parametrize("name", UNFOLLOWED)
def test_a_map_that_cannot_be_followed_has_no_bounds(name):
    system = MEMBERS[name]()
    assert system.jacobian_bounds(*sample(system)) is None


@pytest.mark.parametrize("name", POLAR)
def test_a_map_in_polar_coordinates_is_followed_away_from_its_centre(name):
    system = MEMBERS[name]()
    x, u = sample(system)
    assert inside(system.jacobian(around(x, 1e-5), u), *system.jacobian_bounds(x, u, 1e-5))
    lo, hi = system.jacobian_bounds(torch.zeros_like(x), u, 0.5)
    assert bool(torch.isinf(lo).all() & torch.isinf(hi).all())


@pytest.mark.parametrize("radius", [1e-5, 1e-2, 0.5])
def test_no_jacobian_and_no_value_of_a_box_escapes(system, radius):
    x, u = sample(system)
    radii = radius * (0.2 + torch.rand(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype))
    bounds = system.jacobian_bounds(x, u, radii)
    y = around(x, radii)
    assert inside(system.jacobian(y, u), *bounds)
    enclosure = system.enclosure(x, u, torch.stack([0 * radii, radii]))
    assert inside(system.step(y, u), enclosure.lo[1], enclosure.hi[1])
    assert inside(system.step(x, u), enclosure.lo[0], enclosure.hi[0])


def test_bounds_close_in_on_the_jacobian(system):
    x, u = sample(system)
    J = system.jacobian(x, u)
    lo, hi = system.jacobian_bounds(x, u)
    assert inside(J, lo, hi)
    assert float((hi - lo).max()) < 1e-11 * (1 + float(J.abs().max())) ** 3
    radius = 1e-5
    lo, hi = system.jacobian_bounds(x, u, radius)
    spread = (system.jacobian(around(x, radius), u) - J).abs().amax(0).sum((-1, -2))
    maps = (system, getattr(system, "inner", system))
    several = "steps as one" in system.name or any(
        isinstance(s, Flow) for s in maps
    )  # steps or stages multiply
    allowed = 100.0 if several else 10.0
    assert bool((((hi - lo) / 2).sum((-1, -2)) <= allowed * spread + 1e-11).all())


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in (*UNFOLLOWED, *UNPROVED, *POLAR)])
def test_balls_agree_with_intervals(name):
    system = MEMBERS[name]()
    x, u = sample(system, batch=1)
    for radius in (0.0, 0.05):
        with flint.ctx.workprec(128):
            F, J = system.ball_enclosure(x[0], u[0], radius)
            ends = [[(float(v.lower()), float(v.upper())) for v in row] for row in J.tolist()]
            values = [(float(v.lower()), float(v.upper())) for v in F.entries()]
        lo, hi = torch.tensor(ends, dtype=torch.float64).unbind(-1)
        bounds = system.jacobian_bounds(x[0], u[0], radius)
        assert inside(system.jacobian(around(x[0], radius), u[0]), lo, hi)
        assert inside(
            system.step(around(x[0], radius), u[0]), *torch.tensor(values, dtype=torch.float64).unbind(-1)
        )
        if radius == 0.0:
            assert bool(((bounds.lo <= lo) & (hi <= bounds.hi)).all())
            assert float((hi - lo).max()) < 1e-25 + 4e-16 * float(
                hi.abs().max()
            )  # the floats they are read as
        assert float((hi - lo).sum()) <= 1.5 * float((bounds.hi - bounds.lo).sum())


@pytest.mark.parametrize("name", UNPROVED)
def test_what_a_forward_computes_in_floating_point_is_bounded_and_not_proved(name):
    system = MEMBERS[name]()
    x, u = sample(system, batch=1)
    assert system.jacobian_bounds(x[0], u[0], 0.05) is not None
    assert system.ball_enclosure(x[0], u[0], 0.05) is None


def test_a_radius_may_be_one_number_or_one_per_point_or_per_unit():
    system = MEMBERS["GRU"]()
    x, u = sample(system)
    whole = system.jacobian_bounds(x, u, 0.1)
    for radius in (torch.full((4,), 0.1, dtype=x.dtype), np.full((4, 5), 0.1)):
        assert_allclose(system.jacobian_bounds(x, u, radius).lo, whole.lo, rtol=0, atol=1e-14)
    each = [system.jacobian_bounds(x[k], u[k], 0.1).hi for k in range(4)]
    assert_allclose(torch.stack(each), whole.hi, rtol=0, atol=1e-13)
    with pytest.raises(InputError, match="radius must be"):
        system.jacobian_bounds(x, u, -1.0)


def test_bounds_are_exact_within_a_piece_and_hold_both_sides_of_a_kink():
    system = MEMBERS["Elman relu"]()
    x, u = sample(system, batch=1)
    W = torch.as_tensor(system.recurrent_weights()["W_rec"])
    clear = float(system.kinks(x, u)) / float(W.abs().sum(1).max())
    within, across = (system.jacobian_bounds(x, u, share * clear) for share in (0.99, 1e4))
    assert float((within.hi - within.lo).max()) < 1e-13
    width = torch.where(W != 0, W.abs(), 0.0)
    assert_allclose((across.hi - across.lo)[0], 2 * width, rtol=0, atol=1e-12)
    tent = dk.catalog.tent()
    lo, hi = tent.jacobian_bounds([0.5], radius=0.0)
    assert float(lo) <= -2 < 2 <= float(hi)


def test_the_weights_of_a_closed_loop_are_effective_ones():
    """W + W_in W_out with one of the three zero or opposite: no width is left where they cancel."""
    W = torch.tensor([[0.7, -0.4], [0.2, 0.5]], dtype=torch.float64)
    eye, b = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    cell = dk.systems.cells.ElmanCell(-W, W, b, "tanh")
    loop = dk.ClosedLoop(dk.systems.derived.WithReadout(cell, eye, b))
    lo, hi = loop.jacobian_bounds([0.3, -0.2], radius=0.5)
    assert float((hi - lo).abs().max()) < 1e-14


def rational(matrix: torch.Tensor) -> np.ndarray:
    return np.array([[Fraction(v) for v in row] for row in matrix.tolist()])


def matrices(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


A, B, V = matrices(3, 20, 20)
FIVE = matrices(6, 20, 20)
EXACT = {
    "weights in a row": (lambda x: (x @ A.T) @ B.T, lambda: rational(B) @ rational(A)),
    "weights side by side": (
        lambda x: x @ A.T + (x @ B.T) @ V.T,
        lambda: rational(A) + rational(V) @ rational(B),
    ),
    "active units between": (lambda x: torch.relu(x @ A.T + 99) @ B.T, lambda: rational(B) @ rational(A)),
    "active units": (lambda x: torch.relu(x + 99) @ B.T, lambda: rational(B)),
    "a sum": (
        lambda x: sum(torch.relu(x @ W.T + 99) for W in FIVE[1:]) + torch.relu(x @ FIVE[0].T + 99),
        lambda: sum(rational(W) for W in FIVE),
    ),
    "a leak": (lambda x: torch.lerp(x, torch.relu(x @ A.T + 99), 0.1), lambda: leaking()),
    "cat": (
        lambda x: torch.cat([x[:, :9] * 0.1, torch.relu(x @ A[9:].T + 99) * 0.3], -1),
        lambda: np.concatenate([Fraction(0.1) * rational(torch.eye(9, 20)), Fraction(0.3) * rational(A[9:])]),
    ),
}


def leaking() -> np.ndarray:
    return (1 - Fraction(0.1)) * rational(torch.eye(20)) + Fraction(0.1) * rational(A)


@pytest.mark.parametrize("name", EXACT)
def test_bounds_hold_the_rational_jacobian(name):
    step, exact = EXACT[name]
    J = exact()
    x = matrices(20)
    lo, hi = dk.FunctionSystem(step, 20).jacobian_bounds(x)
    assert (rational(lo) <= J).all()
    assert (rational(hi) >= J).all()
    assert float((hi - lo).max()) < 1e-12
    with flint.ctx.workprec(128):
        _, balls = dk.FunctionSystem(step, 20).ball_enclosure(x, x[:0], 0.0)
        for ball, value in zip(balls.entries(), J.ravel()):
            assert ball.contains(flint.fmpq(value.numerator, value.denominator))


def states(n: int = 2) -> list[float]:
    return [0.3, -0.4, 0.2][:n]


REFUSED = {
    "a branch on a value": lambda x: 2 * x if bool((x.sum() > 0).all()) else x,
    "NumPy": lambda x: torch.from_numpy(np.tanh(np.asarray(x))),
    "numbers taken out": lambda x: torch.tensor([[float(a), float(b) ** 2] for a, b in x]).double(),
    "single precision": lambda x: (0.5 * x.float()).double(),
    "writing into a tensor": lambda x: write_into(torch.zeros(len(x), 2, dtype=torch.float64), x),
    "an unknown function": lambda x: torch.special.i0(x),
    "rounding": lambda x: torch.round(x, decimals=3),
    "two functions in one": lambda x: 0.5 * x if isinstance(x, torch.Tensor) else 0.6 * x,
}


def write_into(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    y[:, 0] = x[:, 1]
    return y


@pytest.mark.parametrize("name", REFUSED)
def test_code_that_cannot_be_followed_has_no_bounds(name):
    system = dk.FunctionSystem(REFUSED[name], 2)
    assert system.jacobian_bounds(states()) is None
    with flint.ctx.workprec(128):
        assert system.ball_enclosure(torch.tensor(states()).double(), torch.zeros(0).double(), 0.01) is None


JUMPS = {
    "a choice": (lambda x: torch.where(x > 0, x, 0.5 * x), 0.0),
    "a mask": (lambda x: (x >= 0).double() * x, 0.0),
    "a sign": (lambda x: torch.sign(x) + x, 0.0),
    "softplus at its threshold": (nn.functional.softplus, 20.0),
    "softplus with a factor": (lambda x: nn.functional.softplus(x, beta=2.0, threshold=3.0), 1.5),
    "a threshold": (lambda x: nn.functional.threshold(x, 0.4, 0.0), 0.4),
}


@pytest.mark.parametrize("name", JUMPS)
def test_across_a_jump_nothing_is_known_of_the_slope_and_beside_it_all_is(name):
    step, place = JUMPS[name]
    system = dk.FunctionSystem(step, 1)
    lo, hi = system.jacobian_bounds([place], radius=1e-3)
    assert float(lo) == -np.inf
    assert float(hi) == np.inf
    for x in (place - 0.1, place + 0.1):
        lo, hi = system.jacobian_bounds([x], radius=1e-3)
        assert inside(system.jacobian([x]), lo, hi)
        assert float(hi - lo) < 2e-3
    with flint.ctx.workprec(128):
        found = system.ball_enclosure(torch.tensor([place]).double(), torch.zeros(0).double(), 1e-3)
        assert found is None or not found[1][0, 0].is_finite()
        assert (
            system.ball_enclosure(torch.tensor([place + 0.1]).double(), torch.zeros(0).double(), 1e-3)
            is not None
        )


def test_a_discontinuous_map_has_no_bounds():
    system = dk.FunctionSystem(lambda x: torch.tanh(x), 2, regularity="discontinuous")
    assert system.jacobian_bounds(states()) is None


M = torch.tensor([[0.3, -1.2], [0.8, 0.4]], dtype=torch.float64)
FOLLOWED = {
    "columns": lambda x: torch.stack([1 - 1.4 * x[:, 0] ** 2 + x[..., 1], 0.3 * x[:, 0]], 1),
    "unbind": lambda x: torch.stack([x.unbind(-1)[1] / 3, -x.unbind(1)[0]], -1),
    "units by NumPy's numbers": lambda x: torch.stack([x[:, k].sin() for k in np.arange(2)[::-1]], 1),
    "slices": lambda x: torch.cat([x[:, 1:], x[:, :1].sin()], -1),
    "roll and square": lambda x: x.roll(1, -1).square() - x.clone() * x,
    "division": lambda x: x / (1 + x**2) + 1 / (2 + x.exp()),
    "matrix on the right": lambda x: torch.tanh(x @ M) + nn.functional.linear(x, M, M[0]),
    "clamps": lambda x: x.clamp(-0.35, 0.1) + x.clamp_min(-1.0) - torch.clamp(x, max=0.25),
    "leaky relu": lambda x: nn.functional.leaky_relu(x, 0.1) + nn.functional.relu(-x),
    "absolute": lambda x: 1 - (2 * x - 1).abs(),
    "lerp": lambda x: torch.lerp(x, torch.tanh(2 * x), 0.3) + torch.lerp(x, 1 - x, torch.sigmoid(x)),
    "sum": lambda x: x * x.sum(-1, keepdim=True) + (x @ M[0])[:, None],
    "constants": lambda x: torch.ones_like(x) * M[0] + np.float64(0.3) * x - torch.zeros_like(x),
    "waves": lambda x: torch.cos(3 * x) * torch.sin(x - 1.0),
    "cubes": lambda x: x**3 - 0.5 * x.pow(2),
    "layers": seeded(
        lambda: nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2))
    ).double(),
    "softplus": lambda x: nn.functional.softplus(x, threshold=50.0) - 1,
    "one constant unit in between": lambda x: torch.cat(
        [x, torch.zeros(len(x), 1).double(), torch.tanh(x)], -1
    )[:, 3:],
    "constants at the end": lambda x: torch.cat([x[:, :1].sin(), torch.ones(len(x), 1).double()], -1),
    "constant rows": lambda x: 0.5 * x + torch.cat([x, torch.ones(len(x), 2).double()], -1)[:, 2:],
    "a matrix on constants, too": lambda x: torch.cat([x, torch.ones(len(x), 2).double()], -1) @ M.tile(2, 1),
    "nothing but constants": lambda x: torch.zeros_like(x) + 0.5,
}


@pytest.mark.parametrize("radius", [0.0, 1e-3, 0.4])
@pytest.mark.parametrize("name", FOLLOWED)
def test_functions_of_a_users_own_are_followed(name, radius):
    system = dk.FunctionSystem(FOLLOWED[name], 2)
    x = torch.tensor([[0.3, -0.4], [-0.7, 0.12]], dtype=torch.float64)
    lo, hi = system.jacobian_bounds(x, radius=radius)
    assert inside(system.jacobian(around(x, radius)), lo, hi)
    if radius <= 1e-3:
        spread = (system.jacobian(around(x, 1e-3)) - system.jacobian(x)).abs().amax(0).sum()
        assert float((hi - lo).sum()) / 2 <= 8 * float(spread) + 1e-12
    with flint.ctx.workprec(128):
        _, J = system.ball_enclosure(x[0], x.new_zeros(0), radius)
        for y in around(x[0], radius, 20):
            entries = zip(J.entries(), system.jacobian(y).flatten().tolist())
            assert all(abs(ball - value).lower() < 1e-13 for ball, value in entries)


F = nn.functional
BENT = {  # an activation with a kink, where, and a factor that brings 1 between the slopes of both sides
    "relu": (F.relu, 0.0, 2.0),
    "relu6": (F.relu6, 6.0, 2.0),
    "hardtanh": (F.hardtanh, -1.0, 2.0),
    "hardsigmoid": (F.hardsigmoid, 3.0, 12.0),
    "hardswish": (F.hardswish, -3.0, -4.0),
    "leaky_relu": (F.leaky_relu, 0.0, 2.0),
    "prelu": (lambda x: F.prelu(x, torch.tensor([0.2]).double()), 0.0, 2.0),
    "clamp": (lambda x: x.clamp(max=0.5), 0.5, 2.0),
    "maximum": (lambda x: torch.maximum(x, torch.full_like(x, 0.25)), 0.25, 2.0),
    "minimum": (lambda x: torch.minimum(x, 0.5 * x), 0.0, 1.4),
    "where": (lambda x: torch.where(x > 0, x, 0.1 * x), 0.0, 0.5),
    "softshrink": (F.softshrink, 0.5, 2.0),
    "threshold": (lambda x: F.threshold(x, 0.5, 0.5), 0.5, 2.0),
    "selu": (F.selu, 0.0, 0.7),
    "elu": (lambda x: F.elu(x, 0.5), 0.0, 1.4),
    "abs": (torch.abs, 0.0, 2.0),
}


@pytest.mark.parametrize("name", BENT)
def test_a_point_on_a_kink_is_found_and_gets_no_certificate(name):
    f, place, factor = BENT[name]
    at = f(torch.tensor([[place]]).double())
    system = dk.FunctionSystem(lambda x: place + factor * (f(x) - at), 1)
    assert float(system.kinks([place])) == 0.0
    points = dk.find_fixed_points(system, np.array([[place]]), seed=0)
    here = np.abs(points.states[:, 0] - place) < 1e-9
    assert here.any()
    assert not points.certified[here].any()
