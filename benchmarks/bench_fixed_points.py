"""Fixed points found, and found wrongly, against CPU time: ``find_fixed_points`` and Adam on the speed.

    python benchmarks/bench_fixed_points.py [--quick] [--only trained|random] [--names gru16_0 ...]

Trained networks (``networks.py``) are searched from the states of trials, as a user would; the baseline
(``adam_search.py``) starts from 1024 of these states with noise of 0.5, at its usual learning rate and at a tenth of
it.  Random networks x' = tanh(W x), W ~ N(0, g^2/n), g > 1, have no attractor to help (Sompolinsky, Crisanti, Sommers
1988), and nobody knows all their points: both methods get the same noisy states of a chaotic trajectory.

All searches of a network run in turn in one process, on one thread.  ``cpu_s`` is the median over the runs of a method:
ours with the trajectories in another order each time, the baseline with another draw of its starts.  Everything else
in a row belongs to the worst run, that with fewest ``true`` points: distinct roots within 1e-3 of a returned point.
``known`` roots are all that float64 Newton confirms from any run of any method (``reference.py``); ``spurious`` points
are near none of them.  The baseline also returns points that never met its tolerance, q < 1e-12; ``_arrived`` counts
those that did, and ``true_polished`` the roots that float64 Newton makes of all it returned.  Writes fixed_points.csv
and fixed_points_random.csv (with --quick: in out/benchmarks).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networks
import numpy as np
import torch
from adam_search import adam_search, noisy_states, one_step
from reference import Reference, polish
from torch import Tensor, nn

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
N_TRIALS, N_STARTS, NOISE = 128, 1024, 0.5
RATES = (1.0, 0.1)
N_ORDERS = 5  # orders of the trajectories given to ours
ROUNDS = 1  # draws of the baseline's starts; searches of a random network
AS_CALLED = "find_fixed_points"
RANDOM = {  # units, gain -> starts given, and how many ours may use
    (50, 1.5): (1024, (256, 1024)),
    (100, 1.5): (1024, (256, 1024)),
    (100, 3.0): (1024, (128, 256, 1024)),
    (512, 1.5): (128, (32, 128)),
}
QUICK = {(50, 1.5): (1024, (256, 1024)), (100, 3.0): (1024, (256, 1024)), (512, 1.5): (128, (128,))}


@dataclass(frozen=True)
class Outcome:
    """The points one search returned, and what it said of them."""

    states: Tensor  # (point, unit)
    starts: int
    said: dict[str, Any] = field(default_factory=dict)
    arrived: Tensor | None = None  # (point,)  which met the tolerance of a search that returns others as well


Search = Callable[[], Outcome]


def ours(system: dk.System, starts: Any, **settings: Any) -> Outcome:
    """The search under test."""
    points = dk.find_fixed_points(system, starts, **settings)
    said = {"degree": points.degree, "completeness": points.completeness}
    if hasattr(points, "certified"):
        said["certified"] = int(points.certified.sum())
    return Outcome(torch.tensor(points.states), points.n_starts, said)


def baseline(model: nn.Module, starts: Tensor, learning_rate: float) -> Outcome:
    """Adam on the speed."""
    found = adam_search(one_step(model), starts, learning_rate)
    return Outcome(found.states, len(starts), {"iterations": found.n_iterations}, found.arrived)


@dataclass(frozen=True)
class Run:
    """One search: its time, its answer, and the roots that Newton reaches from the answer."""

    seconds: float
    outcome: Outcome
    polished: Tensor  # (root, unit)

    @classmethod
    def of(cls, search: Search, system: dk.System) -> Run:
        """Time a search; polishing is not on the clock."""
        start = time.process_time()
        outcome = search()
        return cls(time.process_time() - start, outcome, polish(system, outcome.states))


def measure(searches: dict[str, list[Search]], reference: Reference) -> list[dict[str, Any]]:
    """Run all searches in turn and compare what they found, one row per method."""
    runs: dict[str, list[Run]] = {name: [] for name in searches}
    for turn in itertools.zip_longest(*searches.values()):
        for name, search in zip(searches, turn):
            if search is not None:
                runs[name].append(Run.of(search, reference.system))
    for run in itertools.chain.from_iterable(runs.values()):
        reference.add(run.polished)
    rows = [{"method": name, **summary(done, reference)} for name, done in runs.items()]
    return [{**row, "cpu_ratio": row["cpu_s"] / rows[0]["cpu_s"]} for row in rows]


def summary(runs: list[Run], reference: Reference) -> dict[str, Any]:
    """One method on one network: median time, and the points of its worst run."""
    near = [reference.nearest(run.outcome.states) for run in runs]
    found = [_distinct(roots) for roots in near]
    worst = min(range(len(runs)), key=lambda k: (len(found[k]), -int((near[k] < 0).sum())))
    run, roots = runs[worst], near[worst]
    arrived = roots if run.outcome.arrived is None else roots[run.outcome.arrived.numpy()]
    return {
        "cpu_s": statistics.median(run.seconds for run in runs),
        "starts": run.outcome.starts,
        "returned": len(roots),
        "true": len(found[worst]),
        "known": len(reference.roots),
        "spurious": int((roots < 0).sum()),
        "true_arrived": len(_distinct(arrived)),
        "spurious_arrived": int((arrived < 0).sum()),
        "true_polished": len(_distinct(reference.nearest(run.polished))),
        "largest_residual": largest_residual(reference.system, run.outcome.states),
        "runs_with_the_same_points": f"{max(map(found.count, found))} of {len(found)}",
        **run.outcome.said,
    }


def _distinct(roots: np.ndarray) -> frozenset[int]:
    return frozenset(roots[roots >= 0].tolist())


def largest_residual(system: dk.System, states: Tensor) -> float:
    """max |F(x) - x| over all points and units, in float64."""
    x = states.double()
    u = torch.zeros(len(x), system.input_size, dtype=torch.float64)
    return float((system.step(x, u) - x).abs().max()) if len(x) else math.nan


def trained(name: str, rounds: int) -> list[dict[str, Any]]:
    """All methods on one trained network, at rest."""
    made, seed = networks.recipe(name)
    model = networks.network(name).eval()
    system = dk.as_system(model)
    recorded = dk.record(model, made.task.sample(N_TRIALS, seed=1000 + seed).inputs).states
    states = torch.as_tensor(recorded)
    searches = {AS_CALLED: [_in_order(system, states, k) for k in range(N_ORDERS)]}
    for rate in RATES:
        searches[f"Adam, rate {rate:g}"] = [
            _baseline(model, noisy_states(states, N_STARTS, NOISE, k), rate) for k in range(rounds)
        ]
    return [{"network": name, **row} for row in measure(searches, Reference(system))]


def _in_order(system: dk.System, states: Tensor, k: int) -> Search:
    """Ours on the same trajectories, in their own order (k = 0) or shuffled: another sample is drawn from them."""
    rows = states.reshape(-1, states.shape[-1])
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(k)) if k else slice(None)
    given = rows[order].reshape(states.shape)
    return lambda: ours(system, given)


def _baseline(model: nn.Module, starts: Tensor, rate: float) -> Search:
    return lambda: baseline(model, starts, rate)


def _limited(system: dk.System, starts: Tensor, most: int, seed: int) -> Search:
    return lambda: ours(system, starts, max_starts=most, seed=seed)


def random_network(n: int, gain: float, seed: int) -> nn.RNN:
    """x' = tanh(W x) with independent normal weights of standard deviation gain / sqrt(n)."""
    layer = nn.RNN(1, n, bias=False)
    W = torch.randn(n, n, generator=torch.Generator().manual_seed(seed)) * gain / math.sqrt(n)
    layer.load_state_dict({"weight_hh_l0": W, "weight_ih_l0": torch.zeros(n, 1)})
    return layer


def untrained(
    n: int, gain: float, seed: int, given: int, most: tuple[int, ...], rounds: int
) -> list[dict[str, Any]]:
    """All methods on one random network, from the same noisy states of its chaotic trajectory."""
    layer = random_network(n, gain, seed)
    system = dk.as_system(layer)
    x0 = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    path = system.trajectory(x0[None], torch.zeros(1, 200 + given, 1, dtype=torch.float64))[:, 200:]
    draws = [noisy_states(path, given, NOISE, k) for k in range(rounds)]
    searches = {
        f"{AS_CALLED}, {m} starts": [_limited(system, x, m, k) for k, x in enumerate(draws)] for m in most
    }
    for rate in RATES:
        searches[f"Adam, rate {rate:g}"] = [_baseline(layer, x, rate) for x in draws]
    head = {"units": n, "gain": gain, "seed": seed}
    return [{**head, **row} for row in measure(searches, Reference(system, odd=True))]


def tables(arguments: argparse.Namespace) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each network as they come, with the table they belong to."""
    quick = arguments.quick
    rounds, seeds = (1, (0,)) if quick else (ROUNDS, networks.SEEDS)
    names = arguments.names or [f"{kind}_{seed}" for kind in networks.RECIPES for seed in seeds]
    if arguments.only != "random":
        for name in names:
            yield "fixed_points", trained(name, rounds)
    if arguments.only != "trained":
        for (n, gain), (given, most) in (QUICK if quick else RANDOM).items():
            for seed in seeds:
                yield "fixed_points_random", untrained(n, gain, seed, given, most, rounds)


def _text(value: Any) -> Any:
    return f"{value:.3g}" if isinstance(value, float) else value


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A table of all columns that any row has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(itertools.chain(*rows))), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def written(path: Path) -> list[dict[str, Any]]:
    """The rows of an earlier run."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Measure and write the two tables; they are rewritten after each network, so that a long run is not lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed and round, fewer random networks")
    parser.add_argument("--only", choices=("trained", "random"))
    parser.add_argument(
        "--names", nargs="*", help="trained networks, as gru16_0; the rows of others are kept"
    )
    parser.add_argument("--out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    out = arguments.out or (networks.FOLDER.parent if arguments.quick else HERE)
    names = set(arguments.names or ())
    kept = [row for row in written(out / "fixed_points.csv") if names and row["network"] not in names]
    found: dict[str, list[dict[str, Any]]] = {"fixed_points": kept}
    with one_thread():
        adam_search(
            lambda x: x / 2, torch.zeros(2, 1), 0.1
        )  # torch's optimisers are imported at their first use
        for table, rows in tables(arguments):
            rows = [{key: _text(value) for key, value in row.items()} for row in rows]
            found.setdefault(table, []).extend(rows)
            write(out / f"{table}.csv", found[table])
            for row in rows:
                print(*row.values(), sep="\t", flush=True)


if __name__ == "__main__":
    main()
