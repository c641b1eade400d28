"""All fixed points of trained piecewise-linear networks, proved: time and verdict against the number of units.

    python benchmarks/bench_enumeration.py [--quick] [--names setreset_plain20_0 ...] [--limit SECONDS]

Set/reset memories of leaky ReLU networks, without Dale's law and with it (``networks.py``), at rest and under the
full set pulse.  ``enumerate_fixed_points`` proves its list in all of R^n, or says what is left at its time limit;
``find_fixed_points`` searches the same network from the states of trials.  ``agree``: both found the same points,
``largest_difference`` apart at most.  CPU seconds of one thread.  Writes enumeration.csv (with --quick: n = 20
only, in out/benchmarks); with --names, the rows of other networks are kept.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import networks
import numpy as np
from bench_fixed_points import write, written

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
NAMES = [
    f"setreset_{law}{n}_{seed}" for n in (20, 30, 50) for law in ("plain", "dale") for seed in networks.SEEDS
]
LIMIT = 600.0


def measured(name: str, under: str, limit: float) -> dict[str, Any]:
    """One network under one constant input."""
    made, seed = networks.recipe(name)
    model = networks.network(name).eval()
    system = dk.as_system(model)
    drive = np.eye(2)[0] if under == "set pulse" else np.zeros(2)
    states = dk.record(model, made.task.sample(128, seed=1000 + seed).inputs).states
    start = time.process_time()
    exact = dk.enumerate_fixed_points(system, drive, time_limit=limit)
    proved = time.process_time() - start
    start = time.process_time()
    searched = dk.find_fixed_points(system, np.array(states), drive)
    apart = difference(exact.states, searched.states)
    return {
        "network": name,
        "units": made.n_hidden,
        "under": under,
        "points": len(exact),
        "stable": len(exact.stable),
        "verdict": exact.completeness,
        "left": exact.left,
        "nodes": exact.n_nodes,
        "cpu_s": f"{proved:.3g}",
        "found_by_search": len(searched),
        "search_cpu_s": f"{time.process_time() - start:.3g}",
        "agree": len(exact) == len(searched) and apart < 1e-9,
        "largest_difference": f"{apart:.1e}",
    }


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The largest distance, over both sets, of a point to the nearest of the other set."""
    if not len(a) or not len(b):
        return 0.0 if len(a) == len(b) else np.inf
    apart = np.abs(a[:, None] - b[None]).max(-1)
    return float(max(apart.min(0).max(), apart.min(1).max()))


def main() -> None:
    """Measure one network after the other and write the table after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="n = 20 only")
    parser.add_argument("--names", nargs="*", help="as setreset_plain20_0")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for each enumeration")
    parser.add_argument("--out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    names = arguments.names or (NAMES[:4] if arguments.quick else NAMES)
    out = arguments.out or (networks.FOLDER.parent if arguments.quick else HERE)
    rows = [
        row for row in written(out / "enumeration.csv") if arguments.names and row["network"] not in names
    ]
    with one_thread():
        dk.enumerate_fixed_points(
            dk.catalog.piecewise_linear(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1)))
        )
        for name in names:
            for under in ("rest", "set pulse"):
                rows.append(measured(name, under, arguments.limit))
                write(out / "enumeration.csv", rows)
                print(*rows[-1].values(), sep="\t", flush=True)


if __name__ == "__main__":
    main()
