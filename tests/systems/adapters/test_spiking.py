"""Spiking networks as systems: their own steps, named parts, and no Jacobian from a surrogate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import LIF, SpikingRNN, spike

from ..members import OURS, M, N, seeded

SPIKING = [name for name, make in OURS.items() if isinstance(make(), (LIF, SpikingRNN))]
each_network = pytest.mark.parametrize("name", SPIKING)


def driven(system) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 5 * torch.randn(4, 400, system.input_size, generator=generator, dtype=torch.float64)


@each_network
def test_a_spiking_network_is_a_map_that_jumps_with_parts_and_weights(name):
    model = seeded(OURS[name])
    system = dk.as_system(model)
    assert system.regularity == "discontinuous"
    assert system.dt == model.dt
    assert system.parts == model.parts
    assert_allclose(system.recurrent_weights()["W_rec"], model.W_rec.detach())
    record = dk.record(model, driven(system))
    assert set(np.unique(record.part("spikes"))) >= {0.0, 1.0}
    outputs = model.double()(driven(system)).outputs.detach()
    assert_allclose(record.outputs, outputs, atol=1e-12)
    assert_allclose(
        system.step(record.states[:, 10], driven(system)[:, 11]), record.states[:, 11], atol=1e-12
    )


@each_network
def test_surrogate_derivatives_are_no_jacobians(name):
    system = dk.as_system(seeded(OURS[name]))
    x = torch.zeros(system.state_size, dtype=torch.float64, requires_grad=True)
    for ask in (
        system.jacobian,
        system.input_jacobian,
        lambda x: system.jvp(x, None, np.eye(system.state_size)),
    ):
        with pytest.raises(InputError, match="jumps at its spikes"):
            ask(x)
    assert not system.step(x, torch.ones(M)).requires_grad
    assert system.single_precision() is None


JACOBIAN_BASED = {
    "find_fixed_points": lambda system, x: dk.find_fixed_points(system),
    "find_slow_points": lambda system, x: dk.find_slow_points(system),
    "find_limit_cycles": lambda system, x: dk.find_limit_cycles(system),
    "enumerate_fixed_points": lambda system, x: dk.enumerate_fixed_points(system),
    "linearize": dk.linearize,
    "lyapunov_spectrum": lambda system, x: dk.lyapunov_spectrum(system, x, n_steps=10),
    "covariant_vectors": lambda system, x: dk.covariant_vectors(system, x, n_steps=10),
    "trace_fixed_points": dk.trace_fixed_points,
    "find_slow_manifold": lambda system, x: dk.find_slow_manifold(system, x[None]),
    "trace_slow_manifold": lambda system, x: dk.trace_slow_manifold(system, x[None]),
    "check_echo_state": lambda system, x: dk.check_echo_state(system, np.zeros((20, M))),
}


@pytest.mark.parametrize("analysis", JACOBIAN_BASED)
@each_network
def test_an_analysis_by_jacobians_refuses_and_says_what_to_look_at_instead(name, analysis):
    system = dk.as_system(seeded(OURS[name]))
    said = "needs a differentiable map, but .* jumps at its spikes; look at trajectories, spikes and connectivity"
    with pytest.raises(InputError, match=said):
        JACOBIAN_BASED[analysis](system, np.zeros(system.state_size))


def test_two_networks_with_the_same_weights_and_other_constants_have_other_fingerprints():
    prints = [dk.as_system(LIF(2, 4, 1, **s)).fingerprint for s in ({}, {}, {"tau": 30.0}, {"reset": "zero"})]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_analyze_says_what_it_cannot_ask_of_spikes():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=30)
    model = LIF.for_task(task, n_hidden=8)
    report = dk.analyze(model, task)
    assert report.score is not None
    assert report.trajectories.part("spikes").shape[-1] == 8
    assert report.connectivity.name == "W_rec"
    for stage in ("fixed_points", "lyapunov", "cycles"):
        assert not getattr(report, stage)
        assert "jumps at its spikes" in report.skipped[stage]
    assert report.summary().startswith("LIF: 1 input -> 24 state")


class KeepsItsState(nn.Module):
    """Neurons as most spiking libraries have them: the voltage is a buffer of the module."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size, self.n_inputs = N, M
        self.into = nn.Linear(M, N)
        self.register_buffer("voltage", torch.full((1, N), 0.25))

    def forward(self, u):
        self.voltage = 0.9 * self.voltage + self.into(u)
        fired = spike(self.voltage)
        self.voltage = self.voltage - fired.detach()
        return fired

    def step(self, u, v):
        """The same with the state as an argument, by way of the buffer."""
        self.voltage = v
        self(u)
        return self.voltage


@pytest.mark.parametrize("form", ["name", "bound method", "callable"])
def test_a_module_whose_state_is_a_buffer_comes_back_with_its_buffer(form):
    cell = seeded(KeepsItsState)
    kept, weights = cell.voltage, cell.into.weight.clone()
    jumps = {"argument_order": "input, state", "regularity": "discontinuous"}
    if form == "callable":
        system = dk.as_system(cell.step, state_size=N, input_size=M, **jumps)
    else:
        system = dk.as_system(cell, step="step" if form == "name" else cell.step, **jumps)
    y = system.trajectory(torch.zeros(2, N), torch.ones(2, 20, M))
    assert cell.voltage is kept
    assert torch.equal(kept, torch.full((1, N), 0.25))
    assert torch.equal(cell.into.weight, weights)
    assert cell.into.weight.dtype == torch.float32
    with torch.no_grad():
        cell.into.weight.zero_()
    assert torch.equal(system.trajectory(torch.zeros(2, N), torch.ones(2, 20, M)), y)
    with pytest.raises(InputError, match="is said to jump"):
        system.jacobian(torch.zeros(N))


def test_a_module_that_hides_its_state_is_refused_and_comes_back_as_it_was():
    cell = seeded(KeepsItsState)
    kept = cell.voltage.clone()

    def hidden(self, v, u):
        return self(u) + v

    cell.hidden = hidden.__get__(cell)
    with pytest.raises(InputError, match="is all that it remembers in the state"):
        dk.as_system(cell, step="hidden", argument_order="state, input")
    assert torch.equal(cell.voltage, kept)


def test_regularity_is_for_cells_of_the_users_own():
    with pytest.raises(InputError, match="regularity must be one of 'smooth'"):
        dk.as_system(seeded(KeepsItsState), step="step", regularity="jumpy")
    with pytest.raises(InputError, match="regularity is read off this model"):
        dk.as_system(LIF(1, 2, 1), regularity="discontinuous")
