"""Many cycles in one network with fixed weights: which networks hold them, what lies between, and what nobody trained.

    python3 run.py study multifunctional_cycles [--quick] [--only kinds]

Writes the tables and figures of ``figures/multifunctional_cycles/`` (with --quick: of ``out/multifunctional_cycles/``).
What is done is kept in ``out/multifunctional_cycles/``: a run that was cut short goes on where it stopped.
"""

from __future__ import annotations

import between
import frequencies
import kinds
import many
import parts
import reservoirs
import sharing
import stimulus
import untrained

PARTS = {
    "reservoirs": reservoirs.run,
    "kinds": kinds.run,
    "many": many.run,
    "between": between.run,
    "untrained": untrained.run,
    "sharing": sharing.run,
    "stimulus": stimulus.run,
    "frequencies": frequencies.run,
}

if __name__ == "__main__":
    parts.main("multifunctional_cycles", PARTS, __doc__ or "")
