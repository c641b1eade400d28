"""The smallest shock where the boundary is known."""

import numpy as np
import pytest

import dynakit as dk


def test_from_either_point_it_is_the_way_to_zero():
    system = dk.catalog.bistable()
    points = dk.find_fixed_points(system)
    shocks = dk.find_smallest_shock(system, None, points)
    np.testing.assert_allclose(shocks.sizes, 1, rtol=1e-3)
    assert (shocks.sizes >= 1).all()
    assert shocks.targets.tolist() == [1, 0]
    np.testing.assert_array_equal(np.sign(shocks.shocks), -np.sign(shocks.starts))


@pytest.fixture(scope="module")
def flip_flop():
    """Two points beside the diagonal x = y, which is the boundary by symmetry."""
    system = dk.catalog.tanh_network(np.array([[1.5, -0.6], [-0.6, 1.5]]))
    points = dk.find_fixed_points(system)
    return system, points, dk.find_smallest_shock(system, None, points, settings=dk.ShockSettings(48))


def test_the_shortest_way_to_a_straight_boundary(flip_flop):
    system, points, shocks = flip_flop
    a = np.abs(points.stable.states[0, 0])
    truth = a * np.sqrt(2)
    assert (shocks.sizes >= truth).all()
    np.testing.assert_allclose(shocks.sizes, truth, rtol=5e-3)
    hit = shocks.starts + shocks.shocks
    ends = system.settle(hit, None, 3000).numpy()
    np.testing.assert_allclose(ends, points.stable.states[shocks.targets], atol=1e-6)


def test_the_share_that_comes_back_is_that_of_the_half_plane(flip_flop):
    _, points, shocks = flip_flop
    depth = np.abs(points.stable.states[0, 0]) * np.sqrt(2)
    with np.errstate(invalid="ignore"):
        beyond = np.where(shocks.shock_sizes > depth, np.arccos(depth / shocks.shock_sizes) / np.pi, 0.0)
    held = (shocks.intervals[..., 0] <= 1 - beyond) & (1 - beyond <= shocks.intervals[..., 1])
    assert held.mean() >= 0.9
    assert (shocks.returned[:, shocks.shock_sizes < depth] == shocks.n_shocks).all()
    assert not shocks.unresolved.any()


def test_scale_says_what_a_shock_of_size_one_is(flip_flop):
    system, points, shocks = flip_flop
    few = dk.ShockSettings(16)
    halved = dk.find_smallest_shock(system, points.stable.states[0], points, scale=2.0, settings=few)
    assert len(halved) == 1
    assert halved.sizes[0] == pytest.approx(shocks.sizes[0] / 2, rel=1e-2)
    assert "scale" in halved.units
    assert "->" in repr(halved)


def test_divergence_is_a_fate_and_none_may_be_found():
    system = dk.FunctionSystem(lambda x: x + 0.1 * (x**2 - x), 1)
    shocks = dk.find_smallest_shock(system, None, np.zeros((1, 1)), settings=dk.ShockSettings(largest=2.0))
    assert shocks.targets.tolist() == [-2]
    assert shocks.sizes[0] == pytest.approx(1, rel=1e-3)
    calm = dk.find_smallest_shock(system, None, np.zeros((1, 1)), settings=dk.ShockSettings(largest=0.5))
    assert (calm.targets[0], calm.sizes[0]) == (-1, np.inf)
    assert "no shock up to 0.5" in repr(calm)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"states": [[0.0]]}, "states must each go to one of the attractors, but state 0 does not"),
        ({"scale": -1.0}, "scale must be a positive number"),
        ({"scale": [1.0, 1.0]}, r"scale must be a positive number or \(1,\)"),
        ({"settings": dk.BasinSettings()}, "settings must be ShockSettings, got BasinSettings"),
        ({"attractors": None}, "attractors must be given"),
    ],
)
def test_bad_input_is_one_sentence(change, sentence):
    system = dk.catalog.bistable()
    given = {"states": None, "attractors": dk.find_fixed_points(system)} | change
    with pytest.raises(dk.InputError, match=sentence):
        dk.find_smallest_shock(system, given.pop("states"), given.pop("attractors"), **given)


@pytest.mark.parametrize(
    ("nonsense", "sentence"),
    [
        ({"n_directions": 0}, "n_directions must be at least 1"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"largest": 0.0}, "largest must be"),
        ({"confidence": 0.0}, "confidence must be"),
    ],
)
def test_nonsense_is_refused_when_the_settings_are_made(nonsense, sentence):
    with pytest.raises(dk.InputError, match=sentence):
        dk.ShockSettings(**nonsense)
