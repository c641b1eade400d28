"""Figures of the LSTM that learns the stream as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dynakit as dk

BLUE, VERMILLION, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
SEQUENCES = dk.tasks.sequence.SEQUENCES


def _save(sheet: Figure, path: Path) -> None:
    for ax in sheet.axes:
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def portraits(looked: list[tuple[int, list[np.ndarray]]], path: Path) -> None:
    """The four sequences that begin with 6 or 1, in two principal components of each network's own states."""
    sheet = Figure(figsize=(10.2, 3.9), layout="constrained")
    for ax, (n, states) in zip(sheet.subplots(1, len(looked)), looked):
        axes = dk.project(
            np.concatenate([own.reshape(-1, own.shape[-1]) for own in states[:4]]), n_components=2
        )
        for kind, colour, line in zip(range(4), (BLUE, VERMILLION) * 2, ("-", "-", "--", "--")):
            for own in states[kind][:12]:
                ax.plot(*axes.transform(own).T, color=colour, lw=0.4, alpha=0.25)
            mean = axes.transform(states[kind].mean(axis=0))
            body = "".join(map(str, SEQUENCES[kind][1:-1]))
            said = f"{SEQUENCES[kind][0]} then {body}"
            ax.plot(*mean.T, line, color=colour, lw=1.4, label=said)
            ax.plot(*mean[0], "o", color=colour, mfc="white", ms=5)
            ax.plot(*mean[-1], "o", color=colour, ms=5)
        shares = axes.explained_variance_ratio
        ax.set(xlabel=f"PC 1 of h ({shares[0]:.0%})", ylabel=f"PC 2 of h ({shares[1]:.0%})")
        ax.set_title(f"after {n:,} elements", fontsize=10)
    handles, labels = sheet.axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    _save(sheet, path)


def separation(rows: list[dict[str, Any]], path: Path) -> None:
    """How far apart the two sequences of each pair are, element by element."""
    sheet = Figure(figsize=(5.6, 3.8), layout="constrained")
    ax = sheet.subplots()
    elements = sorted({row["element"] for row in rows})
    for n, colour, line in zip(elements, (BLACK, VERMILLION, BLUE), ("-", "--", "-")):
        at_n = [row for row in rows if row["element"] == n]
        for k, one in enumerate(dict.fromkeys((row["seed"], row["pair"]) for row in at_n)):
            own = [row for row in at_n if (row["seed"], row["pair"]) == one]
            heard, values = [row["elements heard"] for row in own], [row["over scatter"] for row in own]
            said = None if k else f"after {n:,} elements"
            ax.plot(heard, values, line, marker="o", color=colour, ms=3, lw=1, alpha=0.7, label=said)
    ax.set(
        xlabel="elements of the sequence heard",
        ylabel="distance of the pair / scatter of histories",
        yscale="log",
    )
    ax.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
    ax.set_yticks([], minor=True)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8)
    _save(sheet, path)


def exchange(rows: list[dict[str, Any]], swap: int, path: Path) -> None:
    """Answers of the learner and of its frozen copies, and which way states and readouts point; means over runs."""
    sheet = Figure(figsize=(9.6, 3.8), layout="constrained")
    left, right = sheet.subplots(1, 2)
    seeds = list(dict.fromkeys(row["seed"] for row in rows))

    def line(ax: Any, name: str, style: str, colour: str, label: str) -> None:
        own = [[row for row in rows if row["seed"] == seed] for seed in seeds]
        values = np.array([[np.nan if row[name] is None else row[name] for row in some] for some in own])
        at = [row["element"] for row in own[0]]
        ax.plot(at, values.T, style[-1], color=colour, lw=0.5, alpha=0.5)
        ax.plot(at, values.mean(axis=0), style, color=colour, ms=3.5, lw=1.2, label=label)

    line(left, "online, next 100", "o-", BLACK, "learning on")
    line(left, "frozen, next 100", "s-", VERMILLION, "frozen")
    line(left, "frozen, endings not exchanged", "^:", BLUE, "frozen, first endings")
    left.set(xlabel="elements learnt", ylabel="right about the next 100 endings", ylim=(-0.03, 1.03))
    line(right, "cosine of states with those at the exchange", "o-", BLUE, "states of a pair")
    line(right, "cosine of readouts with those at the exchange", "s-", VERMILLION, "its readout")
    right.set(xlabel="elements learnt", ylabel="cosine (with itself at the exchange)", ylim=(-1.05, 1.05))
    line(right, "cosine of states with the readout", "^:", BLACK, "one along the other")
    right.axhline(0, color="0.6", lw=0.6)
    for ax in (left, right):
        ax.axvline(swap, color="0.6", lw=0.8, ls=":")
        ax.set_xticks([0, swap // 2, swap, 3 * swap // 2, 2 * swap])
        ax.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)
    _save(sheet, path)
