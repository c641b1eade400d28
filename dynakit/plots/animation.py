"""A trial that runs along its phase portrait, as a GIF or as a page that needs nothing else."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis import FixedPoints, Modes, Projection
from ..checks import count, number, reals
from ..errors import InputError
from . import style
from .portrait import plot_phase_portrait

DPI = 110
COLOURS = 192  # of a frame: a portrait has few
FORMATS = (".gif", ".html")


@dataclass(frozen=True)
class Animation:
    """Pictures that follow one another; a notebook shows them with a slider.

    Attributes:
        frames: PNG files
        steps: the step that each shows
        fps: frames per second
    """

    frames: tuple[bytes, ...]
    steps: tuple[int, ...]
    fps: float

    def __len__(self) -> int:
        return len(self.frames)

    def save(self, path: str | Path) -> None:
        """Write "trial.gif", or "trial.html", which has a slider and opens without a network.

        Raises InputError for any other ending.
        """
        place = Path(path)
        if place.suffix.lower() not in FORMATS:
            raise InputError(f"path must end with {' or '.join(FORMATS)}, got {str(path)!r}")
        place.write_bytes(self.gif() if place.suffix.lower() == ".gif" else self.html().encode())

    def gif(self) -> bytes:
        """As a GIF that starts anew at its end."""
        from PIL import Image

        first, *others = [Image.open(io.BytesIO(frame)).convert("P") for frame in self.frames]
        buffer = io.BytesIO()
        pace = round(1000 / self.fps)
        first.save(buffer, "GIF", save_all=True, append_images=others, duration=pace, loop=0)
        return buffer.getvalue()

    def html(self) -> str:
        """As a page: the first frame without JavaScript, all of them with a slider and a button with it."""
        pictures = ["data:image/png;base64," + base64.b64encode(frame).decode() for frame in self.frames]
        values = {"pictures": json.dumps(pictures), "steps": json.dumps(self.steps), "first": pictures[0]}
        return _PAGE.format(last=len(pictures) - 1, pace=round(1000 / self.fps), step=self.steps[0], **values)

    def _repr_html_(self) -> str:
        import html

        return f'<iframe style="border:0;width:100%;height:420px" srcdoc="{html.escape(self.html())}"></iframe>'


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A trial on its phase portrait</title>
<style>body{{font:14px sans-serif;margin:1em}}img{{max-width:100%;background:white}}input{{width:20em}}</style>
<p><img id="picture" src="{first}" alt="phase portrait with the state of the trial at each step"></p>
<p><button id="play">Play</button>
<input id="at" type="range" min="0" max="{last}" value="0" aria-label="frame">
<span>step <output id="step">{step}</output></span></p>
<script>
const pictures = {pictures}, steps = {steps}, at = document.getElementById("at");
let running = null;
function show() {{
  document.getElementById("picture").src = pictures[at.value];
  document.getElementById("step").textContent = steps[at.value];
}}
function next() {{ at.value = (Number(at.value) + 1) % pictures.length; show(); }}
at.addEventListener("input", show);
document.getElementById("play").addEventListener("click", event => {{
  if (running) {{ clearInterval(running); running = null; }} else {{ running = setInterval(next, {pace}); }}
  event.target.textContent = running ? "Pause" : "Play";
}});
</script></html>
"""


def animate_trial(
    projection: Projection,
    states: Any,
    points: FixedPoints | Modes | None = None,
    *,
    trial: int = 0,
    inputs: Any = None,
    n_frames: int = 60,
    fps: float = 12.0,
    **kwargs: Any,
) -> Animation:
    """One trial along the phase portrait, above its inputs.

    Arguments:
        projection: the axes.
        states: trajectories (trial, time, unit), or a Recording, which brings its inputs.
        points: fixed points, as in :func:`plot_phase_portrait`.
        trial: which of the trials runs; the others are not drawn.
        inputs: (trial, time, input), or what has them (a Recording, Trials), drawn below the portrait with the step;
            None: those of ``states``, if it is a Recording.
        n_frames: most frames; steps between them are left out evenly.
        fps: frames per second.
        kwargs: for :func:`plot_phase_portrait`, as ``modes=``, ``colors=`` or ``dt=``.

    Raises InputError, naming the argument.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_network([[1.5, 0.0], [0.0, 1.5]], W_in=np.eye(2))
    >>> trial = dk.record(unit, np.zeros((1, 8, 2)), [[0.1, -0.1]])
    >>> len(dk.plots.animate_trial(dk.Projection.onto(np.eye(2), ["a", "b"]), trial, n_frames=3))
    3
    """
    array = style.trajectories("states", states)
    trial = count("trial", trial, least=-len(array), most=len(array) - 1)
    fps = number("fps", fps, above=0.0, closed=False)
    shown = inputs if inputs is not None else getattr(states, "inputs", None)
    if shown is not None:
        given = getattr(shown, "inputs", shown)
        shown = reals("inputs", given, (*array.shape[:2], "input"), finite=False)[trial]
    lasting = np.flatnonzero(np.isfinite(array[trial]).all(axis=1))
    if not len(lasting):
        raise InputError(f"states must have a finite state in trial {trial}")
    n_frames = count("n_frames", n_frames)
    steps = lasting[np.unique(np.linspace(0, len(lasting) - 1, min(n_frames, len(lasting))).round().astype(int))]
    stage = _Stage(projection, array[[trial]], points, shown, kwargs)
    try:
        frames = tuple(stage.frame(int(step)) for step in steps)
    finally:
        style.close(stage.figure)
    return Animation(frames, tuple(steps.tolist()), fps)


class _Stage:
    """The portrait of a trial with what moves on it."""

    def __init__(self, projection: Projection, states: np.ndarray, points: Any, inputs: Any, kwargs: Any) -> None:
        self.ax: Any = plot_phase_portrait(projection, states, points, **kwargs)
        self.figure = self.ax.get_figure(root=True)
        (line,) = [one for one in self.ax.lines if one.get_gid() == "trajectory"]
        self.path = np.stack(line.get_data_3d() if style.is_3d(self.ax) else line.get_data(), axis=1)
        colour = line.get_color()
        look = {"color": colour, "zorder": 6}
        (self.tail,) = self.ax.plot(*self.path[:1].T, linewidth=1.8, **look)
        (self.head,) = self.ax.plot(*self.path[:1].T, "o", markersize=7, markeredgecolor="white", **look)
        self.cursor = None if inputs is None or not inputs.shape[1] else self._inputs(inputs)

    def _inputs(self, inputs: np.ndarray) -> Any:
        """The inputs in a strip at the foot of a figure that grows by it; the line that marks the step."""
        wide, high = self.figure.get_size_inches()
        strip = 0.9
        self.figure.canvas.draw()
        self.figure.set_layout_engine("none")
        places = [(one, one.get_position().bounds) for one in self.figure.axes]
        self.figure.set_size_inches(wide, high + strip)
        for one, (x, y, w, h) in places:
            one.set_position((x, (y * high + strip) / (high + strip), w, h * high / (high + strip)))
        below = self.figure.add_axes((0.16, 0.42 / (high + strip), 0.8, (strip - 0.42) / (high + strip)))
        below.plot(inputs, color=style.BLACK, linewidth=0.8, drawstyle="steps-mid")
        below.set_xlabel("step", fontsize="small")
        below.set_ylabel("input", fontsize="small")
        below.tick_params(labelsize="small")
        style.despine(below)
        return below.axvline(0, color=style.VERMILLION, linewidth=1.0)

    def frame(self, step: int) -> bytes:
        """The picture at a step."""
        from PIL import Image

        so_far, here = self.path[: step + 1], self.path[[step]]
        for artist, rows in ((self.tail, so_far), (self.head, here)):
            (artist.set_data_3d if style.is_3d(self.ax) else artist.set_data)(*rows.T)
        if self.cursor is not None:
            self.cursor.set_xdata([step, step])
        raw, drawn = io.BytesIO(), io.BytesIO()
        self.figure.savefig(raw, format="png", dpi=DPI)
        Image.open(raw).convert("RGB").quantize(COLOURS).save(drawn, "PNG", optimize=True)
        return drawn.getvalue()
