"""Learners of the stream, kept as they were at some elements, and what they say once they learn no more.

Runs are kept in ``out/sequence_task/networks`` until what decides them has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import parts
import torch

import dynakit as dk

WARM_UP = 200  # elements that a frozen recurrent network hears before it is asked


class Run(NamedTuple):
    """One prequential run, and the network as it was after some numbers of elements."""

    history: Any
    stream: Any
    networks: dict[int, Any]


def learnt(kind: str, seed: int, task: Any, keep: Sequence[int], **settings: Any) -> Run:
    """The run of a learner of ``dk.models`` on ``task``, read if it was made before."""
    home = parts.home(learnt, kind, seed, task, tuple(keep), **settings)
    if not (home / "history").is_dir():
        learner = getattr(dk.models, kind).for_task(task, seed=seed, **settings)

        def remember(n: int, _: dict[str, Any]) -> None:
            if n in keep:
                dk.models.save(learner.freeze(), home / str(n))

        method = dk.training.Online(window=min(dk.training.Online().window, task.n_elements // 20))
        dk.train(learner, task, method, seed=seed, callback=remember).save(home / "history")
    networks = {n: dk.models.load(home / str(n)) for n in keep}
    return Run(dk.load(home / "history"), task.draw(seed), networks)


@torch.no_grad()
def hits(network: Any, stream: Any, after: int, n: int) -> np.ndarray:
    """Whether a frozen recurrent network is right about the ``n`` endings after element ``after`` (evaluation,)."""
    chosen = np.flatnonzero(stream.ends > after)[:n]
    ends, first = stream.ends[chosen], max(0, after - WARM_UP)
    heard = stream.codes[stream.ids[first : ends[-1]]]
    outputs = network(torch.from_numpy(heard).float()[None]).outputs[0].double().numpy()
    return right(stream, chosen, outputs[ends - first - 1])


def right(stream: Any, evaluations: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Whether the known code nearest to each output (evaluation, code) is that of the ending (evaluation,)."""
    known = stream.n_known[stream.ends[evaluations] - 1]
    codes = stream.codes[: known.max()]
    gaps = (codes**2).sum(axis=1) - 2 * outputs @ codes.T
    gaps[np.arange(len(codes)) >= known[:, None]] = np.inf
    return (gaps.argmin(axis=1)[:, None] == stream.endings[evaluations]).any(axis=1)
