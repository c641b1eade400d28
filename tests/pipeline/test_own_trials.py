"""Reports on trials of one's own, of networks built by hand whose memories are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk

ROWS = np.arange(24)
SIDE = ROWS % 2


def network(step, n, m, readout):
    return dk.FunctionSystem(step, n, m, argument_order="state, input", readout=readout)


def say(system, task, *more):
    report = dk.analyze(system, task, include=["memory", "attractors", *more])
    return report, report.summary()


# --- a counter modulo 3 -------------------------------------------------------------------------------------


def counter(keeps, favours=0.0):
    """Three units of which one is on, moved on by token 1.

    softmax(b x) has three stable states, one for each unit, for b > 3, and one where all are alike for b < 2.74.
    """
    favoured = torch.tensor([favours, 0.0, 0.0], dtype=torch.float64)
    first = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)

    def step(x, u):
        x = x + first
        moved = x * u[:, :1] + x.roll(1, -1) * u[:, 1:]
        return torch.softmax(keeps * moved + favoured, -1) - first

    return network(step, 3, 2, lambda x: x + first)


def counting():
    ones = np.random.default_rng(1).random((60, 30)) < 0.5
    inputs = np.stack([~ones, ones], -1).astype(float)
    machine = {(str(m), "token 1"): str((m + 1) % 3) for m in range(3)}
    return dk.tasks.from_arrays(inputs, ones.cumsum(1) % 3, machine=machine)


def test_a_counter_of_tokens_has_three_memories_and_switches_as_its_machine():
    report, said = say(counter(8.0), counting(), "transitions")
    assert report.score == 1
    assert "Rest is input [1, 0] (token 0, under which the answer that is asked for stays)" in said
    assert "YES. 60 states" in said
    assert sorted(report.attractors.memories) == ["0", "1", "2"]
    assert "3 of 3 responses are those of the task's own automaton" in said
    assert report.transitions.n_switches == 3


def test_a_counter_that_forgets_is_told_for_how_long_the_trials_ask():
    report, said = say(counter(2.7, 0.1), counting())
    assert len(report.attractors) == 1
    longest = report.holds.by_name["rest"].longest
    runs = ["".join(map(str, row)).split("0") for row in counting().trials.inputs[:, :, 0].int().tolist()]
    assert longest == max(len(run) for row in runs for run in row)
    assert "NO. 60 states" in said
    assert f"The trials show this input for {longest} steps at most" in said
    assert "the memory is a transient, not an attractor" in said


# --- a choice that waits ------------------------------------------------------------------------------------


def chooser(waiting, answering, bias=0.0):
    """A choice c, kept with one gain under fixation and with another afterwards, and whether there was fixation."""

    def step(x, u):
        gain = waiting * u[:, :1] + answering * (1 - u[:, :1])
        choice = torch.tanh(gain * x[:, :1] + 3 * (u[:, 1:2] - u[:, 2:]) + bias * (1 - u[:, :1]))
        return torch.cat([choice, u[:, :1]], dim=1)

    def readout(x):
        go, choice = 1 - x[:, 1:], x[:, :1]
        return torch.cat([1 - 2 * go, go * choice, -go * choice], dim=1)

    return network(step, 2, 3, readout)


def fixation():
    inputs, classes = np.zeros((24, 24, 3)), np.zeros((24, 24), int)
    inputs[:, :18, 0] = 1
    inputs[ROWS, 3:6, 1 + SIDE] = 1
    classes[:, 18:] = 1 + SIDE[:, None]
    return dk.tasks.from_arrays(inputs, classes)


@pytest.fixture(scope="module")
def gone_afterwards():
    """Gain 2 keeps two states; gain 0.9 and a bias of 0.02 lead both to the same, after the response is over."""
    return say(chooser(2.0, 0.9, 0.02), fixation())


def test_a_choice_held_until_it_is_asked_for_is_held_though_it_is_gone_afterwards(gone_afterwards):
    report, said = gone_afterwards
    assert report.score == 1
    assert "YES. 24 states before the answer is asked for" in said
    assert "At rest, input [1, 0, 0], read after the 6 steps that follow in the trials:" in said
    assert "Once asked for, under “response”, zero input, 50 % of the answers stay for 3000 steps" in said
    assert "NO." not in said
    assert sorted(report.attractors.memories) == ["1", "2"]
    assert len(report.attractors_under["response"]) == 1


def test_a_choice_that_fades_while_it_waits_is_a_transient():
    """Under fixation c' = tanh(0.97 c), which leaves c of 0.99 above 0.3 for the 12 steps of the trials."""
    report, said = say(chooser(0.97, 2.0), fixation())
    assert report.score == 1
    assert report.memory.kept_at_end == 1  # sign(c) is amplified however small it is
    assert "NOT SHOWN" in said
    assert len(report.attractors) == 1


def test_an_answer_that_never_waits_is_only_held_while_it_is_given():
    task = fixation()
    inputs = task.trials.inputs.numpy().copy()
    inputs[ROWS, 3:18, 1 + SIDE] = 1
    _, said = say(chooser(2.0, 2.0), dk.tasks.from_arrays(inputs, task.trials.targets))
    assert "YES. 24 states from the ends of trials" in said
    assert "All of this is under “response”, zero input." in said
    assert "At rest nothing waits, as what follows before the answer differs from trial to trial." in said


def test_where_nothing_has_to_be_kept_that_is_said():
    """The answer is asked for while its stimulus is on."""
    inputs = np.zeros((24, 10, 2))
    inputs[ROWS, 4:, SIDE] = 1
    classes = np.zeros((24, 10), int)
    classes[:, 4:] = 1 + SIDE[:, None]
    mirror = network(lambda x, u: torch.cat([0.5 - u.sum(1, keepdim=True), u], 1), 3, 2, lambda x: x)
    report, said = say(mirror, dk.tasks.from_arrays(inputs, classes))
    assert report.score == 1
    assert "NOTHING TO TEST. At rest nothing waits" in said
    assert "kept" not in repr(report)
    assert len(report.attractors) == 1


# --- contexts, noise, other rests, late targets -------------------------------------------------------------


def contextual(gains):
    def step(x, u):
        gain = (u[:, 1:] * torch.tensor(gains, dtype=x.dtype)).sum(1, keepdim=True)
        return torch.tanh(gain * x + u[:, :1])

    return network(step, 1, 3, lambda x: x)


def test_every_context_has_its_verdict():
    inputs = np.random.default_rng(2).normal(size=(24, 20, 3)) * [0.15, 0, 0]
    inputs[:, :, 0] += np.where(ROWS % 4 < 2, 0.5, -0.5)[:, None]
    inputs[ROWS, :, 1 + SIDE] = 1
    targets = np.where(ROWS % 4 < 2, 1.0, -1.0)[:, None, None] * np.ones((1, 20, 1))
    mask = np.tile(np.arange(20) > 14, (24, 1))
    drives = {"hold": [0, 1, 0], "forget": [0, 0, 1], "never": [0, 0, 0]}
    task = dk.tasks.from_arrays(inputs, targets, mask, drives=drives)
    report, said = say(contextual([2.0, 0.5]), task)
    assert report.score == 1
    where = said.index("Under “forget”, input [0, 0, 1]:")
    assert said.index("Under “hold”, input [0, 1, 0]:") < said.index("YES. 12 states") < where
    assert where < said.index("NO. 12 states")
    assert "That is long enough for these trials, which show this input for 20 steps at most." in said
    assert "Under “never” nothing is asked, as the trials never show that input." in said
    assert len(report.attractors) == 2
    assert len(report.attractors_under["forget"]) == 1
    assert sorted(report.memories) == ["forget", "hold"]


def test_trials_may_rest_at_a_level():
    rng = np.random.default_rng(0)
    pulses = (rng.random((24, 40, 1)) < 0.1) * rng.choice([-1.0, 1.0], (24, 40, 1))
    pulses[:, 0] = rng.choice([-1.0, 1.0], (24, 1))
    last = np.maximum.accumulate(np.where(pulses != 0, np.arange(40)[:, None], 0), axis=1)
    inputs = np.concatenate([pulses + 0.5, np.full(pulses.shape, -0.2)], axis=2)
    level = network(lambda x, u: torch.tanh(2 * x + 3 * (u[:, :1] - 0.5)), 1, 2, lambda x: x)
    kicks = {"up": [[1.5, -0.2]], "down": [[-0.5, -0.2]]}
    task = dk.tasks.from_arrays(inputs, np.take_along_axis(pulses, last, axis=1), pulses=kicks)
    report, said = say(level, task, "transitions")
    assert "Rest is input [0.5, -0.2] (the commonest input" in said
    assert "YES. 24 states" in said
    assert report.transitions.n_switches == 2


def test_answers_that_come_late_are_not_lost_for_that():
    """The readout follows three steps behind the memory, as the targets do."""
    rng = np.random.default_rng(0)
    pulses = (rng.random((60, 40, 1)) < 0.15) * rng.choice([-1.0, 1.0], (60, 40, 1))
    pulses[:, 0] = 1
    last = np.maximum.accumulate(np.where(pulses != 0, np.arange(40)[:, None], 0), axis=1)
    state = np.take_along_axis(pulses, last, axis=1)
    targets = np.concatenate([state[:, :1].repeat(3, axis=1), state[:, :-3]], axis=1)
    mask = np.tile(np.arange(40) >= 3, (60, 1))
    step = lambda x, u: torch.cat([torch.tanh(2 * x[:, :1] + 4 * u), x[:, :3]], 1)  # noqa: E731
    report, said = say(network(step, 4, 1, lambda x: x[:, 3:]), dk.tasks.from_arrays(pulses, targets, mask))
    assert report.score == 1
    assert "YES." in said


def test_a_decision_at_chance_looks_like_it():
    """Fixates when it must, then always says 1."""
    inputs = fixation().trials.inputs.numpy()
    always = network(lambda x, u: u[:, :1], 1, 3, lambda x: torch.cat([2 * x - 1, 0 * x, 0 * x - 0.5], 1))
    report, said = say(always, dk.tasks.from_arrays(inputs, fixation().trials.targets))
    assert report.score == pytest.approx(2 / 3)
    assert "at chance; the answers do not tell 1 from 2" in said
    assert "NOTHING TO TEST. The readout says the same" in said


def test_a_value_that_waits_is_read_after_the_go_signal():
    """v' = 0.999 v + u under fixation, read once fixation is over: 0.999^t keeps v within 0.2 for ln(1 - 0.2 / v)."""
    values = np.linspace(-1, 1, 24)
    inputs, targets = np.zeros((24, 20, 2)), np.zeros((24, 20, 1))
    inputs[:, :15, 0], inputs[:, 1, 1] = 1, values
    targets[:, 15:, 0] = values[:, None]

    def step(x, u):
        return torch.cat([(0.999 * u[:, :1] + 1 - u[:, :1]) * x[:, :1] + u[:, 1:], u[:, :1]], dim=1)

    hold = network(step, 2, 2, lambda x: x[:, :1] * (1 - x[:, 1:]))
    report = dk.analyze(hold, dk.tasks.from_arrays(inputs, targets), include=["graded"])
    said, found = report.summary(), report.graded
    assert report.score > 0.999
    assert "all of this is at rest, input [1, 0], read after the 5 steps that follow in the trials" in said
    times, asked = report.memory.times, np.abs(values)[:, None]
    within = asked - asked * 0.999 ** (13 + times) <= 0.2
    np.testing.assert_array_equal(found.hold_steps, [times[row].max() for row in within])
    np.testing.assert_allclose(
        np.abs(found.manifold.drift), 0.001 * np.abs(found.manifold.states[:, 0]), atol=1e-9
    )
    np.testing.assert_allclose(found.coverage, 1, atol=0.03)


def test_a_report_on_ones_own_trials_comes_back(gone_afterwards, tmp_path):
    report, said = gone_afterwards
    report.save(tmp_path)
    back = dk.load(tmp_path)
    assert back.summary().replace(back.skipped.get("model", ""), "") in said + back.summary()
    assert back.holds == report.holds
    assert back.memories == report.memories
    assert back.attractors_under == report.attractors_under


# --- what does not fit, and what lies far out ---------------------------------------------------------------


def test_a_network_without_the_readout_of_the_task_is_said_to_be_one():
    inputs = np.zeros((24, 10, 3))
    task = dk.tasks.from_arrays(inputs, np.broadcast_to(SIDE[:, None], (24, 10)))
    layer, readout = torch.nn.GRU(3, 5, batch_first=True), torch.nn.Linear(5, 2)
    said = dk.analyze(layer, task, include=["trajectories"]).summary()
    assert "\nNo score: the network gives 5 outputs, the task has 2; memories are told apart by the signs" in said
    assert "No score" not in dk.analyze((layer, readout), task, include=["trajectories"]).summary()
    assert "No score" not in dk.analyze(layer, dk.tasks.from_arrays(inputs), include=["trajectories"]).summary()


@pytest.mark.parametrize(("shuts", "far"), [(1.0, True), (0.0, False)])
def test_points_where_no_trial_comes_near_are_told_apart(shuts, far):
    def step(x, u):  # two stable points near -1 and 1; beyond 7 the gate is shut to rounding, and all stands still
        return x + torch.sigmoid(10 - shuts * x**2) * (1.1 * torch.tanh(2 * x + u) - 1.1 * x)

    inputs = np.zeros((24, 10, 1))
    inputs[:, 0, 0] = 2.0 * SIDE - 1
    task = dk.tasks.from_arrays(inputs, np.broadcast_to((2.0 * SIDE - 1)[:, None, None], (24, 10, 1)))
    report, said = say(network(step, 1, 1, lambda x: x), task)
    assert "YES. 24 states" in said
    assert len(report.fixed_points["rest"].stable) == 2
    assert ("lie where no trial comes near: at least" in said) == far
    beyond = np.abs(report.fixed_points["rest"].states) > 6
    assert beyond.any() == far
    assert not far or f"{beyond.sum()} of these {len(beyond)} points lie where" in said
