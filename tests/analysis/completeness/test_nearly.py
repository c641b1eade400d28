"""Products of factors that were stored as one matrix: as fast as the factors, and as exact."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynakit.analysis.completeness import Budget, RateEquation, closed, prove, unit
from dynakit.analysis.completeness.nearly import LITTLE, NearlyLowRank, factored


def factors(n, r, seed):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, r))
    return M, (2 * M + rng.standard_normal((n, r))) / n, 0.5 * rng.standard_normal(n)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "relu"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_stored_product_has_the_points_of_its_factors(name, dtype):
    M, N, d = factors(60, 2, 3)
    N = 4 * N if name == "sigmoid" else N
    by_factors = prove(RateEquation(M @ N.T, d, name, factors=(M, N)), Budget())
    stored = prove(RateEquation((M @ N.T).astype(dtype).astype(float), d, name), Budget())
    assert (by_factors.verdict, stored.verdict, stored.n_equations) == ("proved", "proved", 2)
    order = [np.lexsort(z.T.round(3)) for z in (by_factors.currents, stored.currents)]
    assert_allclose(by_factors.currents[order[0]], stored.currents[order[1]], atol=1e-4)


def test_the_bounds_hold_of_what_the_little_part_adds():
    """z anywhere in a box, found by iteration with the whole matrix, lies within the spread around the centre."""
    rng = np.random.default_rng(0)
    M, N, _ = factors(30, 2, 0)
    d = np.zeros(30)  # so that nothing is pushed at kappa = 0 that would hide the rest
    E = rng.standard_normal((30, 30))
    E *= 0.5 * LITTLE / np.linalg.norm(E, 2) / np.sqrt(30)
    for name in ("tanh", "relu"):
        f, parts = unit(name), factored(M @ N.T + E, steepest=1.0, most=5)
        assert parts is not None
        assert parts.r == 2
        equations = NearlyLowRank(parts, d, f)
        C, R = 20 * rng.standard_normal((20, 2)), rng.uniform(0, 30, (20, 2))
        kappa = C + R * rng.choice([-1.0, 1.0], C.shape)
        z, wrong = equations._currents(C)
        spread = equations._spread(R, wrong)
        exact = equations.states(kappa)
        off = np.abs(kappa @ equations.M.T + d + f.value(exact) @ parts.E.T - exact)
        assert off.max() < 1e-13
        assert (np.abs(exact - z) <= spread + 1e-13).all()
        assert (np.abs(equations.states(C) - z) <= wrong + 1e-13).all()
        assert wrong.max() < 1e-2


def test_a_matrix_of_full_rank_is_not_taken_for_one():
    W = np.random.default_rng(1).standard_normal((20, 20)) / 20
    assert factored(W, steepest=1.0, most=5) is None


def test_a_root_that_the_little_part_may_undo_is_not_proved():
    """g = 1 + 1e-9 has three roots, and with an unknown 1e-6 beside it nobody knows."""
    W = np.diag([1 + 1e-9, 0.0])
    parts = factored(W, 1e-6, steepest=1.0, most=5)
    assert parts is not None
    found = closed(NearlyLowRank(parts, np.zeros(2), unit("tanh")), Budget(20_000))
    assert not found.proved
