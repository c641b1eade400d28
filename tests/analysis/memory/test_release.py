"""Released states whose fate is known: how long each says the same, and what is said of all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit import chunks
from dynakit.errors import InputError


def sign(y):
    return np.select([y[..., 0] > 1e-9, y[..., 0] < -1e-9], ["+", "-"], "0")


def one(f, n_inputs=0, **kwargs):
    return dk.FunctionSystem(f, 1, n_inputs, argument_order="state, input" if n_inputs else None, **kwargs)


@pytest.fixture
def bistable():
    """x' = 2 x + u, held between -1 and 1: linear up to its two memories, with a boundary at 0."""
    return one(lambda x, u: torch.clamp(2 * x + u, -1, 1), 1)


def test_the_readout_is_read_from_release_on():
    """x' = 0.9 x: after t steps it reads 0.9^t of what it was, and the first reading is that of the release."""
    states = np.array([[1.0], [-2.0]])
    check = dk.check_memory(one(lambda x: 0.9 * x), states, None, sign, n_steps=80)
    assert (check.times[0], check.times[1], check.times[-1]) == (0, 1, 80)
    assert (np.diff(check.times) > 0).all()
    assert_allclose(check.outputs[:, :, 0], 0.9 ** check.times[:, None] * states[:, 0], rtol=1e-12)
    assert_allclose(check.end_states, 0.9**80 * states, rtol=1e-12)
    assert_allclose(check.end_speeds, 0.5 * (0.1 * check.end_states[:, 0]) ** 2, rtol=1e-9)


def test_a_linear_bistable_unit_keeps_what_it_was_released_with(bistable):
    check = dk.check_memory(bistable, [[0.01], [-0.3], [1.0], [0.0]], [0.0], sign)
    assert check.labels.tolist() == check.end_labels.tolist() == ["+", "-", "+", "0"]
    assert check.end_states[:, 0].tolist() == [1.0, -1.0, 1.0, 0.0]
    assert_array_equal(check.hold_times, 3000)
    assert_array_equal(check.end_speeds, 0)
    assert_array_equal(check.kept, 1)
    assert (check.kept_at_end, check.hold_time) == (1.0, 3000)


def test_release_is_under_the_resting_input(bistable):
    """With u = -1.5 one step makes -0.7 of 0.4; 1 goes to 0.5, then to -0.5; -1 stays: 0, 1 and all steps right."""
    check = dk.check_memory(bistable, [[0.4], [1.0], [-1.0]], [-1.5], sign, n_steps=40)
    assert check.hold_times.tolist() == [0, 1, 40]
    assert check.end_labels.tolist() == ["-"] * 3
    assert_allclose(check.kept[:4], [1, 2 / 3, 1 / 3, 1 / 3])
    assert check.kept_at_end == pytest.approx(1 / 3)


def test_a_decaying_memory_is_lost_when_it_must_be():
    system = dk.catalog.linear([[0.99]])
    decode = lambda y: np.where(y[..., 0] > 0.5, "high", "low")  # noqa: E731
    check = dk.check_memory(system, [[1.0], [0.4]], None, decode, n_steps=1000)
    assert check.hold_times.tolist() == [68, 1000]  # ln 0.5 / ln 0.99 = 68.97
    assert check.kept_at_end == 0.5
    assert check.hold_time == check.hold_times[0]
    assert check.end_labels.tolist() == ["low", "low"]


def test_bistable_memory_is_kept_to_the_end():
    check = dk.check_memory(dk.catalog.tanh_unit(2.0), [[0.1], [-0.1]], [0.0], sign)
    assert check.kept_at_end == 1
    assert check.times[-1] == 3000


def test_what_comes_back_was_lost_all_the_same():
    """x' = -x says the same again at every even step, but what was held was lost at the first."""
    check = dk.check_memory(one(lambda x: -x), [[0.5]], None, sign, n_steps=10)
    assert (check.hold_times.tolist(), check.lapses.tolist()) == ([0], [5])
    assert_array_equal(check.kept, check.times % 2 == 0)


def test_a_lapse_between_the_readings_that_are_kept_is_seen():
    """A clock whose readout is wrong from step 2001 to 2239, and read for the figure at 1997 and 2287."""
    wrong = lambda x: torch.where((x > 2000) & (x < 2240), -1.0, 1.0)  # noqa: E731
    clock = dk.FunctionSystem(lambda x, u: x + 1 + 0 * u, 1, 1, argument_order="state, input", readout=wrong)
    check = dk.check_memory(clock, [[0.0], [5000.0]], [0.0], sign)
    assert check.hold_times.tolist() == [2000, 3000]
    assert check.lapses.tolist() == [239, 0]
    assert check.kept_at_end == 1
    assert "1 lapsed and came back" in check.headline()


def test_readings_are_the_same_in_pieces(monkeypatch):
    system = dk.catalog.linear([[0.99]])
    decode = lambda y: np.where(y[..., 0] > 0.5, "high", "low")  # noqa: E731
    whole = dk.check_memory(system, [[1.0], [0.4]], None, decode, n_steps=200)
    monkeypatch.setattr(chunks, "BYTES", 400)
    assert dk.check_memory(system, [[1.0], [0.4]], None, decode, n_steps=200) == whole


def test_the_weakest_memory_is_that_of_which_most_states_are_lost():
    check = dk.check_memory(one(lambda x: x - 0.1), [[0.25], [9.0], [-1.0]], None, sign, n_steps=20)
    assert check.weakest == ("+", 0.5)


def test_the_hold_time_is_that_of_the_most_fleeting_memory():
    """x' = x - 0.1: a positive state x is positive for 10 x steps; the median over all states would be 20."""
    check = dk.check_memory(one(lambda x: x - 0.1), [[0.25], [0.35], [0.55], [-1.0], [-2.0]], None, sign, n_steps=20)
    assert check.hold_times.tolist() == [2, 3, 5, 20, 20]
    assert check.hold_time == 3
    assert "hold time 3 steps" in check.headline()


def test_what_leaves_the_finite_numbers_remembers_nothing_and_its_neighbours_do_not_notice():
    cube = one(lambda x: 3 * x**3)  # +-0.577 stand still, beyond them states leave
    check = dk.check_memory(cube, [[2.0], [0.1], [-2.0]], None, lambda y: np.full(y.shape[:-1], "a"), n_steps=50)
    assert check.hold_times[1] == 50
    assert (check.hold_times[[0, 2]] < 50).all()
    alone = dk.check_memory(cube, [[0.1]], None, lambda y: np.full(y.shape[:-1], "a"), n_steps=50)
    assert_array_equal(check.outputs[:, 1], alone.outputs[:, 0])


def test_states_are_released_one_by_one():
    """Any order of the states, and each state alone, gives the same."""
    rng = np.random.default_rng(0)
    system = dk.catalog.tanh_network(1.5 * rng.normal(size=(4, 4)) / 2)
    states, order = rng.normal(size=(6, 4)), np.array([3, 0, 5, 1, 4, 2])
    whole, mixed = (dk.check_memory(system, x, None, sign, n_steps=60) for x in (states, states[order]))
    assert_array_equal(mixed.hold_times, whole.hold_times[order])
    assert_allclose(mixed.end_states, whole.end_states[order], rtol=1e-9, atol=1e-12)
    for k, state in enumerate(states):
        alone = dk.check_memory(system, state[None], None, sign, n_steps=60)
        assert alone.hold_times.tolist() == whole.hold_times[[k]].tolist()
        assert_allclose(alone.end_states, whole.end_states[[k]], rtol=1e-9, atol=1e-12)


def test_results_with_states_may_be_released(bistable, tmp_path):
    points = dk.find_fixed_points(bistable, np.linspace(-1, 1, 9)[:, None], [0.0])
    check = dk.check_memory(bistable, points, [0.0], sign, n_steps=5)
    assert_array_equal(check.labels, sign(points.states))
    assert check.kept_at_end == 1
    check.save(tmp_path)
    assert dk.load(tmp_path) == check


def test_no_states_give_no_answer(bistable):
    check = dk.check_memory(bistable, np.zeros((0, 1)), [0.0], sign, n_steps=5)
    assert len(check) == 0
    assert np.isnan(check.kept).all()
    assert check.hold_time == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"states": [0.1]}, "states must have shape"),
        ({"states": np.zeros((2, 3))}, "states must have shape"),
        ({"rest": [0.0, 0.0]}, "rest must have shape"),
        ({"n_steps": 0}, "n_steps must be"),
        ({"n_steps": 2.5}, "n_steps must be"),
        ({"decode": lambda y: y}, "decode must return one label per readout"),
    ],
)
def test_bad_arguments_are_named(bistable, change, message):
    given = {"states": [[0.1]], "rest": [0.0], "decode": sign} | change
    with pytest.raises(InputError, match=message):
        dk.check_memory(bistable, given.pop("states"), given.pop("rest"), given.pop("decode"), **given)


def test_a_state_that_grows_without_bound_remembers_nothing_though_its_sign_stays():
    """x' = 1.1 x is past 1e10 after 242 steps; x' = x + 1 goes on at an even pace, and is named as well."""
    grows = dk.check_memory(one(lambda x: 1.1 * x), [[1.0], [-1.0], [0.0]], None, sign)
    assert grows.unbounded.tolist() == [True, True, False]
    assert_allclose(grows.kept_at_end, 1 / 3)
    assert (np.abs(grows.hold_times[:2] - np.log(1e10) / np.log(1.1)) < 40).all()
    assert "2 grow without bound" in grows.headline()
    assert dk.check_memory(one(lambda x: x + 1), [[1.0]], None, sign, n_steps=200).unbounded.all()
    assert not dk.check_memory(one(lambda x: 0.9 * x), [[1.0]], None, sign, n_steps=200).unbounded.any()


def test_states_that_have_met_are_followed_as_one_and_read_one_by_one():
    """Under x' = 0.5 x the four states on each side of zero are one but for rounding after 47 steps: 1e-14 is 2^-46.5.

    The two sides never meet: a readout may hear the sign.
    """
    followed, calls = [], []

    def halve(x):
        followed.append(len(x))
        return 0.5 * x

    def large(y):
        calls.append(len(followed))
        return np.abs(y[..., 0]) > 0.1

    states = np.linspace(-1, 1, 8)[:, None]
    check = dk.check_memory(dk.FunctionSystem(halve, 1), states, None, large, n_steps=400)
    steps = followed[calls[0] : calls[0] + 400]
    assert (steps[40], steps[-1]) == (8, 2)
    assert sum(steps) < 8 * 60 + 2 * 400
    assert_array_equal(
        check.hold_times, np.where(check.labels, np.floor(np.log2(np.abs(states[:, 0]) / 0.1)), 400)
    )
    assert check.outputs.shape == (len(check.times), 8, 1)
