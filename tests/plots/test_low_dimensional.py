"""Pictures of systems of one and two units, whose every line is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynakit as dk

P = dk.plots


def drawn(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def said(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_arrows_of_a_phase_line_point_to_what_is_stable(line):
    ax = P.plot_phase_line(line)
    assert said(ax) == ["rest", "up", "stable (3)", "repeller, 1 unstable (1)"]
    rest, _ = drawn(ax, "velocity")
    assert_allclose(rest.get_ydata(), np.tanh(2 * rest.get_xdata()) - rest.get_xdata(), atol=1e-12)
    (rows,) = ax.child_axes
    forward = [x for marks in drawn(rows, "way") if marks.get_marker() == ">" for x in marks.get_xdata()]
    back = [x for marks in drawn(rows, "way") if marks.get_marker() == "<" for x in marks.get_xdata()]
    stable = np.sort(line.points.states[:, 0])
    assert len(forward) == len(back) == 3
    assert all(min(np.abs(stable - x)) > 0.1 for x in forward + back)
    assert sorted(np.round(forward, 3))[0] < -0.95 < sorted(np.round(back, 3))[0]


def test_a_cobweb_of_a_two_cycle_is_a_square():
    """x' = 3.2 x (1 - x) alternates between (21 +- sqrt(21)) / 32."""
    low, high = (21 - np.sqrt(21)) / 32, (21 + np.sqrt(21)) / 32
    system = dk.catalog.logistic(3.2)
    orbit = dk.record(system, np.zeros((1, 400, 0)), [[0.3]])
    line = dk.map_phase_line(system, span=[0.0, 1.0])
    ax = P.plot_cobweb(line, orbit.states[0, -6:])
    (stairs,) = drawn(ax, "orbit")
    x, y = stairs.get_data()
    assert_allclose(np.unique(np.round(x, 9)), [low, high], atol=1e-9)
    assert_allclose(y[1:], np.where(np.isclose(y[1:], low, atol=1e-6), low, high), atol=1e-9)
    steps = np.abs(np.diff(np.stack([x, y]), axis=1))
    assert (np.minimum(*steps) < 1e-9).all()  # each stretch runs along one of the axes
    up = np.isclose(x[1:], x[:-1], atol=1e-9) & (steps[1] > 1e-6)
    assert_allclose(y[1:][up], 3.2 * x[1:][up] * (1 - x[1:][up]), atol=1e-9)  # ... and the upright ones end on the map
    (curve,) = drawn(ax, "map")
    assert_allclose(curve.get_ydata(), 3.2 * curve.get_xdata() * (1 - curve.get_xdata()), atol=1e-12)


def test_nullclines_lie_where_the_velocity_along_an_axis_is_zero(oscillator):
    """Van der Pol: x stands still on y = 0, y on y = x / (1 - x^2)."""
    ax = P.plot_nullclines(*oscillator, flow=False)
    first, second = (
        np.concatenate([path.vertices for path in one.get_paths()]) for one in ax.collections
    )
    assert_allclose(first[:, 1], 0, atol=1e-9)
    x, y = second.T
    assert np.abs((1 - x**2) * y - x).max() < 0.02
    assert said(ax) == ["unit 1 stands still", "unit 2 stands still", "unstable focus (1)"]


def test_types_are_named_in_any_plane(cube):
    through = cube.points.saddles[0].states[0]
    field = dk.plane_flow(cube.system, cube.projection, through=through, n_grid=21)
    ax = P.plot_nullclines(field, cube.modes, cube.projection)
    names = [name.partition(" (")[0] for name in said(ax)]
    assert names[2:] == ["stable node", "saddle", "saddle", "unstable node"]
    with pytest.raises(dk.InputError, match="projection must be given for points of 3 units"):
        P.plot_nullclines(field, cube.modes)


def test_a_map_over_two_inputs_colours_each_drive_by_what_is_there(cusp):
    ax = P.plot_fixed_point_map(cusp, colors={"1 stable": "#111111"})
    assert said(ax) == ["1 stable", "2 stable, 1 repeller"]
    (cells,) = ax.collections
    within = np.abs(np.array([-1.0, 0.0, 0.4]) + np.array([[-0.5], [0.0], [0.5]])) < 0.5328
    assert np.array_equal(cells.get_array().astype(bool), within)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input 1", "input 2")
    assert cells.get_facecolor().shape or cells.cmap(0)[:3] == (0x11 / 255,) * 3
