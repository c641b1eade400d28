"""Reports on trials of unequal length: whatever fills the arrays up is nowhere in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk

LENGTHS = np.array([12, 20, 16, 25, 14, 25, 18, 22, 13, 21])
STAGES = ("attractors", "echo_state", "flow", "lyapunov", "memory", "projection", "trajectories")
BEYOND = np.arange(40) >= LENGTHS[:, None]


def latch():
    """tanh(2 x + 3 u): two stable memories, which inputs of 1 and -1 set."""
    net = dk.models.Elman(1, 2, 1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.rnn.weight_hh_l0.copy_(2 * torch.eye(2))
        net.rnn.weight_ih_l0.copy_(torch.tensor([[3.0], [1.0]]))
        net.readout.weight.copy_(torch.tensor([[1.0, 0.0]]))
    return net


def trials(value):
    """The last of a few kicks is to be remembered; filled up with this value, beyond the longest trial too."""
    rng = np.random.default_rng(0)
    inputs = np.where(rng.random((10, 40, 1)) < 0.2, rng.choice([-1.0, 1.0], (10, 40, 1)), 0.0)
    inputs[:, 0] = 1.0
    last = np.maximum.accumulate(np.where(inputs[..., 0] != 0, np.arange(40), 0), axis=1)
    targets = np.take_along_axis(inputs[..., 0], last, axis=1)[..., None]
    return (np.where(BEYOND[:, :, None], value, a) for a in (inputs, targets))


@pytest.fixture(scope="module")
def report():
    inputs, targets = trials(1e9)
    task = dk.tasks.from_arrays(inputs, targets, lengths=LENGTHS, conditions={"k": LENGTHS % 2})
    return dk.analyze(latch(), task, include=STAGES)


def test_the_report_is_that_of_the_trials_in_a_list(report):
    inputs, targets = trials(0.0)
    lists = [[x[:n] for x, n in zip(a, LENGTHS)] for a in (inputs, targets)]
    again = dk.analyze(latch(), dk.tasks.from_arrays(*lists, conditions={"k": LENGTHS % 2}), include=STAGES)
    assert report.summary() == again.summary()
    for name in (
        "score",
        "baseline",
        "projection",
        "memory",
        "attractors",
        "lyapunov",
        "echo_state",
        "trajectories",
    ):
        assert getattr(report, name) == getattr(again, name), name
    np.testing.assert_array_equal(report.fixed_points["rest"].states, again.fixed_points["rest"].states)
    assert report.score == 1.0
    assert "Trials(10 trials, 12 to 25 steps, 1 input, 1 output)" in report.summary()


def test_states_are_those_of_each_trial_alone_and_nothing_afterwards(report):
    system, (inputs, _) = dk.as_system(latch()), trials(0.0)
    alone = [dk.record(system, x[:n]) for x, n in zip(inputs, LENGTHS)]
    assert report.trajectories.states.shape == (10, 25, 2)
    for k, one in enumerate(alone):
        np.testing.assert_array_equal(report.trajectories.states[k, : LENGTHS[k]], one.states[0])
        assert np.isnan(report.trajectories.states[k, LENGTHS[k] :]).all()
        assert np.isnan(report.trajectories.outputs[k, LENGTHS[k] :]).all()
    rows = np.concatenate([one.states[0] for one in alone])
    np.testing.assert_allclose(report.projection.mean, rows.mean(axis=0), atol=1e-12)
    quiet = [
        np.flatnonzero(x[:n] == 0)[-1] for x, n in zip(inputs, LENGTHS)
    ]  # the last step of rest within each trial
    expected = [one.outputs[0, t, 0] for one, t in zip(alone, quiet)]
    np.testing.assert_allclose(report.memory.outputs[0, :, 0], expected, atol=1e-12)


def test_exponents_and_responses_are_of_the_trials_joined_at_their_ends(report):
    inputs = np.concatenate([x[:n] for x, n in zip(next(trials(0.0)), LENGTHS)])
    before = len(inputs) // 4
    own = dk.lyapunov_spectrum(
        dk.as_system(latch()),
        np.zeros(2),
        inputs,
        n_steps=len(inputs) - before,
        n_transient=before,
        n_exponents=2,
    )
    np.testing.assert_array_equal(report.lyapunov.exponents, own.exponents)
    assert report.echo_state.horizon == dk.check_echo_state(dk.as_system(latch()), inputs, seed=0).horizon


def test_averages_are_over_the_trials_that_are_still_there(report):
    states = report.trajectories.states
    means = dk.condition_average(states, report.trials)
    odd = LENGTHS % 2 == 1
    np.testing.assert_allclose(means.means[1, :13], states[odd, :13].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        means.means[1, 22:25], states[odd & (LENGTHS == 25), 22:25].mean(axis=0), atol=1e-12
    )
    assert np.isnan(means.means[0, 22:]).all()
    assert np.isfinite(means.means[0, :22]).all()


def test_figures_can_be_drawn_and_lines_end_with_the_trials(report):
    for name in ("activity", "phase_portrait"):
        report.plot(name).figure.canvas.draw()
    ax = report.plot("trials", trial=[0, 3])
    assert ax.get_xlim() == (-0.5, 49.5)
    for line in ax.get_lines():
        if line.get_gid() in ("input", "target", "output"):
            steps, height = line.get_data()
            drawn = np.asarray(steps)[np.isfinite(np.asarray(height, float))]
            assert drawn.max() == (11 if drawn.min() == 0 else 49)
    assert not [line for line in ax.get_lines() if line.get_gid() == "uncounted"]


def test_starts_of_a_search_are_within_the_trials(report):
    """Given as starts, the trajectories are as good as their rows alone."""
    system, states = dk.as_system(latch()), report.trajectories.states
    rows = states[np.isfinite(states).all(axis=-1)]
    found = [dk.find_fixed_points(system, s, seed=3) for s in (states, rows[None])]
    np.testing.assert_array_equal(found[0].states, found[1].states)
    assert found[0].n_starts == found[1].n_starts
    assert "not finite" not in set(dk.find_limit_cycles(system, rows[None], max_starts=16).start_status)


def test_spikes_are_counted_up_to_the_end_of_the_shortest_trial():
    inputs, _ = trials(np.nan)

    def step(x, u):
        return torch.cat([x[:, :1] + 1, (x[:, :1] % 4 == 3).to(x) + 0 * u], dim=1)

    clock = dk.FunctionSystem(step, 2, 1, argument_order="state, input", regularity="discontinuous", dt=2.0)
    clock.parts = {"h": slice(0, 1), "spikes": slice(1, 2)}
    report = dk.analyze(clock, dk.tasks.from_arrays(inputs), include=["spikes"])
    assert report.spikes.trains.t_stop == 24.0
    assert report.spikes.trains.times.max() < 24.0


@pytest.mark.parametrize("lengths", [[3, 4], [5.0, 5.0, 5.0], [0, 5, 5], [6, 5, 5]])
def test_lengths_of_a_recording_are_checked(lengths):
    with pytest.raises(
        dk.InputError, match=r"lengths must hold a whole number of steps, 1 to 5, for each of the 3"
    ):
        dk.record(latch(), np.zeros((3, 5, 1)), lengths=lengths)
