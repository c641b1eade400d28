"""One entry for all ways to train: one model, or many of one kind side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .. import checks, linalg
from ..errors import InputError
from ..models.learners import Learner
from ..results import History
from ..seeding import as_seed
from ..surroundings import in_own_surroundings
from ..tasks import Task
from ..wording import counted
from .base import Callback, check_sizes, fit, fit_together, not_together
from .gradient import BPTT
from .online import Online


@in_own_surroundings
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
            StopIteration raised in it ends the run: the model keeps the weights of that moment, and the History says so
            in ``stopped``.

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
    check_sizes(model, task)
    _check_callback(callback)
    method = _usual(model) if method is None else method
    with _modes_kept([model]), linalg.one_thread(), torch.inference_mode(False), torch.enable_grad():
        return fit(method, model, task, seed=as_seed(seed), callback=callback)


@in_own_surroundings
def train_together(
    models: Sequence[nn.Module],
    task: Task,
    method: Any = None,
    *,
    seeds: Sequence[Any] | None = None,
    callback: Callback | None = None,
) -> list[History]:
    """Train models of one kind side by side, in place: many seeds for little more than the price of one.

    Each is trained as :func:`dynakit.train` trains it alone under its seed, up to rounding: with its own trials and
    noise, its own clipping and guard, and to its own end.

    Args:
        models: the networks or learners, alike but for their weights.
        task: as for :func:`dynakit.train`.
        method: a :class:`BPTT`, a :class:`Curriculum` or an :class:`Online`; None: what :func:`dynakit.train` takes.
        seeds: of what :func:`dynakit.train` takes a seed for, one per model; None: 0, 1, 2, ...
        callback: called as by :func:`dynakit.train`, with means over the models still trained.

    Returns:
        One History per model.  A network that keeps diverging is left at its last good weights, its ``stopped`` begins
        with "diverged", and the others go on; online, its ``stopped`` names the element.  ``seconds`` are those of all.

    Raises:
        InputError: an argument cannot be used, or the networks cannot be trained together: see
            :func:`why_not_together`.

    >>> from dynakit.models import Elman
    >>> from dynakit.tasks import FlipFlop
    >>> from dynakit.training import BPTT
    >>> task = FlipFlop(n_bits=1, n_steps=20)
    >>> models = [Elman.for_task(task, 4, seed=seed) for seed in range(3)]
    >>> [len(history) for history in train_together(models, task, BPTT(max_updates=2))]
    [2, 2, 2]
    """
    models = list(models) if isinstance(models, Iterable) else [models]
    if not models or len({id(model) for model in models}) < len(models):
        raise InputError(f"models must be one or more networks, each given once, got {len(models)}")
    if seeds is not None and not isinstance(seeds, Iterable):
        raise InputError(f"seeds must be one per network, got {seeds!r}")
    own = list(range(len(models))) if seeds is None else [as_seed(seed) for seed in seeds]
    if len(own) != len(models):
        raise InputError(f"seeds must be one per network, got {len(own)} for {counted(len(models), 'network')}")
    for model in models:
        check_sizes(model, task)
    _check_callback(callback)
    method = _usual(models[0]) if method is None else method
    with _modes_kept(models), linalg.one_thread(), torch.inference_mode(False), torch.enable_grad():
        return list(fit_together(method, models, task, own, callback))


def why_not_together(models: Sequence[nn.Module], method: Any = None) -> str:
    """Why :func:`train_together` cannot train these models by this method, as one sentence; "" where it can.

    Args:
        models: one or more networks or learners, as they are built; their weights do not matter.
        method: the settings of a way to train; None as for :func:`train_together`.

    >>> from dynakit.models import GRU
    >>> why_not_together([GRU(2, 8, 1), GRU(2, 8, 1, seed=1)])
    ''
    >>> why_not_together([GRU(2, 8, 1), GRU(2, 9, 1)])
    'models must be alike but for their weights, yet n_hidden is 8 for models[0] and 9 for models[1]'
    """
    models = list(models) if isinstance(models, Iterable) else [models]
    if not models:
        return "models must be one or more networks, got none"
    return not_together(_usual(models[0]) if method is None else method, models)


def _usual(model: nn.Module) -> Any:
    """The method for ``model`` where none is named."""
    return Online() if isinstance(model, Learner) else BPTT()


@contextmanager
def _modes_kept(models: Sequence[nn.Module]) -> Iterator[None]:
    """Each part of the models in train or eval mode afterwards as it was before."""
    modes = [(part, part.training) for model in models for part in model.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _check_callback(callback: Any) -> None:
    if callback is not None:
        checks.function("callback", callback, "(done, info)")
