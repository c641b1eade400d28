"""How often, how regularly and how much together neurons fire.

Regularity is read off the intervals I_1, I_2, ... between the spikes of one trial, pooled over the trials:

    CV  = sd(I) / mean(I)
    CV2 = mean 2 |I' - I| / (I' + I)                            (Holt et al. 1996)
    LV  = mean 3 ((I - I') / (I + I'))^2                        (Shinomoto et al. 2003, eq. 2.2)
    LvR = mean 3 (1 - 4 I I' / (I + I')^2) (1 + 4 R / (I + I')) (Shinomoto et al. 2009, eq. 3)

where I' follows I.  All four are 1 (LvR with R = 0) for a Poisson process and 0 for a clock.  Definitions and names
are those of Elephant (Denker et al. 2018); variances divide by the number of values, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...checks import number, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted
from .trains import Cells, SpikeTrains, as_spike_trains, bin_width

MEASURES = ("rates", "cv", "cv2", "lv", "lvr", "fanofactor")
WINDOW, N_WINDOWS = 100.0, 10  # a single trial is cut into windows of 100 ms, or into ten that are shorter
BIN_SIZE = 5.0  # ms


@dataclass(frozen=True, kw_only=True, repr=False)
class SpikeStatistics(Result):
    """How each neuron fires, NaN where it fires too little to say, and how much the neurons fire together.

    Attributes:
        neurons: (neuron,) its number among the ``trains``
        counts: (neuron,) spikes in all trials
        rates: (neuron,) Hz
        n_intervals: (neuron,) between spikes of one trial, in all trials
        cv: (neuron,) of two intervals at least
        cv2: (neuron,) of one pair of successive intervals at least
        lv: (neuron,) local variation, of one pair of successive intervals at least
        lvr: (neuron,) the same, revised for refractoriness R
        fanofactor: (neuron,) variance of the spike count over its mean
        fano_over: what the count varies over: "trials", or "windows" of the only trial
        window: ms in which spikes are counted for the Fano factor
        bin_size: ms, for the two numbers that follow; they are of all neurons
        chi: synchrony of the counts per bin, 0..1
        correlation: mean over pairs of neurons of the correlation of their counts per bin
        trains: the spikes themselves, in ms
    """

    drawn_by: ClassVar[str] = "plot_raster"

    neurons: np.ndarray = per_item()
    counts: np.ndarray = per_item()
    rates: np.ndarray = per_item()
    n_intervals: np.ndarray = per_item()
    cv: np.ndarray = per_item()
    cv2: np.ndarray = per_item()
    lv: np.ndarray = per_item()
    lvr: np.ndarray = per_item()
    fanofactor: np.ndarray = per_item()
    fano_over: str
    window: float
    bin_size: float
    chi: float
    correlation: float
    trains: SpikeTrains

    @property
    def n_valid(self) -> dict[str, int]:
        """Of how many neurons each measure is defined."""
        return {name: int(np.isfinite(getattr(self, name)).sum()) for name in MEASURES}

    @property
    def means(self) -> dict[str, float]:
        """Each measure's mean over the neurons for which it is defined; NaN where there are none."""
        valid = self.n_valid
        return {
            name: float(np.nansum(getattr(self, name)) / n) if n else float("nan")
            for name, n in valid.items()
        }

    @property
    def mean_rate(self) -> float:
        """Hz, of all neurons."""
        return self.means["rates"]

    @property
    def n_silent(self) -> int:
        """Neurons that never fire."""
        return int((self.counts == 0).sum())

    def headline(self) -> str:
        said = [counted(len(self), "neuron"), f"{self.mean_rate:.3g} Hz"]
        names = {"cv": "CV", "lv": "LV", "fanofactor": "Fano factor"}
        said += [
            f"{label} {self.means[name]:.2f} (of {self.n_valid[name]})"
            for name, label in names.items()
            if self.n_valid[name]
        ]
        said += [f"{self.n_silent} silent"] if self.n_silent else []
        return ", ".join([*said, f"synchrony {self.chi:.2f}"] if np.isfinite(self.chi) else said)


@with_provenance
def spike_statistics(
    spikes: Any,
    *,
    dt: float | None = None,
    t_stop: float | None = None,
    window: float | None = None,
    bin_size: float | None = None,
    R: float = 5.0,
) -> SpikeStatistics:
    """Rates, regularity, Fano factors and synchrony of recorded spikes.

    Arguments:
        spikes: a raster of 0 and 1 (an array or tensor), (trial, time, neuron) or (time, neuron); or a list with the
            spike times (ms) of each neuron, or one such list per trial; or SpikeTrains.
        dt: of a raster, one step in ms.
        t_stop: of times, the length of a trial in ms.
        window: ms in which spikes are counted for the Fano factor; None: the whole trial where there are several
            trials, else 100 ms, or a tenth of a trial shorter than a second.
        bin_size: ms, of the counts whose synchrony and correlation are taken; their bins run on over the trials.  None:
            5 ms, or the whole of a shorter trial.
        R: refractoriness of LvR in ms.

    The Fano factor is the variance over the mean of a window's count over the trials, averaged over the windows that
    have spikes; of a single trial, that of the count over its windows (``fano_over`` says which).  With n trials, or
    windows, its expectation for a Poisson process is 1 - 1/n.  Chi is that of ``dk.spikes.chi_synchrony``.  Matrices
    over pairs of neurons: ``dk.spikes.correlation_coefficient``, ``dk.spikes.spike_time_tiling_coefficient``,
    ``dk.spikes.van_rossum_distance``.

    Raises:
        InputError: naming the argument (see the messages).

    >>> import dynakit as dk
    >>> clock = dk.spike_statistics([[10.0, 20.0, 30.0, 40.0], []], t_stop=50.0)
    >>> clock.rates, clock.cv
    (array([80.,  0.]), array([ 0., nan]))
    """
    trains = as_spike_trains(spikes, dt=dt, t_stop=t_stop)
    bin_size = bin_width("bin_size", min(BIN_SIZE, trains.t_stop) if bin_size is None else bin_size, trains)
    if window is None:
        window = trains.t_stop if trains.n_trials > 1 else min(WINDOW, trains.t_stop / N_WINDOWS)
    window = bin_width("window", window, trains)
    R = number("R", R, above=0.0)
    counts = np.bincount(trains.neurons, minlength=trains.n_neurons)
    chi, correlation = _together(trains, bin_size)
    return SpikeStatistics(
        neurons=np.arange(trains.n_neurons),
        counts=counts,
        rates=1000 * counts / (trains.n_trials * trains.t_stop),
        **_regularity(trains, R),
        fanofactor=_fano(trains, window),
        fano_over="trials" if trains.n_trials > 1 else "windows",
        window=window,
        bin_size=bin_size,
        chi=chi,
        correlation=correlation,
        trains=trains,
    )


def chi_synchrony(signals: Any) -> float:
    """How far signals move together: 1 where all are the same, about 1/sqrt(N) where N are independent.

    chi^2 = Var_t(mean_i V_i) / mean_i Var_t(V_i) (Golomb 2007).  ``signals``: (time, neuron) or (trial, time, neuron),
    for example voltages; time runs on over the trials.  NaN where nothing varies.  Raises InputError, naming
    ``signals``, if they are not finite numbers of that shape.
    """
    values = reals("signals", signals, (..., "time", "neuron"))
    if values.ndim not in (2, 3) or not values.size:
        raise InputError(
            f"signals must have shape (trial, time, neuron) or (time, neuron), got {values.shape}"
        )
    values = values.reshape(-1, values.shape[-1])
    values -= values[0].copy()  # so that what is constant has a variance of zero, without rounding
    return _chi(float(values.mean(axis=1).var()), float(values.var(axis=0).mean()))


def _chi(together: float, alone: float) -> float:
    return float(np.sqrt(together / alone)) if alone > 0 else float("nan")


def _regularity(trains: SpikeTrains, R: float) -> dict[str, Any]:
    """The measures of intervals, and the number of these."""
    times, train = trains.train_by_train()
    same = train[1:] == train[:-1]
    intervals, train = np.diff(times)[same], train[1:][same]
    neuron, n = train % trains.n_neurons, trains.n_neurons
    n_intervals = np.bincount(neuron, minlength=n)
    means = _mean_per_neuron(intervals, neuron, n, least=2)
    variances = _mean_per_neuron((intervals - means[neuron]) ** 2, neuron, n, least=2)
    follow = train[1:] == train[:-1]
    first, second, neuron = intervals[:-1][follow], intervals[1:][follow], neuron[1:][follow]
    sums, contrast = first + second, np.abs(second - first) / (first + second)
    # 1 - 4 I I' / (I + I')^2 is the contrast squared
    return {
        "n_intervals": n_intervals,
        "cv": np.sqrt(variances) / means,
        "cv2": _mean_per_neuron(2 * contrast, neuron, n),
        "lv": _mean_per_neuron(3 * contrast**2, neuron, n),
        "lvr": _mean_per_neuron(3 * contrast**2 * (1 + 4 * R / sums), neuron, n),
    }


def _mean_per_neuron(values: np.ndarray, neuron: np.ndarray, n: int, *, least: int = 1) -> np.ndarray:
    """(neuron,), NaN where there are fewer than ``least`` values."""
    sums, counts = np.bincount(neuron, values, n), np.bincount(neuron, minlength=n)
    return np.divide(sums, counts, out=np.full(n, np.nan), where=counts >= least)


def _fano(trains: SpikeTrains, window: float) -> np.ndarray:
    cells, n = trains.binned(window), trains.n_neurons
    over_trials = trains.n_trials > 1
    groups = cells.neurons + n * cells.bins if over_trials else cells.neurons
    n_groups, n_counts = (n * cells.n_bins, trains.n_trials) if over_trials else (n, cells.n_bins)
    if n_counts < 2:
        return np.full(n, np.nan)
    sums = np.bincount(groups, cells.counts, n_groups)
    spread = n_counts * np.bincount(groups, cells.counts**2, n_groups) - sums**2
    fired = np.flatnonzero(sums)
    return _mean_per_neuron(spread[fired] / (n_counts * sums[fired]), fired % n, n)


def _together(trains: SpikeTrains, bin_size: float) -> tuple[float, float]:
    """Chi and the mean correlation of counts per bin, without a matrix: both follow from sums over the neurons."""
    cells = trains.binned(bin_size)
    total = cells.n_bins * trains.n_trials
    spreads = count_spreads(cells, trains)
    vary = spreads > 0
    n = int(vary.sum())
    if not n:
        return float("nan"), float("nan")
    bins = cells.bins + cells.n_bins * cells.trials
    chi = _chi(np.bincount(bins, cells.counts, total).var() / trains.n_neurons**2, float((spreads**2).mean()))
    if n < 2:
        return chi, float("nan")
    scores = cells.counts / np.where(vary, spreads, np.inf)[cells.neurons]
    # the variance of a sum of n standardized counts is n, plus the correlations of all n (n - 1) ordered pairs
    return chi, float((np.bincount(bins, scores, total).var() - n) / (n * (n - 1)))


def count_spreads(cells: Cells, trains: SpikeTrains) -> np.ndarray:
    """Standard deviation of each neuron's count per bin, (neuron,), exactly zero where the count is constant."""
    total, n = cells.n_bins * trains.n_trials, trains.n_neurons
    sums = np.bincount(cells.neurons, cells.counts, n)
    return np.sqrt(total * np.bincount(cells.neurons, cells.counts**2, n) - sums**2) / total
