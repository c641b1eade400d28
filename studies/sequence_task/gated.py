"""Inside an LSTM that learns the stream as it goes: how does it hold a start, and what does the exchange change?

The network is frozen at some elements and driven with a stream that it has not seen.  Two sequences of one body differ
in their first element alone: how far apart do their states stay, against the scatter that histories leave?  Which fixed
points does it have under a symbol held for ever, and does it forget how it began?  At the exchange the outputs of the
two have to change places: is it the state that changes sides, or the readout?
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any, NamedTuple

import frozen
import gated_figures
import numpy as np
import parts
import torch

import dynakit as dk

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7))  # sequences of one body
UNSEEN = 10_000  # seed of the stream that probes
N_ASKED = 100  # endings that a frozen network is asked for


class Plan(NamedTuple):
    """How much is done."""

    n_elements: int
    keep: tuple[int, ...]  # elements at which the network is kept
    looked: tuple[int, ...]  # those at which it is taken apart
    n_probe: int  # elements of the stream that probes
    n_digits: int  # symbols that are held for ever
    settings: dict[str, Any]  # of the learner


FULL = Plan(
    n_elements=20_000,
    keep=tuple(sorted({*range(1000, 20_001, 1000), *range(10_100, 11_000, 100)})),
    looked=(10_000, 10_900, 20_000),
    n_probe=6_000,
    n_digits=10,
    settings={},
)
QUICK = Plan(200, (100, 200), (100, 200), 700, 1, {"window": 10})


class Probe(NamedTuple):
    """States of a frozen network as it hears a stream: one array (occurrence, step, unit) for each sequence."""

    states: list[np.ndarray]  # [h, c] after each element but the last
    n_hidden: int
    heard: np.ndarray  # (element, code)  the whole stream


def streams(plan: Plan, seed: int, **settings: Any) -> Any:
    """A stream with the codes of the run, longer than it."""
    asked = {"n_elements": plan.n_elements + 10 * N_ASKED, "swap_at": plan.n_elements // 2, **settings}
    return dk.tasks.SequenceStream(code_seed=seed, **asked).draw(seed)


@torch.no_grad()
def probed(network: Any, seed: int, plan: Plan) -> Probe:
    """Drive a frozen network with a fresh stream."""
    task = dk.tasks.SequenceStream(fresh=True, n_elements=plan.n_probe, swap_at=None, code_seed=seed)
    stream = task.draw(UNSEEN)
    heard = stream.codes[stream.ids]
    states = network(torch.from_numpy(heard).float()[None]).states[0].double().numpy()
    found = []
    for kind in range(8):
        n = 6 if kind < 4 else 7  # elements before the last
        ends = stream.ends[(stream.kinds == kind) & (stream.ends > frozen.WARM_UP)]
        found.append(states[ends[:, None] - n + np.arange(n)])
    return Probe(found, states.shape[1] // 2, heard)


def separation(probe: Probe) -> list[dict[str, Any]]:
    """How far apart the two sequences of each pair are after each element, in units of the scatter of histories."""
    rows = []
    for one, other in PAIRS:
        for step in range(probe.states[one].shape[1]):
            a, b = probe.states[one][:, step], probe.states[other][:, step]
            gap = np.linalg.norm(a.mean(axis=0) - b.mean(axis=0))
            scatter = np.sqrt((a.var(axis=0) + b.var(axis=0)).sum() / 2)
            row = {"pair": f"{one} and {other}", "elements heard": step + 1, "distance": float(gap)}
            rows.append({**row, "over scatter": float(gap / scatter), "decoded": decoded(a, b)})
    return rows


def decoded(a: np.ndarray, b: np.ndarray) -> float:
    """The share of states told apart by one linear direction (Fisher's), found on every second of them."""
    (a0, a1), (b0, b1) = (a[::2], a[1::2]), (b[::2], b[1::2])
    within = np.cov(a0.T) * len(a0) + np.cov(b0.T) * len(b0)
    within = within / (len(a0) + len(b0)) + 1e-6 * np.eye(a.shape[1])
    w = np.linalg.solve(within, a0.mean(axis=0) - b0.mean(axis=0))
    middle = w @ (a0.mean(axis=0) + b0.mean(axis=0)) / 2
    return float(((a1 @ w > middle).mean() + (b1 @ w < middle).mean()) / 2)


def directions(network: Any, probe: Probe, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each pair before its endings: how its states lie apart, and how the readout tells its endings apart."""
    W = network.readout.weight.detach().double().numpy()
    found = []
    for one, other in PAIRS:
        ends = [dk.tasks.sequence.SEQUENCES[kind][-1] for kind in (one, other)]
        a, b = (probe.states[kind][:, -1, : probe.n_hidden].mean(axis=0) for kind in (one, other))
        found.append((a - b, (codes[ends[0]] - codes[ends[1]]) @ W))
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def over_time(run: Any, seed: int, plan: Plan) -> list[dict[str, Any]]:
    """At each element kept: right answers of the learner and of the frozen network, and both directions."""
    stream, unswapped = streams(plan, seed), streams(plan, seed, swap_at=None)
    swap = plan.n_elements // 2
    reference = directions(run.networks[swap], probed(run.networks[swap], seed, plan), stream.codes)
    rows = []
    for n, network in run.networks.items():
        online = run.history.hits[run.history.positions > n]
        now = directions(network, probed(network, seed, plan), stream.codes)
        cosines = np.array([[cosine(*two) for two in zip(a, b)] for a, b in zip(now, reference)])
        row = {"seed": seed, "element": n}
        row["online, next 20"], row["online, next 100"] = (
            float(online[:k].mean()) if len(online) >= k else None for k in (20, N_ASKED)
        )
        row["frozen, next 20"], row["frozen, next 100"] = (
            float(frozen.hits(network, stream, n, k).mean()) for k in (20, N_ASKED)
        )
        row["frozen, endings not exchanged"] = float(frozen.hits(network, unswapped, n, N_ASKED).mean())
        row["cosine of states with those at the exchange"] = float(cosines[:, 0].mean())
        row["cosine of readouts with those at the exchange"] = float(cosines[:, 1].mean())
        row["cosine of states with the readout"] = float(np.mean([cosine(*pair) for pair in now]))
        row["smallest cosine of states"], row["largest cosine of readouts"] = (
            float(cosines[:, 0].min()),
            float(cosines[:, 1].max()),
        )
        rows.append(row)
    return rows


def mixtures(run: Any, seed: int, plan: Plan) -> list[dict[str, Any]]:
    """The recurrent part of one element with the readout of another: which endings does that predict?"""
    given = streams(plan, seed, swap_at=None), streams(plan, seed, swap_at=0)
    rows = []
    for cells in plan.looked:
        for readout in plan.looked:
            mixed = copy.deepcopy(run.networks[cells])
            mixed.readout.load_state_dict(run.networks[readout].readout.state_dict())
            asked = [
                float(frozen.hits(mixed, stream, plan.n_elements // 2, N_ASKED).mean()) for stream in given
            ]
            row = {"seed": seed, "cells of element": cells, "readout of element": readout}
            rows.append({**row, "first endings": asked[0], "exchanged endings": asked[1]})
    return rows


def held(network: Any, codes: np.ndarray, n_digits: int) -> list[dict[str, Any]]:
    """Fixed points under no input and under each digit held for ever."""
    system, rows = dk.as_system(network), []
    for name, code in [("none", np.zeros(codes.shape[1])), *((str(k), codes[k]) for k in range(n_digits))]:
        points = dk.find_fixed_points(system, drive=code, max_starts=256)
        slowest = dk.linearize(system, points.stable).time_constants[:, 0] if len(points.stable) else [np.nan]
        row = {"symbol": name, "points": len(points), "stable": len(points.stable)}
        rows.append({**row, "slowest time constant": float(np.max(slowest)), "search": points.completeness})
    return rows


def forgetting(network: Any, heard: np.ndarray) -> dict[str, Any]:
    """Exponents along the stream, and whether all starts come together under it."""
    system, n = dk.as_system(network), len(heard)
    skipped = min(200, n // 5)
    spectrum = dk.lyapunov_spectrum(
        system,
        system.initial_state(),
        heard[:2000],
        n_steps=min(n, 2000) - skipped,
        n_exponents=4,
        n_transient=skipped,
    )
    echo = dk.check_echo_state(system, heard[:400])
    return {
        **{f"exponent {k + 1}": float(value) for k, value in enumerate(spectrum.exponents[0])},
        "error of exponent 1": float(spectrum.standard_errors[0, 0]),
        "memory time": float(-1 / spectrum.exponents[0, 0]),
        "echo state": echo.verdict,
        "steps until all pairs met": int(echo.meeting_times.max()),
    }


def measure(seed: int, plan: Plan, *, folder: Path) -> dict[str, Any]:
    """Everything about the network of one seed."""
    task = dk.tasks.SequenceStream(n_elements=plan.n_elements, swap_at=plan.n_elements // 2)
    run = frozen.learnt("OnlineLSTM", seed, task, plan.keep, **plan.settings)
    found: dict[str, Any] = {"separation": [], "held": [], "forgetting": []}
    portraits: dict[str, np.ndarray] = {}
    for n in plan.looked:
        network, own = run.networks[n], {"seed": seed, "element": n}
        probe = probed(network, seed, plan)
        found["separation"] += [{**own, **row} for row in separation(probe)]
        found["held"] += [{**own, **row} for row in held(network, run.stream.codes, plan.n_digits)]
        found["forgetting"].append({**own, **forgetting(network, probe.heard)})
        portraits |= {f"{n} {k}": states[:40, :, : probe.n_hidden] for k, states in enumerate(probe.states)}
    parts.leave(folder, **portraits)
    return {**found, "over_time": over_time(run, seed, plan), "mixtures": mixtures(run, seed, plan)}


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All seeds."""
    started, plan = time.perf_counter(), QUICK if quick else FULL
    seeds = [0] if quick else [0, 1, 2]
    found = parts.rows(measure, [(seed, plan) for seed in seeds], n_jobs)
    for name in ("separation", "held", "forgetting", "over_time", "mixtures"):
        rows = [row for own in found for row in own[name]]
        parts.write(
            "sequence_task", out / f"gated_{name}.csv", rows, seeds=seeds, started=started, quick=quick
        )
    looked = [(n, [parts.left(found[0], f"{n} {k}") for k in range(2 * len(PAIRS))]) for n in plan.looked]
    gated_figures.portraits(looked, out / "gated_states.png")
    gated_figures.separation(
        [row for own in found for row in own["separation"]], out / "gated_separation.png"
    )
    swap = plan.n_elements // 2
    gated_figures.exchange([row for own in found for row in own["over_time"]], swap, out / "gated.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"gated": run}, __doc__ or "")
