"""A contract is a table of clauses: each is tried, and holds, is broken, or cannot be asked.

A clause is a function that looks at what it is given.  It raises :class:`Broken` with the sentence that says how, or
:class:`Unasked` with the reason why it means nothing here; any other error is a breach as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import ContractError, ResourceError
from ..results import Result
from ..wording import counted


@dataclass(frozen=True, kw_only=True, repr=False)
class Contract(Result):
    """What a part of one's own was held to, and kept.

    Attributes:
        subject: what was checked, in words
        checked: names of the clauses that were tried, all of which hold
        skipped: clauses that could not be asked, each with the reason
    """

    subject: str
    checked: tuple[str, ...]
    skipped: dict[str, str]

    def headline(self) -> str:
        left = f"; not asked: {', '.join(self.skipped)}" if self.skipped else ""
        return f"{self.subject}: {counted(len(self.checked), 'clause')} kept{left}"


class Broken(Exception):
    """How a clause is broken, in one sentence."""


class Unasked(Exception):
    """Why a clause means nothing here, in one sentence."""


def hold(subject: str, clauses: Mapping[str, Callable[[Any], None]], given: Any) -> Contract:
    """Try every clause on what is given; ContractError with a sentence for each that is broken."""
    checked, skipped, failures = [], {}, {}
    for name, clause in clauses.items():
        try:
            clause(given)
        except (Unasked, ResourceError) as reason:
            skipped[name] = str(reason)
        except Broken as sentence:
            failures[name] = str(sentence)
        except Exception as error:  # code of the user's own may raise anything
            failures[name] = f"raised {type(error).__name__}: {' '.join(str(error).split())}"
        else:
            checked.append(name)
    if failures:
        raise ContractError(_told(subject, failures, len(clauses)), failures)
    return Contract(subject=subject, checked=tuple(checked), skipped=skipped)


def _told(subject: str, failures: dict[str, str], n_clauses: int) -> str:
    """One line for each sentence: what fails for one reason stands together."""
    clauses: dict[str, list[str]] = {}
    for name, sentence in failures.items():
        clauses.setdefault(sentence, []).append(name)
    lines = [f"{', '.join(names)}: {sentence}" for sentence, names in clauses.items()]
    return "\n  ".join([f"{subject} breaks {len(failures)} of {counted(n_clauses, 'clause')}", *lines])


@contextmanager
def untouched_generators() -> Iterator[None]:
    """Broken if what runs within draws from a global generator."""
    before = _generators()
    yield
    for name, state in _generators().items():
        if state != before[name]:
            raise Broken(f"the global generator of {name} was drawn from; draw from one made of the seed")


def _generators() -> dict[str, Any]:
    numpy = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (numpy[1].tobytes(), *numpy[2:]),  # type: ignore[union-attr, index]
        "random": random.getstate(),
    }
