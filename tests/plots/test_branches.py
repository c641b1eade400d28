"""Bifurcation diagrams, tracks and manifolds: what is drawn is what was computed."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError


def drawn(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_stable_parts_are_solid_and_unstable_ones_dashed(branches):
    ax = dk.plots.plot_branches(branches)
    for line in drawn(ax, "branch"):
        x = np.abs(line.get_ydata())
        solid = line.get_linestyle() == "-"
        assert (x >= np.sqrt(0.5) - 1e-9).all() if solid else (x <= np.sqrt(0.5) + 1e-9).all()
    lengths = [len(line.get_xdata()) - 1 for line in drawn(ax, "branch")]
    assert sum(lengths) == len(branches) - 1  # every stretch once
    (marks,) = drawn(ax, "event")
    assert_allclose(np.sort(marks.get_xdata()), [-0.532839975354, 0.532839975354], atol=1e-12)
    assert legend_of(ax) == ["stable", "1 unstable direction", "fold (2)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input", "state")


def test_a_path_in_which_one_input_varies_is_drawn_over_that_input():
    """x' = tanh(2 x + u1 + u2), u1 held at 0.1: the folds in u2 are those of the sum less 0.1."""
    system = dk.catalog.tanh_network([[2.0]], W_in=[[1.0, 1.0]])
    points = dk.find_fixed_points(system, drive=[0.1, -1.0])
    across = dk.trace_fixed_points(system, points, drives=[[0.1, 1.0], [0.1, 0.0], [0.1, -1.0]])
    ax = dk.plots.plot_branches(across)
    assert ax.get_xlabel() == "input 2"
    (marks,) = drawn(ax, "event")
    assert_allclose(np.sort(marks.get_xdata()), [-0.632839975354, 0.432839975354], atol=1e-9)
    for drives in ([[0.1, -1.0], [0.5, 1.0], [0.6, 1.5]], [[0.1, -1.0], [0.1, 1.0], [0.1, 0.0]]):
        both = dk.trace_fixed_points(system, points, drives=drives)
        assert dk.plots.plot_branches(both).get_xlabel() == "position along the drives"


def test_every_kind_of_event_has_its_own_mark():
    from dynakit.plots.branches import EVENTS

    family = dk.catalog.logistic
    branches = dk.trace_fixed_points(family(2.0), [[0.0], [0.5]], family=family, span=(0.7, 3.2))
    ax = dk.plots.plot_branches(branches)
    shown = {line.get_marker(): line.get_label() for line in drawn(ax, "event")}
    assert shown == {EVENTS["flip"][0]: "flip (1)", EVENTS["branch point"][0]: "branch point (1)"}
    assert len({mark for mark, _ in EVENTS.values()}) == len(EVENTS)
    assert ax.get_xlabel() == "parameter"


def test_the_height_is_the_coordinate_asked_for():
    system = dk.catalog.tanh_network(np.diag([2.0, 0.3]), W_in=np.array([[1.0, 0.0], [0.0, 1.0]]))
    branches = dk.trace_fixed_points(system, dk.find_fixed_points(system), drives=[[0.0, 0.0], [1.0, 0.5]])
    flat = dk.project(branches.states, 2)
    asked = [
        (1, branches.states[:, 1]),
        ([3.0, 4.0], branches.states @ [3.0, 4.0]),
        (flat, flat.transform(branches.states)[:, 0]),
    ]
    for along, heights in asked:
        ax = dk.plots.plot_branches(branches, along=along)
        shown = np.concatenate([line.get_ydata() for line in drawn(ax, "branch")])
        assert_allclose(np.unique(shown.round(9)), np.unique(heights.round(9)))
    widest = dk.plots.plot_branches(branches)
    shown = np.concatenate([line.get_ydata() for line in drawn(widest, "branch")])
    assert np.ptp(shown) > 1.9  # the bistable unit, not the other
    for along, message in [
        (2, "along must be between 0 and 1"),
        ("up", "along must be one of"),
        ([1.0], "along must have shape"),
    ]:
        with pytest.raises(InputError, match=message):
            dk.plots.plot_branches(branches, along=along)


def test_points_are_counted_kind_by_kind_with_the_loss_above(tracks):
    ax = dk.plots.plot_tracks(tracks)
    layers = [c for c in ax.collections if c.get_gid() == "count"]
    tops = [layer.get_paths()[0].vertices[:, 1].max() for layer in layers]
    assert tops == [2, 3]  # two stable, and one that is not
    (above,) = ax.child_axes
    assert_allclose(above.get_lines()[0].get_ydata(), [2.0, 1.8, 0.4, 0.3])
    (birth,) = drawn(ax, "birth")
    assert_allclose(birth.get_xdata(), 10 + 10 / 3, atol=1e-6)
    assert "birth of a pair (1)" in legend_of(ax)
    assert max(ax.get_yticks()) <= 3.2  # the counts keep to their own part


def test_each_life_is_a_line(tracks):
    ax = dk.plots.plot_tracks(tracks, along=0)
    ends = sorted(line.get_ydata()[-1] for line in drawn(ax, "branch") if line.get_xdata()[-1] == 30)
    assert_allclose(ends, sorted(tracks.states[tracks.checkpoint == 3][:, 0]))
    assert ax.get_ylabel() == "unit 0"


def test_a_run_without_losses_has_no_panel_for_them():
    tracks = dk.track_fixed_points([dk.catalog.tanh_unit(w) for w in (0.5, 0.6)])
    assert not dk.plots.plot_tracks(tracks).child_axes


@pytest.mark.parametrize("axes", [None, (0, 1, 2)])
def test_branches_of_manifolds_run_from_saddles_to_attractors(cube, manifolds, axes):
    ax = dk.plots.plot_heteroclinic(manifolds, cube.points, cube.projection, axes=axes)
    lines = drawn(ax, "manifold")
    assert len(lines) == len(manifolds)
    assert ("3d" in ax.name) == (axes is not None)
    few = dk.plots.plot_heteroclinic(manifolds, cube.points, cube.projection, axes=axes, orbits=False)
    edges = manifolds[manifolds.dimensions == 1]
    assert len(drawn(few, "manifold")) == len(edges) == 24
    if axes is None:
        starts = np.array([line.get_xydata()[0] for line in drawn(few, "manifold")])
        assert_allclose(
            starts, cube.projection.transform(cube.points.states[edges.saddles])[:, :2], atol=1e-9
        )
        ends = np.array([line.get_xydata()[-1] for line in drawn(few, "manifold")])
        assert_allclose(ends, cube.projection.transform(cube.points.states[edges.targets])[:, :2], atol=1e-9)
        assert len([text for text in few.texts if text.get_gid() == "arrow"]) == 24


def test_what_does_not_belong_together_is_refused(cube, manifolds):
    with pytest.raises(InputError, match="points must be the 27 that the manifolds were grown from, got 8"):
        dk.plots.plot_heteroclinic(manifolds, cube.points.stable, cube.projection)
    with pytest.raises(InputError, match="axes must name two or three"):
        dk.plots.plot_heteroclinic(manifolds, cube.points, cube.projection, axes=(0,))
    with pytest.raises(InputError, match="axes must name two components on 2-D axes"):
        dk.plots.plot_heteroclinic(manifolds, cube.points, cube.projection, axes=(0, 1, 2), ax=plt.subplot())
    other = dk.project(np.random.default_rng(0).normal(size=(9, 2)), 2)
    with pytest.raises(InputError, match=r"manifolds\.states must have shape"):
        dk.plots.plot_heteroclinic(manifolds, cube.points, other)


def test_an_empty_diagram_says_so():
    unit = dk.catalog.tanh_unit(2.0)
    ax = dk.plots.plot_branches(dk.trace_fixed_points(unit, np.zeros((0, 1)), drives=[[0.0], [1.0]]))
    assert [text.get_text() for text in ax.texts] == ["no branches"]
