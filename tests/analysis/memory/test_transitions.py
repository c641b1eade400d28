"""Automata and thresholds that can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
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


def test_a_pulse_is_what_is_heard_instead_of_rest():
    """Under rest 0.1 a factor a of a pulse of 3 gives 0.1 + 2.9 a, which must take the lower point to the saddle."""
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system, None, [0.1])
    low, middle, high = np.sort(points.states[:, 0])
    pulses = {"up": [[3.0]], "rest": [[0.1]], "just": [[np.arctanh(middle) - 2 * low + 1e-3]]}
    graph = dk.map_transitions(system, points, pulses, rest=[0.1], amplitudes=(0.0, 1.0))
    lower, upper = (int(np.abs(graph.states[:, 0] - x).argmin()) for x in (low, high))
    assert graph.targets[lower].tolist() == [upper, lower, upper]
    assert graph.targets[upper].tolist() == [upper] * 3
    assert_allclose(
        graph.critical_amplitudes[lower, 0], (np.arctanh(middle) - 2 * low - 0.1) / 2.9, atol=1e-6
    )


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
        ({"attractors": np.zeros((1, 2))}, "attractors"),
        ({"attractors": None}, "attractors"),
    ],
)
def test_bad_arguments_are_named(three_bits, change, word):
    system, stable, pulses = three_bits
    arguments = {"attractors": stable, "pulses": pulses, "rest": np.zeros(3)} | change
    with pytest.raises(InputError, match=word):
        dk.map_transitions(system, arguments.pop("attractors"), arguments.pop("pulses"), **arguments)


def test_a_saddle_is_no_attractor_of_the_automaton():
    unit = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(unit)
    graph = dk.map_transitions(unit, points, {"up": [[3.0]]})
    assert graph.targets.tolist() == [[1], [1]]
    assert points.states[graph.given].tolist() == graph.states.tolist()
    assert graph.n_left_out == 1
    assert "1 given that do not attract left out" in repr(graph)
    with pytest.raises(InputError, match="state 0 is unstable"):
        dk.map_transitions(unit, [[0.0]], {"up": [[3.0]]})


@pytest.fixture(scope="module")
def two_circles():
    """Attracting circles r = 1 and r = 3 of a map; an input moves the state by so much, or stretches it."""
    flow = dk.catalog.two_cycles()
    system = dk.FunctionSystem(
        lambda x, u: flow.step(x * (1 + u[:, :1]) + torch.cat([u[:, 1:], 0 * u[:, 1:]], 1)),
        2, 2, argument_order="state, input",
    )  # fmt: skip
    return system, dk.find_limit_cycles(system, [[1.1, 0.0], [2.9, 0.0]], settings=dk.CycleSettings(300, 1024))


def test_pulses_lead_from_cycle_to_cycle_across_the_circle_between_them(two_circles):
    system, cycles = two_circles
    pulses = {"stretch": [[1.5, 0.0]], "shrink": [[-0.5, 0.0]], "small": [[0.2, 0.0]]}
    graph = dk.map_transitions(system, cycles, pulses, amplitudes=(0.0, 1.0))
    radii = np.linalg.norm(graph.states, axis=1)
    inner, outer = int(radii.argmin()), int(radii.argmax())
    assert_allclose(np.sort(radii), [1, 3], atol=1e-4)  # the circle of the method's step
    assert graph.kinds.tolist() == ["invariant circle"] * 2
    assert graph.n_phases == 8
    assert graph.targets[inner].tolist() == [outer, inner, inner]
    assert graph.targets[outer].tolist() == [-1, inner, outer]  # at r = 7.5 the step of the method explodes
    assert graph.reasons[outer].tolist() == ["unbounded", "", ""]
    # the boundary r = 2 is where 1 + 1.5 a = 2, and 3 (1 - 0.5 a) = 2
    assert_allclose(graph.critical_amplitudes[inner, 0], 2 / 3, atol=1e-4)
    assert_allclose(graph.critical_amplitudes[outer, 1], 2 / 3, atol=1e-4)


def test_a_pulse_whose_effect_depends_on_the_phase_has_no_one_target(two_circles):
    system, cycles = two_circles
    graph = dk.map_transitions(system, cycles, {"push": [[0.0, 2.2]], "shove": [[0.0, 3.5]]})
    inner = int(np.linalg.norm(graph.states, axis=1).argmin())
    assert graph.targets[inner].tolist() == [
        -1,
        1 - inner,
    ]  # |e^(i theta) + 2.2| > 2 for some theta, + 3.5 for all
    assert graph.reasons[inner].tolist() == ["target differs by phase", ""]
    theta = np.arctan2(*graph.states[inner][::-1]) + 2 * np.pi * np.arange(8) / 8  # phases are even in time
    sense = np.sign(cycles.rotation_numbers[inner])
    theta = theta[0] + sense * (theta - theta[0])
    expected = {int(outside) for outside in np.abs(np.exp(1j * theta) + 2.2) > 2}
    assert expected == {0, 1}
    share = (graph.phase_targets[inner, 0] != inner).mean()
    assert share == pytest.approx((np.abs(np.exp(1j * theta) + 2.2) > 2).mean())
    assert "depend on the phase" in repr(graph)


def test_a_chaotic_attractor_is_gone_to_where_a_trajectory_stays():
    """The logistic map at 3.9, and a fixed point at 5: a jump leads there and back."""
    system = dk.FunctionSystem(
        lambda x, u: torch.where(
            x + u > 2.5, 5 + 0.5 * (x + u - 5), 3.9 * (x + u) * (1 - (x + u).clamp(0, 1))
        ),
        1,
        1,
        argument_order="state, input",
    )
    cloud = dk.find_limit_cycles(system, [[0.3]])
    assert cloud.kinds.tolist() == ["chaotic"]
    graph = dk.map_transitions(system, [cloud, [[5.0]]], {"up": [[4.5]], "down": [[-4.7]], "none": [[0.0]]})
    assert graph.kinds.tolist() == ["chaotic", "fixed point"]
    assert graph.targets[:, 0].tolist() == [1, 1]
    assert graph.targets[1].tolist() == [1, 0, 1]
    assert graph.targets[0, 2] == 0


def test_pulses_after_which_states_grow_without_bound_are_told_from_those_that_end_elsewhere():
    """Beyond 1 the state grows by its double, beyond -1 by a tenth at each step; between 4 and 6 it comes to rest."""

    def step(x, u):
        x = x + u
        outside = torch.where(x > 0, 3 * x, x - 0.1)
        there = torch.where((x - 5).abs() < 1, 5 + (x - 5) / 2, outside)
        return torch.where(x.abs() < 1, x / 2, there)

    system = dk.FunctionSystem(step, 1, 1, argument_order="state, input", regularity="discontinuous")
    pulses = {"small": [[0.5]], "up": [[2.0]], "down": [[-2.0]], "other": [[4.5]], "overflow": [[1e300]]}
    graph = dk.map_transitions(system, [[0.0]], pulses, n_settle=50)
    assert graph.targets.tolist() == [[0, -1, -1, -1, -1]]
    assert graph.phase_targets.min() == -1
    elsewhere, away = "near none of the attractors", "unbounded"
    assert graph.reasons.tolist() == [["", away, away, elsewhere, away]]
    assert "1 ends near no known attractor, 3 grow without bound" in graph.headline()
    assert graph.sentences()[-2:] == [
        "1 responses end near no known attractor",
        "3 responses grow without bound",
    ]


def test_states_drawn_in_slowly_have_switched():
    """x' = x + h x (1 - x^2), h = 0.002: x is drawn to 1 where twice its change of slope, h (2 - x (1 + x)), leaves it
    below one, that is for x (1 + x) > 1; of the flow, x / (1 - x^2)^1/2 grows as exp(h t)."""
    h, n_settle = 0.002, 400
    slow = dk.FunctionSystem(lambda x, u: x + h * x * (1 - x**2) + u, 1, 1, argument_order="state, input")
    graph = dk.map_transitions(
        slow, np.array([[-1.0], [1.0]]), {"up": [[1.6]]}, n_settle=n_settle, amplitudes=(0.0, 1.0)
    )
    assert graph.targets.tolist() == [[1], [1]]
    assert graph.distances[0, 0] > 0.05
    golden = (5**0.5 - 1) / 2
    grown = golden / (1 - golden**2) ** 0.5 * np.exp(-h * n_settle)
    first = grown / (1 + grown**2) ** 0.5
    assert_allclose(graph.critical_amplitudes[0, 0], (1 + first) / 1.6, atol=1e-3)
