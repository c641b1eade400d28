"""A time-delay network that hears itself: what does it go on with?

Trained to predict the next element, it is closed on its own output and let go where it has heard the first two elements
of a sequence that it was not trained on.  What follows is known up to the ending; after that comes noise that nobody
can predict, so from there on it makes its own way.  The loop is closed twice: on what the network puts out, a map of
250 numbers, and on the nearest code of a digit, a map of ten digits that must end in a loop.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import frozen
import numpy as np
import parts
import torch

import dynakit as dk

N_STARTS = 100  # sequences after the network was frozen
N_FREE = 300  # steps of its own
N_DIGITS = 10
AHEAD = 6  # elements after the second of the longest sequence


def contexts(task: Any, seed: int, n: int, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """States (start, lag * code) just after second elements, and the ids (start, step) of what followed in the stream.

    Endings are those that the network was trained on last.
    """
    swap_at = task.swap_at if n > task.swap_at else None
    longer = task.n_elements + 10 * N_STARTS
    stream = dk.tasks.SequenceStream(n_elements=longer, swap_at=swap_at, code_seed=seed).draw(seed)
    seconds = stream.ends[:-1] + 3
    seconds = seconds[seconds > n][:N_STARTS]
    shown = stream.codes[stream.ids]
    states = np.stack([shown[t - lag + 1 : t + 1].ravel() for t in seconds])
    return states, stream.ids[seconds[:, None] + 1 + np.arange(AHEAD)]


def nearest(outputs: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The digit of the nearest code, and its distance."""
    gaps = np.linalg.norm(outputs[..., None, :] - codes[:N_DIGITS], axis=-1)
    return gaps.argmin(axis=-1), gaps.min(axis=-1)


def free_run(loop: Any, starts: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Digits and distances (start, step) of what the network goes on with."""
    states = loop.trajectory(starts, torch.zeros(len(starts), N_FREE, 0)).numpy()
    return nearest(states[:, :, -codes.shape[1] :], codes)


def words(system: Any, starts: np.ndarray, codes: np.ndarray) -> Counter[str]:
    """Loops of digits that the network ends in when it hears the nearest code of each output, and how often."""
    x, size = torch.from_numpy(starts), codes.shape[1]
    said = []
    for _ in range(N_FREE):
        digits, _ = nearest(system.observe(x).numpy(), codes)
        said.append(digits)
        x = torch.cat([x[:, size:], torch.from_numpy(codes[digits])], dim=1)
    return Counter(loop_of("".join(map(str, own)), starts.shape[1] // size) for own in np.stack(said, axis=1))


def loop_of(said: str, lag: int) -> str:
    """The loop that a run of digits ends in, from its smallest rotation on; "?" if it is not in one yet."""
    end = said[-lag:]
    before = said.rfind(end, 0, len(said) - 1)  # once the last digits repeat, all that follows does
    if before < 0:
        return "?"
    period = len(said) - lag - before
    own = said[-period:]
    return min(own[k:] + own[:k] for k in range(period))


def measure(
    seed: int, n_elements: int, looked: tuple[int, ...], n_starts: int, *, folder: Path
) -> dict[str, list[Any]]:
    """What the networks of one run do by themselves."""
    task = dk.tasks.SequenceStream(n_elements=n_elements, swap_at=n_elements // 2)
    every = dk.models.TDNN.for_task(task).retrain_every
    run = frozen.learnt("TDNN", seed, task, range(every, n_elements + 1, every))
    found: dict[str, list[Any]] = {"attractors": [], "steps": [], "loops": []}
    for n in looked:
        network, codes, own = run.networks[n], run.stream.codes, {"seed": seed, "element": n}
        system = dk.as_system(network)
        loop = dk.ClosedLoop(system)
        starts, followed = contexts(task, seed, n, network.lag)
        digits, gaps = free_run(loop, starts, codes)
        for step in range(40):
            known = followed[:, step] < N_DIGITS if step < AHEAD else np.zeros(len(starts), bool)
            share = float((digits[known, step] == followed[known, step]).mean()) if known.any() else None
            row = {"step": step + 1, "judged": int(known.sum()), "right": share}
            found["steps"].append({**own, **row, "distance to a code": float(gaps[:, step].mean())})
        parts.leave(folder, element=n, digits=digits[:, :40], gaps=gaps[:, :40], followed=followed)  # the last stays
        found["attractors"] += [{**own, **row} for row in attractors(loop, starts[:n_starts], codes)]
        for word, count in words(system, starts, codes).most_common():
            found["loops"].append({**own, "loop of digits": word, "length": len(word), "starts": count})
    return found


def attractors(loop: Any, starts: np.ndarray, codes: np.ndarray) -> list[dict[str, Any]]:
    """All that the free runs end on, and how many fixed points there are."""
    cycles = dk.find_limit_cycles(loop, starts)
    points = dk.find_fixed_points(loop, starts, max_starts=64)
    exponents = dk.lyapunov_spectrum(
        loop, cycles.states, n_steps=1000, n_exponents=4, n_transient=200
    ).exponents
    rows = []
    for k, kind in enumerate(cycles.kinds):
        orbit = cycles.output_orbits[k]
        orbit = orbit[np.isfinite(orbit).all(axis=1)] if kind == "periodic" else cycles.outputs[k][None]
        digits, gaps = nearest(orbit, codes)
        row = {"kind": kind, "period": float(cycles.periods[k]), "verdict": cycles.verdicts[k]}
        row |= {"of starts": int(cycles.starts_per_object[k]), "starts": len(starts)}
        row |= {"digits": "".join(map(str, digits)), "distance to a code": float(gaps.mean())}
        row |= {"size of the output": float(np.linalg.norm(orbit, axis=1).mean())}
        row |= {"size of codes": float(np.linalg.norm(codes[:N_DIGITS], axis=1).mean())}
        row |= {f"exponent {i + 1}": float(value) for i, value in enumerate(exponents[k])}
        rows.append({**row, "fixed points found": len(points), "stable ones": len(points.stable)})
    return rows


def figure(run: dict[str, Any], steps: list[dict[str, Any]], path: Path) -> None:
    """What one network says by itself, and how far from the codes all of them are."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, far = sheet.subplots(1, 2, width_ratios=(1.7, 1))
    shown = {name: parts.left(run, name) for name in ("element", "digits", "gaps", "followed")}
    n_rows, n_steps = 14, 24
    image = left.imshow(shown["gaps"][:n_rows, :n_steps], cmap="Greys", vmin=0, vmax=4, aspect="auto")
    for row in range(n_rows):
        for step in range(n_steps):
            digit = shown["digits"][row, step]
            known = step < AHEAD and shown["followed"][row, step] < N_DIGITS
            wrong = known and digit != shown["followed"][row, step]
            colour = "#D55E00" if wrong else "#0072B2" if known else "#000000"
            left.text(step, row, str(digit), ha="center", va="center", fontsize=8, color=colour)
    left.set(xlabel="step of its own", ylabel="one row per context", yticks=[])
    left.set_xticks([0, 5, 11, 17, 23], ["1", "6", "12", "18", "24"])
    left.set_title(
        f"after {shown['element']:,} elements (blue: as in the stream; vermillion: not)", fontsize=9
    )
    sheet.colorbar(image, ax=left, label="distance to that digit's code", shrink=0.8)
    for (seed, n), colour in zip(
        dict.fromkeys((r["seed"], r["element"]) for r in steps), ("#000000", "#D55E00") * 9
    ):
        own = [r for r in steps if (r["seed"], r["element"]) == (seed, n)]
        said = f"frozen after {n:,} elements" if seed == steps[0]["seed"] else None
        gaps = [r["distance to a code"] for r in own]
        far.plot([r["step"] for r in own], gaps, lw=1, color=colour, label=said)
    far.set(xlabel="step of its own", ylabel="mean distance to the nearest digit's code", ylim=(0, None))
    far.spines[["top", "right"]].set_visible(False)
    far.legend(frameon=False, fontsize=9, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All seeds."""
    started = time.perf_counter()
    plan = (2000, (1000, 2000), 4) if quick else (20_000, (10_000, 20_000), 24)
    seeds = [0] if quick else [0, 1, 2]
    found = parts.rows(measure, [(seed, *plan) for seed in seeds], n_jobs)
    for name in ("attractors", "steps", "loops"):
        rows = [row for own in found for row in own[name]]
        file = out / f"delay_map{'' if name == 'attractors' else '_' + name}.csv"
        parts.write("sequence_task", file, rows, seeds=seeds, started=started, quick=quick)
    figure(found[0], [row for own in found for row in own["steps"]], out / "delay_map.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"delay_map": run}, __doc__ or "")
