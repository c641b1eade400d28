"""The names that points have in the plane: node, focus, saddle, centre (Strogatz 1994, sec. 5.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .verdict import beyond, contracting, expanding, margin

TURNS = 1e-9  # |Im lambda| by |lambda| from which a mode turns


def names_of_points(values: Any, verdicts: np.ndarray, dynamics: str) -> np.ndarray:
    """(point,) "stable node", "unstable focus", "saddle", "saddle focus", "centre", or the verdict where it has none.

    A point is a focus where the modes that decide turn: those of least |rate| of a stable or an unstable point, any of
    a saddle.  It is a centre where a pair that turns neither grows nor decays and nothing else grows.
    """
    turning = np.abs(values.imag) > TURNS * np.maximum(np.abs(values), 1.0)
    grows, decays = expanding(values, dynamics), contracting(values, dynamics)
    rates = np.abs(beyond(values, dynamics))
    slowest = rates <= rates.min(axis=1, keepdims=True, initial=np.inf) + margin(values, dynamics)
    found = []
    for k, verdict in enumerate(verdicts.tolist()):
        if verdict == "unstable" and (grows[k].any() and decays[k].any()):
            found.append("saddle focus" if turning[k].any() and values.shape[1] > 2 else "saddle")
        elif verdict in ("stable", "unstable"):
            found.append(f"{verdict} {'focus' if (turning[k] & slowest[k]).any() else 'node'}")
        elif not grows[k].any() and (turning[k] & ~decays[k]).any():
            found.append("centre")
        else:
            found.append(verdict)
    return np.array(found, dtype="<U14")
