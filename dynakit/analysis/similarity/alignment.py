"""Pairs of operators, each with the rotation that brings them closest: many starts, of which the best go on.

All pairs and all their starts walk down together.  After a few steps most are not worth following: a quarter goes on,
of these the best few, and those to their end.  A pair is taken in the order of the bytes of its operators, so that
(A, B) and (B, A) are one question with one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ... import chunks
from ...chunks import FLOAT
from .bounds import closed_form
from .descent import descend, sizes, transposed
from .starts import Framed, chosen

STAGES = (
    (12, 0.25, 8),
    (30, 0.0, 5),
    (400, 0.0, 1),
)  # steps; then the share of starts that goes on, or the count
COPIES = 14  # of each start's matrix that a walk holds


class Aligned(NamedTuple):
    """Pairs and what became of them."""

    distances: np.ndarray  # (pair,)
    rotations: np.ndarray  # (pair, n, n) C: A is near C B C^T
    starts: list[str]  # (pair,) from where it was found


def aligned(
    first: Sequence[Framed], second: Sequence[Framed], frames: np.ndarray
) -> Iterator[tuple[slice, Aligned]]:
    """Each of the first with the second beside it, in parts that fit the memory."""
    n = frames.shape[-1]
    each = COPIES * FLOAT * n * n * (len(frames) + 8)
    for part in chunks.parts(len(first), max(each, chunks.BYTES / 64)):
        yield part, _together(first[part], second[part], frames)


def _together(first: Sequence[Framed], second: Sequence[Framed], frames: np.ndarray) -> Aligned:
    A, B = (np.stack([of.operator for of in side]) for side in (first, second))
    if A.shape[-1] <= 2:
        distances, rotations = closed_form(A, B)
        return Aligned(distances, rotations, ["closed form"] * len(A))
    swapped = [a.tobytes() > b.tobytes() for a, b in zip(A, B)]
    rotations, starts = _best(
        [b if swap else a for a, b, swap in zip(first, second, swapped)],
        [a if swap else b for a, b, swap in zip(first, second, swapped)],
        frames,
    )
    turned = np.where(np.array(swapped)[:, None, None], transposed(rotations), rotations)
    return Aligned(_apart(A, B, rotations, swapped), turned, starts)


def _apart(A: np.ndarray, B: np.ndarray, rotations: np.ndarray, swapped: Sequence[bool]) -> np.ndarray:
    """The distances, to the last bit the same whichever operator comes first."""
    turn = np.array(swapped)[:, None, None]
    left, right = np.where(turn, B, A), np.where(turn, A, B)
    return sizes(left - rotations @ right @ transposed(rotations))


def _best(first: list[Framed], second: list[Framed], frames: np.ndarray) -> tuple[np.ndarray, list[str]]:
    names, starts = zip(*(chosen(a, b) for a, b in zip(first, second)))
    names = [[*own, *(["random frame"] * len(frames))] for own in names]
    C = np.concatenate([np.concatenate([own, frames]) for own in starts])
    pair = np.repeat(np.arange(len(first)), [len(own) for own in names])
    name = np.array([one for own in names for one in own])
    A, B = (np.stack([of.centred for of in side]) for side in (first, second))
    for steps, share, least in STAGES:
        C, distances = descend(A[pair], B[pair], C, steps)
        on = _going_on(pair, distances, share, least)
        C, pair, name = C[on], pair[on], name[on]
    return C, name.tolist()


def _going_on(pair: np.ndarray, distances: np.ndarray, share: float, least: int) -> np.ndarray:
    """Which starts go on: of each pair the best, a share of them, but no fewer than ``least``."""
    order = np.lexsort((distances, pair))
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    counts = np.diff(first, append=len(pair))
    rank = np.arange(len(pair)) - np.repeat(first, counts)
    return order[rank < np.repeat(np.maximum(least, (share * counts).astype(int)), counts)]
