"""Lines, rings and surfaces of fixed points, known in closed form, are one object each, with dimension and extent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk


def spread(n: int, size: int = 40, reach: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).uniform(-reach, reach, (size, n))


def relu_layer(W: list, b: list) -> dk.System:
    layer = torch.nn.RNN(1, len(W), nonlinearity="relu").double()
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.tensor(W))
        layer.bias_ih_l0.copy_(torch.tensor(b))
        layer.weight_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    return dk.as_system(layer)


def segment(z):
    """x stays within [-1, 1] and comes back half way from outside; y dies out."""
    inside = z[..., 0].clamp(-1, 1)
    return torch.stack([inside + 0.5 * (z[..., 0] - inside), 0.5 * z[..., 1]], -1)


def lines(z):
    """x stays, y goes to the nearer root of tanh(4 y) = y: two lines attract, one between them does not."""
    return torch.stack([z[..., 0], z[..., 1] + 0.4 * (torch.tanh(4 * z[..., 1]) - z[..., 1])], -1)


def sphere(z):
    return z * (1.5 - 0.5 * z.square().sum(-1, keepdim=True))


def test_a_line_of_fixed_points_ends_where_it_ends():
    points = dk.find_fixed_points(dk.FunctionSystem(segment, 2), spread(2, reach=2.0), max_starts=200)
    assert points.set_dimensions.tolist() == [1]
    assert_allclose(points.set_extents, 2, atol=1e-3)
    assert not points.set_cut[0]
    assert not points.set_closed[0]
    assert (points.set_of == 0).all()
    assert points.n_failed == 0  # all ended on it
    assert points.headline().startswith("a line of fixed points of length 2, 0 of 200 starts failed")
    assert points.sentences()[0].startswith("a line of fixed points of length 2, where 200 starts ended; ")


def test_a_line_without_end_is_as_long_as_the_search_looked():
    starts = np.array([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]])
    points = dk.find_fixed_points(dk.catalog.linear([[0.75, 0.25], [0.25, 0.75]]), starts, max_starts=100)
    assert points.set_cut.tolist() == [True]
    assert_allclose(points.set_extents, np.sqrt(8), rtol=1e-3)
    assert points.n_failed == 0
    assert "of length 2.83 where the search looked" in points.headline()
    assert points.sentences()[0].endswith("across it everything decays")


@pytest.mark.parametrize("radius", [1.0, 5.0])
def test_a_ring_is_one_object_and_not_its_samples(radius):
    ring = dk.FunctionSystem(lambda z: z * (1.2 - 0.2 / radius**2 * z.square().sum(-1, keepdim=True)), 2)
    points = dk.find_fixed_points(ring, spread(2, reach=radius), max_starts=200)
    assert points.set_closed.tolist() == [True]
    assert_allclose(points.set_extents, 2 * np.pi * radius, rtol=1e-4)
    assert (points.set_of >= 0).sum() == points.non_isolated.sum() > 10
    assert_allclose(points.alone.states, [[0, 0]], atol=1e-12)
    said = points.headline()
    assert said.startswith("1 point of a map, 0 stable, 1 unstable, a ring of fixed points of length")
    assert "not isolated" not in said


def test_lines_side_by_side_are_told_apart():
    points = dk.find_fixed_points(dk.FunctionSystem(lines, 2), spread(2, reach=2.0), max_starts=300)
    assert points.set_dimensions.tolist() == [1, 1, 1]
    middles = [points.states[points.set_of == k, 1] for k in range(3)]
    assert all(np.ptp(y) < 1e-9 for y in middles)
    assert len({round(float(y[0]), 6) for y in middles}) == 3
    said = "\n".join(points.sentences())
    assert said.count("across it everything decays") == 2
    assert said.count("across it some modes grow") == 1


@pytest.mark.parametrize(
    ("system", "across"),
    [(dk.FunctionSystem(sphere, 3), 2.0), (dk.catalog.linear(np.diag([1.0, 1.0, 0.5])), None)],
    ids=["sphere", "plane"],
)
def test_a_surface_of_fixed_points_has_dimension_two(system, across):
    points = dk.find_fixed_points(system, spread(3), max_starts=150)
    assert points.set_dimensions.tolist() == [2]
    assert across is None or points.set_extents[0] == pytest.approx(across, rel=0.01)
    assert f"a set of fixed points of dimension 2, {points.set_extents[0]:.3g} across" in points.headline()


def test_a_line_of_a_flow():
    flow = dk.Flow(lambda x: torch.stack([0 * x[..., 0], -x[..., 1]], -1), 2, dt=0.1)
    points = dk.find_fixed_points(flow, spread(2), max_starts=100)
    assert points.set_dimensions.tolist() == [1]
    assert ", of a flow, 0 of 100 starts failed" in points.headline()


def test_sets_of_several_inputs_are_numbered_on():
    system = dk.FunctionSystem(lambda x, u: torch.stack([x[..., 0], 0.5 * x[..., 1] + u[..., 0]], -1), 2, 1)
    drives = np.repeat([[0.0], [1.0]], 20, axis=0)
    points = dk.find_fixed_points(system, spread(2), drives, max_starts=60)
    assert len(points.set_dimensions) == 2
    assert points.drives[points.set_of == 1, 0].tolist() == [1.0] * int((points.set_of == 1).sum())


def test_points_that_stand_alone_are_in_no_set():
    points = dk.find_fixed_points(dk.catalog.tanh_network(2 * np.eye(2)), max_starts=200)
    assert (points.set_of == -1).all()
    assert len(points.set_dimensions) == 0
    assert points.alone == points
    triple = dk.find_fixed_points(dk.catalog.tanh_unit(1.0))  # three in one: a walk finds no neighbour
    assert triple.set_of.tolist() == [-1]
    assert "1 not isolated" in triple.headline()


@pytest.mark.parametrize(
    ("W", "b", "dimensions"),
    [
        ([[1.0]], [0.0], [1]),
        ([[1.0, 0.0], [0.0, 2.0]], [0.0, -1.0], [1, 1]),
        ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [2]),
    ],
    ids=["ray", "two rays", "quadrant"],
)
def test_rays_of_rectified_units_are_sets_that_include_their_ends(W, b, dimensions):
    for points in (
        dk.enumerate_fixed_points(relu_layer(W, b)),
        dk.find_fixed_points(relu_layer(W, b), max_starts=50),
    ):
        assert points.set_dimensions.tolist() == dimensions
        assert (points.set_of >= 0).all()
        assert points.non_isolated.all()
        assert (points.dimensions == dimensions[0]).all()
        assert points.degree is None


@pytest.mark.parametrize(
    ("w", "b"), [(1.0, 0.5), (1 - 1.2e-16, 0.5), (1 + 2.3e-16, 0.5), (1 + 2.3e-16, -0.5), (1.0, -0.5)]
)
def test_no_residual_above_rounding_is_a_point_and_none_is_listed_twice(w, b):
    """x = relu(w x + b) with w at the edge of 1: at most one root far out, and 0 where b < 0."""
    points = dk.enumerate_fixed_points(relu_layer([[w]], [b]))
    x = points.states[:, 0]
    assert (np.abs(np.maximum(w * x + b, 0) - x) <= 1e-9 * (1 + np.abs(x))).all()
    assert len(np.unique(x)) == len(x) <= 2
    assert len(points.set_dimensions) == 0  # so far out, a line is not told from a point
    assert points.completeness == "incomplete"
    assert (0.0 in x) == (b < 0)
