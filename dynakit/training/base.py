"""One entry for all ways to train: the method is a frozen dataclass of settings, and its type decides."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .. import linalg
from ..errors import InputError
from ..models.learner import Learner
from ..results import History
from ..seeding import as_seed
from ..tasks import Task

Callback = Callable[[int, dict[str, float]], object]


@functools.singledispatch
def fit(method: Any, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    """Train ``model`` by ``method``; each method registers its own function here."""
    known = ", ".join(sorted(cls.__name__ for cls in fit.registry if cls is not object))
    raise InputError(f"method must be one of {known} (with its settings, as in BPTT()), got {method!r}")


@functools.singledispatch
def fit_together(
    method: Any, models: Sequence[Any], task: Any, seeds: Sequence[int], callback: Callback | None
) -> Sequence[History]:
    """Train ``models`` side by side by ``method``; a method that can registers its own function here."""
    known = " or ".join(sorted(cls.__name__ for cls in fit_together.registry if cls is not object))
    raise InputError(f"method must be {known} to train networks together, got {method!r}")


def train(
    model: nn.Module, task: Task, method: Any = None, *, seed: Any = 0, callback: Callback | None = None
) -> History:
    """Train ``model`` on ``task`` in place, and say how it went.

    Args:
        model: a network of the sizes of the task (``type(model).for_task(task)`` builds one).
        task: draws the trials and says how good the outputs are.
        method: the settings of a way to train; None is ``BPTT()``, or ``Online()`` for a learner of a stream.
        seed: of the trials and the noise: the same seed trains the same network bit for bit.
        callback: called after each update with the number of updates done and a dict of ``loss``, ``score``
            (of that update's batch, before the step), ``learning_rate`` and ``total``, the updates planned.

    Raises:
        InputError: an argument cannot be used, or the sizes of task and model differ.
        NumericalError: training keeps diverging; ``partial`` is the History, and the model has its last good
            weights.

    The library's own generators and one thread are used; the caller's generator, thread count and the model's
    train/eval mode come back as they were.

    >>> from dynakit.models import GRU
    >>> from dynakit.tasks import FlipFlop
    >>> from dynakit.training import BPTT
    >>> task = FlipFlop(n_bits=1, n_steps=20)
    >>> history = train(GRU.for_task(task, 8), task, BPTT(max_updates=3))
    >>> len(history), history.stopped
    (3, 'all 3 updates done')
    """
    from .gradient import BPTT
    from .online import Online

    check_sizes(model, task)
    if method is None:
        method = Online() if isinstance(model, Learner) else BPTT()
    was_training = model.training
    try:
        with linalg.one_thread(), torch.inference_mode(False), torch.enable_grad():
            return fit(method, model, task, seed=as_seed(seed), callback=callback)
    finally:
        model.train(was_training)


def check_sizes(model: Any, task: Any) -> None:
    """Raise InputError unless ``model`` has the inputs and outputs of ``task``."""
    if not isinstance(model, nn.Module) or not hasattr(model, "n_inputs") or not hasattr(model, "n_outputs"):
        raise InputError(f"model must be one of dynakit.models, got a {type(model).__name__}")
    if not hasattr(task, "sample") or not hasattr(task, "loss"):
        raise InputError(f"task must be one of dynakit.tasks (see from_arrays), got a {type(task).__name__}")
    wanted, has = (task.n_inputs, task.n_outputs), (model.n_inputs, model.n_outputs)
    if wanted != has:
        raise InputError(
            f"task and model do not fit: the task has {wanted[0]} inputs and {wanted[1]} outputs, the model "
            f"{has[0]} and {has[1]}; {type(model).__name__}.for_task(task) builds one that fits"
        )
