"""How hard basins, shocks and edge states are looked for, and how sure what is said of them is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...checks import count, number
from ...errors import InputError
from .labelling import Labelling

N_STEPS, CONFIDENCE = 1000, 0.95


@dataclass(frozen=True)
class BasinSettings:
    """How :func:`dynakit.map_basins` and :func:`dynakit.trace_basins` tell where trajectories go.

    Attributes:
        n_steps: steps before a trajectory is called slow; it then gets ten times as many before it is unresolved
        labelling: :class:`dynakit.Proximity`, :class:`dynakit.Recurrence` or :class:`dynakit.Features`, or anything
            that does what ``labelling.py`` asks for; None: Proximity where attractors are given, Recurrence where not
        confidence: of intervals and bounds, 0..1

    Raises InputError for a value that cannot be used.
    """

    n_steps: int = N_STEPS
    labelling: Labelling | None = None
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        count("n_steps", self.n_steps)
        _confident(self.confidence)
        how: Any = self.labelling
        if how is not None and (isinstance(how, type) or not hasattr(how, "label")):
            raise InputError(
                "labelling must be Proximity(), Recurrence() or Features(...), got "
                f"{how if isinstance(how, type) else type(how).__name__}"
            )


@dataclass(frozen=True)
class ShockSettings:
    """How hard :func:`dynakit.find_smallest_shock` looks.

    Attributes:
        n_directions: random directions at each attractor, spread over its states
        largest: the largest shock tried, in units of ``scale``; None: twice the largest distance between attractors
        n_steps: steps before a trajectory is called slow; it then gets ten times as many before it is unresolved
        confidence: of the intervals of the share that returns, 0..1

    Raises InputError for a value that cannot be used.
    """

    n_directions: int = 64
    largest: float | None = None
    n_steps: int = N_STEPS
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        count("n_directions", self.n_directions)
        count("n_steps", self.n_steps)
        _confident(self.confidence)
        if self.largest is not None:
            number("largest", self.largest, above=0.0, closed=False)


@dataclass(frozen=True)
class EdgeSettings:
    """How long :func:`dynakit.find_edge_state` follows what lies between.

    Attributes:
        n_track: most steps along the boundary
        n_steps: steps before a trajectory beside it is called slow; it then gets ten times as many before it is
            unresolved

    Raises InputError for what is no count.
    """

    n_track: int = 2000
    n_steps: int = N_STEPS

    def __post_init__(self) -> None:
        count("n_track", self.n_track)
        count("n_steps", self.n_steps)


def _confident(value: Any) -> None:
    number("confidence", value, above=0.0, below=1.0, closed=False)
