"""The single steps from an orbit to a verdict on a target, each where the answer can be written down."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.multifunctionality import against_target, clauses, judgement

TURN = 2 * np.pi


def test_the_points_of_a_cycle_are_joined_by_the_lowest_waves():
    phase = np.arange(against_target.ON_CURVE) / against_target.ON_CURVE
    zigzag = SimpleNamespace(output_orbits=np.array([[[1.0], [-1.0], [1.0], [-1.0], [np.nan]]]))
    joined = against_target._joined(zigzag, 0, np.nan)
    assert_allclose(joined[:, 0], np.cos(2 * TURN * phase), atol=1e-12)
    steps = TURN * np.arange(5) * 2 / 5  # two turns in five steps: every second point comes next
    star = SimpleNamespace(output_orbits=np.stack([np.cos(steps), np.sin(steps)], 1)[None])
    around = np.stack([np.cos(TURN * phase), np.sin(TURN * phase)], 1)
    assert_allclose(against_target._joined(star, 0, 2 / 5), around, atol=1e-12)


@pytest.mark.parametrize(
    ("period", "rho", "ratio"), [(60.3, np.nan, 1.005), (60.0, 1 / 60, 3.0), (8.0, np.nan, 0.4)]
)
def test_a_cycle_that_does_not_wind_may_have_gone_around_several_times(period, rho, ratio):
    item = SimpleNamespace(period_steps=period, rotation_number=rho)
    assert against_target._ratio(item, 20.0) == pytest.approx(ratio, rel=1e-12)


@pytest.mark.parametrize(("drift", "sense"), [(1.0, 1), (-1.0, -1), (0.05, 0), (-0.05, 0)])
def test_the_direction_of_a_path_that_hardly_moves_along_is_not_told(drift, sense):
    orbit = dk.Orbit.cycle("A", lambda p: [np.cos(TURN * p), np.sin(TURN * p)], period=TURN, dt=0.1)
    angle = 0.1 * drift * np.arange(60)
    radius = 1 + 0.05 * (-1.0) ** np.arange(60)  # each step is as long across as the target's along
    path = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    assert against_target._sense(path, orbit, orbit.curve(2048)) == sense


@pytest.mark.parametrize(
    ("counts", "matches", "judged"),
    [
        ([5, 3, 0], [0, 1, 0], 1),
        ([5, 3, 0], [0, 0, 1], 0),
        ([2, 3, 0], [1, 1, 1], 1),
        ([0, 0, 0], [1, 1, 1], -1),
    ],
)
def test_a_target_is_judged_by_what_matches_before_what_most_cues_lead_to(counts, matches, judged):
    assert judgement._judged_by(np.array(counts), np.array(matches, bool)) == judged


@pytest.mark.parametrize(
    ("labels", "shortest"),
    [
        ([[0, 0], [0, 0], [0, 0]], 1),
        ([[0, 0], [0, 1], [0, 0]], 7),  # a shorter one that happened to do is not enough
        ([[1, 1], [0, 0], [0, 0]], 3),
        ([[0, 0], [0, 0], [0, -1]], -1),
    ],
)
def test_the_shortest_cue_is_that_from_which_on_all_do(labels, shortest):
    lengths, matches = np.array([1, 3, 7]), np.array([True, False])
    assert judgement._shortest(np.array(labels), matches, lengths, 1.0) == shortest


def as_seen(points, path):
    return against_target.Seen("invariant circle", points, False, path, 2 * np.pi / 0.1, 0.1 / TURN, np.zeros(1))


@pytest.mark.parametrize(("share", "error"), [(1.0, 0.0), (0.5, np.sqrt(2)), (0.9, 2 * np.sin(0.1 * TURN / 4))])
def test_an_attractor_that_covers_a_part_of_its_target_is_as_far_off_as_what_it_leaves_out(share, error):
    """An arc of the unit circle lies on it, but its ends are a chord away from the middle of the gap."""
    orbit = dk.Orbit.cycle("A", lambda p: [np.cos(TURN * p), np.sin(TURN * p)], period=TURN, dt=0.1)
    angle = share * TURN * np.arange(4097) / 4096
    arc = np.stack([np.cos(angle), np.sin(angle)], 1)
    found = against_target.compare(as_seen(arc, arc[::60]), orbit, lambda: np.nan)
    assert_allclose(found.error, error, atol=2e-3)


@pytest.mark.parametrize(("off", "said"), [(0.2, []), (-0.2, []), (0.3, ["exponent"]), (-0.3, ["exponent"])])
@pytest.mark.parametrize("exponent", [0.05, 0.9, 14.0])
def test_an_exponent_may_be_off_by_a_quarter_of_its_own_size(exponent, off, said):
    target = SimpleNamespace(kind="chaos", exponent=exponent)
    cloud = against_target.Comparison(True, 0.1, 0.5, np.nan, 0, (0.1, 0.1), 0.1, off * exponent)
    limits = clauses.Tolerances(error=0.1, period=0.1, residual=1e-6)
    found = clauses.problems(target, None, cloud, clauses.Claim(0.0, "attracting"), limits)
    assert [sentence.partition(":")[0] for sentence in found] == said


def test_clouds_are_set_beside_the_larger_of_the_ways_between_the_halves_of_the_target():
    """The first half stays at 0, the second is at 5 half of the time: 0 one way and 5 the other."""
    series = np.zeros((400, 1))
    series[200::2] = 5.0
    still = as_seen(np.ones((9, 1)), np.ones((9, 1)))
    for samples in (series, series[::-1]):
        target = dk.Orbit.chaos("A", samples, dt=0.1)
        found = against_target.compare(still, target, lambda: np.nan)
        assert found.baseline == 5.0
        assert found.cloud == (1.0, 4.0)  # from 1 to the nearest of 0 and 5, and from 5 to 1
        assert not found.kind_fits
