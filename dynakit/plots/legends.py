"""Where a legend goes: never over the data, and not at the cost of the axes' width where a figure is narrow.

A legend beside or below the axes has its room made for it: a figure of ours grows, axes of the caller's shrink.  Fixed
points that lie outside the frame are counted in their entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import one_of
from .solid import fit
from .style import NARROW, is_3d, is_ours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

PLACES = (None, "inside", "right", "below", "none")
COUNTED = ("points", "slow points")  # gids of the marks that are counted where they lie outside the frame
INSIDE = ("upper right", "upper left", "lower right", "lower left", "center right", "center left", "upper center")
INSIDE += ("lower center",)
MARK = 40.0  # square points: largest mark of an entry
TOO_WIDE = 0.55  # of a figure: a legend that would leave the axes less than they need goes below
PAD = 0.06  # inches between a legend and what is beside it


def draw(ax: Axes, place: str | None = None, automatic: str = "beside") -> None:
    """A small legend of everything labelled so far, in one of :data:`PLACES`.

    ``automatic`` says where it goes without a word from the caller: "beside" the axes (below in a narrow figure),
    "above" them, or "inside", which falls back to beside where every corner holds data.
    """
    one_of("legend", place, PLACES)
    _take_off(ax)
    handles, labels = ([], []) if place == "none" else entries(ax)
    chosen = automatic if place is None else place
    if is_3d(ax):
        _solid(ax, handles, labels, chosen)
        return
    if not handles:
        return
    if chosen == "inside" and _inside(ax, handles, labels):
        return
    if chosen in ("inside", "beside"):
        chosen = _beside(ax)
    {"right": _right, "below": _below, "above": _above}[chosen](ax, handles, labels)


def entries(ax: Axes) -> tuple[list[Any], list[str]]:
    """What a legend lists; of points that the frame does not show it says how many there are."""
    handles, labels = ax.get_legend_handles_labels()
    return handles, [_counting(ax, handle, label) for handle, label in zip(handles, labels)]


def _counting(ax: Any, handle: Any, label: str) -> str:
    if is_3d(ax) or getattr(handle, "get_gid", str)() not in COUNTED:
        return label
    held = handle.get_offsets() if hasattr(handle, "get_offsets") else np.transpose(handle.get_data())
    places = np.asarray(held, float).reshape(-1, 2)
    low, high = np.sort([ax.get_xlim(), ax.get_ylim()], axis=1).T
    outside = int((~((places >= low) & (places <= high)).all(axis=1)).sum())
    return f"{label[:-1]}, {outside} outside)" if outside and label.endswith(")") else label


# --- the places


def _right(ax: Axes, handles: list[Any], labels: list[str]) -> None:
    legend = _made(ax, handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    share = _inches(legend)[0] / _figure(ax).get_size_inches()[0]
    if _alone(ax) and share > (TOO_WIDE if not _bars(ax) else TOO_WIDE / 2):
        legend.remove()
        _below(ax, handles, labels)
        return
    if _bars(ax):  # beyond the colour bar
        reach = max(bar.get_tightbbox().x1 for bar in _bars(ax)) + PAD * _dpi(ax)
        beyond = (reach - ax.bbox.x1) / ax.bbox.width
        legend.set_bbox_to_anchor((1.02 + beyond, 1.0), ax.transAxes)
    if not _laid_out(ax):
        _shrink(ax, legend, right=_inches(legend)[0] + 2 * PAD)


def _below(ax: Axes, handles: list[Any], labels: list[str]) -> None:
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = _figure(ax)
    depth, alone, room = _depth(ax), _alone(ax), _room(ax)
    lowered = ax.transAxes + ScaledTranslation(0, -depth - PAD, figure.dpi_scale_trans)
    where: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    if alone and not _bars(ax):  # a layout would keep what is under a colour bar off it
        where["bbox_transform"] = blended_transform_factory(figure.transFigure, lowered)
    else:
        where["bbox_transform"] = lowered
    legend = _fitting(ax, handles, labels, room, where)
    tall = float(_inches(legend)[1]) + PAD
    if is_ours(figure) and alone:
        _grow(ax, tall)
        legend.set_gid(f"grown {tall!r}")
    elif not _laid_out(ax):
        _shrink(ax, legend, below=tall)


def _above(ax: Axes, handles: list[Any], labels: list[str]) -> None:
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.01)}
    _fitting(ax, handles, labels, _room(ax), where)


def _inside(ax: Axes, handles: list[Any], labels: list[str], **where: Any) -> bool:
    """Whether there is a corner without a drop of ink for it; then it is there."""
    legend = _made(ax, handles, labels, loc=INSIDE[0], borderaxespad=0.5, **where)
    ink = _ink(ax)
    for corner in INSIDE:
        legend.set_loc(corner)
        if not covers(legend, ink):
            return True
    legend.remove()
    return False


def _solid(ax: Axes, handles: list[Any], labels: list[str], chosen: str) -> None:
    """Beside 3-D axes, which are fitted into what is left of their place; it is the whole of a figure of ours."""
    figure = _figure(ax)
    ours = is_ours(figure) and _alone(ax)
    place = (0.0, 0.0, 1.0, 1.0) if ours else ax.get_position(original=True).bounds
    anchored: dict[str, Any] = {"bbox_to_anchor": place, "bbox_transform": figure.transFigure}
    if ours and (chosen == "inside" or not handles):
        fit(ax, place)
    if not handles or (chosen == "inside" and _inside(ax, handles, labels, **anchored)):
        return
    side = chosen if chosen in ("right", "below") else _beside(ax)
    anchored |= {"loc": "upper right" if side == "right" else "lower center", "borderaxespad": 0.3}
    legend = _fitting(ax, handles, labels, _room(ax) if side == "below" else 0.0, anchored)
    wide, tall = (_inches(legend) + 2 * PAD).tolist()
    x0, y0, width, height = place
    if side == "below" and ours:
        _grow(ax, tall)
    inches = figure.get_size_inches()
    if side == "below":
        y0, height = y0 + tall / inches[1], height - tall / inches[1]
    else:
        width -= wide / inches[0]
    fit(ax, (x0, y0, width, height))
    back = " ".join(["placed", *(str(float(part)) for part in place)])
    legend.set_gid(f"grown {tall!r}" if side == "below" and ours else back)


def _ink(ax: Axes) -> np.ndarray:
    """(row, column), from below: where the axes' figure, drawn without its legend, is not background."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgba

    figure, legend = _figure(ax), ax.get_legend()
    held = figure.canvas
    if legend is not None:
        legend.set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)
    figure.set_canvas(held)
    if legend is not None:
        legend.set_visible(True)
    blank = np.rint(255 * np.array(to_rgba(ax.get_facecolor())[:3]))
    return np.asarray((np.abs(image - blank) > 6).any(axis=-1))


def covers(legend: Legend, ink: np.ndarray) -> bool:
    """Whether there is ink under the box of a legend."""
    box = legend.get_window_extent()
    rows, columns = (slice(max(int(a), 0), max(int(np.ceil(b)), 0)) for a, b in (box.intervaly, box.intervalx))
    return bool(ink[rows, columns].any())


def _beside(ax: Axes) -> str:
    figure = _figure(ax)
    wide = figure.get_size_inches()[0] > NARROW
    return "right" if wide and _alone(ax) and not _bars(ax) else "below"


# --- one legend, its size, and room for it


def _made(ax: Axes, handles: list[Any], labels: list[str], **where: Any) -> Any:
    look: dict[str, Any] = {"fontsize": "small", "handlelength": 1.5, "labelspacing": 0.35, "columnspacing": 1.2}
    look |= {"frameon": False, "borderaxespad": 0.0, "borderpad": 0.1}
    legend: Any = ax.legend(handles, labels, **(look | where))
    for handle in legend.legend_handles:  # thin pale lines must still be told apart
        if hasattr(handle, "set_linewidth"):
            handle.set_alpha(None)
            strong = max(np.max(handle.get_linewidth()), 1.3)
            handle.set_linewidth(strong if hasattr(handle, "get_data") else 0.8)
        if hasattr(handle, "set_sizes"):  # broad bands and large dots are drawn as entries of a usual size
            handle.set_sizes(np.minimum(handle.get_sizes(), MARK))
    return legend


def _fitting(ax: Axes, handles: list[Any], labels: list[str], room: float, where: dict[str, Any]) -> Any:
    """In as few rows as fit into ``room`` inches, three columns at most, and in as few columns as make so many rows."""
    legend = None
    for most in (3, 2, 1):
        rows = -(-len(handles) // most)
        legend = _made(ax, handles, labels, ncols=-(-len(handles) // rows), **where)
        if _inches(legend)[0] <= room:
            break
    return legend


def _grow(ax: Axes, by: float) -> None:
    """Make the figure so many inches taller, at its foot; what is drawn keeps its size."""
    figure = _figure(ax)
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide, high + by)
    for one in () if _laid_out(ax) else figure.axes:
        place = one.get_position(original=True)
        foot, tall = (place.y0 * high + by) / (high + by), place.height * high / (high + by)
        one.set_position((place.x0, foot, place.width, tall))


def _shrink(ax: Axes, legend: Legend, *, right: float = 0.0, below: float = 0.0) -> None:
    """Take so many inches from axes that no layout engine looks after."""
    wide, high = _figure(ax).get_size_inches()
    place = ax.get_position(original=True)
    x, y = float(min(right / wide, 0.7 * place.width)), float(min(below / high, 0.7 * place.height))
    ax.set_position((place.x0, place.y0 + y, place.width - x, place.height - y))
    legend.set_gid(f"shrunk {x!r} {y!r}")


def _take_off(ax: Axes) -> None:
    """Remove the legend, and give back the room that was made for it."""
    legend = ax.get_legend()
    if legend is None:
        return
    made, *amounts = (legend.get_gid() or "none").split()
    legend.remove()
    if made == "grown":
        _grow(ax, -float(amounts[0]))
    elif made == "placed":
        x0, y0, width, height = map(float, amounts)
        ax.set_position((x0, y0, width, height))
    elif made == "shrunk":
        place, (x, y) = ax.get_position(original=True), map(float, amounts)
        ax.set_position((place.x0, place.y0 - y, place.width + x, place.height + y))


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _dpi(ax: Axes) -> float:
    return float(_figure(ax).dpi)


def _laid_out(ax: Axes) -> bool:
    return _figure(ax).get_layout_engine() is not None


def _bars(ax: Axes) -> list[Any]:
    """The colour bars of these axes."""
    return [bar.ax for one in (*ax.images, *ax.collections) if (bar := one.colorbar) is not None]


def _alone(ax: Axes) -> bool:
    """Whether these axes have the figure to themselves; colour bars and insets are theirs."""
    own = [ax, *_bars(ax), *ax.child_axes]
    return all(one in own for one in _figure(ax).axes)


def _room(ax: Axes) -> float:
    """Inches that a legend below or above may be wide: to the edges, or half way to the neighbours."""
    figure = _figure(ax)
    if _alone(ax):
        return (0.62 if _bars(ax) else 0.98) * float(figure.get_size_inches()[0])
    own = ax.bbox
    rows = [one.bbox for one in figure.axes if one.bbox.y0 < own.y1 and own.y0 < one.bbox.y1]
    left = max([(box.x1 + own.x0) / 2 for box in rows if box.x1 <= own.x0], default=0.0)
    right = min([(box.x0 + own.x1) / 2 for box in rows if box.x0 >= own.x1], default=float(figure.bbox.x1))
    middle = (own.x0 + own.x1) / 2
    return 2 * float(min(middle - left, right - middle)) / figure.dpi


def _inches(legend: Legend) -> np.ndarray:
    """(width, height)."""
    return np.array(legend.get_window_extent().size) / legend.get_figure(root=True).dpi  # type: ignore[union-attr]


def _depth(ax: Any) -> float:
    """Inches that ticks and label of the x axis reach below the axes."""
    if not ax.axison:
        return 0.0
    ax.apply_aspect()
    box = ax.xaxis.get_tightbbox()
    return 0.0 if box is None else max(0.0, ax.bbox.y0 - box.y0) / _dpi(ax)
