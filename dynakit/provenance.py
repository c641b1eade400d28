"""Where a result comes from: the whole call that made it, taken from the call itself."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from .chunks import parts
from .progress import watching
from .records import Record
from .seeding import as_seed
from .surroundings import own_surroundings
from .version import __version__

Function = TypeVar("Function", bound=Callable[..., Any])
UNSAID = ("seed", "system", "callback")  # of a call: recorded elsewhere, or of no consequence for its result
SHORT = 64  # values of an array that is recorded whole; of a longer one only the shape and a hash


@dataclass(frozen=True, kw_only=True)
class Provenance(Record):
    """Where a result comes from."""

    dynakit: str = __version__
    torch: str = ""
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    weights: str = ""  # SHA-256 of the weights analysed; empty for a plain callable

    @classmethod
    def of(cls, system: Any = None, *, seed: int | None = None, **settings: Any) -> Provenance:
        """The provenance of a result computed from ``system`` with these settings."""
        import torch

        weights = getattr(system, "fingerprint", "") if system is not None else ""
        return cls(torch=torch.__version__, seed=seed, settings=settings, weights=weights)

    @classmethod
    def of_call(cls, arguments: dict[str, Any]) -> Provenance:
        """The provenance of a result that a function computed from these arguments, by name."""
        seed, subject = arguments.get("seed"), next(iter(arguments.values()), None)
        subject = subject[-1] if isinstance(subject, (list, tuple)) and subject else subject  # the last checkpoint
        said = {name: _said(value) for name, value in arguments.items() if name not in UNSAID}
        return cls.of(subject, seed=seed, **said)


def with_provenance(function: Function) -> Function:
    """Let a public function put its whole call, defaults and all, into the provenance of the result it returns.

    The seed is drawn here if a generator was given, so that what is recorded is what was used.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python's own error names the function
        bound.apply_defaults()
        if "seed" in bound.arguments:
            bound.arguments["seed"] = as_seed(bound.arguments["seed"])
        with own_surroundings(), watching(bound.arguments.get("callback")) as watch:
            try:
                result = function(*bound.args, **bound.kwargs)
            except Exception:
                if watch.raised is None:
                    raise
                result = None  # it was ended before there was anything to return
        if result is not None:
            result = _signed(result, Provenance.of_call(dict(bound.arguments)), watch.said)
        if watch.raised is not None:
            watch.raised.partial = result  # type: ignore[attr-defined]
            raise watch.raised
        return result

    return cast(Function, call)


def _signed(result: Any, provenance: Provenance, interrupted: str) -> Any:
    """A result, and those within it that have none, with where they come from; and whether the call ended early."""
    parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(result) if f.init}
    own = {name: part for name, part in parts.items() if hasattr(part, "provenance") and not part.provenance}
    within = {name: dataclasses.replace(part, provenance=provenance) for name, part in own.items()}
    marks = {"interrupted": interrupted} if interrupted else {}
    return dataclasses.replace(result, **within, **marks, provenance=provenance)


def _said(value: Any) -> Any:
    """An argument as it is recorded: itself if it is short, else what it was."""
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu().to_dense()
        value = (value.double() if str(value.dtype) == "torch.bfloat16" else value).numpy()  # NumPy has none
    if isinstance(value, np.ndarray):
        return _array_said(value)
    if isinstance(value, dict):
        return {str(name): _said(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        flat = np.asarray(value) if _rectangular(value) else None
        return _array_said(flat) if flat is not None else [_said(item) for item in value]
    if hasattr(value, "headline"):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {f.name: _said(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"": type(value).__name__, **named}
    return getattr(value, "__name__", None) or getattr(value, "name", None) or type(value).__name__


def _rectangular(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:
        return False


def _array_said(value: np.ndarray) -> Any:
    if value.size <= SHORT:
        return value.tolist()
    digest = hashlib.sha256()
    for part in parts(len(value), value.nbytes / len(value)):
        digest.update(value[part].tobytes())
    return f"{value.dtype} array of shape {value.shape}, SHA-256 {digest.hexdigest()[:16]}"
