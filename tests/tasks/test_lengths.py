"""Trials of unequal length: what the arrays hold beyond a trial's end changes nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import Elman
from dynakit.records import load_record, save_record
from dynakit.tasks import FlipFlop, Trials, baseline, from_arrays
from dynakit.training import BPTT, RTRL, TBPTT, Kalman, Ridge, train
from dynakit.training.descent import Moment

LENGTHS = np.array([5, 12, 9, 7, 12, 3, 8, 10, 6, 11])
BEYOND = np.arange(12) >= LENGTHS[:, None]
RNG = np.random.default_rng(4)
INPUTS = RNG.normal(size=(10, 12, 2)).astype(np.float32)
TARGETS = np.sign(RNG.normal(size=(10, 12, 2))).astype(np.float32)
MASK = RNG.random((10, 12)) < 0.7
MASK[:, 2] = True


def garbage(array, value):
    return np.where(BEYOND[:, :, None], value, array).astype(np.float32)


def padded(value, *, surplus=0):
    """The trials, filled up with this value, with so many steps that no trial has."""
    extra = ((0, 0), (0, surplus), (0, 0))
    inputs, targets = (np.pad(garbage(a, value), extra, constant_values=value) for a in (INPUTS, TARGETS))
    mask = np.pad(np.where(BEYOND, 1.0, MASK), extra[:2], constant_values=1)
    return Trials(inputs, targets, mask, {"k": np.arange(10)}, LENGTHS)


@pytest.fixture(params=[0.0, 1e9, np.nan, np.inf])
def trials(request):
    return padded(request.param)


def alone(trials, k):
    """One of the trials, cut at its end."""
    n = LENGTHS[k]
    return Trials(trials.inputs[k : k + 1, :n], trials.targets[k : k + 1, :n], trials.mask[k : k + 1, :n])


def test_loss_score_and_gradient_are_those_of_the_trials_alone(trials):
    task = FlipFlop(2)
    given = torch.from_numpy(garbage(RNG.normal(size=TARGETS.shape), np.nan)).requires_grad_()
    task.loss(given, trials).backward()
    parts = [alone(trials, k) for k in range(10)]
    counts = np.array([float(part.mask.sum()) for part in parts])
    own = [given[k : k + 1, :n] for k, n in enumerate(LENGTHS)]
    losses = np.array([float(task.loss(y.detach(), part)) for y, part in zip(own, parts)])
    scores = np.array([task.score(y, part) for y, part in zip(own, parts)])
    assert float(task.loss(given.detach(), trials)) == pytest.approx(
        (losses * counts).sum() / counts.sum(), rel=1e-6
    )
    assert task.score(given, trials) == pytest.approx((scores * counts).sum() / counts.sum(), rel=1e-12)
    assert not given.grad.numpy()[BEYOND].any()
    assert given.grad.numpy()[MASK & ~BEYOND].all()


def test_all_that_the_batch_holds_is_within_the_trials(trials):
    assert trials == padded(0.0)
    assert repr(trials) == "Trials(10 trials, 3 to 12 steps, 2 inputs, 2 outputs)"
    np.testing.assert_array_equal(trials.valid.numpy(), ~BEYOND)
    np.testing.assert_array_equal(
        trials.joined.numpy(), np.concatenate([x[:n] for x, n in zip(INPUTS, LENGTHS)])
    )
    np.testing.assert_array_equal(trials.mask.numpy()[..., 0] > 0, MASK & ~BEYOND)
    assert not Trials(INPUTS, TARGETS).ragged
    assert Trials(INPUTS, TARGETS).mask is None
    assert Trials(INPUTS, TARGETS).lengths.tolist() == [12] * 10


def test_slices_keep_lengths():
    trials = padded(np.nan, surplus=4)
    assert trials.n_steps == 16
    short = trials[[5, 0, 8]]
    assert short.lengths.tolist() == [3, 5, 6]
    assert short.n_steps == 16
    cut = short.until_the_longest()
    assert (cut.n_steps, cut.lengths.tolist()) == (6, [3, 5, 6])
    assert torch.equal(cut.inputs, short.inputs[:, :6])
    assert trials.until_the_longest() == padded(7.0)
    assert trials[1].lengths.tolist() == [12]
    whole = Trials(INPUTS)
    assert whole.until_the_longest() is whole
    assert len(padded(0.0)[:0].until_the_longest()) == 0


def test_saved_and_loaded_with_lengths(tmp_path):
    save_record(padded(np.nan), tmp_path / "trials")
    assert load_record(tmp_path / "trials") == padded(0.0)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (
            [3] * 9,
            r"lengths must hold a whole number of steps per trial, shape \(10,\), got int64 of shape \(9,\)",
        ),
        ([3.0] * 10, "lengths must hold a whole number"),
        ([[3], [3, 4]] * 5, "lengths must be a rectangular array"),
        ([True] * 10, "lengths must hold a whole number"),
        ([3] * 9 + [0], "lengths must be from 1 to the 12 steps of the time axis, got 0 for trial 9"),
        ([3, 13] + [3] * 8, "from 1 to the 12 steps of the time axis, got 13 for trial 1"),
    ],
)
def test_lengths_that_do_not_fit_are_named(lengths, words):
    with pytest.raises(InputError, match=words):
        Trials(INPUTS, lengths=lengths)


def test_what_is_not_finite_within_a_trial_is_still_named():
    broken = garbage(INPUTS, np.nan)
    broken[2, 8, 1] = np.nan
    with pytest.raises(InputError, match=r"inputs must be finite.*\(2, 8, 1\)"):
        Trials(broken, lengths=LENGTHS)


# --- trials of one's own ------------------------------------------------------------------------------------


def cut(array):
    return [a[:n] for a, n in zip(array, LENGTHS)]


def test_a_list_of_trials_and_arrays_filled_up_say_the_same():
    of_list = from_arrays(cut(INPUTS), cut(TARGETS), cut(MASK))
    assert of_list.trials.lengths.tolist() == LENGTHS.tolist()
    with_nan = from_arrays(garbage(INPUTS, np.nan), garbage(TARGETS, np.nan), MASK)
    with_lengths = from_arrays(garbage(INPUTS, 9.0), garbage(TARGETS, 5.0), MASK, lengths=LENGTHS)
    tensors = from_arrays([torch.tensor(x) for x in cut(INPUTS)], TARGETS, MASK)
    assert of_list.trials == with_nan.trials == with_lengths.trials == tensors.trials
    assert of_list == with_nan
    np.testing.assert_array_equal(of_list.levels, [-1, 1])
    assert of_list.sample(20, seed=1).ragged


def test_classes_in_lists_of_several_lengths():
    classes = [np.arange(n) % 3 for n in LENGTHS]
    task = from_arrays(cut(INPUTS), classes)
    assert task.n_outputs == 3
    assert float(task.trials.mask[..., 0].sum()) == LENGTHS.sum()
    assert task.score(task.trials.targets, task.trials) == 1.0
    filled = np.full((10, 12), -1)
    for row, one in zip(filled, classes):
        row[: len(one)] = one
    assert from_arrays(garbage(INPUTS, np.nan), filled).trials == task.trials


def test_tokens_beyond_the_end_are_no_pulses_and_zeros_no_rest():
    """The last token occurs beyond the ends only; a zero there is no input that the trials show."""
    tokens = np.eye(4)[np.where(BEYOND, 3, RNG.integers(0, 3, (10, 12)))]
    task = from_arrays(tokens, np.zeros((10, 12), int), lengths=LENGTHS)
    assert task.rest.sum() == 1
    assert not task.rest[3]
    assert "token 3" not in task.pulses
    assert len(task.pulses) == 2


def test_the_guess_beside_a_score_sees_no_padding():
    task = from_arrays(cut(INPUTS), cut(np.ones_like(TARGETS)))
    outputs = garbage(np.ones_like(TARGETS), np.nan)
    assert task.score(outputs, task.trials) == 1.0
    graded = from_arrays(cut(INPUTS), cut(INPUTS))
    half = garbage(INPUTS * 0.5, np.nan)
    mean = INPUTS[~BEYOND].mean(axis=0)
    expected = 1 - (0.25 * INPUTS[~BEYOND] ** 2).sum() / ((INPUTS[~BEYOND] - mean) ** 2).sum()
    assert graded.score(half, graded.trials) == pytest.approx(expected, abs=1e-6)
    assert baseline(graded, half, graded.trials).constant == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"inputs": cut(INPUTS), "targets": cut(TARGETS)[::-1]},
            r"targets\[0\] has 11 steps, but trial 0 has 5 steps",
        ),
        (
            {"inputs": cut(INPUTS), "targets": TARGETS[:, :11]},
            "targets has 10 trials of 11 steps, inputs has 10 of 12",
        ),
        (
            {"inputs": cut(INPUTS), "lengths": LENGTHS + 1},
            r"inputs\[0\] has 5 steps, but trial 0 has 6 steps",
        ),
        ({"inputs": INPUTS, "lengths": LENGTHS[:4]}, r"lengths must hold a whole number of steps per trial"),
        ({"inputs": [*cut(INPUTS), np.zeros((0, 2))]}, "lengths must be from 1 to the 12 steps"),
    ],
)
def test_lists_that_do_not_fit_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        from_arrays(**arguments)


# --- training -----------------------------------------------------------------------------------------------


def trained(trials, method):
    net = Elman(2, 3, 2, seed=1)
    history = train(
        net, from_arrays(trials.inputs, trials.targets, trials.mask, lengths=trials.lengths), method
    )
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()]), history


@pytest.mark.parametrize(
    "method",
    [
        BPTT(batch_size=6, max_updates=3, l2_rate=0.1),
        RTRL(batch_size=6, max_updates=3, l2_rate=0.1),
        Kalman(batch_size=6, max_updates=3),
        Ridge(n_trials=8),
    ],
)
def test_padding_trains_nothing(method):
    weights, history = trained(padded(0.0), method)
    again, other = trained(padded(np.nan, surplus=30), method)
    np.testing.assert_allclose(again, weights, rtol=0, atol=1e-7)
    np.testing.assert_allclose(other.losses, history.losses, rtol=1e-6)
    np.testing.assert_allclose(other.scores, history.scores, rtol=1e-6)


@pytest.mark.parametrize("method", [BPTT, TBPTT, RTRL])
def test_rates_beyond_the_end_cost_nothing(method):
    trials, net, task = padded(np.nan), Elman(2, 3, 2, seed=1), FlipFlop(2)
    settings = method(l2_rate=2.0, l1_rate=0.5, **({"k": 20} if method is TBPTT else {}))
    list(settings.steps(net, task, trials, Moment(0, torch.Generator())))
    found = [p.grad.clone() for p in net.parameters()]
    rates = torch.cat([net(torch.from_numpy(INPUTS[k : k + 1, :n])).states[0] for k, n in enumerate(LENGTHS)])
    outputs = net(torch.from_numpy(INPUTS)).outputs
    net.zero_grad()
    (task.loss(outputs, trials) + 2.0 * rates.square().mean() + 0.5 * rates.abs().mean()).backward()
    for a, p in zip(found, net.parameters()):
        torch.testing.assert_close(a, p.grad, rtol=1e-5, atol=1e-6)
