"""A whole report on one page, to print: the answer, its numbers, and every figure."""

from __future__ import annotations

import textwrap
from typing import Any

from .. import plots
from ..errors import InputError
from .told import Told

PAPER = (8.27, 11.69)  # inches: A4
TYPE = 6.5  # points
MARGIN = 0.45  # inches round the page
MOST_LINES = 12  # of the answer
ROOM = {"left": 0.42, "right": 0.34, "below": 0.36, "above": 0.42}  # inches in a cell round its axes
LINE = 1.45 * TYPE / 72  # inches
ACROSS = 3  # headline numbers in a row
WIDEST = 150  # letters of a line


def overview(report: Told) -> Any:
    """The page as a figure of matplotlib."""
    import matplotlib
    import matplotlib.pyplot as plt

    settings: Any = {"lines.markersize": 3.0, "figure.figsize": PAPER, **dict.fromkeys(_SIZES, TYPE)}
    with plots.using("page"), matplotlib.rc_context(settings):
        page = plt.figure(figsize=PAPER)
        top = _head(page, report)
        names = report.figures
        columns = 3 if len(names) <= 15 else 4
        rows = max(1, -(-len(names) // columns))
        wide, tall = (PAPER[0] - 2 * MARGIN) / columns, (top - MARGIN) / rows
        tall = min(tall, 1.1 * wide)
        places = [(MARGIN + k % columns * wide, top - (k // columns + 1) * tall) for k in range(len(names))]
        cells = [_cell(page, report, name, (*place, wide, tall)) for name, place in zip(names, places)]
        for k, (name, ax) in enumerate(zip(names, cells)):  # once all axes are there: legends mind their neighbours
            beside = k + 1 < len(names) and report.in_space(names[k + 1])  # whose legend is that of both
            _draw(page, report, name, ax, **({"legend": "none"} if beside else {}))
    return page


_SIZES = ("font.size", "axes.labelsize", "axes.titlesize", "legend.fontsize", "xtick.labelsize", "ytick.labelsize")


def _head(page: Any, report: Told) -> float:
    """What is said above the figures; the height in inches at which they begin."""
    said = next((lines for lines in report.sections().values() if lines), [])
    lines = [part for line in [*report.opening(), *said] for part in textwrap.wrap(line, WIDEST)]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], "..."]
    y = PAPER[1] - MARGIN
    for k, title in enumerate(textwrap.wrap(report.network, 100)):
        _write(page, MARGIN, y - k * 2 * LINE, title, size=1.5 * TYPE, weight="bold")
    y -= 2 * LINE * max(1, len(textwrap.wrap(report.network, 100)))
    for line in lines:
        _write(page, MARGIN, y, line)
        y -= LINE
    y -= 0.6 * LINE
    numbers, wide = report.numbers(), (PAPER[0] - 2 * MARGIN) / ACROSS
    for k, number in enumerate(numbers):
        x, under = MARGIN + k % ACROSS * wide, y - 3.4 * LINE * (k // ACROSS)
        _write(page, x, under, _short(number.value, wide, 1.4), size=1.4 * TYPE, weight="bold")
        _write(page, x, under - 1.6 * LINE, _short(number.label, wide, 1.0), color="#555555")
    return y - (3.4 * -(-len(numbers) // ACROSS) + 0.6) * LINE


def _write(page: Any, x: float, y: float, text: str, **look: Any) -> None:
    page.text(x / PAPER[0], y / PAPER[1], text, va="top", ha="left", parse_math=False, **look)


def _short(text: str, wide: float, size: float) -> str:
    """As much of a text as fits into so many inches."""
    most = max(4, int(wide / (0.56 * size * TYPE / 72)) - 1)
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _cell(page: Any, report: Told, name: str, cell: tuple[float, float, float, float]) -> Any:
    """The axes of one figure, under its name, in (x, y, width, height) inches of the page."""
    x, y, wide, tall = cell
    _write(page, x, y + tall - 0.05, name.replace("_", " "), weight="bold")
    if report.in_space(name):
        return _axes(page, (x, y + 0.05, wide - 0.1, tall - 0.24), projection="3d")
    across, up = ROOM["left"] + ROOM["right"], ROOM["below"] + ROOM["above"]
    return _axes(page, (x + ROOM["left"], y + ROOM["below"], wide - across, tall - up))


def _draw(page: Any, report: Told, name: str, ax: Any, **how: Any) -> None:
    try:
        report.plot(name, ax=ax, **how)
    except InputError:
        if not report.in_space(name):
            raise
        x0, y0, wide, tall = ax.get_position().bounds  # the states have fewer than three dimensions
        ax.remove()
        report.plot(name, ax=page.add_axes((x0 + 0.05, y0 + 0.03, wide - 0.08, tall - 0.05)))


def _axes(page: Any, box: tuple[float, float, float, float], **kwargs: Any) -> Any:
    x, y, wide, tall = box
    return page.add_axes((x / PAPER[0], y / PAPER[1], wide / PAPER[0], tall / PAPER[1]), **kwargs)
