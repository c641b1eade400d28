"""3-D axes on paper: the box, its ticks and its labels fill the room they have, and leave the legend its own."""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDS = 4  # labels keep their size while the box changes its own
NEAR = 0.02  # of the room: closer than that is close enough
EDGE = 0.04  # inches


def fit(ax: Any, slot: Any) -> None:
    """Zoom and move 3-D axes until all that is drawn of them fills ``slot``: (x0, y0, width, height) in the figure.

    Matplotlib's own layout knows of the box only: labels are cut, or lie under what is beside them.
    """
    figure = ax.get_figure(root=True)
    wide, high = figure.get_size_inches()
    x0, y0, width, height = slot
    room = np.array([width * wide, height * high]) - 2 * EDGE
    centre = np.array([(x0 + width / 2) * wide, (y0 + height / 2) * high])
    ax.set_position((x0, y0, width, height))
    zoom = 1.0
    for _ in range(ROUNDS):
        ax.set_box_aspect(None, zoom=zoom)
        low, high_corner = _drawn(ax, figure)
        factor = float(np.min(room / (high_corner - low)))
        if abs(factor - 1) < NEAR:
            break
        zoom *= factor
    low, high_corner = _drawn(ax, figure)
    shift = (centre - (low + high_corner) / 2) / (wide, high)
    ax.set_position((x0 + shift[0], y0 + shift[1], width, height))


def _drawn(ax: Any, figure: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest place, in inches, of lines, ticks and labels of the axes, and of what lies within them."""
    from matplotlib.transforms import Bbox
    from mpl_toolkits.mplot3d.proj3d import proj_transform

    figure.draw_without_rendering()
    axes = [axis.get_tightbbox() for axis in (ax.xaxis, ax.yaxis, ax.zaxis)]
    x, y, z = np.array(np.meshgrid(ax.get_xlim(), ax.get_ylim(), ax.get_zlim())).reshape(3, -1)
    within = ax.transData.transform(np.transpose(proj_transform(x, y, z, ax.get_proj())[:2]))
    box = Bbox.union([Bbox([within.min(axis=0), within.max(axis=0)]), *(part for part in axes if part is not None)])
    return np.array(box.min) / figure.dpi, np.array(box.max) / figure.dpi
