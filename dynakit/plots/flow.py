"""The flow in a plane, fading where the plane is not where the motion goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import PlaneFlow
from ..checks import number, one_of
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINTEST = 0.08  # opacity of an arrow whose whole motion leaves the plane
DENSITY = 0.9  # of lines, relative
INK = "#2F2F36"


def plot_flow(
    field: PlaneFlow,
    *,
    kind: str = "stream",
    density: float = DENSITY,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """Streamlines (or arrows) of the velocities in a plane.

    Arguments:
        field: of :func:`dynakit.plane_flow`.
        kind: "stream" or "quiver".
        density: of the streamlines, or the share of the grid's arrows that are drawn (at most 1).
        colors: one, of the lines.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw, below whatever else is on it.
        kwargs: for matplotlib's ``streamplot`` or ``quiver``.

    Lines are the thicker the faster the flow, and the fainter the larger the share of the speed that leaves
    the plane: a faint line is not to be trusted.  Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> system = dk.catalog.rotation(angle=0.3, radius=0.9)
    >>> axes = dk.Projection.onto([[1.0, 0.0], [0.0, 1.0]], ["x", "y"])
    >>> plot_flow(dk.plane_flow(system, axes, through=[0.0, 0.0])).get_ylabel()
    'y'
    """
    style.expect("field", field, PlaneFlow)
    one_of("kind", kind, ["stream", "quiver"])
    density = number("density", density, above=0.0, closed=False)
    ax, ink = style.new_axes(ax), colours.one(colors, INK)
    if draw_field(ax, field, ink, kind=kind, density=density, **kwargs):
        for share, note in ((0.0, "flow in the plane"), (0.9, "flow, 90 % leaving it"), (1.0, "flow, all leaving it")):
            ax.plot([], [], color=(*_rgb(ink), float(opacity(share))), linewidth=1.1, label=note)
    in_plane(ax, field)
    legends.draw(ax, legend)
    return ax


def draw_field(
    ax: Any, field: PlaneFlow, ink: str, *, kind: str = "stream", density: float = DENSITY, **kwargs: Any
) -> bool:
    """The lines or arrows of a field; whether anything moves, else it is said."""
    moving = np.isfinite(field.velocities).all(axis=-1) & (field.velocities != 0).any(axis=-1)
    if not moving.any():
        style.say(ax, "nothing moves in this plane")
        return False
    (_stream if kind == "stream" else _arrows)(ax, field, density, {"cmap": _fading(ink)} | kwargs)
    return True


def in_plane(ax: Any, field: PlaneFlow) -> None:
    """The axes of the plane of a field: its range, and the names of both."""
    ax.set_xlim(field.grid_x[0], field.grid_x[-1])
    ax.set_ylim(field.grid_y[0], field.grid_y[-1])
    ax.set_xlabel(field.names[0])
    ax.set_ylabel(field.names[1])
    style.despine(ax)


def opacity(leaving_share: Any) -> np.ndarray:
    """How opaque an arrow is of whose speed this share leaves the plane: as the share that stays in it.

    The two are the sine and the cosine of the angle between motion and plane.  No arrow vanishes altogether.

    >>> opacity([0.0, 0.6, 1.0]).round(6).tolist()
    [1.0, 0.8, 0.08]
    """
    return np.maximum(FAINTEST, np.sqrt(1.0 - np.clip(leaving_share, 0.0, 1.0) ** 2))


def _rgb(ink: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(ink)


def _fading(ink: str) -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap([(*_rgb(ink), a) for a in opacity(np.linspace(0, 1, 256))])


def _speed(field: PlaneFlow) -> np.ndarray:
    """In-plane speed relative to the fastest, on a scale that keeps slow regions visible."""
    speed = np.linalg.norm(np.nan_to_num(field.velocities), axis=-1)
    return np.sqrt(speed / speed.max())


def _stream(ax: Any, field: PlaneFlow, density: float, kwargs: dict[str, Any]) -> None:
    from matplotlib.colors import Normalize

    options = {
        "color": np.nan_to_num(field.leaving_share),
        "norm": Normalize(0, 1),
        "linewidth": 0.3 + 1.1 * _speed(field),
        "density": density,
        "arrowsize": 0.7,
        "zorder": 1,
    }
    u, v = np.moveaxis(field.velocities, -1, 0)
    ax.streamplot(field.grid_x, field.grid_y, u, v, **(options | kwargs))


def _arrows(ax: Any, field: PlaneFlow, density: float, kwargs: dict[str, Any]) -> None:
    from matplotlib.colors import Normalize

    every = (slice(None, None, max(1, round(1 / density))),) * 2
    length = np.linalg.norm(field.velocities, axis=-1, keepdims=True)
    unit = np.divide(field.velocities, length, out=np.zeros_like(field.velocities), where=length > 0)
    shown = (unit * _speed(field)[..., None])[every]
    x, y = np.meshgrid(field.grid_x, field.grid_y)
    options = {"norm": Normalize(0, 1), "width": 0.003, "pivot": "mid", "zorder": 1}
    options |= {"angles": "xy", "scale_units": "width", "scale": 0.8 * shown.shape[1]}
    u, v = np.moveaxis(shown, -1, 0)
    ax.quiver(x[every], y[every], u, v, field.leaving_share[every], **(options | kwargs))
