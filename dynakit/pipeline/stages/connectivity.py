"""How the network is wired: the statistics of its recurrent matrix."""

from __future__ import annotations

import dataclasses
from typing import Any

from ... import plots
from ...analysis import GraphStatistics, graph_statistics
from ...errors import InputError
from ...report import Column, Figure, Finder, Stage, Words
from ..subject import Subject

PREFERRED = ("W_rec", "W_n", "W_g")  # of several matrices, the one that carries the state to its candidate


def _read(subject: Subject) -> dict[str, Any]:
    weights = subject.system.recurrent_weights()
    if not weights:
        raise InputError("the network names no recurrent matrix")
    name = next((name for name in PREFERRED if name in weights), next(iter(weights)))
    stats = graph_statistics(weights[name], sign=getattr(subject.model, "sign", None))
    return {"connectivity": dataclasses.replace(stats, name=name)}


def _radius(stats: GraphStatistics) -> float:
    return float(stats.spectral_radius)


def _density(stats: GraphStatistics) -> float:
    return float(stats.density)


STAGE = Stage(
    name="connectivity",
    about="GraphStatistics of the recurrent matrix",
    place=140,
    run=Finder(_read),
    columns=(
        Column("spectral_radius", "of the recurrent matrix", _radius, needs=("connectivity",)),
        Column("density", "of its edges, 0..1", _density, needs=("connectivity",)),
    ),
    words=(Words("How it is wired", GraphStatistics.sentences, needs=("connectivity",)),),
    figures=(
        Figure(
            "connectivity",
            "The recurrent matrix, excitatory units first where units have signs.",
            plots.plot_connectivity,
            needs=("connectivity",),
        ),
        Figure(
            "connectivity_spectrum",
            "Eigenvalues of the recurrent matrix.",
            plots.plot_spectrum,
            needs=("connectivity",),
        ),
    ),
)
