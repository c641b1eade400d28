import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import dynakit as dk
from dynakit.plots import colours, style

P = dk.plots
COUNTS = {"stable (8)", "saddle, 1 unstable (12)", "saddle, 2 unstable (6)", "repeller, 3 unstable (1)"}


def said(ax):
    return {text.get_text() for text in ax.get_legend().get_texts()}


def drawn(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def size(line):
    return len(np.atleast_1d(line.get_data_3d()[0] if hasattr(line, "get_data_3d") else line.get_xdata()))


def places(line):
    return np.stack(line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data(), 1)


def pieces(line):
    """The parts (point, axis) of a line between its gaps."""
    at = places(line)
    return np.split(at, np.flatnonzero(np.isnan(at).any(axis=1)))


@pytest.mark.parametrize("axes", [(0, 1), (0, 1, 2), (2, 0), (1,)])
def test_as_many_marks_of_each_kind_as_points(cube, axes):
    ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points, axes=axes)
    assert {line.get_label(): size(line) for line in drawn(ax, "points")} == {
        t: int(t[:-1].split("(")[1]) for t in COUNTS
    }
    assert said(ax) >= COUNTS
    assert (ax.name == "3d") == (len(axes) == 3)


def test_marks_and_colours_tell_the_kinds_apart_twice(cube):
    lines = drawn(P.plot_phase_portrait(cube.projection, points=cube.points), "points")
    look = {
        line.get_label().split(" (")[0]: (line.get_marker(), line.get_markerfacecolor()) for line in lines
    }
    assert look["stable"] == ("o", "#000000")
    assert look["saddle, 1 unstable"] == ("D", "#D55E00")
    assert look["saddle, 2 unstable"] == ("D", "#009E73")
    assert look["repeller, 3 unstable"] == ("o", "white")
    (repeller,) = (
        line for line in lines if line.get_marker() == "o" and line.get_markerfacecolor() == "white"
    )
    assert repeller.get_markeredgecolor() == "#0072B2"


def test_three_dimensional_axes_are_used_in_three_dimensions(cube):
    given = plt.figure().add_subplot(projection="3d")
    ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points, cube.modes, ax=given)
    assert ax is given
    assert ax.get_zlabel() == cube.projection.names[2]
    (line,) = drawn(ax, "trajectory")
    assert len(pieces(line)) == len(cube.states)
    np.testing.assert_allclose(pieces(line)[0], cube.projection.transform(cube.states[0]))
    np.testing.assert_allclose(pieces(line)[-1][1:], cube.projection.transform(cube.states[-1]))


def test_points_stand_where_the_projection_puts_them(cube):
    ax = P.plot_phase_portrait(cube.projection, points=cube.points.stable, axes=(2, 1))
    (line,) = drawn(ax, "points")
    expected = cube.projection.transform(cube.points.stable.states)[:, [2, 1]]
    np.testing.assert_allclose(np.stack(line.get_data(), 1), expected)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (cube.projection.names[2], cube.projection.names[1])


def test_unstable_directions_run_through_saddles_along_the_unstable_units(cube):
    axes = dk.Projection.onto(np.eye(3), ["a", "b", "c"])
    ax = P.plot_phase_portrait(axes, points=cube.points, modes=cube.modes, axes=(0, 1, 2))
    (line,) = drawn(ax, "direction")
    assert line.get_color() == style.UNSTABLE_DIRECTION
    assert len(pieces(line)) == 12 * 1 + 6 * 2  # none through the repeller
    for ends in (piece[-2:] for piece in pieces(line)):
        middle, along = ends.mean(axis=0), np.abs(ends[1] - ends[0])
        nearest = np.abs(cube.points.saddles.states - middle).max(axis=1).min()
        assert nearest < 1e-9
        moving = along > 1e-9
        assert moving.sum() == 1  # along one unit
        np.testing.assert_allclose(middle[moving], 0, atol=1e-9)  # the one that sits on its unstable zero


def test_a_complex_pair_spans_its_plane_with_two_lines():
    turn = dk.catalog.linear([[0.9, -0.9, 0.0], [0.9, 0.9, 0.0], [0.0, 0.0, 0.5]])
    modes = dk.linearize(turn, np.zeros((1, 3)))
    ax = P.plot_phase_portrait(dk.Projection.onto(np.eye(3), ["a", "b", "c"]), points=modes, modes=modes)
    (line,) = drawn(ax, "direction")
    vectors = [np.ptp(piece[-2:], axis=0) for piece in pieces(line)]
    assert len(vectors) == 2
    assert abs(np.linalg.det(np.array(vectors))) > 1e-4


def test_conditions_colour_the_trajectories(cube):
    labels = np.array(["left", "right"] * 6)
    ax = P.plot_phase_portrait(cube.projection, cube.states, conditions=labels)
    lines = drawn(ax, "trajectory")
    assert [line.get_color() for line in lines] == list(colours.of_conditions(labels).values())
    assert [len(pieces(line)) for line in lines] == [6, 6]
    np.testing.assert_allclose(pieces(lines[1])[0], cube.projection.transform(cube.states[1])[:, :2])
    assert said(ax) == {"left", "right"}
    shades = colours.of_conditions([0.1, 0.2, 0.3, 0.4])
    lightness = [sum(to_rgba(c)[:3]) for c in shades.values()]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(colours.of_conditions([f"{k}" for k in range(30)]).values())) == 30


def test_many_conditions_do_not_flood_the_legend(cube):
    ax = P.plot_phase_portrait(cube.projection, cube.states, conditions=np.linspace(-1, 1, 12))
    assert ax.get_legend() is None
    (bar,) = [one for one in ax.figure.axes if one is not ax]
    assert (bar.get_ylim(), bar.get_ylabel()) == ((-1, 1), "condition")
    ax = P.plot_phase_portrait(cube.projection, cube.states, conditions=[f"trial {k}" for k in "abcdefghijkl"])
    assert said(ax) == {"trial a", "trial g", "trial l"}


def test_no_condition_is_left_out_however_rare(cube):
    labels = ["often"] * 11 + ["once"]
    for most, counts in ((None, [11, 1]), (2, [2, 1]), (1, [1, 1])):
        ax = P.plot_phase_portrait(cube.projection, cube.states, conditions=labels, n_trajectories=most)
        assert [len(pieces(line)) for line in drawn(ax, "trajectory")] == counts
    many = np.repeat(np.arange(40), 3)
    states = np.resize(cube.states, (120, *cube.states.shape[1:]))
    ax = P.plot_phase_portrait(cube.projection, states, conditions=many)
    assert len(drawn(ax, "trajectory")) == 40


def test_numeric_conditions_stand_in_numeric_order_and_on_a_scale(cube):
    labels = ["10", "9", "-1"] * 4
    ax = P.plot_phase_portrait(cube.projection, cube.states, conditions=labels)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["-1", "9", "10"]
    low, near, high = (np.array(to_rgba(c)) for c in colours.of_conditions(labels).values())
    assert np.abs(high - near).sum() < 0.3 * np.abs(high - low).sum()


def test_a_single_component_runs_over_ms_where_the_length_of_a_step_is_known(cube):
    ax = P.plot_phase_portrait(cube.projection, cube.states, axes=(0,), dt=20.0)
    assert ax.get_xlabel() == "time (ms)"
    assert pieces(drawn(ax, "trajectory")[0])[0][:, 0].tolist() == (20.0 * np.arange(cube.states.shape[1])).tolist()


def test_starts_are_open_and_ends_filled_also_around_missing_rows(cube):
    states = cube.states.copy()
    states[0, :3] = np.nan
    states[1] = np.nan
    ax = P.plot_phase_portrait(cube.projection, states)
    (start,), (end,) = drawn(ax, "start"), drawn(ax, "end")
    assert size(start) == size(end) == 11  # the trial without a finite row has neither
    np.testing.assert_allclose(start.get_xydata()[0], cube.projection.transform(states[0, 3])[:2])
    assert start.get_markerfacecolor() == "white" != end.get_markerfacecolor()


@pytest.mark.parametrize("axes", [(0, 1), (0, 1, 2), (0,)])
def test_an_empty_search_says_so(cube, axes):
    ax = P.plot_phase_portrait(cube.projection, cube.states, cube.points[[]], axes=axes)
    assert "no fixed point found" in [text.get_text() for text in ax.texts]
    assert not drawn(ax, "points")
    assert (
        "no fixed point found"
        in P.phase_portrait_3d(cube.projection, points=cube.points[[]]).layout.annotations[0].text
    )


def test_one_unit_is_drawn_over_the_steps():
    system = dk.catalog.tanh_unit(w=2.0)
    points = dk.find_fixed_points(system)
    states = dk.record(system, np.zeros((2, 10, 1)), x0=[[0.1], [-0.1]]).states
    ax = P.plot_phase_portrait(dk.project(states), states, points, dk.linearize(system, points))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "PC 1 (100 %)")
    assert [size(line) for line in drawn(ax, "points")] == [2, 1]


def test_points_that_cannot_be_judged_have_marks_of_their_own():
    plane = dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]])  # a line of fixed points
    modes = dk.linearize(plane, [[0.0, 0.0], [1.0, 0.0]])
    axes = dk.Projection.onto(np.eye(2), ["a", "b"])
    assert said(P.plot_phase_portrait(axes, points=modes)) == {"marginal (2)"}
    found = dk.find_fixed_points(dk.catalog.linear(np.diag([1.0, 0.5])), starts=[[0.3, 0.2]])
    assert found.non_isolated.all()
    (line,) = drawn(P.plot_phase_portrait(axes, points=found), "points")
    assert (line.get_label(), line.get_marker()) == (f"not isolated ({len(found)})", "P")


def test_limits_on_the_number_of_trajectories(cube):
    ax = P.plot_phase_portrait(cube.projection, cube.states, n_trajectories=5, linewidth=2.5)
    (line,) = drawn(ax, "trajectory")
    assert (len(pieces(line)), line.get_linewidth()) == (5, 2.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": 3}, "projection must be Projection"),
        ({"states": np.zeros((2, 5, 4))}, "states must have shape"),
        ({"points": 3}, "points must be FixedPoints or Modes"),
        ({"modes": 3}, "modes must be Modes"),
        ({"conditions": ["a"]}, "conditions must hold one label for each of the 12 trials"),
        ({"axes": (0, 5)}, "axes must be between 0 and 2"),
        ({"axes": (0, 0)}, "axes must name one, two or three different"),
        ({"n_trajectories": -1}, "n_trajectories must be at least 0"),
    ],
)
def test_bad_arguments_are_named(cube, change, words):
    arguments = {"projection": cube.projection, "states": cube.states, "points": cube.points} | change
    with pytest.raises(dk.InputError, match=words):
        P.plot_phase_portrait(**arguments)
    with pytest.raises(dk.InputError, match=words.replace("one, two or three", "one, two or three")):
        P.phase_portrait_3d(**arguments | ({"axes": (*change["axes"], 1)} if "axes" in change else {}))


def test_axes_must_fit_the_given_axes(cube):
    with pytest.raises(dk.InputError, match="axes must name"):
        P.plot_phase_portrait(cube.projection, axes=(0, 1, 2), ax=plt.figure().add_subplot())
    with pytest.raises(dk.InputError, match="axes must name three"):
        P.plot_phase_portrait(dk.project(np.eye(3)[:, :2]), ax=plt.figure().add_subplot(projection="3d"))


def test_the_browser_shows_the_same_scene(cube):
    pytest.importorskip("plotly")
    figure = P.phase_portrait_3d(
        cube.projection, cube.states, cube.points, cube.modes, conditions=["a", "b"] * 6
    )
    traces = {trace.name: trace for trace in figure.data if trace.name in COUNTS}
    assert set(traces) == COUNTS
    for name, trace in traces.items():
        assert len(trace.x) == len(trace.text) == int(name[:-1].split("(")[1])
    assert traces["stable (8)"].marker.symbol == "circle"
    assert traces["saddle, 1 unstable (12)"].marker.color == "#D55E00"
    assert "stable" in traces["stable (8)"].text[0]
    assert f"{np.abs(cube.points.stable.eigenvalues[0]).max():.4g}" in traces["stable (8)"].text[0]
    assert "residual" in traces["stable (8)"].text[0]
    drawn_here = P.plot_phase_portrait(cube.projection, cube.states, cube.points, cube.modes, axes=(0, 1, 2))
    flat = {line.get_label(): np.stack(line.get_data_3d(), 1) for line in drawn(drawn_here, "points")}
    for name, trace in traces.items():
        np.testing.assert_allclose(np.stack([trace.x, trace.y, trace.z], 1), flat[name])


def test_without_plotly_the_extra_is_named(cube, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"dynakit\[interactive\]"):
        P.phase_portrait_3d(cube.projection)


def test_trajectories_without_a_finite_state_leave_the_axes_empty():
    ax = dk.plots.plot_phase_portrait(dk.project(np.eye(3)), np.full((2, 4, 3), np.nan))
    assert not [line for line in ax.get_lines() if line.get_gid() in ("start", "end")]
