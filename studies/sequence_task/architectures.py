"""The three networks that Ramkumar (2019) draws (figs. 2, 3 and 5), drawn from the learners that run here.

Every unit is a dot and every number of a code a cell; all sizes are read from the weights, and the codes shown are
those of ten elements of the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import runs

RATE, SPIKE, GREY = "#0072B2", "#D55E00", "0.55"
WIDTH = 10.0  # of a panel, whatever it holds
CELL = 0.17  # height of one number of a code


def dots(ax: Any, n: int, rows: int, y: float, colour: str, name: str, x: tuple[float, float] = (0, WIDTH)) -> float:
    """``n`` units in so many rows from height ``y`` up; the height above them."""
    columns = -(-n // rows)
    gap = (x[1] - x[0]) / columns
    at = np.arange(n)
    step = min(gap, 0.32)
    ax.plot(
        x[0] + gap * (0.5 + at % columns),
        y + step * (0.5 + at // columns),
        "o",
        ms=2.6 if gap > 0.2 else 1.7,
        mfc=colour,
        mec="none",
        gid=name,
    )
    return y + step * rows


def codes(ax: Any, shown: np.ndarray, y: float) -> tuple[float, list[float]]:
    """The codes (element, number) of the last elements as strips, oldest left; the height above, and their middles."""
    n, size = shown.shape
    gap = WIDTH / n
    width = 0.62 * gap
    middles = [gap * (k + 0.5) for k in range(n)]
    for k, (x, code) in enumerate(zip(middles, shown)):
        edges = np.array([x - width / 2, x + width / 2]), y + CELL * np.arange(size + 1)
        ax.pcolormesh(*edges, code[:, None], cmap="PuOr", vmin=-1, vmax=1, edgecolor="white", lw=0.3, gid="code")
        lag = n - 1 - k
        ax.text(x, y - 0.15, f"$t-{lag}$" if lag else "$t$", ha="center", va="top", fontsize=6.5)
    return y + CELL * size, middles


def full(ax: Any, y: tuple[float, float], said: str, *, x: Any = (0, WIDTH, 0, WIDTH), colour: str = GREY) -> None:
    """Everything below to everything above: a shaded trapezoid from (left, right) at the bottom to those at the top."""
    left, right, up_left, up_right = x
    ax.fill([left, right, up_right, up_left], [y[0], y[0], y[1], y[1]], color=colour, alpha=0.14, lw=0)
    ax.text((left + right) / 2, sum(y) / 2, said, ha="center", va="center", fontsize=7.5)


def beside(ax: Any, y: float, said: str) -> None:
    """What a layer is, right of it."""
    ax.text(WIDTH + 0.25, y, said, ha="left", va="center", fontsize=7.5, linespacing=1.25)


def draw_tdnn(ax: Any, network: Any, shown: np.ndarray) -> None:
    """Window, hidden layer and outputs of a time-delay network in rates."""
    n_hidden, n_inputs = network.hidden.weight.shape
    n_outputs = network.readout.weight.shape[0]
    lag = n_inputs // network.code_size
    top, _ = codes(ax, shown[-lag:], 0.0)
    beside(ax, top / 2, f"codes of {lag} elements,\n{network.code_size} numbers each")
    low = 6.0
    full(ax, (top + 0.1, low - 0.1), f"{n_inputs} × {n_hidden} weights")
    high = dots(ax, n_hidden, 8, low, RATE, "hidden")
    beside(ax, (low + high) / 2, f"{n_hidden} ReLU units")
    full(ax, (high + 0.1, 9.9), f"{n_hidden} × {n_outputs}", x=(0, WIDTH, 2, 8))
    above = dots(ax, n_outputs, 1, 10.0, RATE, "output", (2, 8))
    beside(ax, (10 + above) / 2, f"{n_outputs} linear outputs")
    said(ax, above, "the symbol of the nearest code")


def draw_tdsnn(ax: Any, network: Any, shown: np.ndarray) -> None:
    """The same with neurons that spike, and the difference of two counts for each output."""
    n_hidden, n_inputs = network.hidden.weight.shape
    n_outputs = network.readout.weight.shape[0]
    lag, pair = n_inputs // network.code_size, network.read_by == "difference"
    top, _ = codes(ax, shown[-lag:], 0.0)
    beside(ax, top / 2, f"the same codes as\nconstant currents\nfor {network.n_steps} steps")
    low = 6.0
    full(ax, (top + 0.1, low - 0.1), f"{n_inputs} × {n_hidden} weights of the TDNN")
    high = dots(ax, n_hidden, 8, low, SPIKE, "hidden")
    beside(ax, (low + high) / 2, f"{n_hidden} integrate-and-\nfire neurons")
    full(ax, (high + 0.1, 9.7), f"{n_hidden} × {n_outputs}" + f", + and −: {2 * n_outputs}" * pair, x=(0, WIDTH, 2, 8))
    above = dots(ax, n_outputs, 1, 9.8, SPIKE, "output", (2, 8))
    if pair:
        above = dots(ax, n_outputs, 1, above + 0.05, SPIKE, "output of opposite weights", (2, 8))
    beside(ax, (9.8 + above) / 2, f"{(1 + pair) * n_outputs} neurons,\n(counts$_+$ − counts$_-$) / {network.n_steps}")
    said(ax, above, "the symbol of the nearest code")


def draw_csnn(ax: Any, network: Any, shown: np.ndarray) -> None:
    """Columns, one for each lag, the blocks between them, and the memory of their counts."""
    n_columns, code_size, n_neurons = network.W_in.shape
    top, middles = codes(ax, shown[-n_columns:], 0.0)
    beside(ax, top / 2, f"codes of {n_columns} elements,\none for each column,\nfor {network.n_steps} steps")
    gap, low = WIDTH / n_columns, 5.3
    for x in middles:
        half = 0.31 * gap
        full(ax, (top + 0.08, low - 0.08), "", x=(x - half, x + half, x - 0.42 * gap, x + 0.42 * gap))
        high = dots(ax, n_neurons, -(-n_neurons // 5), low, SPIKE, "column", (x - 0.42 * gap, x + 0.42 * gap))
    beside(ax, (top + low) / 2, f"{code_size} × {n_neurons} weights each,\nfixed")
    beside(ax, (low + high) / 2, f"{n_columns} columns of\n{n_neurons} leaky neurons")
    peak = arcs(ax, middles, high + 0.08, own_block=network.own_block)
    n_blocks = n_columns**2 if network.own_block else n_columns * (n_columns - 1)
    size = network.W_rec.shape[0] // n_columns
    beside(ax, high + 0.75, f"{n_blocks} blocks of {size} × {size},\nHebbian")
    said(ax, peak, f"what followed the most similar\n{network.size:,} spike counts so far")


def arcs(ax: Any, middles: list[float], y: float, *, own_block: bool) -> float:
    """A line from each column to each other, and a loop where a column has a block onto itself; the height above."""
    from matplotlib.patches import Arc

    gap = middles[1] - middles[0] if len(middles) > 1 else WIDTH
    for k, x in enumerate(middles):
        for other in middles[k + 1 :]:
            width = other - x
            shape = Arc(((x + other) / 2, y), width, 0.36 * width, theta1=0, theta2=180, color=GREY, lw=0.5)
            shape.set_gid("block of two columns")
            ax.add_patch(shape)
        if own_block:
            loop = Arc((x, y + 0.12), 0.3 * gap, 0.24, theta1=-60, theta2=240, color=SPIKE, lw=0.7)
            loop.set_gid("own block")
            ax.add_patch(loop)
    return y + 0.18 * (middles[-1] - middles[0])


def said(ax: Any, y: float, what: str) -> None:
    """An arrow from the last layer up to what is predicted."""
    ax.annotate("", (WIDTH / 2, 11.9), (WIDTH / 2, y + 0.1), arrowprops={"arrowstyle": "-|>", "lw": 0.9, "color": "k"})
    ax.text(WIDTH / 2, 12.05, what, ha="center", va="bottom", fontsize=7.5, linespacing=1.2)


PANELS: dict[str, Callable[[Any, Any, np.ndarray], None]] = {"TDNN": draw_tdnn, "TDSNN": draw_tdsnn, "CSNN": draw_csnn}


def figure(learners: dict[str, Any], stream: Any, path: Path, at: int = 100) -> Any:
    """A panel for each learner, on the codes of the elements up to ``at``; the sheet that was saved."""
    from matplotlib.figure import Figure

    shown = stream.codes[stream.ids[: at + 1]]
    sheet = Figure(figsize=(12.6, 4.2), layout="constrained")
    for letter, (name, learner), ax in zip("abc", learners.items(), sheet.subplots(1, len(learners))):
        PANELS[name](ax, learner, shown)
        ax.set(xlim=(-0.2, 14.2), ylim=(-0.7, 13.2), aspect="equal")
        ax.set_title(f"({letter}) {name}", loc="left", fontsize=10)
        ax.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=220)
    return sheet


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """The learners of the table, before they have learnt anything."""
    figure({name: runs.LEARNERS[name](0) for name in PANELS}, runs.TASK.draw(0), out / "architectures.png")


if __name__ == "__main__":
    import parts

    parts.main("sequence_task", {"architectures": run}, __doc__ or "")
