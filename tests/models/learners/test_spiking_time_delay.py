"""The time-delay network in spikes against counts that are known and the rates it stands for."""

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import TDNN, TDSNN
from dynakit.models.learners.learner import Past


def one_unit(x, readout="count", n_steps=100, weight=1.0, bias=0.0):
    """A hidden unit with drive x, and an output that is the weight times it and a bias."""
    network = TDNN(1, 1, lag=1, memory=3)
    with torch.no_grad():
        network.hidden.weight.fill_(1.0)
        network.hidden.bias.fill_(0.0)
        network.readout.weight.fill_(weight)
        network.readout.bias.fill_(bias)
    return float(TDSNN.from_tdnn(network, n_steps=n_steps, readout=readout).spiking_outputs([[x]])[0, 0])


@pytest.mark.parametrize("x", [0.0, 0.03125, 0.25, 0.5, 0.75])
def test_spike_counts_are_the_floor_of_what_came_in(x):
    """Binary fractions are added without rounding: the hidden neuron has 98 steps that are still heard."""
    assert one_unit(x) == np.floor(98 * x) / 100


def test_more_than_a_spike_per_step_is_clipped():
    assert one_unit(2.5) == pytest.approx(98 / 100)


def test_only_the_difference_of_two_neurons_can_be_negative():
    assert one_unit(0.5, "count", weight=-1.0) == 0.0
    assert one_unit(0.5, "difference", weight=-1.0) == -np.floor(98 * 0.5) / 100
    assert one_unit(0.5, "voltage", weight=-1.0) == -np.floor(98 * 0.5) / 100


def test_a_bias_acts_at_every_step():
    assert one_unit(0.0, bias=0.25) == np.floor(100 * 0.25) / 100


@pytest.fixture(scope="module")
def network():
    network = TDNN(5, 30, lag=3, memory=10, seed=1)
    with torch.no_grad():
        for p in network.parameters():
            p *= 2.5
    return network


@pytest.fixture(scope="module")
def contexts():
    return np.random.default_rng(0).uniform(-1, 1, (60, 15))


def loss(network, contexts, **settings):
    spiking = TDSNN.from_tdnn(network, contexts, **settings)
    with torch.no_grad():
        rates = network(torch.from_numpy(contexts).float()).numpy()
    return float(np.linalg.norm(spiking.spiking_outputs(contexts) - rates, axis=1).mean())


def test_the_loss_of_conversion_falls_with_the_number_of_steps_only_if_activations_are_normalised(network, contexts):
    plain = [loss(network, contexts, n_steps=n) for n in (50, 400, 3200)]
    scaled = [loss(network, contexts, n_steps=n, normalise=100.0) for n in (50, 400, 3200)]
    assert scaled[2] < 0.2 * scaled[1] < 0.1 * scaled[0]
    assert plain[2] > 20 * scaled[2]  # clipped activations leave a floor
    assert loss(network, contexts, n_steps=3200, normalise=100.0, readout="count") > 20 * scaled[2]


def test_contexts_do_not_heed_each_other(network, contexts):
    spiking = TDSNN.from_tdnn(network, n_steps=40)
    together = spiking.spiking_outputs(contexts[:5])
    alone = np.concatenate([spiking.spiking_outputs(c[None]) for c in contexts[:5]])
    np.testing.assert_array_equal(together, alone)
    past = Past(contexts[0].reshape(3, 5), np.arange(3))
    np.testing.assert_array_equal(spiking.predict(past), alone[0])


@pytest.mark.parametrize("readout", ["difference", "count", "voltage"])
@pytest.mark.parametrize("normalise", [None, 99.9])
def test_what_is_read_on_the_way_is_what_a_shorter_presentation_ends_in(network, contexts, readout, normalise):
    settings = {"readout": readout, "normalise": normalise}
    on_the_way = TDSNN.from_tdnn(network, contexts, n_steps=40, **settings).outputs_after(contexts, [40, 7, 25])
    for n_steps, outputs in zip((40, 7, 25), on_the_way, strict=True):
        spiking = TDSNN.from_tdnn(network, contexts, n_steps=n_steps, **settings)
        np.testing.assert_array_equal(outputs, spiking.spiking_outputs(contexts))


def test_scales_follow_each_retraining():
    spiking = TDSNN(4, 10, lag=2, memory=40, retrain_every=40, normalise=99.9)
    rng = np.random.default_rng(1)
    from dynakit.models.learners.learner import Element

    for t in range(40):
        spiking.learn(Element(rng.uniform(-1, 1, 4), 0, t))
    codes = np.stack(spiking._recent)
    windows = np.stack([codes[i : i + 2].reshape(-1) for i in range(38)])
    h = torch.relu(spiking.hidden(torch.from_numpy(windows))).detach().numpy()
    assert spiking.scales[0] == pytest.approx(np.percentile(h, 99.9), rel=1e-6)
    y = spiking.readout(torch.from_numpy(h)).detach().numpy()
    assert spiking.scales[1] == pytest.approx(np.percentile(np.abs(y), 99.9), rel=1e-6)


def test_outputs_are_scaled_by_their_largest_size_whatever_its_sign():
    """One unit h = x and y = -2 x + 0.5 on x = 1, 2: the largest |y| is 3.5, though y is never above -1.5."""
    network = TDNN(1, 1, lag=1, memory=3)
    with torch.no_grad():
        for p, value in zip(network.parameters(), (1.0, 0.0, -2.0, 0.5), strict=True):
            p.fill_(value)
    spiking = TDSNN.from_tdnn(network, [[1.0], [2.0]], normalise=100.0, n_steps=4000)
    assert spiking.scales.tolist() == [2.0, 3.5]
    np.testing.assert_allclose(spiking.spiking_outputs([[1.0], [2.0]]), [[-1.5], [-3.5]], atol=0.01)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: TDSNN(4, n_steps=0), "n_steps must be at least 1"),
        (lambda: TDSNN(4, readout="rate"), "readout must be one of"),
        (lambda: TDSNN(4, readout="diference"), "did you mean 'difference'"),
        (lambda: TDSNN(4, normalise=101.0), "normalise must be"),
        (lambda: TDSNN(4, normalise=np.nan), "normalise must be"),
        (lambda: TDSNN(4, normalise=0.0), "normalise must be above 0: the least activation is no scale"),
        (lambda: TDSNN.from_tdnn(TDNN(4), n_hidden=7), "n_hidden must be that of network, 200, or left out, got 7"),
        (lambda: TDSNN.from_tdnn(TDNN(4), np.zeros((0, 40)), normalise=99.0), "contexts must hold at least one window"),
        (lambda: TDSNN.from_tdnn(TDNN(4), np.zeros((3, 5)), normalise=99.0), "contexts must have shape"),
        (lambda: TDSNN.from_tdnn(TDNN(4), normalise=99.0), "contexts must be given"),
        (lambda: TDSNN.from_tdnn(torch.nn.Linear(2, 2)), "network must be a TDNN"),
        (lambda: TDSNN(4).spiking_outputs(np.zeros((2, 3))), "contexts must have shape"),
        (lambda: TDSNN(4).outputs_after(np.zeros((2, 40)), [501]), "steps must be between 1 and 500, got 501"),
    ],
)
def test_bad_input_is_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call()
