"""What a system was to hold and what it holds: attractors over their targets, and where cues lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis import Multifunctionality
from ..errors import InputError
from ..orbits import Orbit, as_orbits
from ..wording import counted
from . import colours, legends, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASES = 512
LINES = ("-", (0, (5, 3)))  # every other one has gaps: attractors may lie on one another
MOST_CELLS = 400  # matrices up to which counts are written into the cells


def plot_multifunctionality(
    multi: Multifunctionality,
    targets: Any = None,
    *,
    colors: Any = None,
    legend: str | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Axes:
    """The outputs on every attractor over the targets: broad pale bands below, thin lines on top, untrained ones grey.

    Arguments:
        multi: of :func:`dynakit.check_multifunctionality`.
        targets: the Orbits it was given, to be drawn below; None: attractors only.
        colors: of the targets, by name: a dictionary, a list, or one colour for all.
        legend: "inside" or "right" (if there is room), "below" or "none"; None: right, in a narrow figure below.
        ax: where to draw.
        kwargs: for the lines of the attractors (``plot``).

    An arrow gives the sense of time.  The first two outputs are shown; a single one over the phase.  Raises
    InputError, naming the argument.
    """
    style.expect("multi", multi, Multifunctionality)
    orbits = () if targets is None else as_orbits("targets", targets)
    hues = colours.in_turn(multi.names.tolist(), colors)
    unknown = [orbit.name for orbit in orbits if orbit.name not in hues]
    if unknown:
        raise InputError(f"targets must be those of multi ({', '.join(hues)}), got {unknown[0]!r}")
    ax = style.new_axes(ax)
    for orbit in orbits:
        _target(ax, orbit, hues[orbit.name])
    judged = {
        int(k): str(name) for name, k, held in zip(multi.names, multi.attractor_index, multi.held) if held
    }
    for k in range(len(multi.attractors)):
        name = judged.get(k)
        said = f"{multi.attractors.kinds[k]}, untrained" if multi.untrained[k] else "of a target not held"
        look = {
            "color": style.GREY if name is None else hues[name],
            "label": said if name is None else name,
        }
        _attractor(ax, multi, k, look | kwargs)
    if not len(multi.attractors):
        style.say(ax, "no attractor")
    wide = multi.attractors.outputs.shape[1] > 1
    ax.set_xlabel("output 1" if wide else "phase")
    ax.set_ylabel("output 2" if wide else "output")
    ax.set_title(f"{multi.verdict}: {int(multi.held.sum())} of {counted(len(multi), 'target')} held", fontsize="medium")
    if wide:
        ax.set_aspect("equal", adjustable="datalim")
    style.despine(ax)
    legends.draw(ax, legend)
    return ax


def plot_confusion(multi: Multifunctionality, *, ax: Any = None, **kwargs: Any) -> Axes:
    """How many cues of each target (rows) lead to each attractor (columns); a frame marks those that match.

    ``kwargs`` are for the cells (``imshow``).  Raises InputError, naming the argument.
    """
    style.expect("multi", multi, Multifunctionality)
    ax = style.new_axes(ax)
    counts = np.asarray(multi.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, **({"cmap": "Greys", "vmin": 0.0, "vmax": 1.4, "aspect": "auto"} | kwargs))
    if counts.size <= MOST_CELLS:
        for (j, k), n in np.ndenumerate(counts):
            dark = shares[j, k] > 0.5
            ax.text(k, j, str(n), ha="center", va="center", color="white" if dark else style.BLACK)
    for j, k in np.argwhere(multi.matches):
        frame = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * 0.46 + [k, j]
        ax.plot(*frame.T, color=style.VERMILLION, linewidth=1.6)
    names = [f"{k}{' (untrained)' if multi.untrained[k] else ''}" for k in range(counts.shape[1] - 1)]
    ax.set_xticks(range(counts.shape[1]), [*names, "none"])
    ax.set_yticks(range(len(counts)), multi.names.tolist())
    ax.set_xlabel("attractor")
    ax.set_ylabel("cues of target")
    ax.set_title("cues by where they lead\nframed: the attractor is the target", fontsize="medium")
    return ax


def _target(ax: Any, orbit: Orbit, colour: str) -> None:
    band: dict[str, Any] = {"color": colour, "alpha": 0.25, "zorder": 1}
    points = _plane(orbit.curve(PHASES))
    if orbit.kind == "cycle":
        closed = np.arange(len(points) + 1) % len(points) if orbit.n_outputs > 1 else np.arange(len(points))
        ax.plot(*points[closed].T, linewidth=6, solid_capstyle="round", label=f"{orbit.name}, target", **band)
    else:
        size = 120 if orbit.kind == "fixed point" else 4
        ax.scatter(*points[:4000].T, s=size, linewidths=0, label=f"{orbit.name}, target", **band)


def _attractor(ax: Any, multi: Multifunctionality, k: int, look: dict[str, Any]) -> None:
    cycles = multi.attractors
    steps = (
        int(np.isfinite(cycles.output_orbits[k]).all(axis=1).sum()) if cycles.output_orbits.ndim == 3 else 0
    )
    if cycles.harmonics[k]:
        points = _plane(cycles.output_curve(np.arange(PHASES + 1) / PHASES, k))
        ax.plot(*points.T, **({"linewidth": 1.3, "linestyle": LINES[k % 2], "zorder": 3 + k % 2} | look))
        back = cycles.rotation_numbers[k] < 0 and cycles.dynamics == "map"
        a, b = (points[8], points[0]) if back else (points[0], points[8])
        arrow = {"arrowstyle": "-|>", "color": look["color"], "linewidth": 1.2, "mutation_scale": 14}
        ax.annotate("", xy=b, xytext=a, arrowprops=arrow, zorder=4)
        return
    points = _plane(cycles.output_orbits[k][:steps] if steps else cycles.outputs[[k]])
    ax.plot(*points.T, **({"linestyle": "none", "marker": "o", "markersize": 4.5, "zorder": 3} | look))


def _plane(y: np.ndarray) -> np.ndarray:
    """The first two outputs, or a single one over the phase."""
    if y.shape[1] > 1:
        return y[:, :2]
    return np.stack([np.linspace(0, 1, len(y)) if len(y) > 1 else np.zeros(1), y[:, 0]], 1)
