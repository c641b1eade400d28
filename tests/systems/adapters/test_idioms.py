"""Networks in the idioms of plain torch: each is taken for what it is, or refused; none for something else."""

from __future__ import annotations

import pytest
import torch

import dynakit as dk

from ..members import K, M, N
from .idioms import COLLECTED, IDIOMS, difference, tried
from .idioms import table as table_of_idioms

REFUSED = {
    "leak around a cell": "does not hand on from step to step the state",
    "noise always": "does not hand on from step to step the state",
    "residual around a cell": "does not hand on from step to step the state",
    "three inner steps": "calls 'cell' 60 times in 20 steps",
    "layer norm of the state": "does not hand on from step to step the state",
    "clipped state": "does not hand on from step to step the state",
    "state held when silent": "does not hand on from step to step the state",
    "output fed back": "hands other inputs to 'cell' than its own",
    "clamped inputs": "hands other inputs to 'rnn' than its own",
    "scaled inputs": "hands other inputs to 'rnn' than its own",
    "first state from the inputs": "starts 'rnn' from a state that depends on the inputs",
    "reset by a mask": "called as (x, state), its forward calls 'cell' 4 times in 20 steps",
    "mean over time": "its outputs are not read off the state of 'rnn' alone",
    "output one step late": "its outputs are not read off the state of 'rnn' alone",
    "time reversed": "hands other inputs",
    "gain after step 15": "its outputs are not read off the state of 'rnn' alone",
    "linear encoder": "which of them reads it out, and what stands before it, cannot be told",
    "embedding": "which of them reads it out, and what stands before it, cannot be told",
    "two layers in a row": "holds 2 recurrent layers",
    "subclass of a model of ours": "a forward of its own",
    "pre-hook on the layer": "hands other inputs",
}


@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_is_taken_for_what_it_is_or_refused(name):
    row = tried(name, IDIOMS[name])
    if row.taken:
        assert name not in REFUSED
        assert row.steps >= 20
        assert row.difference < 1e-5
    else:
        assert REFUSED[name] in row.said
        assert "dk.as_system(" in row.said
        assert row.said.count("\n") == 0


@pytest.mark.parametrize("name", [name for name, idiom in IDIOMS.items() if idiom.step])
def test_the_call_that_a_refusal_proposes_runs(name):
    idiom = IDIOMS[name]
    model = idiom.build()
    system = dk.as_system(model, step=idiom.step, readout="fc")
    assert difference(system, model, idiom) < 1e-5


def test_a_hook_that_records_is_left_with_what_it_had():
    COLLECTED[:] = [torch.ones(1)]
    dk.as_system(IDIOMS["hook that records"].build())
    assert len(COLLECTED) == 1


def test_a_learned_first_state_is_where_trials_start():
    model = IDIOMS["learned first state"].build()
    assert torch.equal(dk.as_system(model).initial_state(), model.h0[0, 0].double())


def test_the_table_has_a_line_for_each():
    lines = table_of_idioms().splitlines()
    assert len(lines) == len(IDIOMS)
    assert sum("taken" in line for line in lines) == len(IDIOMS) - len(REFUSED)


if __name__ == "__main__":
    print(table_of_idioms())
    assert (K, M, N) == (2, 3, 5)
