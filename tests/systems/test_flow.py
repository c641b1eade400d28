"""Flows: order, exact derivatives, integration to the last digits, and the flows behind networks."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.integrate import RK45

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems.runge_kutta import METHODS, averages

from .members import MEMBERS, leaky, looped, own, sample


def spun(flow):
    """The circle flow z' = (mu + i omega) z - |z|^2 z from r0 on, in closed form (mu = omega = 1)."""
    r0 = 0.3
    square = 1 / (1 + (1 / r0**2 - 1) * np.exp(-2 * flow.dt))
    return np.array([r0, 0.0]), np.sqrt(square) * np.array([np.cos(flow.dt), np.sin(flow.dt)])


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("rk4", 4)])
def test_a_method_has_its_order(method, order):
    errors = []
    for n in (16, 32):
        flow = dk.as_flow(dk.Flow(lambda x: -x + x**2, 1, dt=1.0), method=method, n_substeps=n)
        decayed = 0.3 * np.exp(-1.0)
        errors.append(abs(float(flow.step([0.3])) - decayed / (1 - 0.3 + decayed)))  # Bernoulli's equation
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.03


def test_the_fifth_order_coefficients_are_those_of_scipy():
    rows, weights = METHODS["dopri5"]
    assert_allclose([row + (0.0,) * (5 - len(row)) for row in rows], RK45.A, rtol=1e-15)
    assert_allclose(weights, RK45.B, rtol=1e-15)


def test_substeps_are_shorter_steps():
    whole, halves = (dk.as_flow(MEMBERS["lorenz"](), dt=dt, n_substeps=n) for dt, n in ((0.02, 2), (0.01, 1)))
    x = sample(whole)[0]
    assert_allclose(whole.step(x), halves.step(halves.step(x)), rtol=1e-14)
    assert_allclose(whole.jacobian(x), dk.Iterated(halves, 2).jacobian(x), rtol=1e-12, atol=1e-14)


def test_integration_is_exact_to_the_last_digits():
    flow = dk.catalog.stuart_landau(dt=2.0)
    x0, truth = spun(flow)
    states = flow.integrate(x0, None, 2.0, n_steps=4)
    assert states.shape == (4, 2)
    assert_allclose(states[-1], truth, rtol=0, atol=2e-14)
    assert_allclose(flow.integrate(truth, None, -2.0)[0], x0, rtol=0, atol=2e-13)  # back again
    many = flow.integrate(np.stack([x0, truth]), None, [2.0, -2.0])[:, 0]  # each for a time of its own
    assert_allclose(many, [truth, x0], rtol=0, atol=2e-13)
    assert torch.equal(flow.integrate(x0, None, 0.0)[0], torch.from_numpy(x0))
    assert flow.integrate(np.zeros((0, 2)), None, 1.0).shape == (0, 1, 2)


@pytest.mark.parametrize("mu", [0.5, 1.0])
def test_monodromy_of_a_circle_has_its_multipliers(mu):
    period = 2 * np.pi / 0.7
    flow = dk.catalog.stuart_landau(mu, 0.7)
    state, matrix = flow.monodromy([np.sqrt(mu), 0.0], None, period)
    assert_allclose(state, [np.sqrt(mu), 0.0], atol=1e-12)
    # radially e^{-2 mu T}; along the circle 1
    assert_allclose(matrix, np.diag([np.exp(-2 * mu * period), 1.0]), atol=1e-12)


def test_monodromy_is_the_derivative_with_respect_to_the_start():
    flow = MEMBERS["flow"]()
    x, u = (v[0] for v in sample(flow))
    matrix = flow.monodromy(x, u, 0.7).matrix
    shifts = 1e-6 * torch.eye(5).double()
    columns = [(flow.integrate(x + s, u, 0.7) - flow.integrate(x - s, u, 0.7))[0] / 2e-6 for s in shifts]
    assert_allclose(matrix, torch.stack(columns, -1), atol=1e-8)


def test_van_der_pol_by_shooting():
    flow, unknown = dk.catalog.van_der_pol(), np.array([2.0, 6.6])
    for _ in range(6):
        state, matrix = flow.monodromy([unknown[0], 0.0], None, unknown[1])
        slope = np.column_stack([matrix[:, 0].numpy() - [1, 0], flow.rhs(state).numpy()])
        unknown = unknown - np.linalg.solve(slope, state.numpy() - [unknown[0], 0.0])
    assert_allclose(unknown, [2.008619860874843, 6.6632868593231301897], rtol=0, atol=1e-12)
    assert_allclose(np.linalg.det(matrix), np.exp(-1.0593768 * unknown[1]), rtol=1e-5)


def test_states_that_leave_are_nan_and_lose_no_neighbour():
    flow = dk.Flow(lambda x: x**2, 1, dt=0.1)  # 1 / (1 - t) from 1 on
    states = flow.integrate([[1.0], [-1.0], [np.nan]], None, 2.0, n_steps=4)[..., 0]
    assert_allclose(states[0], [2.0, np.nan, np.nan, np.nan], rtol=1e-12)
    assert_allclose(states[1], -1 / (1 + np.array([0.5, 1.0, 1.5, 2.0])), rtol=1e-12)
    assert bool(torch.isnan(states[2]).all())


def test_derivatives_of_starts_side_by_side_are_those_of_each_and_one_that_leaves_loses_no_neighbour():
    """x' = x^2: x(t) = x / (1 - x t), whose derivative is 1 / (1 - x t)^2; from 1 on it leaves at 1."""
    flow = dk.Flow(lambda x: x**2, 1, dt=0.1)
    x, times = np.array([-1.0, 0.4, 1.0, np.nan, 0.2, -3.0]), np.array([2.0, 2.0, 2.0, 2.0, 0.0, -0.2])
    found = flow.monodromy(x[:, None], None, times, rtol=1e-9)
    expected = x / (1 - x * times)
    lost = (x == 1) | np.isnan(x)
    assert_allclose(found.state[~lost, 0], expected[~lost], rtol=1e-8)
    assert_allclose(found.matrix[~lost, 0, 0], 1 / (1 - x * times)[~lost] ** 2, rtol=1e-7)
    assert torch.isnan(found.state[lost]).all()
    assert torch.isnan(found.matrix[lost]).all()


def test_the_velocity_is_public():
    flow = MEMBERS["flow"]()
    x, u = sample(flow)
    assert_allclose(flow.rhs(x, u), flow.field.step(x, u))
    assert_allclose(flow.rhs_jacobian(x, u), flow.field.jacobian(x, u))
    small = dk.as_flow(flow, dt=1e-6)
    assert_allclose((small.step(x, u) - x) / 1e-6, flow.rhs(x, u), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rhs": 3}, "rhs must be callable, got int"),
        ({"rhs": lambda x: x[:, :1]}, r"rhs must return shape \(2, 2\)"),
        ({"rhs": lambda x: x + torch.randn_like(x)}, "rhs must be deterministic"),
        ({"dt": 0.0}, "dt must be a finite number"),
        ({"method": "rk5"}, "method must be one of .*; did you mean 'rk4'"),
        ({"n_substeps": 0}, "n_substeps must be at least 1"),
        ({"input_size": 2}, "argument_order must be stated"),
        ({"rhs": dk.catalog.henon(), "state_size": 3}, "rhs is a System of 2 units and 0 inputs"),
    ],
)
def test_what_is_no_flow_is_refused(arguments, message):
    given = {"rhs": lambda x: -x, "state_size": 2, "dt": 0.1, **arguments}
    with pytest.raises(InputError, match=message):
        dk.Flow(given.pop("rhs"), given.pop("state_size"), **given)


def test_bad_times_are_refused():
    flow = dk.catalog.van_der_pol()
    with pytest.raises(InputError, match="time must be finite"):
        flow.integrate([1.0, 0.0], None, np.inf)
    with pytest.raises(InputError, match=r"time \(3,\) must be a number or one per start \(2,\)"):
        flow.monodromy(np.ones((2, 2)), None, np.ones(3))
    with pytest.raises(InputError, match="rtol must be"):
        flow.integrate([1.0, 0.0], None, 1.0, rtol=1e-16)
    with pytest.raises(InputError, match="dt is part of a flow"):
        dk.as_system(flow, dt=5.0)


# --- the flows behind networks


@pytest.mark.parametrize("form", ["current", "rate"])
def test_a_leaky_network_is_eulers_step_of_its_flow(form):
    network = leaky(form, "tanh", None)  # dt = 20 ms, tau = 50 ms
    flow = dk.as_flow(network, method="euler")
    x, u = sample(network)
    assert_allclose(flow.step(x, u), network.step(x, u), rtol=1e-14, atol=1e-15)
    assert (flow.dt, flow.dt_ms, flow.euler, round(flow.alpha, 12)) == (20.0, 20.0, True, 0.4)
    finer = dk.as_flow(network, method="euler", dt=20.0 * 2**-12)  # converges to the same flow
    assert_allclose(
        finer.settle(x, u, 2**12), dk.as_flow(network).integrate(x, u, 20.0)[..., 0, :], atol=1e-3
    )
    assert_allclose(dk.as_flow(flow).step(x, u), dk.as_flow(network).step(x, u), atol=1e-14)


def test_the_verdicts_on_the_flow_agree():
    network = dk.as_system(dk.models.LeakyRNN(1, 12, 1, dt=10.0, tau=50.0, activation="tanh", seed=3))
    flow = dk.as_flow(network)
    points = dk.find_fixed_points(network, seed=0, max_starts=32)
    modes = dk.linearize(network, points)
    rates = np.linalg.eigvals(flow.rhs_jacobian(points.states).numpy())  # per ms
    assert_allclose(np.sort(rates.real * 50.0), np.sort(modes.flow_eigenvalues.real), atol=1e-9)
    exact = flow.monodromy(points.states, None, 10.0)
    assert_allclose(exact.state, points.states, atol=1e-9)
    grown = np.sort(np.log(np.abs(np.linalg.eigvals(exact.matrix.numpy()))))
    assert_allclose(grown, np.sort(rates.real * 10.0), atol=1e-7)


def test_a_closed_network_hears_itself_once_per_step_and_its_flow_at_every_moment():
    loop = MEMBERS["closed reservoir"]()
    flow, opened = dk.as_flow(loop), loop.inner
    x, _ = sample(loop)
    assert loop.flow() is None
    assert_allclose(flow.rhs(x), opened.rhs(x, opened.observe(x)), atol=1e-14)
    assert_allclose(loop.step(x), opened.step(x, opened.observe(x)), atol=1e-15)
    gap = []
    for dt in (0.01, 0.005):
        held = dk.as_flow(opened, dt=dt)
        gap.append(float((dk.as_flow(loop, dt=dt).step(x) - held.step(x, held.observe(x))).abs().max()))
    assert abs(np.log2(gap[0] / gap[1]) - 2) < 0.1  # the two differ by the delay of half a step


def test_a_closed_flow_hears_itself_at_every_moment_step_by_step():
    loop = MEMBERS["closed flow"]()
    opened = loop.inner
    x, _ = sample(loop)
    flow = loop.flow()
    assert_allclose(flow.rhs(x), opened.rhs(x, opened.observe(x)), atol=1e-14)
    for one in (dk.as_flow(loop), flow):
        assert torch.equal(one.step(x), loop.step(x))
        assert torch.equal(one.jacobian(x), loop.jacobian(x))
    exact = flow.integrate(x, None, 0.1)[:, 0]
    assert float((loop.step(x) - exact).abs().max()) < 1e-4
    held = opened.step(x, opened.observe(x))
    assert float((held - exact).abs().max()) > 1e-3  # the cue's step holds its input
    assert torch.equal(loop.drive(x, opened.observe(x)), held)


def test_a_driven_flow_is_a_flow():
    driven = MEMBERS["driven flow"]()
    x, _ = sample(driven)
    assert_allclose(dk.as_flow(driven).step(x), driven.step(x), atol=1e-14)
    assert_allclose(
        dk.as_flow(driven).integrate(x, None, 0.3)[:, 0],
        driven.inner.integrate(x, driven.constant, 0.3)[:, 0],
    )


def test_what_no_flow_is_behind_is_refused():
    for model in (
        own("GRU"),
        looped("Elman"),
        leaky("rectified", "tanh", None),
        dk.Iterated(leaky("rate", "tanh", None), 2),
    ):
        with pytest.raises(InputError, match="is no step of a flow; give the right-hand side"):
            dk.as_flow(model)


# --- boxes


def test_a_step_averages_up_to_a_known_step_size():
    z = {"euler": 1.0, "rk4": 1.295597742522085}  # rk4: the real root of 1 - z + z^2/2 - z^3/4
    for method, most in z.items():
        assert averages(METHODS[method], 0.999999 * most)
        assert not averages(METHODS[method], 1.000001 * most)


def test_a_relaxing_flow_has_the_box_of_its_units():
    reservoir = dk.models.Reservoir(2, 40, 2, density=0.3, dt=0.25, gamma=5.0, spectral_radius=30.0)
    system = dk.as_system(reservoir)  # z = 1.25
    box = system.box([3.0, -2.0])
    assert_allclose(box.hi, 1.0)
    x = torch.ones(40).double() * torch.tensor([[1.0], [-1.0]])
    for _ in range(50):
        x = system.step(x, [3.0, -2.0])
        assert float(x.abs().max()) <= 1.0  # 1 itself is what tanh is rounded to
    assert dk.ClosedLoop(system).box() is not None
    assert dk.as_flow(dk.ClosedLoop(system)).box() is not None
    assert dk.as_system(dk.models.Reservoir(2, 40, 2, density=0.3, dt=0.27)).box() is None
    assert MEMBERS["flow"]().box(np.zeros(3)) is None


def test_time_has_a_unit():
    assert dk.catalog.lorenz().dt_ms is None
    assert dk.catalog.lorenz().dt == 0.01
    assert dk.Driven(dk.Flow(lambda x: -x, 1, dt=3.0, time_unit="ms"), []).dt_ms == 3.0
    assert dk.Iterated(dk.catalog.lorenz(), 3).dt_ms is None


def test_results_say_ms_only_where_the_unit_is_known():
    for flow, dt in ((dk.catalog.lorenz(), None), (dk.as_flow(leaky("rate", "tanh", None)), 20.0)):
        assert dk.linearize(flow, np.zeros((1, flow.state_size))).dt == dt
