"""Modularity against networkx and closed forms, communities against all partitions, and the signs of weights."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def weighted(seed, n=20, p=0.3):
    rng = np.random.default_rng(seed)
    W = rng.random((n, n)) * (rng.random((n, n)) < p)
    np.fill_diagonal(W, 0)
    return W


def networkx_graph(W):
    return nx.from_numpy_array(np.abs(W).T, create_using=nx.DiGraph)


def groups(labels):
    return [set(np.flatnonzero(labels == k).tolist()) for k in np.unique(labels)]


RING, STAR = np.roll(np.eye(9), 1, axis=0), np.zeros((9, 9))
STAR[1:, 0] = STAR[0, 1:] = 1
COMPLETE = np.ones((9, 9)) - np.eye(9)
APART = np.kron(np.eye(3), np.ones((3, 3)) - np.eye(3))
GRAPHS = [weighted(k) for k in range(4)] + [RING, STAR, COMPLETE, APART]


@pytest.mark.parametrize("W", GRAPHS)
@pytest.mark.parametrize("resolution", [1.0, 1.7])
def test_modularity_equals_networkx(W, resolution):
    graph, rng = networkx_graph(W), np.random.default_rng(0)
    for n_groups in (1, 2, 5):
        labels = rng.integers(n_groups, size=len(W))
        ours = dk.modularity(W, labels, resolution=resolution)
        theirs = nx.community.modularity(graph, groups(labels), resolution=resolution)
        assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("W", GRAPHS)
def test_communities_are_at_least_as_good_as_those_of_networkx(W):
    found, graph = dk.find_communities(W, n_runs=20), networkx_graph(W)
    assert_allclose(found.modularity, nx.community.modularity(graph, groups(found.labels)), atol=1e-12)
    theirs = [nx.community.louvain_communities(graph, seed=k) for k in range(5)]
    assert found.modularity >= max(nx.community.modularity(graph, t) for t in theirs) - 1e-12
    assert (np.diff(found.sizes) <= 0).all()
    assert found.modularity == pytest.approx(found.values.max())


def by_the_definition(W, labels):
    """Gomez, Jensen and Arenas (2009), eq. 7, in plain loops."""
    W = W - np.diag(np.diag(W))
    plus, minus, Q = np.maximum(W, 0), np.maximum(-W, 0), 0.0
    for post in range(len(W)):
        for pre in range(len(W)):
            if labels[post] == labels[pre]:
                Q += W[post, pre]
                Q -= plus[:, pre].sum() * plus[post].sum() / plus.sum() if plus.any() else 0
                Q += minus[:, pre].sum() * minus[post].sum() / minus.sum() if minus.any() else 0
    return Q / (plus.sum() + minus.sum())


@pytest.mark.parametrize("seed", range(4))
def test_signed_modularity_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    W, labels = rng.normal(size=(7, 7)), rng.integers(3, size=7)
    assert_allclose(dk.modularity(W, labels), by_the_definition(W, labels), atol=1e-13)
    assert_allclose(dk.modularity(-np.abs(W), labels), by_the_definition(-np.abs(W), labels), atol=1e-13)


def partitions(n):
    """All partitions of n units, as labels."""
    if n == 0:
        yield []
        return
    for rest in partitions(n - 1):
        for k in range(max(rest, default=-1) + 2):
            yield [*rest, k]


@pytest.mark.parametrize("seed", range(4))
def test_of_six_units_no_partition_is_better(seed):
    W = np.random.default_rng(seed).normal(size=(6, 6))
    best = max(dk.modularity(W, labels) for labels in partitions(6))
    assert_allclose(dk.find_communities(W).modularity, best)


def test_groups_that_excite_their_own_and_inhibit_the_others_are_found():
    planted = np.repeat([0, 1, 2], [8, 6, 4])
    same = planted[:, None] == planted
    W = np.where(same, 1.0, -1.0) + 0.5 * np.random.default_rng(0).normal(size=(18, 18))
    order = np.random.default_rng(1).permutation(18)
    found = dk.find_communities(W[np.ix_(order, order)])
    assert (found.labels == planted[order]).all()
    assert found.sizes.tolist() == [8, 6, 4]


def test_known_values():
    assert_allclose(dk.find_communities(RING).modularity, 1 / 3)  # three of three: 6 / 9 inside, 1 / 3 by chance
    assert_allclose(dk.find_communities(APART).modularity, 2 / 3)  # k cliques apart: 1 - 1 / k
    assert dk.find_communities(APART).inside.tolist() == [1] * 9
    complete = dk.find_communities(COMPLETE)
    assert (complete.modularity, complete.sizes.tolist()) == (0.0, [9])
    ring_of_cliques = nx.to_numpy_array(nx.ring_of_cliques(4, 5))
    found = dk.find_communities(ring_of_cliques)
    assert found.sizes.tolist() == [5] * 4
    assert_allclose(found.modularity, 40 / 44 - 1 / 4)  # 10 edges in each of 4, and 4 between


@pytest.mark.parametrize("n", [0, 1, 5])
def test_without_edges_it_is_undefined_and_the_reason_is_said(n):
    found = dk.find_communities(np.eye(n))
    assert np.isnan(found.modularity)
    assert found.reason == "there are no edges"
    assert found.labels.tolist() == list(range(n))
    assert np.isnan(dk.modularity(np.zeros((n, n)), np.zeros(n)))
    assert np.isnan(dk.compare_with_null(np.zeros((n, n)), "modularity", n=2).observed).all()


def test_a_random_graph_is_modular_and_its_null_model_says_so():
    W = (np.random.default_rng(0).random((40, 40)) < 0.1) * 1.0
    null = dk.compare_with_null(W, "modularity", n=30)
    assert null.observed[0] > 0.25
    assert abs(null.z[0]) < 3
    low, high = null.interval[0]
    assert low < null.observed[0] < high
    assert_allclose([low, high], np.quantile(null.values[0], [0.025, 0.975]))
    planted = np.kron(np.eye(4), np.ones((10, 10)))
    planted = (np.random.default_rng(1).random((40, 40)) < 0.05 + 0.4 * planted) * 1.0
    assert dk.compare_with_null(planted, "modularity", n=30).z[0] > 8


def test_the_same_seed_gives_the_same_and_the_order_of_units_none_of_it():
    W = np.random.default_rng(0).normal(size=(25, 25))
    one, other = (dk.find_communities(W, seed=3) for _ in range(2))
    assert (one.labels == other.labels).all()
    assert_allclose(one.values, other.values)
    order = np.random.default_rng(1).permutation(25)
    assert_allclose(dk.find_communities(W[np.ix_(order, order)], n_runs=40).modularity, one.modularity, rtol=0.02)


@pytest.mark.parametrize(
    ("W", "kwargs", "word"),
    [
        (np.zeros((3, 4)), {}, "W must be square"),
        (np.full((3, 3), np.nan), {}, "W must be finite"),
        (np.eye(3), {"n_runs": 0}, "n_runs"),
        (np.eye(3), {"resolution": -1.0}, "resolution"),
        (np.eye(3), {"threshold": -1.0}, "threshold"),
    ],
)
def test_bad_arguments_are_named(W, kwargs, word):
    with pytest.raises(InputError, match=word):
        dk.find_communities(W, **kwargs)


@pytest.mark.parametrize("size", [1e-300, 1e307])
def test_weights_of_any_size_are_as_modular(size):
    W, labels = weighted(0), np.arange(20) % 3
    assert_allclose(dk.modularity(size * W, labels), dk.modularity(W, labels), atol=1e-12)


def test_labels_must_fit():
    with pytest.raises(InputError, match="labels must hold one label for each of the 3 units"):
        dk.modularity(np.eye(3), [0, 1])
    assert_allclose(dk.modularity(APART, list("aaabbbccc")), 2 / 3)


def test_the_picture_shows_the_communities_one_after_the_other():
    order = np.random.default_rng(0).permutation(9)
    found = dk.find_communities(APART[np.ix_(order, order)])
    ax = dk.plots.plot_communities(found)
    assert_allclose(ax.images[0].get_array(), APART)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["3", "3", "3"]


# --- signs


def test_signed_strengths_purity_and_blocks_of_a_matrix_done_by_hand():
    W = np.array([[0.0, 2.0, -1.0], [3.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
    stats = dk.graph_statistics(W, sign=[1, 1, -1])
    assert stats.strength.tolist() == [1, 2, 0]
    assert stats.sent.tolist() == [4, 2, -3]
    assert_allclose(stats.purity, [1, 2 / 4, 1])
    assert_allclose(stats.tau, (2 * (2 * 3 + -1 * 1 + -2 * -1)) / (4 + 1 + 9 + 4 + 1 + 1))
    blocks = stats.blocks()
    assert blocks["block"].tolist() == ["E->E", "E->I", "I->E", "I->I"]
    assert_allclose(blocks["mean"], [6 / 4, 0, -1.5, 0])
    assert_allclose(blocks["input"], [3, 0, -1.5, 0])
    assert_allclose(blocks["density"], [1, 1, 1, np.nan])
    assert dict(zip(blocks["block"], blocks["mean"])) == stats.block_means


@pytest.mark.parametrize("seed", range(4))
def test_strengths_equal_networkx(seed):
    W = np.random.default_rng(seed).normal(size=(12, 12))
    graph = nx.from_numpy_array(W.T, create_using=nx.DiGraph)
    stats = dk.graph_statistics(W)
    assert_allclose(stats.strength, [d for _, d in graph.in_degree(weight="weight")])
    assert_allclose(stats.sent, [d for _, d in graph.out_degree(weight="weight")])


def test_dale_is_pure_and_a_symmetric_matrix_reciprocal():
    signs = np.array([1, 1, 1, -1])
    W = np.abs(np.random.default_rng(0).normal(size=(4, 4))) * signs
    assert_allclose(dk.graph_statistics(W).purity, 1)
    assert_allclose([dk.graph_statistics(W + W.T).tau, dk.graph_statistics(W - W.T).tau], [1, -1])
    for n in (0, 1):
        empty = dk.graph_statistics(np.zeros((n, n)))
        assert empty.tau == 0
        assert np.isnan(empty.purity).all()
        assert not len(empty.blocks()["block"])
