"""enumerate_fixed_points of networks that bend: counts known beforehand, and what is said where nothing is proved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.analysis.completeness import proved_fixed_points
from dynakit.analysis.completeness.enumerate import CHEAP
from dynakit.analysis.piecewise_linear import enumerated
from dynakit.models import Elman, LeakyRNN


def blocks(r, g, n):
    """r units that hear themselves alone among n, in an order that is not that of the blocks."""
    W = np.zeros((n, n))
    W[range(r), range(r)] = g
    order = np.random.default_rng(r).permutation(n)
    return W[np.ix_(order, order)]


def leaky(n, r, seed, *, form="current", activation="tanh"):
    rng = np.random.default_rng(seed)
    M, b = rng.standard_normal((n, r)), 0.5 * rng.standard_normal(n)
    N = (2 * M + rng.standard_normal((n, r))) / n
    net = LeakyRNN(2, n, 1, form=form, activation=activation)
    with torch.no_grad():
        net.W_rec.copy_(torch.from_numpy(M @ N.T))
        net.b_rec.copy_(torch.from_numpy(b))
    return dk.as_system(net)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_r_switches_have_three_to_the_r_points_and_no_others(r):
    points = dk.enumerate_fixed_points(dk.catalog.tanh_network(blocks(r, 1.5, 3 * r + 4)))
    root = brentq(lambda x: np.tanh(1.5 * x) - x, 0.1, 2)
    assert (len(points), len(points.stable), points.degree) == (3**r, 2**r, 1)
    assert (points.completeness, points.n_equations, points.n_left) == ("proved", r, 0)
    sizes = np.sort(np.abs(points.states[points.verdicts == "stable"]), axis=1)
    assert_allclose(sizes[:, -r:], root, rtol=1e-12)
    assert set(points.evidence) == {"proved"}
    assert f"proved: {3**r} fixed points, and there are no others" in " ".join(points.sentences())


def test_a_network_whose_symmetric_part_is_small_has_one_point_under_every_drive():
    rng = np.random.default_rng(0)
    skew = 3 * np.triu(rng.standard_normal((8, 8)), 1)  # of a spectral norm far above 1
    W = skew - skew.T + 0.2 * np.eye(8)
    net = Elman(2, 8, 1)
    with torch.no_grad():
        net.rnn.weight_hh_l0.copy_(torch.from_numpy(W))
    for drive in ([0.0, 0.0], [5.0, -3.0]):
        points = dk.enumerate_fixed_points(dk.as_system(net), drive)
        assert (len(points), points.completeness, points.n_equations, points.only) == (1, "proved", 0, True)


def test_a_pitchfork_at_its_bifurcation_is_a_spot_and_not_proved():
    points = dk.enumerate_fixed_points(dk.catalog.tanh_network([[1.0]]), max_boxes=20_000)
    assert points.completeness == "proved but for tubes"
    assert len(points.tubes) == 1
    tube = points.tubes[0]
    assert_allclose(tube.state, 0, atol=1e-3)
    assert (tube.extent, tube.miss) < (1e-2, 1e-9)
    assert "any other lies there" in points.completeness_in_words()


def test_a_budget_that_ends_says_what_is_left():
    points = dk.enumerate_fixed_points(dk.catalog.tanh_network(blocks(2, 1.5, 6)), max_boxes=10)
    assert points.completeness == "proved but for tubes"
    assert points.n_left > 0
    assert "open" in points.left
    assert len(points.tubes) > 0


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        (lambda: dk.as_system(torch.nn.GRU(2, 3)), "it has gates"),
        (lambda: dk.catalog.tanh_network(3 * np.eye(6)), "6 equations decide its fixed points"),
        (lambda: dk.as_system(torch.cos, state_size=2), "not known to be that of a rate network"),
    ],
)
def test_where_there_is_no_proof_the_reason_is_said_and_the_search_answers(system, reason):
    system = system()
    points = dk.enumerate_fixed_points(system, seed=1)
    found = dk.find_fixed_points(system, seed=1)
    assert points.completeness == "not attempted"
    assert reason in points.left
    assert reason in points.completeness_in_words()
    assert len(points) == len(found) > 0


@pytest.mark.parametrize("form", ["current", "rate"])
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_the_step_stands_still_at_every_point_that_is_listed(form, activation):
    system = leaky(40, 2, 0, form=form, activation=activation)
    points = dk.enumerate_fixed_points(system, [0.3, -0.2])
    assert points.completeness == "proved"
    drives = np.tile([0.3, -0.2], (len(points), 1))
    assert_allclose(system.step(points.states, drives), points.states, atol=1e-12)


def test_what_is_proved_holds_all_that_is_found():
    for seed in range(4):
        system = leaky(30, 2, seed)
        exact, found = dk.enumerate_fixed_points(system), dk.find_fixed_points(system, seed=seed)
        assert exact.completeness == "proved"
        assert exact.degree == 1
        assert len(found) <= len(exact)
        for state in found.states:
            assert np.abs(exact.states - state).max(1).min() < 1e-9


def test_a_rectified_network_of_low_rank_is_proved_by_its_two_equations():
    system = leaky(100, 2, 0, activation="relu")
    points = dk.enumerate_fixed_points(system)
    assert (points.completeness, points.n_equations) == ("proved", 2)
    assert points.regions.shape == (len(points), 100)
    assert_allclose(system.step(points.states), points.states, atol=1e-10)


def test_a_box_keeps_the_points_within_it():
    system = dk.catalog.tanh_network(blocks(2, 1.5, 5))
    points = dk.enumerate_fixed_points(system, box=(-0.1, 2.0))
    assert points.completeness == "proved in box"
    assert len(points) == 4
    assert (points.states > -0.1).all()


def test_a_loop_through_a_readout_is_a_network_too():
    net = Elman(1, 6, 1, seed=0)
    loop = dk.ClosedLoop(dk.as_system(net))
    points = dk.enumerate_fixed_points(loop)
    assert points.completeness == "proved"
    assert_allclose(loop.step(points.states), points.states, atol=1e-12)


def test_the_order_of_the_units_does_not_matter():
    rng = np.random.default_rng(5)
    W = 1.6 * np.outer(np.ones(6), np.ones(6)) / 6 + 0.2 * rng.standard_normal((6, 6))
    order = rng.permutation(6)
    one, other = (dk.enumerate_fixed_points(dk.catalog.tanh_network(w)) for w in (W, W[np.ix_(order, order)]))
    assert one.completeness == other.completeness == "proved"
    near = [np.abs(other.states - x[order]).max(1).min() for x in one.states]
    assert len(one) == len(other)
    assert max(near) < 1e-12


@pytest.mark.parametrize("k", [1, 2, 3])
def test_bits_that_disturb_each_other_a_little(k):
    rng = np.random.default_rng(k)
    W = blocks(k, 2.0, 12) + 0.02 * rng.standard_normal((12, 12))
    points = dk.enumerate_fixed_points(dk.catalog.tanh_network(W))
    assert (len(points), points.completeness, points.degree) == (3**k, "proved", 1)


def test_a_trained_flip_flop_is_proved():
    task = dk.tasks.FlipFlop(1)
    net = Elman(1, 24, 1, seed=0)
    dk.training.train(net, task, dk.training.BPTT(max_updates=400, batch_size=32, stop_at_score=0.99), seed=0)
    system = dk.as_system(net)
    points, found = dk.enumerate_fixed_points(system), dk.find_fixed_points(system, seed=0)
    assert (points.completeness, points.degree) == ("proved", 1)
    assert len(points.stable) >= 2
    assert len(found) == len(points)
    assert points.n_equations <= 2


def test_a_proof_that_must_be_cheap_makes_no_search_and_ends_after_few_sub_problems(monkeypatch):
    room, found = "dynakit.analysis.completeness.enumerate", []
    monkeypatch.setattr(f"{room}.find_fixed_points", None)
    monkeypatch.setattr(f"{room}.enumerated", lambda *a, **k: found.append(enumerated(*a, **k)) or found[-1])
    W = 2 * np.random.default_rng(0).normal(size=(40, 40)) / 40**0.5
    assert proved_fixed_points(dk.catalog.tanh_network(W), None, max_boxes=100) is None
    rectified = LeakyRNN(1, 40, 1, activation="relu", form="rate")
    with torch.no_grad():
        rectified.W_rec.copy_(torch.from_numpy(W))
    assert proved_fixed_points(dk.as_system(rectified), None, max_boxes=100) is None
    (ended,) = found
    assert "sub-problems open" in ended.left
    assert ended.n_nodes <= 2 * CHEAP
    assert len(proved_fixed_points(dk.catalog.tanh_network([[1.5]]), None, max_boxes=100)) == 3
