"""Tasks by name, as the command line writes them."""

from __future__ import annotations

import dataclasses

from .. import checks, specs
from .base import Task
from .classic import Adding, CountingLanguage, EmbeddedReber, Parity, Phonemes, TemporalOrder
from .cycles import Cycles
from .decision import ContextIntegration, DelayedComparison, PerceptualDecision
from .discrimination import FrequencyDiscrimination
from .flip_flop import FlipFlop, SetReset
from .sequence import SequenceStream
from .xor import Xor

TASKS: dict[str, type[Task]] = {
    "flip-flop": FlipFlop,
    "set-reset": SetReset,
    "xor": Xor,
    "context-integration": ContextIntegration,
    "perceptual-decision": PerceptualDecision,
    "delayed-comparison": DelayedComparison,
    "frequency-discrimination": FrequencyDiscrimination,
    "cycles": Cycles,
    "sequence-stream": SequenceStream,
    "parity": Parity,
    "embedded-reber": EmbeddedReber,
    "counting-language": CountingLanguage,
    "adding": Adding,
    "temporal-order": TemporalOrder,
    "phonemes": Phonemes,
}


def by_name(spec: str) -> Task:
    """The task that ``spec`` describes: a name, or a name with parameters.

    Parameters follow a colon as ``name=value``, separated by commas; a range is written ``low..high``.

    Raises:
        InputError: the task or a parameter is unknown (the nearest known name is suggested), or a value is
            unreadable or out of its range.

    >>> by_name("flip-flop:n_bits=2,p_flip=0.1").p_flip
    0.1
    >>> by_name("set-reset:quiet_gap=10..40").quiet_gap
    (10, 40)
    >>> by_name("adding:variant=modern,length=50")
    Adding(length=50, variant='modern', delay=0)
    """
    name, text = specs.split(spec) if isinstance(spec, str) else (spec, "")
    task = TASKS[checks.one_of("task", name, TASKS)]
    return task(**specs.settings(name, text, {f.name: str(f.type) for f in dataclasses.fields(task)}))
