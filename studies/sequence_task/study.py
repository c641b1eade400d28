"""Networks that hold a sequence or a memory in spikes.

    python3 run.py study sequence_task [--quick] [--only rate_to_spikes]

Writes the tables and figures of ``figures/sequence_task/`` (with --quick: of ``out/sequence_task/``).
"""

from __future__ import annotations

import ledger
import rate_to_spikes

PARTS = {"rate_to_spikes": rate_to_spikes.run}

if __name__ == "__main__":
    ledger.main("sequence_task", PARTS, __doc__ or "")
