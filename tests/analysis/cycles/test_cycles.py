"""Cycles, invariant circles and limit cycles whose answers are known."""

import functools
import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import dynakit as dk
from dynakit.analysis.cycles import circle as solver
from dynakit.analysis.cycles import shooting
from dynakit.analysis.cycles.autonomous import Autonomous, settle
from dynakit.analysis.cycles.flow_cycles import loop_multipliers, loop_object, shoot
from dynakit.analysis.cycles.rotation import rotation_number
from dynakit.analysis.cycles.views import view_of
from dynakit.analysis.exponents import birkhoff

GOLDEN = (np.sqrt(5) - 1) / 2
DT = 0.2
A = np.sqrt(1 - DT**2)
RADIUS2 = 1 + (1 - A) / DT  # of the circle of Euler's step of z' = (1 + i) z - |z|^2 z


def euler_step(z, omega=1.0, dt=DT):
    x, y = z[..., 0], z[..., 1]
    r2 = x * x + y * y
    return torch.stack([x + dt * (x - omega * y - r2 * x), y + dt * (y + omega * x - r2 * y)], -1)


def euler(readout=None):
    return dk.FunctionSystem(euler_step, 2, readout=readout)


def closed_form(omega, dt=DT, mu=1.0):
    a = np.sqrt(1 - (omega * dt) ** 2)
    return np.arcsin(omega * dt) / (2 * np.pi), mu + (1 - a) / dt, a


def as_map(system):
    return Autonomous(system, torch.zeros(system.input_size, dtype=torch.float64))


def find(system, starts, n_transient=300, n_record=1024, **settings):
    return dk.find_limit_cycles(system, starts, settings=dk.CycleSettings(n_transient, n_record, **settings))


@functools.cache
def euler_circle():
    return find(dk.catalog.stuart_landau_euler(), [[1.0, 0.2]])


@functools.cache
def delayed_circle(a=2.05, n_transient=1000, n_record=1024):
    return find(dk.catalog.delayed_logistic(a), [[0.52, 0.5]], n_transient, n_record)


# --- invariant circles ---------------------------------------------------------------------------------


def test_euler_stuart_landau_has_the_circle_of_the_closed_form():
    circle = euler_circle()
    assert circle.kinds.tolist() == ["invariant circle"]
    assert_allclose(circle.rotation_numbers, np.arcsin(DT) / (2 * np.pi), rtol=0, atol=1e-12)
    assert_allclose(np.linalg.norm(circle.curve(np.linspace(0, 1, 50)), axis=1) ** 2, RADIUS2, atol=1e-12)
    assert_allclose(circle.transverse_moduli[0, 0], 1 - 2 * DT * RADIUS2 * A, rtol=1e-12)
    assert_allclose(circle.exponents[0], [0.0, np.log(1 - 2 * DT * RADIUS2 * A)], atol=1e-12)
    assert circle.residuals[0] < 1e-13
    assert circle.digits[0] >= 13
    assert circle.verdicts.tolist() == ["attracting"]
    assert circle.trivial_errors[0] < 1e-12
    assert_allclose(circle.decay_per_revolution, (1 - 2 * DT * RADIUS2 * A) ** (2 * np.pi / np.arcsin(DT)))


@pytest.mark.parametrize("omega", [1.0, -1.0, 3.0])
def test_the_sign_is_the_direction(omega):
    system = dk.FunctionSystem(lambda z: euler_step(z, omega), 2)
    rho, digits = rotation_number(as_map(system), as_map(system).orbit(np.array([1.0, 0.2]), 4096)[1000:])
    assert_allclose(rho, closed_form(omega)[0], rtol=0, atol=1e-12)
    assert digits > 10


@pytest.mark.parametrize("rho", [0.47, -0.47, 0.493])
def test_rotation_by_nearly_one_half_of_a_long_curve_keeps_its_sign(rho):
    theta = 2 * np.pi * rho * np.arange(4000)
    points = np.stack([np.cos(theta), 0.4 * np.sin(theta)], 1)
    assert_allclose(birkhoff.rotation(points).number, rho, rtol=0, atol=1e-12)


def test_weighted_averages_converge_where_plain_ones_do_not():
    n = np.arange(1001) * GOLDEN
    h = 2 * np.pi * (n + 0.6 / (2 * np.pi) * np.sin(2 * np.pi * n))
    turn = np.diff(h) / (2 * np.pi)
    assert abs(birkhoff.average(turn) - GOLDEN) < 1e-13
    assert abs(turn.mean() - GOLDEN) > 1e-7


def test_conjugated_rotation_in_the_catalogue():
    system = dk.catalog.circle_map(GOLDEN, skew=0.5)
    rho, digits = rotation_number(as_map(system), as_map(system).orbit(np.array([1.0, 0.1]), 4300)[200:])
    assert_allclose(abs(rho), 1 - GOLDEN, rtol=0, atol=1e-13)
    assert digits > 12


def test_figure_eight_is_seen_through_delays():
    theta = 2 * np.pi * 0.0371 * np.arange(4096)
    eight = np.stack([np.cos(theta), np.sin(2 * theta)], 1)
    base = birkhoff.fundamental(eight, []).number
    through = birkhoff.rotation(birkhoff.filtered(eight, base))
    assert_allclose(through.number, 0.0371, rtol=0, atol=1e-12)
    assert through.clear > 0.5


def test_figure_eight_of_the_readout_has_the_rotation_number_of_its_state():
    def eight(z):
        return torch.stack([z[:, 0], 2 * z[:, 0] * z[:, 1]], 1)

    def hears_itself(z, u):
        return euler_step(torch.stack([u[:, 0], z[:, 1]], 1)) + (u[:, 1] - eight(z)[:, 1])[:, None]

    system = dk.FunctionSystem(hears_itself, 2, 2, argument_order="state, input", readout=eight)
    circle = find(dk.ClosedLoop(system), [[1.0, 0.2]])
    assert_allclose(circle.rotation_numbers, np.arcsin(DT) / (2 * np.pi), atol=1e-12)
    x = circle.curve(np.linspace(0, 1, 9))
    assert_allclose(circle.output_curve(np.linspace(0, 1, 9)), eight(torch.from_numpy(x)), atol=1e-12)


def test_a_state_that_runs_through_a_figure_eight():
    def f(s):  # (x, y) of Euler's step is (s_0, 20 s_2); s_1 is drawn to 2 x y
        x, y = s[:, 0], 20 * s[:, 2]
        lag = s[:, 1] - 2 * x * y
        x, y = euler_step(torch.stack([x, y], 1)).unbind(1)
        return torch.stack([x, 2 * x * y + 0.5 * lag, 0.05 * y], 1)

    circle = find(dk.FunctionSystem(f, 3, readout=lambda s: s[:, :2]), [[1.0, 0.2, 0.01]])
    assert circle.kinds.tolist() == ["invariant circle"]
    assert_allclose(abs(circle.rotation_numbers), np.arcsin(DT) / (2 * np.pi), atol=1e-12)
    assert_allclose(circle.transverse_moduli[0, :2], [1 - 2 * DT * RADIUS2 * A, 0.5], rtol=1e-10)


def normal_form_radius(a, x):
    """Mean |<p, x - fixed point>|, p the left eigenvector at a = 2 with <p, q> = 1, |q| = 1 (Kuznetsov 2004, 4.7)."""
    values, left = np.linalg.eig(np.array([[1.0, -1.0], [1.0, 0.0]]).T)
    p = left[:, values.imag.argmin()]
    q = np.array([np.exp(1j * np.pi / 3), 1.0]) / np.sqrt(2)
    p = p / np.conj(np.vdot(p, q))
    return np.abs((x - (1 - 1 / a)) @ p.conj()).mean()


@pytest.mark.parametrize(("a", "radius", "digits"), [(2.005, 0.04990, 7.0), (2.02, 0.09923, 11.5)])
def test_delayed_logistic_map_beyond_its_neimark_sacker_bifurcation(a, radius, digits):
    circle = delayed_circle(a, 4500, 4096)
    assert circle.kinds.tolist() == ["invariant circle"]
    assert (
        digits <= circle.digits[0] < digits + 2.5
    )  # small divisors: the bifurcation is near the resonance 1:6
    assert circle.residuals[0] <= 1e-12
    measured = normal_form_radius(a, circle.curve(np.arange(400) / 400))
    assert_allclose(measured, np.sqrt(np.sqrt(a - 1) - 1), rtol=0.35 * (a - 2) + 1e-4)
    assert_allclose(measured, radius, atol=1e-5)
    assert_allclose(np.log(circle.transverse_moduli[0, 0]), circle.exponents[0, 1], atol=1e-6)


def test_residual_of_a_circle_is_measured_and_not_believed():
    circle = delayed_circle()
    curve = solver.Curve(circle.coefficients[0, : circle.harmonics[0] + 1], circle.rotation_numbers[0])
    flow = as_map(dk.catalog.delayed_logistic(2.05))
    assert solver.invariance(flow, curve) < 1e-10
    assert solver.invariance(flow, curve._replace(rho=curve.rho + 1e-6)) > 1e-6
    assert solver.invariance(flow, curve.resized(2)) > 1e-4


@pytest.mark.parametrize("most_unknowns", [10**6, 0])
def test_newton_from_a_poor_curve_by_the_whole_system_and_by_its_split(most_unknowns, monkeypatch):
    monkeypatch.setattr(solver, "DENSE", most_unknowns)
    rho, r2, _ = closed_form(1.0)
    c = np.zeros((5, 2), complex)
    c[1] = 0.5 * np.sqrt(r2) * 1.05 * np.array([1, -1j])
    c[2] = 0.02
    curve, residual = solver.refine(as_map(euler()), solver.Curve(c, rho + 1e-3), 16)
    assert residual < 1e-12
    assert_allclose(curve.rho, rho, atol=1e-13)


def test_circle_in_a_large_space_by_collocation_and_by_exponents():
    rng = np.random.default_rng(0)
    n = 30
    R = torch.from_numpy(np.linalg.qr(rng.standard_normal((n, n)))[0])
    slow = torch.linspace(0.8, -0.5, n - 2, dtype=torch.float64)

    def f(x):
        z = x @ R
        ahead = euler_step(z[:, :2])
        rest = z[:, 2:] * (slow * (1 + 0.1 * ahead[:, :1])) + 0.1 * ahead[:, 1:] ** 2
        return torch.cat([ahead, rest], 1) @ R.T

    def jacobian(x):
        z = x @ R
        a, b = z[:, 0], z[:, 1]
        J = z.new_zeros(len(z), n, n)
        J[:, 0, 0], J[:, 0, 1] = 1 + DT * (1 - 3 * a * a - b * b), DT * (-1 - 2 * a * b)
        J[:, 1, 0], J[:, 1, 1] = DT * (1 - 2 * a * b), 1 + DT * (1 - a * a - 3 * b * b)
        ahead = euler_step(z[:, :2])
        J[:, 2:, :2] = (
            0.1 * (z[:, 2:] * slow)[..., None] * J[:, :1, :2] + 0.2 * ahead[:, 1:, None] * J[:, 1:2, :2]
        )
        J[:, 2:, 2:] = torch.diag_embed(slow * (1 + 0.1 * ahead[:, :1]))
        return R @ J @ R.T

    system = dk.FunctionSystem(f, n, jacobian=jacobian)
    circle = find(system, rng.standard_normal((1, n)))
    assert circle.kinds.tolist() == ["invariant circle"]
    expected = [np.exp(circle_average(s)) for s in slow[:3].tolist()]
    assert_allclose(circle.transverse_moduli[0, :3], expected, rtol=1e-8)
    assert_allclose(np.log(circle.transverse_moduli[0, :3]), circle.exponents[0, 1:4], atol=1e-6)


def circle_average(s):
    theta = 2 * np.pi * np.arange(512) / 512
    return np.log(np.abs(s * (1 + 0.1 * np.sqrt(RADIUS2) * np.cos(theta)))).mean()


# --- cycles of maps ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("r", "period"), [(3.5, 4), (3.83, 3), (3.2, 2), (2.8, 1)])
def test_logistic_cycles_have_their_period_and_multiplier(r, period):
    cycle = dk.find_limit_cycles(dk.catalog.logistic(r), [[0.31]])
    assert cycle.periods.tolist() == [period]
    x = cycle.orbits[0, :, 0]
    assert_allclose(cycle.multipliers[0, 0], np.prod(r * (1 - 2 * x)), rtol=1e-12)
    assert_allclose(r * x * (1 - x), np.roll(x, -1), atol=1e-14)
    assert_allclose(cycle.exponents[0, 0], np.log(abs(np.prod(r * (1 - 2 * x)))) / period, rtol=1e-10)
    assert cycle.certified.all()


def test_two_cycle_of_one_neuron():
    root = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 1)
    cycle = dk.find_limit_cycles(dk.catalog.tanh_unit(-2.0), [[0.3], [-0.8]])
    assert_allclose(np.sort(cycle.orbits[0, :, 0]), [-root, root], atol=1e-12)
    assert_allclose(cycle.multipliers[0], (2 * (1 - root**2)) ** 2, rtol=1e-10)
    assert cycle.start_object.tolist() == [0, 0]


def test_unstable_cycles_of_the_henon_map():
    cycles = dk.find_limit_cycles(
        dk.catalog.henon(), [[0.1, 0.1]], periods=4, settings=dk.CycleSettings(n_record=1024)
    )
    counted = dict(zip(*np.unique(cycles.periods[np.isfinite(cycles.periods)], return_counts=True)))
    assert counted == {1: 2, 2: 1, 4: 1}
    known = np.isfinite(cycles.periods)
    product = np.prod(cycles.multipliers[known], axis=1)
    assert_allclose(product, (-0.3) ** cycles.periods[known], rtol=1e-9)
    assert (cycles.verdicts[known] == "saddle").all()
    assert cycles.certified[known].all()


def test_a_cycle_beside_a_start_is_found_though_it_repels():
    roots = dk.find_limit_cycles(
        dk.catalog.logistic(3.9), [[1 - 1 / 3.9 + 1e-5]], settings=dk.CycleSettings(n_record=1024)
    )
    assert roots.kinds.tolist() == ["fixed point", "chaotic"]
    assert roots.verdicts[0] == "repelling"
    assert roots.start_object.tolist() == [1]


def test_six_steps_around_a_three_cycle_are_a_three_cycle():
    flow = as_map(dk.catalog.logistic(3.83))
    x = flow.orbit(settle(flow, np.array([[0.3]]), 1000).states[0], 5)
    assert shooting.minimal(flow, shooting.close(flow, x)).period == 3


def test_a_doubled_cycle_close_to_its_parent_keeps_its_period():
    flow = as_map(dk.catalog.logistic(3.0 + 1e-6))
    x = np.array([[(4 + 1e-6 + np.sqrt(1e-6 * (4 + 1e-6))) / (2 * (3 + 1e-6))]])
    orbit = shooting.close(flow, np.concatenate([x, flow.step(x)]))
    assert shooting.minimal(flow, orbit).period == 2


def test_multipliers_do_not_depend_on_where_the_cycle_is_cut():
    rng = np.random.default_rng(3)
    matrices = rng.standard_normal((7, 5, 5)) * np.logspace(0, -3, 5)
    first = shooting.multipliers(matrices)
    product = np.linalg.multi_dot(matrices[::-1])
    assert_allclose(
        first[0], np.linalg.eigvals(product)[np.abs(np.linalg.eigvals(product)).argmax()], rtol=1e-10
    )
    assert_allclose(np.prod(first), np.prod(np.linalg.det(matrices)), rtol=1e-6)
    for shift in (1, 4):
        assert_allclose(shooting.multipliers(np.roll(matrices, shift, axis=0)), first, rtol=1e-8)


def test_multipliers_far_apart_keep_their_digits():
    rng = np.random.default_rng(1)
    Q = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(6)]
    D = np.diag([1.1, 0.5, 1e-2, 1e-4])
    matrices = np.array([Q[(i + 1) % 6] @ D @ Q[i].T for i in range(6)])
    assert_allclose(np.abs(shooting.multipliers(matrices)), np.diag(D) ** 6, rtol=1e-9)


# --- locked, quasi-periodic, torus, chaos, slow --------------------------------------------------------


def test_locked_and_quasi_periodic_are_told_apart():
    locked = find(dk.catalog.arnold(0.5, 0.9), [[1.0, 0.1]])
    assert locked.kinds.tolist() == ["periodic"]
    assert locked.periods.tolist() == [2]
    assert locked.verdicts.tolist() == ["attracting"]
    free = find(dk.catalog.arnold(GOLDEN, 0.5), [[1.0, 0.1]])
    assert free.kinds.tolist() == ["invariant circle"]
    assert free.residuals[0] < 1e-9
    assert_allclose(free.exponents[0, 0], 0.0, atol=1e-10)


def resonant(q, strength):
    """The normal form z' = e^(2 pi i / q) z (1.3 - |z|^2) + strength conj(z)^(q - 1): locked to q steps."""

    def f(v):
        z = torch.complex(v[:, 0], v[:, 1])
        w = np.exp(2j * np.pi / q) * z * (1.3 - z * z.conj()) + strength * z.conj() ** (q - 1)
        return torch.stack([w.real, w.imag], 1)

    return dk.FunctionSystem(f, 2)


@pytest.mark.parametrize("q", [5, 8])
def test_locking_in_a_resonance(q):
    locked = find(resonant(q, 0.05), [[0.5, 0.1]])
    assert (locked.kinds[0], locked.periods[0], locked.verdicts[0]) == ("periodic", q, "attracting")
    assert_allclose(locked.rotation_numbers, 1 / q, atol=1e-15)
    creeping = find(resonant(q, 1e-4), [[0.5, 0.1]], n_transient=100, n_record=512)
    assert creeping.kinds.tolist() == ["slow"]


def test_two_circles_at_once_are_a_torus_and_unresolved():
    turn = torch.tensor([0.2, 0.2 * GOLDEN], dtype=torch.float64)

    def f(v):
        z = torch.complex(v[:, :2], v[:, 2:])
        w = torch.exp(1j * turn) * z * (1.3 - z * z.conj())
        return torch.cat([w.real, w.imag], 1)

    torus = find(dk.FunctionSystem(f, 4), [[1.0, 0.0, 0.5, 0.5]])
    assert torus.kinds.tolist() == ["unresolved"]
    assert_allclose(torus.exponents[0, :2], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("system", "start", "exponent", "within"),
    [
        (dk.catalog.logistic(4.0), [0.3], np.log(2), 0.01),
        (dk.catalog.henon(), [0.1, 0.1], 0.41922, 0.03),
        (dk.catalog.delayed_logistic(2.27), [0.5, 0.51], 0.18, 0.03),
        (dk.catalog.lorenz(dt=0.03), [1.0, 1.0, 20.0], 0.9056, 0.15),
        (dk.catalog.rossler(dt=0.2), [1.0, 1.0, 0.0], 0.0714, 0.03),
    ],
    ids=["logistic", "henon", "delayed logistic", "lorenz", "rossler"],
)
def test_chaos_is_called_chaos(system, start, exponent, within):
    lengths = (1000, 4096) if exponent < 0.1 else (300, 1024)  # slow chaos tells late that it is no torus
    chaos = find(system, [start], *lengths)
    assert chaos.kinds.tolist() == ["chaotic"]
    assert_allclose(chaos.exponents[0, 0], exponent, atol=within)
    assert chaos.digits[0] < 5


@pytest.mark.parametrize(
    ("system", "start"), [(dk.catalog.logistic(3.83), [0.3]), (dk.catalog.henon(1.0), [0.1, 0.1])]
)
def test_exponents_of_a_cycle_are_its_multipliers_and_those_of_the_spectrum(system, start):
    cycle = find(system, [start])
    assert cycle.kinds.tolist() == ["periodic"]
    assert_allclose(cycle.exponents[0], np.log(np.abs(cycle.multipliers[0])) / cycle.periods[0], rtol=1e-12)
    carried = dk.lyapunov_spectrum(system, cycle.states[0], n_steps=1200, n_transient=60)
    assert_allclose(carried.exponents, cycle.exponents, atol=1e-9)


def test_exponents_of_a_circle_are_those_of_the_spectrum():
    circle = delayed_circle()
    carried = dk.lyapunov_spectrum(dk.catalog.delayed_logistic(2.05), circle.states[0], n_steps=2000)
    assert_allclose(circle.exponents, carried.exponents, atol=1e-9)


def test_a_fixed_point_that_is_not_reached_is_slow():
    slow = dk.find_limit_cycles(
        dk.FunctionSystem(lambda x: x - x**3, 1), [[0.5]], settings=dk.CycleSettings(50, 256)
    )
    assert slow.kinds.tolist() == ["slow"]
    assert slow.start_status.tolist() == ["slow"]


def spiral(rate):
    """x -> R x with the modulus of x multiplied by ``rate`` of its square."""
    R = torch.tensor([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    return dk.FunctionSystem(lambda x: x @ R.T * rate(x.square().sum(-1, keepdim=True)), 2)


@pytest.mark.parametrize("modulus", [0.9999, 0.99999])
@pytest.mark.parametrize("bend", [0.0, 1.0])
def test_a_slow_spiral_is_told_by_its_linear_part(modulus, bend):
    system = spiral(lambda q: modulus / (1 + bend * q) ** 0.5)
    found = find(system, [[0.5, 0.0], [0.0, -1.0], [0.1, 0.2]])
    assert found.kinds.tolist() == ["fixed point"]
    assert found.verdicts.tolist() == ["attracting"]
    assert found.start_object.tolist() == [0, 0, 0]
    assert_allclose(np.abs(found.multipliers[0]), modulus, rtol=1e-12)


def test_a_circle_just_born_and_one_around_a_stable_point_are_not_taken_for_the_point():
    born = dk.find_limit_cycles(spiral(lambda q: 1.0001 / (1 + q) ** 0.5), [[0.1, 0.0]])
    assert born.kinds.tolist() == ["invariant circle"]
    assert_allclose(np.linalg.norm(born.states[0]), np.sqrt(1.0001**2 - 1), rtol=1e-6)
    both = spiral(lambda q: 1 - 0.02 * (1 - q / 0.1**2) * (1 - q / 0.2**2))
    found = dk.find_limit_cycles(both, [[0.05, 0.0], [0.11, 0.0], [0.3, 0.0]])
    assert found.kinds[found.start_object].tolist() == ["fixed point", "invariant circle", "invariant circle"]


def test_a_start_that_leaves_says_when_and_spoils_nothing():
    alone = dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3]])
    mixed = dk.find_limit_cycles(dk.catalog.logistic(3.5), [[2.0], [0.3], [np.nan]])
    assert mixed.start_object.tolist() == [-1, 0, -1]
    assert mixed.start_status.tolist() == ["unbounded", "settled", "not finite"]
    assert 1 < mixed.left_at[0] < 20
    assert mixed.left_at[1] == -1
    assert_allclose(mixed.states, alone.states, atol=1e-14)


# --- limit cycles of flows -----------------------------------------------------------------------------


@functools.cache
def van_der_pol():
    return find(dk.catalog.van_der_pol(1.0), [[1.0, 0.0]])


def test_van_der_pol():
    cycle = van_der_pol()
    assert cycle.kinds.tolist() == ["limit cycle"]
    assert_allclose(cycle.periods, 6.6632868593231301897, rtol=0, atol=1e-12)
    assert_allclose(cycle.transverse_moduli[0, 0], 8.59695e-4, rtol=1e-6)
    assert_allclose(cycle.exponents[0], [0.0, -1.059377], atol=1e-6)
    assert cycle.trivial_errors[0] < 1e-10
    assert cycle.rotation_numbers[0] < 0  # clockwise
    assert cycle.tails[0] < 1e-12


def test_a_relaxation_oscillation_whose_branches_lie_close_together():
    """In the max norm its slow branches are nearer to each other than half its size."""
    mu = 5.0

    def field(t, z):
        return [z[1], mu * (1 - z[0] ** 2) * z[1] - z[0]]

    def crossing(t, z):
        return z[1]

    crossing.direction = -1
    times = solve_ivp(field, (0, 36), [2.0, 0.0], "DOP853", events=crossing, rtol=1e-12, atol=1e-12).t_events[0]
    cycle = find(dk.catalog.van_der_pol(mu, dt=0.1), [[2.0, 0.0]])
    assert cycle.kinds.tolist() == ["limit cycle"]
    assert cycle.verdicts.tolist() == ["attracting"]
    assert_allclose(cycle.periods, times[-1] - times[-2], rtol=1e-8)


def test_a_state_at_rest_on_a_line_of_equilibria_is_a_fixed_point_of_a_flow_as_of_a_map():
    starts = [[1.0, 1.0], [2.0, -1.0]]
    flow = dk.Flow(lambda x: x * x.new_tensor([0.0, -1.0]), 2, dt=0.1)
    for system, decay in ((flow, -1.0), (dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]]), np.log(0.5))):
        points = find(system, starts)
        assert points.kinds.tolist() == ["fixed point"] * 2
        assert points.verdicts.tolist() == ["neutral"] * 2
        assert_allclose(points.exponents, [[0.0, decay]] * 2, atol=1e-12)
    ring = find(dk.catalog.two_cycles(), [[2.0, 0.0]])  # of equilibria that repel
    assert (ring.kinds.tolist(), ring.verdicts.tolist()) == (["fixed point"], ["saddle"])


def test_twice_round_a_limit_cycle_is_not_its_period():
    flow, cycle = dk.catalog.van_der_pol(1.0), van_der_pol()
    view, period = view_of(flow, torch.zeros(0, dtype=torch.float64)), float(cycle.periods[0])
    for turns in (1, 2):
        loop = shoot(flow, view.u, cycle.curve(turns * np.arange(4) / 4), turns * period)
        found = loop_object(view, loop, 64)
        assert (found is None) == (turns == 2)


@pytest.mark.parametrize(("m", "phase"), [(2, 0.1), (5, 0.6)])
def test_multipliers_of_a_flow_do_not_depend_on_start_or_segments(m, phase):
    nodes = van_der_pol().curve(phase + np.arange(m) / m) + 1e-5
    loop = shoot(dk.catalog.van_der_pol(1.0), torch.zeros(0, dtype=torch.float64), nodes, 6.6633)
    values, trivial, others = loop_multipliers(loop)
    assert_allclose(loop.period, 6.6632868593231301897, rtol=0, atol=1e-11)
    assert_allclose(others, van_der_pol().transverse_moduli[0, :1], rtol=1e-9)
    assert trivial < 1e-10
    assert len(values) == 2


def test_two_opposite_cycles_of_a_flow():
    cycles = find(dk.catalog.two_cycles(), [[1.05, 0.0], [3.05, 0.1]], n_transient=200)
    assert_allclose(cycles.periods, 2 * np.pi, atol=1e-10)
    radius = [np.linalg.norm(cycles.curve([0.2], k)[0]) for k in (0, 1)]
    order = np.argsort(radius)
    assert_allclose(np.array(radius)[order], [1, 3], atol=1e-10)
    assert np.sign(cycles.rotation_numbers[order]).tolist() == [1, -1]


def two_leaky_units():
    """dx/dt = -x + tanh(g W x) beyond its Hopf point at g = 0.8."""
    W = 1.2 * torch.tensor([[2.0, -2.0], [2.0, 0.5]], dtype=torch.float64)
    slope = lambda x: W / torch.cosh(x @ W.T)[..., None] ** 2 - torch.eye(2, dtype=x.dtype)  # noqa: E731
    return dk.Flow(lambda x: -x + torch.tanh(x @ W.T), 2, dt=0.1, jacobian=slope)


def fed_back():
    """The Stuart-Landau flow that hears its own state: dx/dt = f(x) - x + u, u = x."""
    flow = dk.catalog.stuart_landau(dt=0.1)
    return dk.ClosedLoop(
        dk.Flow(lambda x, u: flow.rhs(x) - x + u, 2, 2, dt=0.1, argument_order="state, input")
    )


@pytest.mark.parametrize(
    ("flow", "start"),
    [
        (dk.catalog.stuart_landau(dt=0.1), [1.0, 0.2]),
        (two_leaky_units(), [0.3, 0.1]),
    ],
)
def test_a_flow_has_one_answer_whatever_it_is_wrapped_in(flow, start):
    plain = find(flow, [start])
    assert (plain.kinds.tolist(), plain.verdicts.tolist()) == (["limit cycle"], ["attracting"])
    for system in (dk.Driven(flow, []), dk.Iterated(flow, 2)):
        found = find(system, [start])
        assert (found.kinds.tolist(), found.dynamics) == (["limit cycle"], "flow")
        for name in ("periods", "rotation_numbers", "multipliers", "exponents", "states"):
            assert_allclose(getattr(found, name), getattr(plain, name), rtol=0, atol=1e-8)


def test_a_turn_about_a_centre_has_the_digits_of_the_step_that_it_was_read_off():
    """The harmonic oscillator: no turn is isolated, shooting closes none, and the step turns too slowly."""
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    centre = dk.Flow(lambda x: x @ turn.T, 2, dt=0.1, jacobian=lambda x: turn.expand(len(x), 2, 2))
    found = find(centre, [[1.0, 0.0]])
    error = abs(found.periods[0] - 2 * np.pi)
    assert 1e-6 < error < 1e-5
    assert found.verdicts.tolist() == ["neutral"]
    assert_allclose(found.residuals, error / 2, rtol=1e-3)  # the way that is left to go, relative to 1 + |x|
    assert found.digits[0] < -np.log10(error) + 0.5


def test_a_closed_flow_has_the_cycle_of_its_own_flow():
    found = find(fed_back(), [[1.0, 0.2]])
    assert (found.kinds.tolist(), found.dynamics) == (["limit cycle"], "flow")
    assert_allclose(found.periods, 2 * np.pi, atol=1e-10)
    assert_allclose(found.exponents, [[0.0, -2.0]], atol=1e-8)


def test_a_fixed_point_of_a_flow_is_a_zero_of_its_velocity_per_unit_of_time():
    spiral = dk.Flow(lambda x: torch.stack([-0.5 * x[:, 0] - x[:, 1], x[:, 0] - 0.5 * x[:, 1]], 1), 2, dt=0.1)
    for system in (spiral, dk.Iterated(spiral, 3)):
        found = find(system, [[0.3, 0.1]])
        assert (found.kinds.tolist(), found.verdicts.tolist()) == (["fixed point"], ["attracting"])
        assert_allclose(found.exponents, [[-0.5, -0.5]], atol=1e-12)
        assert_allclose(np.abs(found.multipliers), np.exp(-0.5), atol=1e-12)
        assert np.isnan(found.periods).all()
    unstable = find(dk.catalog.van_der_pol(1.0), [[1e-6, 0.0]])  # given beside it
    assert sorted(unstable.kinds.tolist()) == ["fixed point", "limit cycle"]
    assert unstable.verdicts[unstable.kinds == "fixed point"].tolist() == ["repelling"]


# --- laws ----------------------------------------------------------------------------------------------


def test_nothing_depends_on_the_starts():
    one = euler_circle()
    other = find(dk.catalog.stuart_landau_euler(), [[-0.3, 0.4], [0.9, -1.0]])
    for name in ("rotation_numbers", "states", "transverse_moduli"):
        assert_allclose(getattr(other, name), getattr(one, name), atol=1e-10)
    assert_allclose(other.curve([0.1, 0.7]), one.curve([0.1, 0.7]), atol=1e-10)


def test_permuting_units_permutes_the_curve_up_to_its_phase():
    one = delayed_circle()
    swapped = dk.FunctionSystem(lambda x: torch.stack([x[:, 1], 2.05 * x[:, 1] * (1 - x[:, 0])], 1), 2)
    other = find(swapped, [[0.5, 0.52]], n_transient=1000)
    assert_allclose(other.rotation_numbers, -one.rotation_numbers, atol=1e-12)  # a reflection
    assert_allclose(other.transverse_moduli, one.transverse_moduli, atol=1e-12)
    c, d = (
        one.coefficients[0],
        other.coefficients[0][:, ::-1].conj(),
    )  # as the sense of time turns, so does the phase
    turn = np.angle(d[1, 0] / c[1, 0]) / (2 * np.pi)
    theta = np.linspace(0, 1, 40)
    assert_allclose(other.curve(-theta)[:, ::-1], one.curve(theta + turn), atol=1e-11)


def test_many_starts_at_once_are_as_one_after_the_other():
    system = dk.catalog.tanh_network(np.diag([-2.0, 1.5]))
    starts = np.array([[0.3, 0.2], [0.5, -0.4], [-0.2, 0.7]])
    together = find(system, starts)
    for i, start in enumerate(starts):
        alone = find(system, start[None])
        k = together.start_object[i]
        assert_allclose(together.states[k], alone.states[alone.start_object[0]], atol=1e-12)
    assert together.kinds.tolist() == ["periodic", "periodic"]


def test_results_are_saved_and_indexed(tmp_path):
    cycles = delayed_circle()
    cycles.save(tmp_path / "cycles")
    assert dk.load(tmp_path / "cycles") == cycles
    assert len(cycles[0].curve(np.linspace(0, 1, 3))) == 3
    assert "invariant circle" in repr(cycles)


def test_a_phase_is_any_real_number_and_whole_turns_are_none():
    for result in (euler_circle(), dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3]])):
        for read in (result.curve, result.output_curve):
            for theta in (1, -3, np.int64(2), torch.tensor(1), np.float32(1)):
                assert_allclose(read(theta), read(0.0), atol=1e-12)
            assert_allclose(read(np.arange(3)), read([0.0, 0.0, 0.0]), atol=1e-12)
            assert_allclose(read([[0, 0.5], [1, 1.5]]), read([[0.0, 0.5], [0.0, 0.5]]), atol=1e-12)
            with pytest.raises(dk.InputError, match="theta must be real"):
                read("half")


def test_the_headline_counts_in_singular_and_plural():
    two = dk.find_limit_cycles(dk.catalog.tanh_unit(2.0), [[0.3], [-0.3]])
    assert two.headline() == "2 fixed points, 2 attracting, 0 of 2 starts nowhere"
    one = dk.find_limit_cycles(dk.catalog.logistic(3.5), [[0.3], [2.0]])
    assert one.headline() == "1 cycle, 1 attracting, 1 of 2 starts unbounded"
    assert (
        dk.find_limit_cycles(dk.catalog.logistic(4.0), [[0.3]])
        .headline()
        .startswith("1 chaotic, 0 attracting")
    )
    assert euler_circle().headline().startswith("1 invariant circle, 1 attracting, residuals of circles <= ")


def test_an_input_is_a_constant_drive():
    root = brentq(lambda x: np.tanh(0.5 * x + 0.3) - x, 0, 1)
    point = dk.find_limit_cycles(dk.catalog.tanh_unit(0.5), [[0.0]], [0.3])
    assert_allclose(point.states, [[root]], atol=1e-12)
    driven = dk.find_limit_cycles(dk.Driven(dk.catalog.tanh_unit(0.5), [0.3]), [[0.0]])
    assert_allclose(driven.states, point.states, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": {"n_record": 100}}, "settings must be CycleSettings"),
        ({"starts": [[0.0, 1.0]]}, "starts"),
        ({"periods": [0]}, "periods"),
        ({"drive": [[0.1], [0.2]]}, "drive"),
    ],
)
def test_nonsense_is_refused_by_name(arguments, message):
    with pytest.raises(dk.InputError, match=message):
        dk.find_limit_cycles(dk.catalog.tanh_unit(), **arguments)


@pytest.mark.parametrize(
    "nonsense",
    [{"n_transient": 0}, {"n_record": 0}, {"max_period": 0}, {"max_period": 2049}, {"n_exponents": 1.5}],
)
def test_settings_that_make_no_sense_are_refused_by_name(nonsense):
    with pytest.raises(dk.InputError, match=next(iter(nonsense))):
        dk.CycleSettings(**nonsense)


def test_spiking_systems_and_periods_of_flows_are_refused():
    with pytest.raises(dk.InputError, match="jump"):
        dk.find_limit_cycles(dk.FunctionSystem(lambda x: x.round(), 1, regularity="discontinuous"))
    with pytest.raises(dk.InputError, match="periods"):
        dk.find_limit_cycles(dk.catalog.van_der_pol(), periods=3)
    with pytest.raises(dk.InputError, match="System"):
        dk.find_limit_cycles(torch.nn.LSTM(2, 3))


# --- a trained network ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """An LSTM that has learnt to predict two circles that are run through in opposite directions."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, out = torch.nn.LSTM(2, 12, batch_first=True), torch.nn.Linear(12, 2)
        phase = torch.rand(200, 8, 1) * 2 * np.pi
    optimizer = torch.optim.Adam([*net.parameters(), *out.parameters()], 5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 150)
    for start in phase[:150]:
        angle = start + torch.arange(81) * 0.2
        z = torch.stack([angle.cos(), angle.sin()], -1)
        z = torch.cat([z, z * torch.tensor([1.0, -1.0])])
        loss = (out(net(z[:, :-1])[0]) - z[:, 1:]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    loop = dk.ClosedLoop(dk.as_system((net, out)))
    angle = torch.arange(60, dtype=torch.float64) * 0.2
    cued = loop.initial_state().expand(2, -1)
    for a in angle:
        cued = loop.drive(cued, torch.stack([a.cos().repeat(2), torch.stack([a.sin(), -a.sin()])], 1))
    return find(loop, cued, n_transient=1000, n_record=2048)


def test_circles_of_a_trained_lstm_are_certified_by_two_methods(trained):
    circles = np.flatnonzero(trained.kinds == "invariant circle")
    assert len(circles) >= 1
    assert (trained.residuals[circles] < 1e-9).all()
    assert (trained.trivial_errors[circles] < 1e-9).all()
    for k, j in itertools.product(circles, range(2)):
        slowest = np.log(trained.transverse_moduli[k, j])
        assert_allclose(slowest, trained.exponents[k, j + 1], atol=1e-6)
    assert trained.precision == "float64, of float32 weights"
