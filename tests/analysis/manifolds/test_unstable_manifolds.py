"""Where networks go that leave a saddle: manifolds that are known, and graphs that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.manifolds.local import local_manifold
from dynakit.errors import InputError


def bent(growth, power):
    """x' = growth x, y' = y / 2 + x^power: the unstable manifold of 0 is y = x^power / (growth^power - 1/2)."""
    return dk.FunctionSystem(
        lambda z: torch.stack([growth * z[:, 0], 0.5 * z[:, 1] + z[:, 0] ** power], 1), 2
    )


def origin(system):
    return dk.find_fixed_points(system, np.zeros((1, system.state_size)), max_starts=1)


def finite(states):
    return states[np.isfinite(states).all(axis=-1)]


@pytest.mark.parametrize("growth", [1.2, 2.0, -1.5, -3.0])
def test_a_grown_branch_lies_on_the_parabola_that_it_should(growth):
    system = bent(growth, 2)
    paths = dk.map_unstable_manifolds(system, origin(system), n_steps=30)
    assert paths.saddles.tolist() == [0, 0]
    assert paths.targets.tolist() == [-1, -1]  # they leave for infinity
    for path, side in zip(paths.states, np.sign(paths.directions[:, 0])):
        x, y = finite(path).T
        assert (np.diff(side * x) > 0).all()  # in order along the branch, each branch on its side
        assert_allclose(y, x**2 / (growth**2 - 0.5), rtol=1e-10, atol=1e-15)


def test_the_seeds_are_right_to_second_order():
    local = local_manifold(bent(2.0, 3), np.zeros(2), np.zeros(0), 1)
    for size in (1e-1, 1e-2, 1e-3):
        x, y = local.place(np.array([[size]]))[0]
        assert abs(y - x**3 / 7.5) < 1.01 * size**3 / 7.5
    x, y = local_manifold(bent(2.0, 2), np.zeros(2), np.zeros(0), 1).place(np.array([[1e-2]]))[0]
    assert_allclose(y, x**2 / 3.5, rtol=1e-9)


def test_a_spiral_leaves_within_its_plane_which_is_bent():
    c, s = 1.1 * np.cos(0.7), 1.1 * np.sin(0.7)

    def step(z):
        x, y = z[:, 0], z[:, 1]
        return torch.stack([c * x - s * y, s * x + c * y, 0.3 * z[:, 2] + x * x], 1)

    system = dk.FunctionSystem(step, 3)
    local = local_manifold(system, np.zeros(3), np.zeros(0), 2)
    directions = 1e-3 * np.stack([np.cos(np.arange(6.0)), np.sin(np.arange(6.0))], 1)
    before = local.place(directions)
    turned = before[:, :2] @ np.array([[c, s], [-s, c]])
    after = local.place(turned @ local.basis[:2])  # the plane of the spiral holds the first two units
    assert_allclose(system.step(before).numpy(), after, atol=1e-12)
    assert np.abs(before[:, 2]).max() > 1e-7
    orbits = dk.map_unstable_manifolds(system, origin(system), n_directions=12, n_steps=50)
    assert len(orbits) == 12
    assert (orbits.dimensions == 2).all()
    assert len(dk.map_unstable_manifolds(system, origin(system), n_directions=0)) == 0


def test_saddles_with_one_way_out_are_the_edges_of_the_cube():
    system = dk.catalog.tanh_network(2 * np.eye(3))
    points = dk.find_fixed_points(system)
    paths = dk.map_unstable_manifolds(system, points, n_steps=300)
    signs = np.sign(np.round(points.states, 6))
    edges = paths[paths.dimensions == 1]
    assert len(edges) == 24
    for saddle, target, path in zip(edges.saddles, edges.targets, edges.states):
        assert np.abs(signs[saddle] - signs[target]).tolist().count(1) == 1
        assert np.abs(signs[saddle] - signs[target]).sum() == 1
        rows = finite(path)
        assert_allclose(rows[[0, -1]], points.states[[saddle, target]], atol=1e-12)
        free = np.flatnonzero(signs[saddle] == 0)
        assert (np.diff(np.abs(rows[:, free[0]])) > -1e-12).all()
    graph = paths.graph()
    assert all(graph.out_degree(int(k)) == 2 for k in np.unique(edges.saddles))
    assert all(graph.out_degree(k) == 0 for k in np.flatnonzero(points.verdicts == "stable"))
    assert (paths.shares == 1).all()


def test_a_branch_is_where_a_disturbed_saddle_goes():
    cell = torch.nn.GRUCell(2, 8)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in cell.parameters():
            p.uniform_(-2.5, 2.5, generator=generator)
    system = dk.as_system(cell)
    points = dk.find_fixed_points(system, drive=[0.3, -0.2])
    paths = dk.map_unstable_manifolds(system, points, n_steps=1500)
    edges = paths[paths.dimensions == 1]
    assert len(edges)
    for path in edges:
        start = points.states[path.saddles[0]] + 1e-6 * path.directions[0]
        end = system.settle(start, [0.3, -0.2], 1500).numpy()
        if path.targets[0] >= 0:
            assert_allclose(end, points.states[path.targets[0]], atol=1e-4)
        else:
            assert np.abs(end - points.stable.states).max(axis=-1).min(initial=np.inf) > 1e-4


def test_attractors_far_from_the_saddle_are_reached():
    wide = dk.FunctionSystem(lambda x: 1e8 * torch.tanh(2 * x / 1e8), 1)
    points = dk.find_fixed_points(wide, 1e8 * np.linspace(-2, 2, 21)[:, None])
    manifolds = dk.map_unstable_manifolds(wide, points)
    assert sorted(manifolds.targets.tolist()) == np.flatnonzero(points.verdicts == "stable").tolist()


def test_each_drive_has_its_own_attractors():
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system, [[0.0], [1.0], [-1.0], [1.0]], [[0.0], [0.0], [0.1], [0.1]])
    paths = dk.map_unstable_manifolds(system, points)
    assert len(paths) == 4
    assert (points.drives[paths.saddles] == points.drives[paths.targets]).all()


def test_without_an_unstable_point_there_is_nothing_to_follow():
    system = dk.catalog.tanh_unit(0.5)
    paths = dk.map_unstable_manifolds(system, dk.find_fixed_points(system))
    assert len(paths) == 0
    assert repr(paths) == "UnstableManifolds(0 paths from 0 unstable points to 0 attractors)"
    assert paths.graph().number_of_nodes() == 1


def test_manifolds_come_back_from_disk(tmp_path):
    from dynakit.records import load_record

    system = dk.catalog.tanh_unit(2.0)
    paths = dk.map_unstable_manifolds(system, dk.find_fixed_points(system))
    paths.save(tmp_path / "m")
    assert load_record(tmp_path / "m") == paths


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s, p: dk.map_unstable_manifolds(s, p.states), "points must be FixedPoints, got ndarray"),
        (lambda s, p: dk.map_unstable_manifolds(dk.catalog.henon(), p), r"points must have shape \(..., 2\)"),
        (lambda s, p: dk.map_unstable_manifolds(s, p, n_directions=-1), "n_directions must be at least 0"),
        (lambda s, p: dk.map_unstable_manifolds(s, p, n_steps=0), "n_steps must be at least 1"),
        (lambda s, p: dk.map_unstable_manifolds(s, p, n_samples=2), "n_samples must be at least 3"),
        (lambda s, p: dk.map_unstable_manifolds(torch.nn.GRU(1, 1), p), "system must be a System"),
    ],
)
def test_bad_arguments_are_named(ask, message):
    system = dk.catalog.tanh_unit(2.0)
    with pytest.raises(InputError, match=message):
        ask(system, dk.find_fixed_points(system))


def test_branches_that_grow_without_bound_are_told_from_those_that_reach_nothing_given():
    """x' = x + x (1 - x) (x + 1) / 5 has its saddle at 0 held by -1 and 1; x' = 1.2 x + x^2 / 5 only on one side."""
    both = dk.FunctionSystem(lambda x: 1.2 * x, 1)
    paths = dk.map_unstable_manifolds(both, dk.find_fixed_points(both, [[0.0]]), n_steps=60)
    assert paths.reasons.tolist() == ["unbounded"] * 2  # after 60 steps still this side of 1e6
    assert "2 grow without bound" in paths.headline()
    one = dk.FunctionSystem(lambda x: 1.2 * x + x**2 / 5, 1)
    points = dk.find_fixed_points(one, [[0.0], [-1.1]])
    paths = dk.map_unstable_manifolds(one, points, n_steps=300)
    assert sorted(zip(paths.targets.tolist(), paths.reasons.tolist())) == [
        (-1, "unbounded"),
        (int(points.states[:, 0].argmin()), ""),
    ]
    held = dk.FunctionSystem(lambda x: x + x * (1 - x) * (x + 1) / 5, 1)
    middle = dk.find_fixed_points(held, [[0.0], [1.0], [-1.0]])
    alone = middle[middle.verdicts == "unstable"]
    paths = dk.map_unstable_manifolds(held, alone, n_steps=300)
    assert paths.reasons.tolist() == ["near none of the stable points"] * 2
