"""Spiking layers against closed forms, an independent loop, and gradients written down by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import LIF, SURROGATES, SpikingNetwork, spike

FEATURES = {
    "tau": (20.0, math.inf),
    "tau_syn": (None, 5.0),
    "refractory": (0.0, 3.0),
    "reset": ("subtract", "zero"),
    "tau_readout": (None, 10.0),
}
VARIANTS = [dict(zip(FEATURES, values)) for values in itertools.product(*FEATURES.values())]
OF_EACH = (3.0, 5.0, 10.0, 20.0, 80.0, math.inf)  # ms, a membrane time constant per neuron
VARIANTS += [{"tau": OF_EACH}, {"tau": OF_EACH, "tau_syn": 5.0, "refractory": 3.0, "reset": "zero"}]
each_variant = pytest.mark.parametrize("settings", VARIANTS, ids=str)


def lone(weight: float = 1.0, **settings) -> LIF:
    """One neuron without recurrence whose input is ``weight`` u, in float64."""
    model = LIF(1, 1, 1, **settings).double()
    with torch.no_grad():
        model.W_in.fill_(weight)
        model.W_rec.zero_()
        model.W_out.fill_(1.0)
    return model


def busy(**settings) -> LIF:
    """Six neurons whose bias alone makes those without a leak fire."""
    model = LIF(2, 6, 3, threshold=0.7, **settings)
    with torch.no_grad():
        model.b_rec.fill_(0.03)
    return model


def part(model, states, name: str) -> np.ndarray:
    return states[..., model.parts[name]].detach().numpy()


def spikes_under(model: LIF, current: float, n_steps: int) -> np.ndarray:
    """The spike train (time,) of a lone neuron under a constant input."""
    inputs = torch.full((1, n_steps, 1), current, dtype=torch.float64)
    return part(model, model(inputs).states, "spikes")[0, :, 0]


# --- known answers


@given(st.integers(1, 63), st.integers(1, 300))
def test_one_neuron_without_leak_counts_to_the_floor(sixtyfourths, n_steps):
    """Reset by subtraction loses nothing: n steps of current c give floor(n c / threshold) spikes."""
    train = spikes_under(lone(tau=math.inf), sixtyfourths / 64, n_steps)
    assert train.sum() == n_steps * sixtyfourths // 64


def test_reset_to_zero_loses_what_was_above_the_threshold():
    train = spikes_under(lone(tau=math.inf, reset="zero"), 0.375, 90)  # 3 steps to 1.125 each time
    assert_allclose(np.flatnonzero(train), np.arange(2, 90, 3))


@pytest.mark.parametrize("refractory", [0.0, 4.0])
@pytest.mark.parametrize("current", [0.06, 0.1, 0.5])
def test_intervals_of_a_leaky_neuron(current, refractory):
    """v_n = c (1 - beta^n) / (1 - beta) reaches 1 after n = ln(1 - (1 - beta) / c) / ln beta steps."""
    beta = math.exp(-0.5 / 10)
    to_threshold = math.ceil(math.log(1 - (1 - beta) / current) / math.log(beta))
    model = lone(dt=0.5, tau=10.0, refractory=refractory, reset="zero")
    intervals = np.diff(np.flatnonzero(spikes_under(model, current, 400)))
    assert_allclose(intervals, to_threshold + refractory / 0.5)
    assert len(intervals) > 3


def test_a_current_too_weak_for_the_leak_gives_no_spike():
    beta = math.exp(-1 / 20)
    assert not spikes_under(lone(), 0.999 * (1 - beta), 2000).any()
    assert spikes_under(lone(), 1.001 * (1 - beta), 2000).any()


def test_the_voltages_of_two_neurons_decay_each_in_its_own_time():
    """beta = exp(-dt / tau), of 5 and of 50 ms."""
    model = LIF(1, 2, 1, dt=0.5, tau=[5.0, 50.0], tau_readout=None).double()
    with torch.no_grad():
        model.W_rec.zero_()
    start = torch.tensor([0.9, 0.9, 0.0, 0.0], dtype=torch.float64)
    voltages = part(model, model(torch.zeros(1, 40, 1, dtype=torch.float64), start).states, "voltage")[0]
    t = 0.5 * np.arange(1, 41)[:, None]
    assert_allclose(voltages, 0.9 * np.exp(-t / [5.0, 50.0]), rtol=1e-12)


def test_as_many_equal_time_constants_are_one():
    inputs = 3 * torch.randn(4, 60, 2, generator=torch.Generator().manual_seed(0))
    same, one = busy(tau=[10.0] * 6), busy(tau=10.0)
    assert same.config() == one.config()
    assert torch.equal(same(inputs).states, one(inputs).states)
    assert LIF(1, 2, 1, tau=["inf", math.inf]).tau == math.inf


def test_one_spike_through_an_exponential_synapse():
    """i_t = w alpha^t and v_t = w (alpha^{t+1} - beta^{t+1}) / (alpha - beta)."""
    model, t = lone(0.2, tau=20.0, tau_syn=5.0), np.arange(60)
    inputs = torch.zeros(1, 60, 1, dtype=torch.float64)
    inputs[0, 0] = 1.0
    states, alpha, beta = model(inputs).states, math.exp(-1 / 5), math.exp(-1 / 20)
    assert_allclose(part(model, states, "current")[0, :, 0], 0.2 * alpha**t, rtol=1e-12)
    expected = 0.2 * (alpha ** (t + 1) - beta ** (t + 1)) / (alpha - beta)
    assert_allclose(part(model, states, "voltage")[0, :, 0], expected, rtol=1e-12)


def test_a_spike_arrives_at_its_targets_one_step_later_and_decays_in_the_trace():
    model = LIF(1, 2, 1, tau=20.0, tau_readout=10.0).double()
    with torch.no_grad():
        model.W_in.copy_(torch.tensor([[1.0], [0.0]]))
        model.W_rec.copy_(torch.tensor([[0.0, 0.0], [0.3, 0.0]]))
        model.W_out.copy_(torch.tensor([[2.0, 0.0]]))
        model.b_out.fill_(-1.0)
    inputs = torch.zeros(1, 6, 1, dtype=torch.float64)
    inputs[0, 1] = 1.0
    run = model(inputs)
    assert_allclose(part(model, run.states, "spikes")[0], np.eye(6)[:, [1]] * [1, 0])
    decayed = np.array([0.0, 0.0, *0.3 * np.exp(-np.arange(4) / 20)])
    assert_allclose(part(model, run.states, "voltage")[0, :, 1], decayed, atol=1e-15)
    trace = np.array([0.0, *np.exp(-np.arange(5) / 10)])
    assert_allclose(run.outputs[0, :, 0].detach(), 2 * trace - 1, atol=1e-15)


def test_a_refractory_neuron_keeps_its_voltage_while_its_current_decays():
    model = lone(3.0, tau=20.0, tau_syn=5.0, refractory=2.0)
    inputs = torch.zeros(1, 5, 1, dtype=torch.float64)
    inputs[0, 0] = 1.0
    states = model(inputs).states
    assert_allclose(part(model, states, "spikes")[0, :, 0], [1, 0, 0, 1, 0])
    assert_allclose(part(model, states, "refractory")[0, :, 0], [2, 1, 0, 2, 1])
    assert_allclose(part(model, states, "voltage")[0, :3, 0], [2, 2, 2])
    assert_allclose(part(model, states, "current")[0, :, 0], 3 * np.exp(-np.arange(5) / 5))


def test_refractory_times_are_whole_steps_whatever_the_rounding():
    assert 0.3 / 0.1 < 3  # in floating point
    model = lone(dt=0.1, tau=math.inf, refractory=0.3)
    assert_allclose(np.flatnonzero(spikes_under(model, 1.0, 12)), [0, 4, 8])


def test_a_step_may_be_as_long_as_a_time_constant():
    states = lone(0.5, dt=5.0, tau=5.0)(torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)).states
    assert_allclose(part(lone(dt=5.0, tau=5.0), states, "voltage")[0, :, 0], [0.5, 0.5 / math.e])


def test_weights_are_drawn_so_that_independent_inputs_move_the_voltage_by_the_threshold():
    """White noise of variance w^2 through a leak of beta has the variance w^2 / (1 - beta^2)."""
    model = LIF(300, 400, 200, dt=2.0, tau=10.0, threshold=3.0)
    expected = 3 * math.sqrt(1 - math.exp(-2 * 2 / 10))
    for W in (model.W_in, model.W_rec):
        assert float(W.detach().std()) * math.sqrt(W.shape[1]) == pytest.approx(expected, rel=0.01)
    assert float(model.W_out.detach().std()) * math.sqrt(400) == pytest.approx(1.0, rel=0.01)
    each = LIF(3000, 2, 1, tau=[5.0, 50.0]).W_in.detach()
    assert_allclose(each.std(1) * math.sqrt(3000), np.sqrt(1 - np.exp([-2 / 5, -2 / 50])), rtol=0.05)
    endless = LIF(300, 400, 1, tau=math.inf).W_in.detach()  # reckoned with a memory of 100 ms
    assert float(endless.std()) * math.sqrt(300) == pytest.approx(math.sqrt(1 - math.exp(-0.02)), rel=0.01)


def loop(model: LIF, u: np.ndarray) -> np.ndarray:
    """The equations at the top of the module, neuron by neuron, without arrays of states."""
    W_in, W_rec, b = (p.detach().numpy() for p in (model.W_in, model.W_rec, model.b_rec))
    n, wait = len(b), round(model.refractory / model.dt)
    v, i, k, s, r = np.zeros((5, n))
    rows = []
    for u_t in u:
        a, before = W_in @ u_t + W_rec @ s + b, k.copy()
        for j in range(n):
            i[j] = a[j] + (math.exp(-model.dt / model.tau_syn) * i[j] if model.tau_syn else 0.0)
            if before[j] == 0:
                v[j] = math.exp(-model.dt / np.broadcast_to(model.tau, n)[j]) * v[j] + i[j]
            fires = before[j] == 0 and v[j] >= model.threshold
            s[j], k[j] = float(fires), wait if fires else max(before[j] - 1, 0)
            if fires:
                v[j] = v[j] - model.threshold if model.reset == "subtract" else 0.0
            r[j] = s[j] + (math.exp(-model.dt / model.tau_readout) * r[j] if model.tau_readout else 0.0)
        present = {"voltage": v, "current": i, "refractory": k, "spikes": s, "trace": r}
        rows.append(np.concatenate([present[name] for name in model.parts]))
    return np.array(rows)


@each_variant
def test_the_equations_one_neuron_after_the_other(settings):
    model = busy(**settings).double()
    inputs = 3 * torch.randn(1, 80, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    states = model(inputs).states
    assert 0.02 < model.rates(states).mean() < 0.9
    assert_allclose(states[0].detach(), loop(model, inputs[0].numpy()), rtol=1e-11, atol=1e-12)


@each_variant
def test_running_on_from_any_state_is_the_same_trajectory_spike_by_spike(settings):
    model = busy(**settings).double()
    inputs = 3 * torch.randn(4, 60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = model(inputs)
    assert model.rates(whole.states).mean() > 0.02
    for t in (0, 17, 58):
        rest = model(inputs[:, t + 1 :], whole.states[:, t])
        assert torch.equal(model.rates(rest.states), model.rates(whole.states[:, t + 1 :]))
        torch.testing.assert_close(rest.states, whole.states[:, t + 1 :], rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(rest.outputs, whole.outputs[:, t + 1 :], rtol=1e-13, atol=1e-13)


# --- gradients


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogates_are_a_step_forwards_and_their_formula_backwards(name):
    z = torch.linspace(-3, 3, 241, dtype=torch.float64)
    v = (2.0 * (1 + z)).requires_grad_()
    s = spike(v, threshold=2.0, surrogate=name, steepness=1.5)
    assert torch.equal(s, (v >= 2.0).double())
    s.sum().backward()
    formulas = {
        "fast_sigmoid": 1 / (1 + 1.5 * z.abs()) ** 2,
        "arctan": 0.75 / (1 + (math.pi / 2 * 1.5 * z) ** 2),
        "triangular": 0.3 * (1 - 1.5 * z.abs()).clamp(min=0),
    }
    assert_allclose(2.0 * v.grad, formulas[name], rtol=1e-12)  # ds/dv = ds/dz / threshold


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_gradients_through_time_are_those_of_automatic_differentiation(reset):
    """A spike written as step + (f - f.detach()) with f' the surrogate, and the reset left out of the way back."""
    model = LIF(2, 5, 2, tau_syn=4.0, refractory=2.0, reset=reset, surrogate="arctan").double()
    inputs = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameters = list(model.parameters())
    got = torch.autograd.grad(model(inputs).outputs.square().sum(), parameters)

    v, i, k, s, r = torch.zeros(5, 3, 5, dtype=torch.float64)
    total = torch.zeros(())
    for u in inputs.unbind(1):
        i = math.exp(-1 / 4) * i + u @ model.W_in.T + s @ model.W_rec.T + model.b_rec
        v = torch.where(k > 0, v, math.exp(-1 / 20) * v + i)
        smooth = torch.arctan(math.pi * (v - 1)) / math.pi
        s = torch.where(k > 0, 0.0, (v >= 1).double() + smooth - smooth.detach())
        fired = s.detach()
        v = v - fired if reset == "subtract" else v * (1 - fired)
        k = (k - 1).clamp(min=0) + 2 * fired
        r = math.exp(-1 / 20) * r + s
        total = total + (r @ model.W_out.T + model.b_out).square().sum()
    for a, b in zip(got, torch.autograd.grad(total, parameters), strict=True):
        assert b.abs().max() > 0
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)


class StepByStep(LIF):
    """The same network under automatic differentiation, one step after the other."""

    _scan = SpikingNetwork._scan

    def _advance(self, state, drive):
        left = {name: torch.exp(-self.dt / drive.new_tensor(tau)) if tau else 0.0 for name, tau in self._times()}
        now = {}
        now["current"] = drive + state["spikes"] @ self.W_rec.T + left["tau_syn"] * state.get("current", 0.0)
        waiting = state["refractory"] > 0 if "refractory" in state else torch.zeros_like(drive, dtype=torch.bool)
        v = torch.where(waiting, state["voltage"], left["tau"] * state["voltage"] + now["current"])
        s = spike(v, threshold=self.threshold, surrogate=self.surrogate, steepness=self.steepness)
        now["spikes"] = torch.where(waiting, 0.0, s)
        fired = now["spikes"].detach()
        now["voltage"] = v - self.threshold * fired if self.reset == "subtract" else v * (1 - fired)
        if "refractory" in state:
            now["refractory"] = (state["refractory"].detach() - 1).clamp(min=0) + self.n_refractory * fired
        now["trace"] = now["spikes"] + left["tau_readout"] * state.get("trace", 0.0)
        return {name: now[name] for name in self.parts}

    def _times(self):
        return [(name, getattr(self, name)) for name in ("tau", "tau_syn", "tau_readout")]


def step_by_step(model: LIF) -> StepByStep:
    twin = StepByStep(**model.config()).to(model.W_rec)
    twin.load_state_dict(model.state_dict())
    return twin


def loss_of_outputs(run, probe):
    return run.outputs.square().sum()


def loss_of_states(run, probe):
    return (run.states.sin() * probe).sum()


@pytest.mark.parametrize("losses", [(loss_of_outputs,), (loss_of_states,), (loss_of_outputs, loss_of_states)])
@pytest.mark.parametrize("n_steps", [1, 40])
@each_variant
def test_the_closed_form_is_automatic_differentiation_step_by_step(settings, n_steps, losses):
    model = busy(**settings, steepness=0.7).double()
    generator = torch.Generator().manual_seed(0)
    inputs = 3 * torch.randn(3, n_steps, 2, generator=generator, dtype=torch.float64)
    x0 = torch.rand(3, model.state_size, generator=generator, dtype=torch.float64)
    for name in {"spikes", "refractory"} & set(model.parts):
        x0[:, model.parts[name]] = x0[:, model.parts[name]].round()
    probe = torch.randn(3, n_steps, model.state_size, generator=generator, dtype=torch.float64)
    found = []
    for network in (model, step_by_step(model)):
        leaves = inputs.clone().requires_grad_(), x0.clone().requires_grad_(), *network.parameters()
        run = network(*leaves[:2])
        gradients = torch.autograd.grad(sum(loss(run, probe) for loss in losses), leaves, allow_unused=True)
        found.append([*run, *(torch.zeros_like(x) if g is None else g for g, x in zip(gradients, leaves))])
    for a, b in zip(*found, strict=True):
        assert_allclose(a.detach(), b.detach(), rtol=1e-9, atol=1e-11)
    assert all(g.abs().max() > 0 for g in found[1][2:6])


@pytest.mark.parametrize("name", SURROGATES)
def test_the_closed_form_in_single_precision(name):
    settings = {"tau_syn": 5.0, "refractory": 2.0, "surrogate": name}
    inputs = 3 * torch.randn(8, 60, 2, generator=torch.Generator().manual_seed(0))
    model, found = busy(**settings), []
    for network in (model, step_by_step(model)):
        found.append(torch.autograd.grad(network(inputs).outputs.square().mean(), list(network.parameters())))
    for a, b in zip(*found, strict=True):
        assert float((a - b).abs().max() / b.abs().max()) < 1e-5


def test_training_teaches_one_bit_to_spiking_neurons():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=40)
    model = LIF.for_task(task, n_hidden=40)
    trials = task.sample(256, seed=99)
    before = task.score(model(trials.inputs).outputs, trials)
    dk.train(model, task, dk.training.BPTT(max_updates=60, learning_rate=1e-2, batch_size=32), seed=0)
    assert task.score(model(trials.inputs).outputs, trials) > max(0.9, before + 0.2)


# --- bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 0.0}, "threshold must be a finite number in"),
        ({"threshold": -1.0}, r"threshold must be a finite number in \(0, inf\), got -1"),
        ({"threshold": math.nan}, "threshold must be a finite number in"),
        ({"tau": -1.0}, "tau must be a finite number in"),
        ({"tau": math.nan}, "tau must be a finite number in"),
        ({"tau": 0.0}, "tau must be a finite number in"),
        ({"tau": None}, "tau must be a number, got None"),
        ({"tau": [20.0]}, "tau must be a number or 2 numbers, one per unit, got 1"),
        ({"tau": [20.0, 0.0]}, r"tau\[1\] must be a finite number in"),
        ({"tau": [20.0, 0.5]}, r"dt must not exceed tau\[1\], got 1 > 0.5 ms"),
        ({"tau_syn": 0.0}, "tau_syn must be a finite number in"),
        ({"tau_syn": -2.0}, "tau_syn must be a finite number in"),
        ({"tau_syn": math.nan}, "tau_syn must be a finite number in"),
        ({"tau_readout": -3.0}, "tau_readout must be a finite number in"),
        ({"tau_readout": 0.0}, "tau_readout must be a finite number in"),
        ({"tau_readout": math.nan}, "tau_readout must be a finite number in"),
        ({"refractory": -1.0}, "refractory must be a finite number in"),
        ({"refractory": math.nan}, "refractory must be a finite number in"),
        ({"dt": 0.0}, "dt must be a finite number in"),
        ({"dt": -1.0}, "dt must be a finite number in"),
        ({"dt": math.nan}, "dt must be a finite number in"),
        ({"dt": 30.0}, "dt must not exceed tau, got 30 > 20 ms"),
        ({"dt": 15.0, "tau_readout": 10.0}, "dt must not exceed tau_readout, got 15 > 10 ms"),
        ({"dt": 2.0, "tau_syn": 1.0}, "dt must not exceed tau_syn, got 2 > 1 ms"),
        ({"dt": 2.0, "refractory": 0.5}, "refractory must be 0 or at least dt"),
        ({"reset": "hard"}, "reset must be one of 'subtract', 'zero'"),
        ({"reset": "substract"}, "did you mean 'subtract'"),
        ({"surrogate": "arctangent"}, "did you mean 'arctan'"),
        ({"surrogate": "relu"}, "surrogate must be one of 'fast_sigmoid', 'arctan', 'triangular', got 'relu'"),
        ({"steepness": 0.0}, "steepness must be a finite number in"),
        ({"steepness": math.nan}, "steepness must be a finite number in"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        LIF(1, 2, 1, **settings)


@pytest.mark.parametrize(
    ("v", "settings", "message"),
    [
        (torch.zeros(2), {"surrogate": "fast_sigmod"}, "did you mean 'fast_sigmoid'"),
        (torch.zeros(2), {"threshold": 0.0}, "threshold must be a finite number in"),
        (torch.zeros(2), {"threshold": -1.0}, "threshold must be a finite number in"),
        (torch.zeros(2), {"steepness": -1.0}, "steepness must be a finite number in"),
        (torch.zeros(2, dtype=torch.int64), {}, "v must be a floating-point tensor, got torch.int64"),
        (np.zeros(2), {}, "v must be a floating-point tensor, got float64"),
        ([0.0], {}, "v must be a floating-point tensor, got list"),
    ],
)
def test_a_spike_refuses_what_it_cannot_be(v, settings, message):
    with pytest.raises(InputError, match=message):
        spike(v, **settings)


@pytest.mark.parametrize(
    ("inputs", "x0", "message"),
    [
        (torch.zeros(1, 3, 2), None, r"inputs must have shape \(trial, time, 1\) with at least one step, got"),
        (torch.zeros(1, 0, 1), None, "with at least one step"),
        (torch.zeros(3, 1), None, r"inputs must have shape \(trial, time, 1\)"),
        (torch.zeros(1, 3, 1).double(), None, "inputs must be torch.float32"),
        (np.zeros((1, 3, 1)), None, "inputs must be a torch tensor, got ndarray"),
        (torch.zeros(1, 3, 1), torch.zeros(4), r"the state of LIF is \[voltage, spikes, trace\] with 2 hidden"),
        (torch.zeros(1, 3, 1), torch.zeros(2, 6), r"x0 must have shape \(6,\) or \(1, 6\), got \(2, 6\)"),
        (torch.zeros(1, 3, 1), torch.zeros(6).double(), "x0 must be torch.float32"),
    ],
)
def test_inputs_and_states_of_another_shape_are_named(inputs, x0, message):
    with pytest.raises(InputError, match=message):
        LIF(1, 2, 1)(inputs, x0)
