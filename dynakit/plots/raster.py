"""Spikes as they were: one row per neuron, or per trial, and a mark for each spike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import SpikeStatistics, SpikeTrains, as_spike_trains
from ..checks import count
from . import colours, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALF = 0.4  # of a row: from its middle to either end of a mark


def plot_raster(
    spikes: Any,
    *,
    dt: float | None = None,
    t_stop: float | None = None,
    trial: int = 0,
    neuron: int | None = None,
    colors: Any = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The spikes of all neurons in one trial, or of one neuron in all trials, the first on top.

    Arguments:
        spikes: SpikeStatistics or SpikeTrains; or a raster of 0 and 1, (trial, time, neuron) or (time, neuron); or a
            list with the spike times (ms) of each neuron, or one such list per trial.
        dt: of a raster, one step in ms.
        t_stop: of times, the length of a trial in ms.
        trial: index of the trial.
        neuron: index of the only neuron to draw, a row per trial; None: all neurons, of one trial.
        colors: of the rows, by number of the neuron or of the trial: a dictionary, a list, or one colour for all.
        ax: where to draw.
        kwargs: for the marks (a LineCollection).

    A neuron that never fires keeps its row.  Raises InputError, naming the argument.
    """
    trains = as_spike_trains(spikes, dt=dt, t_stop=t_stop)
    if neuron is None:
        shown = trains[trains.trials == _index("trial", trial, trains.n_trials)]
        rows, what = shown.neurons, "neuron"
        names = spikes.neurons if isinstance(spikes, SpikeStatistics) else np.arange(trains.n_neurons)
    else:
        shown = trains[trains.neurons == _index("neuron", neuron, trains.n_neurons)]
        rows, what = shown.trials, "trial"
        names = np.arange(trains.n_trials)
    ax = style.new_axes(ax, height=min(4.2, 1.4 + 0.12 * len(names)))
    hues = list(colours.of_series(names.tolist(), [style.BLACK] * len(names), colors).values())
    _marks(ax, shown, rows, [hues[row] for row in rows], kwargs)
    _rows(ax, names)
    ax.set_xlim(0, trains.t_stop)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel(what)
    style.despine(ax)
    return ax


def _index(name: str, value: Any, n: int) -> int:
    """An index, counted from the end where it is negative."""
    return count(name, value, least=-n, most=n - 1) % n


def _marks(ax: Any, shown: SpikeTrains, rows: np.ndarray, hues: list[str], kwargs: dict[str, Any]) -> None:
    look = {"colors": hues, "linewidth": 0.8, "gid": "spikes"}
    if "color" in kwargs:
        look.pop("colors")
    ax.vlines(shown.times, rows - HALF, rows + HALF, **(look | kwargs))
    if not len(shown):
        style.say(ax, "no spikes")


def _rows(ax: Any, names: np.ndarray) -> None:
    """Room for every row, and the numbers of some of them."""
    from matplotlib.ticker import MaxNLocator

    ax.set_ylim(len(names) - 0.5, -0.5)
    ticks = np.asarray(MaxNLocator(6, integer=True).tick_values(0, max(1, len(names) - 1)))
    ticks = ticks[(ticks >= 0) & (ticks < len(names))].astype(int)
    ax.set_yticks(ticks, [str(names[k]) for k in ticks])
