"""Fixed points whose number and place are known beforehand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.analysis.fixed_points.newton import CONVERGED, NON_FINITE, Newton, capped_newton
from dynakit.analysis.fixed_points.roots import Roots
from dynakit.analysis.fixed_points.search import chao
from dynakit.analysis.fixed_points.starts import Starts
from dynakit.errors import InputError


def grid(lo, hi, n):
    return np.linspace(lo, hi, n)[:, None]


@pytest.mark.parametrize("gain", [1.05, 1.2, 1.5, 2.0, 4.0])
def test_one_neuron_pitchfork(gain):
    root = brentq(lambda x: np.tanh(gain * x) - x, 1e-3, 2, xtol=1e-15)
    points = dk.find_fixed_points(dk.catalog.tanh_unit(gain), grid(-1, 1, 21))
    assert_allclose(sorted(points.states[:, 0]), [-root, 0, root], atol=1e-12)
    assert points.verdicts.tolist() == ["stable", "stable", "unstable"]
    assert_allclose(points.eigenvalues[:, 0], gain * (1 - points.states[:, 0] ** 2), atol=1e-12)


@pytest.mark.parametrize("gain", [0.1, 0.5, 0.99])
def test_below_the_pitchfork_only_the_origin(gain):
    points = dk.find_fixed_points(dk.catalog.tanh_unit(gain))
    assert len(points) == 1
    assert points.stable.n_found == 1
    assert points.completeness == "consistent"
    assert_allclose(points.states, 0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_independent_bits_have_three_to_the_n_points(n):
    points = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(n)), seed=1)
    assert len(points) == 3**n
    assert len(points.stable) == 2**n
    counts = [int((points.n_unstable == k).sum()) for k in range(n + 1)]
    assert counts == [
        int(np.round(2 ** (n - k) * len(list(itertools.combinations(range(n), k))))) for k in range(n + 1)
    ]
    assert points.degree == points.expected_degree == 1
    assert points.completeness == "consistent"


def test_six_independent_bits_have_all_their_729_points():
    points = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(6)), max_starts=20000)
    assert [len(points), len(points.stable)] == [729, 64]
    assert points.certified.all()
    assert points.completeness == "consistent"


def test_points_seen_once_speak_of_points_not_seen():
    few = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(6)), max_starts=1500)
    estimate, low, high = few.unseen
    assert len(few) < 729
    assert low < estimate < high
    assert (729 - len(few)) / 4 < estimate < 4 * (729 - len(few))  # the starts are no independent draws
    assert (np.diff(few.saturation[:, 1:], axis=0) >= 0).all()
    assert few.saturation[-1].tolist() == [0, 1500, len(few)]
    all_of_them = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(3)))
    assert all_of_them.unseen[0] < 0.5


def test_a_search_cut_short_does_not_call_itself_consistent():
    W = 3.0 * np.random.default_rng(3).standard_normal((40, 40)) / np.sqrt(40)
    found = [dk.find_fixed_points(dk.catalog.tanh_network(W), max_starts=n) for n in (64, 96, 128)]
    assert {points.completeness for points in found} <= {"incomplete", "unknown"}
    assert any(points.degree == 1 for points in found)  # though the signs happen to agree


def test_estimate_of_unseen_points_is_the_published_formula():
    hits = np.array([1, 1, 1, 1, 2, 2, 5, 9])  # f1 = 4, f2 = 2: 4 * 3 / (2 * 3) = 2
    estimate, low, high = chao(hits)
    variance = 2 + 4 * 7**2 / (4 * 9) + 16 * 2 * 9 / (4 * 81)
    factor = np.exp(1.96 * np.sqrt(np.log(1 + variance / 4)))
    assert_allclose([estimate, low, high], [2, 2 / factor, 2 * factor])
    assert chao(np.array([7, 8]))[0] == 0


@pytest.mark.parametrize(
    ("cell", "gain", "seed", "n_points", "n_stable"),
    [
        ("current", 1.0, 18, 3, 2),
        ("current", 3.0, 35, 3, 2),
        ("tanh", 3.0, 53, 5, 1),
        ("tanh", 3.0, 260, 5, 2),
    ],
)
def test_points_far_from_where_a_search_begins_are_found(cell, gain, seed, n_points, n_stable):
    """Random networks whose other points 12,000 starts of a Newton's method of its own find; see the benchmark."""
    points = dk.find_fixed_points(*random_network(cell, gain, seed))
    assert (len(points), len(points.stable), points.completeness) == (n_points, n_stable, "consistent")


def test_a_search_of_which_hardly_a_start_arrives_is_not_called_consistent():
    """A random LSTM whose cells may grow far: three points, of which a search finds one."""
    points = dk.find_fixed_points(*random_network("LSTM", 3.0, 332))
    assert points.n_failed > 0.99 * points.n_starts
    assert points.completeness != "consistent"


def random_network(cell, gain, seed):
    """All weights normal with the gain as their spread, under a random constant input."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    model = {
        "current": lambda: dk.models.LeakyRNN(2, n, 1, activation="tanh", form="current"),
        "tanh": lambda: torch.nn.RNN(2, n),
        "LSTM": lambda: torch.nn.LSTM(2, (n + 1) // 2),
    }[cell]()
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(gain * torch.randn(p.shape, generator=draws))
    return dk.as_system(model), None, rng.normal(size=2)


def test_states_near_faces_have_a_share_of_their_units_at_the_ends_of_the_box():
    system = dk.as_system(torch.nn.GRU(1, 12))
    supply = Starts(system, system.as_drive("drive", None), None, None, np.random.default_rng(0))
    x = supply._near_faces(4000).numpy()
    at_end = (np.abs(np.abs(x) - 1) < 1e-12).sum(axis=1)
    assert_allclose(
        np.bincount(at_end, minlength=13) / 4000, 1 / 13, atol=0.02
    )  # any number as likely as another
    assert_allclose(np.abs(x[(np.abs(x) < 1)]).mean(), 0.5, atol=0.01)


def test_under_an_odd_map_every_point_has_its_mirror_image():
    W = 3.0 * np.random.default_rng(0).normal(size=(40, 40)) / np.sqrt(40)
    points = dk.find_fixed_points(dk.catalog.tanh_network(W), max_starts=128)
    assert points.completeness != "consistent"  # cut short
    assert len(points) % 2 == 1
    for x in points.states:
        assert np.abs(points.states + x).max(axis=1).min() < 1e-10
    assert (points.starts_per_point == 0).any()  # found as mirror images only


def test_affine_map_has_the_solution_of_the_linear_system():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(10, 10)) * 0.3, rng.normal(size=10)
    points = dk.find_fixed_points(dk.catalog.linear(A, b), rng.normal(size=(20, 10)))
    assert len(points) == 1
    assert_allclose(points.states[0], np.linalg.solve(np.eye(10) - A, b), atol=1e-12)


def test_henon_points_and_their_iterates():
    points = dk.find_fixed_points(dk.catalog.henon(1.4, 0.3))
    root = np.sqrt((1 - 0.3) ** 2 + 4 * 1.4)
    expected = [(0.3 - 1 - root) / 2.8, (0.3 - 1 + root) / 2.8]
    assert_allclose(sorted(points.states[:, 0]), expected, atol=1e-13)
    rng = np.random.default_rng(0)
    starts = np.stack([rng.uniform(-1.5, 1.5, 1500), rng.uniform(-0.45, 0.45, 1500)], 1)
    found = [dk.find_fixed_points(dk.Iterated(dk.catalog.henon(), k), starts[: 80 * k]) for k in (2, 3, 4)]
    assert [len(points) for points in found] == [4, 2, 8]
    assert all(points.certified.all() for points in found)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_logistic_iterates_have_two_to_the_k_points(k):
    points = dk.find_fixed_points(dk.Iterated(dk.catalog.logistic(4.0), k), grid(-0.1, 1.1, 1500))
    exact = [np.sin(np.pi * j / (2**k - 1)) ** 2 for j in range(2 ** (k - 1))]
    exact += [np.sin(np.pi * j / (2**k + 1)) ** 2 for j in range(1, 2 ** (k - 1) + 1)]
    assert_allclose(sorted(points.states[:, 0]), sorted(exact), atol=1e-10)
    assert points.certified.all()


def test_hopfield_memories_and_their_overlap():
    torch.manual_seed(3)
    patterns = np.sign(np.random.default_rng(3).normal(size=(2, 64)))
    W = 2.0 * patterns.T @ patterns / 64
    points = dk.find_fixed_points(dk.catalog.tanh_network(W), np.concatenate([patterns, -patterns]))
    overlap = np.abs(points.stable.states @ patterns.T / 64).max(axis=1)
    assert len(points.stable) == 4
    mean_field = brentq(lambda m: np.tanh(2 * m) - m, 0.1, 2)
    assert_allclose(overlap, mean_field, atol=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_relu_network_against_enumeration_of_all_regions(seed):
    rng = np.random.default_rng(seed)
    n = 7
    W, b = 1.5 * rng.normal(size=(n, n)) / np.sqrt(n), 0.5 * rng.normal(size=n)
    exact = []
    for active in itertools.product([0.0, 1.0], repeat=n):
        D = np.diag(active)
        x = np.linalg.solve(np.eye(n) - D @ W, D @ b)
        if (((W @ x + b) > 0) == (np.array(active) > 0)).all():
            exact.append(x)
    model = torch.nn.RNN(1, n, nonlinearity="relu").double()
    with torch.no_grad():
        model.weight_hh_l0.copy_(torch.from_numpy(W))
        model.bias_hh_l0.copy_(torch.from_numpy(b))
        model.bias_ih_l0.zero_()
    points = dk.find_fixed_points(dk.as_system(model), seed=seed)
    assert len(points) == len(exact)
    for x in exact:
        assert np.abs(points.states - x).max(axis=1).min() < 1e-10


def test_a_line_of_fixed_points_is_one_set_and_not_isolated():
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    A = Q @ np.diag([1.0, 0.5, 0.4, 0.3, 0.2]) @ Q.T
    points = dk.find_fixed_points(dk.catalog.linear(A), np.random.default_rng(1).normal(size=(50, 5)))
    assert len(points) == 1
    assert points.non_isolated.all()
    assert not len(points.stable)
    assert points.dimensions.tolist() == [1]
    assert not points.certified.any()
    assert points.degree is None
    assert points.completeness == "unknown"


def test_identity_keeps_memory_bounded_and_claims_nothing():
    points = dk.find_fixed_points(
        dk.catalog.linear(np.eye(6)), np.random.default_rng(0).normal(size=(1000, 6))
    )
    assert len(points) == 1
    assert points.non_isolated.all()
    assert points.dimensions.tolist() == [6]


def test_a_ring_of_fixed_points_is_sampled_and_the_point_inside_it_stands_alone():
    ring = dk.FunctionSystem(lambda x: x * (1.2 - 0.2 * x.square().sum(-1, keepdim=True)), 2)
    points = dk.find_fixed_points(ring)
    on_ring = points[points.non_isolated]
    assert (on_ring.dimensions == 1).all()
    assert_allclose(np.linalg.norm(on_ring.states, axis=1), 1, atol=1e-9)
    assert 30 <= len(on_ring) <= 64
    assert_allclose(points[~points.non_isolated].states, [[0, 0]], atol=1e-12)


def test_degenerate_root_is_not_isolated_and_not_stable():
    points = dk.find_fixed_points(dk.catalog.tanh_unit(1.0), grid(-2, 2, 101))
    assert len(points) == 1
    assert points.non_isolated.all()
    assert points.dimensions.tolist() == [0]
    assert not points.certified.any()
    assert points.evidence.tolist() == ["residual only"]
    assert points.verdicts[0] == "marginal"


@pytest.mark.parametrize(("eps", "expected"), [(1e-2, []), (-1e-2, [-0.1, 0.1]), (-2.5e-9, [-5e-5, 5e-5])])
def test_saddle_node_counts_even_when_the_pair_is_close(eps, expected):
    system = dk.FunctionSystem(lambda x: x + eps + x**2, 1)
    points = dk.find_fixed_points(system, grid(-1, 0.5, 51))
    assert_allclose(sorted(points.states[:, 0]), expected, rtol=1e-6)
    assert not points.non_isolated.any()


def test_a_flat_valley_is_not_a_fixed_point():
    """Far outside [-1, 1] a GRU's update gate shuts and F(x) - x vanishes without a root."""
    gru = torch.nn.GRUCell(1, 3).double()
    with torch.no_grad():
        gru.weight_hh.mul_(0.5)
        gru.weight_hh[3:6] = torch.eye(3)  # each unit shuts its own gate
    inside = dk.as_system(gru)
    boxless = dk.FunctionSystem(inside.step, 3)
    starts = np.random.default_rng(0).uniform(18, 22, (100, 3))
    assert float((boxless.step(starts) - starts).abs().max()) < 1e-6
    points = dk.find_fixed_points(boxless, starts)
    assert (np.abs(points.states) < 1).all()
    assert {x.tobytes() for x in points.states.round(8)} == {
        x.tobytes() for x in dk.find_fixed_points(inside).states.round(8)
    }


def test_starts_far_outside_the_box_are_brought_into_it():
    gru = torch.nn.GRUCell(1, 4).double()
    with torch.no_grad():
        gru.weight_hh.mul_(3)
    system = dk.as_system(gru)
    points = dk.find_fixed_points(system, np.random.default_rng(0).uniform(-20, 20, (200, 4)))
    assert (np.abs(points.states) <= 1).all()
    assert points.certified.all()
    assert points.completeness == "consistent"


def test_proof_in_ball_arithmetic_earns_the_word():
    points = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(2)), proof=True)
    assert points.evidence.tolist() == ["proved"] * 9
    assert (points.existence_radius < 1e-13).all()
    floating = dk.find_fixed_points(dk.catalog.tanh_network(1.5 * np.eye(2)))
    assert floating.evidence.tolist() == ["numerically verified"] * 9
    assert_allclose(points.uniqueness_radius, floating.uniqueness_radius, rtol=0.5)


def test_a_small_residual_far_from_any_root_is_no_root():
    """F(x) - x = 1e-13 (1 + e^x) is below every tolerance and has no zero."""
    system = dk.FunctionSystem(lambda x: x + 1e-13 * (1 + torch.exp(x)), 1)
    starts = grid(1, 5, 20)
    assert float((system.step(starts) - starts).abs().max()) < 1e-10
    points = dk.find_fixed_points(system, starts, max_starts=20)
    assert len(points) == 0
    assert (points.start_status == "stalled").all()


def test_no_point_on_a_bounded_map_is_incomplete_never_none():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    points = dk.find_fixed_points(system, np.full((1, 3), np.nan), max_starts=1)
    assert len(points) == 0
    assert points.completeness == "incomplete"
    assert points.start_status.tolist() == ["non-finite start"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus"])
def test_leaky_forms_have_equal_fixed_points_for_every_leak(activation):
    """r = f(W r + ...) for "current" and "rate" always, for "rectified" where f(f(x)) = f(x)."""
    rates = {}
    forms = ["current", "rate", "rectified"] if activation == "relu" else ["current", "rate"]
    radius = 1.4 if activation in ("tanh", "sigmoid") else 0.8
    for form, dt in itertools.product(forms, [10.0, 50.0, 100.0]):
        model = dk.models.LeakyRNN(
            2, 8, 1, dt=dt, form=form, activation=activation, spectral_radius=radius, seed=4
        )
        with torch.no_grad():
            model.b_rec.copy_(torch.linspace(-0.3, 0.4, 8))
        system = dk.as_system(model)
        points = dk.find_fixed_points(system, drive=[0.2, -0.1])
        inner = system.inner.observe(points.states).numpy()
        rates[form, dt] = inner[np.lexsort(inner.T.round(8))]
    reference = rates["current", 10.0]
    assert len(reference)
    for found in rates.values():
        assert_allclose(found, reference, atol=1e-10)


def test_permuting_the_units_permutes_the_points():
    rng = np.random.default_rng(2)
    W, order = rng.normal(size=(6, 6)), rng.permutation(6)
    a = dk.find_fixed_points(dk.catalog.tanh_network(W))
    b = dk.find_fixed_points(dk.catalog.tanh_network(W[np.ix_(order, order)]))
    assert len(a) == len(b)
    for x in a.states:
        assert np.abs(b.states - x[order]).max(axis=1).min() < 1e-12


def test_order_and_repetition_of_the_starts_do_not_matter():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    starts = np.random.default_rng(0).uniform(-1, 1, (60, 3))
    a = dk.find_fixed_points(system, starts)
    b = dk.find_fixed_points(system, np.concatenate([starts[::-1], starts]))
    assert_allclose(a.states, b.states, atol=1e-13)


def test_same_root_from_many_starts_counts_them_all():
    points = dk.find_fixed_points(dk.catalog.linear([[0.5]], [1.0]), grid(-3, 3, 1000))
    assert len(points) == 1
    assert points.starts_per_point.sum() == points.n_starts - points.n_failed >= 1000


def test_one_bad_start_is_marked_and_the_others_are_as_in_a_clean_run():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    clean = np.random.default_rng(5).uniform(-1, 1, (64, 3))
    spoilt = clean.copy()
    spoilt[17, 1] = np.nan
    a, b = dk.find_fixed_points(system, clean), dk.find_fixed_points(system, spoilt)
    assert b.start_status[17] == "non-finite start"
    assert (np.delete(a.start_status[:64], 17) == np.delete(b.start_status[:64], 17)).all()
    assert_allclose(a.states, b.states, atol=1e-13)
    u = torch.zeros(1, 0, dtype=torch.float64)
    newton, nothing = Newton(system, u, system.box()), Roots(system, u).known(torch.float32)
    reached, beside = (newton.follow(capped_newton, torch.from_numpy(x), nothing) for x in (clean, spoilt))
    others = np.delete(np.arange(64), 17)
    assert beside.status[17] == NON_FINITE
    assert (reached.status[others] == CONVERGED).all()
    assert_allclose(reached.x[others], beside.x[others], atol=1e-3)  # near their roots, not yet polished


def test_drives_per_start_are_kept_apart():
    system = dk.catalog.tanh_unit(2.0)
    u = np.repeat([[0.0], [0.1]], 30, axis=0)
    points = dk.find_fixed_points(system, np.tile(grid(-1, 1, 30), (2, 1)), u)
    for drive in (0.0, 0.1):
        mine = points[points.drives[:, 0] == drive]
        brackets = ((-1, -0.5), (-0.5, 0.4), (0.4, 1))
        roots = [brentq(lambda x, u: np.tanh(2 * x + u) - x, a, b, args=(drive,)) for a, b in brackets]
        assert_allclose(sorted(mine.states[:, 0]), roots, atol=1e-10)
    assert points.degree == points.expected_degree == 2


def test_a_map_without_a_box_claims_no_completeness():
    lstm = dk.models.LSTM(2, 6, 1, peepholes=True)
    points = dk.find_fixed_points(dk.as_system(lstm))
    assert points.expected_degree is None
    assert points.completeness == "unknown"


@pytest.mark.parametrize(("slope", "back"), [(0.5, True), (-0.9, True), (1.1, False), (-2.0, False)])
def test_states_from_far_come_back_where_a_linear_map_contracts(slope, back):
    system = dk.catalog.linear(slope * np.eye(3), np.ones(3))
    supply = Starts(system, system.as_drive("drive", None), None, None, np.random.default_rng(0))
    assert supply.comes_back() is back


def test_without_a_box_a_search_ends_later_and_later_still_where_the_sum_is_not_that_of_a_bounded_map(
    monkeypatch,
):
    one = lambda x: torch.special.i0(0 * x)  # noqa: E731 - which is not followed, so that no box is read off
    rising, falling = (dk.FunctionSystem(lambda x, a=a: (a * x + 0.1 * torch.sin(x)) * one(x), 1) for a in (2.0, 0.5))

    def quiet_batches(system):
        points = dk.find_fixed_points(system)
        assert len(points) == 1
        assert points.expected_degree is None or points.degree == 1
        return len(points.saturation) - 1

    assert quiet_batches(dk.catalog.tanh_unit(0.5)) == 2
    assert quiet_batches(falling) == 4
    assert quiet_batches(rising) == 4  # one point, of sign -1
    monkeypatch.setattr(Starts, "comes_back", lambda self: True)
    assert quiet_batches(rising) == 8


def test_a_point_on_a_kink_has_no_verdict():
    system = dk.as_system(torch.nn.RNN(1, 2, nonlinearity="relu", bias=False))
    points = dk.find_fixed_points(system, np.zeros((1, 2)))
    origin = points[np.abs(points.states).max(axis=1) < 1e-9]
    assert origin.verdicts.tolist() == ["undetermined"]
    assert origin.n_unstable.mask.all()


def test_seed_repeats_and_slices_keep_the_account():
    system = dk.catalog.tanh_network(1.5 * np.eye(3))
    a, b = dk.find_fixed_points(system, seed=3), dk.find_fixed_points(system, seed=3)
    assert (a.states == b.states).all()
    assert a.n_starts == b.n_starts
    assert len(a.saddles) + len(a.stable) + len(a.repellers) == len(a) == 27
    assert len(a.repellers) == 1
    assert len(list(a[:3])) == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"starts": np.zeros((4, 5))}, "starts"),
        ({"starts": np.zeros((4, 3), int)}, "starts"),
        ({"starts": np.zeros((4, 3), complex)}, "starts"),
        ({"drive": np.zeros(2)}, "drive"),
        ({"drive": [np.inf]}, "drive"),
        ({"starts": np.zeros((4, 3)), "drive": np.zeros((5, 1))}, "drive"),
        ({"max_starts": 0}, "max_starts"),
        ({"max_starts": 1.5}, "max_starts"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments, word):
    system = dk.catalog.tanh_network(np.eye(3), W_in=np.ones((3, 1)))
    with pytest.raises(InputError, match=word):
        dk.find_fixed_points(system, **arguments)


def test_a_map_that_jumps_is_refused():
    system = dk.FunctionSystem(lambda x: torch.where(x > 1, x - 1, x), 2, regularity="discontinuous")
    with pytest.raises(InputError, match="jump"):
        dk.find_fixed_points(system)


# --- the order of points, and what is said where nothing is certified --------------------------------------


def test_points_come_by_unstable_dimension_then_stability_then_place():
    """Units tanh(g x) side by side: 27 points, each of whose multipliers is that of one unit, g (1 - x^2).

    Two weak units at 0 are less stable by dimension than the strong one alone, though their multipliers are smaller.
    """
    gains = (3.0, 1.5, 1.3)
    points = dk.find_fixed_points(dk.catalog.tanh_network(np.diag(gains)), seed=4)
    places = [
        [sign * brentq(lambda x, g=g: np.tanh(g * x) - x, 1e-3, 2) for sign in (-1, 0, 1)] for g in gains
    ]
    expected = []
    for state in itertools.product(*places):
        multipliers = [g * (1 - x**2) for g, x in zip(gains, state)]
        expected.append((sum(m > 1 for m in multipliers), round(max(multipliers), 6), state))
    expected.sort()
    assert_allclose(points.states, [state for *_, state in expected], atol=1e-12)
    assert points.n_unstable.tolist() == [n for n, *_ in expected]
    radii = [radius for _, radius, _ in expected]
    assert radii != sorted(radii)


def test_points_under_several_drives_come_drive_by_drive():
    drives = np.repeat([[0.2], [0.0], [-0.1]], 40, axis=0)
    starts = np.tile(np.linspace(-1.5, 1.5, 40), 3)[:, None]
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0), starts, drives)
    assert points.drives[:, 0].tolist() == [-0.1] * 3 + [0.0] * 3 + [0.2] * 3
    for k in range(3):
        own = points.states[3 * k : 3 * k + 3, 0]
        assert points.n_unstable[3 * k : 3 * k + 3].tolist() == [0, 0, 1]
        slopes = 2 * (1 - own**2)
        assert (np.diff(slopes) > -1e-9).all()


def test_a_short_piece_of_fixed_points_is_a_continuum_too():
    """x' = x - (what x exceeds 0.1 by)^3: every state of [-0.1, 0.1] is fixed, and no state beyond."""
    step = lambda x: x - torch.relu(x - 0.1) ** 3 + torch.relu(-x - 0.1) ** 3  # noqa: E731
    points = dk.find_fixed_points(dk.FunctionSystem(step, 1), [[0.0]], max_starts=1)
    assert points.non_isolated.tolist() == [True]
    assert points.dimensions.tolist() == [1]


@pytest.mark.parametrize("slope", [0.5, 0.8, -0.7])
def test_where_nothing_is_certified_the_root_is_as_near_as_is_said_and_no_more_is_claimed(slope):
    """x' = slope x + sin(x) / 8 + c, as NumPy functions that tell no bounds: the root is known from bisection."""
    step = lambda x: slope * x.numpy() + np.sin(x.numpy()) / 8 + 0.02  # noqa: E731
    slopes = lambda x: (slope + np.cos(x.numpy()) / 8)[:, :, None]  # noqa: E731
    points = dk.find_fixed_points(dk.FunctionSystem(step, 1, jacobian=slopes), [[0.3]], max_starts=1)
    root = brentq(lambda x: (slope - 1) * x + np.sin(x) / 8 + 0.02, -50, 50, xtol=1e-16)
    nearest = np.abs(points.states[:, 0] - root).argmin()
    singular = abs(slope - 1 + np.cos(root) / 8)
    assert not points.certified.any()
    assert abs(points.states[nearest, 0] - root) <= points.uncertainties[nearest] + 4 * np.spacing(abs(root))
    assert points.uncertainties[nearest] <= 4 * np.finfo(float).eps * (1 + abs(root)) / singular


def test_states_that_grow_without_bound_are_counted_beside_the_search():
    points = dk.find_fixed_points(dk.catalog.linear([[1.1, 0.0], [0.0, 1.05]]), [[1.0, 1.0]] * 8)
    assert (len(points), points.n_followed, points.n_unbounded) == (1, 8, 8)
    assert "8 of 8 states left alone grow without bound" in points.headline()
    none = dk.find_fixed_points(dk.FunctionSystem(lambda x: x + 1, 1))
    assert len(none) == 0
    assert none.n_unbounded == none.n_followed > 0
    assert dk.find_fixed_points(dk.catalog.linear([[0.5]])).n_unbounded == 0
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    assert points.n_followed > 0
    assert points.n_unbounded == points.n_cycling == points.n_unsettled == 0


def test_states_that_cycle_or_do_not_settle_are_told_apart_and_take_nothing_from_the_word():
    flip = dk.find_fixed_points(dk.catalog.tanh_unit(-2.0))  # 0 is unstable, and all else goes to a cycle of two
    assert (flip.n_cycling, flip.n_unsettled) == (flip.n_followed, 0)
    assert flip.completeness == "consistent"
    assert f"{flip.n_followed} of {flip.n_followed} states left alone reach a cycle, consistent" in flip.headline()
    turn = 1.3 * np.array([[np.cos(2.4), -np.sin(2.4)], [np.sin(2.4), np.cos(2.4)]])
    circle = dk.find_fixed_points(dk.catalog.tanh_network(turn))  # an invariant circle
    assert (circle.n_cycling, circle.n_unsettled) == (0, circle.n_followed)
    assert circle.completeness == "consistent"
    assert "states left alone do not settle, consistent" in circle.headline()


def test_states_left_alone_are_left_alone_under_the_drive():
    """x' = tanh(-2 x + u): of u = 0 a cycle of two, of u = 3 one stable point."""
    unit = dk.catalog.tanh_network(np.array([[-2.0]]), W_in=np.array([[1.0]]))
    still, both = (dk.find_fixed_points(unit, drive=u) for u in ([3.0], [[0.0], [3.0]]))
    assert still.n_cycling == 0 < still.n_followed
    assert (both.n_cycling, both.n_followed) == (still.n_followed, 2 * still.n_followed)


def test_a_slow_way_to_a_point_is_no_failure_to_settle():
    slow = dk.find_fixed_points(dk.catalog.tanh_network(np.diag([0.9999, 0.999, 0.5])))
    assert slow.n_unsettled == slow.n_cycling == 0


def test_the_callers_states_stay_as_they_are():
    starts = torch.ones(8, 2, dtype=torch.float64)
    dk.find_fixed_points(dk.catalog.linear([[1.1, 0.0], [0.0, 0.5]]), starts)
    assert bool((starts == 1).all())
