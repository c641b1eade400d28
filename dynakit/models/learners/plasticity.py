"""Rules by which weights W[post, pre] follow the activity on both sides, as functions of arrays.

Spike-timing-dependent plasticity: a pair of spikes changes the weight by

    dW = A_plus exp(-d / tau_plus)      the presynaptic spike first, by d
    dW = -A_minus exp(-d / tau_minus)   the postsynaptic spike first, by d

(Bi and Poo 1998), summed over all pairs, which two traces do in one pass: each decays with its time constant and
jumps by one at a spike (Morrison, Diesmann and Gerstner 2008, sec. 4).

Hebb's rule for rates, with Oja's decay on request (Oja 1982), under which one neuron's weights become the first
principal component of its inputs, of length one:

    dW = eta (y x^T - [y^2 W])
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ... import checks
from ...errors import InputError


class Traces(NamedTuple):
    """What spikes so far have left: the state of a synapse that changes."""

    pre: np.ndarray  # (..., pre)
    post: np.ndarray  # (..., post)


@dataclass(frozen=True, kw_only=True)
class PairSTDP:
    """Spike-timing-dependent plasticity of all pairs of spikes.

    Arguments:
        a_plus, a_minus: size of the change by a pair at lag zero, for pre before post and post before pre.
        tau_plus, tau_minus: how far the windows reach, ms.
        dt: time of one step, ms.

    Two spikes in the same step are neither before nor after: they change nothing.  Raises InputError for windows that
    are not positive, and for what is not spikes.

    >>> pre, post = np.zeros((30, 1)), np.zeros((30, 1))
    >>> pre[5], post[15] = 1, 1
    >>> PairSTDP(a_plus=1.0, tau_plus=10.0).change(pre, post).round(4)  # 1 / e
    array([[0.3679]])
    """

    a_plus: float = 0.01
    a_minus: float = 0.012
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    dt: float = 1.0

    def __post_init__(self) -> None:
        for name in ("a_plus", "a_minus"):
            checks.number(name, getattr(self, name), above=0)
        for name in ("tau_plus", "tau_minus", "dt"):
            checks.number(name, getattr(self, name), above=0, closed=False)

    def change(self, pre: Any, post: Any) -> np.ndarray:
        """The sum of all changes (post, pre) by spikes ([trial,] time, pre) and ([trial,] time, post)."""
        pre, post = _paired(pre, post, "time")
        for name, spikes in (("pre", pre), ("post", post)):
            wrong = np.argwhere((spikes < 0) | (spikes != np.round(spikes)))
            if len(wrong):
                raise InputError(
                    f"{name} must be spikes: 0 or 1, or how many there were in a step, "
                    f"got {spikes[tuple(wrong[0])]:g} in step {wrong[0][1]}"
                )
        traces = Traces(np.zeros_like(pre[:, 0]), np.zeros_like(post[:, 0]))
        total = np.zeros((post.shape[-1], pre.shape[-1]))
        for t in range(pre.shape[1]):
            traces, changes = self.step(traces, pre[:, t], post[:, t])
            total += changes.sum(axis=0)
        return total

    def step(self, traces: Traces, pre: np.ndarray, post: np.ndarray) -> tuple[Traces, np.ndarray]:
        """One step on: spikes (..., pre) and (..., post) now, the new traces and the changes (..., post, pre)."""
        seen = (
            traces.pre * math.exp(-self.dt / self.tau_plus),
            traces.post * math.exp(-self.dt / self.tau_minus),
        )
        grown = self.a_plus * post[..., :, None] * seen[0][..., None, :]
        shrunk = self.a_minus * seen[1][..., :, None] * pre[..., None, :]
        return Traces(seen[0] + pre, seen[1] + post), grown - shrunk


@dataclass(frozen=True, kw_only=True)
class RateHebb:
    """Hebb's rule on rates, without bounds, or with Oja's decay.

    Arguments:
        eta: learning rate.
        oja: whether each weight also decays with the square of the postsynaptic rate.

    >>> RateHebb(eta=0.5).change(np.zeros((1, 2)), [1.0, 2.0], [4.0])
    array([[2., 4.]])
    """

    eta: float = 0.01
    oja: bool = False

    def __post_init__(self) -> None:
        checks.number("eta", self.eta, above=0)

    def change(self, W: Any, pre: Any, post: Any) -> np.ndarray:
        """The change (post, pre) of ``W`` by rates ([sample,] pre) and ([sample,] post), the mean over samples."""
        x, y = (np.atleast_2d(checks.reals(name, v)) for name, v in (("pre", pre), ("post", post)))
        x, y = _paired(x, y, "sample")
        W = checks.reals("W", W, (y.shape[-1], x.shape[-1]))
        growth = np.einsum("sti,stj->ij", y, x) / x.shape[1]
        decay = np.square(y).mean(axis=(0, 1))[:, None] * W if self.oja else 0.0
        return self.eta * (growth - decay)


def _paired(pre: Any, post: Any, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as ([trial], time, unit) with one common leading shape."""
    pre, post = (checks.reals(name, v, integers=True) for name, v in (("pre", pre), ("post", post)))
    if pre.ndim not in (2, 3) or pre.shape[:-1] != post.shape[:-1]:
        raise InputError(
            f"pre and post must be ([trial,] {axis}, unit) over the same {axis}s, got {pre.shape} and {post.shape}"
        )
    if 0 in pre.shape[:-1]:
        raise InputError(f"pre and post must have at least one {axis}, got {pre.shape} and {post.shape}")
    return (pre, post) if pre.ndim == 3 else (pre[None], post[None])
