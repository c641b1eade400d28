"""The contract of a task: what training and analysis take for granted of the trials it draws and how it judges."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import checks
from ..provenance import with_provenance
from ..records import load_record, save_record, unsavable
from ..seeding import torch_stream
from ..tasks import Task, Trials
from .contract import Broken, Contract, Unasked, hold, untouched_generators

MANY = 30  # trials that are drawn to be told apart


@dataclass(frozen=True)
class Drawn:
    """A task and trials of it."""

    task: Any
    seed: int
    n_trials: int

    def trials(self, n_trials: int | None = None) -> Trials:
        """The first trials of the seed, always the same."""
        return self.task.sample(n_trials or self.n_trials, seed=self.seed)

    def asked(self) -> Trials:
        """The same, where something is asked of them."""
        if self.task.n_outputs is None:
            raise Unasked("the trials have no targets: nothing is asked")
        return self.trials()


@with_provenance
def check_task(task: Any, *, seed: Any = 0, n_trials: int = 8) -> Contract:
    """Hold a task of your own to what training and analysis take for granted.

    One line in your tests.  Every clause is tried: ``sizes`` (of inputs, targets and masks), ``seeds`` (the same trials
    again, bit by bit, alone and beside those of another), ``draws`` (another seed, other trials), ``prefix`` (few
    trials are the first of many), ``generators`` (no global one is drawn from), ``frozen`` (sampling and judging change
    nothing), ``ideal`` (perfect outputs score 1, in any precision), ``wrong`` (NaN and infinity score 0, and not
    everything is right), ``loss`` (a scalar whose gradient runs through the mask alone), ``ends`` (nothing beyond the
    end of a trial is judged), ``decode`` (words for any leading axes, "?" for no memory), ``drives`` ("rest" first) and
    ``pulses`` (fit the inputs), ``machine`` (every memory under every pulse, in the words of ``decode``), ``saving``
    (comes back the same).

    Args:
        task: a :class:`dynakit.tasks.Task`.
        seed: of the trials.
        n_trials: how many are drawn.

    Returns:
        What was checked, and what was not asked, with the reason.

    Raises:
        ContractError: an AssertionError with one sentence for each clause that is broken, also in its ``failures``.
        InputError: ``task`` is no Task.

    >>> import dynakit as dk
    >>> dk.testing.check_task(dk.tasks.FlipFlop(n_bits=2))
    Contract(FlipFlop: 14 clauses kept; not asked: ends)
    """
    checks.of_kind("task", task, Task)
    drawn = Drawn(task, seed, checks.count("n_trials", n_trials, least=2))
    return hold(type(task).__name__, CLAUSES, drawn)


def sizes(drawn: Drawn) -> None:
    task, trials, n = drawn.task, drawn.trials(), drawn.n_trials
    if not isinstance(trials, Trials) or len(trials) != n:
        raise Broken(f"sample({n}) must give {n} Trials, got {trials!r}")
    if trials.n_inputs != task.n_inputs:
        raise Broken(f"n_inputs is {task.n_inputs}, but the trials have {trials.n_inputs}")
    if trials.n_outputs != task.n_outputs:
        raise Broken(f"n_outputs is {task.n_outputs}, but the trials have {trials.n_outputs}")


def _differ(a: Trials, b: Trials) -> str:
    """The name of what differs in two batches of trials, if anything does."""
    for field in ("inputs", "targets", "mask", "score_mask", "lengths"):
        one, other = getattr(a, field), getattr(b, field)
        if (one is None) != (other is None) or (one is not None and not torch.equal(one, other)):
            return field
    if a.conditions.keys() != b.conditions.keys():
        return "conditions"
    return next((name for name in a.conditions if not np.array_equal(a.conditions[name], b.conditions[name])), "")


def seeds(drawn: Drawn) -> None:
    def generator() -> np.random.Generator:
        return np.random.default_rng(drawn.seed)

    for what, seed in (("the same seed", lambda: drawn.seed), ("equal generators", generator)):
        first, again = (drawn.task.sample(drawn.n_trials, seed=seed()) for _ in range(2))
        wrong = _differ(first, again)
        if wrong:
            raise Broken(f"{what} must give the same trials, but {wrong} differ")
    own = [drawn.seed, drawn.seed + 1]
    for seed, trials in zip(own, drawn.task.sample_each(drawn.n_trials, own), strict=True):
        wrong = _differ(drawn.task.sample(drawn.n_trials, seed=seed), trials)
        if wrong:
            raise Broken(f"sample_each must give what sample gives under each seed, but {wrong} differ")


def draws(drawn: Drawn) -> None:
    first, other = (drawn.task.sample(MANY, seed=drawn.seed + k) for k in range(2))
    if not _differ(first, other):
        raise Broken("another seed must give other trials: training would show the same ones again and again")


def prefix(drawn: Drawn) -> None:
    n = (drawn.n_trials + 1) // 2
    wrong = _differ(drawn.trials(n), drawn.trials()[:n])
    if wrong:
        raise Broken(f"{n} trials must be the first of {drawn.n_trials} of the same seed, but {wrong} differ")


def generators(drawn: Drawn) -> None:
    with untouched_generators():
        trials = drawn.trials()
        if trials.targets is not None:
            drawn.task.score(trials.targets, trials)


def frozen(drawn: Drawn) -> None:
    before, trials = repr(drawn.task), drawn.trials()
    if trials.targets is not None:
        drawn.task.score(trials.targets, trials)
    if repr(drawn.task) != before:
        raise Broken(f"sampling and judging change the task: {before} became {drawn.task!r}")
    for field in dataclasses.fields(drawn.task)[:1]:
        try:
            setattr(drawn.task, field.name, getattr(drawn.task, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise Broken("the task must be a frozen dataclass: what was drawn from it would say nothing about it")


def ideal(drawn: Drawn) -> None:
    trials = drawn.asked()
    best = drawn.task.ideal(trials)
    if tuple(best.shape) != tuple(trials.targets.shape):  # type: ignore[union-attr]
        raise Broken(f"ideal has shape {tuple(best.shape)}, expected that of the targets")
    for what, outputs in (("a float32 tensor", best.float()), ("a float64 array", best.double().numpy())):
        score = drawn.task.score(outputs, trials)
        if score != 1.0:
            raise Broken(f"the ideal outputs must score 1, got {score:g} for {what}")


def wrong(drawn: Drawn) -> None:
    trials = drawn.asked()
    best = drawn.task.ideal(trials)
    for value in (torch.nan, torch.inf):
        score = drawn.task.score(torch.full_like(best, value), trials)
        if score != 0.0:
            raise Broken(f"outputs of {value} must score 0, got {score:g}")
    span = 1 + best.max() - best.min()
    tried = [best + span, best - span, best.min() + best.max() - best, torch.zeros_like(best)]
    scores = [drawn.task.score(outputs, trials) for outputs in tried]
    if not all(0 <= score <= 1 for score in scores):
        raise Broken(f"scores must lie between 0 and 1, got {scores}")
    if min(scores) == 1.0:
        raise Broken("everything is right: shifted, inverted and zero outputs score 1 as the ideal ones do")


def loss(drawn: Drawn) -> None:
    trials = drawn.asked()
    best = drawn.task.ideal(trials)
    outputs = torch.randn(best.shape, generator=torch_stream(drawn.seed, "outputs")).requires_grad_(True)
    with torch.enable_grad():
        value = drawn.task.loss(outputs, trials)
        if value.ndim or not bool(value.isfinite()) or not value.requires_grad:
            raise Broken(f"loss must be a finite scalar with a gradient, got {value!r}")
        (gradient,) = torch.autograd.grad(value, outputs)
    counts = torch.ones_like(best) if trials.mask is None else trials.mask
    if not bool((gradient.isfinite() & ((gradient == 0) | (counts > 0))).all()):
        raise Broken("the gradient of the loss must be finite, and zero where the mask is")
    if not bool(gradient.any()):
        raise Broken("the loss has no gradient: nothing can be learnt from it")


def ends(drawn: Drawn) -> None:
    trials = drawn.asked()
    if not trials.ragged:
        raise Unasked("no trial ends before the others")
    beyond, best = ~trials.valid[:, :, None], drawn.task.ideal(trials)
    whole, score = (drawn.task.score(outputs, trials) for outputs in (best, best.masked_fill(beyond, torch.nan)))
    if score != whole:
        raise Broken(f"what lies beyond the end of a trial must not be judged, but the score falls to {score:g}")


def decode(drawn: Drawn) -> None:
    trials = drawn.asked()
    words = drawn.task.decode(trials.targets)
    if tuple(words.shape) != tuple(trials.targets.shape[:2]) or words.dtype.kind != "U":  # type: ignore[union-attr]
        got = f"{words.dtype} of shape {words.shape}"
        raise Broken(f"decode must give strings (trial, time) of outputs (trial, time, output), got {got}")
    if words[0, 0] != drawn.task.decode(trials.targets[0, 0]):  # type: ignore[index]
        raise Broken("decode says of one output another word than of the same among many")
    nothing = str(drawn.task.decode(np.full(drawn.task.n_outputs, np.nan)))
    if set(nothing) != {"?"}:
        raise Broken(f'decode must say "?" of what is no memory, got {nothing!r} of NaN')


def drives(drawn: Drawn) -> None:
    task = drawn.task
    given = {"rest of the task": task.rest} | {f"drive {name!r}": value for name, value in task.drives.items()}
    for name, value in given.items():
        _fits(name, value, (task.n_inputs,))
    if next(iter(task.drives)) != "rest" or not np.array_equal(task.drives["rest"], task.rest):
        raise Broken('drives must begin with "rest", the input at rest')
    if task.question is not None:
        _fits("question", task.question, (len(task.question), task.n_inputs))


def pulses(drawn: Drawn) -> None:
    if not drawn.task.pulses:
        raise Unasked("the task names no pulses")
    for name, pulse in drawn.task.pulses.items():
        _fits(f"pulse {name!r}", pulse, (len(pulse), drawn.task.n_inputs))
        if not len(pulse) or (pulse == drawn.task.rest).all():
            raise Broken(f"pulse {name!r} is nothing but the input at rest")


def _fits(name: str, value: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(value, np.ndarray) or value.shape != shape or not np.isfinite(value).all():
        got = f"one of shape {value.shape}" if hasattr(value, "shape") else f"a {type(value).__name__}"
        raise Broken(f"{name} must be an array of finite numbers of shape {shape}, got {got}")


def machine(drawn: Drawn) -> None:
    task = drawn.task
    if task.machine is None:
        raise Unasked("the task names no machine")
    memories, led = {memory for memory, _ in task.machine}, set(task.machine.values())
    if not led <= memories:
        raise Broken(f"the machine leads to {sorted(led - memories)[0]!r}, from where it leads nowhere")
    if {pulse for _, pulse in task.machine} != set(task.pulses):
        raise Broken(f"the pulses of the machine must be those of the task, {', '.join(map(repr, task.pulses))}")
    missing = [(memory, pulse) for memory in memories for pulse in task.pulses if (memory, pulse) not in task.machine]
    if missing:
        raise Broken(f"the machine does not say what pulse {missing[0][1]!r} does to memory {missing[0][0]!r}")
    trials = drawn.asked()
    said = task.decode(trials.targets)
    asked = np.ones(said.shape, bool) if trials.mask is None else trials.mask.numpy().all(axis=2)
    unknown = set(said[asked].tolist()) - memories
    if unknown:
        raise Broken(f"the targets ask for memory {sorted(unknown)[0]!r}, which the machine does not have")


def saving(drawn: Drawn) -> None:
    reason = unsavable(drawn.task)
    if reason:
        raise Unasked(reason)
    with tempfile.TemporaryDirectory() as folder:
        save_record(drawn.task, f"{folder}/task")
        loaded = load_record(f"{folder}/task")
    if type(loaded) is not type(drawn.task) or repr(loaded) != repr(drawn.task):
        raise Broken(f"saved and loaded, {drawn.task!r} is {loaded!r}")
    wrong = _differ(loaded.sample(drawn.n_trials, seed=drawn.seed), drawn.trials())
    if wrong:
        raise Broken(f"saved and loaded, the task draws other {wrong}")


CLAUSES: dict[str, Callable[[Drawn], None]] = {
    clause.__name__: clause
    for clause in (
        sizes,
        seeds,
        draws,
        prefix,
        generators,
        frozen,
        ideal,
        wrong,
        loss,
        ends,
        decode,
        drives,
        pulses,
        machine,
        saving,
    )
}
