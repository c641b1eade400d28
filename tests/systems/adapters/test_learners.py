"""The learners of a stream as systems: the same outputs, closed forms against autodiff, and what is refused."""

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import CSNN, TDNN, TDSNN, LongestMatch, NearestNeighbours, OnlineGRU, OnlineLSTM
from dynakit.models.learners.learner import Element, Past
from dynakit.systems.autodiff import autodiff

CODES = np.random.default_rng(0).uniform(-1, 1, (6, 4))


def test_a_delay_line_says_what_the_network_predicts():
    network = TDNN(4, 20, lag=3, memory=10, seed=1).double()
    system = dk.as_system(network)
    states = system.trajectory(np.zeros(12), CODES)
    said = network.predict(Past(CODES, np.arange(6)))
    np.testing.assert_allclose(system.observe(states[-1]), said, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(states[-1], CODES[-3:].reshape(-1))


@pytest.mark.parametrize("loop", [False, True])
def test_jacobians_of_a_delay_line_are_those_of_autodiff(loop):
    system = dk.as_system(TDNN(4, 20, lag=3, memory=10, seed=2))
    system = dk.ClosedLoop(system) if loop else system
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(5, 12)))
    u = torch.from_numpy(rng.normal(size=(5, system.input_size)))
    J = autodiff(lambda z: system._step(z, u), x)
    np.testing.assert_allclose(system.jacobian(x, u), J, rtol=0, atol=1e-13)
    Q = rng.normal(size=(5, 12, 3))
    np.testing.assert_allclose(system.jvp(x, u, Q), J @ torch.from_numpy(Q), rtol=0, atol=1e-12)
    if not loop:
        into = autodiff(lambda v: system._step(x, v), u, out_size=12)
        np.testing.assert_allclose(system.input_jacobian(x, u), into, rtol=0, atol=0)
        C = autodiff(system._observe, x, out_size=4)
        np.testing.assert_allclose(system.observe_jacobian(x), C, rtol=0, atol=1e-13)
        pre = x @ system.W_in.T + system.b_in
        np.testing.assert_allclose(system.kinks(x, u), pre.abs().amin(-1), rtol=0, atol=0)


def test_a_linear_delay_line_in_closed_loop_is_the_recurrence_it_stands_for():
    """x_{t+1} = x_t - 0.5 x_{t-1}, made of two hinges, from known roots (1 +- i) / 2."""
    network = TDNN(1, 4, lag=2, memory=4).double()
    with torch.no_grad():
        network.hidden.weight[:] = torch.tensor([[-0.5, 1.0], [0.5, -1.0], [0.0, 0.0], [0.0, 0.0]])
        network.hidden.bias.zero_()
        network.readout.weight[:] = torch.tensor([[1.0, -1.0, 0.0, 0.0]])
        network.readout.bias.zero_()
    loop = dk.ClosedLoop(dk.as_system(network))
    values = np.linalg.eigvals(loop.jacobian(np.array([0.3, 0.8])))
    np.testing.assert_allclose(sorted(values, key=np.imag), [0.5 - 0.5j, 0.5 + 0.5j], atol=1e-14)


@pytest.mark.parametrize("readout", ["difference", "count", "voltage"])
def test_spikes_of_a_delay_line_are_those_of_the_network(readout):
    network = TDSNN(4, 20, lag=3, memory=10, seed=1, n_steps=30, readout=readout)
    system = dk.as_system(network)
    said = network.predict(Past(CODES, np.arange(6)))
    np.testing.assert_array_equal(system.observe(CODES[-3:].reshape(-1)), said)
    assert system.regularity == "discontinuous"
    with pytest.raises(InputError, match="jumps at its spikes"):
        dk.find_fixed_points(system)


def columns():
    network = CSNN(4, n_columns=3, n_neurons=10, seed=2)
    rng = np.random.default_rng(3)
    network.W_rec += torch.from_numpy(rng.normal(0, 2, (30, 30)).astype(np.float32))
    network.kill(0.1, rng)
    return network


def test_columns_step_by_step_are_those_of_the_learner():
    network = columns()
    codes = np.random.default_rng(4).uniform(0, 3, (3, 4))
    system = dk.as_system(network).neurons
    inputs = np.tile(codes.reshape(-1), (network.n_steps, 1))
    inputs[0] = 0.0
    states = system.trajectory(np.zeros(90), inputs)
    counts, last = network.present(codes)
    spikes = system.observe(states).numpy()
    assert counts.max() > 3
    assert spikes.sum(axis=0).astype(int).tolist() == counts.tolist()
    assert np.flatnonzero(spikes[-1]).tolist() == last.tolist()
    np.testing.assert_array_equal(system.recurrent_weights()["W_rec"].T, network.W_rec.numpy().astype(float))


def test_one_step_of_columns_shows_the_last_elements_and_counts():
    network = columns()
    system = dk.as_system(network)
    codes = np.random.default_rng(5).uniform(0, 3, (6, 4))
    states = system.trajectory(np.zeros(system.state_size), codes)
    np.testing.assert_array_equal(states[-1, :12], codes[-3:].reshape(-1))
    np.testing.assert_array_equal(system.observe(states[-1]), network.present(codes[-3:])[0])
    np.testing.assert_array_equal(system.raster(states[3:]).sum(axis=1), states[3:, system.parts["counts"]])
    assert system.raster(states[3:]).shape == (3, network.n_steps, 30)


def test_hidden_spikes_of_a_converted_network_are_as_many_as_its_activations_say():
    network = TDSNN(4, 20, lag=3, memory=10, seed=1, n_steps=400).double()
    contexts = CODES.reshape(2, 12)
    system = dk.as_system(network)
    rates = system.raster(torch.from_numpy(contexts)).mean(axis=1)
    with torch.no_grad():
        expected = torch.relu(network.hidden(torch.from_numpy(contexts))).clamp_max(1.0)
    np.testing.assert_allclose(rates, expected, rtol=0, atol=2 / 400)
    assert rates.max() > 0.1


@pytest.mark.parametrize("memory", [NearestNeighbours(4, lag=2), LongestMatch(4, longest=2)])
def test_a_memory_is_observed_through_the_code_that_it_recalls(memory):
    system = dk.as_system(memory)
    np.testing.assert_array_equal(system.observe(CODES[:2].reshape(-1)), np.zeros(4))  # nothing heard yet
    order = [0, 1, 2, 3, 0, 1, 4, 1, 2]
    for t, k in enumerate(order):
        memory.learn(Element(CODES[k], k, t))
    system = dk.as_system(memory)
    memory.learn(Element(CODES[5], 5, 9))  # no longer heard by the frozen one
    newest = isinstance(memory, LongestMatch)
    for context, follows in (((0, 1), 4 if newest else 2), ((1, 2), 3), ((3, 0), 1)):
        said = system.observe(CODES[list(context)].reshape(-1))
        np.testing.assert_allclose(said, CODES[follows], rtol=0, atol=1e-7)
    with pytest.raises(InputError, match="jumps from one answer to the next"):
        dk.find_fixed_points(system)


def test_what_compares_with_all_it_has_heard_has_no_state():
    with pytest.raises(InputError, match="LongestMatch without a bound"):
        dk.as_system(LongestMatch(4))


@pytest.mark.parametrize("kind", [OnlineLSTM, OnlineGRU])
def test_a_recurrent_learner_is_its_frozen_network(kind):
    learner = kind(4, 5, seed=1)
    system, frozen = dk.as_system(learner), dk.as_system(learner.freeze())
    x, u = np.full(system.state_size, 0.1), CODES[0]
    np.testing.assert_array_equal(system.step(x, u), frozen.step(x, u))


@pytest.mark.parametrize(
    ("learner", "closes"),
    [(TDNN(25, 8), True), (TDSNN(25, 8, n_steps=5), True), (CSNN(25, n_neurons=5), False)],
)
def test_of_a_line_the_questions_about_rest_are_refused_with_what_it_is(learner, closes):
    system = dk.as_system(learner)
    assert system.span == 10
    u = np.random.default_rng(0).uniform(-1, 1, system.input_size)
    rest = system.settle(np.ones(system.state_size), u, 10)
    assert (system.step(rest, u) == rest).all()
    report = dk.analyze(learner, dk.tasks.SequenceStream(n_steps=12), include=["attractors", "lyapunov"])
    for stage in ("fixed_points", "memory", "lyapunov"):
        assert "the last 10 inputs" in report.skipped[stage]
        assert ("ClosedLoop" in report.skipped[stage]) == closes


@pytest.mark.parametrize("learner", [TDSNN(4, 8, n_steps=5, lag=3), NearestNeighbours(4)])
def test_a_readout_that_jumps_has_no_jacobian(learner):
    system = dk.as_system(learner)
    with pytest.raises(InputError, match="a Jacobian of the readout needs a differentiable map"):
        system.observe_jacobian(np.zeros(system.state_size))
