"""Whether networks of one kind are nearer to each other than to those of other kinds, by several methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import thousand

import dynakit as dk

METHODS = {
    "shape": dk.similarity.Procrustes(),
    "CKA": dk.similarity.CKA(),
    "CCA": dk.similarity.CCA(),
    "DSA, rank 10": dk.similarity.DSA(rank=10, normalized=True),
    "multipliers": dk.similarity.Multipliers(),
    "topology": dk.similarity.Topology(),
}


def measure(method: str, ids: list[str], kinds: list[str], quick: bool, *, folder: Path) -> dict[str, Any]:
    """Are networks of one kind nearer to each other than to those of other kinds, by one method?"""
    sweep = thousand.kept(quick)
    models = {name: sweep.model(name) for name in ids}
    found = dk.compare_dynamics(models, sweep.task(ids[0]), method=METHODS[method])
    found.save(folder / "distances")
    groups = found.between(kinds)
    return {
        "method": method,
        "networks": len(ids),
        "without an answer": int((~found.answered).sum()),
        "mean": found.mean,
        "error": found.standard_error,
        "null": found.null_mean,
        "null is": found.null_is,
        "within kinds": groups.mean_within,
        "between kinds": groups.mean_between,
        "ratio": groups.ratio,
        "ratio from": float(groups.interval[0]),
        "ratio to": float(groups.interval[1]),
        "p": groups.p_value,
        "classes": found.n_classes,
        "largest class": int(np.bincount(found.classes[found.classes >= 0]).max()) if found.n_classes else "",
    }
