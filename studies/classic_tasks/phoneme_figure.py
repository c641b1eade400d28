"""The figure of the phoneme part: how fast, how well, what errors, and how long each phone's frames keep the past."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLORS = {
    "Elman": "#D55E00",
    "WindowedMLP": "0.45",
    "LSTM": "#0072B2",
    "BidirectionalElman": "#E69F00",
    "BidirectionalLSTM": "#009E73",
}
SHORT = {"WindowedMLP": "MLP, 11 frames", "BidirectionalElman": "bidir. Elman", "BidirectionalLSTM": "bidir. LSTM"}
KINDS = {"substitutions": "0.35", "insertions": "0.6", "deletions": "0.85"}
TENTH = "time constant 10 (ms)"  # the longest is infinite in most frames: one direction or two grow for a while


def draw(rows: list[dict[str, Any]], constants: list[dict[str, Any]], path: Path) -> None:
    """Four panels: accuracy by sequences, accuracy at the end, errors, time constants by phone."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.0, 5.4), layout="constrained")
    grid = sheet.add_gridspec(2, 3, height_ratios=(1, 1.15), width_ratios=(1.15, 1, 1))
    _learning(sheet.add_subplot(grid[0, 0]), rows)
    _accuracy(sheet.add_subplot(grid[0, 1]), rows)
    _errors(sheet.add_subplot(grid[0, 2]), rows)
    _constants(sheet.add_subplot(grid[1, :]), constants)
    for letter, ax in zip("abcd", sheet.axes):
        ax.set_title(letter, loc="left", fontsize=9, fontweight="bold")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def _learning(ax: Any, rows: list[dict[str, Any]]) -> None:
    for kind, own in _by_kind(rows).items():
        for k, row in enumerate(own):
            curve = 100 * np.array(row["_curve"])
            presented = row["sequences presented"] * np.arange(1, len(curve) + 1) / len(curve)
            ax.semilogx(presented, curve, color=COLORS[kind], lw=1, label=None if k else SHORT.get(kind, kind))
    _plain(ax.xaxis, (300, 1000, 3000))
    ax.set_xlabel("sequences presented", fontsize=8)
    ax.set_ylabel("frames right, held-out sentences (%)", fontsize=8)
    ax.legend(frameon=False, fontsize=6, loc="lower right")


def _accuracy(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Each seed a mark: filled on held-out sentences, open on the held-out voice."""
    names = list(_by_kind(rows))
    for row in rows:
        x, color = names.index(row["network"]), COLORS[row["network"]]
        ax.plot(x - 0.12, 100 * row["test frames right"], "o", ms=4, color=color)
        ax.plot(x + 0.12, 100 * row["voice frames right"], "o", ms=4, color=color, mfc="none")
    ax.plot([], [], "o", ms=4, color="k", label="sentences held out")
    ax.plot([], [], "o", ms=4, color="k", mfc="none", label="voice held out")
    ax.set_ylim(0, 100)
    ax.set_ylabel("frames right (%)", fontsize=8)
    ax.legend(frameon=False, fontsize=6, loc="lower right")
    _names(ax, names)


def _errors(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Per 100 phones, means over seeds: left bar on held-out sentences, right bar on the held-out voice."""
    names = list(_by_kind(rows))
    for x, own in enumerate(_by_kind(rows).values()):
        for split, shift in (("test", -0.2), ("voice", 0.2)):
            under = 0.0
            for kind, color in KINDS.items():
                height = float(np.mean([row[f"{split} {kind} per 100"] for row in own]))
                label = kind if x == 0 and split == "test" else None
                ax.bar(x + shift, height, 0.36, bottom=under, color=color, ec="k", lw=0.4, label=label)
                under += height
    ax.set_ylabel("errors per 100 phones", fontsize=8)
    ax.legend(frameon=False, fontsize=6)
    _names(ax, names)


def _constants(ax: Any, constants: list[dict[str, Any]]) -> None:
    """The tenth longest time constant of each phone, medians over seeds, in the order of the forward direction."""
    lines = {}
    for network, direction in dict.fromkeys((row["network"], row["direction"]) for row in constants):
        of: dict[str, list[float]] = {}
        for row in constants:
            if (row["network"], row["direction"]) == (network, direction):
                of.setdefault(row["phone"], []).append(row[TENTH])
        lines[network, direction] = {phone: float(np.median(values)) for phone, values in of.items()}
    forward = lines["BidirectionalLSTM", "forward"]
    phones = sorted(forward, key=lambda phone: forward[phone])
    marks = {"LSTM": "s", "forward": ">", "backward": "<"}
    for (network, direction), values in lines.items():
        mark = marks.get(network, marks[direction])
        label = "LSTM" if network == "LSTM" else f"bidir. LSTM, {direction}"
        known = [phone for phone in phones if phone in values]
        at = [phones.index(phone) for phone in known]
        open_ = {"mfc": "none"} if direction == "backward" else {}
        ax.semilogy(at, [values[p] for p in known], mark, ms=4, color=COLORS[network], label=label, **open_)
    _plain(ax.yaxis, (50, 100, 200, 400, 800))
    ax.set_xticks(range(len(phones)), phones)
    ax.set_xlim(-0.7, len(phones) - 0.3)
    ax.set_xlabel("phone that is heard", fontsize=8)
    ax.set_ylabel("10th time constant (ms)", fontsize=8)
    ax.legend(frameon=False, fontsize=7, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))


def _plain(axis: Any, ticks: tuple[int, ...]) -> None:
    """These ticks of a logarithmic axis, written out."""
    axis.set_ticks(ticks, [str(tick) for tick in ticks])
    axis.set_ticks([], minor=True)


def _by_kind(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    names = [kind for kind in COLORS if any(row["network"] == kind for row in rows)]
    return {kind: [row for row in rows if row["network"] == kind] for kind in names}


def _names(ax: Any, names: list[str]) -> None:
    labels = [SHORT.get(name, name) for name in names]
    ax.set_xticks(range(len(names)), labels, rotation=40, ha="right", rotation_mode="anchor")
