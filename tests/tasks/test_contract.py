"""What every task promises; a task added to the registry is tested here without another line."""

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.records import load_record, save_record
from dynakit.tasks import (
    Adding,
    ContextIntegration,
    CountingLanguage,
    Cycles,
    DelayedComparison,
    EmbeddedReber,
    FlipFlop,
    FrequencyDiscrimination,
    Parity,
    PerceptualDecision,
    Phonemes,
    SetReset,
    TemporalOrder,
    Xor,
    from_arrays,
)
from dynakit.tasks.classic import WholeTrials
from dynakit.tasks.registry import TASKS
from dynakit.testing import check_task


def _own_trials():
    rng = np.random.default_rng(3)
    targets = np.where(rng.random((40, 30, 2)) < 0.5, -1.0, 1.0)
    return from_arrays(
        rng.normal(size=(40, 30, 3)), targets, rng.random((40, 30)) < 0.7, {"k": np.arange(40)}
    )


VARIANTS = {
    **{name: task() for name, task in TASKS.items()},
    "one noisy bit": FlipFlop(1, input_noise=0.3, amplitude=2.0, pulse_width=1),
    "no grace, 12 bits": FlipFlop(12, n_steps=20, score_grace=0),
    "re-pulsed": FlipFlop(repulse_every=20),
    "one turn, fixed gap": SetReset(1, input_wait=0, quiet_gap=1, stim_dur=1, input_noise=0.0),
    "many turns": SetReset(12, quiet_gap=(1, 30)),
    "random memory gap": Xor(memory_gap=(1, 50), input_wait=0, input_noise=0.0),
    "coherences of a range": ContextIntegration(None, dt=10.0, noise=0.5),
    "random delay after dots": PerceptualDecision((0.0, 0.2), delay=(0.0, 500.0), fixation=0.0),
    "random delay between vibrations": DelayedComparison(delay=(100.0, 900.0)),
    "by channel, jittered, of three rates": FrequencyDiscrimination((4.0, 8.0, 16.0), by="channel", jitter=0.2),
    "shapes, noisy": Cycles.shapes(noise=0.1),
    "two chaotic attractors": Cycles.lorenz_rossler(300),
    "signed parity, asked late": Parity(length=(4, 9), signed=True, settling=2),
    "parity at every step": Parity(length=7, every_step=True, input_noise=0.1),
    "256 strings": EmbeddedReber(strings="test", pair=1),
    "a^n b^n c^n": CountingLanguage("abc", n=(2, 5)),
    "modern adding": Adding(variant="modern", length=30),
    "order of three, tail": TemporalOrder(n_symbols=3, tail=40),
    "own trials": _own_trials(),
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def task(request):
    return request.param


def arrays_of(trials):
    tensors = {name: getattr(trials, name) for name in ("inputs", "targets", "mask", "score_mask", "lengths")}
    return {**{k: v.numpy() for k, v in tensors.items() if v is not None}, **trials.conditions}


def same(a, b):
    a, b = arrays_of(a), arrays_of(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_a_task_keeps_its_contract(task):
    skipped = check_task(task).skipped
    assert ("ends" in skipped) != task.sample(8).ragged
    assert ("pulses" in skipped) == (not task.pulses)
    assert ("machine" in skipped) == (task.machine is None)
    assert skipped.keys() <= {"ends", "pulses", "machine"}


def test_perfect_outputs_score_one_and_inverted_ones_zero(task):
    trials = task.sample(16, seed=2)
    ideal = task.ideal(trials)
    low, high = ideal.min(), ideal.max()
    inverted = ideal + high - low + 1 if task.graded else low + high - ideal
    assert task.score(ideal, trials) == 1.0
    assert task.score(inverted, trials) == 0.0


@pytest.mark.parametrize("task", [t for t in VARIANTS.values() if not isinstance(t, Phonemes)], ids=repr)
def test_loss_is_the_masked_mean_square_and_flows_back_only_through_the_mask(task):
    trials = task.sample(8, seed=4)
    outputs = torch.randn(trials.targets.shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = task.loss(outputs, trials)
    loss.backward()
    counted = trials.mask.numpy() > 0
    errors = (outputs.detach().numpy() - trials.targets.numpy())[counted]
    assert float(loss.detach()) == pytest.approx(float((errors.astype(np.float64) ** 2).mean()), rel=1e-5)
    assert outputs.grad is not None
    np.testing.assert_allclose(outputs.grad.numpy()[counted], 2 * errors / counted.sum(), rtol=1e-4)
    assert not outputs.grad.numpy()[~counted].any()
    assert float(task.loss(trials.targets, trials)) == 0.0


def test_every_trial_asks_for_something_and_for_nothing_beyond_its_end(task):
    trials = task.sample(8, seed=6)
    beyond = ~trials.valid[:, :, None]
    assert not trials.mask[beyond.expand_as(trials.mask)].any()
    asked = trials.mask.any(dim=2).any(dim=1)
    assert asked.all()
    short = trials[:3].until_the_longest()
    assert task.score(task.ideal(short), short) == 1.0


def test_outputs_that_cannot_be_judged_are_refused(task):
    trials = task.sample(4)
    with pytest.raises(InputError, match=r"outputs must have shape"):
        task.score(trials.targets[:, 1:], trials)
    with pytest.raises(InputError, match=r"pass \.outputs"):
        task.loss((trials.targets, trials.targets), trials)
    with pytest.raises(InputError, match="floating-point"):
        task.score(trials.targets.int(), trials)
    with pytest.raises(InputError, match="no targets"):
        task.score(trials.targets, type(trials)(trials.inputs))


@pytest.mark.parametrize("n_trials", [0, -1, 2.0, True])
def test_number_of_trials_is_checked(task, n_trials):
    with pytest.raises(InputError, match="n_trials"):
        task.sample(n_trials)


def test_trials_that_were_saved_and_loaded_are_the_same(task, tmp_path):
    save_record(task.sample(5, seed=1), tmp_path / "trials")
    assert same(load_record(tmp_path / "trials"), task.sample(5, seed=1))


def test_pulses_are_constant_and_as_long_as_they_are_shown(task):
    for pulse in task.pulses.values():
        assert len(pulse) == getattr(task, "pulse_width", getattr(task, "stim_dur", len(pulse)))
        assert (pulse == pulse[0]).all()


@pytest.mark.parametrize("task", [t for t in VARIANTS.values() if isinstance(t, WholeTrials)], ids=repr)
def test_one_wrong_answer_makes_its_trial_wrong_and_the_task_unsolved(task):
    trials = task.sample(8, seed=3)
    outputs = task.ideal(trials).clone()
    assert task.solved(outputs, trials)
    mask = trials.mask if trials.score_mask is None else trials.score_mask
    step = int(mask[5].any(dim=1).nonzero()[-1])
    outputs[5, step] = 2 - 3 * outputs[5, step]  # 1 and 0, as well as 1 and -1, are far away, and change places
    assert task.right(outputs, trials).tolist() == [k != 5 for k in range(8)]
    assert task.score(outputs, trials) == 7 / 8
    assert not task.solved(outputs, trials)
    with pytest.raises(InputError, match=r"outputs must have shape"):
        task.solved(outputs[:, :1], trials)


@pytest.mark.parametrize("task", [task for task in VARIANTS.values() if task.machine is not None], ids=repr)
def test_ideal_machine_follows_the_targets(task):
    """Walk through noise-free trials, one pulse after the other, and meet the target wherever it counts."""
    quiet = type(task)(**{**vars(task), "input_noise": 0.0})
    assert {memory for memory, _ in task.machine} == set(task.machine.values())
    assert {pulse for _, pulse in task.machine} == set(task.pulses)
    trials = quiet.sample(8, seed=11)
    asked, labels = trials.mask.numpy().all(axis=2), task.decode(trials.targets)
    met = set()
    for inputs, counts, label in zip(trials.inputs.numpy(), asked, labels):
        memory = next(iter(task.machine))[0]
        for u, counted, wanted in zip(inputs, counts, label):
            for name, pulse in task.pulses.items():
                if (u * pulse[0]).sum() > 0:
                    memory = task.machine[memory, name]
            if counted:
                assert memory == wanted
                met.add(memory)
    assert met == set(task.machine.values())
