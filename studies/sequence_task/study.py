"""Five learners on one stream whose rules change half way, what happens inside them, and networks made to spike.

    python3 run.py study sequence_task [--quick] [--only PART]

Writes the tables and figures of ``figures/sequence_task/`` (with --quick: of ``out/sequence_task/``).
"""

from __future__ import annotations

import architectures
import columns
import conversion
import conversion_stream
import delay_map
import gated
import gru
import inside
import neighbours
import operations
import parts
import rate_to_spikes
import robustness
import search
import table

PARTS = {
    "table": table.run,
    "search": search.run,
    "robustness": robustness.run,
    "inside": inside.run,
    "gated": gated.run,
    "delay_map": delay_map.run,
    "conversion": conversion.run,
    "columns": columns.run,
    "rate_to_spikes": rate_to_spikes.run,
    "neighbours": neighbours.run,
    "operations": operations.run,
    "conversion_stream": conversion_stream.run,
    "gru": gru.run,
    "architectures": architectures.run,
}

if __name__ == "__main__":
    parts.main("sequence_task", PARTS, __doc__ or "")
