"""How a network spikes, if it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ... import plots
from ...analysis import SpikeStatistics, spike_statistics
from ...errors import InputError
from ...report import Column, Figure, Finder, Stage, Table, Words
from ...systems import Recording
from ..subject import Subject

RASTERS, INNER_DT = 64, 1.0  # states whose spikes within a step are looked at, and the time of such a spike's step, ms


def _count(subject: Subject, trajectories: Recording) -> dict[str, Any]:
    system = subject.system
    if system.raster is not None:
        states = trajectories.states[subject.trials.valid.numpy()]
        some = states[np.linspace(0, len(states) - 1, min(RASTERS, len(states))).astype(int)]
        return {"spikes": spike_statistics(system.raster(torch.from_numpy(some).to(system.device)), dt=INNER_DT)}
    if "spikes" not in system.parts:
        raise InputError("the network does not spike: no part of its state is called spikes")
    if system.dt is None:
        raise InputError("the network spikes, but how long a step is (dt in ms) is not known")
    shortest = int(subject.trials.lengths.min())  # rasters are of one length, and silence after a trial is none of its
    return {"spikes": spike_statistics(trajectories.part("spikes")[:, :shortest], dt=system.dt)}


def _words(spikes: SpikeStatistics) -> list[str]:
    return [spikes.headline()]


def _table(spikes: SpikeStatistics) -> dict[str, dict[str, np.ndarray]]:
    return {f"Spikes: {spikes.headline()}": spikes.table()}


def _rate(spikes: SpikeStatistics) -> float:
    return float(np.nanmean(spikes.rates)) if np.isfinite(spikes.rates).any() else np.nan


STAGE = Stage(
    name="spikes",
    about="SpikeStatistics of the trajectories up to the end of the shortest trial, of a network that spikes",
    place=110,
    run=Finder(_count, needs=("trajectories",)),
    columns=(
        Column("rate", "mean rate of the neurons, Hz", _rate, needs=("spikes",)),
    ),
    words=(Words("How it spikes", _words, needs=("spikes",)),),
    figures=(Figure("raster", "The spikes of every neuron in one trial.", plots.plot_raster, needs=("spikes",)),),
    tables=(Table(_table, needs=("spikes",)),),
)
