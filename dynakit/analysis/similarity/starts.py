"""Where to begin to look for the rotation between two operators.

Frames of nested invariant subspaces, put in the same order for both, are exact for an operator and its rotated copy,
and for normal operators where eigenvalues are assigned as closely as can be; frames of the symmetric parts, which see
growth along axes; the identity and a reflection; and random frames of both determinants, since O(n) is in two pieces.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from ... import linalg, seeding
from .descent import transposed

REFUSED = 1e6  # times the largest cost: a real eigenvalue is never assigned to a complex one


class Framed(NamedTuple):
    """What the starts need of one operator."""

    operator: np.ndarray  # (n, n)
    centred: np.ndarray  # (n, n) without its trace, which no rotation changes
    values: np.ndarray  # (k,) eigenvalues of imaginary part >= 0, by falling modulus
    vectors: np.ndarray  # (n, k)
    symmetric: np.ndarray  # (n, n) eigenvectors of the symmetric part, columns, by rising eigenvalue


def framed(operators: np.ndarray) -> list[Framed]:
    """Of each finite operator (k, n, n)."""
    n = operators.shape[-1]
    centred = operators - np.trace(operators, axis1=1, axis2=2)[:, None, None] / n * np.eye(n)
    eigen = linalg.eig(centred)
    symmetric = linalg.symmetric_eig(torch.from_numpy((centred + transposed(centred)) / 2))[1].numpy()
    return [_one(*of) for of in zip(operators, centred, eigen.values, eigen.right, symmetric)]


def _one(operator: np.ndarray, centred: np.ndarray, values: np.ndarray, *frames: np.ndarray) -> Framed:
    upper = np.flatnonzero(np.imag(values) >= 0)  # none if they could not be found
    vectors, symmetric = frames
    return Framed(operator, centred, values[upper], vectors[:, upper], symmetric)


def random_frames(n: int, n_frames: int, seed: int) -> np.ndarray:
    """Frames drawn evenly from O(n), and each again with its first column turned (2 frames, n, n)."""
    gaussian = seeding.stream(seed, "frames", n).standard_normal((n_frames, n, n))
    drawn = linalg.orthonormalize(torch.from_numpy(gaussian))[0].numpy()
    return np.concatenate([drawn, drawn * np.where(np.arange(n) == 0, -1.0, 1.0)])


def chosen(a: Framed, b: Framed) -> tuple[list[str], np.ndarray]:
    """The starts (start, n, n) that these two suggest, each with its name."""
    n = len(a.operator)
    pairs = {name: (_frame(a, i), _frame(b, j)) for name, (i, j) in _orders(a, b).items()}
    pairs["symmetric parts"] = (a.symmetric, b.symmetric)
    left, right = (np.stack(frames) for frames in zip(*pairs.values()))
    aligned = (left * _signs(a.centred, b.centred, left, right)) @ transposed(right)
    others = np.stack([np.eye(n), np.diag(np.where(np.arange(n) == 0, -1.0, 1.0))])
    return [*pairs, "identity", "reflection"], np.concatenate([aligned, others])


def _orders(a: Framed, b: Framed) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The orders in which the eigenvalues of both are paired."""
    if not (len(a.values) and len(b.values)):
        return {}
    orders = {"moduli": (np.arange(len(a.values)), np.arange(len(b.values)))}
    real_a, real_b = np.imag(a.values) == 0, np.imag(b.values) == 0
    if real_a.sum() == real_b.sum():
        cost = np.abs(a.values[:, None] - b.values) ** 2
        cost += REFUSED * (1e-300 + cost.max()) * (real_a[:, None] != real_b)
        orders["assignment"] = linear_sum_assignment(cost)
    return orders


def _frame(of: Framed, order: np.ndarray) -> np.ndarray:
    """An orthonormal frame of the nested invariant subspaces of these eigenvalues; the sign of a column is free."""
    columns = []
    for value, vector in zip(of.values[order], of.vectors[:, order].T):
        if value.imag == 0:
            columns.append(vector.real)
        else:  # of the phase that makes real and imaginary part orthogonal, the longer first
            vector = vector * np.exp(-0.5j * np.angle((vector * vector).sum()))
            columns += [vector.real, vector.imag]
    return linalg.orthonormalize(torch.from_numpy(np.array(columns)[None]))[0][0].numpy().T


def _signs(A: np.ndarray, B: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A sign for each column of each left frame, chosen one after the other so that the two triangles agree most."""
    agree = (transposed(left) @ A @ left) * (transposed(right) @ B @ right)
    agree = agree + transposed(agree)
    signs = np.ones(left.shape[:2])
    for k in range(1, left.shape[-1]):
        signs[:, k] = np.where(np.einsum("si,si->s", agree[:, :k, k], signs[:, :k]) >= 0, 1.0, -1.0)
    return signs[:, None, :]
