"""Memory in the flip-flop: attractors, transients, and the networks that cannot be told apart by their score.

    python3 run.py study flip_flop [--quick] [--only set_reset]

Writes the tables and figures of ``figures/flip_flop/`` (with --quick: of ``out/flip_flop/``).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import dale_training
import edges
import learning
import pulses
import set_reset
import three_bits
import usual_recipe

PARTS = {
    "set_reset": set_reset.run,
    "three_bits": three_bits.run,
    "dale_training": dale_training.run,
    "usual_recipe": usual_recipe.run,
    "edges": edges.run,
    "pulses": pulses.run,
    "learning": learning.run,
}
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, fewer kinds, about a minute and a half")
    parser.add_argument("--only", choices=PARTS, help="one part of the study")
    parser.add_argument("--out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    out = arguments.out or ROOT / ("out/flip_flop" if arguments.quick else "figures/flip_flop")
    for name, run in PARTS.items():
        if arguments.only in (None, name):
            start = time.perf_counter()
            run(out, quick=arguments.quick, n_jobs=min(2, os.cpu_count() or 1))
            print(f"{name}: {time.perf_counter() - start:.0f} s, written to {out}", flush=True)


if __name__ == "__main__":
    main()
