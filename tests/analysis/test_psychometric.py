"""Choice against strength: counts, intervals, and the cumulative normal through them."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import binomtest, norm

import dynakit as dk

LEVELS = np.array([-0.15, -0.036, -0.009, 0.009, 0.036, 0.15])


def drawn(slope, offset, n, seed=0, levels=LEVELS):
    """Choices of an observer with this psychometric function."""
    rng = np.random.default_rng(seed)
    strengths = np.repeat(levels, n)
    return rng.random(len(strengths)) < norm.cdf(slope * strengths + offset), strengths


def test_counts_by_hand():
    curve = dk.psychometric_curve([True, False, True, True], [0.5, -1.0, 0.5, -1.0])
    assert curve.strengths.tolist() == [-1.0, 0.5]
    assert curve.n_trials.tolist() == [2, 2]
    assert curve.n_chosen.tolist() == [1, 2]
    assert curve.shares.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("n", [1, 7, 200])
def test_intervals_are_wilsons(n):
    for k in {0, 1, n // 2, n}:
        curve = dk.psychometric_curve(np.arange(n) < k, np.zeros(n))
        ends = binomtest(k, n).proportion_ci(0.95, "wilson")
        np.testing.assert_allclose(curve.intervals[0], [ends.low, ends.high], atol=1e-12)


@pytest.mark.parametrize(("slope", "offset"), [(27.4, 0.0), (10.0, 0.7), (-20.0, -0.3), (0.0, 0.2)])
def test_the_fit_finds_the_observer_that_was_drawn(slope, offset):
    curve = dk.psychometric_curve(*drawn(slope, offset, 5000))
    assert abs(curve.slope - slope) < 4 * curve.slope_error
    assert abs(curve.offset - offset) < 4 * curve.offset_error
    assert curve.bias == pytest.approx(-curve.offset / curve.slope, rel=1e-12)


def test_standard_errors_are_the_spread_over_repetitions():
    fits = [dk.psychometric_curve(*drawn(20.0, 0.4, 100, seed)) for seed in range(300)]
    for name in ("slope", "offset"):
        spread = np.std([getattr(fit, name) for fit in fits])
        assert np.mean([getattr(fit, f"{name}_error") for fit in fits]) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_curve_is_more_likely(seed):
    choices, strengths = drawn(5.0 * (seed + 1), 0.3, 30, seed)
    curve = dk.psychometric_curve(choices, strengths)

    def cost(w):
        return -norm.logcdf(np.where(choices, 1, -1) * (w[0] + w[1] * strengths)).sum()

    best = minimize(
        cost, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 5000}
    )
    assert cost([curve.offset, curve.slope]) <= best.fun + 1e-7
    assert [curve.offset, curve.slope] == pytest.approx(best.x, rel=1e-4, abs=1e-5)


def test_units_of_strength_and_the_zero_of_strength_do_not_matter():
    choices, strengths = drawn(20.0, 0.4, 200)
    curve = dk.psychometric_curve(choices, strengths)
    far = dk.psychometric_curve(choices, 1e6 + 1e-3 * strengths)
    assert far.slope == pytest.approx(1e3 * curve.slope, rel=1e-6)
    moved = dk.psychometric_curve(choices, 1e4 * strengths)
    assert (1e4 * moved.slope, moved.offset) == pytest.approx((curve.slope, curve.offset), rel=1e-9)
    flipped = dk.psychometric_curve(~choices, strengths)
    assert (flipped.slope, flipped.offset) == pytest.approx((-curve.slope, -curve.offset), rel=1e-9)


def test_a_fit_to_two_levels_goes_through_both():
    curve = dk.psychometric_curve(*drawn(3.0, 0.2, 400, levels=np.array([-0.3, 0.5])))
    np.testing.assert_allclose(curve.predict([-0.3, 0.5]), curve.shares, atol=1e-10)


def test_perfect_choices_have_no_finite_slope():
    strengths = np.repeat(LEVELS, 5)
    assert dk.psychometric_curve(strengths > 0, strengths).slope == np.inf
    assert dk.psychometric_curve(strengths < 0, strengths).slope == -np.inf
    for all_alike in (np.ones(30, bool), np.zeros(30, bool)):
        assert np.isnan(dk.psychometric_curve(all_alike, strengths).slope)
    assert np.isnan(dk.psychometric_curve([True, False], [1.0, 1.0]).slope)
    assert np.isnan(dk.psychometric_curve(strengths > 0, strengths).predict(0.0))


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, list])
def test_outputs_choose_by_their_sign(kind):
    outputs = [0.3, -2.0, 0.0, float("nan"), 1e-9, -1e-9]
    curve = dk.psychometric_curve(kind(outputs), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    assert (curve.n_trials.tolist(), curve.n_chosen.tolist(), curve.n_undecided) == ([2, 2], [1, 1], 2)
    assert "2 without a choice" in repr(curve)
    assert dk.psychometric_curve(np.array([1, -1, 0]), [1.0, 2.0, 3.0]).n_undecided == 1


@pytest.mark.parametrize(
    ("choices", "strengths", "words"),
    [
        ([1.0, -1.0], [1.0], r"choices must have shape \(1\)"),
        ([[1.0]], [1.0], "choices must have shape"),
        ([1.0], [[1.0]], r"strengths must have shape \(trial\)"),
        ([1.0], [np.nan], "strengths must be finite"),
        ([0.0, np.nan], [1.0, 2.0], "at least one choice"),
        (["left"], [1.0], "choices must be real"),
        ([], [], "at least one choice"),
    ],
)
def test_bad_arguments_are_named(choices, strengths, words):
    with pytest.raises(dk.InputError, match=words):
        dk.psychometric_curve(choices, strengths)


def test_saved_and_loaded_is_the_same(tmp_path):
    curve = dk.psychometric_curve(*drawn(20.0, 0.4, 20))
    curve.save(tmp_path / "curve")
    assert dk.load(tmp_path / "curve") == curve
