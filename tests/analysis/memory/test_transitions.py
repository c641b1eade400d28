"""Automata and thresholds that can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.errors import InputError


@pytest.fixture(scope="module")
def three_bits():
    system = dk.catalog.tanh_network(2 * np.eye(3), W_in=np.eye(3))
    stable = dk.find_fixed_points(system).stable
    pulses = {
        f"{k}{s:+d}": s * np.tile(np.eye(3)[k] * 3, (2, 1)) for k, s in itertools.product(range(3), (1, -1))
    }
    return system, stable, pulses


def test_independent_bits_are_the_flip_flop_machine(three_bits):
    system, stable, pulses = three_bits
    graph = dk.map_transitions(system, stable, pulses, rest=np.zeros(3))
    signs = np.sign(stable.states)
    for i, j in itertools.product(range(8), range(6)):
        bit, sign = j // 2, (1, -1)[j % 2]
        expected = signs[i].copy()
        expected[bit] = sign
        assert (signs[graph.targets[i, j]] == expected).all()
    assert graph.n_switches == 24
    assert graph.graph().number_of_edges() == 48


def test_critical_amplitude_of_one_step_is_the_distance_to_the_saddle():
    system = dk.catalog.tanh_unit(2.0)
    stable = dk.find_fixed_points(system).stable
    root = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 2)
    full = 3.0  # tanh(-2 root + a * 3) = 0, the saddle, at a = 2 root / 3
    graph = dk.map_transitions(system, stable, {"up": [[full]]}, rest=[0.0], amplitudes=(0.0, 1.0))
    switching = int(np.argmin(stable.states[:, 0]))
    assert_allclose(graph.critical_amplitudes[switching, 0], 2 * root / full, atol=1e-6)
    assert np.isnan(graph.critical_amplitudes[1 - switching, 0])


def test_an_end_near_no_known_attractor_is_minus_one():
    system = dk.catalog.tanh_unit(2.0)
    lower = dk.find_fixed_points(system).stable
    lower = lower[lower.states[:, 0] < 0]
    graph = dk.map_transitions(system, lower, {"up": [[3.0]], "none": [[0.0]]}, rest=[0.0])
    assert graph.targets.tolist() == [[-1, 0]]


def test_no_attractor_gives_an_empty_automaton(three_bits):
    system, _, pulses = three_bits
    graph = dk.map_transitions(system, np.zeros((0, 3)), pulses, rest=np.zeros(3))
    assert graph.targets.shape == (0, 6)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"pulses": {}}, "pulses"),
        ({"pulses": {"up": np.ones((2, 4))}}, "up"),
        ({"pulses": {"up": np.full((2, 3), np.nan)}}, "up"),
        ({"rest": np.zeros(2)}, "rest"),
        ({"n_settle": 0}, "n_settle"),
        ({"amplitudes": (1.0, 0.5)}, "amplitudes"),
        ({"amplitudes": (-1.0, 0.5)}, "amplitudes"),
        ({"attractors": np.zeros(3)}, "attractors"),
    ],
)
def test_bad_arguments_are_named(three_bits, change, word):
    system, stable, pulses = three_bits
    arguments = {"attractors": stable, "pulses": pulses, "rest": np.zeros(3)} | change
    with pytest.raises(InputError, match=word):
        dk.map_transitions(system, arguments.pop("attractors"), arguments.pop("pulses"), **arguments)


def test_a_decaying_memory_is_lost_when_it_must_be():
    system = dk.catalog.linear([[0.99]])
    decode = lambda y: np.where(y[..., 0] > 0.5, "high", "low")  # noqa: E731
    check = dk.check_memory(system, [[1.0], [0.4]], None, decode, n_steps=1000)
    exact = np.log(0.5) / np.log(0.99)  # 68.97 steps
    earlier = check.times[check.times < exact].max()
    assert check.hold_times[0] == check.times[np.searchsorted(check.times, exact)]
    assert earlier < exact < check.hold_times[0]
    assert check.hold_times[1] == 1000
    assert check.kept_at_end == 0.5
    assert check.hold_time == check.hold_times[0]
    assert check.end_labels.tolist() == ["low", "low"]


def test_a_state_counts_for_the_attractor_it_is_near_and_for_none_otherwise():
    from dynakit.analysis import list_attractors

    system = dk.catalog.tanh_unit(2.0)
    decode = lambda y: np.where(y[..., 0] > 0, "+", "-")  # noqa: E731
    check = dk.check_memory(system, [[0.9], [-0.9], [-0.9], [0.0]], [0.0], decode, n_steps=3)
    assert 1e-6 < abs(check.end_states[0, 0] - 0.9575) < 0.1
    table = list_attractors(system, dk.find_fixed_points(system), decode, check)
    assert dict(zip(table.memories.tolist(), table.basin_shares.tolist())) == {"+": 0.25, "-": 0.5}
    assert table.unresolved == 0.25


def test_bistable_memory_is_kept_to_the_end():
    system = dk.catalog.tanh_unit(2.0)
    check = dk.check_memory(system, [[0.1], [-0.1]], [0.0], lambda y: np.where(y[..., 0] > 0, "+", "-"))
    assert check.kept_at_end == 1
    assert check.times[-1] == 3000
    points = dk.find_fixed_points(system)
    from dynakit.analysis import list_attractors

    table = list_attractors(system, points, lambda y: np.where(y[..., 0] > 0, "+", "-"), check)
    assert sorted(table.memories.tolist()) == ["+", "-"]
    assert_allclose(table.basin_shares, 0.5)
    assert table.unresolved == 0
    assert_allclose(table.exponents, np.log(2 * (1 - table.states[:, 0] ** 2)), atol=1e-12)
