"""Bounds of unit functions hold against many more digits, and are no wider than they must be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_less

from dynakit.analysis.completeness import UNITS, unit
from dynakit.analysis.completeness.units import ABSOLUTE, decay, log_of_one_and

mpmath = pytest.importorskip("mpmath")
mpmath.mp.prec = 120
rng = np.random.default_rng(0)
Z = np.concatenate([[0.0, 1e-300, -1e-9, 40.0, -800.0], rng.normal(size=400) * rng.choice([1e-3, 0.3, 3, 30], 400)])
EXACT = {
    "tanh": (mpmath.tanh, lambda z: 1 / mpmath.cosh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + mpmath.exp(-z)), lambda z: 1 / (2 * mpmath.cosh(z / 2)) ** 2),
    "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), lambda z: 1 / (1 + mpmath.exp(-z))),
    "relu": (lambda z: max(z, 0), lambda z: int(z > 0)),
}


@pytest.mark.parametrize("name", UNITS)
def test_values_and_slopes_lie_within_their_bounds(name):
    f, low_high = unit(name), np.stack([Z, Z])
    low, high = f.values(*low_high)
    steep_low, steep_high = f.slopes(*low_high)
    for k, z in enumerate(map(mpmath.mpf, Z.tolist())):
        value, slope = (each(z) for each in EXACT[name])
        assert mpmath.mpf(low[k]) <= value <= mpmath.mpf(high[k])
        assert mpmath.mpf(steep_low[k]) <= slope <= mpmath.mpf(steep_high[k])
    assert_array_less(high - low, 3 * ABSOLUTE * (1 + np.abs(low)) + 1e-300)


@pytest.mark.parametrize("name", UNITS)
def test_bounds_over_intervals_hold_values_slopes_and_secants(name):
    f = unit(name)
    middle, radius = rng.normal(size=200) * 3, 10 ** rng.uniform(-6, 0.5, 200)
    lo, hi = middle - radius, middle + radius
    inside = lo + (hi - lo) * rng.random((20, 200))
    low, high = f.values(lo, hi)
    assert (low <= f.value(inside)).all()
    assert (f.value(inside) <= high).all()
    low, high = f.slopes(lo, hi)
    secants = (f.value(inside) - f.value(lo)) / (inside - lo)
    slack = 1e-15 / (inside - lo)
    assert (low - slack <= secants).all()
    assert (secants <= high + slack).all()
    assert (high <= f.steepest).all()


def test_the_errors_of_exp_and_log_are_those_derived():
    y, e = rng.uniform(0, 700, 400), rng.random(400)
    exp = [abs(mpmath.mpf(a) / mpmath.exp(-mpmath.mpf(b)) - 1) for a, b in zip(decay(y).tolist(), y.tolist())]
    log = [abs(mpmath.mpf(a) / mpmath.log1p(mpmath.mpf(b)) - 1) for a, b in zip(log_of_one_and(e).tolist(), e.tolist())]
    assert max(exp) < 4 * 2.0**-53
    assert max(log) < 6 * 2.0**-53


def test_units_hold_the_exact_value_at_a_hundred_thousand_arguments():
    flint = pytest.importorskip("flint")
    z = np.random.default_rng(1).normal(size=33_334) * np.geomspace(1e-8, 60, 33_334)
    plain = {"tanh": lambda v: v.tanh(), "softplus": lambda v: v.exp().log1p()}
    exact = {**plain, "sigmoid": lambda v: 1 / (1 + (-v).exp())}
    with flint.ctx.workprec(100):
        for name, f in exact.items():
            ours = unit(name).value(z)
            wrong = [abs(float(f(flint.arb(x)) - flint.arb(y))) for x, y in zip(z.tolist(), ours.tolist())]
            assert_array_less(wrong, 0.5 * ABSOLUTE * (1 + np.abs(ours)))
