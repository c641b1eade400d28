"""The Kalman filter of the weights: recursive least squares where the network is linear in them, and a learner."""

import numpy as np
import pytest
import torch

from dynakit.errors import InputError, NumericalError, ResourceError
from dynakit.models import GRU, LSTM, Elman, Reservoir
from dynakit.seeding import stream
from dynakit.tasks import FlipFlop, score_mask
from dynakit.training import Kalman, train

TASK = FlipFlop(n_bits=1, n_steps=20)
STILL = {"output_noise": (0.5, 0.5), "process_noise": (1e-300, 1e-300), "covariance": 2.0}


@pytest.mark.parametrize("groups", ["unit", "all"])
@pytest.mark.parametrize("n_streams", [1, 3])
def test_a_free_readout_is_filtered_to_the_posterior_mean(groups, n_streams):
    """With fixed states the filter is Bayesian linear regression: closed form, one output, all data at once."""
    model = Reservoir.for_task(TASK, 12).double()
    prior = np.append(model.W_out.detach().numpy()[0], model.b_out.detach().numpy())
    history = train(model, TASK, Kalman(batch_size=n_streams, max_updates=2, groups=groups, **STILL), seed=4)
    rows, wanted = [], []
    for update in range(2):
        trials = TASK.sample(n_streams, seed=int(stream(4, "batch", update).integers(2**62)))
        with torch.no_grad():
            features = model.features(model(trials.inputs.double()).states)
        asked = (trials.mask[..., 0] if trials.mask is not None else torch.ones(features.shape[:2])) > 0
        rows.append(features[asked].numpy())
        wanted.append(trials.targets[..., 0][asked].double().numpy())
    H, y = np.vstack(rows), np.concatenate(wanted)
    H = np.column_stack([H, np.ones(len(H))])
    mean = prior + np.linalg.solve(H.T @ H / 0.5 + np.eye(len(prior)) / 2.0, H.T @ (y - H @ prior) / 0.5)
    found = np.append(model.W_out.detach().numpy()[0], model.b_out.detach().numpy())
    np.testing.assert_allclose(found, mean, rtol=1e-6, atol=1e-8)
    assert len(history) == 2


@pytest.mark.parametrize("make", [lambda: Elman(1, 4, 1), lambda: LSTM(1, 2, 1)])
def test_a_bit_is_learnt_from_few_trials(make):
    history = train(make(), TASK, Kalman(max_updates=80, stop_at_score=0.93), seed=1)
    assert history.stopped.startswith("score")


def test_a_network_that_overflows_is_told_in_a_sentence_with_the_history_until_then():
    model = Elman(1, 4, 1, "relu")
    with torch.no_grad():
        model.rnn.weight_hh_l0.fill_(1e5)
        model.rnn.bias_hh_l0.fill_(1.0)
    with pytest.raises(NumericalError, match="training diverges: the loss of update 1 is nan") as error:
        train(model, TASK, Kalman(max_updates=3))
    assert len(error.value.partial) == 1


def test_trials_in_which_nothing_is_asked_are_drawn_anew():
    task = FlipFlop(n_bits=1, n_steps=12)
    first = [task.sample(1, seed=int(stream(0, "batch", k).integers(2**62))) for k in range(6)]
    assert not all(bool(score_mask(trials).any()) for trials in first)
    history = train(Elman.for_task(task, 2), task, Kalman(max_updates=6))
    assert np.isfinite(history.losses).all()
    assert len(history) == 6


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Kalman(output_noise=3.0), "output_noise must be two numbers"),
        (lambda: Kalman(covariance=0), "covariance must be"),
        (lambda: Kalman(groups="units"), "groups must be"),
        (
            lambda: train(GRU(1, 300, 1), TASK, Kalman(groups="all", max_updates=1)),
            "covariances of .* weights would take .*: use groups='unit'",
        ),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(make, words):
    with pytest.raises((InputError, ResourceError), match=words):
        make()
