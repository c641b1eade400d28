"""A figure as a picture: the whole of its canvas, in the formats a paper or a page takes."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np

from .. import checks, plots

FORMATS = ("png", "svg", "pdf")
MOST_SPARE = 16.0  # inches round a figure
MARGIN = 0.1  # inches round what lies outside of its figure
SLACK = 0.02  # inches that the box of a text may be larger than its letters


class Drawing(NamedTuple):
    """A figure in the formats asked for; its size (width, height) is in CSS pixels."""

    files: dict[str, bytes]
    size: tuple[int, int]

    @property
    def png(self) -> bytes:
        return self.files["png"]


def formats(wanted: Any) -> tuple[str, ...]:
    """The formats asked for, "png" first, which the page shows."""
    wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    return tuple(dict.fromkeys(["png", *(checks.one_of("formats", name, FORMATS) for name in wanted)]))


def draw(ax: Any, wanted: tuple[str, ...] = ("png",), manifest: str = "", dpi: int = 150) -> Drawing:
    """The figure that holds the axes, in the formats ``wanted``, with the SHA-256 of the manifest; it is closed."""
    figure = ax.get_figure(root=True)
    inches = figure.get_size_inches()
    files = {name: _vectors(figure, name, manifest) for name in wanted if name != "png"}
    files["png"] = png(ax, dpi, manifest)
    return Drawing(files, (round(96 * inches[0]), round(96 * inches[1])))


def _vectors(figure: Any, name: str, manifest: str) -> bytes:
    """A figure as SVG or PDF; what lies outside of its canvas is drawn as well."""
    buffer, says = io.BytesIO(), f"dynakit manifest {manifest}" if manifest else "dynakit"
    stamp = {"Creator": says, "Date": None} if name == "svg" else {"Creator": says, "CreationDate": None}
    figure.savefig(buffer, format=name, metadata=stamp, bbox_inches="tight", pad_inches=MARGIN)
    return buffer.getvalue()


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


def _pixels(figure: Any, dpi: int) -> np.ndarray:
    """A laid-out figure (row, column, RGBA): its canvas, and if something lies outside of it, with a margin round that.

    All figures of a size are pictures of a size, with type of a size, unless something would be cut.
    """
    from matplotlib.transforms import Bbox

    wide, high = figure.get_size_inches()
    tight = figure.get_tightbbox()
    beyond = np.nanmax([-tight.x0, -tight.y0, tight.x1 - wide, tight.y1 - high, 0.0])
    spare = min(MOST_SPARE, float(beyond) + 2 * MARGIN) if beyond > SLACK else 0.0
    raw = io.BytesIO()
    columns, rows = np.rint((np.array([wide, high]) + 2 * spare) * dpi).astype(int)
    figure.savefig(raw, format="rgba", dpi=dpi, bbox_inches=Bbox.from_bounds(-spare, -spare, columns / dpi, rows / dpi))
    image = np.frombuffer(raw.getbuffer(), np.uint32).reshape(rows, columns)
    if spare:
        drawn, margin = image != image[0, 0], round(MARGIN * dpi)
        image = image[_around(drawn.any(axis=1), margin), _around(drawn.any(axis=0), margin)]
    return np.ascontiguousarray(image).view(np.uint8).reshape(*image.shape, 4)


def _around(drawn: np.ndarray, margin: int) -> slice:
    """From ``margin`` before the first to ``margin`` behind the last that is drawn; all, if none is."""
    where = np.flatnonzero(drawn)
    first, last = (where[0], where[-1]) if len(where) else (0, len(drawn) - 1)
    return slice(max(first - margin, 0), min(last + margin + 1, len(drawn)))
