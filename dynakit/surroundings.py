"""Whatever a caller has set for torch and NumPy, our own code runs as if nothing had been.

A default device, inference mode, autocast and ``np.seterr(all="raise")`` are settings of the caller's code.  Ours
states its devices and dtypes where they matter and lets tiny numbers vanish; a user's function is called on the device
of its system.  Nothing is changed for the caller: all of it ends with the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar, cast

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def own_surroundings() -> Iterator[None]:
    """torch's and NumPy's settings as they are by default, within this context and thread."""
    import torch

    with ExitStack() as stack:
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.is_autocast_enabled("cpu"):
            stack.enter_context(torch.autocast("cpu", enabled=False))
        if "raise" in np.geterr().values():
            stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        yield


def _usual() -> bool:
    """Is there nothing to set aside?  Asked at every call of a map, so it must cost next to nothing."""
    import torch

    return not (
        torch.is_inference_mode_enabled()
        or torch.is_autocast_enabled("cpu")
        or torch.empty(0).device.type != "cpu"  # at a quarter of the cost of asking
        or "raise" in np.geterr().values()
    )


def in_own_surroundings(function: Function) -> Function:
    """A public function that runs in :func:`own_surroundings`."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _usual():
            return function(*args, **kwargs)
        with own_surroundings():
            return function(*args, **kwargs)

    return cast(Function, call)
