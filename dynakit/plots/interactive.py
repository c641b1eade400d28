"""The phase portrait to turn around in a browser, in the colours and marks of the printed one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..analysis import FixedPoints, Modes, Projection
from ..errors import InputError
from . import scene, style


def phase_portrait_3d(
    projection: Projection,
    states: Any = None,
    points: FixedPoints | Modes | None = None,
    modes: Modes | None = None,
    *,
    slow: Any = None,
    conditions: Any = None,
    axes: tuple[int, int, int] = (0, 1, 2),
    n_trajectories: int | None = None,
    colors: Any = None,
) -> Any:
    """:func:`dynakit.plots.plot_phase_portrait` as a plotly figure; arguments as there.

    Pointing at a fixed point tells its verdict, its largest |eigenvalue| and its residual.

    Raises:
        ImportError: without plotly.
        InputError: naming the argument.
    """
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise ImportError("phase_portrait_3d needs plotly: pip install 'dynakit[interactive]'") from None
    if len(axes) != 3:
        raise InputError(f"axes must name three components, got {tuple(axes)}")
    frame = scene.frame(projection, axes, 3)
    shown = scene.build(frame, states, points, modes, slow, scene.Apart(conditions, n_trajectories, colors))
    traces = [trace for group in shown.groups for trace in _paths(go, group)]
    traces += _directions(go, shown.segments)
    if points is not None:
        traces += [_points(go, kind, points, shown.placed) for kind in scene.kinds(points)]
    if slow is not None and len(slow):
        traces.append(_slow(go, slow, shown.slow))
    figure = go.Figure(traces)
    figure.update_layout(_layout(frame))
    if points is not None and not len(points):
        middle = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        figure.add_annotation(text="no fixed point found", showarrow=False, **middle)
    return figure


def _broken(lines: Any) -> dict[str, np.ndarray]:
    """Several lines as one, with gaps between them."""
    gap = np.full((1, 3), np.nan)
    rows = np.concatenate([piece for line in lines for piece in (np.asarray(line), gap)] or [gap])
    return dict(zip("xyz", rows.T))


def _paths(go: Any, group: scene.Paths) -> list[Any]:
    tips = [tip for line in group.lines if (tip := scene.ends(line)) is not None]
    shared = {"legendgroup": group.label, "hoverinfo": "skip"}
    quiet = {"mode": "markers", "showlegend": False, **shared}
    line = {"color": group.colour, "width": 2}
    name = group.label or "trajectories"
    drawn = [go.Scatter3d(**_broken(group.lines), mode="lines", name=name, line=line, opacity=0.75, **shared)]
    for end, symbol in ((0, "circle-open"), (1, "circle")):
        dots = np.array([tip[end] for tip in tips]).reshape(-1, 3)
        marker = {"symbol": symbol, "size": 3, "color": group.colour}
        drawn.append(go.Scatter3d(**dict(zip("xyz", dots.T)), marker=marker, **quiet))
    return drawn


def _directions(go: Any, segments: np.ndarray) -> list[Any]:
    if not len(segments):
        return []
    line = {"color": style.UNSTABLE_DIRECTION, "width": 5}
    look = {"mode": "lines", "line": line, "hoverinfo": "skip"}
    return [go.Scatter3d(**_broken(segments), name="unstable direction", **look)]


def _points(go: Any, kind: scene.Kind, points: Any, placed: np.ndarray) -> Any:
    residuals = getattr(points, "residuals", None)
    texts = []
    for i in kind.index:
        is_map = points.dynamics == "map"
        sizes = np.abs(points.eigenvalues[i]) if is_map else np.real(points.eigenvalues[i])
        text = f"point {i}: {points.verdicts[i]}<br>{'|λ₁|' if is_map else 'Re μ₁'} = {sizes.max():.4g}"
        texts.append(text if residuals is None else f"{text}<br>residual {residuals[i]:.1e}")
    marker = {"symbol": kind.mark.symbol, "size": 6 * kind.mark.size, "color": kind.colour}
    where = dict(zip("xyz", placed[kind.index].T))
    told = {"text": texts, "hoverinfo": "text"}
    return go.Scatter3d(**where, mode="markers", name=kind.counted, marker=marker, **told)


def _slow(go: Any, slow: Any, placed: np.ndarray) -> Any:
    said = zip(slow.kinds, slow.speeds, slow.passage_times)
    texts = [f"{kind}: q = {q:.1e}<br>{steps:.3g} steps to pass" for kind, q, steps in said]
    marker = {"symbol": "x", "size": 4 * scene.slowness(slow.speeds), "color": style.GREY}
    told = {"text": texts, "hoverinfo": "text", "name": f"slow point ({len(slow)})"}
    return go.Scatter3d(**dict(zip("xyz", placed.T)), mode="markers", marker=marker, **told)


def _layout(frame: scene.Frame) -> dict[str, Any]:
    axis = {"showbackground": False, "showgrid": False, "zeroline": False, "showspikes": False}
    axis |= {"showline": True, "linecolor": style.GREY, "ticks": "outside", "nticks": 5}
    scenes = {f"{letter}axis": {**axis, "title": {"text": name}} for letter, name in zip("xyz", frame.names)}
    return {
        "scene": {**scenes, "aspectmode": "cube", "camera": {"eye": {"x": 1.5, "y": 1.5, "z": 1.0}}},
        "template": "none",
        "margin": {"l": 0, "r": 0, "t": 10, "b": 0},
        "legend": {"itemsizing": "constant", "x": 1.0, "y": 0.98},
        "font": {"family": "Helvetica, Arial, sans-serif", "size": 12},
    }
