"""The page of a report: one HTML file that opens from disk, with its pictures inside."""

from __future__ import annotations

import base64
import importlib.util
import io
from typing import Any, NamedTuple

import numpy as np

from .. import plots

MOST_SPARE = 16.0  # inches round a figure
MARGIN = 0.1  # inches round what is drawn


class Picture(NamedTuple):
    """A figure on the page, as a data URL."""

    name: str
    caption: str
    url: str


class Turning(NamedTuple):
    """A figure to turn, as a div whose script lies beside the page."""

    title: str
    caption: str
    div: str


def render(**content: Any) -> str:
    """The template ``report.html`` filled in: title, summary, pictures, scenes, tables, provenance."""
    import jinja2

    loader = jinja2.PackageLoader("dynakit", "templates")
    return jinja2.Environment(loader=loader, autoescape=True).get_template("report.html").render(content)


def png(ax: Any, dpi: int = 150, manifest: str = "") -> bytes:
    """The figure that holds the axes, with the SHA-256 of the manifest it is of; it is closed."""
    import matplotlib
    import matplotlib.image

    figure, buffer = ax.get_figure(root=True), io.BytesIO()
    says = {"dynakit manifest": manifest} if manifest else {}
    figure.set_dpi(dpi)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        with matplotlib.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)  # "none" would leave a place holder, for which savefig draws twice
    quick = {"compress_level": 3}  # 5 % larger, in half the time
    matplotlib.image.imsave(buffer, _pixels(figure, dpi), format="png", dpi=dpi, metadata=says, pil_kwargs=quick)
    plots.close(figure)
    return buffer.getvalue()


def _pixels(figure: Any, dpi: int, spare: float = 1.0) -> np.ndarray:
    """A laid-out figure (row, column, RGBA), with a margin round what is drawn.

    ``savefig`` can crop as well, and draws everything twice to know where.  This draws once, with room to spare (inches
    on each side), and again with more if what is drawn reaches the rim.
    """
    from matplotlib.transforms import Bbox

    raw = io.BytesIO()
    columns, rows = np.rint((figure.get_size_inches() + 2 * spare) * dpi).astype(int)
    canvas = Bbox.from_bounds(-spare, -spare, columns / dpi, rows / dpi)
    figure.savefig(raw, format="rgba", dpi=dpi, bbox_inches=canvas)
    image = np.frombuffer(raw.getbuffer(), np.uint32).reshape(rows, columns)
    drawn = image != image[0, 0]
    if spare < MOST_SPARE and (drawn[[0, -1]].any() or drawn[:, [0, -1]].any()):
        return _pixels(figure, dpi, 2 * spare)
    margin = round(MARGIN * dpi)
    shown = image[_around(drawn.any(axis=1), margin), _around(drawn.any(axis=0), margin)]
    return np.ascontiguousarray(shown).view(np.uint8).reshape(*shown.shape, 4)


def _around(drawn: np.ndarray, margin: int) -> slice:
    """From ``margin`` before the first to ``margin`` behind the last that is drawn; all, if none is."""
    where = np.flatnonzero(drawn)
    first, last = (where[0], where[-1]) if len(where) else (0, len(drawn) - 1)
    return slice(max(first - margin, 0), min(last + margin + 1, len(drawn)))


def data_url(picture: bytes) -> str:
    """A PNG as a data URL, so that a page carries its pictures."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def can_turn() -> bool:
    """Whether there is plotly, which draws the figures to turn."""
    return importlib.util.find_spec("plotly") is not None


def turning(figure: Any, name: str) -> str:
    """A figure of plotly as a div."""
    figure.update_layout(height=620, margin={"l": 0, "r": 0, "t": 10, "b": 30})
    return figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)


def plotly_script() -> bytes:
    """The script that draws the figures to turn, to lie beside the page."""
    import plotly.offline

    return b"/* written by dynakit */\n" + plotly.offline.get_plotlyjs().encode()
