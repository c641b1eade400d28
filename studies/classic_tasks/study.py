"""The classic benchmarks of sequence learning: solved, extended, and explained by their dynamics.

    python3 run.py study classic_tasks [--quick] [--only solved]

Writes the tables and figures of ``figures/classic_tasks/`` (with --quick: of ``out/classic_tasks/``).
"""

from __future__ import annotations

import adding
import counting
import gradients
import guessing
import historic
import machines
import parts
import phonemes
import solved
import spoken
import two_portraits
import waiting

PARTS = {
    "solved": solved.run,
    "guessing": guessing.run,
    "gradients": gradients.run,
    "machines": machines.run,
    "counting": counting.run,
    "waiting": waiting.run,
    "adding": adding.run,
    "phonemes": phonemes.run,
    "spoken": spoken.run,
    "portraits": two_portraits.run,
    "historic": historic.run,
}

if __name__ == "__main__":
    parts.main("classic_tasks", PARTS, __doc__ or "")
