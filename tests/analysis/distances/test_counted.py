"""Distances of what is counted: known values by hand, and that they are metrics."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dynakit as dk
from dynakit.analysis.distances import (
    RestingPoints,
    as_classes,
    matched,
    multiset_distance,
    scaffold_items,
    scaffold_key,
    share_differing,
    transition_table,
    unmatched,
)
from dynakit.analysis.distances.multipliers import apart

tables = st.dictionaries(st.integers(0, 5), st.sampled_from("ab"), max_size=6)
bags = st.lists(st.sampled_from("abcd"), max_size=8).map(Counter)


@given(tables, tables, tables)
def test_the_share_of_other_targets_is_a_metric(x, y, z):
    assert share_differing(x, z) <= share_differing(x, y) + share_differing(y, z) + 1e-12
    assert share_differing(x, y) == share_differing(y, x)
    assert (share_differing(x, y) == 0) == (x == y)


@given(bags, bags, bags)
def test_the_distance_of_multisets_is_a_metric(x, y, z):
    assert multiset_distance(x, z) <= multiset_distance(x, y) + multiset_distance(y, z) + 1e-12
    assert multiset_distance(x, y) == multiset_distance(y, x)
    assert (multiset_distance(x, y) == 0) == (x == y)


def spectra(rng, n):
    half = rng.normal(size=(n, 2)) + 1j * rng.normal(size=(n, 2))
    return np.concatenate([half, half.conj(), rng.normal(size=(n, 1))], axis=1)


def resting(rng):
    n = int(rng.integers(1, 6))
    return RestingPoints(tuple(rng.choice(["a", "b"], n).tolist()), spectra(rng, n))


def test_matched_points_are_apart_as_by_every_pairing_tried():
    """The definition, by brute force over all assignments of the points and of the values."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        one, other = resting(rng), resting(rng)
        small, large = sorted([one, other], key=lambda r: len(r.keys))
        n, cutoff = len(large.keys), 1.5

        def cost(i, j, small=small, large=large, cutoff=cutoff):
            if small.keys[i] != large.keys[j]:
                return cutoff
            a, b = small.values[i], large.values[j]
            return min(cutoff, *(np.linalg.norm(a - b[list(p)]) for p in permutations(range(5))))

        best = min(sum(cost(i, j) for i, j in enumerate(p)) for p in permutations(range(n), len(small.keys)))
        expected = (best + cutoff * (n - len(small.keys))) / n
        assert matched(one, other, cutoff) == pytest.approx(expected, abs=1e-12)
        assert matched(other, one, cutoff) == pytest.approx(expected, abs=1e-12)


def test_matched_points_obey_the_triangle():
    rng = np.random.default_rng(1)
    for _ in range(60):
        x, y, z = (resting(rng) for _ in range(3))
        assert matched(x, z, 1.5) <= matched(x, y, 1.5) + matched(y, z, 1.5) + 1e-12


def test_points_without_a_partner_are_counted_and_cost_the_cutoff():
    one = RestingPoints(("a", "a", "b"), np.zeros((3, 2)))
    other = RestingPoints(("a", "c"), np.zeros((2, 2)))
    assert unmatched(one, other) == 3
    assert matched(one, other, 0.7) == pytest.approx(2 * 0.7 / 3)
    assert matched(RestingPoints((), np.zeros((0, 2))), RestingPoints((), np.zeros((0, 2))), 0.7) == 0.0


def test_real_values_are_paired_in_their_order():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 6))
    assert apart(a, b) == pytest.approx(apart(a.astype(complex), b), abs=1e-12)
    assert apart(np.array([1.0]), np.array([0.0, 1.0])) == 0.0  # filled up with zeros


def bits(gains, shift=None):
    n = len(gains)
    return dk.catalog.tanh_network(np.diag(gains), shift, W_in=np.eye(n))


def scaffold(gains, shift=None, named=True):
    system = bits(gains, shift)
    labels = dk.tasks.FlipFlop(len(gains)).decode if named else None
    return dk.map_scaffold(system, dk.find_fixed_points(system), labels=labels)


def test_the_points_of_two_bits_by_name():
    assert scaffold_items(scaffold([2.0, 1.5])) == Counter(
        {(0, a): 1 for a in ("++", "+-", "-+", "--")}
        | {(1, *pair): 1 for pair in (("++", "+-"), ("++", "-+"), ("+-", "--"), ("-+", "--"))}
        | {(2,): 1}
    )


def test_a_saddle_that_is_missing_is_one_difference_of_nine():
    whole = scaffold([2.0, 1.5])
    part = whole[np.arange(9) != np.flatnonzero(whole.indices == 1)[0]]
    assert multiset_distance(scaffold_items(whole), scaffold_items(part)) == pytest.approx(1 / 9)
    assert scaffold_key(whole, {}) != scaffold_key(part, {})


def test_without_names_the_graph_decides():
    """Two bits in any order and of any gain are one class; one bit gone, or one saddle, make others."""
    two, turned = scaffold([2.0, 1.5], named=False), scaffold([1.6, 2.2], named=False)[::-1]
    single = scaffold([2.0, 1.5], [0.0, 3.0], named=False)  # the second bit has lost its memory
    part = two[np.arange(9) != np.flatnonzero(two.indices == 1)[0]]
    found = [two, single, turned, None, part]
    keys = ["" if one is None else scaffold_key(one) for one in found]
    assert as_classes(keys, found, named=False).tolist() == [0, 1, 0, -1, 2]


def test_graphs_with_one_hash_are_told_apart():
    """A ring of six and two rings of three: the same colours all over."""

    def rings(*sizes):
        edges, first = [], 0
        for n in sizes:
            edges += [(6 + first + k, first + (k + step) % n) for k in range(n) for step in (0, 1)]
            first += n
        return by_hand(np.repeat([0, 1], 6), edges)

    whole, halves = rings(6), rings(3, 3)
    keys = [scaffold_key(whole), scaffold_key(halves)]
    assert keys[0] == keys[1]
    assert as_classes(keys, [whole, halves], named=False).tolist() == [0, 1]


def by_hand(indices, edges=()) -> dk.Scaffold:
    edges = np.array(edges, int).reshape(-1, 2)
    n, m = len(indices), len(edges)
    branches = {"modes": np.zeros(m, int), "sides": np.ones(m, int), "reasons": np.full(m, ""), "shares": np.ones(m)}
    return dk.Scaffold(
        states=np.zeros((n, 2)), indices=np.array(indices), labels=np.full(n, ""), edges=edges, **branches
    )


def test_a_point_that_attracts_is_no_point_that_repels():
    assert scaffold_key(by_hand([0])) != scaffold_key(by_hand([2]))


def test_the_table_of_two_bits_is_the_machine_of_the_task():
    task, system = dk.tasks.FlipFlop(2, amplitude=3.0), bits([2.0, 1.5])
    stable = dk.find_fixed_points(system).stable
    graph = dk.map_transitions(system, stable, task.pulses)
    table = transition_table(graph, task.decode(graph.outputs))
    assert table == {key: (end,) for key, end in task.machine.items()}
