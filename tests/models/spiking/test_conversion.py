"""Rate networks as spikes: exact counts, the fixed points of the rate network, and the limit of many spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dynakit.errors import InputError
from dynakit.models import GRU, LIF, LSTM, LeakyRNN, SpikingRNN, to_spiking


def rate_network(W, b, W_in=((0.0,),), *, form: str = "current") -> LeakyRNN:
    """A ReLU network with these weights, whose outputs are its rates, in float64."""
    W, b, W_in = (torch.tensor(values, dtype=torch.float64) for values in (W, b, W_in))
    model = LeakyRNN(W_in.shape[1], len(b), len(b), dt=20.0, tau=100.0, form=form).double()
    with torch.no_grad():
        for own, value in zip(
            (model.W_rec, model.b_rec, model.W_in, model.W_out),
            (W, b, W_in.expand(len(b), -1), torch.eye(len(b))),
        ):
            own.copy_(value)
    return model


def flip_flop(form: str) -> LeakyRNN:
    """Two units that inhibit each other: (1, 0) and (0, 1) are stable; an input of 4 to one of them sets it."""
    return rate_network([[0.0, -2.0], [-2.0, 0.0]], [1.0, 1.0], [[4.0, 0.0], [0.0, 4.0]], form=form)


@pytest.mark.parametrize("rate", [0.0, 0.125, 0.40625, 1.0, 3.75])
@torch.no_grad()
def test_one_neuron_counts_to_the_floor_of_gain_times_rate_times_time(rate):
    """From x at its fixed point a lone neuron fires floor(K x T) times, also more than once per step."""
    model = to_spiking(
        rate_network([[0.0]], [rate]), gain=512.0
    )  # 512 / 1000 is rounded: the count decides at ties
    start = torch.tensor([rate, 0.0, 0.0], dtype=torch.float64)
    counts = model.rates(model(torch.zeros(1, 1999, 1, dtype=torch.float64), start).states).detach()
    assert counts.sum() == np.floor(0.512 * rate * 1999)


@pytest.mark.parametrize("form", ["current", "rate"])
@torch.no_grad()
def test_the_gain_is_per_second_whatever_the_step(form):
    """4 s under a constant x = 1: 256 spikes per second, up to the one still on its way."""
    for dt in (0.25, 1.0, 2.0):
        model = to_spiking(rate_network([[0.0]], [1.0], form=form), gain=256.0, dt=dt)
        start = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        run = model(torch.zeros(1, int(4_000 / dt), 1, dtype=torch.float64), start)
        assert float(model.rates(run.states).sum()) == pytest.approx(1024, abs=1)


@torch.no_grad()
def test_a_negative_current_is_silence_and_not_a_debt():
    model = to_spiking(rate_network([[0.0]], [0.0], [[1.0]]), gain=100.0)
    inputs = torch.full((1, 1500, 1), -1.0, dtype=torch.float64)
    inputs[:, 1000:] = 1.0
    fired = np.flatnonzero(model.rates(model(inputs).states)[0, :, 0].detach())
    rise = 100 * np.log(2)  # ms until x = 1 - 2 exp(-t / tau) is positive
    assert 1000 + rise < fired[0] < 1000 + rise + 60  # then the integral of 100 x has to reach one


@pytest.mark.parametrize("form", ["current", "rate"])
@pytest.mark.parametrize("gain", [20.0, 100.0])
@pytest.mark.parametrize("held", [0, 1])
@torch.no_grad()
def test_mean_rates_are_the_fixed_points_of_the_rate_network(form, gain, held):
    """A pulse sets the flip-flop; 3 s later its rates are (1, 0) or (0, 1) up to one spike."""
    model = to_spiking(flip_flop(form), gain=gain)
    inputs = torch.zeros(1, 13_300, 2, dtype=torch.float64)
    inputs[0, :300, held] = 1.0
    spikes = model.rates(model(inputs).states)[0, 3300:].detach()  # 10 s
    assert_allclose(spikes.mean(0) * 1000 / gain, np.eye(2)[held], atol=1.01 / (gain * 10.0))


@pytest.mark.parametrize("form", ["current", "rate"])
@torch.no_grad()
def test_a_neuron_that_excites_itself_reaches_its_own_fixed_point(form):
    """r = r / 2 + 1, that is r = 2, which its own spikes have to hold up."""
    model = to_spiking(rate_network([[0.5]], [1.0], form=form), gain=50.0)
    run = model(torch.zeros(1, 23_000, 1, dtype=torch.float64))
    spikes = model.rates(run.states)[0, 3000:].detach()  # 20 s
    assert float(spikes.mean()) * 20 == pytest.approx(2.0, abs=3 / (50 * 20))


@pytest.mark.parametrize("dale", [None, "abs"])
@pytest.mark.parametrize("form", ["current", "rate"])
def test_many_spikes_are_the_rate_network_at_the_same_dt_and_so_are_the_gradients(form, dale):
    """With K = 1e10 spikes per second a count is a rate to ten digits, and delays are those of Euler's step."""
    tau = 10.0 if dale else range(2, 20, 2)
    rates = LeakyRNN(2, 9, 2, dt=1.0, tau=tau, form=form, dale=dale, signed_io=dale is None, seed=3).double()
    spiking = to_spiking(rates, gain=1e10)
    inputs = torch.randn(3, 50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a, b = rates(inputs), spiking(inputs)
    if form == "rate":
        assert_allclose(b.states[..., spiking.parts["trace"]].detach(), a.states.detach(), atol=1e-6)
    assert_allclose(b.outputs.detach(), a.outputs.detach(), atol=1e-6)
    W = rates.effective_weights()
    wanted = torch.autograd.grad(a.outputs.square().sum(), [W.W_rec] if dale is None else [rates.b_rec])
    got = torch.autograd.grad(b.outputs.square().sum(), [spiking.W_rec] if dale is None else [spiking.b_rec])
    assert_allclose(got[0], wanted[0], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_the_filter_of_the_readout_sees_spikes():
    model = to_spiking(rate_network([[0.0]], [1.0]), gain=50.0, tau_readout=40.0)
    run = model(torch.zeros(1, 600, 1, dtype=torch.float64))
    z, r = run.states[0, :, model.parts["spikes"]] * 1000 / 50, 0.0
    for t in range(600):
        r = (1 - 1 / 40) * r + z[t, 0] / 40
        assert run.outputs[0, t, 0].item() == pytest.approx(r.item(), abs=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
def test_what_has_no_spiking_counterpart_is_refused_with_the_reason(activation):
    with pytest.raises(InputError, match=f"activation='{activation}', which has no spiking counterpart: the f-I curve"):
        to_spiking(LeakyRNN(1, 2, 1, activation=activation))


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (LeakyRNN(1, 2, 1, form="rectified"), {}, "form='rectified', which rectifies the leaky state itself"),
        (GRU(1, 2, 1), {}, "model must be a LeakyRNN, got GRU"),
        (LSTM(1, 2, 1), {}, "model must be a LeakyRNN, got LSTM"),
        (LIF(1, 2, 1), {}, "model must be a LeakyRNN, got LIF"),
        (torch.nn.GRU(1, 2), {}, "model must be a LeakyRNN, got GRU"),
        (torch.nn.Linear(1, 2), {}, "model must be a LeakyRNN, got Linear"),
        (None, {}, "model must be a LeakyRNN, got NoneType"),
        (LeakyRNN(1, 2, 1), {"gain": 0.0}, r"gain must be a finite number in \(0, inf\), got 0"),
        (LeakyRNN(1, 2, 1), {"gain": -5.0}, "gain must be a finite number in"),
        (LeakyRNN(1, 2, 1), {"gain": np.nan}, "gain must be a finite number in"),
        (LeakyRNN(1, 2, 1), {"dt": 0.0}, "dt must be a finite number in"),
        (LeakyRNN(1, 2, 1), {"dt": np.nan}, "dt must be a finite number in"),
        (LeakyRNN(1, 2, 1), {"dt": 200.0}, "dt must not exceed tau, got 200 > 100 ms"),
        (LeakyRNN(1, 2, 1), {"tau_readout": -1.0}, "tau_readout must be a finite number in"),
        (LeakyRNN(1, 2, 1), {"tau_readout": 0.5}, "dt must not exceed tau_readout, got 1 > 0.5 ms"),
        (LeakyRNN(1, 2, 1, form="rate"), {"tau_readout": 5.0}, "the form 'rate' is read through tau"),
    ],
)
def test_a_conversion_that_cannot_be_is_refused_in_a_sentence(model, settings, message):
    with pytest.raises(InputError, match=message):
        to_spiking(model, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau": [10.0, 0.0]}, r"tau\[1\] must be a finite number in"),
        ({"tau": 0.0}, "tau must be a finite number in"),
        ({"tau": np.nan}, "tau must be a finite number in"),
        ({"form": "currents"}, "form must be one of 'current', 'rate', got 'currents'; did you mean 'current'"),
        ({"form": "rectified"}, "form must be one of 'current', 'rate', got 'rectified'"),
        ({"form": "rate", "tau_readout": 5.0}, "the form 'rate' is read through tau"),
    ],
)
def test_settings_of_a_converted_network_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        SpikingRNN(1, 2, 1, **settings)


def test_the_rate_network_is_left_alone_and_dtype_and_mode_are_kept():
    rates = LeakyRNN(2, 6, 1, dale="abs").double().eval()
    before = {name: value.clone() for name, value in rates.state_dict().items()}
    spiking = to_spiking(rates)
    with torch.no_grad():
        spiking.W_rec.zero_()
    assert isinstance(spiking, SpikingRNN)
    assert not spiking.training
    assert spiking.W_rec.dtype == torch.float64
    assert all(torch.equal(value, before[name]) for name, value in rates.state_dict().items())
