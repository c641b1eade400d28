"""Networks as points of a plane whose distances are theirs, as far as a plane allows: multidimensional scaling.

Classical scaling takes the leading eigenvectors of -1/2 J D^2 J, J = I - 11'/n (Torgerson 1952; Gower 1966); SMACOF
goes on from there and minimises the stress (de Leeuw 1977).  What is left is said as Kruskal's stress-1,
sqrt(sum (D - d)^2 / sum d^2) over the pairs (Kruskal 1964, who calls .05 good, .1 fair and .2 poor).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import linalg
from ...results import Result, per_item
from ...wording import counted, percent, three


@dataclass(frozen=True, kw_only=True, repr=False)
class Embedding(Result):
    """Places of networks, one entry for each that has distances.

    Attributes:
        names: (network,) what each was given as
        coordinates: (network, axis) in the unit of the distances
        stress: Kruskal's stress-1: 0 where the distances in the plane are those of the networks
        not_euclidean: share of the eigenvalues of classical scaling, by modulus, that are negative: 0 where the
            distances are those of points in some space
        kind: "classical" or "smacof"
    """

    drawn_by: ClassVar[str] = "plot_embedding"

    names: np.ndarray = per_item()
    coordinates: np.ndarray = per_item()
    stress: float
    not_euclidean: float
    kind: str

    def headline(self) -> str:
        axes = counted(self.coordinates.shape[1], "axis", "axes")
        bent = f", {percent(self.not_euclidean)} not Euclidean" if self.not_euclidean > 1e-9 else ""
        return f"{counted(len(self), 'network')} on {axes} by {self.kind} scaling, stress {three(self.stress)}{bent}"


def scaled(matrix: np.ndarray, names: np.ndarray, kind: str, n_axes: int) -> Embedding:
    """Distances (network, network), all finite, as places."""
    coordinates, not_euclidean = classical(matrix, n_axes)
    if kind == "smacof" and matrix.any():
        coordinates = _smacof(matrix, coordinates)
    return Embedding(
        names=names,
        coordinates=coordinates,
        stress=stress(matrix, coordinates),
        not_euclidean=not_euclidean,
        kind=kind,
    )


def classical(matrix: np.ndarray, n_axes: int) -> tuple[np.ndarray, float]:
    """Places (network, axis) of classical scaling, and the share of eigenvalues that are negative."""
    squares = matrix**2
    centred = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean())
    symmetric = torch.from_numpy((centred + centred.T)[None] / 2)
    values, vectors = (part[0].numpy() for part in linalg.symmetric_eig(symmetric))
    order = np.argsort(-values)[:n_axes]
    places = np.zeros((len(matrix), n_axes))
    places[:, : len(order)] = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    flip = np.sign(places[np.abs(places).argmax(axis=0), np.arange(n_axes)])  # so that the sign is no accident
    total = np.abs(values).sum()
    return places * np.where(flip < 0, -1, 1), float(-values[values < 0].sum() / total) if total > 0 else 0.0


def stress(matrix: np.ndarray, places: np.ndarray) -> float:
    """Kruskal's stress-1 of places (network, axis)."""
    pairs = np.triu_indices(len(matrix), 1)
    there = np.linalg.norm(places[:, None] - places[None], axis=2)[pairs]
    size = np.square(there).sum()
    missed = np.square(matrix[pairs] - there).sum()
    return float(np.sqrt(missed / size)) if size > 0 else 0.0 if missed == 0 else float("inf")


def _smacof(matrix: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Places that minimise the stress, from those of classical scaling (scikit-learn)."""
    from sklearn.manifold import smacof

    how: dict[str, Any] = {"n_init": 1, "max_iter": 500, "eps": 1e-9, "normalized_stress": False}
    found = smacof(matrix, n_components=start.shape[1], init=start, **how)
    return np.asarray(found[0])
