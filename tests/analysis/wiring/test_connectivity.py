"""Graph statistics against networkx and against graphs whose numbers are known."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def random_graph(seed, n=20, p=0.3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n)) * (rng.random((n, n)) < p)


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_networkx(seed):
    W = random_graph(seed)
    np.fill_diagonal(W, 0)
    graph = nx.from_numpy_array((W != 0).T.astype(int), create_using=nx.DiGraph)
    stats = dk.graph_statistics(W)
    assert stats.in_degree.tolist() == [d for _, d in graph.in_degree]
    assert stats.out_degree.tolist() == [d for _, d in graph.out_degree]
    assert_allclose(stats.reciprocity, nx.overall_reciprocity(graph))
    assert_allclose(stats.clustering, list(nx.clustering(graph).values()))
    assert stats.triad_census == nx.triadic_census(graph)
    assert_allclose(stats.density, nx.density(graph))


RING, STAR = np.roll(np.eye(7), 1, axis=0), np.zeros((7, 7))
STAR[1:, 0] = STAR[0, 1:] = 1
KNOWN = {
    "ring": RING,
    "star": STAR,
    "star, one way": np.tril(STAR),
    "complete": np.ones((7, 7)) - np.eye(7),
    "empty": np.zeros((7, 7)),
    "one unit": np.zeros((1, 1)),
    "disconnected": np.kron(np.eye(2), np.ones((4, 4)) - np.eye(4)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_equal_to_networkx_on_graphs_of_all_shapes(name):
    W = KNOWN[name]
    graph, stats = nx.from_numpy_array((W != 0).T.astype(int), create_using=nx.DiGraph), dk.graph_statistics(W)
    assert stats.in_degree.tolist() == [d for _, d in graph.in_degree]
    assert stats.out_degree.tolist() == [d for _, d in graph.out_degree]
    assert_allclose(stats.clustering, list(nx.clustering(graph).values()))
    assert stats.triad_census == nx.triadic_census(graph)
    if graph.number_of_edges():  # networkx raises without edges
        assert_allclose(stats.reciprocity, nx.overall_reciprocity(graph))
        assert_allclose(stats.density, nx.density(graph))
    else:
        assert np.isnan(stats.reciprocity)


def test_spectra_of_ring_star_and_complete_graph():
    def around(values):
        return sorted(np.round(values, 9).tolist(), key=lambda z: (z.real, z.imag))

    ring = dk.compare_with_law(KNOWN["ring"]).values
    assert around(ring) == around(np.exp(2j * np.pi * np.arange(7) / 7))
    star = dk.compare_with_law(KNOWN["star"])
    assert_allclose(np.sort(star.values.real), [-(6**0.5), 0, 0, 0, 0, 0, 6**0.5], atol=1e-12)
    assert_allclose(dk.low_rank_structure(KNOWN["star"]).spectrum, [6**0.5] * 2 + [0] * 5, atol=1e-12)
    complete = dk.low_rank_structure(KNOWN["complete"])
    assert_allclose(complete.spectrum, [6] + [1] * 6)
    ranks = [dk.low_rank_structure(W).effective_ranks for W in KNOWN.values()]
    assert_allclose([r["participation"] for r in ranks[:6]], [7, 2, 1, 42**2 / (6**4 + 6), 0, 0])
    assert_allclose([r["numerical"] for r in ranks[:6]], [7, 2, 1, 7, 0, 0])


def test_one_weight_points_from_pre_to_post():
    W = np.zeros((3, 3))
    W[2, 0] = -1.5  # from unit 0 to unit 2
    stats = dk.graph_statistics(W)
    assert stats.in_degree.tolist() == [0, 0, 1]
    assert stats.out_degree.tolist() == [1, 0, 0]
    assert stats.out_strength.tolist() == [1.5, 0, 0]
    assert stats.sign.tolist() == [-1, 0, 0]
    assert stats.inhibition.tolist() == [0, 0, 1.5]


def test_ring_complete_and_empty_graphs():
    ring = dk.graph_statistics(np.roll(np.eye(6), 1, axis=0))
    assert (ring.reciprocity, ring.spectral_radius) == (0, pytest.approx(1))
    complete = dk.graph_statistics(np.ones((6, 6)))
    assert complete.reciprocity == 1
    assert complete.n_autapses == 6
    assert_allclose(complete.clustering, 1)
    empty = dk.graph_statistics(np.zeros((4, 4)))
    assert np.isnan(empty.reciprocity)
    assert (empty.clustering == 0).all()
    assert empty.spectral_radius == 0
    assert empty.triad_census["003"] == 4
    one = dk.graph_statistics(np.ones((1, 1)))
    assert np.isnan(one.density)


def test_dale_network_is_balanced_and_signed():
    model = dk.models.LeakyRNN(2, 40, 1, dale="abs", autapses=False)
    W = model.effective_weights().W_rec.detach().numpy()
    stats = dk.graph_statistics(W, sign=model.sign)
    assert stats.sign.tolist() == [1] * 32 + [-1] * 8
    assert_allclose(stats.balance, 0, atol=1e-6)
    assert_allclose(stats.spectral_radius, 1, atol=1e-5)
    assert stats.block_means["E->I"] > 0 > stats.block_means["I->E"]
    assert stats.n_autapses == 0
    assert dk.graph_statistics(W).sign.tolist() == stats.sign.tolist()


def test_threshold_removes_weak_edges():
    W = np.array([[0.0, 0.1, 2.0], [0.5, 0.0, 0.1], [0.0, 0.0, 0.0]])
    assert dk.graph_statistics(W).n_edges == 4
    assert dk.graph_statistics(W, threshold=0.3).n_edges == 2


@pytest.mark.parametrize(
    ("W", "kwargs", "word"),
    [
        (np.zeros((3, 4)), {}, "W must be square"),
        (np.full((3, 3), np.nan), {}, "W must be finite"),
        (np.zeros((3, 3), int), {}, "W must be real"),
        (np.zeros((3, 3)), {"threshold": -1.0}, "threshold"),
        (np.zeros((3, 3)), {"sign": [1, -1]}, "sign"),
        (np.zeros((3, 3)), {"sign": [1, -1, 0]}, "sign"),
    ],
)
def test_bad_arguments_are_named(W, kwargs, word):
    with pytest.raises(InputError, match=word):
        dk.graph_statistics(W, **kwargs)
