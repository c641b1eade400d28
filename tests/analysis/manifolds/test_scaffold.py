"""The scaffold of fixed points against products of bits, whose points and branches can be counted by hand."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
import pytest
import torch

import dynakit as dk

GAINS = np.array([1.5, 2.0, 2.6])


def bits(n: int) -> dk.System:
    """n independent bits, x' = tanh(w x)."""
    return dk.catalog.tanh_network(np.diag(GAINS[:n]))


def mapped(n: int, **kwargs) -> dk.Scaffold:
    system = bits(n)
    return dk.map_scaffold(system, dk.find_fixed_points(system), **kwargs)


def turned(n: int) -> dk.System:
    """The same in turned axes."""
    Q = torch.from_numpy(np.linalg.qr(np.random.default_rng(3).normal(size=(n, n)))[0])
    W = torch.from_numpy(np.diag(GAINS[:n]))
    return dk.FunctionSystem(lambda x: torch.tanh(x @ Q @ W) @ Q.T, n, readout=lambda x: x @ Q)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_n_bits_have_the_points_and_branches_of_a_cube(n):
    scaffold = mapped(n)
    assert scaffold.counts.tolist() == [comb(n, k) * 2 ** (n - k) for k in range(n + 1)]
    assert len(scaffold.saddle_edges) == n * 2**n
    assert len(scaffold.edges) == n * 3 ** (n - 1) * 2
    assert (scaffold.edges[:, 1] >= 0).all()
    assert set(zip(scaffold.edges[:, 0].tolist(), scaffold.modes.tolist(), scaffold.sides.tolist())) == {
        (i, mode, side) for i in range(3**n) for mode in range(scaffold.indices[i]) for side in (1, -1)
    }


@pytest.mark.parametrize(("system", "modes"), [(bits(3), 3), (turned(3), 1)], ids=["bits", "turned"])
def test_a_branch_turns_one_bit_and_ends_one_level_below(system, modes):
    """In turned axes rounding leads away from a weaker direction, into the stronger ones."""
    scaffold = dk.map_scaffold(system, dk.find_fixed_points(system))
    marks = np.sign(system.observe(scaffold.states).numpy().round(6)).astype(int)
    assert (np.abs(marks) == 0).sum(axis=1).tolist() == scaffold.indices.tolist()
    for i, j in scaffold.edges[scaffold.modes < modes].tolist():
        changed = np.flatnonzero(marks[i] != marks[j])
        assert len(changed) == 1
        assert marks[i, changed[0]] == 0
        assert scaffold.indices[j] == scaffold.indices[i] - 1
    ahead, behind = (scaffold.edges[(scaffold.modes < modes) & (scaffold.sides == side), 1] for side in (1, -1))
    assert (marks[ahead] != marks[behind]).sum(axis=1).tolist() == [1] * len(ahead)  # to + and to -


def test_the_most_unstable_direction_is_mode_zero():
    scaffold = mapped(2)
    middle = int(np.flatnonzero(scaffold.indices == 2)[0])
    first = scaffold.edges[(scaffold.edges[:, 0] == middle) & (scaffold.modes == 0), 1]
    assert (np.abs(scaffold.states[first, 1]) > 0.5).all()  # of the bit with the larger gain
    assert (scaffold.states[first, 0] == 0).all()


def test_branches_of_points_with_more_directions_are_followed_on_demand():
    whole, part = mapped(3), mapped(3, through=1)
    assert np.array_equal(part.edges, whole.saddle_edges)
    assert len(mapped(3, through=2).edges) == 24 + 24


def test_labels_come_from_a_readout_at_stable_points_or_from_a_list():
    scaffold = mapped(2, labels=dk.tasks.FlipFlop(2).decode)
    assert sorted(scaffold.labels[scaffold.indices == 0]) == ["++", "+-", "-+", "--"]
    assert set(scaffold.labels[scaffold.indices > 0]) == {""}
    assert mapped(1, labels=["a", "b", "c"]).labels.tolist() == ["a", "b", "c"]


def test_chosen_points_keep_the_branches_between_them():
    scaffold = mapped(2)
    keep = scaffold.indices < 2
    part = scaffold[keep]
    assert len(part) == 8
    assert len(part.edges) == 8
    assert np.allclose(part.states[part.edges[:, 1]], scaffold.states[scaffold.saddle_edges[:, 1]])
    alone = scaffold[[int(np.flatnonzero(scaffold.indices == 1)[0])]]
    assert alone.edges.tolist() == [[0, -1], [0, -1]]
    assert set(alone.reasons) == {"not among these points"}
    assert "2 reach none" in alone.headline()


def test_as_a_graph_of_networkx():
    graph = mapped(2, labels=dk.tasks.FlipFlop(2).decode).to_networkx()
    assert Counter(index for _, index in graph.nodes(data="index")) == {0: 4, 1: 4, 2: 1}
    assert graph.number_of_edges() == 12
    assert sorted(d for _, d in graph.out_degree()) == [0, 0, 0, 0, 2, 2, 2, 2, 4]


def test_a_branch_that_grows_without_bound_reaches_none():
    cubic = dk.FunctionSystem(lambda x: x * (1.5 + x), 1)  # 0 repels; -1/2 attracts, and above 0 nothing holds
    scaffold = dk.map_scaffold(cubic, dk.find_fixed_points(cubic, [[0.1], [-0.4]]))
    assert sorted(scaffold.reasons.tolist()) == ["", "unbounded"]


def test_of_a_turning_repeller_no_eigenvector_is_followed():
    circle = dk.catalog.delayed_logistic(2.1)
    points = dk.find_fixed_points(circle, [[0.5, 0.5], [0.01, 0.01]])
    scaffold = dk.map_scaffold(circle, points, n_steps=300)  # what leaves the saddle goes round for ever
    at = scaffold.indices == 2
    assert scaffold.n_turning == int(at.sum()) == 1
    assert not np.isin(scaffold.edges[:, 0], np.flatnonzero(at)).any()


def test_of_a_flow():
    well = dk.Flow(lambda x: x - x**3, 1, dt=0.1)
    scaffold = dk.map_scaffold(well, dk.find_fixed_points(well))
    assert (scaffold.dynamics, scaffold.counts.tolist(), len(scaffold.edges)) == ("flow", [2, 1], 2)
    assert sorted(scaffold.states[scaffold.edges[:, 1], 0].round(9)) == [-1, 1]


UNIT = dk.catalog.tanh_unit(2.0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: dk.map_scaffold(UNIT, p.states), "points must be FixedPoints, got ndarray"),
        (lambda p: dk.map_scaffold(UNIT, p, [0.5]), r"points were found under \[0.0\], not under drive \[0.5\]"),
        (lambda p: dk.map_scaffold(UNIT, p, [[0.0]]), r"drive must be one constant input \(1,\), got shape \(1, 1\)"),
        (lambda p: dk.map_scaffold(UNIT, p, labels=["a"]), "labels must be one text for each of the 3 points"),
        (
            lambda p: dk.map_scaffold(UNIT, dk.find_fixed_points(UNIT, [[0.1], [0.1]], [[0.0], [0.1]])),
            "points must be of one drive",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, said):
    with pytest.raises(dk.InputError, match=said):
        call(dk.find_fixed_points(UNIT))


@pytest.mark.parametrize(("n", "kept"), [(1, [0, 1]), (2, [2])])
def test_a_branch_to_a_point_that_is_not_known_is_given_up_where_it_rests(n, kept):
    """Of one bit with the stable point above left out; of two with nothing but the middle."""
    system, steps = bits(n), []

    class Counting(type(system)):
        def _step(self, x, u):
            steps.append(len(x))
            return super()._step(x, u)

    system.__class__ = Counting
    points = dk.find_fixed_points(system)
    steps.clear()
    keep = np.isin(points.n_unstable, kept) & (points.states[:, 0] <= 0.5)
    scaffold = dk.map_scaffold(system, points[keep])
    lost = "near none of the stable points"
    assert sorted(scaffold.reasons.tolist()) == (["", lost] if n == 1 else [lost] * 4)
    assert len(steps) < 500
