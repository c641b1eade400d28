"""Networks in the idioms of plain torch: each is taken for what it is, or refused; none for something else."""

from __future__ import annotations

import re

import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError

from ..members import K, M
from .idioms import COLLECTED, IDIOMS, difference, seeded, tried
from .more_idioms import MORE, ResetEvery

ALL = {**IDIOMS, **MORE}

REFUSED = {
    "output fed back": "hands other inputs to 'cell' than its own",
    "first state from the inputs": "starts 'rnn' from a state that depends on the inputs",
    "reset by a mask": "called as (x, state), its forward calls 'cell' 4 times in 20 steps",
    "mean over time": "its outputs are not read off the state of 'rnn' alone",
    "output one step late": "its outputs are not read off the state of 'rnn' alone",
    "time reversed": "hands other inputs",
    "gain after step 15": "its outputs are not read off the state of 'rnn' alone",
    "subclass of a model of ours": "a forward of its own",
    "highway around a layer": "cannot be told",
    "inputs past the layer to the readout": "dk.as_system(model.rnn) takes the layer by itself",
    "output fed back through a buffer": "hands other inputs to 'cell' than its own",
    "LSTM with projections": "proj_size=4, which is not supported",
    "bidirectional": "its state at a time depends on the future",
    "inputs weighted by the number of the step": "hands other inputs to 'cell' than its own",
    "reset every eighth step": "does not hand on from step to step the state",
    "last output beside the input": "input has inconsistent input_size",
    "attention over past states": "does not hand on from step to step the state",
    "attention in the readout": "its outputs are not read off the state of 'rnn' alone",
    "fast weights": "does not hand on from step to step the state",
    "momentum": "does not hand on from step to step the state",
    "outputs summed over time": "its outputs are not read off the state of 'rnn' alone",
    "inputs added to the output": "its outputs are not read off the state of 'rnn' alone",
    "choices, not values": "returns no floating-point numbers",
    "steps left out": "calls 'cell' 10 times in 20 steps",
    "mean of two runs": "calls 'rnn' 2 times in 20 steps",
}


@pytest.mark.parametrize("name", ALL)
def test_an_idiom_is_taken_for_what_it_is_or_refused(name):
    row = tried(name, ALL[name])
    if row.taken:
        assert name not in REFUSED
        assert row.steps >= 20
        assert row.difference < 1e-5
    else:
        assert REFUSED[name] in row.said
        assert row.said.count("\n") == 0
        for call in re.findall(r"dk\.as_system\(.*?\)(?= |;|$)", row.said):
            if "<" not in call:  # nothing that is still to be written
                assert isinstance(eval(call, {"dk": dk, "model": ALL[name].build()}), dk.System)


@pytest.mark.parametrize("name", [name for name, idiom in ALL.items() if idiom.step])
def test_a_step_that_does_what_the_forward_does_is_found_and_said(name):
    idiom = ALL[name]
    assert f".{idiom.step} with readout 'fc'" in tried(name, idiom).said
    by_name = dk.as_system(idiom.build(), step=idiom.step, readout="fc")
    assert difference(by_name, idiom.build(), idiom) < 1e-5


def test_a_hook_that_records_is_left_with_what_it_had():
    COLLECTED[:] = [torch.ones(1)]
    dk.as_system(IDIOMS["hook that records"].build())
    assert len(COLLECTED) == 1


def test_a_learned_first_state_is_where_trials_start():
    model = IDIOMS["learned first state"].build()
    assert torch.equal(dk.as_system(model).initial_state(), model.h0[0, 0].double())


def test_what_changes_after_the_steps_compared_is_refused_on_the_trials_themselves():
    model = seeded(lambda: ResetEvery(25))
    short, long = torch.zeros(3, 25, M), torch.ones(3, 60, M)
    assert dk.as_system(model).compared == 20
    assert dk.record(model, short).outputs.shape == (3, 25, K)
    with pytest.raises(InputError, match=r"on these trials it does something else: .* does not hand on"):
        dk.record(model, long)
    task = dk.tasks.from_arrays(long.numpy(), torch.ones(3, 60, K).numpy())
    with pytest.raises(InputError, match="on these trials it does something else"):
        dk.analyze(model, task, include=["trajectories"])


def test_a_bare_layer_with_a_hook_is_not_the_layer():
    for layer in (seeded(lambda: torch.nn.GRU(M, 5)), seeded(lambda: dk.models.GRU(M, 5, K)).rnn):
        assert dk.as_system(layer).compared == 0  # read, not compared
        layer.register_forward_pre_hook(lambda m, i: (2 * i[0], *i[1:]))
        with pytest.raises(InputError, match="has forward hooks"):
            dk.as_system(layer)
