"""Whatever a caller has set for torch and NumPy, our own code runs as if nothing had been.

A default device, inference mode, autocast and ``np.seterr(all="raise")`` are settings of the caller's code.  Ours
states its devices and dtypes where they matter and lets tiny numbers vanish; a user's function is called on the device
of its system.  Nothing is changed for the caller: all of it ends with the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar, cast

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def own_surroundings() -> Iterator[None]:
    """torch's and NumPy's settings as they are by default, within this context and thread."""
    with ExitStack() as stack:
        for setting in _set_aside():
            stack.enter_context(setting)
        yield


def _set_aside() -> list[AbstractContextManager[Any]]:
    """What must be entered to be rid of the caller's settings; asked at every call of a map, so it must cost little."""
    import torch

    settings: list[AbstractContextManager[Any]] = []
    if torch.empty(0).device.type != "cpu":  # at a quarter of the cost of asking for the default device
        settings.append(torch.device("cpu"))
    if torch.is_inference_mode_enabled():
        settings.append(torch.inference_mode(False))
    if torch.is_autocast_enabled("cpu"):
        settings.append(torch.autocast("cpu", enabled=False))
    if "raise" in np.geterr().values():
        settings.append(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
    return settings


def in_own_surroundings(function: Function) -> Function:
    """A public function that runs in :func:`own_surroundings`."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _set_aside():  # a context costs as much as a small step
            return function(*args, **kwargs)
        with own_surroundings():
            return function(*args, **kwargs)

    return cast(Function, call)
