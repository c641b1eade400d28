"""A Kalman filter that takes the weights for the state: fast in strings shown, dear in operations, for small networks.

With e the errors of all outputs that are asked for at a step, H_i = dy/dw_i of the i-th group of weights, and P_i the
filter's covariance of that group (Puskorius and Feldkamp 1994, IEEE Trans. Neural Networks 5, 279):

    A = (r I + sum_i H_i P_i H_i^T)^-1,   w_i += P_i H_i^T A e,   P_i += q I - P_i H_i^T A H_i P_i

H comes from derivatives of the state that are carried forward in time, as in real-time recurrent learning.
Pérez-Ortiz, Gers, Eck and Schmidhuber (2003, Neural Networks 16, 241) taught LSTM networks to count so.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from .. import checks, chunks
from ..errors import InputError, NumericalError
from ..models import RecurrentModel
from ..provenance import Provenance
from ..results import History
from ..tasks import Task, Trials
from ..wording import counted
from .base import BY_CALLBACK, Callback, Called, fit, told
from .descent import batch, inputs_for
from .sensitivity import sensitivity

STOP_WINDOW = 10  # updates whose mean score decides whether to stop
GROUPS = ("unit", "all")


@dataclass(frozen=True, kw_only=True)
class Kalman:
    """Settings of the decoupled extended Kalman filter; one update is ``batch_size`` trials, run step by step.

    The weights change after every step at which something is asked; several trials are several streams under one set of
    weights (Feldkamp and Puskorius 1994).  ``groups``: "unit" holds one covariance per row of weights, "all" one for
    everything.  ``covariance`` is the variance of each weight at the start.  ``output_noise`` (r) and
    ``process_noise`` (q) fall from their first to their second value along a geometric line, over the first half of
    ``max_updates``.  The run ends early when the mean score of the last 10 updates reaches ``stop_at_score``.

    Errors are those of the outputs against the targets where the mask is 1, whatever the loss of the task.
    """

    batch_size: int = 1
    max_updates: int = 1000
    groups: str = "unit"
    covariance: float = 100.0
    output_noise: tuple[float, float] = (100.0, 3.0)
    process_noise: tuple[float, float] = (1e-2, 1e-6)
    stop_at_score: float | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_updates"):
            checks.count(name, getattr(self, name))
        checks.one_of("groups", self.groups, GROUPS)
        checks.number("covariance", self.covariance, above=0, closed=False)
        for name in ("output_noise", "process_noise"):
            pair = getattr(self, name)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise InputError(f"{name} must be two numbers, at the start and at the end, got {pair!r}")
            for value in pair:
                checks.number(name, value, above=0, closed=False)
        if self.stop_at_score is not None:
            checks.number("stop_at_score", self.stop_at_score, above=0, below=1)

    def noise(self, name: str, update: int) -> float:
        """``output_noise`` or ``process_noise`` at update ``update`` (from 0)."""
        first, last = getattr(self, name)
        return first * (last / first) ** min(1.0, 2 * update / self.max_updates)


@fit.register
def _(method: Kalman, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    if not isinstance(model, RecurrentModel):
        raise InputError(f"model must be a RecurrentModel for Kalman, got a {type(model).__name__}")
    model.train()
    weights = _Weights(method, model)
    curves: dict[str, list[float]] = {"losses": [], "scores": [], "seconds": [], "learning_rates": []}
    began, stopped = time.monotonic(), ""
    while not stopped:
        update = len(curves["losses"])
        r, q = method.noise("output_noise", update), method.noise("process_noise", update)
        trials = batch(task, method.batch_size, seed, update)
        try:
            outputs = _filter(weights, trials, r, q)
        except _NoCorrectionError:
            outputs = torch.full((len(trials), trials.n_steps, model.n_outputs), torch.nan)
        loss, score = float(task.loss(outputs, trials)), float(task.score(outputs, trials))
        for name, value in zip(curves, (loss, score, time.monotonic() - began, 1 / r)):
            curves[name].append(value)
        info = {"loss": loss, "score": score, "learning_rate": 1 / r, "total": method.max_updates}
        going = told(callback, update + 1, info)
        stopped = _reason_to_stop(method, curves["scores"]) or ("" if going else BY_CALLBACK)
        if not math.isfinite(loss):
            raise NumericalError(
                f"training diverges: the loss of update {update + 1} is {loss}; use a smaller covariance or a larger "
                "output_noise",
                partial=_history(method, task, seed, curves, "diverged"),
            )
    return _history(method, task, seed, curves, stopped)


def _reason_to_stop(method: Kalman, scores: list[float]) -> str:
    recent = float(np.mean(scores[-STOP_WINDOW:]))
    if method.stop_at_score is not None and len(scores) >= STOP_WINDOW and recent >= method.stop_at_score:
        return f"score {recent:.4f} reached {method.stop_at_score:g}"
    return f"all {counted(method.max_updates, 'update')} done" if len(scores) >= method.max_updates else ""


def _history(method: Kalman, task: Task, seed: int, curves: dict[str, list[float]], stopped: str) -> History:
    settings = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(method).items()}
    arrays: dict[str, Any] = {name: np.array(values) for name, values in curves.items()}
    return History(
        **arrays,
        stopped=stopped,
        provenance=Provenance.of(seed=seed, method="Kalman", task=type(task).__name__, **settings),
    )


class _NoCorrectionError(Exception):
    """A slope is not finite, or rounding has left a covariance that is none."""


def _filter(weights: _Weights, trials: Trials, r: float, q: float) -> Tensor:
    """Run the network over the trials, correcting its weights as it goes; returns what it said just before."""
    model = weights.model
    if trials.targets is None:
        raise InputError("these trials have no targets, so nothing can be trained; give targets")
    inputs, carried = inputs_for(model, trials), sensitivity(model, len(trials))
    targets = trials.targets.to(inputs)
    asked = torch.ones_like(targets, dtype=torch.bool) if trials.mask is None else trials.mask.to(inputs) > 0
    x, said = inputs.new_zeros(len(inputs), model.state_size), []
    for u, wanted, here in zip(inputs.unbind(1), targets.unbind(1), asked.unbind(1)):
        x = carried.advance(x, u)
        with torch.no_grad():
            y = model.read(x)
        said.append(y)
        if here.any():
            weights.correct(weights.slopes(x, carried.J)[here], (wanted - y)[here], r, q)
    return torch.stack(said, 1)


class _Weights:
    """All weights of a network in groups, and the covariance of each group, in float64."""

    def __init__(self, method: Kalman, model: RecurrentModel) -> None:
        self.model = model
        recurrent = sensitivity(model, method.batch_size).parameters
        named = dict(model.named_parameters())
        self.readout = {name: p for name, p in named.items() if _is_read(model, p)}
        self.parameters = [*recurrent, *self.readout.values()]
        if not self.parameters:
            raise InputError("model has no parameter that requires a gradient: there is nothing to train")
        n = sum(p.numel() for p in self.parameters)
        self.groups = [torch.arange(n)[None]]
        if method.groups == "unit":
            self.groups = list(_by_row([recurrent, list(self.readout.values())]))
        chunks.refuse_larger(
            f"the covariances of {n} weights",
            8 * 3 * sum(len(g) * g.shape[1] ** 2 for g in self.groups),
            "use groups='unit' or a smaller network" if method.groups == "all" else "use a smaller network",
        )
        self.P = [method.covariance * torch.eye(g.shape[1]).double().repeat(len(g), 1, 1) for g in self.groups]

    def slopes(self, x: Tensor, J: Tensor) -> Tensor:
        """dy/dw (trial, output, weight) with all weights in the order of ``parameters``."""
        values = {name: p.detach() for name, p in self.readout.items()}

        def said(values: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(Called(self.model), {f"model.{k}": v for k, v in values.items()}, ("read", x))

        own, by_state = vmap(jacrev(said, argnums=(0, 1)), in_dims=(None, 0))(values, x)
        return torch.cat([by_state @ J, *(own[name].flatten(2) for name in values)], 2)

    @torch.no_grad()
    def correct(self, H: Tensor, errors: Tensor, r: float, q: float) -> None:
        """One step of the filter for measurements (measurement, weight) with these errors (measurement,)."""
        H, errors = H.double(), errors.double()
        own = [H[:, g].permute(1, 2, 0) for g in self.groups]  # (group, weight, measurement)
        moved = [P @ h for P, h in zip(self.P, own)]
        spread = r * torch.eye(len(H)).to(H) + sum((h.mT @ m).sum(0) for h, m in zip(own, moved))
        factor, failed = torch.linalg.cholesky_ex(spread)
        if bool(failed) or not bool(torch.isfinite(factor).all()):
            raise _NoCorrectionError
        told = torch.cholesky_solve(errors[:, None], factor)
        change = errors.new_zeros(sum(p.numel() for p in self.parameters))
        for g, P, m in zip(self.groups, self.P, moved):
            change[g] = (m @ told)[..., 0]
            P -= m @ torch.cholesky_solve(m.mT, factor.expand(len(m), -1, -1))
            P.copy_((P + P.mT) / 2).diagonal(dim1=1, dim2=2).add_(q)
        for p, part in zip(self.parameters, change.split([p.numel() for p in self.parameters])):
            p += part.view_as(p).to(p)


def _is_read(model: RecurrentModel, p: nn.Parameter) -> bool:
    """Whether the readout depends on this parameter."""
    if not p.requires_grad:
        return False
    said = model.read(p.new_zeros(1, model.state_size))
    return said.requires_grad and torch.autograd.grad(said.sum(), p, allow_unused=True)[0] is not None


def _by_row(blocks: list[list[nn.Parameter]]) -> Iterator[Tensor]:
    """Indices (group, weight) of the weights of each row, over the parameters of a block with as many rows."""
    start = 0
    for block in blocks:
        placed = []
        for p in block:
            placed.append(start + torch.arange(p.numel()).view(len(p), -1))
            start += p.numel()
        for _, same in groupby(sorted(placed, key=len), key=len):
            yield torch.cat(list(same), 1)
