"""Lyapunov exponents of maps whose exponents are known, and what must hold for any."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from torch import nn

import dynakit as dk
from dynakit.analysis.exponents import growth
from dynakit.analysis.exponents.frames import Frames
from dynakit.errors import InputError
from dynakit.records import load_record

rng = np.random.default_rng(0)
GENERAL = rng.normal(size=(5, 5)) / 2.5  # a real eigenvalue and two complex pairs


def rate(eigenvalues):
    return np.sort(np.log(np.abs(eigenvalues)))[::-1]


def lstm(n: int = 6, gain: float = 0.0, forget: float = 0.7) -> dk.System:
    """An LSTM with normal weights of standard deviation gain / sqrt(n), and a bias of the forget gate."""
    layer = nn.LSTM(2, n).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=generator).mul_(gain / n**0.5)
        layer.bias_ih_l0[n : 2 * n] += forget
    return dk.as_system(layer)


def invariant_circle() -> dk.System:
    """Euler's step of the Stuart-Landau oscillator."""

    def step(z):
        a = 1 + 0.2 * (1 - (z**2).sum(1, keepdim=True))
        return a * z + 0.2 * torch.stack([-z[:, 1], z[:, 0]], 1)

    return dk.FunctionSystem(step, 2)


# --- known answers ----------------------------------------------------------------------------------------


def test_linear_map_has_the_logarithms_of_its_eigenvalues():
    lyap = dk.lyapunov_spectrum(dk.catalog.linear(GENERAL), np.zeros(5), n_steps=2000, n_transient=200)
    expected = rate(np.linalg.eigvals(GENERAL))
    assert_allclose(lyap.exponents[0], expected, rtol=0, atol=1e-9)
    assert_allclose(lyap.block_averages[0], expected, rtol=0, atol=1e-11)
    assert lyap.kind == "fixed point"


def test_henon():
    lyap = dk.lyapunov_spectrum(
        dk.catalog.henon(), rng.uniform(-0.1, 0.1, (40, 2)), n_steps=2500, n_transient=100
    )
    assert_allclose(lyap.exponents.mean(axis=0), [0.41922, -1.62319], atol=2e-3)
    assert_allclose(lyap.exponents.sum(axis=1), math.log(0.3), rtol=0, atol=1e-12)
    assert_allclose(lyap.kaplan_yorke.mean(), 1.258, atol=2e-3)
    assert set(lyap.kind) == {"chaotic"}
    assert_allclose(lyap.entropy_rate, lyap.exponents[:, 0])


def test_logistic_map_at_4_has_ln_2_within_its_error():
    lyap = dk.lyapunov_spectrum(
        dk.catalog.logistic(4.0), rng.uniform(0.1, 0.9, (30, 1)), n_steps=1500, n_transient=50
    )
    off = lyap.exponents[:, 0] - math.log(2)
    assert_allclose(off.mean(), 0, atol=2e-4)
    assert (np.abs(off) < lyap.tolerances[:, 0]).mean() > 0.9
    assert set(lyap.kind) == {"chaotic"}


def test_kaplan_yorke_dimension_of_a_spectrum_that_is_known():
    """A tent of slopes 1.9 and -1.9 beside units that shrink to 0.4 and to 0.1: 1 + ln 1.9 / |ln 0.4|."""

    def step(x):
        return torch.stack([1.9 * torch.minimum(x[:, 0], 1 - x[:, 0]), 0.1 * x[:, 1], 0.4 * x[:, 2]], dim=1)

    found = dk.lyapunov_spectrum(dk.FunctionSystem(step, 3), [[0.3, 0.1, 0.2]], n_steps=200)
    assert_allclose(found.exponents[0], np.log([1.9, 0.4, 0.1]), rtol=1e-9)
    assert_allclose(found.kaplan_yorke_dimensions, 1 + np.log(1.9) / -np.log(0.4), rtol=1e-9)


@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [
        ([0.5, 0.1, -0.4, -1.0], 3 + 0.2 / 1.0),
        ([0.5, -0.2, -0.4, -1.0], 2 + 0.3 / 0.4),
        ([0.0, -0.4, -0.5, -2.0], 1.0),
        ([-0.1, -0.4, -0.5, -2.0], 0.0),
        ([0.4, 0.3, 0.2, -0.1], 4.0),
    ],
)
def test_kaplan_yorke_dimension_by_its_formula(exponents, dimension):
    """j + (sum of the first j) / |exponent j + 1|, j the last for which the sum is not negative."""
    assert growth.kaplan_yorke(np.array(exponents), np.full(4, 1e-9), 4) == pytest.approx(
        dimension, rel=1e-12
    )


def test_standard_error_is_that_of_repeated_runs():
    lyap = dk.lyapunov_spectrum(
        dk.catalog.henon(), rng.uniform(-0.1, 0.1, (60, 2)), n_steps=1024, n_exponents=1
    )
    assert 0.7 < np.median(lyap.standard_errors) / lyap.exponents.std(ddof=1) < 1.5


def test_a_cycle_of_random_matrices_has_the_exponents_of_their_product():
    """In the wrong order, or transposed, the product has other eigenvalues."""
    J = rng.normal(size=(3, 4, 4))
    matrices = torch.from_numpy(J.reshape(3, 16))

    def step(x, u):
        return ((u @ matrices).reshape(-1, 4, 4) @ x[..., None])[..., 0]

    inputs = np.tile(np.eye(3), (400, 1))
    lyap = dk.lyapunov_spectrum(
        dk.FunctionSystem(step, 4, 3), np.zeros(4), inputs, n_steps=900, n_transient=300, qr_interval=3
    )
    expected = rate(np.linalg.eigvals(J[2] @ J[1] @ J[0])) / 3
    assert np.abs(expected - rate(np.linalg.eigvals(J[0] @ J[1] @ J[2])) / 3).max() > 1e-3
    assert_allclose(lyap.block_averages[0], expected, rtol=0, atol=1e-6)


def test_zero_weight_lstm_has_n_exponents_ln_f_and_n_at_minus_infinity():
    lyap = dk.lyapunov_spectrum(lstm(), 0.3 * np.ones(12), n_steps=200, n_transient=50)
    assert_allclose(lyap.exponents[0, :6], -math.log1p(math.exp(-0.7)), rtol=0, atol=1e-14)
    assert_array_equal(lyap.exponents[0, 6:], -np.inf)
    assert_allclose(lyap.block_averages[0, :6], lyap.exponents[0, :6], rtol=0, atol=1e-14)
    assert_array_equal(lyap.block_averages[0, 6:], -np.inf)
    assert (lyap.kaplan_yorke, lyap.entropy_rate, lyap.kind, lyap.periods[0]) == (0.0, 0.0, "fixed point", 1)
    assert lyap.determinant_gaps[0] == 0


def test_a_direction_lost_in_front_goes_last():
    """The frame lies along the axes, so the first direction is the one that the map sends to zero."""
    shear = np.diag([0.0, 2.0, 0.5]) + np.diag([0.0, 1.0], 1)
    frames = Frames(dk.catalog.linear(shear), torch.zeros(1, 3, dtype=torch.float64), 3)
    frames.T = torch.eye(3, dtype=torch.float64)[None]
    frames.step(torch.zeros(1, 0))
    growth, _ = frames.orthonormalize()
    assert_allclose(growth[0, :2].sum(), math.log(1.0), atol=1e-12)
    assert growth[0, 2] == -np.inf
    lyap = dk.lyapunov_spectrum(dk.catalog.linear(shear), np.zeros(3), n_steps=100, n_transient=100)
    assert_allclose(lyap.exponents[0], [math.log(2), -math.log(2), -np.inf], atol=1e-12)


def test_orthogonal_map_has_zeros_only():
    Q = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    lyap = dk.lyapunov_spectrum(dk.catalog.linear(Q), rng.normal(size=8), n_steps=300, n_transient=20)
    assert_allclose(lyap.exponents, 0, atol=1e-14)
    assert_allclose(lyap.block_averages, 0, atol=1e-15)
    assert lyap.kaplan_yorke == 8


def test_lorenz():
    starts = np.array([[1.0, 2.0, 20.0]]) + rng.normal(size=(80, 3))
    lyap = dk.lyapunov_spectrum(dk.catalog.lorenz(), starts, n_steps=1800, n_transient=250)
    per_time = lyap.per_time
    assert_allclose(per_time.mean(axis=0), [0.9056, 0.0, -14.5723], atol=0.015)
    assert_allclose(per_time.sum(axis=1), -41 / 3, rtol=0, atol=2e-4)  # of RK4, not of the flow
    assert_allclose(lyap.kaplan_yorke.mean(), 2.062, atol=0.01)


def test_invariant_circle_has_a_zero_exponent_and_the_known_transverse_one():
    lyap = dk.lyapunov_spectrum(invariant_circle(), [0.5, 0.1], n_steps=500, n_transient=100)
    A = math.sqrt(1 - 0.04)
    radius2 = 1 + (1 - A) / 0.2
    assert abs(lyap.exponents[0, 0]) < 1e-10
    assert_allclose(lyap.exponents[0, 1], math.log(1 - 0.4 * radius2 * A), rtol=0, atol=1e-12)
    assert (lyap.kind, lyap.kaplan_yorke, lyap.periods[0]) == ("quasi-periodic", 1.0, 0)


def test_birkhoff_weights_gain_digits_on_a_wobbling_circle():
    """The delayed logistic map beyond its Neimark-Sacker point: growth along the curve is not constant."""
    lyap = dk.lyapunov_spectrum(dk.catalog.delayed_logistic(2.1), [0.5, 0.45], n_steps=3000, n_transient=500)
    assert abs(lyap.exponents[0, 0]) < 1e-10 < 1e-7 < abs(lyap.convergence[0, -1, 0])
    assert lyap.kind == "quasi-periodic"


@pytest.mark.parametrize(
    ("system", "x0", "kind", "period"),
    [
        (dk.catalog.logistic(3.2), [0.3], "periodic", 2),
        (dk.catalog.logistic(2.5), [0.3], "fixed point", 1),
        (dk.catalog.logistic(3.83), [0.3], "periodic", 3),
        (dk.catalog.logistic(3.9), [0.3], "chaotic", 0),
        (dk.catalog.linear(2.0 * np.eye(1)), [0.0], "fixed point", 1),
        (dk.catalog.logistic(3.0), [0.3], "undetermined", 0),  # at the flip, it arrives as 1 / sqrt(t)
    ],
)
def test_kinds_of_motion(system, x0, kind, period):
    lyap = dk.lyapunov_spectrum(system, x0, n_steps=1000, n_transient=500)
    assert (lyap.kind, int(lyap.periods[0])) == (kind, period)


def test_two_chaotic_maps_side_by_side_are_hyperchaotic():
    a = torch.tensor([1.9, 1.95], dtype=torch.float64)
    both = dk.FunctionSystem(lambda x: 1 - a * x**2, 2, jacobian=lambda x: torch.diag_embed(-2 * a * x))
    lyap = dk.lyapunov_spectrum(both, [0.3, 0.2], n_steps=2000, n_transient=100)
    assert lyap.kind == "hyperchaotic"
    assert (lyap.kaplan_yorke, lyap.state_size) == (2.0, 2)
    assert_allclose(lyap.entropy_rate, lyap.exponents.sum())


def test_a_flow_has_a_limit_cycle_though_its_map_has_a_circle():
    cycle = dk.catalog.van_der_pol(dt=0.1)
    lyap = dk.lyapunov_spectrum(cycle, [2.0, 0.0], n_steps=1400, n_transient=150)
    assert (lyap.kind, lyap.dynamics) == ("limit cycle", "flow")
    assert abs(lyap.exponents[0, 0]) < 1e-9
    assert_allclose(lyap.per_time[0, 1], -1.059377, atol=1e-4)  # of RK4


# --- laws -------------------------------------------------------------------------------------------------


def test_sum_of_all_exponents_is_the_mean_of_ln_det():
    system = lstm(gain=3.0)
    inputs = rng.normal(size=(160, 2))
    lyap = dk.lyapunov_spectrum(system, np.zeros(12), inputs, n_steps=60, n_transient=100)
    states = system.trajectory(np.zeros(12), inputs)
    J = system.jacobian(states[99:159], inputs[100:])
    expected = np.linalg.slogdet(J.numpy())[1].mean()
    assert_allclose(lyap.convergence[0, -1].sum(), expected, rtol=1e-10)
    assert 0 < lyap.determinant_gaps[0] < np.linalg.cond(J.numpy()).max() * np.finfo(float).eps
    assert np.isnan(dk.lyapunov_spectrum(system, np.zeros(12), n_steps=9, n_exponents=3).determinant_gaps)


def test_conditional_exponents_of_a_contraction_are_negative_under_any_input():
    W = rng.normal(size=(8, 8))
    net = dk.catalog.tanh_network(0.95 * W / np.linalg.norm(W, 2), W_in=rng.normal(size=(8, 2)))
    inputs = 3 * rng.normal(size=(5, 400, 2))
    lyap = dk.lyapunov_spectrum(net, rng.normal(size=(5, 8)), inputs, n_steps=300, n_transient=100)
    assert (lyap.exponents < 0).all()
    assert set(lyap.kind) == {"contracts along this trajectory"}
    assert (lyap.kaplan_yorke == 0).all()


def test_the_interval_does_not_matter():
    system, inputs = lstm(24, gain=3.0), rng.normal(size=(320, 2))
    each = dk.lyapunov_spectrum(system, np.zeros(48), inputs, n_steps=200, n_transient=120, qr_interval=1)
    auto = dk.lyapunov_spectrum(system, np.zeros(48), inputs, n_steps=200, n_transient=120)
    assert auto.qr_interval > 1
    assert_allclose(auto.convergence[0, -1], each.convergence[0, -1], rtol=0, atol=1e-8)


def test_the_leading_exponents_are_those_of_the_whole_spectrum():
    system, inputs = lstm(8, gain=3.0), rng.normal(size=(500, 2))
    every = dk.lyapunov_spectrum(system, np.zeros(16), inputs, n_steps=300, n_transient=200)
    few = dk.lyapunov_spectrum(system, np.zeros(16), inputs, n_steps=300, n_transient=200, n_exponents=2)
    assert_allclose(few.exponents, every.exponents[:, :2], atol=1e-6)
    assert (np.diff(every.exponents) <= 0).all()


def test_starts_do_not_heed_each_other_and_those_that_leave_are_marked():
    henon = dk.catalog.henon()
    alone = dk.lyapunov_spectrum(henon, [0.1, 0.2], n_steps=50, n_transient=10)
    starts = [[np.nan, 0.0], [0.1, 0.2], [5.0, 0.0], [0.1, np.inf]]
    lyap = dk.lyapunov_spectrum(henon, starts, n_steps=50, n_transient=10)
    assert_allclose(lyap.exponents[1], alone.exponents[0], atol=1e-8)
    assert lyap.kind.tolist() == ["start not finite", str(alone.kind), "unbounded", "start not finite"]
    gone = int((~np.isfinite(henon.trajectory([5.0, 0.0], np.zeros((60, 0)))).all(-1)).int().argmax()) + 1
    assert lyap.left_at.tolist() == [0, -1, gone, 0]
    assert np.isnan(lyap.exponents[[0, 2, 3]]).all()
    assert np.isnan(lyap.kaplan_yorke[[0, 2, 3]]).all()


def test_a_start_alone_has_an_axis_of_starts_too():
    henon = dk.catalog.henon()
    batch = dk.lyapunov_spectrum(henon, [[0.1, 0.2], [0.0, 0.1]], n_steps=30)
    alone = dk.lyapunov_spectrum(henon, [0.1, 0.2], n_steps=30)
    assert (batch.exponents.shape, alone.exponents.shape, len(batch), len(alone)) == ((2, 2), (1, 2), 2, 1)
    for name in ("standard_errors", "tolerances", "block_averages", "kinds", "left_at"):
        assert len(getattr(alone, name)) == 1
    assert (batch[0].exponents.shape, batch[0].kind) == ((1, 2), alone.kind)
    assert_allclose(alone.exponents, batch[[0]].exponents, atol=1e-12)
    assert list(alone.table()) == ["exponent", "standard error", "block average", "tolerance"]
    assert len(batch.to_dataframe()) == 2


def test_a_flow_has_the_same_exponents_per_time_under_a_drive_and_by_longer_steps():
    flow, start = dk.catalog.van_der_pol(dt=0.1), [1.0, 0.0]
    plain = dk.lyapunov_spectrum(flow, start, n_steps=1000, n_transient=300)
    for system, n_steps in ((dk.Driven(flow, []), 1000), (dk.Iterated(flow, 2), 500)):
        found = dk.lyapunov_spectrum(system, start, n_steps=n_steps, n_transient=3 * n_steps // 10)
        assert (found.kind, found.dynamics) == (plain.kind, "flow") == ("limit cycle", "flow")
        assert_allclose(found.per_time, plain.per_time, rtol=0, atol=1e-8)
        assert "nats per unit of time" in found.headline()


def test_lorenz_is_as_chaotic_under_a_drive_and_by_longer_steps():
    flow = dk.catalog.lorenz(dt=0.04)
    runs = [
        dk.lyapunov_spectrum(system, [1.0, 1.0, 20.0], n_steps=n_steps, n_transient=120)
        for system, n_steps in ((flow, 1500), (dk.Driven(flow, []), 1500), (dk.Iterated(flow, 2), 750))
    ]
    assert {run.kind for run in runs} == {"chaotic"}
    errors = [run.standard_errors / run.dt for run in runs]
    for run, error in zip(runs, errors):
        apart = np.abs(run.per_time - runs[0].per_time)
        assert (apart <= 2 * np.hypot(error, errors[0])).all()


@functools.cache
def turning(omega):
    """Stuart-Landau in steps of 2 pi, each of 20 of the method's."""
    return dk.Flow(dk.catalog.stuart_landau(omega=omega).field, 2, dt=2 * math.pi, n_substeps=20)


def test_a_cycle_of_a_flow_that_takes_a_whole_number_of_steps_is_no_fixed_point():
    def past_a_turn(omega):
        before = turning(omega).settle([1.0, 0.0], n_steps=8)
        return complex(*turning(omega).step(before)) / complex(*before)

    # the method turns a little less than the flow: omega for which its own step is one turn exactly
    omega = brentq(lambda w: past_a_turn(w).imag, 0.95, 1.05, xtol=1e-15)
    assert abs(past_a_turn(omega) - 1) < 1e-13
    found = dk.lyapunov_spectrum(turning(omega), [1.0, 0.0], n_steps=60, n_transient=5)
    assert (found.kind, found.periods[0]) == ("limit cycle", 0)
    rest = dk.lyapunov_spectrum(dk.catalog.stuart_landau(-1.0), [0.1, 0.0], n_steps=60, n_transient=300)
    assert (rest.kind, rest.periods[0]) == ("fixed point", 1)


def test_rates_per_time_need_a_time_step():
    decay = dk.FunctionSystem(lambda x: 0.5 * x, 1, dt=20.0)
    lyap = dk.lyapunov_spectrum(decay, [1.0], n_steps=40)
    assert_allclose(lyap.per_time, math.log(0.5) / 20)
    assert lyap.time_unit == "ms"
    assert dk.lyapunov_spectrum(dk.catalog.henon(), [0.1, 0.1], n_steps=40).per_time is None


def test_what_is_saved_comes_back(tmp_path):
    lyap = dk.lyapunov_spectrum(lstm(), np.zeros((2, 12)), n_steps=30)
    lyap.save(tmp_path)
    assert load_record(tmp_path) == lyap


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.lyapunov_spectrum(s, [0.1], n_steps=9), r"x0 must have shape \(\.\.\., 2\)"),
        (lambda s: dk.lyapunov_spectrum(s, np.zeros((0, 2)), n_steps=9), "x0 must hold at least one start"),
        (lambda s: dk.lyapunov_spectrum(s, np.zeros((1, 1, 2)), n_steps=9), "x0 must be"),
        (lambda s: dk.lyapunov_spectrum(s, [0.1, 0.1], n_steps=0), "n_steps must be at least 1"),
        (
            lambda s: dk.lyapunov_spectrum(s, [0.1, 0.1], n_steps=9, n_exponents=3),
            "n_exponents must be between",
        ),
        (
            lambda s: dk.lyapunov_spectrum(s, [0.1, 0.1], n_steps=9, qr_interval=0),
            "qr_interval must be at least",
        ),
        (
            lambda s: dk.lyapunov_spectrum(s, [0.1, 0.1], np.zeros((9, 0)), n_steps=9),
            r"n_transient \+ n_steps = 509",
        ),
        (lambda s: dk.lyapunov_spectrum(nn.GRU(2, 2), [0.1, 0.1], n_steps=9), "system must be a System"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(dk.catalog.henon())


def test_a_frame_that_is_narrow_is_made_orthonormal_at_every_step():
    """Each step is a sample of the growth, and tells a circle from weak chaos; a wide frame may wait."""
    turn = 0.97 * torch.from_numpy(np.linalg.qr(np.random.default_rng(0).normal(size=(160, 160)))[0])
    system = dk.FunctionSystem(lambda x: torch.tanh(x @ turn), 160)
    steps = {"n_steps": 60, "n_transient": 40}
    few, many = (dk.lyapunov_spectrum(system, np.zeros(160), n_exponents=k, **steps) for k in (8, 40))
    assert (few.qr_interval, many.qr_interval) == (1, 10)
