import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.records import load_record, save_record
from dynakit.tasks import FlipFlop, from_arrays

RNG = np.random.default_rng(0)
INPUTS, TARGETS = RNG.normal(size=(10, 6, 2)), RNG.normal(size=(10, 6, 3))


@pytest.mark.parametrize(
    "kind", [np.asarray, torch.tensor, list, np.ndarray.tolist, lambda a: [torch.tensor(t) for t in a]]
)
def test_arrays_tensors_and_lists_say_the_same(kind):
    task = from_arrays(kind(INPUTS), kind(TARGETS))
    np.testing.assert_array_equal(task.trials.inputs.numpy(), INPUTS.astype(np.float32))
    np.testing.assert_array_equal(task.trials.targets.numpy(), TARGETS.astype(np.float32))
    assert (task.n_inputs, task.n_outputs, task.n_steps) == (2, 3, 6)


def test_sample_draws_without_repetition_while_it_can():
    task = from_arrays(INPUTS, conditions={"k": np.arange(10)})
    assert sorted(task.sample(10, seed=1).conditions["k"]) == list(range(10))
    assert len(set(task.sample(7, seed=2).conditions["k"])) == 7
    many = task.sample(2000, seed=3)
    assert np.bincount(many.conditions["k"]).min() > 120  # 200 expected, standard deviation 13
    rows = many.conditions["k"][:5]
    np.testing.assert_array_equal(many.inputs[:5].numpy(), INPUTS[rows].astype(np.float32))


def test_rest_is_the_only_condition_and_pulses_are_those_given():
    task = from_arrays(INPUTS, pulses={"kick": [[1, 0], [1, 0], [0, 2]]})
    assert list(task.drives) == ["rest"]
    np.testing.assert_array_equal(task.rest, [0, 0])
    np.testing.assert_array_equal(task.pulses["kick"], [[1, 0], [1, 0], [0, 2]])
    assert from_arrays(INPUTS).pulses == {}
    assert "'kick'" in repr(task)


def test_without_targets_there_is_nothing_to_score():
    task = from_arrays(INPUTS)
    assert task.n_outputs is None
    for judge in (task.score, task.loss):
        with pytest.raises(InputError, match="no targets"):
            judge(TARGETS, task.sample(10))


def test_two_valued_targets_are_scored_about_their_midpoint():
    targets = np.where(TARGETS > 0, 5.0, 1.0)
    task = from_arrays(INPUTS, targets)
    outputs = np.where(TARGETS > 0, 3.1, 2.9)
    assert task.score(outputs, task.trials) == 1.0
    outputs[:5] = 3.1  # the high ones remain right
    low, wrong = (TARGETS <= 0).sum(axis=(0, 1)), (TARGETS[:5] <= 0).sum(axis=(0, 1))
    expected = (1 + (1 - wrong / low)).mean() / 2  # of each output the mean over its two sides
    assert task.score(outputs, task.trials) == pytest.approx(expected, abs=1e-12)
    assert task.decode([[9.0, 0.0, 3.0]]).tolist() == ["+-?"]


def test_flip_flop_trials_given_as_arrays_read_as_the_task_itself():
    flip_flop = FlipFlop(score_grace=0)
    trials = flip_flop.sample(20, seed=1)
    outputs = np.random.default_rng(2).normal(size=trials.targets.shape)
    task = from_arrays(trials.inputs, trials.targets)
    targets = trials.targets.numpy()
    sides = [((outputs > 0) == (targets > 0))[..., k][targets[..., k] == s].mean() for k in range(3) for s in (-1, 1)]
    assert task.score(outputs, task.trials) == pytest.approx(np.mean(sides), abs=1e-12)
    assert (task.decode(outputs) == flip_flop.decode(outputs)).all()


def test_levels_are_those_the_mask_lets_through():
    targets = np.where(TARGETS > 0, 1.0, 0.0)
    targets[:, 0] = 0.5  # not asked
    mask = np.arange(6) > 0
    task = from_arrays(INPUTS, targets, np.tile(mask, (10, 1)))
    np.testing.assert_array_equal(task.levels, [0, 1])
    assert task.score(targets, task.trials) == 1.0


def test_graded_targets_are_scored_by_explained_variance():
    task = from_arrays(INPUTS, TARGETS)
    assert task.score(TARGETS.astype(np.float32), task.trials) == 1.0
    about_mean = TARGETS - TARGETS.mean(axis=(0, 1))
    assert task.score(TARGETS - 0.6 * about_mean, task.trials) == pytest.approx(1 - 0.36, abs=1e-6)
    assert task.score(TARGETS - about_mean, task.trials) == pytest.approx(0, abs=1e-6)
    assert task.score(-TARGETS, task.trials) == 0.0
    broken = TARGETS.copy()
    broken[3, 2, 1] = np.nan
    assert task.score(broken, task.trials) == 0.0


def test_explained_variance_looks_only_through_the_mask():
    mask = RNG.random(TARGETS.shape) < 0.6
    task = from_arrays(INPUTS, TARGETS, mask)
    mean = np.array([TARGETS[:, :, o][mask[:, :, o]].mean() for o in range(3)])
    outputs = np.where(mask, TARGETS - 0.5 * (TARGETS - mean), np.nan)
    assert task.score(outputs, task.trials) == pytest.approx(0.75, abs=1e-6)


def test_constant_targets_are_met_or_missed():
    task = from_arrays(INPUTS, np.ones_like(TARGETS))
    assert task.score(np.ones_like(TARGETS), task.trials) == 1.0
    assert task.score(np.full_like(TARGETS, 1.1), task.trials) == 0.0


def test_saved_and_loaded_with_everything(tmp_path):
    task = from_arrays(
        INPUTS, TARGETS, TARGETS > 0, {"side": ["left", "right"] * 5}, {"kick": np.ones((2, 2))}
    )
    save_record(task, tmp_path / "task")
    loaded = load_record(tmp_path / "task")
    assert torch.equal(loaded.trials.mask, task.trials.mask)
    assert loaded.trials.conditions["side"].tolist() == task.trials.conditions["side"].tolist()
    np.testing.assert_array_equal(loaded.pulses["kick"], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"inputs": INPUTS[0]},
            r"inputs must have shape \(trial, time, input\), got \(6, 2\); a single input",
        ),
        ({"inputs": np.arange(12).reshape(6, 2) % 5}, r"tokens are given one-hot, np\.eye\(5\)\[inputs\]$"),
        ({"inputs": 1.0}, r"inputs must have shape \(trial, time, input\), got \(\)"),
        ({"inputs": []}, r"inputs must have shape \(trial, time, input\), got \(0,\)"),
        ({"inputs": np.zeros((0, 5, 2))}, "at least one trial"),
        (
            {"inputs": [INPUTS[0], INPUTS[1], INPUTS[2, :4, :1]]},
            r"differ in length only, but trial 0 has shape \(6, 2\) and trial 2 has \(4, 1\)",
        ),
        ({"inputs": [[[1.0], [2.0, 3.0]]]}, r"inputs\[0\] must be a rectangular array"),
        ({"inputs": INPUTS.astype(int)}, r"inputs must be real floating-point.*astype"),
        ({"inputs": list(INPUTS.astype(int))}, r"inputs must be real floating-point.*astype"),
        ({"inputs": INPUTS.astype(complex)}, "inputs must be real floating-point"),
        ({"inputs": np.full((2, 3, 1), np.nan)}, r"inputs must be finite.*\(0, 0, 0\)"),
        ({"inputs": INPUTS.swapaxes(0, 1), "targets": TARGETS}, "time first"),
        (
            {"inputs": INPUTS, "targets": TARGETS[:, :5]},
            "targets has 10 trials of 5 steps, inputs has 10 of 6",
        ),
        ({"inputs": INPUTS, "targets": TARGETS[:, :, 0]}, r"targets must have shape \(trial, time, output\)"),
        (
            {"inputs": INPUTS, "targets": [t[: 6 - i % 2] for i, t in enumerate(TARGETS)]},
            r"targets\[1\] has 5 steps, but trial 1 has 6 steps",
        ),
        ({"inputs": INPUTS, "conditions": {"k": [1, 2]}}, r"conditions\['k'\] must hold one label per trial.*drives"),
        (
            {"inputs": INPUTS, "pulses": {"kick": np.ones((3, 5))}},
            r"pulses\['kick'\] must have shape \(step, 2\)",
        ),
        ({"inputs": INPUTS, "pulses": {"kick": np.full((3, 2), np.inf)}}, r"pulses\['kick'\] must be finite"),
    ],
)
def test_bad_arrays_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        from_arrays(**arguments)
