"""One list of spikes from every form: counts, intervals and bins that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit.analysis.spikes import SpikeTrains, as_spike_trains
from dynakit.errors import InputError


@pytest.fixture
def clocks():
    """Two trials of 12 steps of 0.5 ms: neuron 0 fires every third step, neuron 2 every fourth, neuron 1 never."""
    raster = np.zeros((2, 12, 3), bool)
    raster[:, ::3, 0] = True
    raster[1, 1::4, 2] = True
    return raster


def test_spikes_come_trial_by_trial_in_the_order_of_time(clocks):
    trains = as_spike_trains(clocks, dt=0.5)
    assert (trains.n_trials, trains.n_neurons, trains.t_stop, trains.dt) == (2, 3, 6.0, 0.5)
    assert trains.trials.tolist() == [0] * 4 + [1] * 7
    assert trains.times.tolist() == [0, 1.5, 3, 4.5, 0, 0.5, 1.5, 2.5, 3, 4.5, 4.5]
    assert trains.neurons.tolist() == [0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2]
    assert trains.headline() == "11 spikes of 3 neurons in 2 trials of 6 ms"


def test_a_raster_without_trials_is_one_trial(clocks):
    one, same = as_spike_trains(clocks[1], dt=0.5), as_spike_trains(clocks[1:], dt=0.5)
    assert one == same


def test_lists_of_times_are_the_same_spikes(clocks):
    times = [[np.flatnonzero(clocks[k, :, i]) * 0.5 for i in range(3)] for k in range(2)]
    raster, lists = as_spike_trains(clocks, dt=0.5), as_spike_trains(times, t_stop=6.0)
    for name in ("times", "neurons", "trials", "n_neurons", "n_trials", "t_stop"):
        assert_array_equal(getattr(lists, name), getattr(raster, name), err_msg=name)
    assert lists.dt is None


def test_trains_one_after_the_other_have_the_intervals_of_the_clocks(clocks):
    trains = as_spike_trains(torch.from_numpy(clocks), dt=0.5)
    times, which = trains.train_by_train()
    assert which.tolist() == [0] * 4 + [3] * 4 + [5] * 3  # neuron + 3 trial
    intervals = np.diff(times)[np.diff(which) == 0]
    assert_allclose(intervals, [1.5] * 6 + [2.0] * 2)


@pytest.mark.parametrize("order", [[2, 0], [1], [0, 1, 2], [2, 1, 0]])
def test_some_of_the_trains_are_those_of_the_columns(clocks, order):
    some = as_spike_trains(clocks, dt=0.5).of(np.array(order))
    expected = as_spike_trains(clocks[:, :, order], dt=0.5)
    for name in ("times", "trials", "n_neurons", "n_trials", "t_stop", "dt"):
        assert_array_equal(getattr(some, name), getattr(expected, name), err_msg=name)
    counts = [np.bincount(t.neurons, minlength=len(order)) for t in (some, expected)]
    assert_array_equal(*counts)


def test_some_of_the_trains_keep_their_step():
    trains = as_spike_trains(np.eye(6), dt=0.3).of(np.array([4, 1]))
    assert (trains.dt, trains.t_stop, trains.neurons.tolist()) == (0.3, 6 * 0.3, [1, 0])


@pytest.mark.parametrize("width", [1, 2, 3, 5, 12])
def test_bins_hold_the_sums_of_the_raster(clocks, width):
    cells = as_spike_trains(clocks, dt=0.1).binned(0.1 * width)
    n_bins = 12 // width  # the last, incomplete bin of a trial is left out
    expected = clocks[:, : n_bins * width].reshape(2, n_bins, width, 3).sum(axis=2)
    found = np.zeros_like(expected)
    found[cells.trials, cells.bins, cells.neurons] = cells.counts
    assert cells.n_bins == n_bins
    assert_array_equal(found, expected)
    assert (cells.counts > 0).all()


def test_a_spike_on_the_edge_of_a_bin_is_in_the_next_one_whatever_the_rounding():
    assert 3 * 0.3 < 0.9  # in floating point
    cells = as_spike_trains(np.eye(6)[:, 3:4], dt=0.3).binned(0.9)
    assert (cells.bins.tolist(), cells.counts.tolist(), cells.n_bins) == ([1], [1], 2)


def test_trains_are_taken_as_they_are_and_statistics_have_theirs(clocks, tmp_path):
    trains = as_spike_trains(clocks, dt=0.5)
    assert as_spike_trains(trains) is trains
    again = as_spike_trains(dk.spike_statistics(trains)[[2, 0]])
    assert isinstance(again, SpikeTrains)
    assert again == trains.of(np.array([2, 0]))
    trains.save(tmp_path)
    assert dk.load(tmp_path) == trains


@pytest.mark.parametrize(
    ("spikes", "options", "message"),
    [
        (np.eye(3), {}, "dt must be given with a raster"),
        (np.eye(3), {"dt": 1.0, "t_stop": 3.0}, "t_stop must be left out with a raster"),
        (np.eye(3) / 2, {"dt": 1.0}, "spikes must hold 0 and 1 only"),
        (np.array([["a"]]), {"dt": 1.0}, "spikes must be a raster of 0 and 1"),
        (5, {"dt": 1.0}, "spikes must be a raster .* got int"),
        ([[1.0], [3.0, 2.0]], {"t_stop": 5.0}, r"spikes \(trial 0, neuron 1\) must be times that rise"),
        ([[[1.0]], [[7.0]]], {"t_stop": 5.0}, r"spikes \(trial 1, neuron 0\) must be times from 0 to t_stop"),
        (as_spike_trains(np.eye(3), dt=1.0), {"dt": 1.0}, "dt must be left out with spikes that know their times"),
    ],
)
def test_bad_input_is_named(spikes, options, message):
    with pytest.raises(InputError, match=message):
        as_spike_trains(spikes, **options)
