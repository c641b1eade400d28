"""Random matrices share exactly what they should, are otherwise uniform, and tell structure from its absence."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2, chisquare, kstest

import dynakit as dk
from dynakit.errors import InputError
from dynakit.records import load_record


def random_wiring(seed, n=20, p=0.3):
    """Weights under Dale's law, with self-connections."""
    rng = np.random.default_rng(seed)
    signs = np.where(rng.random(n) < 0.7, 1.0, -1.0)
    return signs * rng.random((n, n)) * (rng.random((n, n)) < p)


def without_self_connections(W):
    return W * (1 - np.eye(len(W)))


def draws_of(W, model, n=20, **options):
    """The random matrices themselves."""
    seen = []
    dk.compare_with_null(W, lambda drawn: seen.append(drawn) or 0.0, model, n, **options)
    return seen[1:]  # the first is W's own


def number_of(W):
    """A number that names the graph."""
    return float((W != 0).reshape(-1) @ 2.0 ** np.arange(W.size))


def realisations(A):
    """The numbers of all graphs with the degrees of A, by trying every choice of targets of every unit."""
    n = len(A)
    choices = [itertools.combinations(sorted({*range(n)} - {pre}), int(A[:, pre].sum())) for pre in range(n)]
    found = set()
    for targets in itertools.product(*map(list, choices)):
        B = np.zeros((n, n))
        for pre, post in enumerate(targets):
            B[list(post), pre] = 1.0
        if (B.sum(axis=1) == A.sum(axis=1)).all():
            found.add(number_of(B))
    return found


def one_graph_of_each_degrees(n):
    """One graph for every list of (in-degree, out-degree), whatever the order of the units."""
    places = np.flatnonzero(~np.eye(n, dtype=bool))
    first = {}
    for edges in itertools.product((0.0, 1.0), repeat=len(places)):
        A = np.zeros((n, n))
        A.flat[places] = edges
        first.setdefault(tuple(sorted(zip(A.sum(axis=0), A.sum(axis=1)))), A)
    return list(first.values())


# --- what a draw shares with the matrix -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_same_degrees_and_every_units_own_outgoing_weights(seed):
    W = random_wiring(seed)
    own = without_self_connections(W)
    for drawn in draws_of(W, "degree"):
        assert_array_equal((drawn != 0).sum(axis=0), (own != 0).sum(axis=0))
        assert_array_equal((drawn != 0).sum(axis=1), (own != 0).sum(axis=1))
        assert_array_equal(
            np.sort(drawn, axis=0), np.sort(own, axis=0)
        )  # Dale's law and out-strength with them
        assert not np.diag(drawn).any()
        assert ((drawn != 0) != (own != 0)).any()


def test_weights_are_not_bound_to_the_order_of_their_targets():
    W = np.zeros((6, 6))
    W[1:, 0] = [1.0, 2.0, 3.0, 4.0, 5.0]  # the only graph of its degrees
    first = [drawn[1, 0] for drawn in draws_of(W, "degree", n=500)]
    assert chisquare(np.unique_counts(first).counts).pvalue > 0.01
    assert dk.compare_with_null(W, "reciprocity").overlap == 1


def test_same_edges_with_weights_permuted():
    own = without_self_connections(random_wiring(0))
    drawn = draws_of(random_wiring(0), "weights")
    for one in drawn:
        assert_array_equal(one != 0, own != 0)
        assert_array_equal(np.sort(one[one != 0]), np.sort(own[own != 0]))
    assert len({one.tobytes() for one in drawn}) == 20


def test_same_density_anywhere_but_on_the_diagonal():
    W = random_wiring(1, n=5, p=0.5)
    own = without_self_connections(W)
    drawn = draws_of(W, "density", n=2000)
    for one in drawn:
        assert_array_equal(np.sort(one, axis=None), np.sort(own, axis=None))
        assert not np.diag(one).any()
    counts = np.sum([one != 0 for one in drawn], axis=0)[~np.eye(5, dtype=bool)]
    assert_allclose(counts, counts.mean(), atol=4.5 * np.sqrt(2000) / 2)  # every place alike


def test_weak_weights_and_self_connections_stay_out():
    W = np.diag(np.full(3, 9.0))
    W[0, 1], W[1, 0], W[2, 0] = 0.1, 1.0, 1.0
    found = dk.compare_with_null(W, ("reciprocity", "spectral_radius", np.sum), threshold=0.5, n=5)
    assert_allclose(found.observed, [0, 0, 2], atol=1e-12)
    assert (found.n_edges, found.n_units, found.threshold) == (2, 3, 0.5)


# --- uniform ----------------------------------------------------------------------------------------------

RING = np.roll(np.eye(3), 1, axis=0)  # trades alone never turn it round
DERANGED = np.roll(np.eye(4), 1, axis=0)  # 9 graphs; 20 trades remember the first
SLOW = np.array(
    [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0.0]]
).T  # 8 graphs, the slowest of four units
FEW = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0.0]])
MORE = np.array([[0, 1, 1, 0, 0], [0, 0, 1, 0, 1], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 1, 0, 0, 0.0]])


@pytest.mark.parametrize(
    ("A", "n_graphs", "n"),
    [(RING, 2, 200), (DERANGED, 9, 600), (SLOW, 8, 600), (FEW, None, 300), (MORE, None, 400)],
    ids=["ring", "deranged", "slow", "few", "more"],
)
def test_every_graph_of_the_degrees_is_equally_likely(A, n_graphs, n):
    allowed = realisations(A)
    assert n_graphs in (None, len(allowed))
    values = dk.compare_with_null(A, number_of, n=n).values[0]
    counts = [int((values == graph).sum()) for graph in sorted(allowed)]
    assert sum(counts) == n  # and no other graph
    assert chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("n_units", [3, 4])
def test_all_graphs_of_three_and_four_units_are_drawn_evenly(n_units):
    """One chi^2 over every list of degrees that several graphs have: listed by trying all graphs, not by the code."""
    statistic, freedom = 0.0, 0
    for A in one_graph_of_each_degrees(n_units):
        allowed = sorted(realisations(A))
        if len(allowed) < 2:
            continue
        n = 5 * len(allowed)
        values = dk.compare_with_null(A, number_of, n=n).values[0]
        counts = np.array([(values == graph).sum() for graph in allowed])
        assert counts.sum() == n
        statistic, freedom = statistic + ((counts - 5) ** 2 / 5).sum(), freedom + len(allowed) - 1
    assert freedom == {3: 1, 4: 135}[n_units]
    assert statistic < chi2.ppf(0.99, freedom)


@pytest.mark.parametrize("n_units", [6, 30])
def test_two_edges_among_many_idle_units_are_rewired(n_units):
    """0 -> 1 and 2 -> 3, or 0 -> 3 and 2 -> 1: units without edges do not keep them from trading."""
    W = np.zeros((n_units, n_units))
    W[1, 0] = W[3, 2] = 1.0
    crossed = dk.compare_with_null(W, lambda V: V[3, 0], n=200).values[0].sum()
    assert abs(crossed - 100) < 2.58 * np.sqrt(50)


def test_a_cycle_that_others_see_alike_is_turned_round_in_half_of_the_draws():
    """Alone among idle units, and two that cannot trade because the second drives the first."""
    lone = np.zeros((40, 40))
    lone[:3, :3] = RING
    turned = dk.compare_with_null(lone, lambda V: V[0, 1], n=200).values[0].sum()
    assert abs(turned - 100) < 2.58 * np.sqrt(50)
    two = np.zeros((6, 6))
    two[:3, :3] = two[3:, 3:] = RING
    two[:3, 3:] = 1.0
    senses = dk.compare_with_null(two, lambda V: 2 * V[0, 1] + V[3, 4], n=200).values[0]
    assert chisquare([int((senses == kind).sum()) for kind in range(4)]).pvalue > 0.01


def test_large_graphs_forget_where_they_came_from():
    rng = np.random.default_rng(0)
    W = np.zeros((200, 200))
    W[:100, :100] = W[100:, 100:] = (
        rng.random((100, 100)) < 0.4
    )  # two modules, without self-connections below
    own = without_self_connections(W)

    def within(V):
        return (V[:100, :100].sum() + V[100:, 100:].sum()) / V.sum()

    found = dk.compare_with_null(own, within, n=30)
    assert found.observed[0] == 1
    assert_allclose(found.mean, 99 / 199, atol=0.004)  # of the places of an edge, these are within a module
    assert found.overlap == pytest.approx(0.2, abs=0.01)  # the density


# --- structure, and none ----------------------------------------------------------------------------------


def test_what_goes_both_ways_is_far_from_chance():
    lattice = np.roll(np.eye(60), 1, axis=0) + np.roll(np.eye(60), -1, axis=0)
    found = dk.compare_with_null(lattice, "reciprocity")
    assert found.observed[0] == 1
    assert found.z[0] > 10
    assert found.p[0] == pytest.approx(1 / 101)
    assert_allclose(found.mean, 2 / 59, atol=0.02)
    assert repr(found).endswith("p = .0099; 100 graphs of the same degrees)")
    assert repr(found).startswith("NullComparison(reciprocity 1 against .0")


def test_one_way_ring_lattice_clusters_more_and_returns_less():
    ring = sum(np.roll(np.eye(40), k, axis=0) for k in range(1, 9))
    found = dk.compare_with_null(ring, ("reciprocity", "clustering", "triad 030T"))
    assert (found.z[1:] > 5).all()
    assert found.z[0] < -3  # and two-sided
    assert_allclose(found.p, 1 / 101)


@pytest.mark.parametrize("model", ["degree", "density", "weights"])
def test_p_values_of_random_graphs_are_uniform(model):
    def signed_triangles(W):
        return ((W @ W) * W).sum()

    p = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        W = rng.normal(size=(9, 9)) * (rng.random((9, 9)) < 0.4)
        p.append(dk.compare_with_null(W, signed_triangles, model, 19, seed=seed).p[0])
    assert kstest(np.array(p) - 0.025, "uniform").pvalue > 0.01


def test_names_are_what_networkx_and_graph_statistics_say():
    W = random_wiring(3)
    graph = nx.from_numpy_array((without_self_connections(W) != 0).T.astype(int), create_using=nx.DiGraph)
    census = nx.triadic_census(graph)
    names = ("reciprocity", "clustering", "spectral_radius", *(f"triad {name}" for name in census))
    found = dk.compare_with_null(W, names, n=2)
    assert_allclose(found.observed[0], nx.overall_reciprocity(graph))
    assert_allclose(found.observed[1], nx.average_clustering(graph))
    assert_allclose(found.observed[2], dk.graph_statistics(without_self_connections(W)).spectral_radius)
    assert_array_equal(found.observed[3:], list(census.values()))
    assert_array_equal(found.values[3:].sum(axis=0), [1140, 1140])  # all triads of 20 units


# --- the numbers ------------------------------------------------------------------------------------------


def test_p_counts_what_is_as_far_away():
    values = iter(
        [10.0, 0.0, 1.0, -10.0, 1.0, -2.0]
    )  # the first is the observed one; the mean of all six is 0
    found = dk.compare_with_null(FEW, lambda W: next(values), n=5)
    assert found.p[0] == pytest.approx(2 / 6)
    assert found.mean[0] == -2
    assert found.std[0] == pytest.approx(np.std([0, 1, -10, 1, -2], ddof=1))
    assert found.z[0] == pytest.approx(12 / found.std[0])


def test_undefined_draws_are_counted_and_left_out():
    values = iter([3.0, 1.0, np.nan, 2.0, np.nan])
    found = dk.compare_with_null(FEW, lambda W: next(values), n=4)
    assert (found.mean[0], found.n_undefined[0]) == (1.5, 2)
    assert found.p[0] == pytest.approx(2 / 3)  # of 1, 2 and 3, 1 is as far from their mean as 3
    assert "undefined in 2" in repr(found)
    nothing = dk.compare_with_null(np.zeros((3, 3)), "reciprocity", n=3)
    assert np.isnan(np.r_[nothing.observed, nothing.mean, nothing.z, nothing.p, nothing.overlap]).all()
    assert "against nothing" in repr(nothing)


def test_what_the_model_fixes_is_undetermined():
    found = dk.compare_with_null(random_wiring(0), ("reciprocity", "clustering"), "weights", n=7)
    assert np.isnan(found.z).all()
    assert (found.std == 0).all()
    assert (found.p == 1).all()
    assert "z undetermined, p = 1" in repr(found)


def test_seeds_repeat_and_more_draws_begin_alike():
    W = random_wiring(0)
    for model in ("degree", "weights", "density"):
        few, again, many, other = (
            dk.compare_with_null(W, "spectral_radius", model, n, seed=seed)
            for n, seed in ((3, 5), (3, 5), (6, 5), (3, 6))
        )
        assert few == again
        assert_array_equal(few.values, many.values[:, :3])
        assert (few.values != other.values).all()


def test_several_statistics_are_as_each_alone():
    W = random_wiring(2)
    both = dk.compare_with_null(W, ("clustering", np.trace), n=4)
    assert both.statistics.tolist() == ["clustering", "trace"]
    for k, one in enumerate(("clustering", np.trace)):
        assert_array_equal(both.values[k], dk.compare_with_null(W, one, n=4).values[0])
        assert both[k].statistics.tolist() == [dk.compare_with_null(W, one, n=1).statistics[0]]


def test_functions_cannot_touch_the_matrix():
    W = random_wiring(0)
    before = W.copy()

    def greedy(V):
        V[:] = 1.0
        return 0.0

    found = dk.compare_with_null(W, (greedy, "reciprocity"), n=3)
    assert_array_equal(W, before)
    assert_array_equal(found.values[1], dk.compare_with_null(W, "reciprocity", n=3).values[0])


def test_it_comes_back_from_disk(tmp_path):
    found = dk.compare_with_null(random_wiring(0), ("reciprocity", "clustering"), n=5, seed=3, threshold=0.2)
    found.save(tmp_path / "out")
    assert load_record(tmp_path / "out") == found
    assert list(found.table()) == ["statistics", "observed", "mean", "std", "z", "p", "n_undefined", "low", "high"]
    assert found.provenance is not None
    assert found.provenance.seed == 3


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_units_have_nothing_to_rewire(n):
    found = dk.compare_with_null(np.ones((n, n)), ("clustering", "triad 003", "spectral_radius"), n=3)
    assert found.n_edges == n * (n - 1)
    assert_allclose(found.observed[1:], [0, n == 2], atol=1e-12)


@pytest.mark.parametrize(
    ("W", "statistic", "options", "words"),
    [
        (np.zeros((3, 4)), "reciprocity", {}, "W must be square"),
        (np.full((3, 3), np.nan), "reciprocity", {}, "W must be finite"),
        (FEW, "reciprocal", {}, "statistic must be one of .*did you mean 'reciprocity'"),
        (FEW, ("clustering", "triad 999"), {}, "statistic must be one of"),
        (FEW, (), {}, "statistic must name at least one"),
        (FEW, 3, {}, "statistic must be one of"),
        (FEW, np.diag, {}, "statistic diag must give a number"),
        (FEW, "clustering", {"model": "degrees"}, "model must be one of .*did you mean 'degree'"),
        (FEW, "clustering", {"n": 0}, "n must be at least 1"),
        (FEW, "clustering", {"threshold": -1.0}, "threshold must be"),
        (FEW, "clustering", {"seed": -1}, "seed must not be negative"),
    ],
)
def test_bad_arguments_are_named(W, statistic, options, words):
    with pytest.raises(InputError, match=words):
        dk.compare_with_null(W, statistic, **options)
