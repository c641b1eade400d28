"""Maps that are affine layer by layer have one fixed point, which is solved for; no other map is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.analysis.fixed_points import search as searching
from dynakit.analysis.fixed_points.layered import FAR, only_point

N, M = 4, 2


def drawn(module):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 2)
    return module


class MinimalGRU(nn.Module):
    """h' = (1 - z(v)) h + z(v) g(v) (Feng et al. 2024)."""

    def __init__(self, n_inputs):
        super().__init__()
        self.z, self.g, self.size = nn.Linear(n_inputs, N), nn.Linear(n_inputs, N), N

    def forward(self, h, v):
        z = torch.sigmoid(self.z(v))
        return (1 - z) * h + z * self.g(v)


class MinimalLSTM(nn.Module):
    """h' = (f h + i g) / (f + i)."""

    def __init__(self, n_inputs):
        super().__init__()
        self.f, self.i, self.g, self.size = (*(nn.Linear(n_inputs, N) for _ in range(3)), N)

    def forward(self, h, v):
        f, i = torch.sigmoid(self.f(v)), torch.sigmoid(self.i(v))
        return f / (f + i) * h + i / (f + i) * self.g(v)


class LinearRecurrentUnit(nn.Module):
    """Complex and diagonal, the state as its real and its imaginary part (Orvieto et al. 2023)."""

    def __init__(self, n_inputs):
        super().__init__()
        self.nu, self.theta, self.size = nn.Parameter(torch.zeros(N)), nn.Parameter(torch.zeros(N)), 2 * N
        self.B = nn.Linear(n_inputs, 2 * N)

    def forward(self, h, v):
        re, im = h.split(N, -1)
        size = torch.exp(-torch.exp(self.nu))
        a, b = size * torch.cos(self.theta), size * torch.sin(self.theta)
        return torch.cat([a * re - b * im, b * re + a * im], -1) + self.B(v)


class Selective(nn.Module):
    """h' = exp(D(v) A) h + D(v) B(v), every unit with two states (Gu and Dao 2023)."""

    def __init__(self, n_inputs):
        super().__init__()
        self.D, self.B, self.size = nn.Linear(n_inputs, N), nn.Linear(n_inputs, 2), 2 * N
        self.log_A = nn.Parameter(torch.zeros(N, 2))

    def forward(self, h, v):
        h = h.reshape(-1, N, 2)
        D = nn.functional.softplus(self.D(v) + 2).unsqueeze(-1)
        h = torch.exp(-D * self.log_A.exp()) * h + D * self.B(v).unsqueeze(-2)
        return h.reshape(-1, 2 * N)


class Stacked(nn.Module):
    """Layers one above the other; each hears a function of the next state of the one below."""

    def __init__(self, *kinds, between=torch.tanh):
        super().__init__()
        widths = [M, *(2 * N if kind in (LinearRecurrentUnit, Selective) else N for kind in kinds)]
        self.layers = nn.ModuleList(kind(n) for kind, n in zip(kinds, widths))
        self.state_size, self.input_size, self.between = sum(widths[1:]), M, between

    def step(self, x, u):
        states = []
        for h, layer in zip(x.split([layer.size for layer in self.layers], -1), self.layers):
            states.append(layer(h, u))
            u = self.between(states[-1])
        return torch.cat(states, -1)


def stacked(*kinds, **kwargs):
    return dk.as_system(drawn(Stacked(*kinds, **kwargs)), step="step")


KINDS = (MinimalGRU, MinimalLSTM, LinearRecurrentUnit, Selective)
STACKS = {
    **{kind.__name__: ((kind,), torch.tanh) for kind in KINDS},
    "two minimal GRUs": ((MinimalGRU, MinimalGRU), nn.functional.gelu),
    "three of them": ((MinimalLSTM, Selective, MinimalGRU), lambda h: 1.5 * torch.cos(h)),
    "two linear units": ((LinearRecurrentUnit, LinearRecurrentUnit), lambda h: h * torch.sigmoid(h)),
    "squares between": ((MinimalGRU, MinimalGRU), lambda h: h**2),
}


@pytest.mark.parametrize("name", STACKS)
def test_the_only_point_is_where_everything_goes_and_what_a_search_finds(name, monkeypatch):
    kinds, between = STACKS[name]
    system, u = stacked(*kinds, between=between), [0.7, -0.4]
    points = dk.find_fixed_points(system, drive=u)
    assert points.only
    assert (len(points), points.n_starts, points.completeness) == (1, 0, "numerically verified")
    assert points.certified.all()
    assert points.uniqueness_radius[0] == FAR
    far = 50 * np.random.default_rng(0).standard_normal((5, system.state_size))
    assert_allclose(system.settle(far, u, 1500), np.repeat(points.states, 5, 0), rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(searching, "only_point", lambda *_: None)
    searched = dk.find_fixed_points(system, drive=u, max_starts=150)
    assert searched.completeness != "numerically verified"
    assert_allclose(searched.states, points.states, rtol=1e-9, atol=1e-10)


def test_eigenvalues_are_those_of_the_gates():
    module = drawn(Stacked(MinimalGRU, MinimalGRU)).double()
    u = torch.tensor([0.7, -0.4], dtype=torch.float64)
    points = dk.find_fixed_points(dk.as_system(module, step="step"), drive=u)
    heard = torch.tanh(torch.tensor(points.states[0, :N]))
    gates = torch.cat([torch.sigmoid(module.layers[0].z(u)), torch.sigmoid(module.layers[1].z(heard))])
    assert_allclose(np.sort(points.eigenvalues[0].real), np.sort(1 - gates.detach().numpy()), rtol=1e-12)


def test_a_point_that_repels_is_the_only_one_too():
    points = dk.find_fixed_points(dk.catalog.linear([[2.0, 0.3], [0.0, 0.5]], [1.0, -1.0]))
    assert_allclose(points.states[0], [-0.4, -2.0])
    assert (points.degree, points.expected_degree, points.only) == (-1, -1, True)
    assert "the only one" in repr(points)
    assert "solved for" in points.sentences()[-1]


def test_given_starts_are_used_and_counted():
    points = dk.find_fixed_points(dk.catalog.linear([[0.5]], [1.0]), [[0.0], [np.nan], [7.0]])
    assert points.only
    assert points.start_status.tolist() == ["converged", "non-finite start", "converged"]
    assert points.starts_per_point.tolist() == [2]


def test_each_drive_has_its_point():
    system, drives = stacked(MinimalGRU, MinimalGRU), np.array([[0.0, 0.0], [1.0, -1.0]])
    both = dk.find_fixed_points(system, np.zeros((2, 2 * N)), drives)
    assert both.only
    assert (len(both), both.expected_degree) == (2, 2)
    assert "the only one under each drive" in repr(both)
    for state, drive in zip(both.states, both.drives):
        assert_allclose(system.step(state, drive), state, atol=1e-12)


@pytest.mark.parametrize("b", [0.0, 1.0], ids=["a line of points", "no point"])
def test_where_a_gain_is_one_nothing_is_said_to_be_the_only_point(b):
    points = dk.find_fixed_points(dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]], [b, 1.0]), max_starts=200)
    assert not points.only
    assert points.completeness == "unknown"


def bent(x):
    """Affine within 50 of zero, where all that is tried first lies: points at 0, and at 200 / 3."""
    return 0.5 * x + 2 * torch.relu(x - 50)


def heard_from_afar(x):
    """The first unit hears the second only beyond 50: points at (0, 0) and (100, 100)."""
    a, b = x.unbind(-1)
    return torch.stack([0.5 * a + torch.relu(b - 50), 0.5 * b + 0.5 * a], -1)


UNLIKE = {
    "bent": lambda: dk.FunctionSystem(bent, 1),
    "heard from afar": lambda: dk.FunctionSystem(heard_from_afar, 2),
    "product within a layer": lambda: dk.FunctionSystem(lambda x: 0.5 * x + 0.1 * x * x.flip(-1), 2),
    "hardly bent": lambda: dk.FunctionSystem(lambda x: 0.5 * x + 1e-12 * x**2, 1),  # points at 0 and 5e11
    "bistable": lambda: dk.catalog.tanh_unit(2.0),
    "code that no bound follows": lambda: dk.FunctionSystem(lambda x: 0.5 * x + 0 * torch.special.i0e(x), 1),
    "relu": lambda: dk.catalog.piecewise_linear([[0.0]], [[1.0]], [[2.0]], c=[-1.0]),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_what_is_bent_anywhere_is_not_taken_for_affine(name):
    system = UNLIKE[name]()
    assert only_point(system, torch.zeros(system.input_size, dtype=torch.float64)) is None


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("scale", [1e-4, 0.3, 3.0])
def test_gates_that_hear_the_state_are_not_taken_for_affine(kind, scale):
    for seed in range(4):
        layer = getattr(nn, kind)(M, N, num_layers=1 + seed % 2)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_(scale * torch.randn(p.shape, generator=generator))
        assert only_point(dk.as_system(layer), torch.zeros(M, dtype=torch.float64)) is None
