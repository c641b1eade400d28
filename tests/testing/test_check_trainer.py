"""Ours keep the contract of a way to train, and each clause finds what breaks it, and nothing else does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit import models, training
from dynakit.provenance import Provenance
from dynakit.results import History
from dynakit.seeding import torch_stream
from dynakit.testing.trainers import CLAUSES

STREAM = dk.tasks.SequenceStream(n_elements=600)
FLIP = dk.tasks.FlipFlop(n_bits=1, n_steps=12)


def spoken_for():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return models.LeakyRNN.for_task(FLIP, 2, dt=20.0, tau=20.0, form="rate", activation="tanh")


OURS = {
    "BPTT": lambda: (training.BPTT(max_updates=2, batch_size=4),),
    "BPTT of a noisy network": lambda: (
        training.BPTT(max_updates=2, batch_size=4),
        models.LeakyRNN.for_task(FLIP, 4, sigma_rec=0.1, sigma_in=0.1),
        FLIP,
    ),
    "TBPTT": lambda: (training.TBPTT(max_updates=2, batch_size=4),),
    "RTRL": lambda: (training.RTRL(max_updates=2, batch_size=2),),
    "Kalman": lambda: (training.Kalman(max_updates=2),),
    "Curriculum": lambda: (training.Curriculum(max_updates=2, steps_forced=8, steps_closed=4, batch_size=4),),
    "Ridge": lambda: (training.Ridge(n_trials=4),),
    "guessing": lambda: (training.WeightGuessing(scale=8.0, max_guesses=8192, together=512), spoken_for(), FLIP),
    "nearest": lambda: (training.Online(max_elements=200, window=20), models.NearestNeighbours(25), STREAM),
}


@pytest.mark.parametrize("name", OURS)
def test_ours_keep_the_contract(name):
    skipped = dk.testing.check_trainer(*OURS[name]()).skipped
    if name in ("Ridge", "guessing"):
        assert skipped.keys() == {"stopping"}
    elif name == "nearest":
        assert skipped.keys() == {"fixed", "in_place"}
    else:
        assert not skipped


@dataclass(frozen=True)
class Jitter:
    """Adds noise to the weights, update after update: a way to train, if a poor one."""

    n_updates: int = 3
    flaw: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class Thawed:
    """The same, but its settings can be changed."""

    n_updates: int = 3
    flaw: str = ""
    notes: list[str] = field(default_factory=list)


def jitter(method: Any, model: Any, task: Any, *, seed: int, callback: Any) -> History:
    flaw, began, losses, scores, seconds, stopped = method.flaw, time.monotonic(), [], [], [], "done"
    seed = seed if flaw != "deaf" else 0
    if flaw == "elsewhere":
        model = models.Elman.for_task(task, 6)
    if flaw == "notes":
        method.notes.append("!")
    for k in range(method.n_updates):
        trials = task.sample(4, seed=seed + k)
        with torch.no_grad():
            outputs = model(trials.inputs).outputs
            losses.append(float(task.loss(outputs, trials)) + (time.monotonic() if flaw == "moody" else 0.0))
            scores.append(float(task.score(outputs, trials)) + 2 * (flaw == "percent"))
            generator = torch_stream(seed, "jitter", k)
            for p in model.parameters():
                if p.requires_grad or flaw == "all":
                    p += 0.1 * torch.randn(p.shape, generator=generator)
        seconds.append(time.monotonic() - began if flaw != "backwards" else float(-k))
        if flaw == "restless":
            next(iter(model.parameters())).data.add_(1e-3 * (time.monotonic() % 1))
        told = {"loss": losses[-1], "score": 0.5, "learning_rate": 0.1, "total": method.n_updates}
        if flaw == "terse":
            told.pop("total")
        try:
            if callback is not None and flaw != "mute":
                callback(k + 1 if flaw != "stuck" else 1, told)
        except StopIteration:
            if flaw != "on":
                stopped = "ended by the callback" if flaw != "silent" else "done"
                if flaw == "late":
                    model.readout.weight.data.add_(1.0)
                break
    finish(flaw, model)
    n = len(losses)
    made = Provenance.of(seed=seed if flaw != "seedless" else None, **(vars(method) if flaw != "bare" else {}))
    return History(
        losses=np.array(losses),
        scores=np.array(scores),
        seconds=np.array(seconds),
        learning_rates=np.full(n, 0.1),
        stopped=stopped if flaw != "no reason" else stopped.removeprefix("done"),
        provenance=made,
    )


def finish(flaw, model):
    if flaw == "drawn":
        torch.rand(1)
    if flaw == "gradients":
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
    if flaw == "flags":
        model.requires_grad_(False)
    if flaw == "replaced":
        model.readout.weight = torch.nn.Parameter(model.readout.weight.detach().clone())


for kind in (Jitter, Thawed):
    training.fit.register(kind)(jitter)


CASES = {
    "notes": ("settings", "a run changes the settings"),
    "percent": ("history", "scores of the history must lie between 0 and 1"),
    "backwards": ("history", "does not run backwards"),
    "no reason": ("history", "must say in stopped why"),
    "elsewhere": ("in_place", "training leaves the model as it was"),
    "replaced": ("in_place", "not put others in their place"),
    "moody": ("repeats", "the same seed must give the same history, but losses differ"),
    "deaf": ("seeds", "another seed must train on other trials"),
    "drawn": ("generators", "the global generator of torch was drawn from"),
    "gradients": ("leftovers", "gradients are left"),
    "flags": ("leftovers", "requires_grad of the parameters must be as it was"),
    "all": ("fixed", "parameter rnn.weight_ih_l0 needs no gradient and must stay"),
    "terse": ("callback", "there is no total"),
    "stuck": ("callback", "must rise from call to call"),
    "on": ("stopping", "StopIteration in the callback must end the run"),
    "silent": ("stopping", "must say so in stopped, got 'done'"),
    "late": ("stopping", "with the weights of that moment"),
    "bare": ("provenance", "there is no n_updates"),
    "seedless": ("provenance", "must hold the seed"),
}


@pytest.mark.parametrize("flaw", CASES)
def test_each_clause_finds_what_breaks_it_and_no_other_does(flaw):
    clause, said = CASES[flaw]
    with pytest.raises(dk.ContractError, match=said) as caught:
        dk.testing.check_trainer(Jitter(flaw=flaw))
    assert list(caught.value.failures) == [clause]


def test_every_clause_has_a_way_to_train_that_breaks_it():
    assert {clause for clause, _ in CASES.values()} == set(CLAUSES)


def test_what_is_right_keeps_every_clause():
    state = torch.get_rng_state()
    said = dk.testing.check_trainer(Jitter(), seed=3)
    assert list(said.checked) == list(CLAUSES)
    assert torch.equal(state, torch.get_rng_state())
    assert dk.testing.check_trainer(Jitter(n_updates=1)).skipped.keys() == {"stopping"}


def test_a_network_that_depends_on_the_clock_is_told():
    said = "repeats: the same seed must train the same network bit by bit, but rnn.weight_ih_l0 differs"
    with pytest.raises(dk.ContractError, match=said):
        dk.testing.check_trainer(Jitter(flaw="restless"))


def test_settings_that_can_be_changed_are_told():
    with pytest.raises(dk.ContractError, match="settings: the settings must be a frozen dataclass"):
        dk.testing.check_trainer(Thawed())


def test_a_callback_that_is_never_told_is_told():
    with pytest.raises(dk.ContractError, match="the callback is never told anything") as caught:
        dk.testing.check_trainer(Jitter(flaw="mute"))
    assert list(caught.value.failures) == ["callback", "stopping"]


def test_what_is_not_registered_fails_for_one_reason():
    with pytest.raises(dk.ContractError, match="raised InputError: method must be one of BPTT"):
        dk.testing.check_trainer("bptt")
    with pytest.raises(dk.InputError, match="model must be a torch module, got a list"):
        dk.testing.check_trainer(Jitter(), [])
