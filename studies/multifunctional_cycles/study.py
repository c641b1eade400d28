"""Many cycles in one network with fixed weights: which networks hold them, what lies between, and what nobody trained.

    python3 run.py study multifunctional_cycles [--quick] [--only kinds]

Writes the tables and figures of ``figures/multifunctional_cycles/`` (with --quick: of ``out/multifunctional_cycles/``).
Finished jobs are kept in ``out/multifunctional_cycles/jobs/``: a run that was cut short goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import between
import kinds
import many
import reservoirs
import untrained

PARTS = {
    "reservoirs": reservoirs.run,
    "kinds": kinds.run,
    "many": many.run,
    "between": between.run,
    "untrained": untrained.run,
}
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="one seed, fewer kinds, about a minute and a half"
    )
    parser.add_argument("--only", choices=PARTS, help="one part of the study")
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes, one thread each"
    )
    arguments = parser.parse_args()
    folder = "out" if arguments.quick else "figures"
    out = arguments.out or ROOT / folder / "multifunctional_cycles"
    for name, run in PARTS.items():
        if arguments.only in (None, name):
            start = time.perf_counter()
            run(out, quick=arguments.quick, n_jobs=arguments.jobs)
            print(f"{name}: {time.perf_counter() - start:.0f} s, written to {out}", flush=True)


if __name__ == "__main__":
    main()
