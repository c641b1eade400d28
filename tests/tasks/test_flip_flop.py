import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.tasks import FlipFlop, SetReset, Trials, Xor


def walk(inputs, onsets):
    """The flip-flop one step at a time: hold the sign of the last pulse."""
    held, targets = np.zeros(inputs.shape[-1]), []
    for u, starts in zip(inputs, onsets):
        for channel in range(len(u)):
            if starts[channel]:
                held[channel] = np.sign(u[channel])
        targets.append(held.copy())
    return np.array(targets)


def onsets_of(trials):
    """With a grace of one step the score leaves out exactly the onsets."""
    return trials.score_mask.numpy() == 0


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("p", [0.02, 0.3, 1.0])
def test_targets_hold_the_last_pulse(width, p):
    trials = FlipFlop(n_bits=3, p_flip=p, pulse_width=width, score_grace=1).sample(8, seed=3)
    for inputs, onsets, targets in zip(trials.inputs.numpy(), onsets_of(trials), trials.targets.numpy()):
        np.testing.assert_array_equal(walk(inputs, onsets), targets)


@pytest.mark.parametrize("width", [1, 3])
def test_pulses_last_their_width_and_nothing_else_comes_in(width):
    trials = FlipFlop(n_bits=2, pulse_width=width, amplitude=0.5, score_grace=1).sample(50, seed=1)
    onsets, inputs = onsets_of(trials), trials.inputs.numpy()
    since = [np.pad(onsets, ((0, 0), (k, 0), (0, 0)))[:, : onsets.shape[1]] for k in range(width)]
    inside = np.any(since, axis=0)
    np.testing.assert_array_equal(inputs, np.where(inside, 0.5 * trials.targets.numpy(), 0.0))
    assert onsets[:, 0].all()


@pytest.mark.parametrize(("p", "width"), [(0.05, 2), (0.2, 1), (0.5, 4)])
def test_gaps_are_width_minus_one_plus_geometric(p, width):
    trials = FlipFlop(1, n_steps=600, p_flip=p, pulse_width=width, score_grace=1).sample(4000, seed=7)
    later = onsets_of(trials)[:, 1:, 0]
    gaps = 1 + later.argmax(axis=1)  # from step 0 to the second onset; 600 steps lose (1 - p)^600 of them
    sd = np.sqrt(1 - p) / p
    assert later.any(axis=1).all()
    assert gaps.min() == width
    assert abs(gaps.mean() - (width - 1 + 1 / p)) < 4 * sd / np.sqrt(len(gaps))
    assert gaps.std() == pytest.approx(sd, rel=0.1)
    assert np.mean(gaps == width) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(gaps)))


def test_later_gaps_follow_the_same_law():
    trials = FlipFlop(1, n_steps=5000, p_flip=0.05, pulse_width=2, score_grace=1).sample(100, seed=9)
    gaps = np.concatenate([np.diff(np.flatnonzero(row)) for row in onsets_of(trials)[:, :, 0]])
    assert gaps.mean() == pytest.approx(
        21, abs=4 * 19.5 / np.sqrt(len(gaps)) + 0.1
    )  # .1: trials end in a gap


def test_signs_and_channels_are_independent():
    signs = FlipFlop(3, n_steps=10).sample(4000, seed=2).targets[:, 0].numpy()
    assert np.abs(signs.mean(axis=0)).max() < 4 / np.sqrt(4000)
    assert np.abs(np.corrcoef(signs.T) - np.eye(3)).max() < 4 / np.sqrt(4000)


def test_delayed_copy_errs_only_at_the_onsets_that_flip():
    task = FlipFlop(n_bits=2, score_grace=0)
    trials = task.sample(64, seed=5)
    late = torch.zeros_like(trials.targets)
    late[:, 1:] = trials.targets[:, :-1]
    n_wrong = int((late != trials.targets).sum())  # the flips, and the zeros at step 0
    assert task.score(late, trials) == pytest.approx(1 - n_wrong / late.numel(), abs=1e-12)
    graceful = FlipFlop(n_bits=2, score_grace=1)
    assert graceful.score(late, graceful.sample(64, seed=5)) == 1.0


def test_constant_output_is_right_half_of_the_time_and_zero_never():
    task = FlipFlop()
    trials = task.sample(500, seed=1)
    assert task.score(torch.ones_like(trials.targets), trials) == pytest.approx(0.5, abs=0.02)
    assert task.score(torch.zeros_like(trials.targets), trials) == 0.0


def test_grace_covers_the_onset_and_the_steps_after_it():
    onsets = onsets_of(FlipFlop(score_grace=1).sample(20, seed=6))
    graced = FlipFlop(score_grace=5).sample(20, seed=6).score_mask.numpy() == 0
    shifted = [np.pad(onsets, ((0, 0), (k, 0), (0, 0)))[:, : onsets.shape[1]] for k in range(5)]
    np.testing.assert_array_equal(graced, np.any(shifted, axis=0))


@pytest.mark.parametrize(
    "task",
    [
        FlipFlop(),
        FlipFlop(1, n_steps=40, p_flip=0.3, pulse_width=5, input_noise=0.2),
        FlipFlop(2, n_steps=30, score_grace=4, repulse_every=7),
        FlipFlop(2, p_flip=0.0),
        FlipFlop(2, p_flip=1.0, amplitude=0.3),
    ],
)
@pytest.mark.parametrize("n_trials", [3, 200])
def test_trials_drawn_for_many_seeds_are_those_of_each(task, n_trials):
    seeds = [4, 0, 4, 2**60]
    for seed, trials in zip(seeds, task.sample_each(n_trials, seeds), strict=True):
        alone = task.sample(n_trials, seed)
        assert alone == trials
        assert repr(alone) == repr(trials)


def test_a_task_that_draws_its_own_trials_draws_them_for_many_seeds_too():
    class Silent(FlipFlop):
        def sample(self, n_trials, seed=0):
            trials = super().sample(n_trials, seed)
            return Trials(0 * trials.inputs, trials.targets)

    assert all(not trials.inputs.any() for trials in Silent().sample_each(3, [0, 1]))


def test_noise_changes_the_inputs_alone():
    clean, noisy = (FlipFlop(input_noise=sd).sample(200, seed=4) for sd in (0.0, 0.3))
    noise = (noisy.inputs - clean.inputs).numpy()
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 0.01
    assert torch.equal(clean.targets, noisy.targets)
    assert torch.equal(clean.score_mask, noisy.score_mask)


def test_repulsing_is_exactly_periodic():
    onsets = onsets_of(FlipFlop(repulse_every=20, score_grace=1).sample(30, seed=1))
    assert (onsets == (np.arange(100) % 20 == 0)[None, :, None]).all()


@pytest.mark.parametrize("p", [0.0, 1e-300])
def test_rare_pulses_leave_the_first_alone(p):
    assert onsets_of(FlipFlop(p_flip=p, score_grace=1).sample(10))[:, 1:].sum() == 0


def test_certain_pulses_come_back_to_back():
    onsets = onsets_of(FlipFlop(p_flip=1.0, pulse_width=3, score_grace=1, n_steps=11).sample(5))
    assert (onsets == (np.arange(11) % 3 == 0)[None, :, None]).all()


def test_final_memory_is_named_by_its_signs():
    trials = FlipFlop(n_bits=4).sample(20, seed=2)
    expected = ["".join("+" if y > 0 else "-" for y in row) for row in trials.targets[:, -1]]
    assert trials.conditions["final"].tolist() == expected
    assert FlipFlop(n_bits=3).decode([0.2, -3.0, 0.0]) == "+-?"


def test_machine_of_many_bits_is_left_out():
    assert FlipFlop(n_bits=11).machine is None
    assert len(FlipFlop(n_bits=3).machine) == 8 * 6


@pytest.mark.parametrize("gap", [1, 20])
def test_fixed_gap_lays_the_turns_end_to_end(gap):
    task = SetReset(n_turns=5, input_wait=3, stim_dur=10, quiet_gap=gap, input_noise=0.0)
    assert task.n_steps == 3 + 5 * (10 + gap)
    assert SetReset(n_turns=5, input_wait=3, stim_dur=10, quiet_gap=20).n_steps == 153
    trials = task.sample(30, seed=1)
    for inputs, targets, mask in zip(*(t.numpy() for t in (trials.inputs, trials.targets, trials.mask))):
        assert not inputs[:3].any()
        assert not mask[:3].any()
        for turn in range(5):
            start = 3 + turn * (10 + gap)
            fired, quiet = slice(start, start + 10), slice(start + 10, start + 10 + gap)
            which = int(inputs[start, 1])  # input 1 sets, input 0 resets
            np.testing.assert_array_equal(inputs[fired], np.tile([1 - which, which], (10, 1)))
            assert not inputs[quiet].any()
            assert (mask[fired] == 0).all()
            assert (mask[quiet] == 1).all()
            assert (targets[fired] == 0.5).all()
            assert (targets[quiet] == which).all()
    assert set(trials.conditions["quiet_gap"]) == {float(gap)}


def test_delayed_turns_last_so_much_longer_than_the_longest():
    assert SetReset(quiet_gap=(10, 80)).delayed(0) == SetReset(quiet_gap=80)
    task = SetReset(3, quiet_gap=20, input_noise=0.0)
    assert task.delayed(0) == task
    trials, longer = task.sample(30, seed=1), task.delayed(7).sample(30, seed=1)
    np.testing.assert_array_equal(longer.conditions["last"], trials.conditions["last"])
    assert [length for run in quiet_runs(longer) for length, _ in run] == [27] * 90
    assert (longer.last_asked == longer.n_steps - 1).all()
    with pytest.raises(InputError, match="gap"):
        task.delayed(-1)


def quiet_runs(trials):
    """Lengths of the periods with mask 1, trial by trial, and whether each ended before the trial did."""
    runs = []
    for row in trials.mask[:, :, 0].numpy():
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row, [0]])))
        runs.append([(int(end - start), end < len(row)) for start, end in edges.reshape(-1, 2)])
    return runs


def test_random_gaps_stay_in_range_and_reach_both_ends():
    task = SetReset(quiet_gap=(10, 80))
    runs = quiet_runs(task.sample(1000, seed=1))
    assert task.n_steps == 3 + 50 + 225
    inner = [length for run in runs for length, _ in run[:-1]]
    assert (min(inner), max(inner)) == (10, 80)
    assert max(length for run in runs for length, _ in run) == 80
    first = np.array([run[0][0] for run in runs])
    assert first.mean() == pytest.approx(45, abs=4 * 20.5 / np.sqrt(1000))
    assert all(length == 80 for run in runs for length, complete in run[-1:] if complete and len(run) == 5)


def test_early_ends_are_held_for_the_longest_gap_and_then_masked():
    task = SetReset(n_turns=3, quiet_gap=(1, 31), input_noise=0.0)
    trials = task.sample(500, seed=3)
    tails = [run[-1][0] for run in quiet_runs(trials) if len(run) == 3 and run[-1][1]]
    assert tails
    assert set(tails) == {31}
    off = trials.mask == 0
    assert (trials.targets[off] == 0.5).all()
    assert set(np.unique(trials.targets[~off])) == {0.0, 1.0}


def test_last_turn_is_the_last_that_began():
    trials = SetReset(quiet_gap=(10, 80), input_noise=0.0).sample(300, seed=2)
    for inputs, last in zip(trials.inputs.numpy(), trials.conditions["last"]):
        which = inputs[np.flatnonzero(inputs.any(axis=1))[-1]]
        assert last == ("set" if which[1] else "reset")
    n_set = (trials.conditions["last"] == "set").sum()
    assert abs(n_set - 150) < 4 * np.sqrt(75)


def test_score_of_a_half_forgotten_memory():
    """An output that is right for the first half of each gap and wrong for the second scores a half."""
    task = SetReset(quiet_gap=20)
    trials = task.sample(10)
    outputs = trials.targets.clone()
    for turn in range(5):
        end = 3 + 30 * (turn + 1)
        outputs[:, end - 10 : end] = 1 - outputs[:, end - 10 : end]
    assert task.score(outputs, trials) == 0.5
    outputs[trials.mask == 0] = torch.nan
    assert task.score(outputs, trials) == 0.5


@pytest.mark.parametrize("memory_gap", [20, (5, 40)])
def test_xor_step_by_step(memory_gap):
    task = Xor(input_wait=4, stim_dur=3, memory_gap=memory_gap, output_gap=7, input_noise=0.0)
    trials = task.sample(200, seed=3)
    longest = memory_gap if isinstance(memory_gap, int) else memory_gap[1]
    assert task.n_steps == 4 + 6 + longest + 7
    seen = set()
    for i in range(200):
        first, second, gap = (int(trials.conditions[k][i]) for k in ("first", "second", "memory_gap"))
        rest = [[0.0, 0.0]]
        shown = rest * 4 + [[first, 1 - first]] * 3 + rest * gap + [[second, 1 - second]] * 3
        asked = np.arange(task.n_steps)
        asked = (asked >= len(shown)) & (asked < len(shown) + 7)
        shown += rest * (task.n_steps - len(shown))
        np.testing.assert_array_equal(trials.inputs[i].numpy(), np.array(shown))
        np.testing.assert_array_equal(trials.mask[i, :, 0].numpy(), asked)
        np.testing.assert_array_equal(trials.targets[i, :, 0].numpy(), np.where(asked, first != second, 0.5))
        seen.add((first, second))
    assert len(seen) == 4
    assert (trials.conditions["memory_gap"].min(), trials.conditions["memory_gap"].max()) == (
        (20, 20) if memory_gap == 20 else (5, 40)
    )


@pytest.mark.parametrize("kind", [SetReset, Xor])
def test_halves(kind):
    low, high = ("reset", "set") if kind is SetReset else ("0", "1")
    assert kind().decode([[0.4], [0.6], [np.nan]]).tolist() == [low, high, "?"]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (FlipFlop, "n_bits", 0),
        (FlipFlop, "n_bits", 2.0),
        (FlipFlop, "n_bits", True),
        (FlipFlop, "n_steps", 0),
        (FlipFlop, "p_flip", -0.1),
        (FlipFlop, "p_flip", 1.1),
        (FlipFlop, "p_flip", np.nan),
        (FlipFlop, "p_flip", "0.1"),
        (FlipFlop, "pulse_width", 0),
        (FlipFlop, "pulse_width", 101),
        (FlipFlop, "score_grace", -1),
        (FlipFlop, "score_grace", 100),
        (FlipFlop, "input_noise", -1.0),
        (FlipFlop, "input_noise", np.inf),
        (FlipFlop, "amplitude", 0.0),
        (FlipFlop, "amplitude", -1.0),
        (FlipFlop, "repulse_every", 5),  # nothing would be left to score
        (FlipFlop, "repulse_every", 20.0),
        (SetReset, "n_turns", 0),
        (SetReset, "input_wait", -1),
        (SetReset, "stim_dur", 0),
        (SetReset, "quiet_gap", 0),
        (SetReset, "quiet_gap", 20.0),
        (SetReset, "quiet_gap", (80, 10)),
        (SetReset, "quiet_gap", (10, 20, 30)),
        (SetReset, "quiet_gap", (0, 10)),
        (SetReset, "quiet_gap", "10..80"),
        (SetReset, "input_noise", -0.1),
        (Xor, "memory_gap", (5.0, 10)),
        (Xor, "memory_gap", None),
        (Xor, "stim_dur", 0),
        (Xor, "output_gap", 0),
        (Xor, "input_wait", -1),
        (Xor, "input_noise", "loud"),
    ],
)
def test_bad_parameters_are_named(kind, name, value):
    with pytest.raises(InputError, match=name):
        kind(**{name: value})


def test_gap_may_be_a_list_and_equal_tasks_are_equal():
    assert SetReset(quiet_gap=[10, 80]) == SetReset()
    assert hash(SetReset(quiet_gap=[10, 80])) == hash(SetReset())
    assert FlipFlop() != FlipFlop(n_bits=2)
