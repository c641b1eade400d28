"""The regions that many hinges make of few dimensions, by the corners at which they meet.

h hyperplanes in d dimensions make at most about h^d / d! regions, not 2^h.  Where their normals span all dimensions,
the closure of each region has a corner, at which d of them meet: the signs around all corners are all regions
(Edelsbrunner 1987, ch. 1).  Used where the signs at every corner are beyond rounding; else the tree of
``complementarity`` decides.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from ... import chunks
from ...systems.base import Pieces

MOST = 200_000  # corners
CHUNK = 20_000  # corners or regions at a time
EPS = float(np.finfo(float).eps)
FAR = 1e-6  # a region is left out if its own solution is beyond its border by this, relative to the solution's size
ILL = 1e8  # unless that is known too badly to say so


def candidates(pieces: Pieces) -> np.ndarray | None:
    """The regions (region, hinge), active or not, that may hold a fixed point; None if they are not worth listing."""
    W, b = pieces.W.numpy(force=True), pieces.b.numpy(force=True)
    d = int(np.linalg.matrix_rank(W)) if W.size else 0
    if pieces.L is not None or not 0 < d <= len(b) // 4 or math.comb(len(b), d) > MOST:
        return None
    regions = _all_regions(W @ np.linalg.svd(W)[2][:d].T, b)
    if regions is None:
        return None
    chunk = min(CHUNK, chunks.at_once(16 * W.shape[1] ** 2))
    parts = np.split(regions, range(chunk, len(regions), chunk))
    return np.concatenate([part[_may_hold(pieces, part)] for part in parts])


def _all_regions(W: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Signs y > 0 of y = W z + b in all regions (region, hinge); None if some corner's are within rounding."""
    h, d = W.shape
    found: set[bytes] = set()
    meeting = np.array(list(itertools.combinations(range(h), d)))
    sides = np.array(list(itertools.product((False, True), repeat=d)))
    for rows in np.split(meeting, range(CHUNK, len(meeting), CHUNK)):
        condition = np.linalg.cond(W[rows])
        if not (condition < ILL).all():
            return None
        corner = np.linalg.solve(W[rows], -b[rows][..., None])[..., 0]
        y = corner @ W.T + b
        size = np.abs(corner) @ np.abs(W.T) + np.abs(b)
        doubt = 100 * d * EPS * condition[:, None] * size
        np.put_along_axis(y, rows, np.inf, 1)
        if not (np.abs(y) > doubt).all():
            return None
        for side in sides:
            signs = y > 0
            np.put_along_axis(signs, rows, np.broadcast_to(side, rows.shape), 1)
            found.update(row.tobytes() for row in np.packbits(signs, axis=1))
    packed = np.frombuffer(b"".join(sorted(found)), np.uint8).reshape(len(found), -1)
    return np.unpackbits(packed, axis=1, count=h).astype(bool)


def _may_hold(pieces: Pieces, regions: np.ndarray) -> np.ndarray:
    """Whether the one fixed point of the affine map of each region may lie in the region, or is not known well."""
    W, b, A, B, c = (part.numpy(force=True) for part in pieces[:5])
    rest = np.eye(len(A)) - A - np.einsum("ih,rh,hj->rij", B, regions.astype(float), W, optimize=True)
    known = np.linalg.cond(rest) < ILL
    x = np.zeros((len(regions), len(A)))
    x[known] = np.linalg.solve(rest[known], (c + (regions[known] * b) @ B.T)[..., None])[..., 0]
    beyond = np.where(regions, -1, 1) * (x @ W.T + b)  # positive where a hinge has the other sign
    size = np.abs(x) @ np.abs(W.T) + np.abs(b)
    return ~known | ~(beyond > FAR * size).any(1)
