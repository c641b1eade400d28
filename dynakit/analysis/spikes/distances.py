"""How alike two spike trains are: matrices over pairs of neurons.

Three answers to one question: the correlation of counts per bin, the share of coincidences beyond chance, and a
distance with a time scale.  Definitions and names are those of Elephant (Denker et al. 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...checks import number
from .statistics import count_spreads
from .trains import SpikeTrains, as_spike_trains, bin_width

NEAR = 1e-9  # of a trial: a spike this little beyond a window is on its edge, since k dt is rounded


def correlation_coefficient(
    spikes: Any, *, bin_size: float = 5.0, dt: float | None = None, t_stop: float | None = None
) -> np.ndarray:
    """Pearson's correlation of the spike counts per bin of each pair of neurons, (neuron, neuron).

    ``spikes``, ``dt`` and ``t_stop`` as for :func:`spike_statistics`, or SpikeStatistics; ``bin_size`` in ms, the bins
    of all trials taken together.  NaN for a neuron whose count never changes.  Raises InputError, naming the argument.
    """
    from scipy import sparse

    trains = as_spike_trains(spikes, dt=dt, t_stop=t_stop)
    cells = trains.binned(bin_width("bin_size", bin_size, trains))
    total = cells.n_bins * trains.n_trials
    where = (cells.neurons, cells.bins + cells.n_bins * cells.trials)
    counts = sparse.csr_array((cells.counts.astype(float), where), shape=(trains.n_neurons, total))
    means, spreads = np.asarray(counts.sum(axis=1)) / total, count_spreads(cells, trains)
    spreads = np.where(spreads > 0, spreads, np.nan)
    matrix = ((counts @ counts.T).toarray() / total - np.outer(means, means)) / np.outer(spreads, spreads)
    return np.clip(matrix, -1.0, 1.0)


def spike_time_tiling_coefficient(
    spikes: Any, *, window: float = 5.0, dt: float | None = None, t_stop: float | None = None
) -> np.ndarray:
    """Coincidences of each pair of neurons beyond those of chance, -1..1, whatever their rates: (neuron, neuron).

    STTC = 1/2 [(P_A - T_B) / (1 - P_A T_B) + (P_B - T_A) / (1 - P_B T_A)] (Cutts and Eglen 2014, eq. 4).  P_A is the
    share of A's spikes within ``window`` ms of one of B's, T_A the share of time within ``window`` of one of A's; both
    are taken over all trials.  A quotient 0/0 counts as 1.  NaN for a neuron without spikes.

    ``spikes``, ``dt`` and ``t_stop`` as for :func:`spike_statistics`, or SpikeStatistics.  Raises InputError, naming
    the argument.
    """
    trains = as_spike_trains(spikes, dt=dt, t_stop=t_stop)
    window = _positive("window", window)
    near, tiled = _share_near(trains, window), _share_tiled(trains, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = (near - tiled) / (1 - near * tiled)
    half = np.where((near == 1) & (tiled == 1), 1.0, half)
    return (half + half.T) / 2


def van_rossum_distance(
    spikes: Any, *, time_constant: float = 10.0, dt: float | None = None, t_stop: float | None = None
) -> np.ndarray:
    """Distance of each pair of trains, each spike blurred to exp(-t / time_constant): (neuron, neuron).

    D^2 = (2 / tau) integral (f_A - f_B)^2 dt, so that a single spike is 1 away from silence and two spikes apart by d
    are sqrt(2 (1 - exp(-d / tau))): Elephant's normalisation; divide by sqrt(2) for that of van Rossum (2001, eq. 2).
    Over several trials, the root of the mean of D^2.

    ``spikes``, ``dt`` and ``t_stop`` as for :func:`spike_statistics`, or SpikeStatistics; ``time_constant`` in ms.
    Raises InputError, naming the argument.
    """
    trains = as_spike_trains(spikes, dt=dt, t_stop=t_stop)
    inner = _blurred_products(trains, _positive("time_constant", time_constant))
    norms = np.diagonal(inner)
    squares = norms[:, None] + norms - 2 * inner
    squares[squares < 1e-12 * (norms[:, None] + norms)] = 0.0  # the same trains, but for rounding
    return np.sqrt(squares / trains.n_trials)


def _positive(name: str, value: Any) -> float:
    return number(name, value, above=0.0, closed=False)


def _share_near(trains: SpikeTrains, window: float) -> np.ndarray:
    """[A, B]: the share of A's spikes within ``window`` of one of B's; NaN where A has none or B has none."""
    n = trains.n_neurons
    counts = np.bincount(trains.neurons, minlength=n).astype(float)
    reach = window + NEAR * trains.t_stop
    apart = trains.t_stop + 3 * reach  # from trial to trial: no window reaches into the next
    clock = trains.times + trains.trials * apart
    opens, closes = np.searchsorted(clock, clock - reach), np.searchsorted(clock, clock + reach, "right")
    by_neuron = np.argsort(trains.neurons, kind="stable")
    near = np.full((n, n), np.nan)
    for b, own in enumerate(np.split(by_neuron, np.cumsum(counts[:-1]).astype(int))):
        if len(own):
            edges = np.bincount(opens[own], minlength=len(clock) + 1)
            edges -= np.bincount(closes[own], minlength=len(clock) + 1)
            inside = np.cumsum(edges[:-1]) > 0
            near[:, b] = np.bincount(trains.neurons[inside], minlength=n)
    return np.divide(near, counts[:, None], out=np.full((n, n), np.nan), where=counts[:, None] > 0)


def _share_tiled(trains: SpikeTrains, window: float) -> np.ndarray:
    """(neuron,): the share of time within ``window`` of a spike.

    A spike covers up to the window on either side, but no more than to the edge of the trial or half way to its
    neighbour.
    """
    times, train = trains.train_by_train()
    new = np.concatenate([[True], train[1:] != train[:-1]])[: len(times)]
    between = np.diff(times) / 2
    before = np.where(new, times, np.concatenate([[0.0], between])[: len(times)])
    last = np.concatenate([new[1:], [True]])[: len(times)]
    after = np.where(last, trains.t_stop - times, np.concatenate([between, [0.0]])[: len(times)])
    covered = np.minimum(before, window) + np.minimum(after, window)
    return np.bincount(train % trains.n_neurons, covered, trains.n_neurons) / (
        trains.n_trials * trains.t_stop
    )


def _blurred_products(trains: SpikeTrains, tau: float) -> np.ndarray:
    """[A, B]: the sum of exp(-|a - b| / tau) over the spikes a of A and b of B in the same trial.

    One pass through time with every neuron's trace (Houghton and Kreuz 2012): each spike meets all that came before.
    """
    n = trains.n_neurons
    earlier, trace = np.zeros((n, n)), np.zeros(n)
    if not len(trains):
        return earlier
    new_time = np.flatnonzero((np.diff(trains.times) != 0) | (np.diff(trains.trials) != 0)) + 1
    starts = np.concatenate([[0], new_time])
    decay = np.exp(-np.diff(trains.times[starts], prepend=0.0) / tau)
    decay[np.diff(trains.trials[starts], prepend=0) != 0] = 0.0
    for factor, firing in zip(decay, np.split(trains.neurons, new_time)):
        trace *= factor
        trace[firing] += 0.5  # spikes at one time meet each other, half here and half in the transpose
        earlier[firing] += trace
        trace[firing] += 0.5
    return earlier + earlier.T
