"""Results speak of one thing in the singular: every public kind of result, and each cut down to one item."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dynakit as dk
from dynakit.errors import DynakitError

from .results_of_all import network, results

ONE_OF_MANY = re.compile(r"(?<![\d.,:/-])\b1 ((?!of )[a-z]+ )?(?!(is|its|was|has|as)\b)[a-z]+s\b")


def said(result):
    """What a result says, and what it says of its first item alone where it has items."""
    texts = [repr(result)]
    if hasattr(result, "summary"):
        texts.append(result.summary())
    try:
        return [*texts, repr(result[:1])]
    except (DynakitError, TypeError, AttributeError, ValueError):
        return texts  # it has no items


def test_one_is_singular():
    texts = [text for one in results().values() for text in said(one)]
    found = [(text, some.group()) for text in texts if (some := ONE_OF_MANY.search(text))]
    assert not found


def test_systems_and_samplers_of_one_unit_are_singular():
    unit, box = dk.catalog.tanh_unit(2.0), dk.samplers.Box([-1.0], [1.0])
    cloud = dk.samplers.Gaussian([0.0], 1.0)
    for thing in (unit, network(), dk.Iterated(unit, 1), dk.catalog.linear([[0.5]]), box, cloud):
        assert not ONE_OF_MANY.search(str(thing)), str(thing)
    assert repr(network()).endswith(": 1 input -> 2 state -> 2 outputs")


def test_one_step_of_training_and_one_trial_are_singular():
    task = dk.tasks.FlipFlop(n_bits=1, n_steps=12)
    model = dk.models.Elman.for_task(task, 2)
    history = dk.train(model, task, dk.training.BPTT(max_updates=1, batch_size=2), seed=0)
    assert history.stopped == "all 1 update done"
    assert "1 update in " in repr(history)
    assert repr(dk.record(model, np.zeros((1, 1, 1), np.float32))) == "Recording(1 trial of 1 step, 2 state variables)"


def test_sizes_that_do_not_fit_are_told_in_the_singular():
    task = dk.tasks.FlipFlop(n_bits=1)
    with pytest.raises(dk.InputError, match="the task has 1 input and 1 output, the model 2 and 1"):
        dk.train(dk.models.Elman(2, 3, 1), task, dk.training.BPTT(max_updates=1))
