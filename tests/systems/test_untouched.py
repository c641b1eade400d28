"""The given module, the global generators and the caller's arrays come back as they were."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

from .members import INPUTS, OURS, K, Leaking, M, N, seeded


class Remembering(nn.Module):
    """A cell with everything that a careless caller would change: counters, running means, a kept state."""

    def __init__(self, noisy: bool = False) -> None:
        super().__init__()
        self.hidden_size, self.n_inputs, self.noisy = N, M, noisy
        self.rnn, self.norm, self.drop = nn.GRUCell(M, N), nn.BatchNorm1d(N), nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.last = None

    def step(self, u, h):
        self.calls += 1
        self.last = self.drop(self.norm(self.rnn(u, h)))
        return self.last + (0.1 * torch.rand_like(self.last) if self.noisy else 0.0)


def snapshot(module: nn.Module) -> list[object]:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return [
        {
            name: (t.detach().numpy().tobytes(), t.dtype, t.requires_grad, id(t))
            for name, t in tensors.items()
        },
        {name: m.training for name, m in module.named_modules()},
        {name: id(p.grad) for name, p in module.named_parameters()},
        torch.random.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002 - the global generator is what is watched
        random.getstate(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    ]


def test_the_given_module_and_the_global_generators_are_untouched():
    cell = seeded(Remembering).train()
    cell.rnn.bias_hh.requires_grad_(False)
    cell.step(torch.zeros(2, M), torch.zeros(2, N)).sum().backward()  # leaves a state that is no leaf
    before, last = snapshot(cell), cell.last
    system = dk.as_system(cell, step="step")
    system.trajectory(torch.zeros(3, N), torch.ones(3, 4, M))
    system.jacobian(torch.zeros(3, N), torch.ones(3, M))
    assert snapshot(cell) == before
    assert cell.last is last
    eval_cell = copy.deepcopy(seeded(Remembering)).double().eval()
    x, u = torch.rand(3, N, dtype=torch.float64), torch.rand(3, M, dtype=torch.float64)
    assert_allclose(
        dk.as_system(eval_cell, step="step").step(x, u), eval_cell.step(u, x).detach(), atol=1e-15
    )


def test_untouched_also_after_a_refusal():
    cell = seeded(lambda: Remembering(noisy=True)).train()
    before = snapshot(cell)
    with pytest.raises(InputError, match="rand_like at every step, which has no mean map"):
        dk.as_system(cell, step="step")
    assert snapshot(cell) == before
    net = Leaking(seeded(lambda: nn.RNNCell(M, N)), nn.Sequential(nn.Linear(N, K), nn.Tanh())).train()
    before = snapshot(net)
    with pytest.raises(InputError, match="something else"):
        dk.as_system(net)
    assert snapshot(net) == before


@pytest.mark.parametrize("name", OURS)
def test_the_system_does_not_change_when_the_model_is_trained_on(name):
    model = seeded(OURS[name]).double()
    before = snapshot(model)
    system = dk.as_system(model)
    x = torch.linspace(-1, 1, 2 * system.state_size, dtype=torch.float64).reshape(2, -1)
    y, output = system.step(x), system.observe(x)
    dk.record(model, INPUTS)
    assert snapshot(model) == before
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-2).add_(0.1)
    assert torch.equal(system.step(x), y)
    assert torch.equal(system.observe(x), output)


def test_a_record_does_not_change_with_the_callers_array():
    inputs = INPUTS.double().clone().requires_grad_(True)
    record = dk.record(seeded(lambda: nn.GRU(M, N, batch_first=True)), inputs)
    with torch.no_grad():
        inputs.zero_()
    assert_allclose(record.inputs, INPUTS.double())
    drive = torch.ones(M, dtype=torch.float64)
    driven = dk.Driven(dk.as_system(seeded(lambda: nn.GRU(M, N))), drive)
    before = driven.step(torch.zeros(N))
    drive.zero_()
    assert torch.equal(driven.step(torch.zeros(N)), before)
