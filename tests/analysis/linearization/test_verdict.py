"""What is counted as unstable at the very edge of stability."""

from __future__ import annotations

import numpy as np
import pytest

import dynakit as dk

DOUBT = 1e-9  # nearer to the unit circle than this, an eigenvalue is on neither side


CASES = [
    (1 - 10 * DOUBT, 0, "stable"),
    (1 - DOUBT / 2, 0, "marginal"),
    (1 + DOUBT / 2, 0, "marginal"),
    (1 + 10 * DOUBT, 1, "unstable"),
]


@pytest.mark.parametrize(
    ("eigenvalue", "n_unstable", "verdict"),
    [*CASES, (-1.0, 0, "marginal"), *((-modulus, n, verdict) for modulus, n, verdict in CASES)],
)
def test_an_eigenvalue_on_the_circle_is_not_counted_unstable(eigenvalue, n_unstable, verdict):
    points = dk.find_fixed_points(dk.catalog.linear(np.diag([eigenvalue, 0.5])), [[0.1, 0.2]], max_starts=1)
    assert points.verdicts.tolist() == [verdict]
    assert points.n_unstable.tolist() == [n_unstable]
    beside = dk.find_fixed_points(dk.catalog.linear(np.diag([eigenvalue, -3.0])), [[0.1, 0.2]], max_starts=1)
    assert beside.verdicts.tolist() == ["unstable"]
    assert beside.n_unstable.tolist() == [n_unstable + 1]
