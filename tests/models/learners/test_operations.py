"""What a prediction costs, against counts made one by one."""

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import (
    CSNN,
    TDNN,
    TDSNN,
    Learner,
    LongestMatch,
    NearestNeighbours,
    OnlineGRU,
    OnlineLSTM,
    Operations,
    Past,
)
from dynakit.models.learners import Element

RNG = np.random.default_rng(2)
CODES = RNG.uniform(-1, 1, (30, 4))
PAST = Past(CODES[:20], np.arange(20))


def taught(learner, codes=CODES):
    for t, code in enumerate(codes[:20]):
        learner.learn(Element(code, t, t))
    return learner


def test_published_sizes():
    past = Past(np.zeros((12, 25)), np.zeros(12, int))
    assert TDNN(25).operations(past) == (250 * 200 + 200 * 25, 0)
    assert OnlineLSTM(25).operations(past) == (25 * 20 + 4 * 20 * 40 + 20 * 25, 0)
    assert OnlineGRU(25).operations(past) == (25 * 20 + 3 * 20 * 40 + 20 * 25, 0)
    assert TDNN(25).operations(past).total == 55_000


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_a_memory_compares_every_number_it_looks_through(metric):
    learner = taught(NearestNeighbours(4, lag=3, metric=metric, memory=9, k=2))
    n = 9 * 3 * 4
    assert learner.operations(PAST) == ((n, 0) if metric == "l2" else (0, n))
    assert NearestNeighbours(4, lag=3).operations(PAST) == (0, 0)
    assert taught(NearestNeighbours(4, lag=3)).operations(PAST).accumulates == 17 * 12


def test_a_longest_match_compares_until_nothing_agrees():
    """In a b a c a b the last b is compared with the five before it, the a before the one that agrees with one more."""
    letters = dict(zip("abc", np.eye(4)))
    learner = LongestMatch(4)
    for t, letter in enumerate("abacab"):
        learner.learn(Element(letters[letter], ord(letter), t))
    past = Past(np.stack([letters[letter] for letter in "abacab"]), np.arange(6))
    assert learner.predict(past) == ord("a")
    assert learner.operations(past) == (0, 4 * (5 + 1))


@pytest.mark.parametrize("readout", ["count", "difference", "voltage"])
def test_a_spike_is_a_sum_at_each_neuron_that_hears_it(readout):
    network = TDSNN(4, 6, lag=2, n_steps=15, readout=readout, seed=1)
    with torch.no_grad():
        network.hidden.bias += 0.3
    W, b = (p.detach().double().numpy() for p in (network.hidden.weight, network.hidden.bias))
    arrived, v = 0, np.zeros(6)
    for t in range(15):
        for i in range(6):
            v[i] += b[i] + (W[i] @ PAST.codes[-2:].reshape(-1) if t else 0)
            if v[i] >= 1:
                v[i] -= 1
                for _ in range(8 if readout == "difference" else 4):  # output neurons that hear it, a step later
                    arrived += t < 14
    assert arrived > 20
    assert network.operations(PAST) == (8 * 6, arrived)


@pytest.mark.parametrize(("own_block", "eta"), [(True, 0.05), (False, 0.05), (True, 0.0)])
def test_spikes_of_columns_arrive_in_all_of_them(own_block, eta):
    strong, late = 5 * np.abs(CODES), 0
    for n_steps in range(34, 42):
        made = CSNN(4, n_columns=3, n_neurons=8, n_steps=n_steps, eta=eta, own_block=own_block, pairs="all", seed=2)
        network = taught(made, strong)
        system = dk.as_system(network).neurons
        shown = np.tile(strong[17:20].astype(np.float32).reshape(-1), (n_steps, 1))
        shown[0] = 0
        states = system.trajectory(np.zeros((1, system.state_size)), shown[None])
        spikes = np.asarray(states)[0, :, system.parts["spikes"]]
        arrived = int(spikes[:-1].sum()) * ((24 if own_block else 16) if eta else 0)
        assert network.operations(Past(strong[:20], np.arange(20))) == (3 * 4 * 8, arrived + (20 - 3) * 24)
        late += int(spikes[-1].sum())
    assert late > 0  # these arrive nowhere


@pytest.mark.parametrize("make", [TDNN, TDSNN, CSNN, NearestNeighbours, LongestMatch, OnlineLSTM, OnlineGRU])
def test_nothing_is_done_before_anything_was_shown(make):
    assert make(4).operations(Past(np.zeros((0, 4)), np.zeros(0, int))) == Operations(0, 0)


def test_a_learner_that_does_not_say_what_it_costs():
    with pytest.raises(InputError, match="a Learner does not say what a prediction of it costs"):
        Learner(4).operations(PAST)
