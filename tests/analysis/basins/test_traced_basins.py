"""Attractors keep their number over a parameter, and births and deaths are where they are known to be."""

import numpy as np
import pytest

import dynakit as dk
from dynakit.analysis.basins.traced import match
from dynakit.samplers import Box

VALUES = np.array([0.8, 1.2, 1.5, 2.0])


def test_a_pitchfork_kills_one_and_bears_two():
    traced = dk.trace_basins(
        dk.catalog.tanh_unit, VALUES, Box([-1.0], [1.0]), attractors=dk.find_fixed_points, n_samples=200, drive=[0.0],
        max_distance=0.5,
    )  # fmt: skip
    np.testing.assert_array_equal(traced.present.sum(axis=1), [1, 2, 2, 2])
    assert [value for value, _ in traced.births] == [1.2, 1.2]
    assert traced.deaths == ((1.2, 0),)
    np.testing.assert_allclose(np.nansum(traced.fractions, axis=1), 1)
    np.testing.assert_array_equal(
        traced.counts[1], traced.counts[3]
    )  # the boundary stays, and so do the samples
    low, high = np.moveaxis(traced.intervals, -1, 0)
    assert ((low <= 0.5) & (high >= 0.5))[1:, 1:].all()
    signs = [
        np.sign(b.attractors[row.index(2)][0, 0]) for b, row in zip(traced.basins[1:], traced.numbers[1:])
    ]
    assert len(set(signs)) == 1


def test_a_fold_kills_the_lower_point_and_moves_the_boundary():
    family = lambda b: dk.catalog.tanh_unit(2.0, b)  # noqa: E731
    traced = dk.trace_basins(
        family,
        [0.0, 0.3, 0.6, 0.9],
        Box([-1.0], [1.0]),
        attractors=dk.find_fixed_points,
        n_samples=300,
        drive=[0.0],
    )
    fold = np.sqrt(0.5)  # tanh' = 1 / 2 at x = -sqrt(1/2); b = atanh(x) - 2 x there
    critical = abs(np.arctanh(-fold) + 2 * fold)
    gone = [value for value, _ in traced.deaths]
    assert len(gone) == 1
    assert gone[0] - 0.3 < critical <= gone[0]
    middle = dk.find_fixed_points(family(0.3)).saddles.states if critical > 0.3 else np.zeros((0, 1))
    repeller = dk.find_fixed_points(family(0.3)).repellers.states
    edge = float(np.concatenate([middle, repeller])[0, 0])
    upper = int(np.argmax([a[0, 0] for a in traced.basins[1].attractors]))
    k = traced.numbers[1][upper]
    assert traced.intervals[1, k, 0] <= (1 - edge) / 2 <= traced.intervals[1, k, 1]


def test_matching_takes_the_least_total_distance():
    before, after = (
        [np.array([[0.0]]), np.array([[1.0]])],
        [np.array([[1.2]]), np.array([[0.3]]), np.array([[9.0]])],
    )
    assert sorted(match(before, after)) == [(0, 1), (1, 0)]
    assert match(before, after, 0.25) == [(1, 0)]
    assert match([], after) == []


def test_attractors_may_be_found_on_the_way():
    traced = dk.trace_basins(
        lambda w: dk.Driven(dk.catalog.tanh_unit(w), [0.0]),
        [1.5, 2.0],
        Box([-1.0], [1.0]),
        n_samples=40,
        settings=dk.BasinSettings(200),
    )
    assert traced.present.all()
    assert traced.present.shape == (2, 2)
    assert not traced.births
    assert not traced.deaths


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"values": []}, "values not empty, got 0"),
        ({"values": [np.nan]}, "values must be finite"),
        ({"family": lambda value: value}, "family must return a System, got float at 1"),
        ({"n_samples": 0}, "n_samples must be at least 1"),
    ],
)
def test_bad_input_is_one_sentence(change, sentence):
    given = {
        "family": dk.catalog.bistable,
        "values": [1.0],
        "sampler": Box([-1.0], [1.0]),
        "n_samples": 3,
    } | change
    with pytest.raises(dk.InputError, match=sentence):
        dk.trace_basins(given.pop("family"), given.pop("values"), given.pop("sampler"), **given)
