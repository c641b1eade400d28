"""What must be in the picture: flow, spectrum, transitions, connectivity, memory, training, trials, activity."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

import dynakit as dk
from dynakit.plots import connectivity, flow, training

P = dk.plots


def said(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawn(ax, gid):
    return [artist for artist in [*ax.lines, *ax.patches, *ax.texts] if artist.get_gid() == gid]


# --- flow


@pytest.mark.parametrize("kind", ["stream", "quiver"])
def test_flow_fades_with_the_share_that_leaves_the_plane(cube, kind):
    field = dataclasses.replace(cube.flow, leaving_share=np.full_like(cube.flow.leaving_share, 0.6))
    faint = dataclasses.replace(cube.flow, leaving_share=np.full_like(cube.flow.leaving_share, 0.95))
    for shown, cosine in ((field, 0.8), (faint, np.sqrt(1 - 0.95**2))):
        ax = P.plot_flow(shown, kind=kind)
        ax.figure.canvas.draw()
        inks = ax.collections[0]
        alphas = inks.get_edgecolor()[:, 3] if kind == "stream" else inks.get_facecolor()[:, 3]
        np.testing.assert_allclose(alphas, cosine, atol=0.02)
    assert (np.diff(flow.opacity(np.linspace(0, 1, 50))) <= 0).all()


def test_flow_runs_the_way_the_system_moves():
    system = dk.catalog.linear([[0.5, 0.0], [0.0, 0.5]])
    axes = dk.Projection.onto(np.eye(2), ["a", "b"])
    ax = P.plot_flow(dk.plane_flow(system, axes, through=[0.0, 0.0], n_grid=5), kind="quiver", density=1)
    arrows = ax.collections[0]
    assert arrows.N == 25
    inward = np.sum(np.stack([arrows.U, arrows.V], 1) * arrows.XY, axis=1)
    assert (inward <= 0).all()
    assert inward.min() < 0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


def test_a_plane_where_nothing_moves_says_so():
    still = dk.catalog.linear(np.eye(2))
    field = dk.plane_flow(still, dk.Projection.onto(np.eye(2), ["a", "b"]), through=[0.0, 0.0])
    assert "nothing moves" in P.plot_flow(field).texts[0].get_text()


def test_portrait_over_flow_has_one_legend_for_both(cube):
    ax = P.plot_flow(cube.flow)
    P.plot_phase_portrait(cube.projection, points=cube.points, ax=ax)
    assert "flow, 90 % leaving it" in said(ax)
    assert "stable (8)" in said(ax)


# --- spectrum


def test_the_stability_line_of_a_map_is_the_unit_circle(cube):
    ax = P.plot_spectrum(cube.modes)
    (circle,) = drawn(ax, "circle")
    np.testing.assert_allclose(np.linalg.norm(circle.get_xydata(), axis=1), 1.0)
    assert said(ax)[0] == "unit circle: stability of the map"
    assert {"stable (8)", "repeller, 3 unstable (1)"} <= set(said(ax))
    shown = np.concatenate([line.get_xydata() for line in drawn(ax, "eigenvalues")])
    np.testing.assert_allclose(np.sort(shown[:, 0]), np.sort(cube.modes.eigenvalues.real.ravel()))
    assert ax.get_aspect() == 1.0


def test_the_stability_line_of_a_flow_is_the_imaginary_axis():
    ax = P.plot_spectrum(np.array([-1 + 2j, -1 - 2j, 0.5]), line="flow")
    assert not drawn(ax, "circle")
    assert said(ax) == ["imaginary axis: stability of the flow"]
    assert ax.get_xlim()[0] < -1
    assert ax.get_xlim()[1] > 0.5


def test_leaky_modes_turn_into_rates_of_the_flow(cube):
    leaky = dataclasses.replace(cube.modes, alpha=0.2, euler=True)
    lines = drawn(P.plot_spectrum(leaky, line="flow"), "eigenvalues")
    shown = np.sort(np.concatenate([line.get_xdata() for line in lines]))
    np.testing.assert_allclose(shown, np.sort((cube.modes.eigenvalues.real.ravel() - 1) / 0.2))
    with pytest.raises(dk.InputError, match="line must be 'map'"):
        P.plot_spectrum(cube.modes, line="flow")


def test_weights_get_their_radius_and_no_claim_of_stability():
    stats = dk.graph_statistics(np.array([[0.0, 2.0], [-2.0, 0.0]]))
    ax = P.plot_spectrum(stats)
    (circle,) = drawn(ax, "circle")
    np.testing.assert_allclose(np.linalg.norm(circle.get_xydata(), axis=1), 2.0)
    assert circle.get_linestyle() == ":"
    assert not any("stability" in text for text in said(ax))
    with pytest.raises(dk.InputError, match="line must be None"):
        P.plot_spectrum(stats, line="map")


@pytest.mark.parametrize("values", [np.zeros(0), [0.5], np.array([np.nan, 0.2 + 0.1j])])
def test_odd_spectra_are_drawn_too(values):
    P.plot_spectrum(values).figure.canvas.draw()


# --- transitions


def test_one_arrow_per_switch_and_none_for_no_change(cube):
    ax = P.plot_transitions(cube.transitions, labels=cube.labels)
    assert len(drawn(ax, "edge")) == cube.transitions.n_switches == 24
    assert said(ax) == [*cube.transitions.pulses, "no change: not drawn (24)"]
    assert [text.get_text() for text in drawn(ax, "node")] == cube.labels


def test_three_signs_are_the_corners_of_a_cube(cube):
    ax = P.plot_transitions(cube.transitions, labels=cube.labels)
    at = {text.get_text(): np.array(text.get_position()) for text in drawn(ax, "node")}
    for bit in range(3):  # flipping a bit is the same displacement everywhere
        moves = [at[t] - at[t[:bit] + "-" + t[bit + 1 :]] for t in at if t[bit] == "+"]
        np.testing.assert_allclose(moves, np.broadcast_to(moves[0], (4, 2)))
    apart = [np.linalg.norm(a - b) for k, a in enumerate(at.values()) for b in list(at.values())[:k]]
    assert min(apart) > 0.5
    plain = P.plot_transitions(cube.transitions)
    radii = [np.hypot(*text.get_position()) for text in drawn(plain, "node")]
    np.testing.assert_allclose(radii, 1.0)


def test_nodes_stand_at_their_projections(cube):
    ax = P.plot_transitions(cube.transitions, projection=cube.projection, states=cube.points.stable)
    places = [text.get_position() for text in drawn(ax, "node")]
    np.testing.assert_allclose(places, cube.projection.transform(cube.points.stable.states)[:, :2])
    with pytest.raises(dk.InputError, match="states must be given"):
        P.plot_transitions(cube.transitions, projection=cube.projection)


def test_ends_nowhere_are_stubs_with_a_cross(cube):
    targets = cube.transitions.targets.copy()
    targets[0] = -1
    ax = P.plot_transitions(dataclasses.replace(cube.transitions, targets=targets), labels=cube.labels)
    assert len(drawn(ax, "nowhere")) == len(drawn(ax, "stub")) == 6
    assert len(drawn(ax, "edge")) == 21
    assert "ends near no known attractor (6)" in said(ax)
    reasons = np.where(targets < 0, "near none of the attractors", "")
    reasons[0, :2] = "unbounded"
    two = dataclasses.replace(cube.transitions, targets=targets, reasons=reasons)
    ax = P.plot_transitions(two, labels=cube.labels)
    assert {"ends near no known attractor (4)", "grows without bound (2)"} <= set(said(ax))


def test_critical_amplitudes_are_printed_on_few_edges_only(cube):
    targets = np.array([[1], [1]])
    few = dataclasses.replace(
        cube.transitions[:2],
        targets=targets,
        critical_amplitudes=np.array([[0.625], [np.nan]]),
        pulses=("go",),
    )
    assert [text.get_text() for text in drawn(P.plot_transitions(few), "amplitude")] == ["0.62"]
    many = dataclasses.replace(cube.transitions, critical_amplitudes=np.ones((8, 6)))
    assert not drawn(P.plot_transitions(many), "amplitude")


@pytest.mark.parametrize("n", [0, 1])
def test_automata_without_edges(cube, n):
    alone = dataclasses.replace(cube.transitions[:n], targets=np.zeros((n, 6), int))
    ax = P.plot_transitions(alone)
    ax.figure.canvas.draw()
    assert len(drawn(ax, "node")) == n
    with pytest.raises(dk.InputError, match="labels must hold one label"):
        P.plot_transitions(alone, labels=["a", "b"])


# --- connectivity


def test_the_image_is_the_matrix_with_excitation_first(dale):
    W, sign = dale
    ax = P.plot_connectivity(W)
    order = connectivity.type_order(W, sign)
    np.testing.assert_array_equal(ax.images[0].get_array(), W[order][:, order])
    assert sign[order].tolist() == [1] * 5 + [-1] * 2
    strength = np.abs(W).sum(axis=0)[order]
    assert (np.diff(strength[:5]) <= 0).all()
    assert (np.diff(strength[5:]) <= 0).all()
    assert sorted(order.tolist()) == list(range(7))
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert [line.get_xdata()[0] for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[1]] == [4.5]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["E (5)", "I (2)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("presynaptic unit", "postsynaptic unit")


def test_statistics_matrix_and_signs_draw_the_same(dale):
    W, sign = dale
    images = [
        P.plot_connectivity(W),
        P.plot_connectivity(dk.graph_statistics(W)),
        P.plot_connectivity(W, sign=sign),
    ]
    for ax in images[1:]:
        np.testing.assert_array_equal(ax.images[0].get_array(), images[0].images[0].get_array())


def test_colours_end_at_the_99th_percentile_of_the_weights_that_are_there():
    """One hundred weights 1 .. 100 among zeros, every other one negative, and one of a million."""
    W = np.zeros((20, 20))
    W.flat[:100] = np.arange(1, 101) * np.tile([1, -1], 50)
    assert P.plot_connectivity(W).images[0].get_clim() == pytest.approx((-99.01, 99.01))
    W.flat[100] = 1e6
    assert P.plot_connectivity(W).images[0].get_clim() == pytest.approx((-100, 100))
    low, high = P.plot_connectivity(W, vmin=-2, vmax=2).images[0].get_clim()
    assert (low, high) == (-2, 2)


@pytest.mark.parametrize("W", [np.zeros((1, 1)), np.zeros((4, 4)), np.eye(3)])
def test_odd_matrices_are_drawn_too(W):
    P.plot_connectivity(W).figure.canvas.draw()


def test_bad_matrices_are_named():
    with pytest.raises(dk.InputError, match="W must be square"):
        P.plot_connectivity(np.zeros((2, 3)))
    with pytest.raises(dk.InputError, match="sign must hold"):
        P.plot_connectivity(np.eye(3), sign=[1, 2, 1])


# --- memory


def test_kept_share_over_logarithmic_time(memory):
    ax = P.plot_memory({"a": memory, "b": memory})
    assert ax.get_xscale() == "log"
    assert ax.xaxis.get_major_formatter()(1000.0, 0) == "1\N{THIN SPACE}000"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), memory.kept[memory.times > 0])
    assert said(ax) == ["a: 50 % of 4 kept", "b: 50 % of 4 kept"]
    assert len(P.plot_memory([memory, memory, memory]).lines) == 3


def test_readouts_are_coloured_by_what_they_said(memory):
    ax = P.plot_memory(memory, what="outputs")
    gaps = {line.get_label(): int(np.isnan(line.get_ydata()).sum()) for line in ax.lines}
    assert gaps == {"+": 0, "-": 0, "?": 1}  # of four states two are undecided
    assert len({line.get_color() for line in ax.lines}) == 3
    later = memory.times > 0
    (plus,) = (line for line in ax.lines if line.get_label() == "+")
    np.testing.assert_array_equal(plus.get_ydata(), memory.outputs[later, memory.labels == "+", 0])
    assert said(ax) == ["+", "-", "?"]


def test_bad_memories_are_named(memory):
    with pytest.raises(dk.InputError, match="checks must be a single MemoryCheck"):
        P.plot_memory([memory, memory], what="outputs")
    with pytest.raises(dk.InputError, match="what must be one of"):
        P.plot_memory(memory, what="kpet")
    with pytest.raises(dk.InputError, match="checks must hold at least one"):
        P.plot_memory([])


# --- training


def test_loss_is_logarithmic_and_score_is_a_share(history):
    ax = P.plot_training(history)
    assert ax.get_yscale() == "log"
    (twin,) = (other for other in ax.figure.axes if other is not ax)
    assert twin.get_ylim() == (-0.02, 1.02)
    np.testing.assert_array_equal(drawn(ax, "batch")[0].get_ydata(), history.losses)
    np.testing.assert_array_equal(drawn(twin, "batch")[0].get_ydata(), history.scores)


def test_running_median_ignores_outliers_and_keeps_the_trend():
    values = np.linspace(0, 1, 501)
    noisy = values.copy()
    noisy[100] = 1e6
    noisy[300] = np.nan
    np.testing.assert_allclose(training.running_median(noisy), values, atol=0.01)


@pytest.mark.parametrize("n", [0, 1])
def test_short_runs_and_runs_without_scores(history, n):
    short = dataclasses.replace(history[:n], scores=np.full(n, np.nan))
    ax = P.plot_training(short)
    ax.figure.canvas.draw()
    assert len(ax.figure.axes) == 1
    assert [text.get_text() for text in ax.texts] == (["no updates"] if n == 0 else [])


# --- trials and activity


def test_every_channel_has_a_row_and_masked_targets_are_dotted(trials):
    outputs = np.zeros((4, 20, 2))
    ax = P.plot_trials(trials, outputs, trial=2)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["input 1", "input 2", "input 3", "output 1", "output 2"]
    assert {gid: len(drawn(ax, gid)) for gid in ("input", "target", "uncounted", "output")} == {
        "input": 3,
        "target": 2,
        "uncounted": 2,
        "output": 2,
    }
    counted = np.isfinite(drawn(ax, "target")[0].get_ydata())
    np.testing.assert_array_equal(counted, trials.mask[2, :, 0].numpy() > 0)
    np.testing.assert_array_equal(np.isfinite(drawn(ax, "uncounted")[0].get_ydata()), ~counted)
    assert drawn(ax, "uncounted")[0].get_linestyle() == ":"
    assert said(ax) == ["target", "target, does not count", "output"]
    heights = ax.get_yticks()
    np.testing.assert_allclose(drawn(ax, "output")[1].get_ydata(), heights[4])
    scale = np.abs(trials.inputs[2].numpy()).max()
    np.testing.assert_allclose(
        (drawn(ax, "input")[1].get_ydata() - heights[1]) * scale, trials.inputs[2, :, 1], atol=1e-6
    )


def test_several_trials_stand_in_a_row(trials):
    ax = P.plot_trials(trials, trial=[0, 3])
    last = drawn(ax, "input")[-1]
    assert last.get_xdata()[[0, -1]].tolist() == [20, 39]
    assert ax.get_xlabel() == "step (2 trials of 20 steps)"


def test_trials_without_targets_or_with_missing_outputs(trials):
    bare = dk.tasks.Trials(trials.inputs)
    assert not drawn(P.plot_trials(bare), "target")
    holes = np.full((4, 20, 1), np.nan)
    P.plot_trials(bare, holes).figure.canvas.draw()
    P.plot_trials(dk.tasks.Trials(np.zeros((1, 5, 1)), np.zeros((1, 5, 1)))).figure.canvas.draw()


def test_bad_trials_are_named(trials):
    with pytest.raises(dk.InputError, match="trial must be between -4 and 3"):
        P.plot_trials(trials, trial=4)
    with pytest.raises(dk.InputError, match="outputs must have shape"):
        P.plot_trials(trials, np.zeros((4, 20, 3)))
    with pytest.raises(dk.InputError, match="trial must name at least one"):
        P.plot_trials(trials, trial=[])


def test_activity_is_the_transposed_trial_and_its_colours_know_the_sign(cube):
    ax = P.plot_activity(cube.states, trial=3)
    np.testing.assert_array_equal(ax.images[0].get_array(), cube.states[3].T)
    low, high = ax.images[0].get_clim()
    assert low == -high
    rates = P.plot_activity(np.abs(cube.states[0]))
    assert rates.images[0].get_clim()[0] == 0.0
    assert rates.images[0].cmap.name != ax.images[0].cmap.name


def test_units_are_ordered_by_their_peaks_within_each_block():
    states = np.zeros((1, 6, 4))
    for unit, peak in enumerate([4, 1, 5, 0]):
        states[0, peak, unit] = 1.0
    image = P.plot_activity(states, order="peak").images[0].get_array()
    assert image.argmax(axis=1).tolist() == [0, 1, 4, 5]
    recording = dk.record(dk.catalog.tanh_network(np.eye(4)), np.zeros((1, 6, 0)))
    blocks = dataclasses.replace(recording, states=states, parts={"h": (0, 2), "c": (2, 4)})
    ax = P.plot_activity(blocks, order="peak")
    assert ax.images[0].get_array().argmax(axis=1).tolist() == [1, 4, 0, 5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["h", "c"]


def test_activity_with_missing_rows_zeros_or_one_unit():
    states = np.zeros((1, 5, 1))
    P.plot_activity(states).figure.canvas.draw()
    states[0, 2] = np.nan
    P.plot_activity(states, order="peak").figure.canvas.draw()
    with pytest.raises(dk.InputError, match="states must have shape"):
        P.plot_activity(np.zeros((2, 3, 4, 5)))
    with pytest.raises(dk.InputError, match="order must be one of"):
        P.plot_activity(states, order="peek")


# --- legends


def test_legends_stand_beside_data_where_there_is_room(cube):
    def overlap(ax):
        ax.figure.canvas.draw()
        legend = ax.get_legend().get_window_extent()
        return legend.x0 < ax.bbox.x1 - 1 and legend.y1 > ax.bbox.y0 + 1

    draw = lambda ax: P.plot_phase_portrait(cube.projection, cube.states, cube.points, ax=ax)  # noqa: E731
    assert not overlap(draw(None))
    assert not overlap(draw(plt.subplots(layout="constrained")[1]))
    assert not overlap(draw(plt.subplots(1, 2, layout="constrained")[1][0]))
    assert not overlap(draw(plt.subplots()[1]))
