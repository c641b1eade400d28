"""Each clause of a task's contract finds what breaks it, and nothing else does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.seeding import as_seed, stream
from dynakit.tasks import Task, Trials
from dynakit.testing.tasks import CLAUSES

CALLS = itertools.count()


@dataclass(frozen=True)
class Echo(Task):
    """Each input, 1 or -1, is to be said again at once; trials have two to ``n_steps`` of them."""

    n_steps: int = 6

    @property
    def n_inputs(self) -> int:
        return 1

    @property
    def n_outputs(self) -> int | None:
        return 1

    def sample(self, n_trials: int, seed: Any = 0) -> Trials:
        seed = as_seed(seed)
        inputs = stream(seed, "inputs").choice([-1.0, 1.0], (n_trials, self.n_steps, 1))
        lengths = 2 + stream(seed, "lengths").permuted(np.tile(np.arange(5), (n_trials, 1)), axis=1)[:, 0]
        return Trials(inputs, inputs, lengths=lengths)

    def correct(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.sign(outputs) == torch.sign(targets)

    def decode(self, outputs: Any) -> np.ndarray:
        return dk.tasks.base.sign_marks(np.asarray(outputs))

    @property
    def pulses(self) -> dict[str, np.ndarray]:
        return {"up": np.ones((1, 1)), "down": -np.ones((1, 1))}

    @property
    def machine(self) -> dict[tuple[str, str], str] | None:
        return {(memory, pulse): {"up": "+", "down": "-"}[pulse] for memory in "+-" for pulse in self.pulses}


class TwoOutputs(Echo):
    n_outputs = 2


class NoTargets(Echo):
    n_outputs = None
    machine = None

    def sample(self, n_trials, seed=0):
        return Trials(Echo.sample(self, n_trials, seed).inputs)


class OtherEachTime(Echo):
    def sample(self, n_trials, seed=0):
        return super().sample(n_trials, seed if isinstance(seed, int) else next(CALLS))


class Deaf(Echo):
    def sample(self, n_trials, seed=0):
        return super().sample(n_trials, 0)


class OtherForMany(Echo):
    def sample_each(self, n_trials, seeds):
        return [self.sample(n_trials, seed + k) for k, seed in enumerate(seeds)]


class TimeFirst(Echo):
    def sample(self, n_trials, seed=0):
        trials = super().sample(n_trials, seed)
        drawn = stream(as_seed(seed), "inputs").choice([-1.0, 1.0], (self.n_steps, n_trials, 1)).swapaxes(0, 1)
        return Trials(drawn, drawn, lengths=trials.lengths)


class Global(Echo):
    def sample(self, n_trials, seed=0):
        np.random.random()  # noqa: NPY002
        return super().sample(n_trials, seed)


class Thawed(Echo):
    __setattr__ = object.__setattr__


@dataclass(frozen=True)
class Growing(Echo):
    notes: list[float] = field(default_factory=list)

    def score(self, outputs, trials):
        self.notes.append(super().score(outputs, trials))
        return self.notes[-1]


class NeverRight(Echo):
    def correct(self, outputs, targets):
        return torch.zeros_like(targets, dtype=torch.bool)


class HalfIdeal(Echo):
    def ideal(self, trials):
        return trials.targets[:, :3]

    def score(self, outputs, trials):
        return super().score(outputs if len(outputs[0]) == self.n_steps else trials.targets, trials)


class AlwaysRight(Echo):
    def correct(self, outputs, targets):
        return torch.ones_like(targets, dtype=torch.bool)


class Percent(Echo):
    def score(self, outputs, trials):
        score = super().score(outputs, trials)
        return score if score in (0.0, 1.0) else 100 * score


class MaskForgotten(Echo):
    def loss(self, outputs, trials):
        return ((outputs - trials.targets) ** 2).mean()


class Flat(Echo):
    def loss(self, outputs, trials):
        return 0.0 * super().loss(outputs, trials)


class PerTrial(Echo):
    def loss(self, outputs, trials):
        return ((outputs - trials.targets) ** 2).mean((1, 2))


class BeyondTheEnd(Echo):
    def score(self, outputs, trials):
        outputs = torch.as_tensor(outputs)
        return float((self.correct(outputs, trials.targets) & outputs.isfinite()).double().mean())


class OneWord(Echo):
    machine = None

    def decode(self, outputs):
        words = super().decode(outputs)
        return words.ravel()


class NoDoubt(Echo):
    def decode(self, outputs):
        return np.where(np.isnan(np.asarray(outputs)[..., 0]), "-", super().decode(outputs))


class RestLast(Echo):
    @property
    def drives(self):
        return {"up": np.ones(1), "rest": self.rest}


class WideDrive(Echo):
    @property
    def drives(self):
        return {"rest": self.rest, "up": np.ones(2)}


class FlatPulses(Echo):
    @property
    def pulses(self):
        return {"up": np.ones(1), "down": -np.ones(1)}


class EmptyPulse(Echo):
    @property
    def pulses(self):
        return {"up": np.zeros((1, 1)), "down": -np.ones((1, 1))}


class Nowhere(Echo):
    @property
    def machine(self):
        return {**Echo.machine.fget(self), ("+", "up"): "0"}


class Partial(Echo):
    @property
    def machine(self):
        return {key: value for key, value in Echo.machine.fget(self).items() if key != ("-", "up")}


class OtherWords(Echo):
    @property
    def machine(self):
        names = {"+": "plus", "-": "minus"}
        return {(names[memory], pulse): names[led] for (memory, pulse), led in Echo.machine.fget(self).items()}


@dataclass(frozen=True)
class Longer(Echo):
    """It grows whenever it is built."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_steps", self.n_steps + 1)


CASES = {
    TwoOutputs: ("sizes", "n_outputs is 2, but the trials have 1"),
    OtherEachTime: ("seeds", "equal generators must give the same trials, but inputs differ"),
    OtherForMany: ("seeds", "sample_each must give what sample gives under each seed, but inputs differ"),
    Deaf: ("draws", "another seed must give other trials"),
    TimeFirst: ("prefix", "4 trials must be the first of 7 of the same seed, but inputs differ"),
    Global: ("generators", "the global generator of numpy was drawn from"),
    Thawed: ("frozen", "the task must be a frozen dataclass"),
    Growing: ("frozen", "sampling and judging change the task"),
    NeverRight: ("ideal", "the ideal outputs must score 1, got 0 for a float32 tensor"),
    AlwaysRight: ("wrong", "everything is right"),
    Percent: ("wrong", "scores must lie between 0 and 1"),
    MaskForgotten: ("loss", "zero where the mask is"),
    Flat: ("loss", "nothing can be learnt from it"),
    PerTrial: ("loss", "must be a finite scalar with a gradient"),
    BeyondTheEnd: ("ends", "must not be judged, but the score falls to 0."),
    OneWord: ("decode", r"decode must give strings \(trial, time\)"),
    NoDoubt: ("decode", r"""decode must say "\?" of what is no memory, got '-' of NaN"""),
    RestLast: ("drives", 'drives must begin with "rest"'),
    WideDrive: ("drives", r"drive 'up' must be an array of finite numbers of shape \(1,\), got one of shape \(2,\)"),
    FlatPulses: ("pulses", r"pulse 'up' must be .* of shape \(1, 1\), got one of shape \(1,\)"),
    EmptyPulse: ("pulses", "pulse 'up' is nothing but the input at rest"),
    Nowhere: ("machine", "the machine leads to '0', from where it leads nowhere"),
    Partial: ("machine", "does not say what pulse 'up' does to memory '-'"),
    OtherWords: ("machine", "the targets ask for memory '[+]', which the machine does not have"),
    Longer: ("saving", r"saved and loaded, Longer\(n_steps=7\) is Longer\(n_steps=8\)"),
}


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_each_clause_finds_what_breaks_it_and_no_other_does(kind):
    clause, said = CASES[kind]
    with pytest.raises(dk.ContractError, match=said) as caught:
        dk.testing.check_task(kind(), n_trials=7)
    assert list(caught.value.failures) == [clause]


def test_every_clause_has_a_task_that_breaks_it():
    assert {clause for clause, _ in CASES.values()} == set(CLAUSES)


def test_what_is_right_keeps_every_clause():
    said = dk.testing.check_task(Echo(), seed=4)
    assert list(said.checked) == list(CLAUSES)
    assert said.skipped == {}


def test_trials_without_targets_are_not_judged():
    said = dk.testing.check_task(NoTargets())
    assert said.skipped.keys() == {"ideal", "wrong", "loss", "ends", "decode", "machine"}
    assert said.skipped["loss"] == "the trials have no targets: nothing is asked"


def test_an_ideal_of_another_shape_is_told():
    with pytest.raises(dk.ContractError, match=r"ideal: ideal has shape \(8, 3, 1\), expected that of the targets"):
        dk.testing.check_task(HalfIdeal())


def test_what_is_no_task_is_refused():
    with pytest.raises(dk.InputError, match="task must be Task, got Trials"):
        dk.testing.check_task(Echo().sample(3))
    with pytest.raises(dk.InputError, match="n_trials must be at least 2"):
        dk.testing.check_task(Echo(), n_trials=1)
