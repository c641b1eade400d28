"""Covariant Lyapunov vectors: eigenvectors at a fixed point, carried into each other along a trajectory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError, NumericalError

rng = np.random.default_rng(3)


def along(a, b):
    """|cosine| of the angles between columns."""
    return np.abs((a * b).sum(axis=-2)) / np.linalg.norm(a, axis=-2) / np.linalg.norm(b, axis=-2)


def test_a_linear_map_has_its_eigenvectors():
    values, vectors = np.array([1.5, 1.1, -0.8, 0.3]), rng.normal(size=(4, 4))
    A = vectors @ np.diag(values) @ np.linalg.inv(vectors)
    found = dk.covariant_vectors(
        dk.catalog.linear(A), np.zeros(4), n_steps=3, n_transient=150, n_backward=150
    )
    assert_allclose(along(found.vectors, vectors[None]), 1, atol=1e-12)
    assert_allclose(found.exponents, np.log(np.abs(values)), atol=1e-10)
    angle = np.arccos(along(vectors[:, :1], vectors[:, 3:])[0])
    assert_allclose(found.angles(0, 3), angle, atol=1e-7)


def test_henon():
    henon = dk.catalog.henon()
    found = dk.covariant_vectors(henon, [0.1, 0.1], n_steps=1500, n_transient=100, n_backward=100)
    moved = henon.jacobian(found.states).numpy() @ found.vectors
    assert_allclose(along(moved[:-1], found.vectors[1:]), 1, atol=1e-12)
    assert_allclose(np.log(np.linalg.norm(moved, axis=1)), found.growth, atol=1e-9)
    lyap = dk.lyapunov_spectrum(henon, [0.1, 0.1], n_steps=1500, n_transient=100)
    assert_allclose(found.exponents, lyap.convergence[0, -1], atol=2e-3)
    angles = np.degrees(found.angles([0], [1]))
    assert 0 <= angles.min() < 5 < 40 < np.median(angles) < 90  # tangencies: it is not hyperbolic


def test_a_driven_network():
    layer = nn.GRU(2, 6).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=generator)
    system, inputs = dk.as_system(layer), rng.normal(size=(350, 2))
    found = dk.covariant_vectors(
        system, np.zeros(6), inputs, n_steps=50, n_vectors=3, n_transient=150, n_backward=150
    )
    assert_allclose(found.states, system.trajectory(np.zeros(6), inputs)[149:199], atol=1e-12)
    moved = system.jvp(found.states, inputs[150:200], found.vectors).numpy()
    assert_allclose(along(moved[:-1], found.vectors[1:]), 1, atol=1e-10)


def test_vectors_that_do_not_exist():
    shift = dk.catalog.linear(np.diag([2.0, 0.5, 0.0]))
    with pytest.raises(NumericalError, match="pass n_vectors=2 or fewer"):
        dk.covariant_vectors(shift, np.zeros(3), n_steps=5)
    assert len(dk.covariant_vectors(shift, np.zeros(3), n_steps=5, n_vectors=2)) == 5
    with pytest.raises(NumericalError, match="left the finite numbers at step"):
        dk.covariant_vectors(dk.catalog.henon(), [5.0, 5.0], n_steps=50)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.covariant_vectors(s, np.zeros((2, 2)), n_steps=5), r"x0 must be one state \(unit,\)"),
        (lambda s: dk.covariant_vectors(s, [0.1, 0.1], n_steps=5, n_vectors=3), "n_vectors must be between"),
        (
            lambda s: dk.covariant_vectors(s, [0.1, 0.1], np.zeros((9, 0)), n_steps=5),
            r"n_backward = 1005 steps",
        ),
    ],
)
def test_bad_arguments_are_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(dk.catalog.henon())
