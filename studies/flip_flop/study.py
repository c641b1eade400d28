"""Memory in the flip-flop: attractors, transients, and the networks that cannot be told apart by their score.

    python3 run.py study flip_flop [--quick] [--only set_reset]

Writes the tables and figures of ``figures/flip_flop/`` (with --quick: of ``out/flip_flop/``).
"""

from __future__ import annotations

import dale_training
import discrimination
import edges
import gaps
import learning
import optimisers
import parts
import plain_and_leaky
import pulses
import set_reset
import spectrum
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
    "discrimination": discrimination.run,
    "spectrum": spectrum.run,
    "gaps": gaps.run,
    "optimisers": optimisers.run,
    "plain_and_leaky": plain_and_leaky.run,
}

if __name__ == "__main__":
    parts.main("flip_flop", PARTS, __doc__ or "")
