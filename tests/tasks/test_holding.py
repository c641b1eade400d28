"""What trials ask to be kept: under which inputs, from which step, read how."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynakit.tasks import (
    ContextIntegration,
    DelayedComparison,
    FlipFlop,
    PerceptualDecision,
    SetReset,
    Xor,
    find_holds,
    from_arrays,
)

ROWS = np.arange(24)
SIDE = ROWS % 2


def holds_of(task):
    trials = getattr(task, "trials", None)
    return find_holds(task, task.sample(32, seed=0) if trials is None else trials, task.drives)


def fixation(delay=6, shown_until_go=False):
    """Fixation from step 0, a stimulus from step 3 to 6, and after a delay the response for 5 steps."""
    go = 6 + delay
    inputs, classes = np.zeros((24, go + 5, 3)), np.zeros((24, go + 5), int)
    inputs[:, :go, 0] = 1
    inputs[ROWS, 3 : go if shown_until_go else 6, 1 + SIDE] = 1
    classes[:, go:] = 1 + SIDE[:, None]
    return from_arrays(inputs, classes)


def test_a_choice_waits_under_fixation_until_it_is_asked_for():
    holds = holds_of(fixation())
    assert list(holds.by_name) == ["rest", "response"]
    waits, answers = holds.by_name.values()
    assert_array_equal(waits.steps, 11)
    assert_array_equal(waits.question, np.zeros((5, 3)))
    assert (waits.longest, answers.longest) == (6, 5)
    assert answers.question is None
    assert_array_equal(answers.steps, 16)
    assert waits.in_words() == "at rest, input [1, 0, 0], read after the 5 steps that follow in the trials"


def test_nothing_waits_where_the_stimulus_is_on_until_the_answer():
    holds = holds_of(fixation(shown_until_go=True))
    assert list(holds.by_name) == ["response"]
    assert "differs from trial to trial" in holds.reasons["rest"]


def test_the_last_of_waits_of_different_lengths():
    inputs, classes, go = np.zeros((24, 30, 3)), np.zeros((24, 30), int), 12 + ROWS % 7
    inputs[ROWS, 2:5, 1 + SIDE] = 1
    for row in ROWS:
        inputs[row, : go[row], 0] = 1
        classes[row, go[row] :] = 1 + SIDE[row]
    waits = holds_of(from_arrays(inputs, classes)).by_name["rest"]
    assert_array_equal(waits.steps, go - 1)
    assert len(waits.question) == 30 - go.max()


@pytest.mark.parametrize("delay", [0, 3])
def test_a_state_is_left_alone_after_targets_that_come_late_have_come(delay):
    rng = np.random.default_rng(0)
    inputs = (rng.random((60, 40, 1)) < 0.1) * rng.choice([-1.0, 1.0], (60, 40, 1))
    inputs[:, 0] = rng.choice([-1.0, 1.0], (60, 1))
    last = np.maximum.accumulate(np.where(inputs != 0, np.arange(40)[:, None], 0), axis=1)
    state = np.take_along_axis(inputs, last, axis=1)
    targets = np.concatenate([np.repeat(state[:, :1], delay, axis=1), state[:, : 40 - delay]], axis=1)
    hold = holds_of(from_arrays(inputs, targets)).by_name["rest"]
    since = hold.steps - last[hold.rows, hold.steps, 0]
    assert since.min() == delay + (delay == 0)  # at rest, and no target is still to come
    assert len(hold.rows) > 50


def test_a_token_that_is_counted_holds_nothing():
    ones = np.random.default_rng(1).random((100, 30)) < 0.5
    inputs = np.stack([~ones, ones], -1).astype(float)
    task = from_arrays(
        inputs, ones.cumsum(1) % 3, drives={"one": [0, 1]}, pulses={"one twice": [[0, 1.0], [1, 0]]}
    )
    holds = holds_of(task)
    assert list(holds.by_name) == ["rest"]
    assert_array_equal(inputs[holds.by_name["rest"].rows, holds.by_name["rest"].steps], [[1, 0]] * 100)
    counted = from_arrays(inputs, ones.cumsum(1) % 3, rest=[0, 1])  # the user insists
    assert "changes from step to step" in holds_of(counted).problem


def test_each_context_holds_its_own_trials():
    inputs = np.random.default_rng(2).normal(size=(24, 20, 3)) * [0.3, 0, 0]
    inputs[ROWS, :, 1 + SIDE] = 1
    targets = np.sign(inputs[:, :, :1].sum(axis=1, keepdims=True)) * np.ones((1, 20, 1))
    task = from_arrays(inputs, targets, drives={"a": [0, 1, 0], "b": [0, 0, 1], "neither": [0, 0, 0]})
    holds = holds_of(task)
    assert list(holds.by_name) == ["a", "b"]  # and none is called rest
    assert_array_equal(holds.by_name["a"].rows, ROWS[SIDE == 0])
    assert_array_equal(holds.by_name["b"].rows, ROWS[SIDE == 1])
    assert "never show" in holds.reasons["neither"]


def test_tasks_of_this_package():
    assert list(holds_of(FlipFlop(input_noise=0.1)).by_name) == ["rest"]
    assert list(holds_of(FlipFlop(n_bits=2, score_grace=0)).by_name) == ["rest"]  # pulses end
    contexts = holds_of(ContextIntegration())
    assert list(contexts.by_name) == ["motion context", "colour context"]
    assert "never show" in contexts.reasons["rest"]
    waits = holds_of(PerceptualDecision()).by_name["rest"]
    assert_array_equal(waits.question, np.zeros((5, 3)))
    assert list(holds_of(DelayedComparison()).by_name) == [
        "response"
    ]  # what waits is compared with what differs


def test_noise_in_what_follows_tells_nothing():
    """A go signal amid noise reads all trials alike; a second stimulus that goes with the answer does not."""
    inputs, rng = np.zeros((24, 30, 3)), np.random.default_rng(3)
    inputs[:, :20, 0] = 1
    inputs[ROWS, 3:6, 1 + SIDE] = 1
    classes = np.zeros((24, 30), int)
    classes[:, 25:] = 1 + SIDE[:, None]
    noisy = inputs + 0.05 * rng.normal(size=inputs.shape)
    waits = holds_of(from_arrays(noisy, classes, rest=[1, 0, 0])).by_name["rest"]
    assert_allclose(waits.question, 0, atol=0.05)
    noisy[ROWS, 20:25, 1 + SIDE] += 0.5
    assert "rest" not in holds_of(from_arrays(noisy, classes, rest=[1, 0, 0])).by_name


def test_cues_that_last_for_whole_trials_are_contexts():
    trials = ContextIntegration().sample(64, seed=0)
    task = from_arrays(trials.inputs, trials.targets, trials.mask)
    assert [u.tolist() for u in task.drives.values()][1:] == [[0, 0, 0, 1], [0, 0, 1, 0]]
    assert "cue" in task.rest_reason
    assert list(holds_of(task).by_name) == ["cue 1", "cue 2"]


@pytest.mark.parametrize("task", [FlipFlop(), FlipFlop(input_noise=0.1), SetReset(), Xor(), PerceptualDecision()])
def test_the_rest_of_tasks_of_this_package_is_guessed_from_their_trials(task):
    trials = task.sample(64, seed=0)
    mask = trials.mask if trials.score_mask is None else trials.score_mask
    own = from_arrays(trials.inputs, trials.targets, mask)
    assert_array_equal(own.rest, task.rest)
    assert list(holds_of(own).by_name) == list(holds_of(task).by_name)
