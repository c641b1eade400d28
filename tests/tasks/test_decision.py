import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from dynakit.errors import InputError
from dynakit.tasks import ContextIntegration, DelayedComparison, PerceptualDecision, by_name

SEVERAL = pytest.mark.parametrize("dt", [1.0, 5.0, 15.0])


def evidence_of(trials, k):
    """The noise of channel k about its mean, and the mean."""
    x = trials.inputs.numpy().astype(float)[:, :, k]
    mean = trials.conditions[("motion", "colour")[k]]
    return x - mean[:, None], mean


# --- context-dependent integration


def test_published_numbers():
    task = ContextIntegration(dt=1.0)
    trials = task.sample(72, seed=1)
    assert (task.n_steps, task.n_inputs, task.n_outputs) == (750, 4, 1)
    assert sorted(set(trials.conditions["motion"])) == [-0.15, -0.036, -0.009, 0.009, 0.036, 0.15]
    noise = np.concatenate([evidence_of(trials, k)[0].ravel() for k in (0, 1)])
    assert noise.std() == pytest.approx(1.0, abs=4 / math.sqrt(2 * noise.size))


@SEVERAL
def test_evidence_is_white_noise_about_the_coherence(dt):
    trials = ContextIntegration(dt=dt, noise=2.0).sample(720, seed=3)
    for k in (0, 1):
        noise, _ = evidence_of(trials, k)
        n, sd = noise.size, 2.0 / math.sqrt(dt)
        assert abs(noise.mean()) < 4 * sd / math.sqrt(n)
        assert noise.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * n))
        for lag in (1, 7):  # white: no step knows of another
            assert abs(np.mean(noise[:, lag:] * noise[:, :-lag])) < 4 * sd**2 / math.sqrt(n)
    both = np.mean(evidence_of(trials, 0)[0] * evidence_of(trials, 1)[0])
    assert abs(both) < 4 * (2.0**2 / dt) / math.sqrt(trials.inputs[:, :, 0].numel())


@SEVERAL
def test_information_does_not_depend_on_the_step(dt):
    """The integral in ms has mean c T and standard deviation noise sqrt(T), whatever the step."""
    trials = ContextIntegration(dt=dt).sample(2160, seed=4)
    noise, _ = evidence_of(trials, 0)
    integrals = dt * noise.sum(axis=1)
    assert integrals.std() == pytest.approx(math.sqrt(750.0), rel=4 / math.sqrt(2 * len(integrals)))


@pytest.mark.parametrize("coherences", [(0.05,), (0.009, 0.036, 0.15), (0.01, 0.02, 0.04, 0.08)])
def test_every_combination_is_equally_frequent(coherences):
    n_conditions = 2 * (2 * len(coherences)) ** 2
    conditions = ContextIntegration(coherences).sample(3 * n_conditions, seed=2).conditions
    rows = zip(conditions["context"], conditions["motion"], conditions["colour"])
    _, counts = np.unique([f"{row}" for row in rows], return_counts=True)
    assert counts.tolist() == [3] * n_conditions


def test_means_for_training_fill_their_range_evenly():
    conditions = ContextIntegration(None).sample(4000, seed=7).conditions
    assert np.mean(conditions["context"] == "motion") == 0.5
    for name in ("motion", "colour"):
        means = conditions[name] / 0.1875
        assert np.abs(means).max() <= 1
        assert np.histogram(means, bins=4, range=(-1, 1))[0] == pytest.approx(1000, abs=4 * math.sqrt(750))
    assert abs(np.corrcoef(conditions["motion"], conditions["colour"])[0, 1]) < 4 / math.sqrt(4000)


@pytest.mark.parametrize("coherences", [None, (0.009, 0.15)])
def test_target_is_the_sign_of_the_cued_mean_at_the_last_step(coherences):
    trials = ContextIntegration(coherences).sample(200, seed=5)
    c = trials.conditions
    cued = np.where(c["context"] == "motion", c["motion"], c["colour"])
    np.testing.assert_array_equal(trials.targets[:, -1, 0], np.sign(cued))
    np.testing.assert_array_equal(c["correct"], np.sign(cued))
    assert not trials.targets[:, :-1].any()
    assert trials.mask.sum(dim=(1, 2)).tolist() == [1.0] * 200
    assert trials.mask[:, -1].all()
    wanted = np.where((c["context"] == "motion")[:, None], [1.0, 0.0], [0.0, 1.0])
    np.testing.assert_array_equal(trials.inputs[:, :, 2:], np.tile(wanted[:, None], (1, 150, 1)))


def cued_sum(trials):
    """What a perfect integrator holds at each step: (trial, time, 1)."""
    motion = torch.from_numpy(trials.conditions["context"] == "motion")
    cued = torch.where(motion[:, None], trials.inputs[:, :, 0], trials.inputs[:, :, 1])
    return cued.cumsum(1)[:, :, None]


@pytest.mark.parametrize(
    "task", [ContextIntegration(), ContextIntegration(None), ContextIntegration((0.02,), noise=0.7, dt=10.0)]
)
def test_perfect_integration_scores_the_normal_cdf(task):
    trials = task.sample(14400, seed=11)
    margin = 4 * math.sqrt(task.ideal_score * (1 - task.ideal_score) / len(trials))
    assert task.score(cued_sum(trials), trials) == pytest.approx(task.ideal_score, abs=margin)


def test_ideal_scores_are_normal_integrals():
    levels = np.array([0.009, 0.036, 0.15])
    root = math.sqrt(750.0)
    assert ContextIntegration().ideal_score == pytest.approx(norm.cdf(levels * root).mean(), abs=1e-12)
    grid = (np.arange(200000) + 0.5) / 200000 * 0.1875
    assert ContextIntegration(None).ideal_score == pytest.approx(norm.cdf(grid * root).mean(), abs=1e-9)
    for task in (
        ContextIntegration(noise=0.0),
        ContextIntegration(None, noise=0.0),
        DelayedComparison(noise=0.0),
    ):
        assert task.ideal_score == 1.0


def test_wrong_context_and_a_blind_guess_score_one_half():
    task = ContextIntegration((0.15,), noise=0.1)
    trials = task.sample(7200, seed=3)
    other = dataclasses.replace(
        trials, conditions={"context": np.where(trials.conditions["context"] == "motion", "colour", "motion")}
    )
    assert task.score(cued_sum(trials), trials) == 1.0
    assert task.score(cued_sum(other), trials) == pytest.approx(0.5, abs=1e-12)  # conditions are balanced
    assert task.score(torch.ones_like(trials.targets), trials) == 0.5
    assert task.score(torch.zeros_like(trials.targets), trials) == 0.0  # no choice is no right choice


def test_drives_are_the_contexts_without_evidence():
    drives = ContextIntegration().drives
    assert {k: v.tolist() for k, v in drives.items()} == {
        "rest": [0, 0, 0, 0],
        "motion context": [0, 0, 1, 0],
        "colour context": [0, 0, 0, 1],
    }
    trials = ContextIntegration(noise=0.0).sample(72)
    in_colour = trials.inputs[trials.conditions["context"] == "colour"].double().numpy()
    np.testing.assert_array_equal(in_colour[:, 0, 2:], np.tile(drives["colour context"][2:], (36, 1)))


# --- random dots


def epochs_of(trials, n_channels):
    """Where anything but fixation comes in, and where fixation is on: two booleans (trial, time)."""
    x = trials.inputs.numpy()
    return (x[:, :, 1 : 1 + n_channels] != 0).any(axis=2), x[:, :, 0] == 1


@pytest.mark.parametrize("delay", [0.0, 300.0, (0.0, 600.0)])
def test_dots_come_between_fixation_and_delay(delay):
    task = PerceptualDecision(delay=delay, fixation=200.0, stimulus=400.0, response=160.0)
    trials = task.sample(300, seed=1)
    shown, fixating = epochs_of(trials, 2)
    longest = max(delay) if isinstance(delay, tuple) else delay
    assert task.n_steps == 10 + 20 + longest / 20 + 8
    np.testing.assert_array_equal(
        shown, np.tile((np.arange(task.n_steps) // 10 > 0) & (np.arange(task.n_steps) < 30), (300, 1))
    )
    go = fixating.sum(axis=1)  # the first step of the response
    assert (np.diff(fixating.astype(int), axis=1) <= 0).all()  # it ends once, and for good
    lengths = go - 30
    if isinstance(delay, tuple):
        assert (lengths.min(), lengths.max()) == (0, 30)
        assert abs(lengths.mean() - 15) < 4 * math.sqrt((31**2 - 1) / 12 / 300)
    else:
        assert (lengths == delay / 20).all()
    steps = np.arange(task.n_steps)
    asked = (steps >= go[:, None]) & (steps < go[:, None] + 8)
    np.testing.assert_array_equal(trials.score_mask[:, :, 0], asked)
    np.testing.assert_array_equal(trials.mask[:, :, 0], steps < go[:, None] + 8)
    np.testing.assert_array_equal(trials.targets[:, :, 0], asked * trials.conditions["correct"][:, None])


def test_dots_favour_their_side_by_the_coherence():
    task = PerceptualDecision(noise=0.5, stimulus=1000.0, dt=10.0)
    trials = task.sample(1100, seed=2)
    shown, _ = epochs_of(trials, 2)
    x = trials.inputs.numpy()[:, :, 1:].astype(float)[:, shown[0]]  # (trial, dots, channel)
    c = trials.conditions["coherence"]
    assert sorted(set(c)) == [-0.512, -0.256, -0.128, -0.064, -0.032, 0, 0.032, 0.064, 0.128, 0.256, 0.512]
    noise = x - np.stack([(1 + c) / 2, (1 - c) / 2], axis=1)[:, None]
    sd = 0.5 / math.sqrt(10)
    assert noise.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * noise.size))
    assert np.abs(noise.mean(axis=(0, 1))).max() < 4 * sd / math.sqrt(noise.size / 2)
    np.testing.assert_array_equal(np.sign(c)[c != 0], trials.conditions["correct"][c != 0])
    guesses = trials.conditions["correct"][c == 0]
    assert abs(guesses.mean()) < 4 / math.sqrt(len(guesses))


@pytest.mark.parametrize("coherences", [(0.02, 0.05), (0.0, 0.04), PerceptualDecision().coherences])
def test_the_integrated_difference_scores_the_normal_cdf(coherences):
    task = PerceptualDecision(coherences, stimulus=500.0)
    trials = task.sample(11000, seed=6)
    held = (trials.inputs[:, :, 1] - trials.inputs[:, :, 2]).cumsum(1)[:, :, None]
    margin = 4 * math.sqrt(task.ideal_score * (1 - task.ideal_score) / len(trials))
    assert task.score(held, trials) == pytest.approx(task.ideal_score, abs=margin)


def test_ideal_score_of_dots():
    c = np.array([0.032, 0.064, 0.128, 0.256, 0.512])
    right = np.append(np.repeat(norm.cdf(c * math.sqrt(2000.0 / 2)), 2), 0.5)
    assert PerceptualDecision().ideal_score == pytest.approx(right.mean(), abs=1e-12)
    assert PerceptualDecision((0.0,)).ideal_score == 0.5


def test_what_hits_a_fixating_network():
    task = PerceptualDecision(stimulus=100.0)
    np.testing.assert_array_equal(task.rest, [1, 0, 0])
    np.testing.assert_allclose(task.pulses["right"], np.tile([1, 0.756, 0.244], (5, 1)))
    np.testing.assert_allclose(task.pulses["left"], np.tile([1, 0.244, 0.756], (5, 1)))
    np.testing.assert_array_equal(task.drives["response"], [0, 0, 0])


# --- two vibrations


def test_pairs_of_romo_in_both_orders():
    conditions = DelayedComparison().sample(50, seed=4).conditions
    pairs, counts = np.unique(np.stack([conditions["f1"], conditions["f2"]], 1), axis=0, return_counts=True)
    up = [(10, 18), (14, 22), (18, 26), (22, 30), (26, 34)]
    assert {tuple(p) for p in pairs} == {*up, *((b, a) for a, b in up)}
    assert counts.tolist() == [5] * 10
    np.testing.assert_array_equal(conditions["correct"], np.sign(conditions["f1"] - conditions["f2"]))


@pytest.mark.parametrize("delay", [400.0, (200.0, 1000.0)])
def test_two_vibrations_and_a_delay(delay):
    task = DelayedComparison(delay=delay, noise=0.0)
    trials = task.sample(100, seed=1)
    for x, asked, f1, f2, right in zip(
        trials.inputs.numpy(),
        trials.score_mask.numpy()[:, :, 0] > 0,
        *(trials.conditions[k] for k in ("f1", "f2", "correct")),
    ):
        on = np.flatnonzero(x[:, 1])
        assert len(on) == 50
        np.testing.assert_allclose(x[on[:25], 1], f1 / 34, rtol=1e-6)
        np.testing.assert_allclose(x[on[25:], 1], f2 / 34, rtol=1e-6)
        assert on[0] == 25
        assert (np.diff(on[:25]) == 1).all()
        gap = on[25] - on[24] - 1
        assert gap == 20 if delay == 400.0 else 10 <= gap <= 50
        assert np.flatnonzero(asked).tolist() == list(range(on[-1] + 1, on[-1] + 6))
        assert (x[:, 0] == (np.arange(len(x)) <= on[-1])).all()
        assert right == (1 if f1 > f2 else -1)


def test_comparing_the_integrals_scores_the_normal_cdf():
    task = DelayedComparison(noise=3.0, delay=100.0)
    trials = task.sample(10000, seed=8)
    steps = np.arange(task.n_steps)
    first, second = (steps >= 25) & (steps < 50), (steps >= 55) & (steps < 80)
    sign = torch.from_numpy(first.astype(np.float32) - second.astype(np.float32))
    held = (trials.inputs[:, :, 1] * sign).cumsum(1)[:, :, None]
    assert task.ideal_score == pytest.approx(norm.cdf(8 / 34 * math.sqrt(500 / 2) / 3), abs=1e-12)
    margin = 4 * math.sqrt(task.ideal_score * (1 - task.ideal_score) / len(trials))
    assert task.score(held, trials) == pytest.approx(task.ideal_score, abs=margin)


def test_the_first_vibration_alone_does_not_tell():
    task = DelayedComparison(noise=0.0)
    trials = task.sample(1000, seed=2)
    guess = torch.from_numpy(np.where(trials.conditions["f1"] > 22, 1.0, -1.0))[:, None, None].expand(
        trials.targets.shape
    )
    assert task.score(guess, trials) == pytest.approx(
        0.7, abs=0.01
    )  # right at 10, 14, 30 and 34 Hz, half elsewhere


# --- arguments


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ContextIntegration((0.0, 0.1)), "coherences must be positive"),
        (lambda: ContextIntegration(()), "coherences must be a number or a sequence"),
        (lambda: ContextIntegration((0.1, -0.1)), r"coherences\[1\]"),
        (lambda: ContextIntegration("strong"), "coherences must be a number or a sequence"),
        (lambda: ContextIntegration(max_coherence=0.0), "max_coherence"),
        (lambda: ContextIntegration(noise=-1.0), "noise"),
        (lambda: ContextIntegration(dt=0.0), "dt"),
        (lambda: ContextIntegration(stimulus=2.0), "stimulus must last at least 1 step of 5 ms, got 2 ms"),
        (lambda: PerceptualDecision((1.5,)), r"coherences\[0\]"),
        (lambda: PerceptualDecision(delay=(500.0, 100.0)), r"delay must be a number of ms or a pair"),
        (lambda: PerceptualDecision(delay=(1.0, 2.0, 3.0)), r"delay must be a number of ms or a pair"),
        (lambda: PerceptualDecision(delay=(-5.0, 100.0)), r"delay\[0\]"),
        (lambda: PerceptualDecision(delay=(None, 100.0)), r"delay\[0\] must be a number"),
        (lambda: DelayedComparison(delay=(100.0, "long")), r"delay\[1\] must be a number"),
        (lambda: PerceptualDecision(stimulus=(100.0, 200.0)), "stimulus must be a number"),
        (lambda: PerceptualDecision(response=5.0), "response must last at least 1 step"),
        (lambda: DelayedComparison((0.0,)), "frequencies must be positive"),
        (lambda: DelayedComparison(difference=0.0), "difference"),
        (lambda: DelayedComparison(noise="loud"), "noise must be a number"),
    ],
)
def test_bad_parameters_are_named(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_on_the_command_line():
    assert by_name("context-integration:coherences=none,dt=10") == ContextIntegration(None, dt=10)
    assert by_name("context-integration:coherences=0.1") == ContextIntegration((0.1,))
    assert by_name("perceptual-decision:delay=100..500") == PerceptualDecision(delay=(100, 500))
    assert by_name("delayed-comparison:difference=4") == DelayedComparison(difference=4)
