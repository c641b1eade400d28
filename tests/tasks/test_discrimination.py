"""Trains of pulses: how many, where, on which input, and that nothing but what should tells the answer."""

import dataclasses

import numpy as np
import pytest

from dynakit.errors import InputError
from dynakit.tasks import FrequencyDiscrimination, by_name

QUIET = FrequencyDiscrimination((5.0, 20.0), noise=0.0)


def trains_of(trials, task):
    """What comes in on the channels during the two trains, (trial, train, step, channel)."""
    x = trials.inputs.numpy()[:, :, 1:]
    go = trials.inputs.numpy()[:, :, 0].sum(axis=1).astype(int)  # the first step of the response
    n, first = round(task.stimulus / task.dt), round(task.fixation / task.dt)
    return np.stack([[one[first : first + n], one[end - n : end]] for one, end in zip(x, go)])


def onsets(train):
    """Steps (n,) at which a pulse begins."""
    return np.flatnonzero(np.diff(train, prepend=0.0) > 0)


@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_a_train_has_its_rate_and_its_pulses_their_width(jitter):
    task = FrequencyDiscrimination((5.0, 10.0), noise=0.0, jitter=jitter, pulse=20.0)
    trials = task.sample(60, seed=1)
    trains = trains_of(trials, task)[..., 0]
    for one, f1, f2 in zip(trains, trials.conditions["f1"], trials.conditions["f2"]):
        for train, f in zip(one, (f1, f2)):
            period, at = 1000 / f / task.dt, onsets(train)
            assert abs(len(at) - 60 / period) <= (1 if jitter else 0)
            assert (np.abs(np.diff(at) - period) <= 2 * jitter * period + 1).all()
            if not jitter:
                assert (np.diff(at) == period).all()
            whole = at[at < 59]
            assert all(train[a : a + 3].tolist()[:2] == [1, 1] for a in whole)
            assert train.sum() == sum(min(2, 60 - a) for a in at)


def test_phases_are_uniform_over_the_period():
    trials = dataclasses.replace(QUIET, frequencies=(5.0, 10.0)).sample(800, seed=2)
    trains = trains_of(trials, QUIET)[:, 0, :, 0]
    first = np.array([onsets(train)[0] for train in trains[trials.conditions["f1"] == 5.0]])
    assert (first.min(), first.max()) == (0, 19)
    assert np.bincount(first // 5) == pytest.approx(np.full(4, len(first) / 4), abs=4 * np.sqrt(len(first) * 3 / 16))


def test_the_faster_first_is_plus_and_pairs_are_balanced():
    trials = FrequencyDiscrimination((4.0, 8.0, 16.0)).sample(60, seed=3)
    f1, f2, right = (trials.conditions[name] for name in ("f1", "f2", "correct"))
    pairs, counts = np.unique(np.stack([f1, f2], 1), axis=0, return_counts=True)
    assert len(pairs) == 6
    assert counts.tolist() == [10] * 6
    np.testing.assert_array_equal(right, np.sign(f1 - f2))
    np.testing.assert_array_equal(trials.targets[trials.score_mask > 0].reshape(60, -1)[:, 0], right)


@pytest.mark.parametrize("frequencies", [(5.0, 20.0), (5.0, 10.0, 20.0)])
def test_by_channel_each_train_has_an_input_of_its_own_and_rates_tell_nothing(frequencies):
    task = dataclasses.replace(QUIET, by="channel", frequencies=frequencies)
    trials = task.sample(600, seed=4)
    used = trains_of(trials, task).any(axis=2)  # (trial, train, channel)
    assert (used.sum(axis=2) == 1).all()
    first, second = used.argmax(axis=2).T
    assert (first != second).all()
    np.testing.assert_array_equal(first + 1, trials.conditions["channel1"])
    np.testing.assert_array_equal(second + 1, trials.conditions["channel2"])
    np.testing.assert_array_equal(np.where(first < second, 1, -1), trials.conditions["correct"])
    faster = np.sign(trials.conditions["f1"] - trials.conditions["f2"])
    assert abs((faster * trials.conditions["correct"]).sum()) < 4 * np.sqrt(np.abs(faster).sum())
    assert np.unique(first, return_counts=True)[1].tolist() == [600 // len(frequencies)] * len(frequencies)


def test_of_two_rates_the_second_tells_all_and_of_three_it_does_not():
    guesses = {}
    for frequencies in ((5.0, 20.0), (5.0, 10.0, 20.0)):
        conditions = dataclasses.replace(QUIET, frequencies=frequencies).sample(600, seed=1).conditions
        answers = [conditions["correct"][conditions["f2"] == f] for f in frequencies]
        guesses[len(frequencies)] = np.mean([max((a > 0).mean(), (a < 0).mean()) for a in answers])
    assert guesses == {2: 1.0, 3: pytest.approx(5 / 6)}


def test_a_counter_of_pulses_is_always_right():
    trials = QUIET.sample(100, seed=5)
    n = trains_of(trials, QUIET)[..., 0].sum(axis=2)
    np.testing.assert_array_equal(np.sign(n[:, 0] - n[:, 1]), trials.conditions["correct"])


def test_the_delay_is_that_between_the_trains():
    task = dataclasses.replace(QUIET, delay=(100.0, 400.0))
    go = task.sample(200, seed=6).inputs.numpy()[:, :, 0].sum(axis=1)
    delays = go - 10 - 2 * 60
    assert (delays.min(), delays.max()) == (10, 40)
    assert task.n_steps == 10 + 60 + 40 + 60 + 10


def test_pulses_and_trains_are_what_trials_show():
    task = dataclasses.replace(QUIET, by="channel", frequencies=(5.0, 25.0))
    np.testing.assert_array_equal(task.pulses["channel 2"], [[1, 0, 1], [1, 0, 1]])
    assert list(task.trains) == ["5 Hz on channel 1", "5 Hz on channel 2", "25 Hz on channel 1", "25 Hz on channel 2"]
    train = task.trains["25 Hz on channel 1"]
    assert train.shape == (60, 3)
    np.testing.assert_array_equal(train[:8, 1], [1, 1, 0, 0, 1, 1, 0, 0])
    assert not train[:, 2].any()
    assert train[:, 0].all()
    np.testing.assert_array_equal(onsets(QUIET.trains["5 Hz"][:, 1]), [0, 20, 40])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frequencies": (5.0,)}, "frequencies must be at least two"),
        ({"frequencies": (0.0, 5.0)}, "frequencies must be positive"),
        ({"by": "amplitude"}, "by must be one of 'frequency', 'channel'"),
        ({"jitter": 0.6}, "jitter"),
        ({"pulse": 50.0}, "pulse must leave a gap between pulses 50 ms apart with jitter 0, got 5 steps of 10 ms"),
        ({"pulse": 30.0, "jitter": 0.2}, "pulse must leave a gap"),
        ({"pulse": 2.0}, "pulse must last at least 1 step"),
        ({"stimulus": 390.0}, "stimulus must last two periods of the slowest train, 400 ms"),
    ],
)
def test_bad_parameters_are_named(settings, words):
    with pytest.raises(InputError, match=words):
        FrequencyDiscrimination(**settings)


def test_on_the_command_line():
    made = by_name("frequency-discrimination:by=channel,jitter=0.1")
    assert made == FrequencyDiscrimination(by="channel", jitter=0.1)
