"""The flow in a plane: how fast, which way, and how much of the motion the plane does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import checks, chunks, linalg
from ...checks import count, matches_shape, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result
from ...systems.base import System, checked
from ...systems.rest import velocity
from ..trajectories import Projection


@dataclass(frozen=True, kw_only=True, repr=False)
class PlaneFlow(Result):
    """The velocity on a grid of a plane: F(x) - x of a map, f(x) of a flow.

    Attributes:
        grid_x: (column,) scores along the first axis
        grid_y: (row,) scores along the second axis
        velocities: (row, column, 2) score change in the plane, per step; of a flow per unit time
        leaving_share: (row, column) share of the speed that leaves the plane, 0..1
        names: of the two axes
        through: (unit,) the state the plane passes through
    """

    drawn_by: ClassVar[str] = "plot_flow"

    grid_x: np.ndarray
    grid_y: np.ndarray
    velocities: np.ndarray
    leaving_share: np.ndarray
    names: tuple[str, str]
    through: np.ndarray

    def headline(self) -> str:
        return (
            f"{self.velocities.shape[1]} x {self.velocities.shape[0]} grid over {' and '.join(self.names)}; "
            f"median share of speed leaving the plane {np.median(self.leaving_share):.2f}"
        )


def _plane(projection: Any, axes: Any, size: int) -> Projection:
    """The two chosen axes of a projection of states of this size."""
    if not isinstance(projection, Projection):
        raise InputError(f"projection must be a Projection (see dk.project), got {type(projection).__name__}")
    matches_shape("projection.components", projection.components.shape, ("component", size))
    if len(projection) < 2:
        raise InputError(f"projection must have at least 2 components to span a plane, got {len(projection)}")
    if not isinstance(axes, (tuple, list)) or len(axes) != 2 or axes[0] == axes[1]:
        raise InputError(f"axes must be two different components, got {axes!r}")
    return projection[[count("axes", k, least=0, most=len(projection) - 1) for k in axes]]


def _whole(size: int, projection: Any, through: Any) -> tuple[Any, Any]:
    """The plane of the two units of a system that has two, where nothing else is said."""
    if projection is None:
        if size != 2:
            raise InputError(
                f"projection must be a Projection for a system of {size} units, got None: two are no plane of all"
            )
        projection = Projection.onto(np.eye(2), ["unit 1", "unit 2"])
    if through is None:
        if size != 2:
            raise InputError(f"through must be given for a system of {size} units: the state that the plane passes")
        through = np.zeros(2)
    return projection, through


def _limits(frame: Projection, ranges: Any) -> np.ndarray:
    """(axis, 2): from where to where the grid goes."""
    if ranges is None:
        known = np.where(np.isfinite(frame.ranges), frame.ranges, [-1.0, 1.0])
        return known + 0.12 * np.maximum(np.ptp(known, axis=1, keepdims=True), 1e-9) * [-1.0, 1.0]
    given = reals("ranges", ranges, (2, 2))
    if not (given[:, 0] < given[:, 1]).all():
        raise InputError(f"ranges must rise along each axis, got {given.tolist()}")
    return given


@with_provenance
def plane_flow(
    system: System,
    projection: Projection | None = None,
    drive: Any = None,
    *,
    through: Any = None,
    axes: tuple[int, int] = (0, 1),
    ranges: Any = None,
    n_grid: int = 25,
) -> PlaneFlow:
    """The velocity field in the plane of two axes through a chosen state.

    Arguments:
        system: the map or the flow.
        projection: its axes span the plane; the grid covers its ``ranges``, with a margin.  None: the two units of a
            system that has two.
        drive: constant input (input,).
        through: the state (unit,) the plane passes through, or a FixedPoints with one point.  None for two units,
            whose plane is all there is.
        axes: which two components.
        ranges: (2, 2) lowest and highest score along each axis; None: as the projection says, -1 to 1 where it does
            not.
        n_grid: grid points along each axis.

    A plane is a slice: ``leaving_share`` says how much of the motion it does not show.

    Raises:
        InputError: naming the argument that does not fit the system, or axes that span no plane.
        ResourceError: for a grid that would not fit into memory.
    """
    size = checked(system).state_size
    projection, through = _whole(size, projection, through)
    point = checks.states("through", through, (..., size))
    point = reals("through", point[0] if point.ndim == 2 and len(point) == 1 else point, (size,))
    u = system.as_drive("drive", drive)
    matches_shape("drive", u.shape, (system.input_size,))
    n_grid = count("n_grid", n_grid, least=2)
    frame = _plane(projection, axes, size)
    basis = np.linalg.qr(frame.components.T)[0].T  # the plane itself, whatever the axes' lengths and angles
    here = frame.transform(point)
    gx, gy = (np.linspace(lo, hi, n_grid) for lo, hi in _limits(frame, ranges))
    chunks.refuse_larger(
        f"a grid of {n_grid} x {n_grid}", 6 * chunks.FLOAT * n_grid**2, "take fewer grid points along each axis"
    )
    offsets = (np.stack(np.meshgrid(gx, gy), -1) - here).reshape(-1, 2)
    lift = np.linalg.pinv(frame.components).T

    def seen(some: slice) -> dict[str, np.ndarray]:
        states = point + offsets[some] @ lift
        moved = velocity(system, states, u).cpu().numpy()
        speed = np.linalg.norm(moved, axis=-1)
        inside = np.linalg.norm(moved @ basis.T, axis=-1)
        leaving = np.where(speed > 0, np.sqrt(np.clip(1 - (inside / speed) ** 2, 0, 1)), 0.0)
        return {"velocities": moved @ frame.components.T, "leaving_share": leaving}

    with linalg.one_thread(), torch.no_grad(), np.errstate(divide="ignore", invalid="ignore"):
        parts = chunks.parts(len(offsets), 8 * chunks.FLOAT * size)
        field = chunks.gathered(len(offsets), ((part, seen(part)) for part in parts))
    return PlaneFlow(
        grid_x=gx,
        grid_y=gy,
        velocities=field["velocities"].reshape(n_grid, n_grid, 2),
        leaving_share=field["leaving_share"].reshape(n_grid, n_grid),
        names=(str(frame.names[0]), str(frame.names[1])),
        through=point,
    )
