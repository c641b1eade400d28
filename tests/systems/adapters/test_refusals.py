"""A refusal is one sentence with a call that runs: the call is taken out of the sentence and run."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

N, I, K = 4, 3, 2


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.W, self.U, self.hidden_size, self.input_size = nn.Linear(I, N), nn.Linear(N, N), N, I

    def rate(self, x, h):
        return torch.tanh(self.W(x) + self.U(h))


class Keys(nn.Module):
    def step(self, state, x):
        return {"k": torch.cat([state["k"], x[:, None]], 1)}


class Attention(Own):
    def init_state(self, n):
        return torch.zeros(n, 0, N), torch.zeros(n, 0, N)

    def step(self, x, cache):
        k, v = (torch.cat([old, new[:, None]], 1) for old, new in zip(cache, (self.W(x), torch.tanh(self.W(x)))))
        weight = torch.softmax((self.W(x)[:, None] * k).sum(-1), 1)
        return (weight[..., None] * v).sum(1), (k, v)


class Dropping(Own):
    def step(self, x, h):
        return F.dropout(self.rate(x, h), 0.1)


class Spiking(Own):
    def step(self, x, h):
        return torch.bernoulli(torch.sigmoid(self.W(x) + self.U(h)))


class Sizes(Own):
    def step(self, x, h):
        return self.rate(x, h) + torch.randn_like(h).abs()


class Clocked(Own):
    t = 0

    def step(self, x, h):
        self.t += 1
        return self.rate(x, h) * (self.t % 8 != 0)


class Bidirectional(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(I, N, bidirectional=True, batch_first=True), nn.Linear(2 * N, K)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(I, N, batch_first=True), nn.Linear(N, K)

    def forward(self, x):
        return self.fc(self.rnn(x)[0].mean(1))


class Velocity(Own):
    def rhs(self, x, u):
        return -x + self.rate(u, x)


STEP = {"step": "step"}
REFUSALS = {
    "a cache in a dictionary": (Keys, {**STEP, "state_size": N, "input_size": I}, "a state that grows"),
    "a cache that begins empty": (Attention, STEP, "a state that grows"),
    "dropout that is never off": (Dropping, STEP, "draws from torch.dropout"),
    "spikes by chance": (Spiking, STEP, "draws from torch.bernoulli"),
    "the size of noise": (Sizes, STEP, "through a sign, a size or a comparison"),
    "a clock": (Clocked, STEP, "time is part of its state"),
    "a bidirectional layer": (lambda: nn.LSTM(I, N, 2, bidirectional=True), {}, "depends on the future"),
    "a bidirectional layer within": (Bidirectional, {}, "depends on the future"),
    "a mean over time": (Pooled, {}, "its outputs are not read off"),
    "a velocity": (Velocity, {"step": "rhs"}, "is called as a velocity"),
}


def whole_call(arguments):
    """The call whose arguments a text begins with."""
    ends = (k for k in range(len(arguments) + 1) if arguments[:k].count("(") < arguments[:k].count(")"))
    return "dk.as_system(" + arguments[: next(ends)]


def refused(model, **arguments):
    """The sentence, and the system that the call in it gives."""
    with pytest.raises(InputError) as refusal:
        dk.as_system(model, **arguments)
    said = str(refusal.value)
    calls = [call for call in map(whole_call, said.split("dk.as_system(")[1:]) if "<" not in call]  # nothing to write
    assert "\n" not in said
    return said, eval(calls[0], {"dk": dk, "model": model})


@pytest.mark.parametrize("name", REFUSALS)
def test_the_call_that_a_refusal_names_runs(name):
    make, arguments, message = REFUSALS[name]
    said, system = refused(make().eval(), **arguments)
    assert message in said
    assert torch.isfinite(system.step(system.initial_state(), torch.ones(I).double())).all()


def test_a_window_holds_the_last_entries_of_what_grows():
    model = Attention().eval()
    system = dk.as_system(model, step="step", form=dk.Form(window=3))
    assert system.state_size == 2 * 3 * N
    inputs, cache = torch.randn(2, 10, I), (torch.zeros(2, 3, N), torch.zeros(2, 3, N))
    with torch.no_grad():
        for u in inputs.unbind(1):
            cache = tuple(part[:, -3:] for part in model.step(u, cache)[1])
    states = dk.record(system, inputs.double()).states[:, -1]
    assert_allclose(states, torch.cat([part.flatten(1) for part in cache], 1), atol=1e-5)
    assert "the last entries of a state that grows" in system.name


def test_a_number_that_is_held_gives_the_map_of_that_moment():
    for t, on in ((0, 1.0), (7, 0.0)):
        model = Clocked().eval()
        model.t = t
        system = dk.as_system(model, step="step", form=dk.Form(held=("t",)))
        x, u = torch.rand(5, N), torch.rand(5, I)
        for _ in range(2):
            assert_allclose(system.step(x, u), on * model.rate(u, x).detach(), atol=1e-6)
        assert model.t == t
    with pytest.raises(InputError, match=r"form\.held names 'clock', which is no number that Clocked keeps"):
        dk.as_system(Clocked(), step="step", form=dk.Form(held="clock"))


def test_draws_give_their_means_where_that_is_said():
    x, u = torch.rand(5, N), torch.rand(5, I)
    form = dk.Form(mean_of_draws=True)
    dropping, spiking = Dropping().eval(), Spiking().eval()
    assert_allclose(dk.as_system(dropping, step="step", form=form).step(x, u), dropping.rate(u, x).detach(), atol=1e-6)
    expected = torch.sigmoid(spiking.W(u) + spiking.U(x)).detach()
    assert_allclose(dk.as_system(spiking, step="step", form=form).step(x, u), expected, atol=1e-6)


@pytest.mark.parametrize("layer", [nn.GRU(I, N, bidirectional=True), nn.RNN(I, N, 1, "relu", bidirectional=True)])
def test_each_direction_of_a_bidirectional_layer_is_a_map(layer):
    inputs = torch.randn(12, 2, I)  # time first
    with torch.no_grad():
        both = layer(inputs)[0]
    forward = dk.record(dk.as_system(layer, core="forward"), inputs.transpose(0, 1).double()).outputs
    backward = dk.record(dk.as_system(layer, core="backward"), inputs.flip(0).transpose(0, 1).double()).outputs
    assert_allclose(forward, both[..., :N].transpose(0, 1), atol=1e-6)
    assert_allclose(backward, both[..., N:].flip(0).transpose(0, 1), atol=1e-6)


def module_of(framework, kind, **attributes):
    """An object whose class says that it comes from a framework, which need not be there."""
    base = type("Module", (), {"__module__": framework})
    made = type(kind, (base,), {"__module__": framework, "__call__": lambda self: None})()
    vars(made).update(attributes)
    return made


GATES = np.random.default_rng(0).normal(size=(3 * N, I)), np.random.default_rng(1).normal(size=(3 * N, N))
KERNELS = [np.ones((I, 4 * N)), np.ones((N, 4 * N)), np.zeros(4 * N)]


def test_modules_of_other_frameworks_name_what_converts_them():
    cell = {"weight_ih": GATES[0], "weight_hh": GATES[1], "bias": np.zeros(3 * N), "bias_n": np.zeros(N)}
    said, system = refused(module_of("equinox.nn._rnn", "GRUCell", **cell))
    assert "is a module of equinox, which is taken by" in said
    assert_allclose(system.input_jacobian(np.zeros(N)).shape, (N, I))
    layer = module_of("keras.src.layers.rnn.lstm", "LSTM", get_weights=lambda: KERNELS)
    assert "LSTM" in refused(layer)[1].name
    for made, call in (
        (module_of("flax.linen.recurrent", "LSTMCell"), 'models.LSTM.from_arrays("flax", **variables["params"])'),
        (module_of("flax.nnx.nn.recurrent", "LSTMCell"), "dk.FunctionSystem(step,"),
        (module_of("haiku._src.recurrent", "GRU"), 'models.GRU.from_arrays("haiku", **params["gru"])'),
        (module_of("keras.src.models.sequential", "Sequential"), 'dk.models.read("network.keras")'),
        (module_of("keras.src.layers.rnn.lstm", "LSTM", activation=F.relu), 'dk.models.read("network.keras")'),
        (module_of("equinox._module", "Mine"), "dk.FunctionSystem(step,"),
    ):
        with pytest.raises(InputError, match=re.escape(call)):
            dk.as_system(made)
