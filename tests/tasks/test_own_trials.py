"""Trials of one's own: where they rest, how outputs are read, and scores that do not flatter."""

from __future__ import annotations

import numpy as np
import pytest

from dynakit.errors import InputError
from dynakit.tasks import baseline, from_arrays

RNG = np.random.default_rng(0)


def counter(p=0.5, n_trials=200):
    """Tokens of which the second counts modulo 3."""
    ones = np.random.default_rng(1).random((n_trials, 40)) < p
    return np.stack([~ones, ones], -1).astype(float), ones.cumsum(1) % 3


def three_epochs(n_trials=60):
    """Fixation on for 12 steps, of which the middle four show one of two stimuli; then the response."""
    side = np.arange(n_trials) % 2
    inputs = np.zeros((n_trials, 16, 3))
    inputs[:, :12, 0] = 1.0
    inputs[np.arange(n_trials), 4:8, 1 + side] = 1.0
    classes = np.zeros((n_trials, 16), int)
    classes[:, 12:] = 1 + side[:, None]
    return inputs, classes


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
def test_a_counter_rests_at_the_token_that_changes_nothing(p):
    """Also where the other one is the commonest."""
    inputs, classes = counter(p)
    task = from_arrays(inputs, classes)
    assert task.rest.tolist() == [1, 0]
    assert "token 0, under which the answer" in task.rest_reason
    assert {name: pulse.tolist() for name, pulse in task.pulses.items()} == {"token 1": [[0, 1]]}
    assert task.decode(np.eye(3)).tolist() == ["0", "1", "2"]


def test_without_answers_the_commonest_token_is_rest():
    assert from_arrays(counter(0.7)[0]).rest.tolist() == [0, 1]
    assert "the commonest" in from_arrays(counter(0.7)[0]).rest_reason


def test_a_fixation_task_rests_at_fixation_and_not_at_the_zeros_of_the_response():
    task = from_arrays(*three_epochs())
    assert task.rest.tolist() == [1, 0, 0]
    assert "the fixation input" in task.rest_reason
    assert task.drives["response"].tolist() == [0, 0, 0]


def test_noise_rests_nowhere_and_that_is_said():
    task = from_arrays(RNG.normal(size=(40, 30, 3)))
    assert "rest=" in task.rest_problem
    assert from_arrays(RNG.normal(size=(40, 30, 3)), rest=[0, 0, 0.0]).rest_problem is None


def test_zeros_after_a_trial_are_no_rest():
    inputs = np.ones((20, 30, 2)) + RNG.normal(size=(20, 30, 2))
    lengths = 20 + np.arange(20) % 11
    mask = np.arange(30) < lengths[:, None]
    task = from_arrays(inputs * mask[..., None], inputs, mask)
    assert "shown in" not in task.rest_reason


def test_classes_become_one_hot():
    inputs, classes = counter()
    for given, decode in ((classes, None), (classes[..., None].astype(float), "argmax")):
        task = from_arrays(inputs, given, decode=decode)
        np.testing.assert_array_equal(task.trials.targets.numpy(), np.eye(3)[classes])


def test_always_the_commonest_class_is_at_chance():
    classes = np.zeros((200, 50), int)
    classes[:, -2:] = RNG.integers(1, 3, 200)[:, None]
    task = from_arrays(RNG.normal(size=(200, 50, 3)), classes)
    always = np.eye(3)[np.zeros_like(classes)]
    assert task.score(always, task.trials) == pytest.approx(1 / 3)
    beside = baseline(task, always, task.trials)
    assert beside.constant == pytest.approx(1 / 3)
    assert "scores 0.3333, the best by the clock alone" in beside.sentence(1 / 3, 200)
    assert ": at chance" in beside.sentence(1 / 3, 200)
    assert "fresh" not in beside.sentence(1 / 3, 200)


def test_a_guess_in_the_right_epoch_is_at_chance():
    """Who fixates when it must and then guesses is right in two thirds of the classes, and so is a clock."""
    inputs, classes = three_epochs(200)
    task = from_arrays(inputs, classes)
    guess = np.where(classes > 0, RNG.integers(1, 3, 200)[:, None], 0)
    score = task.score(np.eye(3)[guess], task.trials)
    said = baseline(task, np.eye(3)[guess], task.trials).sentence(score, 200)
    assert score == pytest.approx(2 / 3, abs=0.05)
    assert ": at chance; the answers do not tell 1 from 2" in said
    right = baseline(task, np.eye(3)[classes], task.trials).sentence(1.0, 200)
    assert "chance" not in right
    assert "do not tell" not in right


def test_graded_targets_are_values():
    values = RNG.uniform(-1, 1, (40, 1, 1)) * np.ones((1, 20, 1))
    task = from_arrays(values, values)
    assert task.graded
    assert baseline(task, values, task.trials).constant == pytest.approx(0, abs=1e-6)
    assert not from_arrays(values, np.sign(values)).graded


def test_a_reading_of_ones_own_is_scored_over_its_answers():
    inputs, classes = counter()
    targets = np.cos(2 * np.pi * classes / 3)[..., None]
    task = from_arrays(inputs, targets, decode=lambda y: np.where(y[..., 0] > 0.5, "A", "B"))
    assert task.score(np.ones((200, 40, 1)), task.trials) == pytest.approx(0.5)
    assert task.unsaved


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"rest": [0.0, 0.0]}, "rest must be an input that the trials show"),
        ({"rest": [1.0]}, "rest must have shape"),
        ({"drives": {"a": [1.0]}}, r"drives\['a'\] must have shape"),
        ({"decode": "softmax"}, "decode must be one of"),
        ({"decode": lambda y: y}, "decode must return one label per readout"),
        ({"decode": lambda y: y["no"]}, "decode failed"),
        ({"machine": {("0", "token 9"): "1"}}, "machine names a pulse 'token 9'"),
        ({"machine": {("5", "token 1"): "1"}}, "machine names a memory '5'"),
        ({"machine": {"0": "1"}}, "machine must be a dictionary"),
        ({"machine": 3}, "machine must be a dictionary"),
        ({"dt": -1.0}, "dt must be"),
    ],
)
def test_what_does_not_fit_the_trials_is_named(about, said):
    with pytest.raises(InputError, match=said):
        from_arrays(*counter(), **about)


def test_classes_that_are_not_asked_for_are_masked():
    inputs, classes = counter()
    given = np.where(np.arange(40) % 4 == 0, -100, classes)
    given[:, 3] = -1
    asked = given >= 0
    task = from_arrays(inputs, given, np.tile(np.arange(40) < 30, (200, 1)))
    np.testing.assert_array_equal(task.trials.mask.numpy()[:, :, 1], asked & (np.arange(40) < 30))
    np.testing.assert_array_equal(task.trials.targets.numpy().argmax(2)[asked], classes[asked])
    wrong = np.eye(3)[np.where(asked, classes, (classes + 1) % 3)]
    assert task.score(wrong, task.trials) == 1
    with pytest.raises(InputError, match="or -1 where none is asked, got -5"):
        from_arrays(inputs, np.where(asked, classes, -5))


def test_steps_of_nan_at_the_end_are_no_part_of_a_trial():
    inputs, targets = RNG.normal(size=(10, 20, 2)), RNG.normal(size=(10, 20, 1))
    inputs[3, 15:], targets[3, 15:] = np.nan, np.nan
    task = from_arrays(inputs, targets)
    assert np.isnan(inputs[3, 15:]).all()
    np.testing.assert_array_equal(task.trials.mask.numpy()[3, :, 0], np.arange(20) < 15)
    assert task.trials.mask.numpy().sum() == 195
    inputs[3, 0] = np.nan
    with pytest.raises(InputError, match="inputs must be finite"):
        from_arrays(inputs, targets)


def test_tokens_whose_answers_come_late_rest_all_the_same():
    inputs, classes = counter()
    late = np.concatenate([np.zeros((200, 3), int), classes[:, :-3]], axis=1)
    task = from_arrays(inputs, late)
    assert task.rest.tolist() == [1, 0]
    assert "under which the answer that is asked for stays" in task.rest_reason


def test_what_was_given_stays_as_it_is():
    inputs, classes = counter()
    drives, machine = {"one": np.array([0.0, 1.0])}, {("0", "token 1"): "1"}
    before = inputs.copy(), classes.copy()
    task = from_arrays(inputs, classes, drives=drives, machine=machine)
    task.rest[0] = 7
    task.drives["rest"][0] = 7
    assert task.rest.tolist() == [1, 0]
    np.testing.assert_array_equal(inputs, before[0])
    np.testing.assert_array_equal(classes, before[1])
    assert list(drives) == ["one"]
    assert machine == {("0", "token 1"): "1"}


def test_who_knows_a_little_on_few_trials_is_not_told_from_a_guess():
    """Two standard errors: of 64 trials 55 % right are at chance, of 512 trials 65 % are not."""
    for n, right, chance in ((64, 0.55, True), (512, 0.65, False)):
        side = np.where(np.arange(n) % 2, 1.0, -1.0)[:, None, None] * np.ones((1, 5, 1))
        task = from_arrays(RNG.normal(size=(n, 5, 2)), side)
        outputs = side * np.where(np.arange(n) // 2 < right * n / 2, 1, -1)[:, None, None]
        said = baseline(task, outputs, task.trials).sentence(task.score(outputs, task.trials), n)
        assert (": at chance" in said) == chance
