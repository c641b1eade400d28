import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.tasks import FlipFlop, Trials

INPUTS = np.random.default_rng(0).normal(size=(4, 6, 2))
TARGETS = np.random.default_rng(1).normal(size=(4, 6, 3))


def test_numpy_and_torch_of_any_float_become_float32():
    for inputs in (INPUTS, INPUTS.astype(np.float32), torch.tensor(INPUTS), torch.tensor(INPUTS).half()):
        trials = Trials(inputs)
        assert trials.inputs.dtype == torch.float32
        np.testing.assert_allclose(trials.inputs.numpy(), INPUTS, atol=2e-3)
        assert (trials.n_outputs, trials.targets, trials.mask, trials.score_mask) == (None,) * 4


@pytest.mark.parametrize("kind", [bool, int, float, np.float32, torch.tensor])
@pytest.mark.parametrize("axes", ["trial time", "trial time 1", "trial time output"])
def test_masks_are_spread_over_the_outputs(kind, axes):
    counted = np.arange(24).reshape(4, 6) % 3 > 0
    full = np.repeat(counted[:, :, None], 3, axis=2)
    given = {"trial time": counted, "trial time 1": counted[:, :, None], "trial time output": full}[axes]
    given = kind(given) if kind is torch.tensor else given.astype(kind)
    trials = Trials(INPUTS, TARGETS, given, score_mask=given)
    assert trials.mask.dtype == torch.float32
    np.testing.assert_array_equal(trials.mask.numpy(), full)
    np.testing.assert_array_equal(trials.score_mask.numpy(), full)


def test_gradients_are_cut_and_nothing_given_is_changed():
    inputs = torch.tensor(INPUTS, dtype=torch.float32, requires_grad=True)
    assert not Trials(inputs).inputs.requires_grad
    assert inputs.requires_grad


@pytest.mark.parametrize(("index", "rows"), [(2, [2]), (-1, [3]), (slice(1, 3), [1, 2]), ([3, 0], [3, 0])])
def test_indexing_picks_trials_everywhere(index, rows):
    trials = Trials(INPUTS, TARGETS, TARGETS > 0, {"k": ["a", "b", "c", "d"]}, score_mask=TARGETS < 1)
    picked = trials[index]
    for name in ("inputs", "targets", "mask", "score_mask"):
        assert torch.equal(getattr(picked, name), getattr(trials, name)[rows])
    assert picked.conditions["k"].tolist() == [["a", "b", "c", "d"][i] for i in rows]
    assert torch.equal(trials[trials.conditions["k"] == "c"].inputs, trials.inputs[2:3])
    assert len(list(trials)) == 4


def test_index_beyond_the_trials():
    with pytest.raises(IndexError):
        Trials(INPUTS)[4]


def _with(value, index=(1, 2, 0), array=INPUTS):
    changed = array.copy()
    changed[index] = value
    return changed


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inputs": INPUTS[0]}, r"inputs must have shape \(trial, time, input\), got \(6, 2\)"),
        ({"inputs": INPUTS > 0}, "inputs must be real floating-point"),
        ({"inputs": torch.ones(4, 6, 2, dtype=torch.int64)}, "inputs must be real floating-point"),
        ({"inputs": _with(np.nan)}, r"inputs must be finite.*\(1, 2, 0\)"),
        ({"inputs": torch.tensor(_with(np.inf))}, r"inputs must be finite.*\(1, 2, 0\)"),
        ({"inputs": _with(1e300)}, r"inputs must be finite.*\(1, 2, 0\)"),  # overflows float32
        ({"targets": _with(np.nan, array=TARGETS)}, r"targets must be finite.*\(1, 2, 0\)"),
        ({"targets": TARGETS[:3]}, "targets has 3 trials of 6 steps, inputs has 4 of 6"),
        ({"targets": TARGETS.swapaxes(0, 1)}, "time first"),
        ({"mask": np.ones((4, 5))}, "mask has 4 trials of 5 steps"),
        ({"mask": np.ones((4, 6, 2))}, r"mask must have shape \(4, 6, 3\)"),
        ({"mask": np.full((4, 6), 0.5)}, "mask must hold only 0 and 1"),
        ({"mask": torch.full((4, 6), torch.nan)}, "mask must hold only 0 and 1"),
        ({"score_mask": np.full((4, 6), 2)}, "score_mask must hold only 0 and 1"),
        ({"conditions": {"side": ["left"]}}, r"conditions\['side'\] must hold one label per trial, shape \(4,\)"),
        ({"conditions": {"side": [None] * 4}}, r"conditions\['side'\] must hold numbers or strings"),
    ],
)
def test_bad_trials_are_named(fields, words):
    with pytest.raises(InputError, match=words):
        Trials(**{"inputs": INPUTS, "targets": TARGETS, **fields})


def test_score_mask_decides_the_score_and_mask_the_loss():
    task = FlipFlop(n_bits=1, score_grace=0)
    targets = torch.ones(1, 4, 1)
    trials = Trials(torch.zeros(1, 4, 1), targets, [[1, 1, 0, 0]], score_mask=[[0, 1, 1, 1]])
    outputs = torch.tensor([[[-1.0], [-1.0], [1.0], [3.0]]])
    assert task.score(outputs, trials) == pytest.approx(2 / 3, abs=1e-12)
    assert float(task.loss(outputs, trials)) == 4.0
    assert task.score(outputs, Trials(trials.inputs, targets, trials.mask)) == 0.0  # None: the mask
    assert task.score(outputs, Trials(trials.inputs, targets)) == 0.5  # both None: everywhere
    assert float(task.loss(outputs, Trials(trials.inputs, targets))) == 3.0


def test_nothing_to_compare_is_said():
    trials = Trials(torch.zeros(1, 4, 1), torch.ones(1, 4, 1), np.zeros((1, 4)))
    for judge in (FlipFlop(1).score, FlipFlop(1).loss):
        with pytest.raises(InputError, match="0 everywhere"):
            judge(trials.targets, trials)


def test_loss_keeps_the_precision_of_the_outputs():
    trials = FlipFlop().sample(3)
    assert (
        FlipFlop().loss(torch.zeros(trials.targets.shape, dtype=torch.float64), trials).dtype == torch.float64
    )
