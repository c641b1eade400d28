"""The page of a report: one HTML file that opens from disk, with its pictures inside."""

from __future__ import annotations

import base64
import importlib.util
import io
from typing import Any, NamedTuple

from .. import plots


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
    figure, buffer = ax.get_figure(), io.BytesIO()
    says = {"dynakit manifest": manifest} if manifest else {}
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", metadata=says)
    plots.close(figure)
    return buffer.getvalue()


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
