"""One look for every figure: colours, marks, axes and legends.

Fixed points are coloured by the dimension of their unstable set in the order of Maheswaranathan et al.
(2019), in the colours of Okabe and Ito (2008); the mark says the same a second time.  Conditions use the
muted scheme of Tol (2021), which has none of those four.  Both are safe for colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import count
from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, VERMILLION, GREEN, BLUE, GREY = "#000000", "#D55E00", "#009E73", "#0072B2", "#7F7F7F"
BY_N_UNSTABLE = (BLACK, VERMILLION, GREEN, BLUE)  # more: grey
UNSTABLE_DIRECTION = VERMILLION
TRAJECTORY = "#8FA3B8"  # where trials have no conditions
FAINT = "#BDBDBD"
CATEGORIES = ("#332288", "#CC6677", "#44AA99", "#DDCC77", "#AA4499", "#88CCEE", "#999933", "#882255")
DIVERGING, SEQUENTIAL = "RdBu_r", "viridis"
OURS = "dynakit"  # of figures
NARROW = 4.5  # inches: figures up to this width have short numbers, and their legends below
RATIO = 0.656  # height of a figure by its width

# Of each style: widths of one column and of two, in inches, and sizes in points.  Columns as in the journals of the
# American Physical Society and the Society for Neuroscience; a slide is as wide as it is shown.
_STYLES: dict[str, tuple[tuple[float, float], dict[str, Any]]] = {
    "paper": ((3.3, 6.9), {"font.size": 8, "axes.linewidth": 0.6, "lines.markersize": 4, "savefig.dpi": 300}),
    "page": ((4.3, 8.8), {"font.size": 9, "axes.linewidth": 0.7, "lines.markersize": 4.5, "savefig.dpi": 150}),
    "talk": ((6.4, 12.0), {"font.size": 16, "axes.linewidth": 1.2, "lines.markersize": 8, "savefig.dpi": 150}),
}
_ALIKE = {"pdf.fonttype": 42, "svg.fonttype": "none"}  # text stays text
TYPE = 10.0  # points: of the type that heights of figures are given for


class Mark(NamedTuple):
    """One mark under its names in matplotlib (2-D and 3-D alike) and in plotly."""

    marker: str
    symbol: str
    filled: bool
    size: float  # of the marker, relative


MARKS = {
    "stable": Mark("o", "circle", True, 1.0),
    "saddle": Mark("D", "diamond", True, 0.9),
    "repeller": Mark("o", "circle-open", False, 1.1),
    "marginal": Mark("s", "square-open", False, 0.9),
    "undetermined": Mark("s", "square", True, 0.9),
    "not isolated": Mark("P", "cross", True, 1.1),
}


def colour_of(n_unstable: int) -> str:
    """The colour of a point with so many unstable directions."""
    return BY_N_UNSTABLE[n_unstable] if n_unstable < len(BY_N_UNSTABLE) else GREY


@contextmanager
def using(style: str = "paper", *, columns: int = 1, **settings: Any) -> Iterator[None]:
    """A ``with`` block whose figures are as wide as one column or two, with the type and lines that go with it.

    Arguments:
        style: "paper" (columns of 3.3 and 6.9 inches, type of 8 points), "talk" (6.4 and 12 inches, 16 points) or
            "page" (4.3 and 8.8 inches, 9 points; the pages of reports).
        columns: 1 or 2.
        settings: further rcParams, with "_" for "." where they are keywords.

    Everything is as before after the block.  Raises InputError for a style or a setting that there is not.

    >>> import dynakit as dk
    >>> with dk.plots.using("paper", columns=2):
    ...     [float(inches) for inches in dk.plots.new_axes().figure.get_size_inches()]
    [6.9, 4.52...]
    """
    import matplotlib

    widths, own = _STYLES[checks.one_of("style", style, _STYLES)]
    width = widths[count("columns", columns, least=1, most=2) - 1]
    chosen: dict[str, Any] = _ALIKE | own | _proportions(own) | {"figure.figsize": (width, width * RATIO)}
    for name, value in settings.items():
        dotted = name if name in matplotlib.rcParams else name.replace("_", ".", 1)
        chosen[checks.one_of("settings", dotted, matplotlib.rcParams)] = value
    everything: Any = chosen
    with matplotlib.rc_context(everything):
        yield


def _proportions(own: dict[str, Any]) -> dict[str, Any]:
    """What follows from the size of the type and of the lines."""
    size, line = own["font.size"], own["axes.linewidth"]
    alike = dict.fromkeys(["axes.labelsize", "axes.titlesize", "legend.fontsize"], size)
    ticks = {"labelsize": 0.88 * size, "major.width": line, "major.size": 4 * line}
    return alike | {f"{axis}tick.{name}": value for axis in "xy" for name, value in ticks.items()}


def new_axes(ax: Any = None, *, projection3d: bool = False, ratio: float = RATIO, height: float | None = None) -> Any:
    """``ax`` itself, or the axes of a new figure.

    The figure is as wide as ``rcParams["figure.figsize"]`` says, and ``ratio`` times as high; or of a ``height`` in
    inches for type of 10 points, which grows with the type.
    """
    if ax is not None:
        from matplotlib.axes import Axes as MatplotlibAxes

        if not isinstance(ax, MatplotlibAxes):
            raise InputError(f"ax must be a matplotlib Axes, got {type(ax).__name__}")
        return ax
    import matplotlib
    import matplotlib.pyplot as plt

    width = matplotlib.rcParams["figure.figsize"][0]
    tall = width * ratio if height is None else height * float(matplotlib.rcParams["font.size"]) / TYPE
    if projection3d:  # constrained layout shrinks 3-D axes: labels have their room within the axes
        figure = plt.figure(figsize=(width, tall))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0), projection="3d")
    else:
        figure = plt.figure(figsize=(width, tall), layout="constrained")
        ax = figure.add_subplot()
        if width <= NARROW:  # steps of a quarter have numbers that touch
            ax.locator_params(axis="x", steps=[1, 2, 5, 10])
    figure.set_gid(OURS)
    return ax


def is_ours(figure: Figure) -> bool:
    """Whether a figure was made by :func:`new_axes`, and may change its height."""
    return figure.get_gid() == OURS


def close(figure: Figure) -> None:
    """Let go of a figure."""
    import matplotlib.pyplot as plt

    plt.close(figure)


def is_3d(ax: Axes) -> bool:
    """Whether these are 3-D axes."""
    return ax.name == "3d"


def despine(ax: Axes) -> None:
    """Take away the top and right spines; of 3-D axes the grid and the grey panes."""
    if not is_3d(ax):
        ax.spines[["top", "right"]].set_visible(False)
        return
    ax.grid(False)
    solid: Any = ax
    for axis in (solid.xaxis, solid.yaxis, solid.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(GREY)
        axis.line.set_linewidth(0.6)


def joined(lines: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Lines (point, axis) as a single one with gaps: one artist is drawn in a fraction of the time of many.

    >>> joined([np.zeros((2, 1)), np.ones((1, 1))]).ravel().tolist()
    [0.0, 0.0, nan, 1.0]
    """
    gap = np.full((1, np.shape(lines[0])[-1]), np.nan)
    return np.concatenate([part for line in lines for part in (gap, line)][1:])


def log_steps(ax: Axes) -> None:
    """A logarithmic axis of steps: 1, 10, 100, ... in plain figures, small ticks at their double and fivefold."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}".replace(",", "\N{THIN SPACE}")))
    ax.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())


def colour_bar(ax: Axes, drawn: Any, label: str, **kwargs: Any) -> Any:
    """A slim colour bar beside ``ax``; it is returned."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator

    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=ax, shrink=0.8, aspect=24, pad=0.03, **kwargs)
    bar.set_label(label)
    if isinstance(bar.norm, LogNorm):
        bar.set_ticks(LogLocator(subs=(1.0, 3.0)))
        bar.minorticks_off()
    bar.outline.set_linewidth(0.5)  # type: ignore[union-attr]
    return bar


def clock(dt: float | None) -> float:
    """Length of a step on an axis of time: ``dt`` in ms, or 1 where it is not known."""
    return 1.0 if dt is None else checks.number("dt", dt, above=0.0, closed=False)


def say(ax: Axes, text: str) -> None:
    """Write a sentence into the middle of axes that would otherwise be silent."""
    place: dict[str, Any] = {"transform": ax.transAxes, "ha": "center", "va": "center", "color": GREY}
    place["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    (ax.text2D if is_3d(ax) else ax.text)(0.5, 0.5, text, **place)  # type: ignore[attr-defined]


def expect(name: str, value: Any, *kinds: type) -> Any:
    """``value`` if it is one of ``kinds``."""
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"{name} must be {wanted}, got {type(value).__name__}")
    return value


def trajectories(name: str, states: Any) -> np.ndarray:
    """(trial, time, unit) of an array of that shape, of one trial (time, unit), or of a Recording."""
    array = checks.states(name, states, (..., "time", "unit"))
    if array.ndim not in (2, 3):
        raise InputError(f"{name} must have shape (trial, time, unit) or (time, unit), got {array.shape}")
    return array[None] if array.ndim == 2 else array


def labels_of(name: str, labels: Any, n: int, items: str) -> list[Any]:
    """One label per item, as plain Python values."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise InputError(f"{name} must hold one label for each of the {n} {items}, got shape {array.shape}")
    return array.tolist()


def channel_names(stem: str, n: int) -> Sequence[str]:
    """The name of each of ``n`` channels: "input" alone, else "input 1", "input 2", ..."""
    return [stem] if n == 1 else [f"{stem} {k + 1}" for k in range(n)]
