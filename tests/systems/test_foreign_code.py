"""A user's step as it is written: kinks and pieces off a trace, float32 literals, closures, the caller's settings."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

from .members import INPUTS, M, N, Sequencer, seeded


class LeakyReLU(nn.Module):
    """The usual cell of tutorials, without biases: at rest every unit is at its kink."""

    def __init__(self, gain: float = 2.0, relu=torch.relu) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.relu = 1, 3, relu
        self.into, self.recurrent = nn.Linear(1, 3, bias=False), nn.Linear(3, 3, bias=False)
        with torch.no_grad():
            self.recurrent.weight.copy_(gain * torch.eye(3))

    def recurrence(self, input, hidden):
        return 0.8 * hidden + 0.2 * self.relu(self.into(input) + self.recurrent(hidden))


def by_where(x):
    return torch.where(x > 0, x, torch.zeros(3))


@pytest.mark.parametrize("regularity", [None, "smooth", "piecewise_linear"])
@pytest.mark.parametrize(
    "relu", [torch.relu, nn.ReLU(), by_where, lambda x: x.clamp(min=0), lambda x: x * (x > 0)]
)
def test_a_relu_cell_of_ones_own_at_rest_is_judged_by_its_sides(relu, regularity):
    system = dk.as_system(
        LeakyReLU(2.0, relu), step="recurrence", regularity=regularity
    )  # x > 0 grows by 1.2
    rest = np.zeros((1, 3))
    assert list(dk.linearize(system, rest).verdicts) == ["unstable"]
    assert list(dk.find_fixed_points(system, rest, max_starts=8).verdicts) == ["unstable"]
    contracting = dk.as_system(LeakyReLU(-1.0, relu), step="recurrence", regularity=regularity)
    assert "stable" not in dk.linearize(system, rest).verdicts
    assert "unstable" not in dk.linearize(contracting, rest).verdicts


def test_exact_enumeration_of_a_cell_whose_pieces_are_read_off():
    system = dk.as_system(LeakyReLU(2.0), step="recurrence")
    assert system.regularity == "piecewise_linear"
    exact = dk.enumerate_fixed_points(system, [1.0])
    assert_allclose(system.step(exact.states, [1.0]), exact.states, atol=1e-12)
    assert list(dk.enumerate_fixed_points(system).verdicts) == ["unstable"]
    hidden = dk.enumerate_fixed_points(dk.as_system(LeakyReLU(2.0, by_where), step="recurrence"))
    assert hidden.completeness == "not attempted"
    assert "LeakyRNN" in hidden.left


@pytest.mark.parametrize(
    ("f", "distance"),
    [
        (lambda x: x.relu(), 0.3),
        (lambda x: x.clamp(-1, 0.5) - x.abs(), 0.2),
        (lambda x: nn.functional.leaky_relu(x - 0.2), 0.1),
        (lambda x: torch.maximum(x, 0.1 * x), 0.27),
        (lambda x: nn.functional.hardtanh(3 * x), 0.1),
        (lambda x: torch.tanh(torch.relu(x)), 0.3),
        (lambda x: nn.functional.elu(x), math.inf),
        (lambda x: torch.tanh(x), math.inf),
    ],
)
def test_how_far_a_kink_is(f, distance):
    assert float(dk.FunctionSystem(f, 1).kinks([0.3])) == pytest.approx(distance)


def test_pieces_read_off_are_the_map():
    layers = nn.Sequential(
        nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.Hardtanh(), nn.Linear(3, 2)
    ).double()
    system = dk.FunctionSystem(lambda x: 0.5 * x + layers(x), 2)
    pieces, x = system.pieces(), 3 * torch.randn(50, 2, dtype=torch.float64)
    assert pieces is not None
    assert_allclose(pieces.step(x), system.step(x), atol=1e-12)
    assert dk.FunctionSystem(lambda x: torch.tanh(layers(x)), 2).pieces() is None


def test_kinks_of_code_that_torch_does_not_see():
    def f(x):
        return np.maximum(x.numpy(), 0.25 * x.numpy())

    system = dk.FunctionSystem(f, 1, jacobian=lambda x: np.where(x.numpy() > 0, 1.0, 0.25)[:, :, None])
    assert system.kinks([[0.0], [0.5]]).tolist() == [0.0, math.inf]


def test_a_closure_over_a_parameter():
    w = nn.Parameter(torch.tensor(1.0))
    slow = dk.find_slow_points(
        dk.FunctionSystem(lambda x: x + w * (0.01 + x**2), 1), [[0.5], [-0.5]], max_starts=2
    )
    assert len(slow) == 1
    assert w.requires_grad
    assert w.dtype == torch.float32


def test_jacobian_and_readout_close_over_float32_as_a_step_does():
    w, head = torch.tensor([[0.5, 0.25], [0.0, 0.5]]), torch.nn.Linear(2, 3)
    system = dk.FunctionSystem(lambda x: x @ w.T, 2, jacobian=lambda x: w.expand(len(x), 2, 2), readout=head.forward)
    x = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    assert torch.equal(system.jacobian(x)[0], w.double())
    assert torch.allclose(system.observe(x), head(x.float()).double(), atol=1e-6)
    assert head.weight.dtype == torch.float32
    assert head.weight.requires_grad


def test_float32_literals_are_float64():
    system = dk.FunctionSystem(
        lambda x: torch.cat([x.float(), torch.zeros(len(x), 1)], 1) @ torch.full((4, 3), 0.5), 3
    )
    step = system.step([1.0, 1e-9, 0.0])
    assert step.dtype == torch.float64
    assert float(step[0]) == 0.5 + 0.5e-9


@contextlib.contextmanager
def settings(kind):
    if kind == "device":
        torch.set_default_device("meta")
    try:
        with contextlib.ExitStack() as stack:
            if kind == "seterr":
                stack.enter_context(np.errstate(all="raise"))
            if kind == "inference":
                stack.enter_context(torch.inference_mode())
            if kind == "autocast":
                stack.enter_context(torch.autocast("cpu"))
            yield
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("kind", ["device", "seterr", "inference", "autocast"])
def test_settings_of_the_caller_change_nothing(kind):
    net, cell = seeded(lambda: Sequencer(nn.GRU(M, N, batch_first=True), nn.Linear(N, 2))), LeakyReLU()

    task = dk.tasks.FlipFlop(n_bits=1, n_steps=20)

    def trained():
        model = dk.models.GRU.for_task(task, n_hidden=3, seed=0)
        dk.train(model, task, dk.training.BPTT(max_updates=2, batch_size=4), seed=0)
        return model

    def answers():
        model = trained()
        system, own = dk.as_system(net), dk.as_system(cell, step="recurrence")
        x = np.full((2, N), 0.1)
        return [
            dk.record(net, INPUTS).outputs,
            dk.find_fixed_points(system, max_starts=16).states,
            dk.find_fixed_points(own, max_starts=16).states,
            dk.linearize(system, x).eigenvalues,
            dk.lyapunov_spectrum(system, x[0], n_steps=20).exponents,
            dk.enumerate_fixed_points(own).states,
            system.input_jacobian(x).numpy(),
            dk.find_fixed_points(dk.catalog.tanh_network([[2.0]]), max_starts=8).states,
            task.sample(2, seed=0).inputs.numpy(),
            model.rnn.weight_hh_l0.detach().numpy(),
            dk.analyze(model, task, include=["trajectories"]).score,
        ]

    expected = answers()
    with settings(kind):
        got = answers()
        assert (torch.get_default_device().type == "meta") == (kind == "device")
        assert torch.is_inference_mode_enabled() == (kind == "inference")
    for a, b in zip(got, expected, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12)


def test_time_is_never_swapped_with_trials():
    rnn = seeded(lambda: nn.GRU(M, N))
    turned = INPUTS.transpose(0, 1)
    expected = rnn(turned)[0].transpose(0, 1).detach()
    with pytest.raises(InputError, match="time_axis=0"):
        dk.record(rnn, turned)
    assert_allclose(dk.record(rnn, turned, time_axis=0).outputs, expected, atol=1e-6)
    assert_allclose(dk.record(rnn, INPUTS, time_axis=1).outputs, expected, atol=1e-6)
    packed = nn.utils.rnn.pack_padded_sequence(turned, torch.tensor([6, 2, 4, 1]), enforce_sorted=False)
    record = dk.record(rnn, packed)
    assert np.isfinite(record.outputs).all(2).sum(1).tolist() == [6, 2, 4, 1]
    assert_allclose(record.outputs[1, :2], expected[1, :2], atol=1e-6)


def test_a_report_compares_on_its_own_trials():
    class Late(Sequencer):
        def forward(self, x):
            gain = 1 + (torch.arange(x.shape[1]) >= 50).to(x)
            return super().forward(x) * gain[None, :, None]

    task = dk.tasks.FlipFlop(n_bits=1, n_steps=60)
    build = lambda kind: seeded(lambda: kind(nn.GRU(1, N, batch_first=True), nn.Linear(N, 1)))  # noqa: E731
    assert dk.analyze(build(Sequencer), task, include=["trajectories"]).provenance.settings["compared"] == 60
    with pytest.raises(InputError, match="on these trials it does something else"):
        dk.analyze(build(Late), task, include=["trajectories"])


def seeded_twice(build):
    return seeded(build), seeded(build)


def test_slips_are_told_with_what_to_do():
    class Out(nn.Module):
        hidden_size, input_size = 4, 2

        def __init__(self):
            super().__init__()
            self.a = nn.Linear(6, 4)

        def step(self, u, h):
            h = torch.tanh(self.a(torch.cat([u, h], -1)))
            return h.sum(-1), h

        def alone(self, u, h):
            return self.step(u, h)[1]

    both, alone = seeded_twice(Out)
    both, alone = dk.as_system(both, step="step"), dk.as_system(alone, step="alone")
    x, u = torch.rand(3, 4), torch.rand(3, 2)
    assert torch.equal(both.step(x, u), alone.step(x, u))
    assert_allclose(both.observe(x), x.sum(1, keepdim=True))
    rnn = nn.GRU(M, N, batch_first=True)
    trials = [torch.zeros(5, M), torch.zeros(3, M)]
    with pytest.raises(InputError, match=r"pack_sequence\(trials, enforce_sorted=False\)"):
        dk.record(rnn, trials)
    assert len(dk.record(rnn, nn.utils.rnn.pack_sequence(trials, enforce_sorted=False))) == 2
    turning = dk.FunctionSystem(lambda x: torch.remainder(x + 0.3, 1.0), 1, regularity="discontinuous")
    with pytest.raises(InputError, match="is said to jump"):
        dk.find_limit_cycles(turning)
    with pytest.raises(InputError, match="spikes is a list of rasters"):
        dk.spike_statistics([np.zeros((100, 5)), np.zeros((80, 5))], dt=1.0)
    with pytest.raises(InputError, match="tau must be a number or 6 numbers"):
        dk.models.LIF(2, 6, 1, tau=np.linspace(5, 30, 7))
    W = torch.diag(torch.tensor([1.0, 0.5]))
    assert repr(dk.graph_statistics(W.to_sparse())) == repr(dk.graph_statistics(W))
    assert dk.find_fixed_points(dk.catalog.tanh_unit(2.0), torch.zeros(1, 1).bfloat16(), max_starts=4) is not None
