"""Systems made of systems, and the hooks whose answers are known."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError
from dynakit.systems import System, catalog

from .members import M, N, seeded


def network(kind="GRU", n_outputs=M, **kwargs):
    return dk.as_system(seeded(lambda: getattr(models, kind)(M, N, n_outputs, **kwargs)))


# --- closed loop ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "LeakyRNN"])
def test_a_closed_loop_hears_its_own_output(kind):
    system = network(kind)
    loop = dk.ClosedLoop(system)
    x = torch.rand(4, system.state_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(loop.step(x), system.step(x, system.observe(x)))
    u = torch.ones(M)
    assert torch.equal(loop.drive(x, u), system.step(x, u))
    assert loop.input_size == 0
    assert loop.recurrent_weights().keys() == system.recurrent_weights().keys()


def test_fixed_points_of_a_closed_loop_are_those_under_their_own_output():
    system = network()
    loop = dk.ClosedLoop(system)
    x = loop.settle(torch.zeros(N), n_steps=200)
    for _ in range(5):
        p, solved = loop.newton_step(x[None], None, (loop.step(x) - x)[None])
        assert solved.all()
        x = x + p[0]
    assert float(loop.speed(x)) < 1e-28
    assert float(system.speed(x, system.observe(x))) < 1e-28
    assert float(system.speed(x, system.observe(x) + 0.1)) > 1e-8


@pytest.mark.parametrize("n_outputs", [M - 1, M + 1])
def test_a_readout_of_another_width_cannot_close_the_loop(n_outputs):
    with pytest.raises(InputError, match=f"got {n_outputs} outputs and {M} inputs"):
        dk.ClosedLoop(network(n_outputs=n_outputs))
    with pytest.raises(InputError, match="close the loop"):
        dk.ClosedLoop(catalog.henon())


def test_the_box_of_a_closed_loop_holds_the_open_loops_states_under_every_output():
    for kind in ("GRU", "LSTM"):
        loop = dk.ClosedLoop(network(kind))
        box = loop.box()
        x = box.lo + torch.rand(200, loop.state_size, dtype=torch.float64) * (box.hi - box.lo)
        bounds = loop.inner.observe_bounds()
        for _ in range(10):
            y = loop.observe(x)
            assert bool(((y >= bounds.lo) & (y <= bounds.hi)).all())
            x = loop.step(x)
            assert bool(((x > box.lo) & (x < box.hi)).all())


# --- constant drive, k steps ------------------------------------------------------------------------------


def test_driven_is_the_system_under_that_drive():
    system, u = network("LSTM"), [0.2, -1.0, 0.5]
    driven = dk.Driven(system, u)
    x = torch.rand(3, 2 * N, dtype=torch.float64)
    assert torch.equal(driven.step(x), system.step(x, u))
    assert torch.equal(driven.jacobian(x), system.jacobian(x, u))
    assert torch.equal(driven.box().hi, system.box(u).hi)
    assert not torch.equal(driven.box().hi, system.box().hi)


@pytest.mark.parametrize(
    ("drive", "message"),
    [
        ([0.0, np.inf, 0.0], r"drive must be finite, but the value at index \(1,\) is inf"),
        ([np.nan, 0.0, 0.0], r"index \(0,\) is nan"),
        ([[0.0, 0.0, 0.0]], r"drive must be one vector of 3 values, got shape \(1, 3\)"),
        ([0.0, 0.0], r"drive must have shape \(\.\.\., 3\), got \(2,\)"),
        (0.0, "drive must have shape"),
        (np.zeros(3, int), "drive must be real floating-point numbers"),
    ],
)
def test_a_drive_must_be_one_finite_vector(drive, message):
    with pytest.raises(InputError, match=message):
        dk.Driven(network(), drive)


def test_iterated_is_the_product_along_the_orbit():
    henon, x = catalog.henon(), torch.tensor([[0.1, 0.2], [-0.5, 0.1]], dtype=torch.float64)
    for k in (1, 2, 5):
        orbit = [x, *henon.trajectory(x, k).unbind(1)]
        J = torch.linalg.multi_dot([henon.jacobian(y[0]) for y in orbit[:k][::-1]] + [torch.eye(2).double()])
        power = dk.Iterated(henon, k)
        assert_allclose(power.step(x), orbit[k], atol=1e-15)
        assert_allclose(power.jacobian(x)[0], J, rtol=1e-13)
        assert_allclose(torch.linalg.det(power.jacobian(x)), (-0.3) ** k, rtol=1e-11)
    for k in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="k must be"):
            dk.Iterated(henon, k)


def test_iterates_of_the_logistic_map_at_four_are_chebyshevs():
    angle = torch.linspace(0.1, 1.4, 9, dtype=torch.float64)[:, None]
    logistic = catalog.logistic(4.0)
    for k in (1, 3, 6):
        assert_allclose(
            dk.Iterated(logistic, k).step(angle.sin() ** 2), (2**k * angle).sin() ** 2, atol=1e-10
        )


# --- trajectories -----------------------------------------------------------------------------------------


def test_an_overflowing_trajectory_is_nan_from_then_on_and_harms_nobody():
    system = catalog.henon()
    starts = torch.tensor([[0.1, 0.1], [5.0, 0.0], [0.2, 0.0], [np.nan, 0.0]], dtype=torch.float64)
    states = system.trajectory(starts, 40)
    alone = torch.stack([system.trajectory(x, 40) for x in starts[[0, 2]]])
    assert_allclose(states[[0, 2]], alone, atol=1e-12)
    finite = torch.isfinite(states[1]).all(-1)
    n_finite = int(finite.sum())
    assert 3 < n_finite < 20
    assert finite[:n_finite].all()
    assert torch.isnan(states[1, n_finite:]).all()
    assert torch.isnan(states[3]).all()


def test_trajectory_shapes():
    system = network()
    x, inputs = torch.zeros(N), torch.ones(4, 6, M)
    assert system.trajectory(x, 3).shape == (3, N)
    assert system.trajectory(x, inputs[0]).shape == (6, N)
    assert system.trajectory(x, inputs).shape == (4, 6, N)
    assert system.trajectory(x.expand(4, -1), inputs[0]).shape == (4, 6, N)
    assert system.trajectory(x.expand(1, -1), inputs[0]).shape == (1, 6, N)


# --- kinks ------------------------------------------------------------------------------------------------


def test_kinks_are_the_distance_of_the_nearest_preactivation_to_zero():
    rnn = seeded(lambda: nn.RNN(M, N, nonlinearity="relu"))
    system = dk.as_system(rnn)
    x, u = torch.rand(6, N, dtype=torch.float64), torch.rand(6, M, dtype=torch.float64)
    W, U = rnn.weight_hh_l0.detach().double(), rnn.weight_ih_l0.detach().double()
    b = (rnn.bias_hh_l0.double() + rnn.bias_ih_l0.double()).detach()
    expected = torch.stack([(W @ a + U @ c + b).abs().min() for a, c in zip(x, u)])
    assert_allclose(system.kinks(x, u), expected, atol=1e-14)
    nearest = torch.minimum(system.kinks(x, u), system.kinks(system.step(x, u), u))
    assert_allclose(dk.Iterated(system, 2).kinks(x, u), nearest, atol=1e-14)
    assert system.regularity == "piecewise_linear"


@pytest.mark.parametrize("form", ["current", "rate", "rectified"])
def test_a_relu_map_is_linear_within_the_distance_to_its_kinks(form):
    system = network("LeakyRNN", form=form)
    x = torch.randn(50, N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    direction = torch.randn(50, N, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gain = 1 + np.abs(system.recurrent_weights()["W_rec"]).sum(1).max()
    reach = (0.99 * system.kinks(x) / gain)[:, None] * direction / direction.abs().amax(-1, keepdim=True)
    change = (system.jacobian(x) @ reach[..., None])[..., 0]
    assert_allclose(system.step(x + reach), system.step(x) + change, atol=1e-12)


def test_smooth_maps_have_no_kinks():
    for system in (network(), network("LSTM"), catalog.henon(), network("LeakyRNN", activation="tanh")):
        assert system.regularity == "smooth"
        assert torch.isinf(system.kinks(torch.zeros(2, system.state_size))).all()


# --- the LSTM's Newton step, and saturation ---------------------------------------------------------------


@pytest.mark.parametrize("peepholes", [False, True])
def test_the_schur_step_of_an_lstm_equals_the_dense_one(peepholes):
    system = network("LSTM", peepholes=peepholes)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(20, 2 * N, generator=generator, dtype=torch.float64)
    r = torch.randn(20, 2 * N, generator=generator, dtype=torch.float64)
    p, solved = system.newton_step(x, torch.zeros(M), r)
    dense, also = System.newton_step(system, x, torch.zeros(M), r)
    assert solved.all()
    assert also.all()
    assert_allclose(p, dense, rtol=1e-9, atol=1e-11)


def test_a_cell_that_never_forgets_takes_the_dense_step():
    lstm = seeded(lambda: nn.LSTM(M, N))
    with torch.no_grad():
        lstm.bias_ih_l0[N] = 200.0  # one forget gate is 1 in floating point
    system = dk.as_system(lstm)
    x = torch.rand(3, 2 * N, dtype=torch.float64)
    p, solved = system.newton_step(x, None, system.step(x) - x)
    A = system.jacobian(x) - torch.eye(2 * N)
    assert solved.all()
    assert_allclose((A @ p[..., None])[..., 0], -(system.step(x) - x), atol=1e-9)
    with torch.no_grad():
        lstm.bias_ih_l0[N] = 1e4
    assert dk.as_system(lstm).box() is None or torch.isfinite(dk.as_system(lstm).box().hi).all()


def test_slopes_survive_saturation():
    unit = catalog.tanh_unit(1.0, 25.0)
    assert float(unit.jacobian([0.0])) == pytest.approx(4 * np.exp(-50), rel=1e-12)
    assert float(unit.step([0.0])) == 1.0


# --- three forms of the leaky equation --------------------------------------------------------------------


def test_the_three_leaky_forms_share_their_fixed_points_and_two_their_spectrum():
    systems = {}
    for form in ("current", "rate", "rectified"):
        model = models.LeakyRNN(M, N, 2, form=form, activation="relu", seed=3)
        with torch.no_grad():
            model.W_rec.mul_(0.5)
            model.b_rec.fill_(0.7)
        systems[form] = dk.as_system(model)
    drive = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    r = systems["rate"].settle(torch.zeros(N), drive, 2000)
    x = systems["current"].settle(torch.zeros(N), drive, 2000)
    assert float(systems["rectified"].speed(r, drive)) < 1e-28
    assert_allclose(systems["current"].inner._observe(x[None])[0], r, atol=1e-13)
    spectra = [
        np.sort_complex(np.linalg.eigvals(systems[f].jacobian(s, drive)))
        for f, s in (("current", x), ("rate", r))
    ]
    assert_allclose(spectra[0], spectra[1], atol=1e-7)
    assert_allclose(systems["current"].observe(x), systems["rate"].observe(r), atol=1e-12)
