"""The search in ball arithmetic closes where the other does, with the same roots, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from dynakit.analysis.completeness import UNITS, InBalls, LowRank, NoBox, closed, replayed, resting, unit

flint = pytest.importorskip("flint")
STRENGTH = {"tanh": 1.8, "sigmoid": 7.0, "softplus": 3.0, "relu": 3.0}


def network(name, n=12, r=2, seed=0) -> LowRank:
    draw = np.random.default_rng(seed)
    M = draw.normal(size=(n, r))
    N = (STRENGTH[name] * M + 0.5 * draw.normal(size=(n, r))) / n
    return LowRank(M, N, 0.3 * draw.normal(size=n), unit(name))


@pytest.mark.parametrize("name", UNITS)
def test_it_closes_with_the_same_roots(name):
    equations = network(name)
    found = closed(equations)
    assert found.proved
    assert replayed(equations, found)


def test_other_roots_and_open_searches_are_not_confirmed():
    equations, other = network("tanh"), network("tanh", seed=1)
    found = closed(equations)
    assert len(found.roots)
    assert not replayed(other, found)
    assert not replayed(equations, found._replace(C=np.zeros((1, 2)), R=np.ones((1, 2))))
    triple = LowRank(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), unit("tanh"))
    assert not replayed(triple, closed(triple))


@pytest.mark.parametrize("name", UNITS)
def test_bounds_in_floats_and_in_balls_meet(name):
    """Both hold what is exact, so that they overlap; and those in floats are little wider."""
    equations, draw = network(name), np.random.default_rng(2)
    balls = InBalls.of(equations)
    C, R = draw.normal(size=(20, 2)), 10 ** draw.uniform(-6, 0, (20, 2))
    ours, theirs = equations.contraction(C, R), balls.contraction(C, R)
    width, coarse = ours.hi - ours.lo, 1e-7  # radii of balls have thirty bits
    assert (ours.lo <= theirs.lo + coarse * width).all()
    assert (theirs.hi <= ours.hi + coarse * width).all()
    assert (theirs.hi - theirs.lo >= (1 - coarse) * width - 1e-12 * (1 + np.abs(ours.lo))).all()
    assert (np.abs(ours.step - theirs.step) <= ours.slack + theirs.slack).all()
    spare = ours.T - theirs.T
    assert (spare >= -coarse * (ours.T + R.max(axis=1)[:, None, None]) - 1e-12).all()


def test_of_a_unit_that_balls_do_not_know_the_reason_is_said():
    equations = network("tanh")
    leaky = LowRank(*equations.given, equations.d, resting("tanh", 0.5))
    with pytest.raises(NoBox, match="no bounds of a resting tanh unit"):
        replayed(leaky, closed(leaky))
