"""Networks of low rank are also searched in the few dimensions that decide where they rest."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk


def low_rank(n, r, seed, gain=2.0):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, r))
    return gain * M @ M.T / n


@pytest.mark.parametrize("seed", range(3))
def test_a_handful_of_starts_finds_what_is_proved_to_be_all(seed):
    system = dk.catalog.tanh_network(low_rank(80, 3, seed))
    found = dk.find_fixed_points(system, max_starts=8)
    exact = dk.enumerate_fixed_points(system)
    assert exact.completeness == "proved"
    assert len(found) == len(exact) > 6
    assert_allclose(np.sort(found.states[:, 0]), np.sort(exact.states[:, 0]), atol=1e-9)
    assert found.n_starts == 8
    assert found.starts_per_point.sum() <= 8  # what the equations gave is no start's
    assert found.certified.all()


def test_full_rank_is_searched_as_it_was():
    from dynakit.analysis.fixed_points.reduced import reduced_roots

    full = dk.catalog.tanh_network(np.random.default_rng(0).standard_normal((12, 12)))
    x = full.as_states("x", np.ones((3, 12)))
    assert len(reduced_roots(full, full.as_drive("drive", None), x)) == 0
