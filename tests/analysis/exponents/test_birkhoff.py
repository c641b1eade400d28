"""The frequency of which all others are multiples."""

from __future__ import annotations

import numpy as np
import pytest

from dynakit.analysis.exponents import birkhoff

Q = birkhoff.HARMONICS + 2


@pytest.mark.parametrize(("p", "q"), [(5, Q), (7, Q), (11, Q), (5, Q + 1), (7, Q + 1)])
def test_a_frequency_met_twice_is_no_better_than_one_met_once(p, q):
    """Of turns by p / q the harmonics 1 and q - 1 coincide, but the second is beyond those looked at.

    One of (p + j q) / m, m = 2, 3, 4, is p' / q again, and has the turn as its harmonics m and q - m, both of which are
    looked at: it captures the variance twice, and still does not explain it better.
    """
    turn = 2 * np.pi * p / q * np.arange(4096)
    found = birkhoff.fundamental(np.stack([np.cos(turn), np.sin(turn)], 1), [])
    assert found.number == pytest.approx(p / q, abs=1e-9)
    assert found.captured == pytest.approx(1, abs=1e-9)
