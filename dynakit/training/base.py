"""What a way to train registers itself with: its settings are a frozen dataclass, whose type decides."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from ..errors import InputError
from ..results import History
from ..tasks import Task
from ..wording import counted


class Called(nn.Module):
    """A network whose methods ``functional_call`` can call: ``functional_call(Called(model), values, ("step", x, u))``.

    The parameters have their own names after ``model.``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, method: str, *arguments: Any) -> Any:
        return getattr(self.model, method)(*arguments)


Callback = Callable[[int, dict[str, float]], object]


BY_CALLBACK = "ended by the callback"  # why a run stopped


def told(callback: Callback | None, done: int, info: dict[str, float]) -> bool:
    """Tell the callback how far a run is; whether it goes on, as it does until StopIteration is raised there."""
    try:
        if callback is not None:
            callback(done, info)
    except StopIteration:
        return False
    return True


@functools.singledispatch
def fit(method: Any, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    """Train ``model`` by ``method``; each method registers its own function here."""
    known = sorted({cls.__name__ for kind in fit.registry if kind is not object for cls in _concrete(kind)})
    raise InputError(f"method must be one of {', '.join(known)} (with its settings, as in BPTT()), got {method!r}")


@functools.singledispatch
def fit_together(
    method: Any, models: Sequence[Any], task: Any, seeds: Sequence[int], callback: Callback | None
) -> Sequence[History]:
    """Train ``models`` side by side by ``method``; a method that can registers its own function here."""
    raise InputError(not_together(method, models))


@functools.singledispatch
def not_together(method: Any, models: Sequence[Any]) -> str:
    """Why ``method`` cannot train ``models`` side by side, or ""; registered as :func:`fit_together` is."""
    known = " or ".join(sorted(cls.__name__ for cls in fit_together.registry if cls is not object))
    return f"method must be {known} to train networks together, got {method!r}"


def _concrete(kind: type) -> Iterator[type]:
    """``kind`` and all that descend from it, as far as they can be built."""
    if not inspect.isabstract(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _concrete(below)


def check_sizes(model: Any, task: Any) -> None:
    """Raise InputError unless ``model`` has the inputs and outputs of ``task``."""
    if not isinstance(model, nn.Module) or not hasattr(model, "n_inputs") or not hasattr(model, "n_outputs"):
        raise InputError(f"model must be one of dynakit.models, got a {type(model).__name__}")
    if not hasattr(task, "sample") or not hasattr(task, "loss"):
        raise InputError(f"task must be one of dynakit.tasks (see from_arrays), got a {type(task).__name__}")
    wanted, has = (task.n_inputs, task.n_outputs), (model.n_inputs, model.n_outputs)
    if wanted != has:
        raise InputError(
            f"task and model do not fit: the task has {counted(wanted[0], 'input')} and {counted(wanted[1], 'output')},"
            f" the model {has[0]} and {has[1]}; {type(model).__name__}.for_task(task) builds one that fits"
        )
