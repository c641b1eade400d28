"""Spike trains whose statistics are known: Poisson and gamma processes, clocks, copies and single spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit.errors import InputError

T = 100_000.0  # ms


def gamma_trains(k: float, n: int, seed: int = 0) -> list[np.ndarray]:
    """n trains of about 5000 intervals whose distribution is a gamma of shape k; k = 1 is a Poisson process."""
    rng = np.random.default_rng(seed)
    times = [np.cumsum(rng.gamma(k, 20 / k, size=6000)) for _ in range(n)]
    return [t[t < T] for t in times]


def within_four_errors(values: np.ndarray, expected: float, atol: float = 0.0) -> bool:
    """Whether the mean of independent estimates is the expected one."""
    return abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values)) + atol


# --- one neuron -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 4, 9])
def test_gamma_processes_have_the_measures_of_theory(k):
    found = dk.spike_statistics(gamma_trains(k, 40), t_stop=T, R=0.0)
    bias = 1e-3  # of a ratio of estimates from 5000 intervals
    assert within_four_errors(found.cv, 1 / np.sqrt(k), bias)
    assert within_four_errors(found.lv, 3 / (2 * k + 1), bias)
    assert within_four_errors(found.lvr, 3 / (2 * k + 1), bias)  # without refractoriness LvR is LV
    assert within_four_errors(found.rates, 50.0, 0.1)


def test_cv2_of_a_poisson_process_is_one():
    """I / (I + I') is uniform, so that the contrast 2 |I' - I| / (I + I') has mean 1."""
    assert within_four_errors(dk.spike_statistics(gamma_trains(1, 40), t_stop=T).cv2, 1.0)


def test_refractoriness_raises_lvr_as_its_formula_says():
    """Intervals 2 and 6: 3 (4/8)^2 (1 + 4 R / 8)."""
    found = dk.spike_statistics([[1.0, 3.0, 9.0]], t_stop=10.0, R=4.0)
    assert_allclose([found.lv[0], found.lvr[0], found.cv2[0], found.cv[0]], [0.75, 2.25, 1.0, 0.5])
    assert dk.spike_statistics([[1.0, 3.0, 9.0]], t_stop=10.0).lvr[0] == 0.75 * (1 + 20 / 8)


def test_a_clock_does_not_vary():
    raster = np.zeros((1000, 1), bool)
    raster[3::7] = True
    found = dk.spike_statistics(raster, dt=0.1)
    assert_allclose([found.cv, found.cv2, found.lv, found.lvr], 0, atol=1e-12)
    assert_allclose(found.rates, 1000 / 0.7, rtol=1e-2)
    assert found.n_intervals.tolist() == [raster.sum() - 1]


def test_intervals_end_with_the_trial():
    """Two clocks of 10 and 30 ms: pooled intervals, but none from one trial to the next."""
    trials = [[[5.0, 15.0, 25.0, 35.0]], [[0.0, 30.0, 60.0, 90.0]]]
    found = dk.spike_statistics(trials, t_stop=100.0)
    assert found.n_intervals.tolist() == [6]
    assert_allclose(found.cv, 10 / 20)
    assert_allclose([found.cv2, found.lv], 0, atol=1e-12)
    assert_allclose(found.rates, 8 / 0.2)


def test_where_there_are_too_few_spikes_nothing_is_said():
    found = dk.spike_statistics([[], [1.0], [1.0, 2.0], [1.0, 2.0, 4.0]], t_stop=10.0)
    assert_array_equal(np.isfinite(found.cv), [False, False, False, True])
    assert_array_equal(np.isfinite(found.lv), [False, False, False, True])
    assert found.n_valid == {"rates": 4, "cv": 1, "cv2": 1, "lv": 1, "lvr": 1, "fanofactor": 3}
    assert (found.means["cv"], found.mean_rate, found.n_silent) == (found.cv[3], 150.0, 1)


# --- counts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [None, 25.0])
def test_poisson_counts_have_a_fano_factor_of_one_over_trials(window):
    n = 200
    raster = np.random.default_rng(0).random((n, 100, 60)) < 0.002  # Bernoulli(p): Fano factor 1 - p
    found = dk.spike_statistics(raster, dt=1.0, window=window)
    assert found.fano_over == "trials"
    assert within_four_errors(found.fanofactor, (1 - 1 / n) * (1 - 0.002), 1e-3)


def test_poisson_counts_have_a_fano_factor_of_one_over_windows():
    found = dk.spike_statistics(gamma_trains(1, 60), t_stop=T)
    assert (found.fano_over, found.window) == ("windows", 100.0)
    assert within_four_errors(found.fanofactor, 1 - 1 / 1000)


def test_the_fano_factor_of_regular_trains_over_long_windows_is_the_squared_cv():
    """Cox 1962: the Fano factor of a renewal process tends to CV^2, here 1/2."""
    found = dk.spike_statistics(gamma_trains(2, 60), t_stop=T, window=2000.0)
    assert within_four_errors(found.fanofactor, 0.5 * (1 - 1 / 50), 5e-3)


def test_fano_factors_by_hand():
    """Counts 1, 3 in the first window over two trials, 2, 2 in the second: (1 / 2 + 0) / 2."""
    trials = [[[1.0, 11.0, 12.0]], [[1.0, 2.0, 3.0, 11.0, 12.0]]]
    assert_allclose(dk.spike_statistics(trials, t_stop=20.0, window=10.0).fanofactor, 0.25)
    assert_allclose(dk.spike_statistics(trials, t_stop=20.0).fanofactor, 1 / 4)  # 3 and 5
    assert_allclose(dk.spike_statistics(trials[1], t_stop=20.0, window=10.0).fanofactor, 0.25 / 2.5)


# --- many neurons -----------------------------------------------------------------------------------------


def test_chi_is_one_for_copies_and_small_for_strangers():
    signal = np.random.default_rng(0).normal(size=(5, 2000, 1))
    assert_allclose(dk.spikes.chi_synchrony(np.repeat(signal, 30, axis=2)), 1)
    independent = np.random.default_rng(1).normal(size=(5, 2000, 100))
    assert_allclose(dk.spikes.chi_synchrony(independent), 0.1, rtol=0.05)
    assert np.isnan(dk.spikes.chi_synchrony(np.full((10, 3), 0.1)))


def test_chi_of_spikes_is_that_of_their_counts():
    rng = np.random.default_rng(0)
    raster = rng.random((3, 40, 12)) < 0.2
    counts = raster.reshape(3, 10, 4, 12).sum(axis=2).astype(float)
    found = dk.spike_statistics(raster, dt=0.1, bin_size=0.4)
    assert_allclose(found.chi, dk.spikes.chi_synchrony(counts))
    raster[:, :, :4], counts[:, :, :4] = 0, 0  # the silent count among the neurons too
    assert_allclose(dk.spike_statistics(raster, dt=0.1, bin_size=0.4).chi, dk.spikes.chi_synchrony(counts))
    same = dk.spike_statistics(np.repeat(raster[:, :, -1:], 5, axis=2), dt=1.0)
    assert_allclose([same.chi, same.correlation], 1)


def test_the_mean_correlation_is_that_of_the_matrix_and_of_numpy():
    raster = np.random.default_rng(0).random((2, 300, 9)) < np.linspace(0.05, 0.5, 9)
    raster[:, 100:200] |= raster[:, 100:200, :1]
    counts = raster.reshape(120, 5, 9).sum(axis=1)
    oracle = np.corrcoef(counts.T)
    found = dk.spike_statistics(raster, dt=1.0)
    assert_allclose(dk.spikes.correlation_coefficient(found), oracle, atol=1e-12)
    assert_allclose(found.correlation, oracle[np.triu_indices(9, 1)].mean())


def test_a_silent_neuron_has_no_correlation_and_spoils_none():
    raster = np.zeros((100, 3))
    raster[::10, 0] = raster[::10, 1] = 1
    found = dk.spike_statistics(raster, dt=1.0)
    matrix = dk.spikes.correlation_coefficient(found)
    assert_allclose(matrix[:2, :2], 1)
    assert np.isnan(matrix[2]).all()
    assert_allclose(found.correlation, 1)


def test_strangers_have_nothing_in_common():
    trains = gamma_trains(1, 12)
    above = np.triu_indices(12, 1)
    # the correlation of independent counts in B bins has variance 1 / B
    assert abs(dk.spikes.correlation_coefficient(trains, t_stop=T)[above].mean()) < 4 / np.sqrt(
        len(above[0]) * T / 5
    )
    assert abs(dk.spikes.spike_time_tiling_coefficient(trains, t_stop=T)[above].mean()) < 0.005


# --- pairs ------------------------------------------------------------------------------------------------


def test_a_train_is_like_itself():
    train = gamma_trains(1, 1)[0]
    pair = dk.spike_statistics([train, train], t_stop=T)
    assert_allclose(dk.spikes.spike_time_tiling_coefficient(pair), 1)
    assert_allclose(dk.spikes.correlation_coefficient(pair), 1)
    assert_array_equal(dk.spikes.van_rossum_distance(pair), 0)


@pytest.mark.parametrize("d", [0.0, 0.5, 3.0, 80.0])
def test_two_spikes_apart_have_the_distance_of_the_formula(d):
    found = dk.spikes.van_rossum_distance([[10.0], [10.0 + d], []], t_stop=100.0, time_constant=7.0)
    apart = np.sqrt(2 * (1 - np.exp(-d / 7)))
    assert_allclose(found, [[0, apart, 1], [apart, 0, 1], [1, 1, 0]], atol=1e-12)


def test_the_distance_is_that_of_the_blurred_trains():
    """Houghton and Kreuz 2012: the sum over pairs equals the integral."""
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(0, 50, n)) for n in (0, 1, 5, 20)]
    grid = np.linspace(0, 250, 250_001)
    after = [grid[:, None] - t for t in trains]
    blurred = [np.where(a >= 0, np.exp(-np.maximum(a, 0) / 10), 0.0).sum(axis=1) for a in after]
    oracle = [[np.sqrt(2 / 10 * ((a - b) ** 2).sum() * 1e-3) for b in blurred] for a in blurred]
    assert_allclose(dk.spikes.van_rossum_distance(trains, t_stop=50.0), oracle, rtol=2e-3)


def test_over_trials_distances_are_a_root_mean_square_and_never_reach_across():
    trials = [[[49.0], [1.0]], [[], [1.0]]]
    squares = [2 * (1 - np.exp(-48 / 10)), 1]
    assert_allclose(dk.spikes.van_rossum_distance(trials, t_stop=50.0)[0, 1], np.sqrt(np.mean(squares)))


def test_no_tile_reaches_into_the_next_trial():
    found = dk.spikes.spike_time_tiling_coefficient([[[49.0], []], [[], [1.0]]], t_stop=50.0)
    assert_allclose(found[0, 1], -6 / 100)  # each covers 6 of 100 ms


def test_tiling_by_hand():
    """A at 10 and 50, B at 12, within 5 of 100 ms: P_A = 1/2, P_B = 1, T_A = 20 %, T_B = 10 %."""
    found = dk.spikes.spike_time_tiling_coefficient([[10.0, 50.0], [12.0]], t_stop=100.0)
    expected = 0.5 * ((0.5 - 0.1) / (1 - 0.5 * 0.1) + (1 - 0.2) / (1 - 1 * 0.2))
    assert_allclose(found, [[1, expected], [expected, 1]])


def test_tiles_overlap_and_end_with_the_trial():
    """A at 2 and 6 covers 0 to 11 of 20 ms, B at 19 the last 6 of them: no coincidence."""
    found = dk.spikes.spike_time_tiling_coefficient([[2.0, 6.0], [19.0]], t_stop=20.0)
    assert_allclose(found[0, 1], 0.5 * (-6 / 20 - 11 / 20))


def test_a_coincidence_on_the_edge_of_the_window_counts_whatever_the_step():
    raster = np.zeros((400, 2))
    raster[[0, 3], [0, 1]] = 1  # 3 * 0.1 > 0.3 in floating point
    assert dk.spikes.spike_time_tiling_coefficient(raster, dt=0.1, window=0.3)[0, 1] == 1
    assert dk.spikes.spike_time_tiling_coefficient(raster, dt=0.1, window=0.2)[0, 1] < 0


def test_trains_that_tile_all_time_are_alike():
    """0/0 counts as 1 (Cutts and Eglen 2014)."""
    assert_allclose(dk.spikes.spike_time_tiling_coefficient([[5.0], [4.0]], t_stop=10.0, window=20.0), 1)
    assert np.isnan(dk.spikes.spike_time_tiling_coefficient([[5.0], []], t_stop=10.0)[0, 1])
    for dt in (0.1, 0.3, 0.7):  # the sum of all tiles is rounded
        assert_allclose(dk.spikes.spike_time_tiling_coefficient(np.ones((37, 3)), dt=dt), 1, rtol=0)


# --- forms ------------------------------------------------------------------------------------------------


def test_every_form_of_the_same_spikes_gives_the_same_answer():
    raster = np.random.default_rng(0).random((4, 200, 5)) < 0.1
    times = [[np.flatnonzero(raster[k, :, i]) * 0.5 for i in range(5)] for k in range(4)]
    answers = [
        dk.spike_statistics(form, dt=0.5)
        for form in (raster, raster.astype(np.uint8), raster.astype(float), torch.from_numpy(raster))
    ]
    answers.append(dk.spike_statistics(times, t_stop=100.0))
    answers.append(dk.spike_statistics(dk.as_spike_trains(torch.from_numpy(raster).bfloat16(), dt=0.5)))
    for name in ("cv", "lvr", "fanofactor", "chi", "correlation", "counts"):
        for other in answers[1:]:
            assert_array_equal(getattr(other, name), getattr(answers[0], name), err_msg=name)


def test_permuting_neurons_permutes_the_results():
    raster = np.random.default_rng(0).random((3, 200, 6)) < 0.1
    order = [3, 0, 5, 1, 4, 2]
    found, permuted = (dk.spike_statistics(r, dt=1.0) for r in (raster, raster[:, :, order]))
    assert_array_equal(permuted.cv, found.cv[order])
    assert_allclose(permuted.chi, found.chi)
    for measure in (
        dk.spikes.van_rossum_distance,
        dk.spikes.spike_time_tiling_coefficient,
        dk.spikes.correlation_coefficient,
    ):
        assert_allclose(measure(permuted), measure(found)[np.ix_(order, order)])
        assert_allclose(measure(found[order]), measure(permuted))


def test_save_and_load_is_the_identity(tmp_path):
    found = dk.spike_statistics([[1.0, 3.0, 9.0], []], t_stop=10.0)
    found.save(tmp_path / "spikes")
    assert dk.load(tmp_path / "spikes") == found
    assert "2 neurons" in repr(found)
    assert "1 silent" in repr(found)


def test_no_spike_at_all_is_an_answer():
    found = dk.spike_statistics(np.zeros((2, 10, 3)), dt=1.0)
    assert_array_equal(found.rates, 0)
    assert np.isnan([found.chi, found.correlation]).all()
    assert_array_equal(dk.spikes.van_rossum_distance(found), 0)
    assert np.isnan(dk.spikes.spike_time_tiling_coefficient(found)).all()
    assert found.headline() == "3 neurons, 0 Hz, 3 silent"


def test_one_bin_may_be_the_whole_trial_whatever_the_rounding():
    raster = np.eye(7)[:, :2]
    assert 7 * 0.7 < 4.9  # in floating point
    assert dk.spike_statistics(raster, dt=0.7, bin_size=4.9).bin_size == 4.9
    assert np.isnan(dk.spikes.correlation_coefficient(raster, dt=0.7, bin_size=4.9)).all()


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spikes", "options", "message"),
    [
        (
            np.full((5, 2), 2),
            {"dt": 1.0},
            r"spikes must hold 0 and 1 only, but 10 of 10 .* 2 at index \(0, 0\)",
        ),
        (np.full((5, 2), np.nan), {"dt": 1.0}, "spikes must hold 0 and 1 only"),
        (np.zeros((5, 0)), {"dt": 1.0}, "spikes must have at least one trial, one step and one neuron"),
        (np.zeros(5), {"dt": 1.0}, r"spikes must be a raster .* got shape \(5,\)"),
        (np.zeros((5, 2)), {}, "dt must be given with a raster"),
        (np.zeros((5, 2)), {"dt": 0.0}, "dt must be a finite number in"),
        (np.zeros((5, 2)), {"dt": -1.0}, "dt must be a finite number in"),
        (np.zeros((5, 2)), {"dt": 1.0, "t_stop": 5.0}, "t_stop must be left out with a raster"),
        ("spikes", {"dt": 1.0}, "spikes must be a raster .* got str"),
        ([], {"t_stop": 5.0}, "spikes must list the spike times of at least one neuron"),
        ([[[1.0], [2.0]], [[1.0]]], {"t_stop": 5.0}, r"as many in every trial, got \[1, 2\] neurons"),
        ([[1.0]], {}, "t_stop must be given with spike times"),
        ([[1.0]], {"t_stop": -5.0}, "t_stop must be a finite number in"),
        ([[1.0]], {"t_stop": np.nan}, "t_stop must be a finite number in"),
        (np.zeros((5, 2)), {"dt": np.nan}, "dt must be a finite number in"),
        (
            [[1, 0], [0, 1]],
            {"dt": 1.0},
            r"dt must be left out with lists of spike times, .* \(a raster is an array\)",
        ),
        (
            [[1.0], [-1.0]],
            {"t_stop": 5.0},
            r"spikes \(trial 0, neuron 1\) must be times from 0 to t_stop = 5 ms",
        ),
        ([[1.0], [6.0]], {"t_stop": 5.0}, r"neuron 1\) must be times from 0 to t_stop"),
        ([[2.0, 1.0]], {"t_stop": 5.0}, "must be times that rise, but 1 ms follows 2 ms"),
        ([[1.0, 1.0]], {"t_stop": 5.0}, "must be times that rise"),
        ([[1.0, np.nan]], {"t_stop": 5.0}, r"spikes \(trial 0, neuron 0\) must be finite"),
        ([1.0, 2.0], {"t_stop": 5.0}, r"spikes \(trial 0, neuron 0\) must be a list of times in ms"),
        ([[1.0]], {"t_stop": 50.0, "bin_size": 60.0}, "bin_size must be no longer than a trial of 50 ms"),
        (
            [[1.0]],
            {"t_stop": 50.0, "bin_size": 1e-8},
            "bin_size must be at least 5e-07 ms, for 1e.08 bins in all",
        ),
        ([[[1.0]]] * 2, {"t_stop": 50.0, "window": 6e-7}, "window must be at least 1e-06 ms"),
        ([[1.0]], {"t_stop": 50.0, "window": 0.0}, "window must be a finite number in"),
        ([[1.0]], {"t_stop": 50.0, "R": -1.0}, "R must be a finite number in"),
    ],
)
def test_bad_input_is_named(spikes, options, message):
    with pytest.raises(InputError, match=message):
        dk.spike_statistics(spikes, **options)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda s: dk.spikes.van_rossum_distance(s, time_constant=0.0),
            "time_constant must be a finite number",
        ),
        (lambda s: dk.spikes.spike_time_tiling_coefficient(s, window=-1.0), "window must be a finite number"),
        (
            lambda s: dk.spikes.van_rossum_distance(s, time_constant=np.nan),
            "time_constant must be a finite number",
        ),
        (lambda s: dk.spikes.correlation_coefficient(s, bin_size=1e-9), "bin_size must be at least 5e-08 ms"),
        (
            lambda s: dk.spikes.correlation_coefficient(s, bin_size=99.0),
            "bin_size must be no longer than a trial of 5 ms",
        ),
        (
            lambda s: dk.spikes.correlation_coefficient(s, dt=1.0),
            "dt must be left out with spikes that know their times",
        ),
        (lambda s: dk.spikes.chi_synchrony(np.zeros(5)), "signals must have shape"),
        (lambda s: dk.spikes.chi_synchrony([[np.inf, 1.0]]), "signals must be finite"),
    ],
)
def test_bad_input_to_measures_of_pairs_is_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(dk.spike_statistics([[1.0], [2.0]], t_stop=5.0))
