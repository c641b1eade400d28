"""Laws of random initial states: a basin's share means nothing without the law the states were drawn from.

Each sampler is a frozen dataclass that is called as ``sampler(n, rng)`` and returns states (n, unit); so may be any
function.  ``volume`` in the sense of Menck, Heitzig, Marwan and Kurths (2013, basin stability) is :class:`Box`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import checks
from .checks import count, number, reals
from .errors import InputError
from .wording import counted

__all__ = ["Around", "Box", "Gaussian", "Hull", "Sampler"]

Sampler = Callable[[int, np.random.Generator], Any]


@dataclass(frozen=True, eq=False)
class Box:
    """Uniform between ``low`` and ``high``, each a number or (unit,).

    >>> Box([-1.0, -2.0], 2.0)(3, np.random.default_rng(0)).shape
    (3, 2)
    """

    low: Any
    high: Any

    def __post_init__(self) -> None:
        low, high = _vector("low", self.low), _vector("high", self.high)
        try:
            low, high = np.broadcast_arrays(low, high)
        except ValueError:
            raise InputError(f"high {high.shape} must be as wide as low {low.shape}") from None
        wrong = np.flatnonzero(~(low < high))
        if len(wrong):
            k = int(wrong[0])
            raise InputError(f"low must be below high, but in unit {k} they are {low[k]:g} and {high[k]:g}")
        if not np.isfinite(high / 2 - low / 2).all() or (high / 2 - low / 2).max() > np.finfo(float).max / 2:
            raise InputError("low and high must be less than 1.8e308 apart")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @classmethod
    def of(cls, system: Any, drive: Any = None) -> Box:
        """The invariant box of a system (``system.box``) under a constant drive; InputError where none is known."""
        if not hasattr(system, "box"):
            raise InputError(f"system must be a System, got {type(system).__name__}; see dk.as_system(model)")
        found = system.box(drive)
        if found is None:
            raise InputError(f"system ({system.name}) has no known invariant box: give low and high")
        return cls(found.lo.cpu().numpy(), found.hi.cpu().numpy())

    def __call__(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """States (n, unit)."""
        return rng.uniform(self.low, self.high, (n, len(self.low)))

    def __str__(self) -> str:
        return f"uniform in a box of {counted(len(self.low), 'unit')}, {_span(self.low)} to {_span(self.high)}"


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Normal with ``mean`` and ``std``, each a number or (unit,), independent from unit to unit."""

    mean: Any
    std: Any

    def __post_init__(self) -> None:
        mean, std = _vector("mean", self.mean), _vector("std", self.std)
        try:
            mean, std = np.broadcast_arrays(mean, std)
        except ValueError:
            raise InputError(f"std {std.shape} must be as wide as mean {mean.shape}") from None
        if not (std > 0).all():
            raise InputError(
                f"std must be positive, but in unit {int(np.flatnonzero(~(std > 0))[0])} it is not"
            )
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)

    def __call__(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """States (n, unit)."""
        return self.mean + self.std * rng.standard_normal((n, len(self.mean)))

    def __str__(self) -> str:
        return (
            f"normal in {counted(len(self.mean), 'unit')}, mean {_span(self.mean)}, "
            f"standard deviation {_span(self.std)}"
        )


@dataclass(frozen=True, eq=False)
class Around:
    """States that were seen (..., unit), drawn anew and perturbed by normal noise.

    ``size`` is the standard deviation of the noise, relative to that of each unit over ``states``.
    """

    states: Any
    size: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", _seen(self.states))
        number("size", self.size, above=0.0)

    def __call__(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """States (n, unit)."""
        drawn = self.states[rng.integers(len(self.states), size=n)]
        return drawn + self.size * self.states.std(axis=0) * rng.standard_normal(drawn.shape)

    def __str__(self) -> str:
        return f"around {len(self.states)} recorded states, noise of {self.size:g} standard deviations"


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex combinations of ``n_mixed`` of the states that were seen (..., unit), weights uniform on the simplex."""

    states: Any
    n_mixed: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", _seen(self.states))
        count("n_mixed", self.n_mixed)

    def __call__(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """States (n, unit)."""
        chosen = self.states[rng.integers(len(self.states), size=(n, self.n_mixed))]
        return np.einsum("nk,nku->nu", rng.dirichlet(np.ones(self.n_mixed), n), chosen)

    def __str__(self) -> str:
        return f"convex combinations of {self.n_mixed} of {len(self.states)} recorded states"


def draw(sampler: Sampler, n: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """``n`` states (n, width) of any sampler, checked; they need not be finite.

    Raises InputError if the sampler cannot be called or returns another shape.
    """
    if not callable(sampler):
        raise InputError(
            f"sampler must be one of dk.samplers or a function of (n, rng), got {type(sampler).__name__}"
        )
    states = reals("what sampler returns", sampler(n, rng), finite=False)
    if states.shape != (n, width):
        raise InputError(f"sampler must return states of shape ({n}, {width}), got {states.shape}")
    return states


def describe(sampler: Sampler) -> tuple[str, str]:
    """Name and description of a sampler."""
    if isinstance(sampler, (Box, Gaussian, Around, Hull)):
        return type(sampler).__name__, str(sampler)
    name = getattr(sampler, "__name__", type(sampler).__name__)
    said = (getattr(sampler, "__doc__", None) or "").strip().partition("\n")[0]
    return name, said if said and isinstance(sampler, type(describe)) else f"function {name}"


def _vector(name: str, value: Any) -> np.ndarray:
    array = np.atleast_1d(reals(name, value))
    if array.ndim != 1 or not len(array):
        raise InputError(f"{name} must be a number or (unit,), got shape {array.shape}")
    return array


def _seen(states: Any) -> np.ndarray:
    array = checks.states("states", states, (..., "unit"))
    if not array.size:
        raise InputError(f"states must hold at least one finite state, got shape {array.shape}")
    array = array.reshape(-1, array.shape[-1])
    array = array[np.isfinite(array).all(axis=1)]
    if not len(array):
        raise InputError("states must hold at least one finite state")
    return array


def _span(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if math.isclose(low, high) else f"[{low:.4g} .. {high:.4g}]"
