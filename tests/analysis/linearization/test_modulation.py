"""Input and selection-vector modulation of networks whose shares were known before."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError

GAINS = {1.0: 0.0, 0.25: np.arctanh(np.sqrt(0.75)), 0.5: np.arctanh(np.sqrt(0.5))}  # tanh' at z


def random_network(W, form="current", seed=0):
    """A leaky tanh network with these recurrent weights, two inputs and a context of one more."""
    rng, n = np.random.default_rng(seed), len(W)
    model = dk.models.LeakyRNN(3, n, 1, activation="tanh", form=form, dt=20.0, tau=100.0).double()
    with torch.no_grad():
        model.W_rec.copy_(torch.from_numpy(W))
        model.W_in.copy_(torch.from_numpy(rng.normal(size=(n, 3))))
    return dk.as_system(model)


def rank_one(n=40, seed=3):
    rng = np.random.default_rng(seed)
    m, v = rng.normal(size=(2, n))
    return np.outer(m, 0.7 * m + 0.7 * v) / n


def contexts(system, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 3, system.state_size)) * 0.7
    return (x[0], [0.0, 0.0, 1.0]), (x[1], [0.0, 0.0, -1.0])


def chain():
    """Two inputs, each through a gated unit and a unit that hears it, onto one that keeps: rank three.

    Units 0 = kept, 1 and 2 = gates p, 3 and 4 = entries q: W = m_dv n_dv' + m_1 n_1' + m_2 n_2', with n_dv on 0, 1, 2,
    m_1 on the first gate, n_1 and the input on the first entry.  At x = 0 the gains are those of the drive alone, and
    s is along (1, 1, 1, p_1, p_2), G W_in = (0, 0, 0, q_k, ...), r along (1, 0, 0, 0, 0).
    """
    W = np.zeros((5, 5))
    W[0, :3] = 1
    W[1, 3] = W[2, 4] = 1
    return dk.catalog.tanh_network(W, W_in=np.hstack([np.eye(5)[:, 3:], np.eye(5)[:, 1:]]))


def at(p1, p2, q1, q2):
    """The state 0 and the drive under which the gains are these."""
    return [np.zeros(5)], [0.0, 0.0, GAINS[p1], GAINS[p2], GAINS[q1], GAINS[q2]]


def responses(p1, p2, q1, q2):
    """s.I of both inputs, by hand."""
    return np.array([p1 * q1, p2 * q2]) / np.sqrt(3 + p1**2 + p2**2)


@pytest.mark.parametrize("form", ["current", "rate"])
def test_rank_one_has_no_selection_modulation_in_rates(form):
    system = random_network(rank_one(), form)
    found = dk.compare_selection(system, *contexts(system))
    assert np.abs(found.total).max() > 0.01
    assert_allclose(found.selection, 0, atol=1e-12)
    assert_allclose(found.selection_shares, 0, atol=1e-12)


def test_and_nothing_else_in_currents():
    system = random_network(rank_one())
    found = dk.compare_selection(system, *contexts(system), coordinates="states")
    assert_allclose(found.selection_shares, 1, atol=1e-12)
    assert_allclose(found.input, 0, atol=1e-12)


def test_and_some_where_the_vector_may_change_its_length():
    system = random_network(rank_one())
    found = dk.compare_selection(system, *contexts(system), normalisation="s.r = 1")
    assert_allclose(np.einsum("pcn,pcn->pc", found.left, found.right), 1)
    assert found.selection_shares.min() > 1e-4
    assert found.selection_shares.max() > 0.1


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ((1.0, 0.25, 1.0, 1.0), (0.25, 1.0, 1.0, 1.0), 1.0),  # the gates change, the entries do not
        ((0.5, 0.5, 1.0, 0.25), (0.5, 0.5, 0.25, 1.0), 0.0),  # the entries change, the gates do not
        ((1.0, 0.25, 1.0, 0.25), (0.25, 1.0, 0.25, 1.0), 0.5),  # both alike: mean(p) dq = dp mean(q)
        ((1.0, 0.25, 1.0, 0.5), (0.25, 0.5, 0.5, 0.25), None),  # as the formula of s and q has it
    ],
)
def test_a_chain_of_rank_three_has_the_share_that_it_was_given(first, second, share):
    found = dk.compare_selection(chain(), at(*first), at(*second))
    lengths = [np.sqrt(3 + c[0] ** 2 + c[1] ** 2) for c in (first, second)]
    s = np.array([c[:2] for c in (first, second)]) / np.array(lengths)[:, None]
    q = np.array([c[2:] for c in (first, second)])
    assert_allclose(found.selection[0, :2], (s[0] - s[1]) * q.mean(axis=0), atol=1e-12)
    assert_allclose(found.indirect[0, :2], s.mean(axis=0) * (q[0] - q[1]), atol=1e-12)
    assert_allclose(found.direct[0, :2], 0, atol=1e-12)
    assert_allclose(found.total[0, :2], responses(*first) - responses(*second), atol=1e-12)
    by_hand = np.abs(s[0] - s[1]) * q.mean(axis=0)
    assert_allclose(
        found.selection_shares[0, :2],
        by_hand / (by_hand + s.mean(axis=0) * np.abs(q[0] - q[1])),
        atol=1e-12,
    )
    if share is not None:
        assert_allclose(found.selection_shares[0, :2], share, atol=1e-12)


def test_parts_add_up_and_what_is_said_is_the_equation():
    rng = np.random.default_rng(5)
    system = random_network(rng.normal(size=(30, 30)) / 12 + 3 * rank_one(30), "current")
    for coordinates in ("rates", "states"):
        found = dk.compare_selection(system, *contexts(system), coordinates=coordinates)
        assert_allclose(found.direct + found.indirect + found.selection, found.total, atol=1e-13)
        known = np.isfinite(found.eigenvalues).all(axis=1)
        assert known.any()
        for k in np.flatnonzero(known):
            for c in (0, 1):
                J = system.jacobian(found.states[k, c], found.drives[k, c]).numpy()
                if coordinates == "rates":  # of the currents' Jacobian, 0.8 + 0.2 W G, in rates 0.8 + 0.2 G W
                    G = 1 - np.tanh(found.states[k, c]) ** 2
                    J = (G[:, None] * J / G - 0.8 * np.eye(30)) / 0.2
                s, r, value = found.left[k, c], found.right[k, c], found.eigenvalues[k, c]
                assert_allclose(s @ J, value * s, atol=1e-10)
                assert_allclose(J @ r, value * r, atol=1e-10)


def test_units_in_another_order_give_the_same_parts():
    rng = np.random.default_rng(2)
    W, W_in, order = rng.normal(size=(8, 8)) / 6 + 0.4, rng.normal(size=(8, 2)), rng.permutation(8)
    x, y = rng.normal(size=(2, 4, 8)) * 0.3
    plain = dk.compare_selection(dk.catalog.tanh_network(W, W_in=W_in), (x, [0.0, 1.0]), (y, [0.0, -1.0]))
    mixed = dk.catalog.tanh_network(W[np.ix_(order, order)], W_in=W_in[order])
    other = dk.compare_selection(mixed, (x[:, order], [0.0, 1.0]), (y[:, order], [0.0, -1.0]))
    for name in ("direct", "indirect", "selection"):
        assert_allclose(np.abs(getattr(other, name)), np.abs(getattr(plain, name)), atol=1e-12)
    assert_allclose(other.shares, plain.shares, atol=1e-9)


def test_contexts_exchanged_turn_every_part():
    system = chain()
    a, b = at(1.0, 0.25, 1.0, 0.5), at(0.25, 1.0, 0.5, 0.5)
    there, back = dk.compare_selection(system, a, b), dk.compare_selection(system, b, a)
    for name in ("direct", "indirect", "selection", "total"):
        assert_allclose(getattr(there, name), -getattr(back, name), atol=1e-14)


def test_points_are_matched_by_their_readout():
    system = dk.catalog.tanh_network(1.2 * np.eye(2), W_in=np.eye(2))
    far, near = [0.9, 0.1], [-0.2, 0.5]
    found = dk.compare_selection(
        system, ([far, near], None), ([near, far, far], [0.1, 0.1]), match="readout nearest to 0"
    )
    assert found.matching == "readout nearest to 0"
    assert_allclose(found.states, [[near, near]])


@pytest.mark.parametrize(
    ("first", "options", "said"),
    [
        (([[0.0] * 5] * 2, None), {}, "second must have as many points as first"),
        ([[0.0] * 5], {}, r"first must be a result with states, or \(states, drive\), got list"),
        (([[0.0] * 5], None), {"coordinates": "x"}, "coordinates"),
        (([[0.0] * 5], None), {"normalisation": "1"}, "normalisation"),
        (([[0.0] * 5], None), {"match": "best"}, "match"),
    ],
)
def test_what_does_not_fit_is_named(first, options, said):
    with pytest.raises(InputError, match=said):
        dk.compare_selection(chain(), first, ([[0.0] * 5], None), **options)


def test_a_gated_network_has_no_rates():
    system = dk.as_system(dk.models.GRU(2, 3, 1))
    point = ([[0.1, 0.2, 0.3]], None)
    with pytest.raises(InputError, match='must be "states" for this system, which has no rates: it has gates'):
        dk.compare_selection(system, point, point)
    assert_allclose(dk.compare_selection(system, point, point, coordinates="states").total, 0)
