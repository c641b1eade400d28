"""The loops that teach the networks of 1997 are the library's learners, and what is reported is what was published."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "classic_tasks"
SGD = {"optimizer": "sgd", "batch_size": 1, "clip_norm": None, "decay_to": 1.0, "max_updates": 20}


@dataclasses.dataclass(frozen=True)
class Summed(dk.tasks.EmbeddedReber):
    """The training strings, with half the sum of squares as the error; what was drawn is kept."""

    strings: str = "train"
    drawn: list[str] = dataclasses.field(default_factory=list)

    def sample(self, n_trials, seed=0):
        trials = super().sample(n_trials, seed)
        self.drawn.append(str(trials.conditions["string"][0]))
        return trials

    def loss(self, outputs, trials):
        return ((outputs - trials.targets) ** 2 * trials.mask).sum() / 2


@pytest.mark.parametrize(
    ("name", "learner", "rate"),
    [
        ("RTRL 3", dk.training.RTRL(online=True, learning_rate=0.5, **SGD), 0.5),
        ("RTRL 12", dk.training.RTRL(online=True, learning_rate=0.1, **SGD), 0.1),
        ("ELM 15", dk.training.TBPTT(k=1, learning_rate=0.5, **SGD), 0.5),
        ("ELM 15, whole gradient", dk.training.BPTT(learning_rate=0.5, **SGD), 0.5),
        ("LSTM 4 x 1", dk.training.BPTT(learning_rate=0.5, **SGD), 0.5),
        ("LSTM 3 x 2", dk.training.BPTT(learning_rate=0.5, **SGD), 0.5),
    ],
)
def test_twenty_strings_teach_what_they_teach_in_the_library(name, learner, rate):
    import historic

    task, row = Summed(), historic.ROWS[name]
    ours, theirs = row.build(3).double(), row.build(3).double()
    begun = [p.detach().clone() for p in ours.parameters()]
    dk.train(theirs, task, learner)
    strings = list(dict.fromkeys(task.drawn))
    order = np.array([strings.index(string) for string in task.drawn[-20:]])
    row.teach(ours, *historic.symbols(task, strings), order, rate)
    for own, other, before in zip(ours.parameters(), theirs.parameters(), begun):
        assert (own - before).abs().max() > 1e-4
        torch.testing.assert_close(own, other, rtol=0, atol=1e-10)


def test_networks_have_the_published_numbers_of_weights():
    import historic

    counted = {name: sum(p.numel() for p in row.build(0).parameters()) for name, row in historic.ROWS.items()}
    published = {"RTRL 3": 170, "RTRL 12": 494, "ELM 15": 435, "LSTM 4 x 1": 264, "LSTM 3 x 2": 276}
    assert counted.items() >= published.items()
