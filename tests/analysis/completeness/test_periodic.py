"""All orbits of period k: known answers, and every point on its orbit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.models import Elman, LeakyRNN


def elman(W, b=0.0, nonlinearity="tanh"):
    net = Elman(1, len(W), 1, activation=nonlinearity)
    with torch.no_grad():
        net.rnn.weight_hh_l0.copy_(torch.as_tensor(W))
        net.rnn.bias_hh_l0.fill_(b)
        net.rnn.bias_ih_l0.zero_()
    return dk.as_system(net)


def leaky(W, a, form, activation="tanh"):
    net = LeakyRNN(1, len(W), 1, form=form, activation=activation, dt=a * 100.0, tau=100.0)
    with torch.no_grad():
        net.W_rec.copy_(torch.as_tensor(W))
        net.b_rec.zero_()
    return dk.as_system(net)


def test_a_unit_that_turns_its_sign_has_one_orbit_of_two_steps():
    """x' = tanh(-2 x): 0 and the pair +-x with x = tanh 2x."""
    root = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 1)
    points = dk.enumerate_fixed_points(elman([[-2.0]]), period=2)
    assert_allclose(np.sort(points.states[:, 0]), [-root, 0, root], atol=1e-7)
    assert points.completeness == "proved"
    once = dk.enumerate_fixed_points(elman([[-2.0]]))
    assert (len(once), once.completeness) == (1, "proved")


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_points_of_a_unit_that_holds_are_its_points_at_every_period(k):
    points = dk.enumerate_fixed_points(elman([[2.0]]), period=k)
    assert (len(points), points.completeness) == (3, "proved")


def test_orbits_of_two_units_that_pass_a_sign_around():
    """(x, y) -> (tanh 3y, -tanh 3x): after four steps every unit is on its own, at one of -r, 0 and r."""
    system = elman([[0.0, 3.0], [-3.0, 0.0]])
    found = dk.enumerate_fixed_points(system, period=4)
    assert found.completeness == "proved"
    root = brentq(lambda x: np.tanh(3 * np.tanh(3 * x)) - x, 0.1, 1)
    expected = {(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)}
    assert {tuple(np.rint(x / root).astype(int)) for x in found.states} == expected
    assert len(found) == 9
    for k in (1, 2):
        fewer = dk.enumerate_fixed_points(system, period=k)
        assert (len(fewer), fewer.completeness) == (1, "proved")


@pytest.mark.parametrize("form", ["current", "rate"])
@pytest.mark.parametrize("a", [0.3, 0.9])
def test_leaky_networks_agree_with_many_starts(form, a):
    rng = np.random.default_rng(1)
    M, N = rng.standard_normal((12, 1)), rng.standard_normal((12, 1)) / 12
    W = -6 * M @ M.T / 12 + M @ N.T
    system = leaky(W, a, form)
    exact = dk.enumerate_fixed_points(system, period=2)
    assert exact.completeness == "proved"
    x = torch.from_numpy(3 * rng.standard_normal((200, 12)))
    u = torch.zeros(200, 1, dtype=torch.float64)
    for _ in range(2000):
        x = system.step(x, u)
    assert len(exact) == (3 if a == 0.9 else 1)
    again = system.step(system.step(x, u), u)
    settled = x[(again - x).abs().amax(1) < 1e-10].numpy()
    assert len(settled) > 100
    assert max(np.abs(exact.states - s).max(1).min() for s in settled) < 1e-6


def test_rectified_units_return_after_three_steps():
    system = elman([[0.5, -1.5], [1.2, 0.3]], b=0.4, nonlinearity="relu")
    points = dk.enumerate_fixed_points(system, period=3)
    assert points.completeness == "proved"
    x = points.states
    for _ in range(3):
        x = system.step(x, np.zeros((len(x), 1)))
    assert_allclose(x, points.states, atol=1e-10)


def test_too_many_steps_and_other_leaks_are_named():
    many = dk.enumerate_fixed_points(elman(2.5 * np.eye(4)), period=2)
    assert many.completeness == "not attempted"
    assert "4 equations" in many.left
    inside = dk.enumerate_fixed_points(leaky(np.eye(2), 0.5, "rectified"), period=2)
    assert inside.completeness == "not attempted"
    assert "the leak is inside of the function" in inside.left


@pytest.mark.parametrize("form", ["current", "rate"])
def test_three_leaky_units_in_a_ring(form):
    """A sign that goes round in three steps: every state of the orbit is found, and each comes back."""
    W = 2.0 * np.roll(np.eye(3), 1, axis=0)
    system = leaky(W, 0.95, form)
    points = dk.enumerate_fixed_points(system, period=3)
    assert points.completeness == "proved"
    x = torch.tensor([[1.0, 1.0, -1.0]], dtype=torch.float64)
    u = torch.zeros(1, 1, dtype=torch.float64)
    for _ in range(300):
        x = system.step(x, u)
    for _ in range(3):
        assert np.abs(points.states - x.numpy()).max(1).min() < 1e-9
        x = system.step(x, u)
    assert np.abs(points.states).max(1).min() < 1e-9
