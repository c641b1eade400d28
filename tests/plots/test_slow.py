"""What must be in the picture: slow points in a portrait, a slow curve and what happens along it, rates of a flow."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import dynakit as dk

P = dk.plots
AXES = dk.Projection.onto(np.eye(2), ["a", "b"])


def said(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def marked(ax, gid):
    return [artist for artist in [*ax.lines, *ax.collections] if artist.get_gid() == gid]


@pytest.fixture(scope="module")
def ghosts():
    """Two units, one past its fold by 0.01 and one by 0.3: a slow and a less slow ghost, seen one by one."""
    system = dk.catalog.tanh_network(2 * np.eye(2), W_in=np.eye(2))
    drives = np.repeat([[0.54, 0.0], [0.83, 0.0]], 4, axis=0)
    starts = np.tile([[-0.7, 0.9], [-0.7, -0.9], [-0.75, 0.9], [-0.75, -0.9]], (2, 1))
    return dk.find_slow_points(system, starts, drives)


def test_slow_points_are_grey_crosses_larger_where_slower(ghosts):
    ax = P.plot_phase_portrait(AXES, slow=ghosts)
    (crosses,) = marked(ax, "slow points")
    np.testing.assert_allclose(crosses.get_offsets(), ghosts.states)
    sizes = crosses.get_sizes()
    order = np.argsort(ghosts.speeds)
    assert sizes[order[0]] == sizes.max() > sizes[order[-1]] == sizes.min() > 0
    assert f"slow point ({len(ghosts)})" in said(ax)
    assert not marked(ax, "points")


def test_slow_points_are_drawn_in_three_dimensions_too(ghosts):
    eye = dk.Projection.onto(np.eye(3), ["a", "b", "c"])
    wide = dk.find_slow_points(
        dk.catalog.tanh_network(2 * np.eye(3), b=[0.54, 0.54, 0.54]), -0.7 * np.ones((4, 3))
    )
    ax = P.plot_phase_portrait(eye, slow=wide, axes=(0, 1, 2))
    assert len(marked(ax, "slow points")) == 1
    figure = P.phase_portrait_3d(eye, slow=wide)
    (trace,) = [t for t in figure.data if t.name == f"slow point ({len(wide)})"]
    assert trace.marker.symbol == "x"
    np.testing.assert_allclose(trace.x, wide.states[:, 0])
    assert trace.text[0].startswith("ghost: q = ")


def test_slow_points_of_another_system_are_refused(ghosts):
    with pytest.raises(dk.InputError, match=r"slow\.states"):
        P.plot_phase_portrait(dk.Projection.onto(np.eye(3), ["a", "b", "c"]), slow=ghosts)
    with pytest.raises(dk.InputError, match="slow must be SlowPoints"):
        P.plot_phase_portrait(AXES, slow=np.zeros((2, 2)))


def test_a_ring_is_drawn_closed_and_its_points_by_what_they_do(bumpy_ring):
    manifold, axes = bumpy_ring
    ax = P.plot_slow_manifold(manifold, axes)
    (curve,) = marked(ax, "slow curve")
    assert len(curve.get_segments()) == len(manifold)
    np.testing.assert_allclose(curve.get_segments()[-1][-1], manifold.states[0])
    assert {"attracting along it (3)", "repelling along it (3)"} == set(said(ax))
    holds, leaves = marked(ax, "fixed points")
    np.testing.assert_allclose(holds.get_xydata(), manifold.fixed_points[manifold.fixed_holds])
    np.testing.assert_allclose(leaves.get_xydata(), manifold.fixed_points[~manifold.fixed_holds])
    assert holds.get_marker() != leaves.get_marker()


def test_arrows_run_the_way_of_the_drift(bumpy_ring):
    manifold, axes = bumpy_ring
    ax = P.plot_slow_manifold(manifold, axes)
    arrows = [(text.xyann, text.xy) for text in ax.texts]
    assert 5 <= len(arrows) <= 9
    for tail, head in arrows:
        k = np.linalg.norm(manifold.states - (np.array(tail) + head) / 2, axis=1).argmin()
        motion = manifold.drift[k] * manifold.right[k]
        assert (np.array(head) - tail) @ motion > 0


def test_a_curve_without_drift_has_no_arrows_and_no_crossings():
    line = dk.trace_slow_manifold(dk.catalog.linear([[0.75, 0.25], [0.25, 0.75]]), [[-1.0, -1.0], [1.0, 1.0]])
    ax = P.plot_slow_manifold(line, AXES)
    ax.figure.canvas.draw()
    assert not ax.texts
    assert not marked(ax, "fixed points")
    assert len(marked(ax, "slow curve")[0].get_segments()) == len(line) - 1


def test_along_the_curve_the_drift_crosses_zero_at_its_fixed_points(bumpy_ring):
    manifold, _ = bumpy_ring
    ax = P.plot_slow_manifold(manifold)
    (line,) = marked(ax, "drift")
    np.testing.assert_allclose(line.get_xydata(), np.stack([manifold.arclengths, manifold.drift], 1))
    dots = np.concatenate([dots.get_xydata() for dots in marked(ax, "fixed points")])
    np.testing.assert_allclose(np.interp(dots[:, 0], manifold.arclengths, manifold.drift), 0, atol=1e-5)


def test_selection_has_one_named_line_per_input():
    R, B = np.array([[1.0, 0.5], [0.0, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    A, B_ = torch.from_numpy(R), torch.from_numpy(B)
    system = dk.FunctionSystem(lambda x, u: x @ A.T + u @ B_.T, 2, 2, argument_order="state, input")
    manifold = dk.trace_slow_manifold(system, [[-1.0, 0.0], [1.0, 0.0]])
    ax = P.plot_slow_manifold(manifold, what="selection", names=["motion", "colour"])
    assert said(ax) == ["motion", "colour"]
    with pytest.raises(dk.InputError, match="names must hold one label for each of the 2 inputs"):
        P.plot_slow_manifold(manifold, what="selection", names=["motion"])
    with pytest.raises(dk.InputError, match="what must be one of"):
        P.plot_slow_manifold(manifold, what="speed")
    assert "slow mode" in said(P.plot_slow_manifold(manifold, what="eigenvalues"))


def test_a_curve_in_three_dimensions(bumpy_ring):
    manifold, _ = bumpy_ring
    with pytest.raises(dk.InputError, match="axes"):
        P.plot_slow_manifold(manifold, AXES, ax=plt.figure().add_subplot(projection="3d"))
    wide = dk.trace_slow_manifold(
        dk.catalog.tanh_network(np.diag([1.1, 0.3, 0.2])), [[-0.9, 0.0, 0.0], [0.9, 0.0, 0.0]]
    )
    eye = dk.Projection.onto(np.eye(3), ["a", "b", "c"])
    ax = P.plot_slow_manifold(wide, eye, axes=(0, 1, 2))
    ax.figure.canvas.draw()
    assert ax.name == "3d"
    assert any(text.startswith("slow curve") for text in said(ax))


def test_the_spectrum_of_a_flow_is_marked_by_the_verdict_on_the_flow():
    """Euler's step of dx/dt = -x - 1.5 tanh(x) with alpha = 1 is unstable; the flow is not."""
    model = dk.models.LeakyRNN(1, 1, 1, dt=100.0, tau=100.0, activation="tanh")
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.W_rec.fill_(-1.5)
    modes = dk.linearize(dk.as_system(model), [[0.0]])
    assert "repeller, 1 unstable (1)" in said(P.plot_spectrum(modes))
    assert said(P.plot_spectrum(modes, line="flow")) == [
        "imaginary axis: stability of the flow",
        "stable (1)",
    ]
