"""A network of low rank and its collective variables: the same trajectories, points, multipliers, exponents, basins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.errors import InputError

FORMS = ("elman", "rate", "current")
N = 24


def network(form, overlap=((1.8, 0.0), (0.0, 1.5)), activation="tanh", *, bias=0.0, seed=0):
    """A network of 24 units, rank 2, two inputs and three outputs; N'M is about ``overlap``."""
    rng = np.random.default_rng(seed)
    m = np.linalg.qr(rng.standard_normal((N, 2)))[0] * np.sqrt(N)
    W = m @ np.array(overlap) @ m.T / N
    if form == "elman":
        model = models.Elman(2, N, 3, activation=activation)
    else:
        model = models.LeakyRNN(2, N, 3, dt=20.0, tau=100.0, form=form, activation=activation)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(0.5 * rng.standard_normal(tuple(p.shape))))
    system = dk.as_system(model)
    (name,) = system.recurrent_weights()
    system = system.rewired({name: W})
    system.inner.b = torch.from_numpy(bias * rng.standard_normal(N))
    return system


def drawn(system, n_steps=30, n_trials=4, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_trials, system.state_size))
    return x, rng.standard_normal((n_trials, n_steps, system.input_size))


# --- laws of the map


@pytest.mark.parametrize("form", ["elman", "rate"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "relu"])
def test_rates_close_on_kappa_from_the_first_step_on_under_every_input(form, activation):
    whole = network(form, activation=activation, bias=0.3)
    few = dk.Reduced(whole, readout=True)
    x, inputs = drawn(whole)
    states = whole.trajectory(x, inputs)
    reduced = few.trajectory(few.lower(x), inputs)
    assert few.state_size == 2 + 3
    assert_allclose(few.lower(states), reduced, atol=1e-12)
    assert_allclose(few.observe(reduced), whole.observe(states), atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_currents_close_on_kappa_and_the_inputs_through_the_leak(activation):
    whole = network("current", activation=activation, bias=0.3)
    few = dk.Reduced(whole)
    assert few.state_size == 2 + 2
    x, inputs = drawn(few)
    reduced = few.trajectory(x, inputs)
    states = whole.trajectory(few.lift(x), inputs)
    assert_allclose(few.lift(reduced), states, atol=1e-12)
    assert_allclose(few.lower(states), reduced, atol=1e-11)
    assert_allclose(few.observe(reduced), whole.observe(states), atol=1e-12)


def test_what_lies_beside_the_subspace_decays_by_the_leak_alone():
    whole = network("current")
    few = dk.Reduced(whole)
    x = whole.trajectory(drawn(whole)[0], 30)
    beside = x - few.lift(few.lower(x))
    ratio = beside[:, 1:].norm(dim=-1) / beside[:, :-1].norm(dim=-1)
    assert_allclose(ratio, 0.8, rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("readout", [False, True])
def test_lower_undoes_lift(form, readout):
    few = dk.Reduced(network(form, bias=0.3), readout=readout)
    x, inputs = drawn(few)
    assert_allclose(few.lower(few.lift(x, inputs[:, 0])), x, atol=1e-12)


def test_a_closed_loop_of_low_rank_has_its_readout_among_its_factors():
    whole = dk.ClosedLoop(dk.as_system((nn.RNN(3, N), nn.Linear(N, 3))))
    (name,) = whole.recurrent_weights()
    m = np.random.default_rng(2).standard_normal((2, N, 2))
    whole = whole.rewired({name: m[0] @ m[1].T / N})
    few = dk.Reduced(whole, readout=True)
    assert (few.rank, few.state_size) == (5, 8)
    x, _ = drawn(whole)
    assert_allclose(few.lower(whole.trajectory(x, 20)), few.trajectory(few.lower(x), 20), atol=1e-12)


def test_another_basis_of_the_factors_is_another_kappa_of_the_same_network():
    whole, T = network("rate"), torch.tensor([[2.0, 1.0], [0.3, -1.0]], dtype=torch.float64)
    plain = dk.Reduced(whole)
    cell = whole.inner
    cell.factors_of_weights = (plain.M @ T, plain.N @ torch.linalg.inv(T).T)
    turned = dk.Reduced(whole)
    assert turned.dropped == 0.0
    x, inputs = drawn(whole)
    assert_allclose(turned.M @ turned.lower(x).T, plain.M @ plain.lower(x).T, atol=1e-12)
    one, other = (few.trajectory(few.lower(x), inputs) @ few.M.T for few in (turned, plain))
    assert_allclose(one, other, atol=1e-12)


# --- the same answers


@pytest.mark.parametrize("form", FORMS)
def test_fixed_points_and_their_multipliers_are_those_of_the_whole(form):
    whole, u = network(form, bias=0.1), np.array([0.2, -0.1])
    few = dk.Reduced(whole)
    found, known = dk.find_fixed_points(whole, drive=u), dk.find_fixed_points(few, drive=u)
    assert len(found) == len(known) == 5
    lifted = few.lift(known.states, u).numpy()
    order = np.abs(lifted[:, None] - found.states).max(-1).argmin(1)
    assert_allclose(lifted, found.states[order], atol=1e-9)
    leak = 0.0 if form == "elman" else 0.8
    more = np.full((len(known), N - few.state_size), leak)
    both = np.concatenate([known.eigenvalues, more], 1)
    assert_allclose(np.sort_complex(both), np.sort_complex(found.eigenvalues[order]), atol=1e-9)


def beaten(n_steps):
    """Inputs of period 5; what answers in step has exponents that need no average over its ways."""
    return np.tile(np.random.default_rng(3).standard_normal((5, 2)), (n_steps // 5, 1))


@pytest.mark.parametrize("form", FORMS)
def test_the_exponents_are_those_of_the_whole(form):
    whole = network(form, ((0.9, 0.1), (0.0, 0.5)), bias=0.1)
    few = dk.Reduced(whole)
    start = few.lift(np.full(few.state_size, 0.3))
    lengths = {"n_steps": 100, "n_transient": 400}
    all_of = dk.lyapunov_spectrum(whole, start, beaten(500), **lengths).exponents
    own = dk.lyapunov_spectrum(few, few.lower(start), beaten(500), **lengths).exponents
    assert np.isfinite(own).all()
    assert_allclose(own[:, :2], all_of[:, :2], atol=1e-9)
    if form == "elman":
        assert (all_of[:, 2:] < -30).all()  # zero, up to rounding
    else:
        assert_allclose(own[:, 2:], np.log(0.8), atol=1e-9)
        assert_allclose(all_of[:, 2:], np.log(0.8), atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_basins_are_those_of_the_whole(form):
    whole = network(form, bias=0.1)
    few = dk.Reduced(whole)
    points = dk.find_fixed_points(few).stable
    starts = 2 * np.random.default_rng(4).standard_normal((200, few.state_size))
    own = dk.map_basins(few, points, lambda n, rng: starts, n_samples=200)
    lifted = few.lift(starts).numpy()
    all_of = dk.map_basins(whole, few.lift(points.states), lambda n, rng: lifted, n_samples=200)
    assert_allclose(own.labels, all_of.labels)
    assert len(np.unique(own.labels)) > 1


def test_cycles_and_their_multipliers_are_those_of_the_whole():
    whole = network("elman", ((-1.8, 0.0), (0.0, -1.2)), bias=0.1)
    few = dk.Reduced(whole)
    starts = np.random.default_rng(5).standard_normal((3, N))
    own, all_of = dk.find_limit_cycles(few, few.lower(starts)), dk.find_limit_cycles(whole, starts)
    assert own.periods.tolist() == all_of.periods.tolist() == [2]
    assert_allclose(np.abs(own.multipliers[0]), np.abs(all_of.multipliers[0, :2]), atol=1e-9)
    assert np.abs(all_of.multipliers[0, 2:]).max() < 1e-9


# --- what does not close


def refused(system, reason, **kwargs):
    with pytest.raises(InputError, match=reason):
        dk.Reduced(system, **kwargs)


def test_the_rectified_form_is_refused():
    refused(network("rectified"), "leaks inside of its function")


def test_units_with_a_leak_each_are_refused():
    model = models.LeakyRNN(1, 3, 1, dt=20.0, tau=[40.0, 80.0, 90.0], form="rate", activation="tanh")
    refused(dk.as_system(model), "a leak of its own")


def test_gates_are_refused():
    refused(dk.as_system(nn.GRU(1, 3)), "it has gates")


def test_weights_of_full_rank_are_refused_with_their_singular_values():
    refused(dk.catalog.tanh_network(np.diag([2.0, 1.0])), "2 singular values from 2 to 1")


def test_a_readout_that_bends_is_refused_only_where_it_is_to_be_carried():
    whole = dk.as_system(network("elman"), readout=lambda h: h[:, :2] ** 2)
    assert dk.Reduced(whole).state_size == 2
    refused(whole, "readout must be False", readout=True)


def test_weights_stored_in_float32_say_how_far_they_are_from_low_rank():
    whole = network("rate")
    (name, W), = whole.recurrent_weights().items()
    rounded = whole.rewired({name: W.astype(np.float32).astype(float)})
    refused(rounded, "all above rtol = 1e-12")
    few = dk.Reduced(rounded, rtol=1e-6)
    assert few.rank == 2
    assert 1e-9 < few.dropped < 1e-6
