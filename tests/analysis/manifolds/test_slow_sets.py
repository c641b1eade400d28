"""Slow sets of known dimension and shape: rings, tori, spheres, planes, lines, points; complexes of known homology."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.manifolds.topology import betti_numbers, betti_of
from dynakit.errors import InputError, NumericalError

EPS = 1e-3


def scattered(n: int, size: int = 1000) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(size, n))


def creeping(z: torch.Tensor, k: int = 3) -> torch.Tensor:
    """radius -> 1, angle' = angle + EPS sin(k angle): 2k fixed points of each plane of the last axis."""
    size, angle = z.norm(dim=-1), torch.atan2(z[..., 1], z[..., 0])
    angle = angle + EPS * torch.sin(k * angle)
    return (1 + 0.3 * (size - 1))[..., None] * torch.stack([torch.cos(angle), torch.sin(angle)], -1)


def ring(k: int = 3) -> dk.System:
    return dk.FunctionSystem(lambda z: torch.cat([creeping(z[..., :2], k), 0.4 * z[..., 2:]], -1), 4)


def torus() -> dk.System:
    return dk.FunctionSystem(
        lambda z: torch.cat([creeping(z[..., :2]), creeping(z[..., 2:4]), 0.4 * z[..., 4:]], -1), 6
    )


def _sphere(z: torch.Tensor) -> torch.Tensor:
    """|y| -> 1 in three dimensions, creeping along the gradient of z^2 + x^2 / 2; two more that die out."""
    size = z[..., :3].norm(dim=-1, keepdim=True)
    y = z[..., :3] / size
    pull = y * torch.tensor([1.0, 0.0, 2.0], dtype=z.dtype)
    y = y + EPS * (pull - (pull * y).sum(-1, keepdim=True) * y)
    return torch.cat([y / y.norm(dim=-1, keepdim=True) * (1 + 0.5 * (size - 1)), 0.4 * z[..., 3:]], -1)


def sphere() -> dk.System:
    return dk.FunctionSystem(_sphere, 5)


@pytest.fixture(scope="module")
def on_a_torus() -> dk.SlowSet:
    return dk.find_slow_manifold(torus(), scattered(6, 2000))


def test_a_torus_of_two_rings_holds_the_36_products_of_their_points(on_a_torus):
    found = on_a_torus
    assert (found.dimension, found.dimension_by_spectrum, found.dimension_by_cloud) == (2, 2, 2)
    assert (found.shape, found.betti, found.euler) == ("a torus", (1, 2, 1), 0)
    assert np.bincount(found.index_along).tolist() == [9, 18, 9]
    assert found.index_across.sum() == 0
    radii = np.hypot(found.states[:, [0, 2]], found.states[:, [1, 3]])
    assert_allclose(radii, 1, atol=1e-5)  # drift times curvature, and no more
    assert_allclose(found.sup_drift, EPS * np.sqrt(2), rtol=0.02)
    assert found.gap > 100
    assert found.shares == {2: 1.0}


def test_a_sphere_holds_two_points_of_each_index_and_their_signs_sum_to_two():
    found = dk.find_slow_manifold(sphere(), scattered(5))
    assert (found.dimension, found.shape, found.betti, found.euler) == (2, "a sphere", (1, 0, 1), 2)
    assert sorted(found.index_along.tolist()) == [0, 0, 1, 1, 2, 2]
    assert_allclose(np.linalg.norm(found.states[:, :3], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_ring_holds_2k_points_whose_signs_sum_to_nothing(k):
    found = dk.find_slow_manifold(ring(k), scattered(4, 300), max_states=60)
    assert (found.dimension, found.shape, found.euler) == (1, "a ring", 0)
    assert np.bincount(found.index_along).tolist() == [k, k]
    assert_allclose(found.states[:, 2:], 0, atol=1e-9)


@pytest.mark.parametrize(
    ("modes", "dimension", "shape"),
    [
        ([1.0, 0.5, 0.5, 0.3], 1, "an arc"),
        ([1.0, 1.0, 0.5, 0.3], 2, "a sheet"),
        ([1.0, 1.0, 1.0, 0.3], 3, "a body of three dimensions"),
    ],
)
def test_lines_planes_and_spaces_of_fixed_points(modes, dimension, shape):
    found = dk.find_slow_manifold(dk.catalog.linear(np.diag(modes)), scattered(4), max_states=60)
    assert (found.dimension, found.dimension_by_cloud, found.shape) == (dimension, dimension, shape)
    assert found.euler is None  # no point is alone
    assert found.sup_drift < 1e-12
    assert_allclose(found.states[:, dimension:], 0, atol=1e-12)


def test_memories_that_are_points_are_of_dimension_nought():
    found = dk.find_slow_manifold(dk.catalog.tanh_network(1.5 * np.eye(2)), scattered(2, 200))
    assert (found.dimension, found.shape, found.betti) == (0, "4 isolated points", (4, 0, 0))


def test_of_a_flow_the_drift_is_a_velocity():
    def field(z: torch.Tensor) -> torch.Tensor:
        size = z[..., :2].norm(dim=-1, keepdim=True)
        turned = torch.stack([-z[..., 1], z[..., 0]], -1)
        return torch.cat([(1 - size) * z[..., :2] / size + 1e-3 * turned, -z[..., 2:]], -1)

    found = dk.find_slow_manifold(dk.Flow(field, 3, dt=0.5), scattered(3, 200), max_states=60)
    assert (found.dynamics, found.dimension, found.shape, found.euler) == ("flow", 1, "a ring", 0)
    assert_allclose(found.drift, 1e-3, rtol=1e-3)
    assert found.memory(5.0).largest == pytest.approx(5e-3, rel=1e-2)


def test_a_thousand_states_move_no_farther_than_time_times_the_uniform_norm(on_a_torus):
    found = dk.find_slow_manifold(torus(), scattered(6, 1200), max_states=1000)
    assert len(found) == 1000
    assert found.within_bound == 1.0
    moved = found.memory(100)
    assert 0.9 * moved.bound < moved.largest <= moved.bound  # and the bound is no idle one
    assert moved.mean < moved.largest
    x = torch.tensor(found.states)
    assert_allclose(
        np.linalg.norm(torus().settle(x, None, 100).numpy() - found.states, axis=1), found.moved[:, 2]
    )


def test_where_the_witnesses_disagree_both_are_named():
    """States that were only ever visited along one line of a plane of fixed points."""
    visited = scattered(3, 200) * [1.0, 0.0, 1.0]
    found = dk.find_slow_manifold(dk.catalog.linear(np.diag([1.0, 1.0, 0.5])), visited, max_states=30)
    assert (found.dimension, found.dimension_by_spectrum, found.dimension_by_cloud) == (1, 2, 1)
    assert not found.agreed
    assert found.after.tolist() == [[30, 2, 1], [100, 2, 1], [300, 2, 1]]
    assert "dimension 2 by modes and 1 by states" in repr(found)


def test_too_few_states_do_not_tell_the_shape_of_a_surface():
    found = dk.find_slow_manifold(torus(), scattered(6, 200), max_states=30)
    assert (found.dimension, found.betti, found.shape) == (2, None, "a surface")


def test_permuted_units_are_the_same_set():
    order = [2, 0, 1]
    W = np.diag([1.02, 0.4, 0.3]) + 0.1 * np.random.default_rng(2).normal(size=(3, 3))
    x = scattered(3, 100)
    a = dk.find_slow_manifold(dk.catalog.tanh_network(W), x, max_states=30)
    b = dk.find_slow_manifold(dk.catalog.tanh_network(W[np.ix_(order, order)]), x[:, order], max_states=30)
    assert_allclose(b.states, a.states[:, order], atol=1e-9)
    assert (a.dimension, a.betti, a.euler) == (b.dimension, b.betti, b.euler)


# --- homology of complexes that are known


def complex_of(n: int, edges: list[tuple[int, int]]) -> np.ndarray:
    joined = np.eye(n, dtype=bool)
    for i, j in edges:
        joined[i, j] = joined[j, i] = True
    return joined


@pytest.mark.parametrize(
    ("joined", "betti"),
    [
        (complex_of(3, []), (3, 0, 0)),
        (complex_of(4, [(0, 1), (1, 2), (2, 3), (3, 0)]), (1, 1, 0)),  # a square without its diagonal
        (complex_of(3, [(0, 1), (1, 2), (2, 0)]), (1, 0, 0)),  # a filled triangle
        (complex_of(6, [e for e in itertools.combinations(range(6), 2) if sum(e) != 5]), (1, 0, 1)),  # octahedron
        (np.ones((6, 6), bool), (1, 0, 0)),
        # the minimal wheel of two squares that share an edge: two loops
        (complex_of(6, [(0, 1), (1, 2), (2, 3), (3, 0), (2, 4), (4, 5), (5, 3)]), (1, 2, 0)),
    ],
)
def test_complexes_of_known_homology(joined, betti):
    assert betti_of(joined) == betti


def test_clouds_of_known_shape():
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 400)
    around = np.stack([np.cos(angle), np.sin(angle)], 1)
    assert betti_numbers(around) == (1, 1, 0)
    assert betti_numbers(np.concatenate([around, around + np.array([5.0, 0.0])])) == (2, 2, 0)
    assert betti_numbers(rng.uniform(size=(400, 2))) == (1, 0, 0)
    assert betti_numbers(np.zeros((20, 2))) == (1, 0, 0)


# --- bad input, and cases without an answer


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dk.find_slow_manifold(ring(), scattered(4, 15)), "starts must hold at least 16 finite states .* 15"),
        (lambda: dk.find_slow_manifold(ring(), np.full((20, 4), np.nan)), "at least 16 finite states .* got 0"),
        (lambda: dk.find_slow_manifold(ring(), scattered(3)), "starts"),
        (lambda: dk.find_slow_manifold(ring(), scattered(4), separation=0.5), "separation must be"),
        (lambda: dk.find_slow_manifold(ring(), scattered(4), max_states=3), "max_states must be at least 16"),
        (lambda: dk.find_slow_manifold(ring(), scattered(4), np.zeros((2, 0))), "drive must be one vector"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(InputError, match=said):
        call()


def test_starts_that_all_grow_without_bound_are_said_to():
    with pytest.raises(NumericalError, match="50 starts of 50 grow without bound within 30 steps"):
        dk.find_slow_manifold(dk.catalog.linear(2.0 * np.eye(3)), scattered(3, 50))


def test_times_beyond_what_was_watched_are_refused(on_a_torus):
    with pytest.raises(InputError, match="t must be at most 1000"):
        on_a_torus.memory(1001)
    with pytest.raises(InputError, match="n_neighbors must be"):
        on_a_torus.chart(n_neighbors=len(on_a_torus))


def test_a_chart_of_a_sheet_keeps_its_distances():
    found = dk.find_slow_manifold(dk.catalog.linear(np.diag([1.0, 1.0, 0.5])), scattered(3, 200), max_states=100)
    placed = found.chart()
    flat = np.linalg.norm(found.states[:, None] - found.states, axis=-1)
    assert np.corrcoef(np.linalg.norm(placed[:, None] - placed, axis=-1).ravel(), flat.ravel())[0, 1] > 0.98


def test_what_is_found_is_drawn_over_time_and_in_a_plane(on_a_torus):
    ax = dk.plots.plot_slow_set(on_a_torus)
    bound = next(line for line in ax.lines if "bound" in str(line.get_label()))
    assert_allclose(np.asarray(bound.get_ydata()), on_a_torus.times * on_a_torus.sup_drift)
    plane = dk.Projection.onto(np.eye(6)[:2], ["x", "y"])
    ax = dk.plots.plot_slow_set(on_a_torus, plane)
    dots = next(c for c in ax.collections if c.get_gid() == "slow set")
    assert_allclose(np.asarray(dots.get_offsets()), on_a_torus.states[:, :2])
    dk.plots.close(ax.get_figure(root=True))
