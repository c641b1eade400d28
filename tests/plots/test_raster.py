"""Rasters whose marks are known."""

from __future__ import annotations

import numpy as np
import pytest

import dynakit as dk

TRIALS = [[[1.0, 4.0], [], [2.5]], [[], [3.0], []]]


def marks(ax):
    """(time, row) of every mark, by its middle."""
    (lines,) = [c for c in ax.collections if c.get_gid() == "spikes"]
    return sorted((float(s[0, 0]), float(s[:, 1].mean())) for s in lines.get_segments())


def test_each_spike_is_a_mark_at_its_time_in_the_row_of_its_neuron():
    ax = dk.plots.plot_raster(TRIALS, t_stop=5.0)
    assert marks(ax) == [(1.0, 0.0), (2.5, 2.0), (4.0, 0.0)]
    assert marks(dk.plots.plot_raster(TRIALS, t_stop=5.0, trial=-1)) == [(3.0, 1.0)]


def test_a_raster_and_the_times_of_its_steps_look_the_same():
    raster = np.zeros((10, 3))
    raster[[2, 8, 5], [0, 0, 2]] = 1
    assert marks(dk.plots.plot_raster(raster, dt=0.5)) == marks(dk.plots.plot_raster(TRIALS, t_stop=5.0))


def test_one_neuron_has_a_row_per_trial():
    ax = dk.plots.plot_raster(TRIALS, t_stop=5.0, neuron=1)
    assert marks(ax) == [(3.0, 1.0)]
    assert ax.get_ylabel() == "trial"


def test_time_runs_to_the_end_of_the_trial_and_silent_neurons_keep_their_rows():
    ax = dk.plots.plot_raster([[1.0], [], [], []], t_stop=50.0)
    assert ax.get_xlim() == (0, 50)
    assert ax.get_ylim() == (3.5, -0.5)  # the first neuron on top
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "2", "3"]


def test_some_neurons_of_statistics_keep_their_numbers():
    found = dk.spike_statistics(TRIALS, t_stop=5.0)[[2, 0]]
    ax = dk.plots.plot_raster(found)
    assert marks(ax) == [(1.0, 1.0), (2.5, 0.0), (4.0, 1.0)]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["2", "0"]


def test_silence_is_said():
    ax = dk.plots.plot_raster(np.zeros((5, 2)), dt=1.0)
    assert [t.get_text() for t in ax.texts] == ["no spikes"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trial": 2}, "trial must be between -2 and 1"),
        ({"neuron": 3}, "neuron must be between -3 and 2"),
        ({"t_stop": None}, "t_stop must be given"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(dk.InputError, match=message):
        dk.plots.plot_raster(TRIALS, **({"t_stop": 5.0} | options))
