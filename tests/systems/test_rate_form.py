"""Where a network stands still, z = W f(z) + W_in u + b with its weights, stacks and closed loops included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models
from dynakit.models.activations import activation

from .members import K, M, N, member, seeded


def leaky(form, f, tau=100.0, n_outputs=M):
    sizes = {"dt": 20.0, "tau": tau, "form": form, "activation": f}
    return dk.as_system(seeded(lambda: models.LeakyRNN(M, N, n_outputs, **sizes)))




WITH_FORM = {
    "Elman": lambda: member("Elman tanh"),
    "sigmoid": lambda: member("Elman sigmoid"),
    "current": lambda: leaky("current", "softplus"),
    "rate": lambda: leaky("rate", "tanh", [40.0, 50.0, 60.0, 80.0, 99.0]),
    "rectified": lambda: leaky("rectified", "sigmoid"),
    "Dale": lambda: member("leaky rate tanh abs"),
    "driven": lambda: dk.Driven(leaky("current", "tanh"), [0.3, -0.2, 1.0]),
    "closed Elman": lambda: dk.ClosedLoop(
        dk.as_system((seeded(lambda: nn.RNN(M, N)), seeded(lambda: nn.Linear(N, M))))
    ),
    "closed currents": lambda: dk.ClosedLoop(leaky("current", "tanh")),
    "closed, leaking inside": lambda: dk.ClosedLoop(leaky("rectified", "tanh")),
    "two layers": lambda: member("nn.RNN 2 bias=True"),
    "three layers with a readout": lambda: dk.as_system(
        (seeded(lambda: nn.RNN(M, N, 3), 0.7), seeded(lambda: nn.Linear(N, K)))
    ),
    "two layers, closed": lambda: dk.ClosedLoop(
        dk.as_system((seeded(lambda: nn.RNN(M, N, 2), 0.7), seeded(lambda: nn.Linear(N, M))))
    ),
}


def at_rest(system, u):
    """A state that stands still, by Newton's method on the step."""
    x = system.settle(system.initial_state(), u, 200)[None]
    u = u.expand(1, -1)
    for _ in range(60):
        x = x + system.newton_step(x, u, system.step(x, u) - x)[0]
    assert float((system.step(x, u) - x).abs().max()) < 1e-13
    return x[0]


@pytest.mark.parametrize("name", WITH_FORM)
def test_a_state_at_rest_solves_the_form_and_is_the_state_of_its_currents(name):
    system = WITH_FORM[name]()
    u = torch.linspace(-0.4, 0.5, system.input_size, dtype=torch.float64)
    form, x = system.rate_form(), at_rest(system, u)
    d, _ = form.constant(u)
    z = x if form.of_currents else form.W @ x + d
    rates = activation(form.activation).function(z) if form.of_currents else x
    assert_allclose(form.W @ rates + d, z, atol=1e-12)
    assert_allclose(form.states(z), x, atol=1e-12)


@pytest.mark.parametrize("name", ["two layers, closed", "closed currents", "three layers with a readout"])
def test_their_fixed_points_are_proved(name):
    system = WITH_FORM[name]()
    points = dk.enumerate_fixed_points(system)
    found = dk.find_fixed_points(system)
    assert points.completeness == "proved"
    assert len(points) == len(found)
    assert_allclose(np.sort(points.states, 0), np.sort(found.states, 0), atol=1e-9)


WITHOUT = {
    "it has gates": lambda: dk.as_system(nn.GRU(2, 3)),
    "its readout is no weighted sum of its rates": lambda: dk.ClosedLoop(
        dk.as_system(nn.RNN(2, 3), readout=lambda h: h[:, :2] ** 2)
    ),
    "its step is not known to be that of a rate network": lambda: dk.Iterated(dk.as_system(nn.RNN(2, 3)), 2),
    "it has gates ": lambda: dk.as_system(nn.LSTM(2, 3, 2)),
}


@pytest.mark.parametrize("reason", WITHOUT)
def test_what_has_no_form_says_why(reason):
    assert WITHOUT[reason]().rate_form() == reason.strip()


def test_the_loop_of_a_network_that_steps_with_factors_steps_with_factors():
    whole = leaky("rate", "tanh")
    M_, N_ = torch.randn(2, N, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole.inner.factors_of_weights = (M_, N_)
    whole.inner.W_rec = M_ @ N_.T
    form = dk.ClosedLoop(whole).rate_form()
    assert form.factors[0].shape == (N, 1 + M)
    assert_allclose(form.factors[0] @ form.factors[1].T, form.W, atol=1e-14)
