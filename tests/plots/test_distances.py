"""Drawings of distances: the order of the tree, the null across it, groups by colour, the stress said."""

import numpy as np
import pytest

import dynakit as dk


def by_gid(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def test_the_matrix_stands_in_the_order_of_its_tree(apart):
    ax = dk.plots.plot_distances(apart)
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names[-1] == "lost"
    assert {frozenset(names[k : k + 2]) for k in range(4)} >= {frozenset("ab"), frozenset("cd")}
    cells = ax.images[0].get_array()
    at = [apart.names.tolist().index(name) for name in names]
    assert np.ma.allequal(cells, np.ma.masked_invalid(apart.matrix[np.ix_(at, at)]))
    assert cells.mask[-1].all()
    assert len(by_gid(ax, "tree")) == 4


def test_the_null_lies_between_what_it_parts(apart):
    """Two mergers at 0.1 and 0.15 below it, two above; y grows downwards."""
    ax = dk.plots.plot_distances(apart)
    (null,) = by_gid(ax, "null")
    tops = np.array([line.get_ydata().min() for line in by_gid(ax, "tree")])
    assert (tops < null.get_ydata()[0]).sum() == 2
    assert null.get_label() == "null 0.2: the same network again"


def test_a_single_network_with_distances_and_none():
    one = dk.compare_dynamics([dk.catalog.tanh_unit(2.0), dk.FunctionSystem(lambda x: x + 1.0, 1)])
    ax = dk.plots.plot_distances(one)
    assert not by_gid(ax, "tree")
    with pytest.raises(dk.InputError, match="distances must be of at least one network"):
        dk.plots.plot_distances(one[:0])


def test_places_have_the_distances_and_say_the_stress(apart):
    ax = dk.plots.plot_embedding(apart, groups=list("abacbc"), names=True)
    assert ax.get_title() == "classical scaling, stress " + ax.get_title().rpartition(" ")[2]
    assert float(ax.get_title().rpartition(" ")[2]) < 1e-6
    groups = {line.get_label(): np.array(line.get_data()).T for line in by_gid(ax, "networks")}
    assert set(groups) == {"a (2)", "b (2)", "c (1)"}
    assert np.linalg.norm(np.diff(groups["b (2)"], axis=0)) == pytest.approx(0.15)
    assert sorted(text.get_text() for text in ax.texts) == list("abcde")


def test_groups_that_do_not_fit_are_refused(apart):
    with pytest.raises(dk.InputError, match="groups must hold one label for each of the 6 networks"):
        dk.plots.plot_embedding(apart, groups=["a"])
    with pytest.raises(dk.InputError, match="at least two axes"):
        dk.plots.plot_embedding(apart.embed(n_axes=1))
