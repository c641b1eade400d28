"""z = W f(z) + d of any rank: bounds that hold, counts that brute force confirms, and what is not to be proved."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynakit.analysis.completeness import Budget, FullRank, RateEquation, closed, prove, split, unit
from dynakit.analysis.completeness.split import greatest_eigenvalue, is_positive, spectral_norm


def planted(seed, n, r, bulk=0.3, strength=1.7):
    """r directions that reverberate over random weights of that gain."""
    draw = np.random.default_rng(seed)
    m = draw.normal(size=(n, r))
    return bulk * draw.normal(size=(n, n)) / np.sqrt(n) + strength * m @ m.T / n


def roots_by_newton(W, d, name, n_starts=300, seed=0) -> list[np.ndarray]:
    """Distinct solutions of z = W f(z) + d that damped Newton steps from many starts reach."""
    draw, f = np.random.default_rng(seed), unit(name)
    z = draw.normal(size=(n_starts, len(d))) * draw.choice([0.3, 1.0, 3.0], size=(n_starts, 1))
    for _ in range(60):
        F = f.value(z) @ W.T + d - z
        step = -np.linalg.solve(W * f.slope(z)[:, None, :] - np.eye(len(d)), F[..., None])[..., 0]
        size = np.linalg.norm(step, axis=1, keepdims=True)
        z = z + step * np.minimum(1, 2 / np.maximum(size, 1e-300))
    known: list[np.ndarray] = []
    for x in z[np.abs(f.value(z) @ W.T + d - z).max(axis=1) < 1e-10]:
        if not any(np.abs(x - y).max() < 1e-6 for y in known):
            known.append(x)
    return known


def holds_all(currents, known) -> bool:
    return all(len(currents) and np.abs(currents - x).max(axis=1).min() < 1e-6 for x in known)


@pytest.mark.parametrize("r", [1, 2])
def test_planted_directions_are_proved_with_degree_one(r):
    W = planted(1, 40, r)
    proof = prove(RateEquation(W, np.zeros(40), "tanh"), Budget())
    known = roots_by_newton(W, np.zeros(40), "tanh")
    assert (proof.verdict, proof.n_equations, len(proof.currents)) == ("proved", r, len(known))
    assert holds_all(proof.currents, known)
    slopes = unit("tanh").slope(proof.currents)
    assert np.sign(np.linalg.det(np.eye(40) - W * slopes[:, None, :])).sum() == 1


def test_below_one_there_is_one_point_under_every_input():
    draw = np.random.default_rng(2)
    W = draw.normal(size=(60, 60))
    W *= 0.97 / np.linalg.eigvalsh((W + W.T) / 2)[-1]
    skew = 5 * draw.normal(size=(60, 60))
    W += skew - skew.T  # which changes nothing
    for _ in range(5):
        d = 3 * draw.normal(size=60)
        proof = prove(RateEquation(W, d, "tanh"), Budget())
        assert (proof.verdict, proof.n_equations, len(proof.currents)) == ("proved", 0, 1)
        assert_allclose(W @ np.tanh(proof.currents[0]) + d, proof.currents[0], atol=1e-10)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_no_proof_misses_a_point_that_brute_force_finds(name):
    draw, proved = np.random.default_rng(3), 0
    for _ in range(15):
        n = int(draw.integers(4, 13))
        W = draw.normal(size=(n, n)) * draw.uniform(0.2, 1.2) / np.sqrt(n)
        m = draw.normal(size=(n, 2))
        W = (0.4 * W + m @ (0.4 * draw.normal(size=(2, 2)) + 2 * np.eye(2)) @ m.T / n) / unit(name).steepest
        d = 0.3 * draw.normal(size=n)
        proof = prove(RateEquation(W, d, name), Budget(seconds=5))
        assert proof.verdict != "proved" or holds_all(proof.currents, roots_by_newton(W, d, name, 100))
        proved += proof.verdict == "proved"
    assert proved >= 13


def test_rectified_networks_have_the_points_of_all_patterns():
    draw, proved = np.random.default_rng(4), 0
    for _ in range(25):
        n = int(draw.integers(3, 8))
        W, d = draw.normal(size=(n, n)) * draw.uniform(0.3, 1.5) / np.sqrt(n), draw.normal(size=n)
        known = []
        for pattern in itertools.product([0.0, 1.0], repeat=n):
            A = np.eye(n) - W * pattern
            if abs(np.linalg.det(A)) > 1e-12:
                z = np.linalg.solve(A, d)
                known += [z] if ((z > 0) == (np.array(pattern) > 0)).all() else []
        proof = prove(RateEquation(W, d, "relu"), Budget(seconds=5))
        if proof.verdict == "proved":
            proved += 1
            assert len(proof.currents) == len(known)
            assert holds_all(proof.currents, known)
    assert proved >= 20


@pytest.mark.parametrize("name", ["tanh", "softplus", "relu"])
def test_bounds_over_boxes_hold_at_states_inside(name):
    draw = np.random.default_rng(5)
    W, d, f = planted(6, 20, 2, bulk=0.5), 0.5 * draw.normal(size=20), unit(name)
    equations = FullRank(split(W), d, f)
    C, R = draw.normal(size=(30, 2)), 10 ** draw.uniform(-3, -0.3, (30, 2))
    found = equations.contraction(C, R)
    reach = found.reach(R)
    F_centre = equations.image(equations.states(C)) - C
    for _ in range(20):
        kappa = C + R * draw.uniform(-1, 1, C.shape)
        image = equations.image(equations.states(kappa))
        assert (found.lo - 1e-12 <= image).all()
        assert (image <= found.hi + 1e-12).all()
        # of Krawczyk's operator k - Y F(k), which maps c to c + step
        J = equations.derivative(C) - np.eye(2)
        assert np.isfinite(J).all()
        assert (np.abs(image - kappa - F_centre) <= _moved(equations, C, R) + 1e-12).all()
    assert (reach > 0).all()


def _moved(equations, C, R):
    """At least |F(kappa) - F(c)| in the boxes."""
    _, slope = equations.miss_and_slope(C, R)
    return np.einsum("bkl,bl->bk", slope, R)


def test_krawczyk_keeps_every_root_of_a_box():
    W = planted(7, 20, 2)
    equations = FullRank(split(W), np.zeros(20), unit("tanh"))
    roots = closed(equations).roots
    draw = np.random.default_rng(8)
    for x in roots:
        R = 10 ** draw.uniform(-4, 0.5, (20, equations.r))
        C = x + R * draw.uniform(-0.99, 0.99, (20, equations.r))
        found = equations.contraction(C, R)
        assert (np.abs(x - C - found.step) <= found.reach(R)).all()
        assert not found.barred.any()


def test_permuted_units_have_the_same_points():
    W, order = planted(9, 30, 2), np.random.default_rng(0).permutation(30)
    one, other = (
        prove(RateEquation(V, np.zeros(30), "tanh"), Budget()).currents for V in (W, W[np.ix_(order, order)])
    )
    assert holds_all(one, other[:, np.argsort(order)])
    assert len(one) == len(other)


def test_bounds_of_eigenvalues_and_norms_are_bounds_and_close():
    draw = np.random.default_rng(10)
    for n in (1, 5, 60):
        A = draw.normal(size=(n, n))
        S = (A + A.T) / 2
        top, norm = np.linalg.eigvalsh(S)[-1], np.linalg.norm(A, 2)
        assert top <= greatest_eigenvalue(S) <= top + 1e-6 * (1 + abs(top))
        assert norm <= spectral_norm(A) <= norm * (1 + 1e-6)
    assert greatest_eigenvalue(np.zeros((4, 4))) < 1e-200
    assert is_positive(np.eye(3))
    assert not is_positive(np.diag([1.0, 1.0, 0.0]))
    assert not is_positive(np.diag([1.0, 1.0, 1e-17]))


def test_what_is_left_of_a_split_is_what_the_weights_have_more():
    W = planted(11, 30, 2)
    parts = split(W)
    assert parts.r == 2
    assert (np.abs(parts.M @ parts.N.T + parts.E - W) <= parts.E_error).all()
    E = W - parts.M @ parts.N.T
    assert parts.mu <= 1 - np.linalg.eigvalsh((E + E.T) / 2)[-1]
    assert parts.norm >= np.linalg.norm(E, 2)


def test_too_many_equations_and_strange_weights_are_no_proof():
    draw = np.random.default_rng(12)
    W = 2 * draw.normal(size=(30, 30)) / np.sqrt(30)
    proof = prove(RateEquation(W, np.zeros(30), "tanh"), Budget())
    assert proof.verdict == "not attempted"
    assert proof.reason == f"{proof.n_equations} equations decide its fixed points, too many to search"
    W[0, 0] = np.nan
    assert "not finite" in prove(RateEquation(W, np.zeros(30), "tanh"), Budget()).reason
    assert "no bounds of sine" in prove(RateEquation(np.eye(2), np.zeros(2), "sine"), Budget()).reason


def test_a_continuum_is_left_as_a_region():
    """A unit of gain one rests at its origin to third order: a spot, with the other unit's three points left of it."""
    proof = prove(RateEquation(np.diag([1.0, 1.5]), np.zeros(2), "tanh"), Budget())
    assert proof.verdict == "proved but for tubes"
    assert len(proof.tubes) == 3
    assert max(tube.extent for tube in proof.tubes) < 0.05
    assert max(tube.miss for tube in proof.tubes) < 1e-5
