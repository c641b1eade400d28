"""The number of equations that decide the fixed points, by matrices whose eigenvalues are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def orthogonal(seed, n=40):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def skew(seed, n=40):
    A = np.random.default_rng(seed).normal(size=(n, n))
    return A - A.T


@pytest.mark.parametrize("r", [0, 1, 2, 5])
def test_planted_directions_over_a_bulk_are_counted_whatever_the_antisymmetric_part(r):
    Q = orthogonal(r)
    values = np.r_[np.linspace(3, 1.5, r), np.linspace(0.9, -4, 40 - r)]
    found = dk.effective_rank(Q * values @ Q.T + 5 * skew(r))
    assert found.n_equations == r
    assert_allclose(found.symmetric, values, atol=1e-12)


def test_what_training_added_is_seen_beside_what_was_there():
    U, V, before = orthogonal(1)[:, :4], orthogonal(2)[:, :4], 0.5 * orthogonal(3)
    found = dk.effective_rank(before + 3 * U @ V.T, before)
    assert_allclose([found.edge, found.participation], [0.5, 4])
    assert found.n_above_edge == 4
    assert dk.effective_rank(before, before).participation == 0


@pytest.mark.parametrize(
    ("scale", "slope", "n"), [(2.0, 1.0, 7), (2.0, 0.25, 0), (5.0, 0.25, 7), (0.0, 1.0, 0), (0.9, 1, 0)]
)
def test_multiples_of_the_identity(scale, slope, n):
    found = dk.effective_rank(scale * np.eye(7), slope=slope)
    assert (found.n_equations, found.n_above_edge) == (n, None)


def test_it_is_the_number_of_equations_that_the_proof_solves():
    Q = orthogonal(4, 12)
    W = Q * np.r_[2.0, 1.5, np.linspace(0.4, -0.5, 10)] @ Q.T
    proved = dk.enumerate_fixed_points(dk.catalog.tanh_network(W))
    assert proved.n_equations == dk.effective_rank(W).n_equations == 2


def test_the_line_says_the_numbers():
    line = dk.effective_rank(np.diag([2.0, 1.5, 0.5]), np.eye(3)).headline()
    assert line.startswith("2 equations decide its fixed points (eigenvalues of the symmetric part from 1")
    assert "| 0.5" in line
    assert "2 singular values above the initial edge" in line


@pytest.mark.parametrize(
    ("W", "given", "named"),
    [
        (np.ones((2, 3)), {}, "W"),
        (np.eye(2), {"slope": 0.0}, "slope"),
        (np.eye(2), {"initial": np.eye(3)}, "initial"),
    ],
)
def test_bad_input_is_named(W, given, named):
    with pytest.raises(InputError, match=named):
        dk.effective_rank(W, **given)
