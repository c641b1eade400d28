"""How much of an error reaches back: exact for linear units, autograd's for others, and what exponents say."""

import re

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.tasks import Trials


def trials(n_trials=3, n_steps=12, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n_trials, n_steps, 2))
    return Trials(inputs, np.zeros((n_trials, n_steps, 1)), **kwargs)


@pytest.mark.parametrize("w", [0.5, -0.9, 1.0, 1.3])
def test_a_linear_unit_passes_its_weight_back_at_every_step(w):
    net = dk.FunctionSystem(lambda x, u: w * x + u[:, :1], 1, 2)
    found = dk.gradient_by_lag(net, trials())
    np.testing.assert_allclose(found.log_norms, np.tile(np.log(abs(w)) * np.arange(12), (3, 1)), atol=1e-12)
    assert found.rate == pytest.approx(np.log(abs(w)), abs=1e-12)
    np.testing.assert_allclose(found.exponents, np.log(abs(w)), atol=1e-12)


@pytest.mark.parametrize("cls", [dk.models.Elman, dk.models.LSTM, dk.models.GRU])
def test_shares_are_those_of_autograd_in_trials_of_any_length(cls):
    model = cls(2, 6, 1).double()
    data = trials(lengths=[12, 7, 1])
    found = dk.gradient_by_lag(dk.as_system(model), data)
    for k, end in enumerate([12, 7, 1]):
        inputs = data.inputs[k : k + 1, :end].double()
        states = model(inputs).states.detach()
        readout = model.readout.weight.detach().norm()
        for lag in range(1, end):
            x = states[:, end - 1 - lag].clone().requires_grad_()
            (slopes,) = torch.autograd.grad(model(inputs[:, end - lag :], x).outputs[0, -1, 0], x)
            wanted = float(torch.log(slopes.norm() / readout))
            assert found.log_norms[k, lag] == pytest.approx(wanted, abs=1e-9)
        assert found.asked[k] == end - 1
        assert np.isnan(found.log_norms[k, end:]).all()


def test_a_cell_that_only_keeps_passes_its_forget_gate_back():
    model = dk.models.LSTM(2, 3, 1).double()
    with torch.no_grad():
        for p in model.rnn.parameters():
            p.zero_()
        model.rnn.bias_ih_l0[3:6] = 2.0
    found = dk.gradient_by_lag(dk.as_system(model), trials())
    steps = np.diff(found.log_norms[0])[1:]  # the first goes from h to c
    np.testing.assert_allclose(steps, np.log(1 / (1 + np.exp(-2.0))), atol=1e-12)


def test_the_slope_over_long_trials_is_the_largest_exponent():
    rng = np.random.default_rng(1)
    W = 0.9 * rng.normal(size=(20, 20)) / np.sqrt(20)
    W, W_in = (torch.from_numpy(M) for M in (W, rng.normal(size=(20, 2))))
    net = dk.FunctionSystem(lambda x, u: torch.tanh(x @ W.T + u @ W_in.T), 20, 2)
    found = dk.gradient_by_lag(net, trials(6, 400, seed=2))
    assert found.rate == pytest.approx(float(found.exponents.mean()), rel=0.05)
    assert found.reach(0.01) < found.reach(1e-4) < 400
    assert f"{found.rate:+.3g} nats per step" in found.headline()


def test_the_signal_starts_at_the_last_step_that_is_scored():
    mask = np.zeros((3, 12, 1))
    mask[0, 4] = mask[1, [2, 9]] = 1
    net = dk.as_system(dk.models.Elman(2, 4, 1))
    found = dk.gradient_by_lag(net, trials(mask=mask))
    assert found.asked.tolist() == [4, 9, 11]  # nothing is asked of the third: its last step
    assert found.log_norms.shape == (3, 12)
    assert dk.gradient_by_lag(net, trials(mask=mask), max_lag=3).log_norms.shape == (3, 4)


def test_what_never_arrives_is_nothing_and_no_error():
    net = dk.FunctionSystem(lambda x, u: torch.cat([u[:, :1], x[:, :1]], 1), 2, 2, argument_order="state, input")
    found = dk.gradient_by_lag(net, trials())  # a line of two places forgets after two steps
    assert np.isneginf(found.log_norms[:, 2:]).all()
    assert found.reach(0.01) == 2


def test_outputs_that_hear_nothing_of_the_state_have_no_error_signal():
    model = dk.models.Elman(2, 4, 1)
    with torch.no_grad():
        model.readout.weight.zero_()
    found = dk.gradient_by_lag(dk.as_system(model), trials())
    assert np.isnan(found.log_norms).all()
    assert found.headline() == "3 trials: no lag at which an error signal is known"


def test_a_headline_says_what_is_known_and_no_more():
    still = dk.FunctionSystem(lambda x, u: 0.0 * x + u[:, :1], 1, 2)
    for net, wanted in (
        (still, "3 trials: the error signal falls below 50% within 1 step and falls below 1% within 1 step; "),
        (dk.FunctionSystem(lambda x, u: x + u[:, :1], 1, 2), "does not fall below 50% within 11 steps"),
    ):
        said = dk.gradient_by_lag(net, trials()).headline()
        assert wanted in said
        assert "nan" not in said
    assert dk.gradient_by_lag(still, np.zeros((0, 5, 2))).headline().startswith("0 trials: no lag")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_refused_by_where_they_are(value):
    net, inputs = dk.as_system(dk.models.Elman(2, 4, 1)), np.zeros((2, 5, 2))
    inputs[1, 3, 0] = value
    words = f"the inputs of trials must be finite, but 1 of 20 values are not; the first is {value} at index (1, 3, 0)"
    with pytest.raises(InputError, match=re.escape(words)):
        dk.gradient_by_lag(net, inputs)


@pytest.mark.parametrize("level", [0, -1.0, np.nan, "a"])
def test_a_level_is_a_number_above_zero(level):
    net = dk.FunctionSystem(lambda x, u: 0.5 * x + u[:, :1], 1, 2)
    with pytest.raises(InputError, match="level must be a"):
        dk.gradient_by_lag(net, trials()).reach(level)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: dk.gradient_by_lag(net, np.zeros((2, 5, 3))), "inputs"),
        (lambda net: dk.gradient_by_lag(net, trials(), max_lag=-1), "max_lag must be at least 0"),
        (lambda net: dk.gradient_by_lag(net, trials(), asked=[[1], [2, 3], [4]]), "asked must be a rectangular"),
        (lambda net: dk.gradient_by_lag(net, trials(), asked=[1, 2]), "asked must be one whole number per trial"),
        (lambda net: dk.gradient_by_lag(net, trials(), asked=[1, 2, 12]), "from 0 to 11, got 12 for trial 2"),
        (lambda net: dk.gradient_by_lag(dk.as_system(dk.models.LIF(2, 4, 1)), trials()), "gradient"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call(dk.as_system(dk.models.Elman(2, 4, 1)))


def test_inputs_alone_are_asked_at_their_last_step():
    net, data = dk.as_system(dk.models.Elman(2, 4, 1)), trials()
    whole = dk.gradient_by_lag(net, data)
    np.testing.assert_array_equal(dk.gradient_by_lag(net, data.inputs.numpy()).log_norms, whole.log_norms)
    one = dk.gradient_by_lag(net, data.inputs[1], asked=[7])
    of_all = dk.gradient_by_lag(net, data, asked=[7, 7, 7])
    np.testing.assert_allclose(one.log_norms, of_all.log_norms[1:2], atol=1e-12)
