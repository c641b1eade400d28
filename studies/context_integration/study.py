"""Selection and integration of evidence in one network: what the context changes, and whether that predicts choices.

    python3 run.py study context_integration [--quick]

Writes the tables and figures of ``figures/context_integration/`` (with --quick: of ``out/context_integration/``).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import evidence_figures
import integrators
import parts
import portraits

ROOT = Path(__file__).resolve().parents[2]


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Train and examine every network; write all tables and figures."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2, 3, 4]
    sizes = [integrators.QUICK] if quick else [integrators.FULL, integrators.HASTY]
    calls = [(seed, size) for size in sizes for seed in seeds]
    networks = [integrators.read(row) for row in parts.rows(integrators.examine, calls, n_jobs)]
    found = networks[: len(seeds)]  # those that are taken apart; of the hasty ones only the summary is kept
    lined = [network for network in found if network.sides]
    tables = {name: [row for network in found for row in network.tables[name]] for name in found[0].tables}
    tables["networks"] = [row for network in networks for row in network.tables["networks"]]
    tables["trials"] = lined[0].tables["trials"] if lined else []
    tables["portraits"] = portraits.rows(lined[0]) if lined else []
    for name, rows in tables.items():
        parts.write("context_integration", out / f"{name}.csv", rows, seeds=seeds, started=started, quick=quick)
    evidence_figures.psychometric(found, out / "psychometric.png")
    if lined:
        portraits.figure(lined[0], out / "portraits.png")
        evidence_figures.selection(lined, out / "selection.png")
        evidence_figures.choices(lined, out / "choices.png")


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one network, about a minute")
    parser.add_argument("--out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    out = arguments.out or ROOT / (f"{'out' if arguments.quick else 'figures'}/context_integration")
    start = time.perf_counter()
    run(out, quick=arguments.quick, n_jobs=min(2, os.cpu_count() or 1))
    print(f"{time.perf_counter() - start:.0f} s, written to {out}", flush=True)


if __name__ == "__main__":
    main()
