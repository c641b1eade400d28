"""Few units and many hinges: all regions by their corners, and all fixed points in them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk


def network(n_units: int, n_hinges: int, seed: int):
    """x' = 0.9 x + V relu(W x + b), of the shape of a low-rank rate network."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(n_hinges, n_units)), 0.5 * rng.normal(size=n_hinges)
    V = 0.1 / n_hinges * (2.5 * W.T + rng.normal(size=(n_units, n_hinges)))
    return dk.catalog.piecewise_linear(0.9 * np.eye(n_units), W, V, b), W, V, b


@pytest.mark.parametrize("seed", range(4))
def test_one_unit_and_forty_hinges_against_a_walk_along_the_line(seed):
    system, W, V, b = network(1, 40, seed)
    ends = np.sort(-b / W[:, 0])
    ends = np.concatenate([[ends[0] - 1e3], ends, [ends[-1] + 1e3]])

    def off(x):
        return -0.1 * x + V[0] @ np.maximum(np.outer(W[:, 0], x) + b[:, None], 0)

    low, high = off(ends[:-1]), off(ends[1:])
    at = np.flatnonzero(low * high < 0)  # the displacement is straight from one hinge to the next
    expected = ends[at] - low[at] * (ends[at + 1] - ends[at]) / (high[at] - low[at])
    exact = dk.enumerate_fixed_points(system, time_limit=10)
    assert exact.completeness == "proved"
    assert_allclose(np.sort(exact.states[:, 0]), expected, rtol=1e-9)


@pytest.mark.parametrize(("n_units", "n_hinges", "seed"), [(2, 60, 0), (2, 60, 1), (3, 20, 2)])
def test_what_is_proved_holds_all_that_is_found(n_units, n_hinges, seed):
    system = network(n_units, n_hinges, seed)[0]
    exact = dk.enumerate_fixed_points(system, time_limit=10)
    assert exact.completeness == "proved"
    assert_allclose(system.step(exact.states), exact.states, atol=1e-9)
    found = dk.find_fixed_points(system, seed=1)
    assert len(found) <= len(exact)
    for state in found.states:
        assert np.abs(exact.states - state).max(1).min() < 1e-8


def test_hinges_that_meet_in_more_than_one_place_are_left_to_the_search():
    """Two hinges through one corner of two others: its signs are within rounding, and nothing is claimed of it."""
    from dynakit.analysis.piecewise_linear.arrangement import candidates

    W = np.vstack([np.eye(2), [[1.0, 1.0], [1.0, -1.0]], np.random.default_rng(0).normal(size=(8, 2))])
    b = np.concatenate([np.zeros(4), np.ones(8)])
    assert candidates(dk.catalog.piecewise_linear(0.5 * np.eye(2), W, 0.1 * W.T, b).pieces()) is None


@pytest.mark.parametrize(
    ("w", "b", "expected"),
    [
        (1.0, 0.5, []),  # x' = x + 1/2 never rests
        (1 - 2.0**-53, 0.5, [2.0**52]),
        (1 + 2.0**-52, 0.5, []),  # it would rest at -2^51, where the unit is silent
        (1 + 2.0**-52, -0.5, [0.0, 2.0**51]),
        (1.0, -0.5, [0.0]),
    ],
)
def test_next_to_a_line_of_fixed_points_none_is_listed_that_moves_and_none_twice(w, b, expected):
    exact = dk.enumerate_fixed_points(dk.catalog.piecewise_linear([[0.0]], [[w]], [[1.0]], [b]))
    assert_allclose(np.sort(exact.states[:, 0]), expected, rtol=1e-12)
    assert exact.completeness == "incomplete"
