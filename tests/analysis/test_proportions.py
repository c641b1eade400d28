"""Intervals of shares against SciPy's, and how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from dynakit.analysis.proportions import clopper_pearson_interval, upper_bound, wilson_interval

CASES = [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (17, 600), (599, 600)]


@pytest.mark.parametrize(("k", "n"), CASES)
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("ours", "method"), [(wilson_interval, "wilson"), (clopper_pearson_interval, "exact")])
def test_intervals_are_scipys(ours, method, k, n, confidence):
    theirs = binomtest(k, n).proportion_ci(confidence, method)
    np.testing.assert_allclose(ours(k, n, confidence), theirs, atol=1e-12)


@pytest.mark.parametrize(("k", "n"), CASES)
def test_the_upper_bound_is_the_one_sided_exact_one(k, n):
    theirs = binomtest(k, n, alternative="less").proportion_ci(0.95, "exact").high
    assert upper_bound(k, n) == pytest.approx(theirs, abs=1e-12)


def test_nothing_seen_is_the_rule_of_three():
    assert upper_bound(0, 600) == pytest.approx(1 - 0.05 ** (1 / 600), abs=1e-15)
    assert upper_bound(0, 600) == pytest.approx(3 / 600, rel=5e-3)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_wilson_covers_what_it_says(p):
    n = 200
    k = np.arange(n + 1)
    low, high = wilson_interval(k, n).T
    covered = binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum()
    assert 0.93 <= covered <= 0.98
