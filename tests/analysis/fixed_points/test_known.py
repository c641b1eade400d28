"""A start that belongs to a known root is not followed; one that does not is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.analysis.fixed_points.known import FROM
from dynakit.analysis.fixed_points.roots import Roots

N = FROM + 8
HIGH = brentq(lambda x: np.tanh(1.5 * x) - x, 0.1, 1)  # a unit of weight 1.5 rests at 0 and at +-HIGH


def bits(*rows):
    """States of N independent units, of which the first few are at these multiples of HIGH, the others at it."""
    states = np.full((len(rows), N), HIGH)
    for state, row in zip(states, rows):
        state[: len(row)] = HIGH * np.array(row, float)
    return torch.from_numpy(states)


def known_of(*rows):
    """The system, its zero input, and the set of roots that has only these."""
    system = dk.catalog.tanh_network(1.5 * np.eye(N))
    u = torch.zeros(0, dtype=torch.float64)
    roots = Roots(system, u)
    roots.include(bits(*rows), torch.zeros(len(rows), dtype=torch.float64))
    return system, u, roots.known(torch.float64)


def owner(known_rows, x):
    system, u, known = known_of(*known_rows)
    return known.owns(x, u.expand(len(x), -1), system.step(x, u) - x).tolist()


def test_a_start_from_which_the_root_s_own_jacobian_leads_to_it_belongs_to_it():
    rng = np.random.default_rng(0)
    v = np.ones(N) / np.sqrt(N)
    system = dk.catalog.tanh_network(2 * np.outer(v, v) + 0.5 * rng.standard_normal((N, N)) / np.sqrt(N))
    u = torch.zeros(0, dtype=torch.float64)
    x = system.settle(torch.ones(1, N, dtype=torch.float64), None, 1000)
    roots = Roots(system, u)
    roots.include(torch.cat([x, -x]), torch.zeros(2, dtype=torch.float64))
    away = torch.cat([x, -x]) + 0.2 * torch.from_numpy(rng.uniform(-1, 1, (2, N)))
    known = roots.known(torch.float64)
    assert known.holds(away).tolist() == [-1, -1]  # well outside of what is certified
    moved = system.step(away, u.expand(2, -1))
    assert known.owns(away, u.expand(2, -1), moved - away).tolist() == [0, 1]


def test_a_start_next_to_a_root_that_is_not_known_belongs_to_none():
    beside = bits([0.0], [0.02], [-1.0], [-0.9])
    assert owner(([1.0],), beside) == [-1] * 4


def test_where_two_points_are_close_each_start_goes_to_its_own_or_to_none():
    x = torch.linspace(-1.2, 1.2, 41, dtype=torch.float64)[:, None] * HIGH * torch.eye(1, N, dtype=torch.float64)
    x = x + bits([0.0])
    found = np.array(owner(([-1.0], [0.0], [1.0]), x))
    reached = np.sign(np.round(np.linspace(-1.2, 1.2, 41), 9)).astype(int) + 1  # of the middle: 0, the saddle
    assert (found[[0, 1, -1, -2]] == [0, 0, 2, 2]).all()
    assert found[20] == 1
    sure = found >= 0
    near_middle = np.abs(np.linspace(-1.2, 1.2, 41)) < 0.5
    assert (found[sure & ~near_middle] == reached[sure & ~near_middle]).all()
    assert (found[sure & near_middle] == 1).all()


def test_a_search_in_many_dimensions_finds_every_point_of_three_bits():
    W = np.diag(np.r_[1.5 * np.ones(3), 0.3 * np.ones(N - 3)])
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((N, N)))[0][:3]
    starts = 0.6 * np.random.default_rng(2).normal(size=(64, 3)) @ rotation
    points = dk.find_fixed_points(dk.catalog.tanh_network(W), starts)
    assert len(points) == 27
    assert points.completeness == "consistent"
    expected = np.array(np.meshgrid(*3 * [[-HIGH, 0, HIGH]])).reshape(3, -1).T
    assert_allclose(sorted(map(tuple, points.states[:, :3].round(9))), sorted(map(tuple, expected.round(9))), atol=2e-9)
