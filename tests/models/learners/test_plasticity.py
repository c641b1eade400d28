"""Plasticity rules against the pair windows they are defined by, and Oja's rule against principal components."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynakit.errors import InputError
from dynakit.models import PairSTDP, RateHebb

RULE = PairSTDP(a_plus=0.7, a_minus=0.4, tau_plus=17.0, tau_minus=34.0, dt=0.5)


def train(*steps: int, n_steps: int = 80) -> np.ndarray:
    spikes = np.zeros((n_steps, 1))
    spikes[list(steps)] = 1
    return spikes


@pytest.mark.parametrize("lag", [1, 2, 7, 40])
def test_one_pair_changes_the_weight_by_the_window(lag):
    d = 0.5 * lag
    assert_allclose(RULE.change(train(10), train(10 + lag)), 0.7 * np.exp(-d / 17), rtol=1e-12)
    assert_allclose(RULE.change(train(10 + lag), train(10)), -0.4 * np.exp(-d / 34), rtol=1e-12)


def test_a_pair_in_the_same_step_changes_nothing():
    assert RULE.change(train(10), train(10)) == 0


def test_all_pairs_of_all_trials_add_up():
    rng = np.random.default_rng(0)
    pre, post = rng.integers(0, 2, (3, 40, 4)), rng.integers(0, 2, (3, 40, 2))
    expected = np.zeros((2, 4))
    for trial, t, j in np.argwhere(pre):
        for other, s, i in np.argwhere(post):
            if trial == other and s > t:
                expected[i, j] += 0.7 * np.exp(-0.5 * (s - t) / 17)
            if trial == other and s < t:
                expected[i, j] -= 0.4 * np.exp(-0.5 * (t - s) / 34)
    assert_allclose(RULE.change(pre, post), expected, rtol=1e-10)
    assert_allclose(sum(RULE.change(a, b) for a, b in zip(pre, post)), expected, rtol=1e-10)


def test_hebb_is_the_mean_outer_product():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    assert_allclose(RateHebb(eta=0.1).change(np.zeros((2, 3)), x, y), 0.1 * y.T @ x / 50, rtol=1e-12)


def test_oja_finds_the_first_principal_component_at_unit_length():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4)) @ np.diag([3.0, 1.0, 0.5, 0.2]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    w, rule = np.array([[0.3, -0.2, 0.1, 0.4]]), RateHebb(eta=0.02, oja=True)
    for _ in range(2000):
        w = w + rule.change(w, x, x @ w.T)
    first = np.linalg.eigh(x.T @ x)[1][:, -1]
    assert_allclose(w[0] * np.sign(w[0] @ first), first, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PairSTDP(tau_plus=0.0), "tau_plus must be a finite number in"),
        (lambda: PairSTDP(tau_minus=-1.0), "tau_minus must be a finite number in"),
        (lambda: PairSTDP(tau_minus=np.nan), "tau_minus must be a finite number in"),
        (lambda: PairSTDP(a_plus=-1.0), "a_plus must be a finite number in"),
        (lambda: PairSTDP(a_minus=-1.0), "a_minus must be a finite number in"),
        (lambda: PairSTDP(dt=0.0), "dt must be a finite number in"),
        (lambda: PairSTDP(dt=np.nan), "dt must be a finite number in"),
        (lambda: RateHebb(eta=-0.1), "eta must be a finite number in"),
        (lambda: RateHebb(eta=np.nan), "eta must be a finite number in"),
        (lambda: PairSTDP().change(np.zeros((5, 2)), np.zeros((6, 1))), r"over the same times, got \(5, 2\)"),
        (lambda: PairSTDP().change(np.zeros((5, 1)), -train(3, n_steps=5)), "post must be spikes.* got -1 in step 3"),
        (lambda: PairSTDP().change(np.full((5, 1), 0.5), np.zeros((5, 1))), "pre must be spikes.* got 0.5 in step 0"),
        (lambda: PairSTDP().change(np.full((5, 1), np.nan), np.zeros((5, 1))), "pre must be finite"),
        (lambda: PairSTDP().change(np.zeros((0, 2)), np.zeros((0, 1))), "pre and post must have at least one time"),
        (lambda: RateHebb().change(np.zeros((1, 2)), np.zeros((0, 2)), np.zeros((0, 1))), "have at least one sample"),
        (lambda: RateHebb().change(np.zeros((1, 2)), np.zeros((4, 2)), np.zeros((5, 1))), "over the same samples"),
        (
            lambda: RateHebb().change(np.zeros((2, 2)), np.zeros(3), np.zeros(2)),
            r"W must have shape \(2, 3\)",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
