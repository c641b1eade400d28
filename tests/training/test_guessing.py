"""Guessing weights: what it finds solves the task, what it does not find leaves the model as it was."""

import numpy as np
import pytest
import torch

from dynakit.errors import InputError, ResourceError
from dynakit.models import GRU, LSTM, Elman, FullyConnected, LeakyRNN
from dynakit.tasks import FlipFlop
from dynakit.training import WeightGuessing, train
from dynakit.training.guessing import _outputs

TASK = FlipFlop(n_bits=1, n_steps=12)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_bit_is_found_and_the_found_network_solves_all_trials():
    model = LeakyRNN.for_task(TASK, 2, dt=20.0, tau=20.0, form="rate", activation="tanh")
    history = train(model, TASK, WeightGuessing(scale=8.0, together=4096), seed=0)
    assert history.stopped.endswith("solves all trials")
    n = int(history.stopped.split()[1])
    assert (len(history) - 1) * 4096 < n <= len(history) * 4096
    trials = TASK.sample(200, seed=7)
    assert TASK.score(model(trials.inputs).outputs, trials) > 0.9
    assert history.scores[-1] == 1.0
    assert weights(model).abs().max() <= 8.0


def test_networks_side_by_side_say_what_each_says_alone():
    one_each = [FullyConnected(1, 3, 1), LSTM(1, 2, 1), GRU(1, 2, 1), Elman(1, 3, 1), Elman(1, 3, 1, "relu")]
    for model in one_each:
        named, inputs = dict(model.named_parameters()), TASK.sample(4, seed=3).inputs
        guesses = {name: torch.randn(5, *p.shape) for name, p in named.items()}
        with torch.no_grad():
            together = _outputs(model, inputs, guesses)
            for k in range(5):
                for name, p in named.items():
                    p.copy_(guesses[name][k])
                assert torch.allclose(model(inputs).outputs, together[k], atol=1e-5)


def test_a_model_for_which_nothing_is_found_keeps_its_weights():
    model = FullyConnected.for_task(TASK, 2)
    before = weights(model)
    history = train(model, TASK, WeightGuessing(max_guesses=300, together=128), seed=0)  # no unit says -1
    assert history.stopped == "all 300 guesses failed"
    assert len(history) == 3
    assert np.all(history.scores < 1)
    assert torch.equal(weights(model), before)


def test_more_networks_than_fit_are_refused_in_a_sentence():
    with pytest.raises(ResourceError, match=r"networks of .* weights would take .*: use a smaller together"):
        train(LSTM.for_task(TASK, 400), TASK, WeightGuessing(together=10**7, max_guesses=10**7))


@pytest.mark.parametrize("settings", [{"scale": 0}, {"together": 0}, {"max_guesses": 1.5}])
def test_bad_settings_are_refused_in_a_sentence(settings):
    with pytest.raises(InputError, match=f"{next(iter(settings))} must be"):
        WeightGuessing(**settings)
