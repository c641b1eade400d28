"""Learning a stream on the fly, judged prequentially: predict, score, then learn (Dawid 1984; Gama et al. 2013).

The harness owns the stream.  A learner is handed what has been out so far, in arrays that end there and hold nothing
beyond; it predicts, is scored, and only then sees the element.  So no label can leak into a prediction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..errors import InputError
from ..models.learners import Each, Element, Learner, Past
from ..provenance import Provenance
from ..results import History, per_item
from ..seeding import stream
from ..tasks import N_DIGITS, WINDOW, SequenceStream, Stream, windowed_accuracy
from .base import BY_CALLBACK, Callback, fit, fit_together, not_together, told

SAY_EVERY = 100  # elements between two calls of the callback


@dataclass(frozen=True, kw_only=True)
class Online:
    """Settings of a prequential run; ``dk.train(learner, dk.tasks.SequenceStream(), Online())``.

    ``window``: evaluations that an accuracy is the mean of, the present one included.  ``max_elements``: stop early.
    ``decode_noise``: a vector may stand for noise symbols met so far as well as for digits.  At element ``kill_at`` a
    random ``kill_share`` of the units dies.  The seed of the run draws the codes (unless the task has a ``code_seed``),
    a fresh stream, and who dies; a learner's weights are its own.

    A learner that says None has no say in an evaluation before its first answer; later that is a miss.  One that is
    trained again goes on from what it has learnt, which is right only for the same codes: the same seed, or a task with
    a ``code_seed``.

    The callback is called after every hundredth element; ``learner.freeze()`` in it is the network at that element.
    """

    window: int = WINDOW
    max_elements: int | None = None
    decode_noise: bool = True
    kill_at: int | None = None
    kill_share: float = 0.0

    def __post_init__(self) -> None:
        checks.count("window", self.window)
        if self.max_elements is not None:
            checks.count("max_elements", self.max_elements)
        if self.kill_at is not None:
            checks.count("kill_at", self.kill_at, least=0)
        checks.number("kill_share", self.kill_share, above=0.0, below=1.0)
        if self.kill_share and self.kill_at is None:
            raise InputError(f"kill_at must say when kill_share = {self.kill_share:g} of the units die")


@dataclass(frozen=True, kw_only=True, repr=False)
class OnlineHistory(History):
    """How a prequential run went, one entry per evaluation.

    ``scores`` are accuracies over a window of evaluations; ``losses`` are 0 for a hit and 1 for a miss.

    Attributes:
        positions: (evaluation,) of the element that was to be predicted
        predictions: (evaluation,) ids of symbols
        n_elements: elements that were learnt
    """

    positions: np.ndarray = per_item()
    predictions: np.ndarray = per_item()
    n_elements: int = 0

    @property
    def accuracies(self) -> np.ndarray:
        """(evaluation,) the windowed accuracy: the share of hits among this evaluation and those before it."""
        return self.scores

    @property
    def hits(self) -> np.ndarray:
        """(evaluation,) whether the prediction was right."""
        return self.losses == 0

    @property
    def accuracy(self) -> float:
        """The mean of the windowed accuracies over the whole run, as Ramkumar (2019), table 2, has it."""
        return float(self.scores.mean()) if len(self) else float("nan")

    def headline(self) -> str:
        if not len(self):
            return f"no evaluations, {self.stopped}"
        return (
            f"{len(self)} evaluations, mean windowed accuracy {self.accuracy:.4f}, last {self.scores[-1]:.3f}, "
            f"{self.stopped}"
        )


@fit.register
def _(method: Online, model: Any, task: Any, *, seed: int, callback: Callback | None) -> History:
    return run_online(method, [model], task, [seed], callback)[0]


@not_together.register
def _(method: Online, models: Sequence[Any]) -> str:
    other = next((model for model in models if not isinstance(model, Learner)), None)
    return "" if other is None else f"model must be a learner for Online (see dk.models), got a {type(other).__name__}"


@fit_together.register
def run_online(
    method: Online, models: Sequence[Any], task: Any, seeds: Sequence[int], callback: Callback | None
) -> list[OnlineHistory]:
    """A run of each learner on the stream of its seed; learners that can share the work do, if the order is one."""
    if not isinstance(task, SequenceStream):
        raise InputError(f"task must be a SequenceStream for Online, got a {type(task).__name__}")
    if reason := not_together(method, models):
        raise InputError(reason)
    streams = [task.draw(seed) for seed in seeds]
    n = min(method.max_elements or len(streams[0]), *(len(own) for own in streams))
    if method.kill_share and method.kill_at is not None and method.kill_at >= n:
        raise InputError(f"kill_at must be below {n}, the elements of the run, got {method.kill_at}")
    for name, value in (("window", method.window), ("max_elements", method.max_elements)):
        most = len(streams[0].ends) if name == "window" else len(streams[0])
        if value is not None and value > most:
            raise InputError(f"{name} must be at most {most}, which is what the stream has, got {value}")
    if task.fresh and len(models) > 1:
        parts = [_Stream([one], [own], method, [seed], callback) for one, own, seed in zip(models, streams, seeds)]
        return [history for part in parts for history in part.go(task)]
    return _Stream(models, streams, method, seeds, callback).go(task)


class _Stream:
    """Learners on streams of one order of symbols."""

    def __init__(
        self,
        learners: Sequence[Learner],
        streams: Sequence[Stream],
        method: Online,
        seeds: Sequence[int],
        callback: Callback | None,
    ) -> None:
        self.learners, self.streams, self.method, self.seeds = learners, streams, method, seeds
        self.callback = callback
        of_one_kind = len({type(learner) for learner in learners}) == 1
        self.team = type(learners[0]).together(learners) if of_one_kind else Each(learners)
        self.shown = np.full((len(learners), len(streams[0]), streams[0].codes.shape[1]), np.nan)
        self.ids = np.full(len(streams[0]), -1)  # of what was not yet out: nothing
        self.known = streams[0].n_known
        self.positions: list[list[int]] = [[] for _ in learners]
        self.predictions: list[list[int]] = [[] for _ in learners]
        self.seconds: list[list[float]] = [[] for _ in learners]

    def go(self, task: SequenceStream) -> list[OnlineHistory]:
        stream_ = self.streams[0]
        n = min(len(stream_), self.method.max_elements or len(stream_))
        judged = np.zeros(len(stream_), bool)
        judged[stream_.ends] = True
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite ends a run, which says so
            ended = self._through(n, judged)
        self.team.write_back()
        done = (n, f"all {n} elements learnt")
        return [self._history(k, task, *ended.get(k, done)) for k in range(len(self.learners))]

    def _through(self, n: int, judged: np.ndarray) -> dict[int, tuple[int, str]]:
        """All elements, one by one; where and why learners ended before the stream did."""
        began, ended = time.monotonic(), {}
        for t in range(n):
            if t == self.method.kill_at:
                for k, seed in enumerate(self.seeds):
                    self.team.kill(k, self.method.kill_share, stream(seed, "death"))
            if judged[t]:
                self._predict(t, time.monotonic() - began)
            self._show(t)
            for k, reason in self.team.failed.items():
                ended.setdefault(k, (t, f"stopped at element {t}: {reason}"))
            if len(ended) == len(self.learners):
                break
            if self.callback is not None and (t + 1) % SAY_EVERY == 0 and not self._say(t, n):
                for k in range(len(self.learners)):
                    ended.setdefault(k, (t + 1, BY_CALLBACK))
                break
        return ended

    def _predict(self, t: int, seconds: float) -> None:
        ids = self.ids[:t]
        ids.flags.writeable = False  # all learners see the same
        pasts = [Past(shown[:t], ids) for shown in self.shown]
        try:
            answers = self.team.predict(pasts)
        except IndexError as reason:
            raise InputError(f"learner asked for more than the {t} elements it was shown: {reason}") from reason
        for k, answer in enumerate(answers):
            if answer is not None or (self.positions[k] and k not in self.team.failed):
                self.positions[k].append(t)
                self.predictions[k].append(self._decoded(k, answer, t))
                self.seconds[k].append(seconds)

    def _decoded(self, k: int, answer: Any, t: int) -> int:
        """The id that an answer stands for: itself, or that of the nearest code known before element t; -1 for none."""
        if answer is None:
            return -1
        if np.ndim(answer) == 0:
            return int(answer)
        n = int(self.known[t - 1]) if self.method.decode_noise and t else N_DIGITS
        codes = self.streams[k].codes[:n]
        answer = checks.reals("the prediction", np.asarray(answer, dtype=float), (codes.shape[1],), finite=False)
        gaps = ((codes - answer) ** 2).sum(axis=1)
        return int(gaps.argmin()) if np.isfinite(gaps).all() else -1

    def _show(self, t: int) -> None:
        self.ids[t] = self.streams[0].ids[t]
        elements = []
        for k, own in enumerate(self.streams):
            self.shown[k, t] = own.codes[own.ids[t]]
            elements.append(Element(self.shown[k, t].copy(), int(own.ids[t]), t))
        self.team.learn(elements)

    def _say(self, t: int, n: int) -> bool:
        """Tell the callback; whether to go on."""
        self.team.write_back()
        hits = [self._hits(k)[-self.method.window :] for k in range(len(self.learners))]
        score = float(np.mean([h.mean() for h in hits if len(h)])) if any(len(h) for h in hits) else 0.0
        return told(self.callback, t + 1, {"loss": 1 - score, "score": score, "learning_rate": 0.0, "total": n})

    def _hits(self, k: int) -> np.ndarray:
        own = self.streams[k]
        places = np.searchsorted(own.ends, self.positions[k])
        allowed = own.endings[places]
        return (allowed == np.array(self.predictions[k], int)[:, None]).any(axis=1)

    def _history(self, k: int, task: SequenceStream, n: int, stopped: str) -> OnlineHistory:
        hits = self._hits(k)
        names = {"method": "Online", "model": type(self.learners[k]).__name__, "task": type(task).__name__}
        return OnlineHistory(
            losses=1.0 - hits,
            scores=windowed_accuracy(hits, self.method.window),
            seconds=np.array(self.seconds[k]),
            learning_rates=np.zeros(len(hits)),
            positions=np.array(self.positions[k], int),
            predictions=np.array(self.predictions[k], int),
            n_elements=n,
            stopped=stopped,
            provenance=Provenance.of(seed=self.seeds[k], **names, **vars(self.method)),
        )
