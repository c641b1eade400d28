"""The contract of a way to train: what ``dynakit.train`` promises of every one."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from ..models import Elman
from ..models.learners import Learner
from ..provenance import with_provenance
from ..results import History
from ..tasks import FlipFlop
from ..training import train
from .case import changed, held_by
from .contract import Broken, Contract, Unasked, hold, untouched_generators

TOLD = ("loss", "score", "learning_rate", "total")
TIMES = ("seconds", "provenance")  # of a history: what may differ where all else is the same


class Runs:
    """A way to train, with copies of one network that it trains."""

    def __init__(self, method: Any, model: nn.Module, task: Any, seed: int) -> None:
        self.method, self.model, self.task, self.seed = method, copy.deepcopy(model), task, seed

    def run(self, model: nn.Module | None = None, *, more: int = 0, callback: Any = None) -> tuple[Any, nn.Module]:
        """A history, and the copy that was trained; ``more`` is added to the seed."""
        model = copy.deepcopy(self.model) if model is None else model
        return train(model, self.task, self.method, seed=self.seed + more, callback=callback), model

    @functools.cached_property
    def plain(self) -> tuple[Any, nn.Module]:
        """The run that others are compared with."""
        return self.run()


@with_provenance
def check_trainer(method: Any, model: Any = None, task: Any = None, *, seed: Any = 0) -> Contract:
    """Hold a way to train of your own, registered with ``dynakit.training.fit``, to what ``dynakit.train`` promises.

    One line in your tests.  It trains some ten copies, so the run should be short.  Every clause is tried: ``settings``
    (a frozen dataclass that a run leaves alone), ``history`` (a History with at least one entry and a reason why it
    ended), ``in_place`` (the given parameters change), ``repeats`` (the same seed, the same network bit by bit),
    ``seeds`` (another seed, another run), ``generators`` (no global one is drawn from, nor is the number of threads
    changed), ``leftovers`` (flags are as before, and no gradient is left), ``fixed`` (what needs no gradient stays),
    ``callback`` (told what was done, with loss, score, learning_rate and total), ``stopping`` (StopIteration there ends
    the run, which says so), ``provenance`` (seed and settings are in the history).

    Args:
        method: the settings of the way to train, with few updates.
        model: what is trained; None: an Elman network of six units.
        task: what it is trained on; None: a flip-flop of one bit.
        seed: of the runs.

    Returns:
        What was checked, and what was not asked, with the reason.

    Raises:
        ContractError: an AssertionError with one sentence for each clause that is broken, also in its ``failures``.

    >>> import dynakit as dk
    >>> dk.testing.check_trainer(dk.training.BPTT(max_updates=2, batch_size=2))
    Contract(BPTT: 11 clauses kept)
    """
    task = FlipFlop(n_bits=1, n_steps=12) if task is None else task
    if model is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = Elman.for_task(task, 6)
    if not isinstance(model, nn.Module):
        raise InputError(f"model must be a torch module, got a {type(model).__name__}")
    return hold(type(method).__name__, CLAUSES, Runs(method, model, task, seed))


def settings(runs: Runs) -> None:
    if not getattr(getattr(runs.method, "__dataclass_params__", None), "frozen", False):
        raise Broken("the settings must be a frozen dataclass, or a history could not say how it was made")
    before = repr(runs.method)
    runs.run()
    if repr(runs.method) != before:
        raise Broken(f"a run changes the settings: {before} became {runs.method!r}")


def history(runs: Runs) -> None:
    said, _ = runs.plain
    if not isinstance(said, History) or not len(said):
        raise Broken(f"a run must give a History with at least one entry, got {said!r}")
    if not said.stopped:
        raise Broken("the history must say in stopped why the run ended")
    if not bool(((said.scores >= 0) & (said.scores <= 1)).all()):
        raise Broken("scores of the history must lie between 0 and 1")
    if bool((np.diff(said.seconds) < 0).any()) or said.seconds[0] < 0:
        raise Broken("seconds of the history must be the time since the start, which does not run backwards")


def in_place(runs: Runs) -> None:
    model = copy.deepcopy(runs.model)
    if not list(model.parameters()):
        raise Unasked("the model has no parameters")
    kept = list(model.parameters())
    runs.run(model)
    if any(a is not b for a, b in zip(kept, model.parameters(), strict=True)):
        raise Broken("training must change the parameters of the model, not put others in their place")
    if not changed(held_by(runs.model), held_by(model)):
        raise Broken("training leaves the model as it was: it must be trained in place")


def repeats(runs: Runs) -> None:
    (first, trained), (again, twin) = runs.plain, runs.run()
    _same_network(trained, twin, "the same seed must train the same network bit by bit")
    wrong = [name for name in _records(first) if not _equal(_records(first)[name], _records(again)[name])]
    if wrong:
        raise Broken(f"the same seed must give the same history, but {wrong[0]} differ")


def _records(history: Any) -> dict[str, Any]:
    return {f.name: getattr(history, f.name) for f in dataclasses.fields(history) if f.name not in TIMES}


def _equal(a: Any, b: Any) -> bool:
    numbers = isinstance(a, np.ndarray) and a.dtype.kind == "f"
    return bool(np.array_equal(a, b, equal_nan=numbers))


def _same_network(a: nn.Module, b: nn.Module, sentence: str) -> None:
    wrong = changed(held_by(a), held_by(b))
    if wrong:
        raise Broken(f"{sentence}, but {wrong[0]} differs")


def seeds(runs: Runs) -> None:
    (first, trained), (other, twin) = runs.plain, runs.run(more=1)
    same = all(_equal(value, _records(other)[name]) for name, value in _records(first).items())
    if same and not changed(held_by(trained), held_by(twin)):
        raise Broken("another seed must train on other trials, but network and history are the same")


def generators(runs: Runs) -> None:
    threads = torch.get_num_threads()
    with untouched_generators():
        runs.run()
    if torch.get_num_threads() != threads:
        raise Broken(f"the number of threads was {threads} and is {torch.get_num_threads()}")


def leftovers(runs: Runs) -> None:
    model = copy.deepcopy(runs.model)
    flags = [p.requires_grad for p in model.parameters()]
    runs.run(model)
    if [p.requires_grad for p in model.parameters()] != flags:
        raise Broken("requires_grad of the parameters must be as it was")
    if any(p.grad is not None for p in model.parameters()):
        raise Broken("gradients are left on the parameters; the model must come back clean")


def fixed(runs: Runs) -> None:
    model = copy.deepcopy(runs.model)
    if isinstance(model, Learner):
        raise Unasked("a learner of a stream changes by a rule of its own, not along gradients")
    first = next(model.named_parameters(), None)
    if first is None:
        raise Unasked("the model has no parameters")
    name, parameter = first
    before = parameter.requires_grad_(False).detach().clone()
    try:
        runs.run(model)
    except InputError as error:
        raise Unasked(f"it is not run with a parameter that stays: {error}") from None
    if not torch.equal(before, parameter):
        raise Broken(f"parameter {name} needs no gradient and must stay, but is trained")


def callback(runs: Runs) -> None:
    heard: list[tuple[int, dict[str, float]]] = []
    _, model = runs.run(callback=lambda done, info: heard.append((done, dict(info))))
    if not heard:
        raise Broken("the callback is never told anything")
    missing = [name for name in TOLD if name not in heard[0][1]]
    if missing:
        raise Broken(f"the callback must be told {', '.join(TOLD)}; there is no {missing[0]}")
    if any(b <= a for (a, _), (b, _) in itertools.pairwise(heard)):
        raise Broken("what the callback is told to be done must rise from call to call")
    _same_network(runs.plain[1], model, "a callback that only listens must change nothing")


def stopping(runs: Runs) -> None:
    if len(runs.plain[0]) < 2:
        raise Unasked("the run has one entry: it is over when the callback is told")
    calls: list[list[torch.Tensor]] = []
    model = copy.deepcopy(runs.model)

    def stop(done: int, info: dict[str, float]) -> None:
        calls.append([p.detach().clone() for p in model.parameters()])
        raise StopIteration

    said, _ = runs.run(model, callback=stop)
    if len(calls) > 1 or len(said) >= len(runs.plain[0]):
        raise Broken("StopIteration in the callback must end the run")
    if "callback" not in said.stopped:
        raise Broken(f"a run that the callback ended must say so in stopped, got {said.stopped!r}")
    if not all(torch.equal(a, b) for a, b in zip(calls[0], model.parameters(), strict=True)):
        raise Broken("a run that the callback ended must leave the model with the weights of that moment")


def provenance(runs: Runs) -> None:
    said = runs.plain[0].provenance
    if said is None or said.seed != runs.seed:
        raise Broken("the provenance of the history must hold the seed")
    wanted = [field.name for field in dataclasses.fields(runs.method)]
    missing = [name for name in wanted if name not in said.settings]
    if missing:
        raise Broken(f"the provenance of the history must hold the settings; there is no {missing[0]}")


CLAUSES: dict[str, Callable[[Runs], None]] = {
    clause.__name__: clause
    for clause in (
        settings,
        history,
        in_place,
        repeats,
        seeds,
        generators,
        leftovers,
        fixed,
        callback,
        stopping,
        provenance,
    )
}
