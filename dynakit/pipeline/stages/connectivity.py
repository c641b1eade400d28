"""How the network is wired: the statistics of its recurrent matrix."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ... import plots
from ...analysis import GraphStatistics, LowRankStructure, graph_statistics, low_rank_structure
from ...errors import InputError
from ...report import Column, Figure, Finder, Stage, Words
from ...wording import counted
from ..subject import Subject

PREFERRED = ("W_rec", "W_n", "W_g")  # of several matrices, the one that carries the state to its candidate
DIRECTIONS = 5  # of the matrix that are kept


def _read(subject: Subject) -> dict[str, Any]:
    weights = subject.system.recurrent_weights()
    if not weights:
        raise InputError("the network names no recurrent matrix")
    name = next((name for name in PREFERRED if name in weights), next(iter(weights)))
    stats = graph_statistics(weights[name], sign=getattr(subject.model, "sign", None))
    return {
        "connectivity": dataclasses.replace(stats, name=name),
        "low_rank": low_rank_structure(weights[name], n_directions=DIRECTIONS),
    }


def _sentences(stats: GraphStatistics, structure: LowRankStructure) -> list[str]:
    n = counted(structure.n_outliers, "direction")
    rank = structure.effective_ranks["participation"]
    return [*stats.sentences(), f"{n} beyond what a random matrix of its scale has; effective rank {rank:.3g}"]


def _radius(stats: GraphStatistics) -> float:
    return float(stats.spectral_radius)


def _density(stats: GraphStatistics) -> float:
    return float(stats.density)


def _reciprocity(stats: GraphStatistics) -> float:
    return float(stats.reciprocity)


def _tau(stats: GraphStatistics) -> float:
    return stats.tau


def _balance(stats: GraphStatistics) -> float:
    known = stats.balance[np.isfinite(stats.balance)]
    return float(known.mean()) if len(known) else float("nan")


def _purity(stats: GraphStatistics) -> float:
    known = stats.purity[np.isfinite(stats.purity)]
    return float(known.mean()) if len(known) else float("nan")


def _rank(structure: LowRankStructure) -> float:
    return structure.effective_ranks["participation"]


def _outliers(structure: LowRankStructure) -> float:
    return float(structure.n_outliers)


STAGE = Stage(
    name="connectivity",
    about="GraphStatistics of the recurrent matrix; beside it low_rank, its LowRankStructure",
    place=140,
    run=Finder(_read),
    beside=("low_rank",),
    columns=(
        Column("spectral_radius", "of the recurrent matrix", _radius, needs=("connectivity",)),
        Column("density", "of its edges, 0..1", _density, needs=("connectivity",)),
        Column("reciprocity", "share of its edges whose reverse exists, 0..1", _reciprocity, needs=("connectivity",)),
        Column("weight_reciprocity", "correlation of W_ij and W_ji, -1..1", _tau, needs=("connectivity",)),
        Column("ei_balance", "mean of (excitation - inhibition) / both, -1..1", _balance, needs=("connectivity",)),
        Column("dale_purity", "mean |sum| / sum | | of what a unit sends, 0..1", _purity, needs=("connectivity",)),
        Column("effective_rank", "participation ratio of its squared singular values", _rank, needs=("low_rank",)),
        Column("wiring_outliers", "singular values beyond the edge of its bulk", _outliers, needs=("low_rank",)),
    ),
    words=(Words("How it is wired", _sentences, needs=("connectivity", "low_rank")),),
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
