"""Certificates: the true root lies within the existence radius, no other within the uniqueness radius."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit import chunks, linalg
from dynakit.analysis.fixed_points import certificate
from dynakit.analysis.fixed_points.certificate import certify, compare

from .rooted import NETWORKS, rooted

MP = mpmath.mp.clone()
MP.dps = 60


def tensor(values: object) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def tanh_root(w: float) -> mpmath.mpf:
    """The positive root of x = tanh(w x) in 60 digits."""
    return MP.findroot(lambda x: MP.tanh(MP.mpf(w) * x) - x, 1 - MP.exp(-2 * w))


@pytest.mark.parametrize("w", [1.01, 1.2, 1.5, 2.0, 3.0, 6.0])
def test_roots_of_one_unit_lie_within_the_radius_and_the_others_beyond(w):
    root = tanh_root(w)
    x = tensor([[float(root)], [0.0], [-float(root)]])
    found = certify(dk.catalog.tanh_unit(w), x)
    assert found.certified.all()
    for state, exact, radius in zip(x[:, 0].tolist(), (root, 0, -root), found.existence_radius):
        assert abs(MP.mpf(state) - exact) <= MP.mpf(radius)
    assert found.existence_radius.max() < 3e-13 / (w - 1)
    assert (found.uniqueness_radius < float(root)).all()  # the distance to the next root
    assert (found.uniqueness_radius > 0.1 * float(root) * (w < 3)).all()


@pytest.mark.parametrize("offset", [1e-14, 1e-10, 1e-6, 1e-3, 3e-2, 0.2])
def test_a_state_beside_a_root_is_refused_or_its_radius_reaches_the_root(offset):
    root = tanh_root(1.5)
    x = tensor([[float(root) + offset], [float(root) - offset]])
    found = certify(dk.catalog.tanh_unit(1.5), x)
    for state, certified, radius in zip(x[:, 0].tolist(), found.certified, found.existence_radius):
        assert not certified or abs(MP.mpf(state) - root) <= MP.mpf(radius)
    assert found.certified.all() or offset > 1e-2
    assert not found.certified.all() or offset < 0.2


@pytest.mark.parametrize("name", NETWORKS)
def test_roots_of_networks_are_certified_and_told_apart(name):
    system, x = rooted(name)
    assert len(x)
    found = certify(system, x)
    assert found.certified.all()
    assert found.existence_radius.max() < 1e-9
    assert (found.existence_radius < 1e-3 * found.uniqueness_radius).all()
    relation = compare(x, found)
    one = np.eye(len(x), dtype=bool)
    assert_array_equal(relation.same, one)
    assert_array_equal(relation.distinct, ~one)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_second_root_lies_within_a_uniqueness_radius(name):
    system, x = rooted(name)
    apart = torch.cdist(x, x, p=torch.inf, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(
        torch.inf
    )
    assert (apart.numpy().min(1, initial=np.inf) > certify(system, x).uniqueness_radius).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_claimed_away_from_a_root_holds(name):
    """From states beside a root, at many distances: where a root is claimed, the known one is the one."""
    system, x = rooted(name)
    root = x[:1]
    known = float(certify(system, root).existence_radius[0])
    unique = float(certify(system, root).uniqueness_radius[0])
    distance = torch.logspace(-13, -0.5, 40, dtype=torch.float64)[:, None]
    direction = torch.sign(
        torch.randn(40, system.state_size, generator=torch.Generator().manual_seed(3)).double()
    )
    x = root + distance * direction
    found = certify(system, x)
    away = (x - root).abs().amax(-1).numpy()
    reached = found.existence_radius + known >= away * (1 - 1e-12)
    near = found.certified & (away + np.nan_to_num(found.existence_radius) < unique)  # then it is that root
    assert near.sum() >= 5
    assert reached[near].all()
    assert found.certified[away < 1e-9].all()


def test_jacobian_error_and_residual_bound_what_they_say():
    system, x = rooted("GRU")
    root = x[:1]
    x = root + 1e-6
    found = certify(system, x)
    J = system.jacobian(torch.cat([root, x]))
    change = float((J[0] - J[1]).abs().sum(-1).max())
    assert change <= found.jacobian_error[0] < 1e-2
    residual = float((system.step(x) - x).abs().max())
    assert residual <= found.residual[0] < 1.01 * residual
    assert 0 < found.contraction[0] < 0.5


def test_the_roots_of_independent_units_are_729():
    w = 1.5
    root = float(tanh_root(w))
    x = tensor(list(itertools.product([-root, 0.0, root], repeat=6)))
    found = certify(dk.catalog.tanh_network(w * np.eye(6)), x)
    assert found.certified.all()
    relation = compare(x[::7], certificate.Certificates(*(field[::7] for field in found)))
    assert_array_equal(relation.distinct, ~np.eye(len(x[::7]), dtype=bool))


def test_two_roots_close_together_are_two():
    gap = 1e-4
    system = dk.FunctionSystem(lambda x: x + x**2 - (gap / 2) ** 2, 1)
    x = tensor([[gap / 2], [-gap / 2], [0.51 * gap]])
    found = certify(system, x)
    assert found.certified.all()
    assert (found.uniqueness_radius < gap).all()
    assert (found.uniqueness_radius > gap / 4).all()
    relation = compare(x, found)
    assert_array_equal(relation.distinct, [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert_array_equal(relation.same, [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert not certify(system, tensor([[0.0], [1e-6]])).certified.any()  # the saddle between, and beside it


def projector(n: int = 7) -> np.ndarray:
    """A symmetric matrix with the eigenvalue 1 once, up to rounding, and 0.3 otherwise."""
    v = np.random.default_rng(0).normal(size=n)
    return 0.3 * np.eye(n) + 0.7 * np.outer(v, v) / (v @ v)


@pytest.mark.parametrize(
    ("system", "states"),
    [
        (dk.catalog.tanh_unit(1.0), [[0.0], [1e-9], [1e-6], [1e-3]]),
        (dk.FunctionSystem(lambda x: x + x**2, 1), [[0.0], [1e-8], [-1e-12]]),
        (dk.FunctionSystem(lambda x: x + x**3, 1), [[0.0], [1e-5]]),
        (dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]]), [[0.0, 0.0], [2.0, 0.0]]),
        (dk.catalog.linear(projector()), [[0.0] * 7]),
        (dk.catalog.rotation(0.0, 1.0), [[0.0, 0.0], [3.0, 1.0]]),
        (dk.FunctionSystem(lambda x: x + x.abs(), 1), [[0.0], [1e-300]]),
        (dk.FunctionSystem(lambda x: x + 1e-3 + x**2, 1), [[0.0], [1e-2]]),
    ],
    ids=[
        "triple root",
        "double root",
        "cubic root",
        "line",
        "line, rounded",
        "all states",
        "fold at a kink",
        "no root",
    ],
)
def test_a_root_that_is_not_simple_is_refused(system, states):
    assert not certify(system, tensor(states)).certified.any()


def test_a_root_at_a_kink_is_certified_where_both_sides_contract():
    found = certify(
        dk.FunctionSystem(lambda x: 0.5 * torch.relu(x) - 0.2 * torch.relu(-x), 1), tensor([[0.0]])
    )
    assert found.certified.all()


def test_the_certificate_of_a_piecewise_linear_map_reaches_to_the_kink():
    """Slope -2 right of 1 and 1.5 left of it: the piece of the root 5/3 ends at distance 2/3; another root is -3."""
    system = dk.FunctionSystem(lambda x: 3 - 2 * torch.relu(x - 1) - 1.5 * torch.relu(1 - x), 1)
    found = certify(system, tensor([[5 / 3]]))
    assert found.certified.all()
    assert 0.45 < found.uniqueness_radius[0] <= 2 / 3


def test_affine_maps_have_one_root_as_far_as_is_looked():
    A, b = [[0.5, 0.2], [-0.3, 0.9]], [1.0, -1.0]
    root = np.linalg.solve(np.eye(2) - A, b)
    found = certify(dk.catalog.linear(A, b), root[None])
    assert found.certified.all()
    assert found.existence_radius[0] < 1e-13
    assert found.uniqueness_radius[0] > 50


def test_the_roots_of_henon_are_those_of_the_formula():
    a, b = 1.4, 0.3
    for sign in (1, -1):
        exact = (MP.mpf(b) - 1 + sign * MP.sqrt((1 - MP.mpf(b)) ** 2 + 4 * MP.mpf(a))) / (2 * MP.mpf(a))
        state = [float(exact), float(MP.mpf(b) * exact)]
        for system in (dk.catalog.henon(a, b), dk.Iterated(dk.catalog.henon(a, b), 7)):
            found = certify(system, [state])
            assert found.certified.all()
            assert abs(MP.mpf(state[0]) - exact) <= MP.mpf(found.existence_radius[0])
            assert found.existence_radius[0] < 1e-11


def test_the_certificate_of_a_constant_map_and_of_constant_units():
    constant = dk.FunctionSystem(lambda x: torch.zeros_like(x) + 0.25, 2)
    mixed = dk.FunctionSystem(lambda x: torch.cat([0.5 * x[:, :1], torch.ones(len(x), 2).double()], -1), 3)
    for system, root in ((constant, [0.25, 0.25]), (mixed, [0.0, 1.0, 1.0])):
        points = dk.find_fixed_points(system, max_starts=32)
        assert_allclose(points.states, [root], atol=1e-12)
        assert points.certified.all()
        assert (points.uniqueness_radius > 100).all()


def test_bad_points_are_marked_and_their_neighbours_do_not_notice():
    system, x = rooted("GRU")
    good = x[:2]
    bad = torch.full((1, system.state_size), torch.nan, dtype=torch.float64)
    batch = torch.cat([bad, good[:1], torch.full_like(bad, torch.inf), good[1:], 1e200 + 0 * good[:1]])
    found, alone = certify(system, batch), certify(system, good)
    assert_array_equal(found.certified, [False, True, False, True, False])
    for field, lone in zip(found[1:], alone[1:]):
        assert np.isnan(field[[0, 2, 4]]).all()
        assert_allclose(field[[1, 3]], lone, rtol=1e-3)
    singular = certify(dk.catalog.tanh_unit(1.0), [[0.0], [0.5]])
    assert not singular.certified.any()


def test_no_points_and_no_enclosures():
    assert all(len(field) == 0 for field in certify(dk.catalog.henon(), torch.zeros(0, 2)))
    foreign = dk.FunctionSystem(lambda x: torch.special.i0(x) - 1, 1)
    found = certify(foreign, [[0.0], [0.1]])
    assert not found.certified.any()
    assert np.isnan(found.existence_radius).all()


def test_the_size_of_the_chunks_changes_nothing(monkeypatch):
    system, x = rooted("LSTM")
    whole = certify(system, x)
    monkeypatch.setattr(chunks, "BYTES", 1)
    assert_allclose(certify(system, x).uniqueness_radius, whole.uniqueness_radius, rtol=1e-6)


@pytest.mark.parametrize(("factor", "contraction"), [(1.3, 0.3), (0.6, 0.4), (2.5, None), (-1.0, None)])
def test_an_inverse_that_is_none_costs_contraction(monkeypatch, factor, contraction):
    """With C = f A^-1 the norm of I - C A is |1 - f|."""
    true = linalg.inverses

    def scaled(matrices):
        C, usable = true(matrices)
        return factor * C, usable

    monkeypatch.setattr(linalg, "inverses", scaled)
    system, x = rooted("Elman")
    found = certify(system, x)
    assert (found.certified == (contraction is not None)).all()
    if contraction is not None:
        assert_allclose(found.contraction, contraction, rtol=1e-6)


def test_inputs_count():
    system, x = rooted("GRU")
    x = x[:1]
    assert certify(system, x, [0.0, 0.0]).certified.all()
    assert not certify(system, x, [1.0, 0.0]).certified.any()
