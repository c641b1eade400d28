"""Units with time constants of their own: fixed points that do not move, modes and flows written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk

TAU = np.array([40.0, 60.0, 100.0, 400.0])  # ms
W = np.array([[0.5, -1.2, 0.0, 0.3], [1.1, 0.4, -0.6, 0.0], [0.0, 0.9, 1.6, -0.2], [0.4, 0.0, 0.7, 1.3]])
B = np.array([0.1, -0.2, 0.3, 0.05])


def network(tau, form: str = "current", activation: str = "tanh", dt: float = 20.0) -> dk.models.LeakyRNN:
    model = dk.models.LeakyRNN(1, 4, 1, dt=dt, tau=tau, form=form, activation=activation).double()
    with torch.no_grad():
        for own, value in ((model.W_rec, W), (model.b_rec, B)):
            own.copy_(torch.from_numpy(value))
    return model


def slopes(x: np.ndarray) -> np.ndarray:
    return 1 - np.tanh(x) ** 2


def velocity_jacobian(x: np.ndarray, form: str) -> np.ndarray:
    """d/dx of (W tanh(x) + b - x) / tau, or of (tanh(W r + b) - r) / tau, per ms."""
    inner = W * slopes(x) if form == "current" else slopes(W @ x + B)[:, None] * W
    return (inner - np.eye(4)) / TAU[:, None]


@pytest.mark.parametrize(
    ("form", "activation"),
    [("current", "tanh"), ("rate", "tanh"), ("current", "relu"), ("rate", "relu"), ("rectified", "relu")],
)  # a tanh outside the leak is another equation
def test_fixed_points_do_not_ask_how_fast_a_unit_is(form, activation):
    """They solve x = W f(x) + b (r = f(W r + b)), whatever tau: found, certified and counted alike."""
    gain = 0.3 if activation == "relu" else 2.0
    found = []
    for tau in (100.0, TAU):
        model = network(tau, form, activation)
        with torch.no_grad():
            model.W_rec.mul_(gain)
        system = dk.as_system(model)
        points = dk.find_fixed_points(system, max_starts=100)
        assert points.certified.all()
        if activation == "relu":
            exact = dk.enumerate_fixed_points(system)
            assert (exact.completeness, len(exact)) == ("proved", len(points))
        found.append(np.array(sorted(points.states.tolist())))
    assert len(found[0]) == (1 if activation == "relu" else 5)
    assert_allclose(found[1], found[0], atol=1e-9)


@pytest.mark.parametrize("form", ["current", "rate"])
def test_modes_of_the_flow_are_those_of_its_velocity(form):
    model = network(TAU, form)
    system = dk.as_system(model)
    points = dk.find_fixed_points(system, max_starts=50)
    modes, flow = dk.linearize(system, points), dk.as_flow(model, dt=1.0)
    assert_allclose(system.alpha, 20.0 / TAU, rtol=1e-15)
    assert (flow.time_unit, flow.dt) == ("ms", 1.0)
    own = dk.linearize(flow, points)
    for k, x in enumerate(points.states):
        mu = np.sort_complex(np.linalg.eigvals(velocity_jacobian(x, form)))
        assert_allclose(flow.rhs_jacobian(x), velocity_jacobian(x, form), atol=1e-15)
        assert_allclose(np.sort_complex(own.eigenvalues[k]), mu, atol=1e-14)
        assert_allclose(np.sort_complex(modes.flow_eigenvalues[k]), mu * TAU.mean(), atol=1e-12)
        assert_allclose(np.sort(modes.flow_time_constants_ms[k]), np.sort(-1 / mu.real), rtol=1e-9)
    assert modes.flow_verdicts.tolist() == own.verdicts.tolist()


def test_two_units_alone_have_their_own_two_times(tmp_path):
    model = network(TAU)
    with torch.no_grad():
        model.W_rec.zero_()
    modes = dk.linearize(dk.as_system(model), [B])
    assert_allclose(modes.flow_time_constants_ms[0], TAU[::-1], rtol=1e-12)
    assert_allclose(modes.time_constants_ms[0], -20 / np.log(1 - 20 / TAU[::-1]), rtol=1e-12)
    modes.save(tmp_path)
    back = dk.load(tmp_path)
    assert back == modes
    assert_allclose(back[[0]].flow_time_constants_ms[0], TAU[::-1], rtol=1e-12)  # alpha is of units, not of points


def test_equal_time_constants_say_what_one_says():
    one, each = (dk.as_system(network(tau)) for tau in (80.0, [80.0] * 4))
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert one.alpha == each.alpha == 0.25
    assert one.fingerprint == each.fingerprint != dk.as_system(network([80.0] * 3 + [90.0])).fingerprint
    assert torch.equal(one.step(x), each.step(x))
    assert torch.equal(one.jacobian(x), each.jacobian(x))


def test_flows_without_a_dt_count_in_the_mean_time_constant():
    system = dk.as_system(network(TAU))
    system.dt = None
    flow = dk.as_flow(system)
    x = np.array([0.3, -0.1, 0.5, 1.0])
    assert flow.time_unit == "tau"
    assert_allclose(flow.rhs(x), (W @ np.tanh(x) + B - x) * TAU.mean() / TAU, atol=1e-14)
    assert_allclose(flow.dt, 20.0 / TAU.mean(), rtol=1e-15)


def test_the_ghost_of_a_unit_takes_that_units_own_time():
    """tau dx/dt = b - x + 1.5 tanh x, b past its fold by eps: passed in pi tau / sqrt(a eps) (Strogatz, sec. 4.3)."""
    fold = -np.arctanh(np.sqrt(1 / 3))  # where the slope 1.5 (1 - tanh^2) is one
    eps, curvature = 0.004, 1.5 * np.sqrt(1 / 3) * 2 / 3
    model = network(TAU)
    with torch.no_grad():
        model.W_rec.zero_()
        model.W_rec[0, 0] = 1.5
        model.b_rec.zero_()
        model.b_rec[0] = fold - 1.5 * np.tanh(fold) + eps
    slow = dk.find_slow_points(dk.as_system(model), max_starts=60).ghosts
    assert_allclose(slow.states, [[fold, 0.0, 0.0, 0.0]], atol=1e-6)
    assert_allclose(slow.speeds, 0.5 * (20 / TAU[0] * eps) ** 2, rtol=1e-6)
    assert_allclose(slow.passage_times_ms, np.pi * TAU[0] / np.sqrt(curvature * eps), rtol=1e-4)


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_the_box_of_a_flow_holds_as_long_as_the_step_suits_the_fastest_unit(method):
    """A step of at most tau is an average of x and values of G; the box is known up to the least tau."""
    model = network(TAU, "rate")
    steps = [dk.as_flow(model, dt=dt, method=method) for dt in (20.0, 41.0)]
    if method == "euler":
        assert [flow.euler for flow in steps] == [True, False]
        assert_allclose(steps[0].alpha, 20.0 / TAU)
        assert [flow.box() is not None for flow in steps] == [True, False]
    box = steps[0].box()
    x = torch.rand(2000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    corners = torch.sign(x)
    for start in (x, corners):
        after = steps[0].step(start)
        assert bool(((after >= box.lo) & (after <= box.hi)).all())


def test_contraction_is_seen_through_unlike_leaks():
    """rho(|W|) < 1 contracts x + A (W f(x) - x) for any leaks A: some diagonal norm shrinks in every step."""
    for form in ("current", "rate"):
        system = dk.as_system(network(TAU, form))
        assert system.lipschitz() > 1
        model = network(TAU, form)
        with torch.no_grad():
            model.W_rec.mul_(0.95 / np.abs(np.linalg.eigvals(np.abs(W))).max())
        system = dk.as_system(model)
        assert 1 - 0.05 * 20 / 40 < system.lipschitz() < 1
        assert dk.check_echo_state(system, torch.zeros(300, 1).double()).proved

