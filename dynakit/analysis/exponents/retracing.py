"""Growth along an orbit that is known, from its Jacobians.

A frame goes some steps without being made orthonormal: J_j ... J_1 Q = Q_j R_j for each of them at once, and the
difference of ln |diag R_j| from step to step is what the directions grow by in each (Benettin, Galgani, Giorgilli and
Strelcyn 1980), as long as they do not spread.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import torch
from torch import Tensor

from ... import linalg
from .frames import Frames, StepAgain

TOGETHER = 16  # steps, at most
IN_RANGE = 300.0  # nats in all, of which doubles hold 700
SPREAD = 7.0  # nats between directions, which cost three digits


def retrace(frames: Frames, orbit: Tensor, jacobians: Iterable[Tensor]) -> Tensor:
    """The growth (step, direction) along one orbit (step + 1, unit), whose Jacobians are given in order.

    Asked for many states at once, those of a map without a closed form cost far less than one by one.
    """
    logs, steps, most = [], zip(orbit[1:], jacobians), TOGETHER
    while some := list(itertools.islice(steps, most)):
        together = _together(frames, some) if most > 1 else None
        most = most if together is not None else max(1, most // 2)
        logs.append(_one_by_one(frames, some) if together is None else together)
    return torch.cat(logs)


def _together(frames: Frames, some: list[tuple[Tensor, Tensor]]) -> Tensor | None:
    """The growth (step, direction) in a few steps; None where directions are lost, or spread too far."""
    if not frames.all_inside or bool(frames.lost.any()):
        return None
    moved = list(itertools.accumulate((J for _, J in some), lambda T, J: T @ J.mT, initial=frames.T[0]))[1:]
    Q, L = linalg.orthonormalize(torch.stack(moved))
    sizes = L.diagonal(dim1=-2, dim2=-1).abs().log()
    even = (sizes.amax(-1) - sizes.amin(-1) < SPREAD) & (sizes.abs().amax(-1) < IN_RANGE)
    if not bool(even.all()) or not bool(some[-1][0].isfinite().all()):  # NaN is neither
        return None
    frames.x, frames.T = some[-1][0][None], Q[-1:]
    frames.n_done += len(some)
    return sizes.diff(dim=0, prepend=torch.zeros_like(sizes[:1]))


def _one_by_one(frames: Frames, some: list[tuple[Tensor, Tensor]]) -> Tensor:
    logs = []
    for x, J in some:
        frames.moved(x[None], frames.T @ J.mT, StepAgain(lambda rows, J=J: [J[None]]))
        logs.append(frames.orthonormalize()[0][0])
    return torch.stack(logs)
