"""(g) Fixed points while the flip-flop is learnt: when memories are born, and whether the loss falls just then."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

KINDS = {"Elman 16": dk.models.Elman, "GRU 16": dk.models.GRU}
EVERY, N_UPDATES = 10, 250
STEEP = 0.2  # the share of all stretches that counts as the steepest
LEARNT = 0.9  # of the fall of the loss' logarithm: learning is over, and a long flat end says nothing
N_SHIFTS = 20_000


def measure(kind: str, seed: int, n_bits: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """Train one network, keep it every EVERY updates, and follow its fixed points."""
    task = dk.tasks.FlipFlop(n_bits=n_bits)
    model = KINDS[kind].for_task(task, n_hidden=16, seed=seed)
    kept = {0: dk.as_system(model)}

    def keep(update: int, info: dict[str, float]) -> None:
        if update % EVERY == 0:
            kept[update] = dk.as_system(model)

    history = dk.train(model, task, dk.training.BPTT(max_updates=n_updates), seed=seed, callback=keep)
    tracks = dk.track_fixed_points(list(kept.values()), updates=list(kept), losses=history.losses, seed=seed)
    parts.leave(folder, tracks=tracks)
    return {"network": kind, "bits": n_bits, "seed": seed}


def changes(found: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each birth and death of one network."""
    tracks = found["tracks"]
    events = tracks.changes[tracks.changes.effects != "change"]
    named = {name: found[name] for name in ("network", "bits", "seed")}
    return [
        named
        | {
            "update": float(events.updates[k]),
            "effect": str(events.effects[k]),
            "kind": str(events.kinds[k]),
            "with a stable point": _with_stable(tracks, events.tracks[k], int(events.intervals[k])),
            "points before": int(tracks.n_points[events.intervals[k]]),
            "points after": int(tracks.n_points[events.intervals[k] + 1]),
            "loss before": float(events.losses_before[k]),
            "loss after": float(events.losses_after[k]),
            "share of stretches in which the loss fell less": float(events.drop_ranks[k]),
        }
        for k in range(len(events))
    ]


def _with_stable(tracks: Any, pair: np.ndarray, interval: int) -> bool:
    """Is one of the pair stable, at the checkpoint beside the event?"""
    beside = np.isin(tracks.track, pair) & np.isin(tracks.checkpoint, (interval, interval + 1))
    return bool((tracks.verdicts[beside] == "stable").any())


def stretches(tracks: Any, *, learning: bool) -> tuple[np.ndarray, np.ndarray]:
    """Between each two checkpoints, how much the logarithm of the loss falls, and how many pairs are born (stretch,).

    learning: only until that logarithm has made LEARNT of its whole way.
    """
    loss = np.log(tracks.losses)
    born = np.bincount(tracks.changes.births.intervals, minlength=len(loss) - 1)
    n = len(born)
    if learning:
        n = int(np.flatnonzero(loss[0] - loss >= LEARNT * (loss[0] - loss.min()))[0])
    return -np.diff(loss)[:n], born[:n]


def coincidence(found: list[dict[str, Any]], *, learning: bool, seed: int = 0) -> dict[str, Any]:
    """The share of births in the steepest stretches against chance, and how likely chance does as well.

    The births of each network are shifted around its training by a random number of stretches, all by the same number:
    that keeps both how births cluster and how the loss runs, and only their alignment is left to chance.
    """
    pairs = [stretches(f["tracks"], learning=learning) for f in found]
    steep, born = [_steepest(fall) for fall, _ in pairs], [b for _, b in pairs]
    total = sum(int(b.sum()) for b in born)
    inside = sum(int(b[s].sum()) for b, s in zip(born, steep))
    rng = np.random.default_rng(seed)
    shifted = [np.array([np.roll(b, k)[s].sum() for k in range(len(b))]) for b, s in zip(born, steep)]
    chance = np.sum([rng.choice(counts, N_SHIFTS) for counts in shifted], axis=0)
    return {
        "networks": len(found),
        "while": "learning" if learning else "training",
        "stretches": sum(len(b) for b in born),
        "steepest": sum(int(s.sum()) for s in steep),
        "births": total,
        "births in the steepest": inside,
        "share": inside / max(total, 1),
        "share by chance": float(np.mean(chance)) / max(total, 1),
        "p": float((1 + (chance >= inside).sum()) / (1 + N_SHIFTS)),
        "steepest with a birth": _rate(born, steep),
        "others with a birth": _rate(born, [~s for s in steep]),
    }


def _steepest(fall: np.ndarray) -> np.ndarray:
    """Which stretches are among the steepest share (stretch,)."""
    n = max(1, round(STEEP * len(fall)))
    return np.isin(np.arange(len(fall)), np.argsort(-fall, kind="stable")[:n])


def _rate(born: list[np.ndarray], which: list[np.ndarray]) -> float:
    return float(np.concatenate([b[w] > 0 for b, w in zip(born, which)]).mean())


def groups(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The coincidence in each kind of network and number of bits, and in all."""
    names = list(dict.fromkeys((f["network"], f["bits"]) for f in found))
    kinds = [
        (kind, bits, [f for f in found if (f["network"], f["bits"]) == (kind, bits)]) for kind, bits in names
    ]
    return [
        {"network": kind, "bits": bits} | coincidence(part, learning=learning)
        for kind, bits, part in [*kinds, ("all", "", found)]
        for learning in (False, True)
    ]


def figure(found: list[dict[str, Any]], path: Path) -> None:
    """The loss above, the fixed points by kind below: one network of each kind and number of bits."""
    from matplotlib.figure import Figure

    shown = [f for f in found if f["seed"] == 0]
    with dk.plots.using("paper"):
        sheet = Figure(figsize=(max(2.5 * len(shown), 3.6), 3.1), layout="constrained")
        axes = sheet.subplots(1, len(shown), squeeze=False)[0]
        for ax, one in zip(axes, shown):
            dk.plots.plot_tracks(one["tracks"], ax=ax)
            ax.set_title(f"{one['network']}, {one['bits']} bits", loc="left")
            ax.get_legend().remove()
        handles: dict[str, Any] = {}
        for ax in axes:
            for handle, label in zip(*ax.get_legend_handles_labels()):
                handles.setdefault(label.partition(" (")[0].replace("a pair", "pairs"), handle)
        names = sorted(handles, key=lambda name: ("of pairs" in name, name != "stable", name))
        sheet.legend(
            [handles[name] for name in names], names, loc="outside lower center", ncols=3, frameon=False
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(path, dpi=220)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Two bits in two kinds of network, and three bits in one."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(5))
    n_updates = 160 if quick else N_UPDATES
    jobs = [(kind, seed, 2, n_updates) for kind in (["Elman 16"] if quick else KINDS) for seed in seeds]
    jobs += [] if quick else [("Elman 16", seed, 3, N_UPDATES) for seed in seeds]
    found = [{**row, "tracks": parts.left(row, "tracks")} for row in parts.rows(measure, jobs, n_jobs)]
    rows = [row for one in found for row in changes(one)]
    parts.write("flip_flop", out / "learning_changes.csv", rows, seeds=seeds, started=started, quick=quick)
    parts.write("flip_flop", out / "learning.csv", groups(found), seeds=seeds, started=started, quick=quick)
    figure(found, out / "learning.png")
