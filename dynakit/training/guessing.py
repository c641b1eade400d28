"""Random weight guessing: draw all weights anew until a network solves the training set.

Several benchmarks of long time lags fall to it faster than to any gradient, which says something of the benchmarks
(Hochreiter and Schmidhuber 1996, "Bridging long time lags by weight guessing and long short-term memory").
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from .. import checks, chunks
from ..errors import InputError
from ..models import RecurrentModel
from ..provenance import Provenance
from ..results import History
from ..seeding import torch_stream
from ..tasks import Task, Trials, score_mask
from ..wording import counted
from .base import BY_CALLBACK, Callback, Called, fit, told
from .descent import batch


@dataclass(frozen=True, kw_only=True)
class WeightGuessing:
    """Settings of guessing; ``dk.train(model, task, WeightGuessing(scale=100.0))``.

    Every parameter is drawn uniformly from +-``scale``, ``together`` networks at a time, until one answers every step
    that is asked in all of ``n_trials`` fixed trials, or ``max_guesses`` are spent.  Networks are dropped at a wrong
    trial.  The model then has the weights of the first that solved all, or its own again if none did.

    The History has one entry per batch of guesses: the score is the largest share of the trials that one of them got
    right before it was dropped, the loss 1 - score; ``stopped`` says which guess it was.
    """

    scale: float = 100.0
    max_guesses: int = 200_000
    n_trials: int = 64
    together: int = 8192

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, above=0, closed=False)
        for name in ("max_guesses", "n_trials", "together"):
            checks.count(name, getattr(self, name))


@fit.register
def _(method: WeightGuessing, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    if not isinstance(model, RecurrentModel):
        raise InputError(f"model must be a RecurrentModel for WeightGuessing, got a {type(model).__name__}")
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise InputError("model has no parameter that requires a gradient: there is nothing to guess")
    model.eval()
    trials = batch(task, method.n_trials, seed, 0)
    if trials.targets is None:
        raise InputError("these trials have no targets, so no guess can be judged; give targets")
    n_weights, side_by_side = sum(p.numel() for p in named.values()), min(method.together, method.max_guesses)
    chunks.refuse_larger(
        f"{side_by_side} networks of {n_weights} weights", 12.0 * side_by_side * n_weights, "use a smaller together"
    )
    began, done, best, found = time.monotonic(), 0, [], None
    seconds: list[float] = []
    going = True
    while found is None and going and done < method.max_guesses:
        n = min(method.together, method.max_guesses - done)
        guesses = _draw(named, n, method.scale, torch_stream(seed, "guess", done))
        found, right = _first_to_solve(model, task, trials, guesses)
        best.append(right / method.n_trials)
        seconds.append(time.monotonic() - began)
        done += n if found is None else found + 1
        info = {"loss": 1 - best[-1], "score": best[-1], "learning_rate": 0.0, "total": method.max_guesses}
        going = told(callback, done, info)
    if found is not None:
        with torch.no_grad():
            for name, p in named.items():
                p.copy_(guesses[name][found])
    failed = f"all {counted(done, 'guess', 'guesses')} failed"
    stopped = f"guess {done} solves all trials" if found is not None else failed
    stopped += "" if going or found is not None else f", {BY_CALLBACK}"
    return _history(method, task, seed, (best, seconds), stopped)


def _draw(
    named: dict[str, nn.Parameter], n: int, scale: float, generator: torch.Generator
) -> dict[str, Tensor]:
    """``n`` networks' worth of every parameter, (guess, ...)."""
    return {
        name: (scale * (2 * torch.rand(n, *p.shape, generator=generator) - 1)).to(p) for name, p in named.items()
    }


@torch.no_grad()
def _first_to_solve(
    model: RecurrentModel, task: Task, trials: Trials, guesses: dict[str, Tensor]
) -> tuple[int | None, int]:
    """The first of the guesses that is right in all trials, or None, and in how many the last to fail was right."""
    alive = torch.arange(len(next(iter(guesses.values()))))
    done, size = 0, 1
    while done < len(trials):
        these = trials[done : done + size]
        right = _right(model, task, these, {name: values[alive] for name, values in guesses.items()})
        if not bool(right.all(1).any()):
            return None, done + int(right.cumprod(1).sum(1).max())
        alive, done, size = alive[right.all(1)], done + size, 2 * size
    return int(alive[0]), len(trials)


def _right(model: RecurrentModel, task: Task, trials: Trials, guesses: dict[str, Tensor]) -> Tensor:
    """Which trials each guess answers rightly at every step that is asked: (guess, trial)."""
    assert trials.targets is not None
    outputs = _outputs(model, trials.inputs, guesses)  # (guess, trial, time, output)
    targets = trials.targets.to(outputs).expand_as(outputs)
    right = task.correct(outputs.flatten(0, 1), targets.flatten(0, 1)).view_as(outputs) & outputs.isfinite()
    asked = score_mask(trials)
    if asked is not None:
        right = right | (asked.to(outputs.device) == 0)
    return right.flatten(2).all(2)


def _outputs(model: RecurrentModel, inputs: Tensor, guesses: dict[str, Tensor]) -> Tensor:
    """The outputs of all guessed networks, stepped side by side."""
    called, like = Called(model), next(iter(guesses.values()))
    values = {f"model.{name}": value for name, value in guesses.items()}

    def one(values: dict[str, Tensor], x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        after = functional_call(called, values, ("step", x, u))
        return after, functional_call(called, values, ("read", after))

    step = vmap(one, in_dims=(0, 0, None))
    x, said = like.new_zeros(len(like), len(inputs), model.state_size), []
    for u in inputs.to(like).unbind(1):
        x, y = step(values, x, u)
        said.append(y)
    return torch.stack(said, 2)


def _history(
    method: WeightGuessing, task: Task, seed: int, curves: tuple[list[float], list[float]], stopped: str
) -> History:
    best, seconds = (np.array(curve) for curve in curves)
    settings: dict[str, Any] = dataclasses.asdict(method)
    return History(
        losses=1 - best,
        scores=best,
        seconds=seconds,
        learning_rates=np.zeros(len(best)),
        stopped=stopped,
        provenance=Provenance.of(seed=seed, method="WeightGuessing", task=type(task).__name__, **settings),
    )
