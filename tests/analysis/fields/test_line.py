"""Phase lines: velocities in closed form, points where they vanish."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk


def test_a_pitchfork_has_one_point_before_and_three_after_it():
    before, after = (dk.map_phase_line(dk.catalog.tanh_unit(w)) for w in (0.8, 2.0))
    assert_allclose(before.points.states, [[0.0]], atol=1e-12)
    root = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 1.5)
    assert_allclose(np.sort(after.of(0).states[:, 0]), [-root, 0, root], atol=1e-12)
    assert_allclose(after.velocities[0], np.tanh(2 * after.places) - after.places, atol=1e-12)
    assert_allclose(after.images[0], np.tanh(2 * after.places), atol=1e-12)
    assert_allclose(after.places[[0, -1]], [-2 * root, 2 * root], atol=1e-9)


def test_each_drive_has_its_own_points_and_name():
    unit = dk.catalog.tanh_unit(2.0)
    line = dk.map_phase_line(unit, {"rest": [0.0], "up": [1.0], "again": [0.0]}, span=[-2, 2], n_places=9)
    assert [len(line.of(k)) for k in range(3)] == [3, 1, 3]
    assert_allclose(line.velocities[1], np.tanh(2 * line.places + 1) - line.places, atol=1e-12)
    assert repr(line) == "PhaseLine(3 drives of a map: 3 points at rest, 1 point at up, 3 points at again)"
    assert dk.map_phase_line(unit, [[0.5], [-1.0]], n_places=2).names.tolist() == ["0.5", "-1"]


def test_of_a_flow_it_is_the_rate_and_there_is_no_image():
    line = dk.map_phase_line(dk.Flow(lambda x: x - x**3, 1, dt=0.1), span=[-1.5, 1.5], n_places=7)
    assert_allclose(line.velocities[0], line.places - line.places**3, atol=1e-12)
    assert_allclose(np.sort(line.points.states[:, 0]), [-1, 0, 1], atol=1e-9)
    with pytest.raises(dk.InputError, match="a flow has no images"):
        line.images  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"span": [1.0, -1.0]}, "span must be the lowest and the highest state, got 1 and -1"),
        ({"n_places": 1}, "n_places must be at least 2, got 1"),
        ({"drives": {}}, "drives must hold at least one constant input"),
        ({"drives": {"up": [1.0, 2.0]}}, r"drives\['up'\] must"),
    ],
)
def test_bad_arguments_are_named(arguments, said):
    with pytest.raises(dk.InputError, match=said):
        dk.map_phase_line(dk.catalog.tanh_unit(2.0), **arguments)


def test_two_units_have_no_phase_line():
    with pytest.raises(dk.InputError, match="system must have one unit to have a phase line, got 2 units"):
        dk.map_phase_line(dk.catalog.tanh_network(np.eye(2)))
