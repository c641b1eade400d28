"""A thousand networks that remember: how alike are they, and what tells those that last from those that do not?

    python3 run.py study populations [--quick] [--only degeneracy] [--jobs 2]

Trains and analyses the networks of ``plan.toml`` (kept in ``out/populations/``: what is stopped goes on where it was),
and writes the tables and figures of ``figures/populations/`` (with --quick: of ``out/populations/``).
"""

from __future__ import annotations

import degeneracy
import parts
import prediction
import thousand
import universality

PARTS = {
    "networks": thousand.run,
    "degeneracy": degeneracy.run,
    "universality": universality.run,
    "prediction": prediction.run,
}

if __name__ == "__main__":
    parts.main("populations", PARTS, __doc__ or "")
