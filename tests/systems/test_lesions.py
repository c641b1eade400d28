"""Networks without some of their units or weights: the rest is as it was, and what is gone sends nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems.lesions import neurons

TASK = dk.tasks.FlipFlop(n_bits=2)
NETWORKS = {
    "elman": lambda: dk.models.Elman.for_task(TASK, 6, seed=0),
    "gru": lambda: dk.models.GRU.for_task(TASK, 6, seed=0),
    "lstm": lambda: dk.models.LSTM.for_task(TASK, 6, peepholes=True, seed=0),
    "softplus": lambda: dk.models.LeakyRNN.for_task(TASK, 6, activation="softplus", seed=0),
    "rate": lambda: dk.models.LeakyRNN.for_task(TASK, 6, activation="sigmoid", form="rate", seed=0),
    "relu": lambda: dk.models.LeakyRNN.for_task(TASK, 6, activation="relu", seed=0),
    "spiking": lambda: dk.models.LIF.for_task(TASK, 6, seed=0),
    "layers": lambda: torch.nn.LSTM(2, 4, 2, batch_first=True),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    return dk.as_system(NETWORKS[request.param]())


def run(system, seed=0, n_steps=12):
    size = 100 if system.regularity == "discontinuous" else 1  # neurons have to be driven to spike
    inputs = size * np.random.default_rng(seed).normal(size=(3, n_steps, system.input_size))
    recording = dk.record(system, inputs)
    return recording.states, recording.outputs


def test_a_lesioned_network_is_a_system_like_any_other(network):
    dk.testing.check_system(dk.lesion(network, [1, 3]))
    masks = {name: np.tri(*W.shape) > 0 for name, W in network.recurrent_weights().items()}
    dk.testing.check_system(dk.lesion(network, edges=masks))


def test_a_silenced_unit_stands_still_and_sends_nothing(network):
    """As if all that it sends were zero: the others, and the readout, do the same."""
    lesioned = dk.lesion(network, [1])
    states, _ = run(lesioned)
    assert (states[..., neurons(network)[1]] == states[0, 0, neurons(network)[1]]).all()
    second = {name: np.tile(np.arange(W.shape[1]) == 1, (len(W), 1)) for name, W in first_layer(network)}
    deaf = dk.lesion(network, edges=second)
    others = np.setdiff1d(np.arange(network.state_size), neurons(network)[1])
    if "layer2.h" not in network.parts:  # there the unit is heard by the layer above, too
        assert_allclose(states[..., others], run(deaf)[0][..., others], rtol=0, atol=1e-15)
    assert not np.array_equal(states[..., others], run(network)[0][..., others])


def first_layer(network):
    return [(name, W) for name, W in network.recurrent_weights().items() if not name.startswith("layer")]


def test_removing_nothing_changes_no_bit(network):
    nothing = {name: np.zeros(W.shape, bool) for name, W in network.recurrent_weights().items()}
    for same in (dk.lesion(network, edges=nothing), dk.lesion(network, np.zeros(len(neurons(network)), bool))):
        for one, other in zip(run(network), run(same)):
            assert np.array_equal(one, other)


def test_of_two_networks_side_by_side_one_never_notices_that_the_other_is_gone():
    rng = np.random.default_rng(0)
    W = np.zeros((12, 12))
    W[:6, :6], W[6:, 6:] = rng.normal(size=(2, 6, 6))
    whole = dk.catalog.tanh_network(W, W_in=rng.normal(size=(12, 2)))
    states, _ = run(whole, n_steps=40)
    without, _ = run(dk.lesion(whole, range(6)), n_steps=40)
    assert np.array_equal(states[..., 6:], without[..., 6:])
    assert not without[..., :6].any()
    cut, _ = run(dk.lesion(whole, edges=np.arange(12)[:, None] < 6 * np.ones((1, 12))), n_steps=40)
    assert np.array_equal(states[..., 6:], cut[..., 6:])


def test_layers_above_hear_nothing_of_a_silenced_unit_within_the_step():
    torch.manual_seed(1)
    net = torch.nn.RNN(2, 3, 2, batch_first=True)
    lesioned = dk.lesion(dk.as_system(net), [0, 1, 2])
    with torch.no_grad():
        for weight in (net.weight_ih_l1, net.weight_hh_l0, net.weight_ih_l0, net.bias_ih_l0, net.bias_hh_l0):
            weight.zero_()  # the first layer is silent, and nothing of it is heard
    assert_allclose(run(lesioned)[1], run(dk.as_system(net))[1], atol=1e-15)


def test_a_relu_unit_is_held_off_its_kink_so_that_points_are_judged():
    net = dk.models.LeakyRNN(1, 4, 1, activation="relu", seed=0)
    with torch.no_grad():
        net.b_rec.copy_(torch.tensor([0.5, -0.5, 0.3, 0.4]))
    points = dk.find_fixed_points(dk.lesion(dk.as_system(net), [2]))
    assert len(points) > 0
    assert set(points.verdicts) <= {"stable", "unstable"}


def test_fixed_points_of_independent_bits_are_those_of_the_bits_that_are_left():
    cube = dk.catalog.tanh_network(1.5 * np.eye(3))
    points = dk.find_fixed_points(dk.lesion(cube, [1]))
    assert (len(points), len(points.stable)) == (9, 4)
    assert not points.states[:, 1].any()
    assert points.degree == 1


def test_units_of_layers_and_of_gates_are_counted_one_after_the_other():
    assert [k.tolist() for k in neurons(dk.as_system(torch.nn.LSTM(1, 2, 2, batch_first=True)))] == [
        [0, 2],
        [1, 3],
        [4, 6],
        [5, 7],
    ]
    lesioned = dk.lesion(dk.as_system(torch.nn.LSTM(1, 2, 2, batch_first=True)), [3])
    assert not lesioned.step(np.ones(8), [1.0])[[5, 7]].any()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.lesion(s), "units or edges must say"),
        (lambda s: dk.lesion(s, [6]), "units must be between 0 and 5, got 6"),
        (lambda s: dk.lesion(s, [True]), "units must be a mask of 6 units"),
        (lambda s: dk.lesion(s, [0.5]), "units must be numbers"),
        (lambda s: dk.lesion(s, edges=np.zeros((2, 2), bool)), r"edges must be a mask \(6, 6\)"),
        (lambda s: dk.lesion(s, edges={"W": np.zeros((6, 6), bool)}), "edges must name recurrent matrices, W_rec"),
        (lambda s: dk.lesion("net", [0]), "system must be a System"),
        (lambda s: dk.lesion(dk.catalog.van_der_pol(), [0]), "system must be a map"),
        (lambda s: dk.lesion(dk.catalog.henon(), edges=np.ones((2, 2), bool)), "names no recurrent matrix"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(dk.as_system(NETWORKS["elman"]()))
