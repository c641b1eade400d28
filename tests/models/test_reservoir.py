"""Reservoirs: what is drawn, the two equations against independent loops, and both forms as systems."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import Reservoir


@pytest.fixture
def doubles():
    """Weights are drawn in float64, so that nothing is lost to storage."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("n", "radius", "density"), [(60, 0.9, 0.1), (300, 1.4, 0.05)])
def test_the_spectral_radius_is_exact(n, radius, density, doubles):
    model = Reservoir(2, n, 2, spectral_radius=radius, density=density)
    assert_allclose(np.abs(np.linalg.eigvals(model.W_rec.numpy())).max(), radius, rtol=1e-12)


def test_what_is_drawn():
    model = Reservoir(3, 400, 2, density=0.05, bias=0.4)
    present = (model.W_rec != 0).double().mean()
    assert abs(float(present) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 400**2)
    assert bool(((model.W_in != 0).sum(1) == 1).all())  # one input per unit, every input heard
    assert bool(((model.W_in != 0).sum(0) > 90).all())
    assert 0.35 < float(model.b_rec.abs().max()) <= 0.4
    assert {name for name, _ in model.named_parameters()} == {"W_out", "b_out"}
    assert not torch.equal(model.W_rec, Reservoir(3, 400, 2, seed=1).W_rec)


def rk4_loop(model, inputs, gamma, dt):
    """The equations once more, in NumPy, one unit vector at a time."""
    M, W, b = (w.numpy() for w in (model.W_rec, model.W_in, model.b_rec))
    r, states = np.zeros(len(M)), []
    for u in inputs:

        def f(r, u=u):
            return gamma * (-r + np.tanh(M @ r + model.sigma_in * (W @ u) + b))

        k1 = f(r)
        k2 = f(r + dt / 2 * k1)
        k3 = f(r + dt / 2 * k2)
        k4 = f(r + dt * k3)
        r = r + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(r)
    return np.array(states)


@pytest.mark.parametrize("n", [40, 120])  # dense, sparse
def test_the_continuous_form(n, doubles):
    model = Reservoir(2, n, 3, density=0.1, gamma=4.0, dt=0.1, sigma_in=0.7, bias=0.3)
    assert (model.sparse() is None) == (n == 40)
    inputs = np.random.default_rng(0).normal(size=(30, 2))
    states = rk4_loop(model, inputs, 4.0, 0.1)
    outputs, got = model(torch.from_numpy(inputs)[None])
    assert_allclose(got[0].detach(), states, atol=1e-13)
    W, b = (p.detach().numpy() for p in model.linear_readout())
    assert_allclose(outputs[0].detach(), np.concatenate([states, states**2], 1) @ W.T + b, atol=1e-13)


def test_the_discrete_form(doubles):
    model = Reservoir(2, 120, 1, form="discrete", leak=0.3, readout="linear", sigma_in=0.5)
    M, W = model.W_rec.numpy(), model.W_in.numpy()
    inputs, r = np.random.default_rng(0).normal(size=(20, 2)), np.zeros(120)
    for u in inputs:
        r = 0.7 * r + 0.3 * np.tanh(M @ r + 0.5 * (W @ u))
    assert_allclose(model(torch.from_numpy(inputs)[None]).states[0, -1].detach(), r, atol=1e-13)


@pytest.mark.parametrize("form", ["continuous", "discrete"])
@pytest.mark.parametrize("n", [40, 120])
def test_as_a_system_it_is_the_same_network(form, n, doubles):
    model = Reservoir(2, n, 2, density=0.1, form=form, bias=0.2)
    inputs = torch.randn(3, 15, 2, generator=torch.Generator().manual_seed(0))
    system, forward = dk.as_system(model), model(inputs)
    states = system.trajectory(np.zeros(n), inputs)
    assert_allclose(states, forward.states.detach(), atol=1e-13)
    assert_allclose(system.observe(states), forward.outputs.detach(), atol=1e-12)
    assert_allclose(system.recurrent_weights()["W_rec"], model.W_rec)
    assert isinstance(system, dk.Flow) == (form == "continuous")
    dense = model.W_rec.T
    assert_allclose(
        system.inner.inner.inner.inner._recurrent(states)
        if form == "continuous"
        else system.inner.inner._recurrent(states),
        states @ dense,
        atol=1e-14,
    )
    J = torch.func.vmap(torch.func.jacrev(system.step))(
        states[:, -1], inputs[:, 0]
    )  # sparse products have no vmap
    assert_allclose(system.jacobian(states[:, -1], inputs[:, 0]), J, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"leak": 0.5}, "leak belongs to form='discrete' and has no meaning for form='continuous'"),
        ({"form": "discrete", "gamma": 5.0}, "gamma belongs to form='continuous'"),
        ({"form": "discrete", "leak": 1.5}, r"leak must be a finite number in \[0, 1\]"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"form": "continuos"}, "did you mean 'continuous'"),
        ({"readout": "squared"}, "readout must be one of"),
        ({"density": 0.001}, "density leaves a recurrent matrix of 20 units without loops"),
        ({"spectral_radius": 0.0}, "spectral_radius must be"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        Reservoir(2, 20, 2, **{"density": 0.3, **arguments})
