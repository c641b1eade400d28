"""Legends cover no data, whatever is asked for, and their room is made for them."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import dynakit as dk
from dynakit.plots import legends

P = dk.plots
WITHOUT = {"plot_activity", "plot_communities", "plot_connectivity", "plot_confusion", "plot_training", "plot_raster"}
NAMES = [name for name in P.__all__ if name.startswith("plot_")]
PLACES = (None, "inside", "right", "below", "none")
# A legend is placed in one way for all: one plot of each way of drawing (points, a graph, a field, bars) in each place.
KINDS = ["plot_phase_portrait", "plot_transitions", "plot_flow", "plot_basin_fractions"]
LABELLED = sorted(set(NAMES) - WITHOUT)


def ink_under_the_legend(ax):
    """Pixels that are not background where the legend stands, in the same picture without it."""
    figure, legend = ax.figure, ax.get_legend()
    figure.draw_without_rendering()  # all is laid out
    box = legend.get_window_extent().extents
    figure.set_layout_engine("none")  # all else stays where it is
    legend.set_visible(False)
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3]
    x0, y0, x1, y1 = np.maximum(np.rint(box), 0).astype(int)
    return int((image[y0:y1, x0:x1] < 250).any(axis=-1).sum())


@pytest.mark.parametrize(
    ("name", "place"),
    [*((name, place) for place in (None, "none") for name in LABELLED), *((n, p) for p in PLACES[1:4] for n in KINDS)],
)
def test_no_legend_covers_data_on_a_column_of_a_paper(drawings, name, place):
    with P.using("paper"):
        ax = drawings[name](legend=place)
        if place == "none":
            assert ax.get_legend() is None
        elif ax.get_legend() is not None:
            assert ink_under_the_legend(ax) == 0


@pytest.mark.parametrize("place", PLACES)
def test_no_legend_covers_data_or_labels_in_space(cube, place):
    with P.using("paper"):
        ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points, axes=(0, 1, 2), legend=place)
        assert place == "none" or ink_under_the_legend(ax) == 0
        figure = ax.figure
        figure.canvas.draw()
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            box = axis.get_tightbbox()
            assert np.all(box.min >= 0)
            assert np.all(box.max <= figure.bbox.max)


def test_in_a_narrow_figure_the_axes_keep_their_width_and_the_figure_grows(cube):
    with P.using("paper"):
        widths, heights = [], []
        for place in ("none", None):
            ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points, legend=place)
            ax.figure.canvas.draw()
            widths.append(ax.bbox.width)
            heights.append(ax.bbox.height)
        assert ax.get_legend().get_window_extent().y1 < ax.bbox.y0
        assert widths[1] > 0.97 * widths[0]
        assert heights[1] > 0.97 * heights[0]
    with P.using("paper", columns=2):
        ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points)
        ax.figure.canvas.draw()
        assert ax.get_legend().get_window_extent().x0 > ax.bbox.x1


def test_a_second_legend_takes_the_place_of_the_first(cube):
    with P.using("paper"):
        once = P.plot_phase_portrait(cube.projection, cube.states, cube.points).figure.get_size_inches()
        ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points)
        for _ in range(3):
            legends.draw(ax)
        np.testing.assert_allclose(ax.figure.get_size_inches(), once)


def test_inside_is_inside_where_there_is_room_and_below_where_there_is_none(curve, cube):
    with P.using("paper"):
        ax = P.plot_psychometric({"a": curve, "b": curve}, legend="inside")
        box = ax.get_legend().get_window_extent()
        assert np.all(ax.bbox.min <= box.min)
        assert np.all(box.max <= ax.bbox.max)
        ax = P.plot_flow(cube.flow, legend="inside")
        assert ax.get_legend().get_window_extent().y1 < ax.bbox.y0


@pytest.mark.parametrize("place", [None, "right", "below"])
def test_axes_of_the_callers_shrink_and_leave_their_neighbours_alone(cube, place):
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.9, 3))
    before, beside = figure.get_size_inches().tolist(), right.get_position().bounds
    P.plot_phase_portrait(cube.projection, cube.states, cube.points, ax=left, legend=place)
    assert figure.get_size_inches().tolist() == before
    assert right.get_position().bounds == beside
    assert ink_under_the_legend(left) == 0


def test_points_outside_of_the_frame_are_counted(cube):
    _, ax = plt.subplots()
    ax.set_xlim(-1, 10)
    ax.set_ylim(-10, 10)
    placed = cube.projection.transform(cube.points.stable.states)
    outside = int((placed[:, 0] < -1).sum())
    P.plot_phase_portrait(cube.projection, points=cube.points, ax=ax)
    assert 0 < outside < 8
    assert f"stable (8, {outside} outside)" in {text.get_text() for text in ax.get_legend().get_texts()}


def test_a_place_that_there_is_not_is_named_with_the_nearest(cube):
    with pytest.raises(dk.InputError, match=r"legend must be one of .* got 'belo'; did you mean 'below'"):
        P.plot_flow(cube.flow, legend="belo")
    assert matplotlib.rcParams["figure.figsize"] == matplotlib.rcParamsDefault["figure.figsize"]


def test_a_legend_keeps_a_colour_bar_beside_its_axes(cube):
    with P.using("paper"):
        ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points, conditions=np.linspace(-1, 1, 12))
        ax.figure.canvas.draw()
        (bar,) = [one for one in ax.figure.axes if one is not ax]
        assert bar.bbox.x0 - ax.bbox.x1 < 0.04 * ax.figure.bbox.width
        assert ax.bbox.width > 0.55 * ax.figure.bbox.width
