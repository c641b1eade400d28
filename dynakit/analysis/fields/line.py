"""The phase line of a system of one unit: how fast a state moves, and which way, wherever it is.

Of a map the step F(x, u) - x, of a flow the rate f(x, u).  Where it is zero the state rests (Strogatz 1994, sec. 2.2);
of a map F itself, against the diagonal, is the cobweb's curve (sec. 10.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import chunks, linalg
from ...checks import count, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import dynamics_of, velocity
from ...wording import counted
from ..fixed_points import FixedPoints, find_fixed_points


@dataclass(frozen=True, kw_only=True, repr=False)
class PhaseLine(Result):
    """The velocity along the state of a system of one unit, one entry per drive.

    Attributes:
        names: (drive,) what each drive is called
        drives: (drive, input) the constant inputs
        velocities: (drive, place) F(x) - x per step, of a flow f(x) per unit time
        places: (place,) the states, rising
        points: the fixed points under all drives
        dynamics: "map" or "flow"
    """

    drawn_by: ClassVar[str] = "plot_phase_line"

    names: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    velocities: np.ndarray = per_item()
    places: np.ndarray
    points: FixedPoints
    dynamics: str = "map"

    @property
    def images(self) -> np.ndarray:
        """(drive, place) F(x) of a map."""
        if self.dynamics == "flow":
            raise InputError("a flow has no images: it is no map")
        return self.places + self.velocities

    def of(self, k: int) -> FixedPoints:
        """The fixed points under one drive."""
        return self.points[(self.points.drives == self.drives[k]).all(axis=1)]

    def headline(self) -> str:
        each = [len(self.of(k)) for k in range(len(self))]
        found = ", ".join(f"{counted(n, 'point')} at {name}" for name, n in zip(self.names.tolist(), each))
        return f"{counted(len(self), 'drive')} of a {self.dynamics}: {found}"


@with_provenance
def map_phase_line(
    system: System, drives: Any = None, *, span: Any = None, n_places: int = 401, seed: Any = 0
) -> PhaseLine:
    """Map how a state of one unit moves under each of several constant inputs.

    Arguments:
        system: a map or a flow of one unit.
        drives: a dictionary of constant inputs by name (as ``task.drives``), an array (drive, input) or (input,); None:
            no input.
        span: lowest and highest state; None: twice as wide as the fixed points lie, or 1 to each side of them.
        n_places: states at which the velocity is taken.
        seed: of the search for the fixed points.

    Raises:
        InputError: for a system of more than one unit, or arguments that do not fit it.
        ResourceError: where the velocities would not fit into memory.

    >>> import dynakit as dk
    >>> dk.map_phase_line(dk.catalog.tanh_unit(w=2.0), {"rest": [0.0], "up": [1.0]})
    PhaseLine(2 drives of a map: 3 points at rest, 1 point at up)
    """
    if checked(system).state_size != 1:
        raise InputError(
            f"system must have one unit to have a phase line, got {counted(system.state_size, 'unit')}; "
            "dk.plane_flow shows a plane of it"
        )
    n_places = count("n_places", n_places, least=2)
    names, inputs = _named(system, drives)
    chunks.refuse_larger(f"{n_places} places", 4 * chunks.FLOAT * n_places * len(names), "take fewer places")
    points = find_fixed_points(system, drive=inputs if len(inputs) > 1 else inputs[0], seed=seed)
    low, high = _ends(span, points)
    places = np.linspace(low, high, n_places)
    with linalg.one_thread(), torch.no_grad():
        field = [velocity(system, places[:, None], u)[:, 0].cpu().numpy() for u in inputs]
    return PhaseLine(
        names=np.array(names),
        drives=inputs,
        velocities=np.array(field),
        places=places,
        points=points,
        dynamics=dynamics_of(system),
    )


def _named(system: System, drives: Any) -> tuple[list[str], np.ndarray]:
    """Names and constant inputs (drive, input)."""
    if isinstance(drives, Mapping):
        if not drives:
            raise InputError("drives must hold at least one constant input, got none")
        inputs = [system.as_drive(f"drives[{name!r}]", value).reshape(-1) for name, value in drives.items()]
        return [str(name) for name in drives], np.stack([u.cpu().numpy() for u in inputs])
    inputs = np.atleast_2d(system.as_drive("drives", drives).cpu().numpy())
    if inputs.ndim != 2 or not len(inputs):
        raise InputError(f"drives must be (drive, input), got shape {inputs.shape}")
    varies = np.flatnonzero(np.ptp(inputs, axis=0) > 0)
    shown = inputs[:, varies] if len(varies) else inputs
    return [", ".join(f"{value:g}" for value in row) or "no input" for row in shown], inputs


def _ends(span: Any, points: FixedPoints) -> np.ndarray:
    """The lowest and the highest state that is shown."""
    if span is not None:
        low, high = reals("span", span, (2,))
        if not low < high:
            raise InputError(f"span must be the lowest and the highest state, got {low:g} and {high:g}")
        return np.array([low, high])
    x = points.states[:, 0] if len(points) else np.zeros(1)
    reach = np.ptp(x) / 2 or 1.0
    return np.array([x.min() - reach, x.max() + reach])
