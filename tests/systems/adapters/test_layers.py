"""torch's layers and our models step exactly as they do themselves, and their parts have names."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models

from ..members import INPUTS, OURS, K, M, N, seeded


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_layers_step_exactly_as_torch_steps_them(kind, n_layers, batch_first, bias):
    rnn = seeded(lambda: getattr(nn, kind)(M, N, n_layers, bias=bias, batch_first=batch_first, dropout=0.0))
    twin = copy.deepcopy(rnn).double()
    system, inputs = dk.as_system(rnn), INPUTS.double()
    x0 = torch.randn(4, system.state_size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    states = system.trajectory(x0, inputs)
    blocks = (
        x0.reshape(4, n_layers, -1, N).permute(2, 1, 0, 3).contiguous()
    )  # h (and c), (layer, trial, unit)
    hidden = (blocks[0], blocks[1]) if kind == "LSTM" else blocks[0]
    for t in range(INPUTS.shape[1]):
        u = inputs[:, t : t + 1]
        top, hidden = twin(u if batch_first else u.transpose(0, 1), hidden)
        stacked = torch.stack(hidden if kind == "LSTM" else [hidden])  # (h and c, layer, trial, unit)
        expected = stacked.permute(2, 1, 0, 3).reshape(4, -1)
        assert_allclose(states[:, t], expected.detach(), rtol=0, atol=1e-13)
        assert_allclose(system.observe(states[:, t]), top.detach().reshape(4, N), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_cells_step_exactly_as_torch_steps_them(kind):
    cell = seeded(lambda: getattr(nn, kind)(M, N))
    system, twin = dk.as_system(cell), copy.deepcopy(cell).double()
    x = torch.randn(7, system.state_size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    u = torch.randn(7, M, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = twin(u, x.split(N, 1) if kind == "LSTMCell" else x)
    expected = torch.cat(y, 1) if kind == "LSTMCell" else y
    assert_allclose(system.step(x, u), expected.detach(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", OURS)
def test_record_is_the_models_own_forward_pass(name):
    model = seeded(OURS[name]).train()
    record = dk.record(model, INPUTS)
    twin = copy.deepcopy(model).double().eval()
    outputs, states = twin(INPUTS.double())
    assert_allclose(record.outputs, outputs.detach(), rtol=0, atol=1e-12)
    assert_allclose(record.states, states.detach(), rtol=0, atol=1e-12)
    x0 = 0.3 * torch.ones(twin.state_size, dtype=torch.float64)
    assert_allclose(
        dk.record(model, INPUTS, x0).outputs, twin(INPUTS.double(), x0).outputs.detach(), atol=1e-12
    )


def test_peephole_lstm_against_a_loop_over_units():
    model = seeded(lambda: models.LSTM(M, N, K, peepholes=True)).double()
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    h, c, expected = np.zeros(N), np.zeros(N), []
    for u in INPUTS[0].double().numpy():
        a = w["rnn.weight_ih_l0"] @ u + w["rnn.weight_hh_l0"] @ h + w["rnn.bias_ih_l0"] + w["rnn.bias_hh_l0"]
        new_h, new_c = np.zeros(N), np.zeros(N)
        for k in range(N):
            i = sigmoid(a[k] + w["peephole"][0, k] * c[k])
            f = sigmoid(a[N + k] + w["peephole"][1, k] * c[k])
            new_c[k] = f * c[k] + i * np.tanh(a[2 * N + k])
            new_h[k] = sigmoid(a[3 * N + k] + w["peephole"][2, k] * new_c[k]) * np.tanh(new_c[k])
        h, c = new_h, new_c
        expected.append(np.r_[h, c])
    record = dk.record(model, INPUTS)
    assert_allclose(record.states[0], expected, rtol=0, atol=1e-14)
    assert_allclose(record.part("c")[0], np.array(expected)[:, N:], rtol=0, atol=1e-14)
    assert dk.as_system(model).box() is None  # a forget peephole can hold any c


@pytest.mark.parametrize(
    ("kind", "n_layers", "expected"),
    [
        ("GRU", 1, {"h": (0, 5)}),
        ("LSTM", 1, {"h": (0, 5), "c": (5, 10)}),
        ("GRU", 2, {"h": (0, 5), "layer2.h": (5, 10)}),
        ("LSTM", 2, {"h": (0, 5), "c": (5, 10), "layer2.h": (10, 15), "layer2.c": (15, 20)}),
    ],
)
def test_parts_are_named_layer_by_layer(kind, n_layers, expected):
    assert dk.record(getattr(nn, kind)(M, N, n_layers), INPUTS, time_axis=1).parts == expected


def test_recurrent_weights_are_torchs_gates_by_name():
    gru, lstm = seeded(lambda: nn.GRU(M, N)), seeded(lambda: nn.LSTM(M, N, 2))
    gates = dk.as_system(gru).recurrent_weights()
    assert list(gates) == ["W_r", "W_z", "W_n"]
    assert_allclose(gates["W_n"], gru.weight_hh_l0[2 * N :].detach())
    gates = dk.as_system((lstm, nn.Linear(N, 1))).recurrent_weights()
    assert list(gates) == ["W_i", "W_f", "W_g", "W_o"] + [f"layer2.W_{g}" for g in "ifgo"]
    assert_allclose(gates["layer2.W_o"], lstm.weight_hh_l1[3 * N :].detach())
    leaky = models.LeakyRNN(M, N, K, dale="abs", e_frac=0.6, seed=1)
    effective = dk.as_system(leaky).recurrent_weights()["W_rec"]
    assert_allclose(effective, leaky.effective_weights().W_rec.detach(), atol=1e-7)
    assert (effective[:, :3] >= 0).all()
    assert (effective[:, 3:] <= 0).all()


@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from(["RNN", "GRU", "LSTM"]), st.integers(1, 2))
def test_any_size_runs_from_one_unit_and_one_input_on(n_inputs, n_hidden, kind, n_layers):
    system = dk.as_system(seeded(lambda: getattr(nn, kind)(n_inputs, n_hidden, n_layers)))
    states = system.trajectory(torch.zeros(2, system.state_size), torch.ones(2, 3, n_inputs))
    assert states.shape == (2, 3, system.state_size)
    box = system.box(np.ones(n_inputs))
    assert bool(((states > box.lo) & (states < box.hi)).all())
    assert system.jacobian(states).shape == (2, 3, system.state_size, system.state_size)
