"""What learns a stream on the fly: it predicts the next element, is shown it, and learns.

A learner keeps what it needs of the past itself.  It sees codes, and the number of each symbol as the stream
counts them: the label that a classifier of contexts predicts.  What comes next is not in its hands before
:meth:`Learner.learn` (see :class:`dynakit.training.Online`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from ... import checks
from ...errors import InputError, NumericalError
from ..base import arguments_of


class Element(NamedTuple):
    """One element of a stream."""

    code: np.ndarray  # (code,)
    id: int  # the number of its symbol
    position: int  # in the stream


class Past(NamedTuple):
    """All that a learner has been shown, oldest first."""

    codes: np.ndarray  # (element, code)
    ids: np.ndarray  # (element,)


class Operations(NamedTuple):
    """Synaptic operations: what arrives at connections, one by one.

    A number that arrives is multiplied by a weight and added up; a spike is only added up.  Biases, the products inside
    a gated unit, thresholds and activation functions are no connections and are not counted.
    """

    multiply_accumulates: int
    accumulates: int

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.multiply_accumulates + self.accumulates


class Learner(nn.Module):
    """Base of the learners of a stream of codes.

    A subclass implements ``predict(past)``, which gives a vector (code,), or the id of a symbol, or None where it
    cannot say yet; ``learn(element)``; ``freeze()``, the network as it now is, for :func:`dynakit.as_system`; and
    ``operations(past)``, if what a prediction costs is to be known.
    """

    def __init__(self, code_size: int) -> None:
        super().__init__()
        self.code_size = checks.count("code_size", code_size)

    @property
    def n_inputs(self) -> int:
        """The numbers of a code."""
        return self.code_size

    @property
    def n_outputs(self) -> int:
        """The numbers of a code."""
        return self.code_size

    @classmethod
    def for_task(cls, task: Any, **settings: Any) -> Any:
        """A learner for the codes of ``task`` (a :class:`dynakit.tasks.SequenceStream`)."""
        if not hasattr(task, "code_size"):
            raise InputError(f"task must be a SequenceStream, got a {type(task).__name__}")
        try:
            return cls(code_size=task.code_size, **settings)
        except TypeError as reason:  # an unknown name
            raise InputError(f"settings of a {cls.__name__}: {reason}") from None

    def config(self) -> dict[str, Any]:
        """The arguments that build this learner anew, before it has learnt: ``type(learner)(**learner.config())``."""
        return arguments_of(self)

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the largest weights of a learner with these arguments have; nothing is built for it."""
        raise NotImplementedError

    def predict(self, past: Past) -> np.ndarray | int | None:
        """What comes next, from what was shown."""
        raise NotImplementedError

    def learn(self, element: Element) -> None:
        """Take in the element that came."""
        raise NotImplementedError

    def operations(self, past: Past) -> Operations:
        """The synaptic operations that :meth:`predict` takes; InputError for a learner that does not say.

        Those of learning are not among them, nor is the search for the symbol that an output stands for.
        """
        raise InputError(f"a {type(self).__name__} does not say what a prediction of it costs")

    def freeze(self) -> Any:
        """The network as it now is, apart from what this learner goes on to learn."""
        raise InputError(f"a {type(self).__name__} does not say what it is once it learns no more")

    def kill(self, share: float, rng: np.random.Generator) -> None:
        """Silence a random share of the units for good."""
        raise InputError(f"a {type(self).__name__} has no units that could die")

    @classmethod
    def together(cls, learners: Sequence[Any]) -> Any:
        """All of them as one :class:`Each`, or as something like it that shares the work."""
        return Each(learners)


def comparing(n: int, width: int, metric: str) -> Operations:
    """What the distances of one vector of ``width`` numbers from ``n`` others take: "l2" multiplies, "l1" only adds."""
    return Operations(n * width, 0) if metric == "l2" else Operations(0, n * width)


def some_of(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """The numbers of a random share of ``n`` units, for :meth:`Learner.kill`."""
    share = checks.number("share", share, above=0.0, below=1.0)
    if not isinstance(rng, np.random.Generator):
        raise InputError(f"rng must be a numpy.random.Generator, got {rng!r}")
    return rng.permutation(n)[: round(share * n)]


class Each:
    """Learners side by side, each by itself: one that comes to grief is left as it is, and the others go on."""

    def __init__(self, learners: Sequence[Learner]) -> None:
        self.learners = learners
        self.failed: dict[int, str] = {}  # which of them, and why

    def predict(self, pasts: Sequence[Past]) -> list[Any]:
        """The prediction of each, None of one that failed."""
        going = (k not in self.failed for k in range(len(self.learners)))
        return [one.predict(past) if on else None for one, past, on in zip(self.learners, pasts, going)]

    def learn(self, elements: Sequence[Element]) -> None:
        """Each learns its element."""
        for k, (learner, element) in enumerate(zip(self.learners, elements)):
            if k not in self.failed:
                try:
                    learner.learn(element)
                except NumericalError as reason:
                    self.failed[k] = str(reason)

    def kill(self, k: int, share: float, rng: np.random.Generator) -> None:
        """Silence a share of the units of learner ``k``."""
        self.learners[k].kill(share, rng)

    def write_back(self) -> None:
        """Nothing is left to write back."""
