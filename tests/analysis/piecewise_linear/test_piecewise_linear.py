"""Fixed points of piecewise-linear maps against enumeration of all regions, and proofs that must not be given."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.piecewise_linear import complementarity, tube
from dynakit.analysis.piecewise_linear.path import Problem
from dynakit.errors import InputError
from dynakit.systems import System
from dynakit.systems.cells import ElmanCell, LeakyCell

hinges = dk.catalog.piecewise_linear


def elman(W: np.ndarray, b: np.ndarray) -> System:
    W, b = torch.from_numpy(W), torch.from_numpy(b)
    return ElmanCell(W.new_zeros(len(W), 0), W, b, "relu")


def leaky(W: np.ndarray, b: np.ndarray, form: str, alpha: float = 0.25) -> System:
    W, b = torch.from_numpy(W), torch.from_numpy(b)
    return LeakyCell(W.new_zeros(len(W), 0), W, b, alpha=alpha, form=form)


def random_network(seed: int, n: int = 10, gain: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)


def every_region(W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All r = relu(W r + b), region by region."""
    n = len(b)
    on = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    y = np.concatenate(
        [
            np.linalg.solve(np.eye(n) - W * rows[:, None, :], np.broadcast_to(b[:, None], (len(rows), n, 1)))
            for rows in np.array_split(on, 8)
        ]
    )[..., 0]
    return np.maximum(y[((y > 0) == (on > 0)).all(1)], 0.0)


def in_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(np.round(rows, 9).T)]


@pytest.mark.parametrize("seed", range(30))
def test_random_networks_have_the_points_that_looking_at_every_region_finds(seed):
    W, b = random_network(seed)
    points = dk.enumerate_fixed_points(elman(W, b))
    assert points.completeness == "proved"
    assert_allclose(in_order(points.states), in_order(every_region(W, b)), atol=1e-9)
    assert points.certified.all()


@pytest.mark.parametrize("seed", [10, 24])  # two and five points
@pytest.mark.parametrize("form", dk.models.leaky.FORMS)
def test_the_leaky_forms_have_the_same_fixed_points(seed, form):
    W, b = random_network(seed)
    points = dk.enumerate_fixed_points(leaky(W, b, form))
    assert points.completeness == "proved"
    rates = np.maximum(points.states, 0) if form == "current" else points.states
    assert_allclose(in_order(rates), in_order(every_region(W, b)), atol=1e-9)
    assert (points.regions.sum(1) == (rates > 0).sum(1)).all()


@pytest.mark.parametrize("seed", range(6))
def test_networks_of_low_rank(seed):
    rng = np.random.default_rng(seed)
    n, rank = 12, 1 + seed % 3
    W = 3 * rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n)) / n
    b = 0.3 * rng.standard_normal(n)
    points = dk.enumerate_fixed_points(elman(W, b))
    assert points.completeness == "proved"
    assert_allclose(in_order(points.states), in_order(every_region(W, b)), atol=1e-9)


def test_a_large_network_of_rank_one_is_one_path():
    rng = np.random.default_rng(3)
    n = 200
    v = rng.standard_normal(n)
    W = 4 * np.outer(v + 0.3 * rng.standard_normal(n), v) / n
    points = dk.enumerate_fixed_points(elman(W, 0.1 * rng.standard_normal(n)), time_limit=30)
    assert (points.completeness, points.n_equations) == ("proved", 1)
    assert points.n_nodes < 100


def test_a_map_without_fixed_points_and_one_with_two():
    none = dk.enumerate_fixed_points(hinges([[0.0]], [[1.0]], [[2.0]], c=[1.0]))  # 2 relu(x) + 1
    assert (len(none), none.completeness, none.degree) == (0, "proved", 0)
    two = dk.enumerate_fixed_points(hinges([[0.0]], [[1.0]], [[2.0]], c=[-1.0]))  # 2 relu(x) - 1
    assert two.completeness == "proved"
    assert_allclose(two.states, [[-1.0], [1.0]], atol=1e-14)
    assert_allclose(two.signs, [1, -1])
    assert (two.verdicts == ["stable", "unstable"]).all()


@pytest.mark.parametrize("k", range(1, 7))
def test_the_tent_map_has_two_to_the_k_points_of_period_k(k):
    points = dk.enumerate_fixed_points(dk.catalog.tent(), period=k)
    j = np.arange(2 ** (k - 1))
    known = np.concatenate(
        [2 * j / (2**k - 1), 2 * (j + 1) / (2**k + 1)]
    )  # of the rising and the falling branches
    assert points.completeness == "proved"
    assert_allclose(np.sort(points.states[:, 0]), np.sort(known), atol=1e-12)
    assert_allclose(np.abs(points.eigenvalues), 2.0**k)
    iterated = dk.enumerate_fixed_points(dk.Iterated(dk.catalog.tent(), k))
    assert_allclose(iterated.states, points.states, atol=1e-12)


def test_a_leak_of_nothing_is_resolved_by_turning_hinges_round():
    # x' = x - relu(x - 1) + relu(-x - 2) + 0.25: I - A is singular, the slopes beyond the kinks are not
    points = dk.enumerate_fixed_points(
        hinges([[1.0]], [[1.0], [-1.0]], [[-1.0, 1.0]], b=[-1.0, -2.0], c=[0.25])
    )
    assert_allclose(points.states, [[1.25]], atol=1e-14)


def test_closed_loops_and_stacks_agree_with_their_regions():
    rng = np.random.default_rng(5)
    W1, V2, W2 = (1.2 * rng.standard_normal((4, 4)) for _ in range(3))
    rnn = torch.nn.RNN(1, 4, 2, nonlinearity="relu")
    with torch.no_grad():
        for name, value in (("weight_hh_l0", W1), ("weight_ih_l1", V2), ("weight_hh_l1", W2)):
            getattr(rnn, name).copy_(torch.from_numpy(value))
    system = dk.as_system(rnn)
    points = dk.enumerate_fixed_points(system, [0.7])
    b1 = (rnn.weight_ih_l0[:, 0] * 0.7 + rnn.bias_ih_l0 + rnn.bias_hh_l0).detach().double().numpy()
    b2 = (rnn.bias_ih_l1 + rnn.bias_hh_l1).detach().double().numpy()
    known = [
        np.concatenate([first, second])
        for first in every_region(W1.astype(np.float32).astype(float), b1)
        for second in every_region(W2.astype(np.float32).astype(float), b2 + V2.astype(np.float32) @ first)
    ]
    assert points.completeness == "proved"
    assert_allclose(in_order(points.states), in_order(np.array(known).reshape(-1, 8)), atol=1e-7)


def test_units_in_another_order_have_the_same_points():
    W, b = random_network(24)
    order = np.random.default_rng(0).permutation(len(b))
    points = dk.enumerate_fixed_points(elman(W, b))
    shuffled = dk.enumerate_fixed_points(elman(W[np.ix_(order, order)], b[order]))
    assert_allclose(in_order(shuffled.states), in_order(points.states[:, order]), atol=1e-9)
    assert shuffled.degree == points.degree


def test_a_continuum_is_reported_and_never_called_isolated():
    line = dk.enumerate_fixed_points(elman(np.array([[1.0]]), np.zeros(1)))  # x = relu(x)
    assert line.completeness == "incomplete"
    assert "singular" in line.left
    assert line.non_isolated.all()
    assert not line.certified.any()
    assert line.degree is None
    beside = np.array([[1.0, 0.0], [0.0, 2.0]])  # and a second unit with two states
    plane = dk.enumerate_fixed_points(elman(beside, np.array([0.0, -1.0])))
    assert plane.completeness == "incomplete"
    assert plane.non_isolated.all()


def test_a_point_at_a_kink_is_found_once_and_marked():
    fold = dk.enumerate_fixed_points(
        hinges([[0.0]], [[1.0]], [[2.0]])
    )  # 2 relu(x): touches the diagonal at 0
    assert_allclose(fold.states, [[0.0]], atol=1e-12)
    assert fold.at_kink.all()
    assert (fold.verdicts == "unstable").all()  # to the right it doubles
    assert fold.signs.tolist() == [0]
    W, _ = random_network(1)
    silent = dk.enumerate_fixed_points(elman(W, np.zeros(len(W))))  # every unit is at its kink at zero
    assert silent.at_kink[(silent.states == 0).all(1)].tolist() == [True]


def rational_points(W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All r = relu(W r + b) of a network of two units, in rational numbers; singular regions must hold none."""
    (p, q), (r, s) = [[Fraction(float(w)) for w in row] for row in W]
    b0, b1 = (Fraction(float(v)) for v in b)
    found = set()
    for on0, on1 in itertools.product((0, 1), repeat=2):
        A = [[1 - on0 * p, -on0 * q], [-on1 * r, 1 - on1 * s]]
        c = [on0 * b0, on1 * b1]
        det = A[0][0] * A[1][1] - A[0][1] * A[1][0]
        assert det != 0
        x = (c[0] * A[1][1] - A[0][1] * c[1]) / det, (A[0][0] * c[1] - A[1][0] * c[0]) / det
        y = p * x[0] + q * x[1] + b0, r * x[0] + s * x[1] + b1
        if x == (max(y[0], Fraction(0)), max(y[1], Fraction(0))):
            found.add(x)
    return np.array([[float(v) for v in x] for x in found]).reshape(-1, 2)


@pytest.mark.parametrize("seed", range(40))
def test_units_of_any_size_have_the_points_of_rational_arithmetic(seed):
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.integers(-12, 9, 2)  # what the states of each unit are measured in
    W = size[:, None] * rng.standard_normal((2, 2)) * 10.0 ** rng.integers(0, 9) / size
    b = size * rng.standard_normal(2) * 10.0 ** rng.integers(-8, 1)
    points, known = dk.enumerate_fixed_points(elman(W, b)), rational_points(W, b)
    assert points.completeness == "proved"
    assert not points.at_kink.any()
    assert len(points) == len(known)
    for x in known / size:  # each is met, to nine digits of its own largest entry
        assert np.abs(points.states / size - x).max(axis=1).min() <= 1e-9 * np.abs(x).max()


def test_a_map_without_hinges_and_one_that_overflows():
    line = dk.enumerate_fixed_points(hinges([[0.5]], np.zeros((0, 1)), np.zeros((1, 0)), c=[1.0]))
    assert (line.states.tolist(), line.completeness) == ([[2.0]], "proved")
    huge = dk.enumerate_fixed_points(hinges([[0.0]], [[1e200]], [[1e200]]))
    assert (len(huge), huge.completeness) == (0, "incomplete")


def test_a_fold_on_a_kink_is_proved_in_rational_numbers_only():
    """x' = 2 relu(x) + c has two fixed points for c < 0, one for c = 0, and none for c > 0."""
    step = 2.0**-53
    for c, n in ((-step, 2), (0.0, 1), (step, 0)):
        points = dk.enumerate_fixed_points(hinges([[0.0]], [[1.0]], [[2.0]], c=[c]))
        assert (len(points), points.completeness) == (n, "proved")
    W = np.array([[1 / 3, 0.7], [0.3, 0.1]])  # the second unit is at its kink but for the rounding of b
    kink, touched = np.array([1.5, 0.0]), np.array([[1 / 3, 0.0, 0.0], [0.3, 0.1, 2.0], [0.0, 0.0, 0.0]])
    regular = dk.enumerate_fixed_points(elman(W, (np.eye(2) - W) @ kink))
    assert (len(regular), regular.completeness) == (1, "proved")  # one, whichever side it is on
    touched[1, 1] = 2.0
    open_ = dk.enumerate_fixed_points(elman(touched, (np.eye(3) - touched) @ np.array([0.1, 0.0, 0.0])))
    assert open_.at_kink.all()
    assert open_.completeness == "incomplete"
    assert "none or several" in open_.left


def test_a_box_restricts_the_list():
    W, b = random_network(24)
    everywhere = dk.enumerate_fixed_points(elman(W, b))
    low, high = everywhere.states[0] - 0.1, everywhere.states[0] + 0.1
    inside = ((everywhere.states >= low) & (everywhere.states <= high)).all(1)
    boxed = dk.enumerate_fixed_points(elman(W, b), box=np.stack([low, high], 1))
    assert boxed.completeness == "proved in box"
    assert_allclose(in_order(boxed.states), in_order(everywhere.states[inside]), atol=1e-9)
    assert boxed.n_nodes <= everywhere.n_nodes


@pytest.mark.parametrize("form", ["current", "rate"])
def test_the_flow_of_a_network_rests_where_the_network_does(form):
    W, b = random_network(7)
    flow = dk.as_flow(leaky(W, b, form), dt=0.01)
    points, of_map = dk.enumerate_fixed_points(flow), dk.enumerate_fixed_points(leaky(W, b, form))
    assert (points.dynamics, points.completeness, of_map.dynamics) == ("flow", "proved", "map")
    assert_allclose(in_order(points.states), in_order(of_map.states), atol=1e-9)
    for x, values in zip(points.states, points.eigenvalues):  # x' = -x + W relu(x) + b, or relu(W x + b) - x
        on = np.diag((x if form == "current" else W @ x + b) > 0).astype(float)
        J = (W @ on if form == "current" else on @ W) - np.eye(len(b))
        assert_allclose(np.sort_complex(values), np.sort_complex(np.linalg.eigvals(J)), atol=1e-9)
        assert (np.diff(values.real) <= 1e-12).all()
    assert points.residuals.max() < 1e-9
    with pytest.raises(InputError, match="period must be 1 for a flow"):
        dk.enumerate_fixed_points(flow, period=2)
    other = dk.enumerate_fixed_points(dk.catalog.van_der_pol())
    assert (len(other), other.completeness) == (1, "not attempted")
    assert "not known to be that of a rate network" in other.left


def test_time_that_is_up_leaves_what_was_found_and_says_what_is_open():
    W, b = random_network(24)
    points = dk.enumerate_fixed_points(elman(W, b), time_limit=1e-9)
    assert points.completeness == "incomplete"
    assert points.n_left == 1
    assert "open" in points.left
    assert np.isnan(points.unseen).all()
    assert len(points)  # by jumping between regions


def test_agrees_with_the_search():
    for seed in range(4):
        W, b = random_network(20 + seed, n=8, gain=1.5)
        exact = dk.enumerate_fixed_points(leaky(W, b, "current"))
        found = dk.find_fixed_points(leaky(W, b, "current"))
        assert_allclose(in_order(exact.states), in_order(found.states), atol=1e-7)


def test_a_result_is_one_that_others_take(tmp_path):
    W, b = random_network(24)
    points = dk.enumerate_fixed_points(leaky(W, b, "current"))
    modes = dk.linearize(leaky(W, b, "current"), points)
    assert_allclose(np.abs(modes.eigenvalues), np.abs(points.eigenvalues))
    assert isinstance(points, dk.FixedPoints)
    assert len(points.stable) + len(points.saddles) + len(points.repellers) == len(points)
    points.save(tmp_path / "points")
    assert dk.load(tmp_path / "points") == points


def test_a_proof_counts_the_errors_of_its_matrices(monkeypatch):
    """With no error admitted anywhere near the size of the gap nothing may be closed."""
    W, b = random_network(24)
    honest = complementarity._proved_gap
    assert honest(np.eye(3), 0.0) > 0.8
    assert honest(np.eye(3), 0.2) == 0.0
    assert honest(np.diag([1.0, 1.0, -1e-3]), 0.0) == 0.0
    monkeypatch.setattr(complementarity, "_proved_gap", lambda A, error: 0.0)
    points = dk.enumerate_fixed_points(elman(W, b), time_limit=20)
    assert_allclose(
        in_order(points.states), in_order(every_region(W, b)), atol=1e-9
    )  # by deciding every unit


def test_a_box_around_a_crossing_is_as_wide_as_the_path_is_uncertain():
    problem = {"N": np.eye(2), "p": np.array([1.0, -1.0]), "v": np.array([1.0, 0.0]), "c": 0.0, "mu": 0.9}
    none = np.zeros((0, 2))

    for error in (1e-15, 1e-3):
        (box,) = tube.crossings(Problem(**problem, error=error, G=none, g=none[:, 0], side_error=0.0))
        assert box.r[0, 0] <= 1 - error / 2
        assert 1 + error / 2 <= box.r[1, 0] <= 1 + 100 * error + 1e-12


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: dk.enumerate_fixed_points(s, time_limit=-1.0), "time_limit"),
        (lambda s: dk.enumerate_fixed_points(s, period=0), "period"),
        (lambda s: dk.enumerate_fixed_points(s, box=np.zeros((3, 2))), r"box .*\(1, 2\)"),
        (lambda s: dk.enumerate_fixed_points(s, box=(1.0, 0.0)), "unit 0"),
        (lambda s: dk.enumerate_fixed_points(s, box=3.0), "interval"),
        (lambda s: dk.enumerate_fixed_points(s, [1.0]), "drive"),
        (lambda s: dk.enumerate_fixed_points(lambda x: x), "as_system"),
    ],
)
def test_what_cannot_be_enumerated_is_said_in_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call(dk.catalog.tent())
