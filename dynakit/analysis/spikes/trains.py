"""Spike trains: which neuron fired when, in which trial, whatever form they came in.

A raster says it step by step, a list of times spike by spike.  Both become one list of spikes, in the order of
trial and time; a spike of step k of a raster is put at the beginning of that step, k dt.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...checks import number, reals, rectangular
from ...errors import InputError
from ...results import Result, per_item
from ...wording import counted

SLACK = 1e-9  # of a bin: a spike this little before an edge is on it, since k dt is rounded
MOST_BINS = 10**8  # over all trials: more do not fit into memory


class Cells(NamedTuple):
    """Counts of spikes in bins, those that are not zero."""

    trials: np.ndarray  # (cell,)
    bins: np.ndarray  # (cell,)  within the trial
    neurons: np.ndarray  # (cell,)
    counts: np.ndarray  # (cell,)
    n_bins: int  # per trial


@dataclass(frozen=True, kw_only=True, repr=False)
class SpikeTrains(Result):
    """Spikes in the order of trial and time, one entry per spike.

    Attributes:
        times: (spike,) ms since the start of its trial
        neurons: (spike,) which neuron fired
        trials: (spike,) in which trial
        n_neurons: silent ones included
        n_trials: all of one length
        t_stop: ms, the length of a trial
        dt: ms, the step of the raster they were read from
    """

    times: np.ndarray = per_item()
    neurons: np.ndarray = per_item()
    trials: np.ndarray = per_item()
    n_neurons: int
    n_trials: int
    t_stop: float
    dt: float | None = None

    def headline(self) -> str:
        return (
            f"{counted(len(self), 'spike')} of {counted(self.n_neurons, 'neuron')} "
            f"in {counted(self.n_trials, 'trial')} of {self.t_stop:g} ms"
        )

    def of(self, neurons: np.ndarray) -> SpikeTrains:
        """The trains of these neurons alone, numbered anew in their order."""
        new = np.full(self.n_neurons, -1)
        new[neurons] = np.arange(len(neurons))
        kept = new[self.neurons] >= 0
        return SpikeTrains(
            times=self.times[kept],
            neurons=new[self.neurons[kept]],
            trials=self.trials[kept],
            n_neurons=len(neurons),
            n_trials=self.n_trials,
            t_stop=self.t_stop,
            dt=self.dt,
        )

    def train_by_train(self) -> tuple[np.ndarray, np.ndarray]:
        """The times (spike,) of one train after the other, and which train each is of: neuron + n_neurons trial."""
        train = self.neurons + self.n_neurons * self.trials
        order = np.argsort(train, kind="stable")
        return self.times[order], train[order]

    def binned(self, bin_size: float) -> Cells:
        """Spikes per bin of ``bin_size`` ms; what follows the last full bin of a trial is left out."""
        n_bins = int(self.t_stop / bin_size + SLACK)
        bins = np.floor(self.times / bin_size + SLACK).astype(np.int64)
        inside = bins < n_bins
        where = (self.trials[inside] * n_bins + bins[inside]) * self.n_neurons + self.neurons[inside]
        filled, counts = np.unique(where, return_counts=True)
        rest, neurons = np.divmod(filled, self.n_neurons)
        trials, bins = np.divmod(rest, max(n_bins, 1))
        return Cells(trials, bins, neurons, counts, n_bins)


def as_spike_trains(spikes: Any, *, dt: Any = None, t_stop: Any = None) -> SpikeTrains:
    """Trains from a raster, from lists of times, or as they are.

    Arguments:
        spikes: an array or tensor of 0 and 1, (trial, time, neuron) or (time, neuron), or a list with the spike times
            (ms) of each neuron, or a list of such lists, one per trial; or SpikeTrains, or what has ``trains`` and
            ``neurons`` (SpikeStatistics).
        dt: of a raster, one step in ms.
        t_stop: of times, the length of a trial in ms.

    Raises InputError, naming the argument: other values than 0 and 1, no neurons, times that do not rise, are
    negative or come after ``t_stop``.
    """
    known = spikes if isinstance(spikes, SpikeTrains) else getattr(spikes, "trains", None)
    if isinstance(known, SpikeTrains):
        _not_wanted(dt, t_stop, "spikes that know their times")
        return known if known is spikes else known.of(spikes.neurons)
    if isinstance(spikes, (list, tuple)):
        if any(getattr(one, "ndim", 1) > 1 for one in spikes):
            raise InputError(
                "spikes is a list of rasters; give one array (trial, time, neuron) of equally long trials, or them "
                "one by one"
            )
        return _from_times(spikes, dt, t_stop)
    if not hasattr(spikes, "shape"):
        raise InputError(
            "spikes must be a raster (an array of 0 and 1), a list with the spike times of each neuron, or "
            f"SpikeTrains, got {type(spikes).__name__}"
        )
    return _from_raster(spikes, dt, t_stop)


def bin_width(name: str, value: Any, trains: SpikeTrains) -> float:
    """``value`` as a width of bins in ms that a trial of ``trains`` can be cut into."""
    width, n_trials = number(name, value, above=0.0, closed=False), trains.n_trials
    if width > trains.t_stop * (1 + SLACK):
        raise InputError(f"{name} must be no longer than a trial of {trains.t_stop:g} ms, got {width:g} ms")
    least = n_trials * trains.t_stop / MOST_BINS
    if width < least:
        raise InputError(
            f"{name} must be at least {least:g} ms, for {MOST_BINS:g} bins in all, got {width:g} ms"
        )
    return width


def _not_wanted(dt: Any, t_stop: Any, what: str) -> None:
    for name, value in (("dt", dt), ("t_stop", t_stop)):
        if value is not None:
            raise InputError(f"{name} must be left out with {what}, got {value!r}")


def _from_raster(spikes: Any, dt: Any, t_stop: Any) -> SpikeTrains:
    _not_wanted(None, t_stop, "a raster, whose length is known")
    if dt is None:
        raise InputError("dt must be given with a raster: the length of a step in ms")
    dt = number("dt", dt, above=0.0, closed=False)
    if hasattr(spikes, "detach"):
        on_cpu = spikes.detach().cpu()  # and in float64, since bfloat16 has no NumPy counterpart
        spikes = on_cpu.double() if on_cpu.is_floating_point() else on_cpu
    raster = rectangular("spikes", spikes)
    if raster.ndim not in (2, 3) or raster.dtype.kind not in "biuf":
        raise InputError(
            "spikes must be a raster of 0 and 1, (trial, time, neuron) or (time, neuron), "
            f"got shape {raster.shape} of dtype {raster.dtype}"
        )
    if not raster.size:
        raise InputError(
            f"spikes must have at least one trial, one step and one neuron, got shape {raster.shape}"
        )
    wrong = (raster != 0) & (raster != 1)
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"spikes must hold 0 and 1 only, but {int(wrong.sum())} of {raster.size} values are neither; "
            f"the first is {raster[first]} at index {first}"
        )
    raster = raster[None] if raster.ndim == 2 else raster
    trials, steps, neurons = np.nonzero(raster)
    return SpikeTrains(
        times=steps * dt,
        neurons=neurons,
        trials=trials,
        n_neurons=raster.shape[2],
        n_trials=raster.shape[0],
        t_stop=raster.shape[1] * dt,
        dt=dt,
    )


def _from_times(spikes: Sequence[Any], dt: Any, t_stop: Any) -> SpikeTrains:
    _not_wanted(dt, None, "lists of spike times, which are in ms (a raster is an array)")
    if t_stop is None:
        raise InputError("t_stop must be given with spike times: the length of a trial in ms")
    t_stop = number("t_stop", t_stop, above=0.0, closed=False)
    trials = list(spikes) if any(_is_trial(item) for item in spikes) else [spikes]
    sizes = {len(trial) if isinstance(trial, (list, tuple)) else -1 for trial in trials}
    if len(sizes) != 1 or not min(sizes) > 0:
        raise InputError(
            "spikes must list the spike times of at least one neuron, and of as many in every trial"
            f"{f', got {sorted(sizes)} neurons' if min(sizes) >= 0 else ''}"
        )
    flat = list(itertools.chain.from_iterable(trials))
    n_neurons = sizes.pop()
    trains = [_checked_times(k, train, n_neurons, t_stop) for k, train in enumerate(flat)]
    which = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    times = np.concatenate(trains)
    order = np.lexsort((times, which // n_neurons))
    return SpikeTrains(
        times=times[order],
        neurons=which[order] % n_neurons,
        trials=which[order] // n_neurons,
        n_neurons=n_neurons,
        n_trials=len(trials),
        t_stop=t_stop,
    )


def _is_trial(item: Any) -> bool:
    """Whether this holds trains: one that holds numbers is a train itself."""
    return isinstance(item, (list, tuple)) and any(
        isinstance(train, (list, tuple)) or getattr(train, "ndim", 0) > 0 for train in item
    )


def _checked_times(k: int, train: Any, n_neurons: int, t_stop: float) -> np.ndarray:
    name = f"spikes (trial {k // n_neurons}, neuron {k % n_neurons})"
    times = reals(name, train, integers=True)
    if times.ndim != 1:
        raise InputError(f"{name} must be a list of times in ms, got shape {times.shape}")
    falls = np.flatnonzero(np.diff(times) <= 0)
    if len(falls):
        i = int(falls[0])
        raise InputError(f"{name} must be times that rise, but {times[i + 1]:g} ms follows {times[i]:g} ms")
    if len(times) and not 0 <= times[0] <= times[-1] <= t_stop:
        raise InputError(
            f"{name} must be times from 0 to t_stop = {t_stop:g} ms, got {times[0]:g} to {times[-1]:g} ms"
        )
    return times
