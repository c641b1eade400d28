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


class Cut(dk.models.MemoryBlocks):
    """Memory blocks whose cells alone remember the past that a gradient sees."""

    def step(self, x, u):
        n = self.n_hidden + 2 * self.n_blocks
        return super().step(torch.cat([x[:, :n].detach(), x[:, n:]], dim=1), u)


def test_errors_that_go_back_in_cells_alone_are_those_of_blocks_that_hear_no_past():
    import historic

    task, row = Summed(), historic.ROWS["LSTM 3 x 2, cut gradient"]
    ours = row.build(3).double()
    theirs = Cut(**ours.config()).double()
    theirs.load_state_dict(ours.state_dict())
    whole = historic.ROWS["LSTM 3 x 2"].build(3).double()
    dk.train(theirs, task, dk.training.BPTT(learning_rate=0.5, **SGD))
    strings = list(dict.fromkeys(task.drawn))
    order = np.array([strings.index(string) for string in task.drawn[-20:]])
    for model, teach in ((ours, row.teach), (whole, historic.by_bptt)):
        teach(model, *historic.symbols(task, strings), order, 0.5)
    torch.testing.assert_close(ours.W_rec, theirs.W_rec, rtol=0, atol=1e-10)
    assert (whole.W_rec - ours.W_rec).abs().max() > 1e-4


def test_the_outer_symbol_is_judged_apart_from_all_others():
    import historic

    task = dk.tasks.EmbeddedReber()
    trials = task.show(["BTBTXSETE", "BPBTSXSEPE"])
    perfect = task.ideal(trials)
    outer = historic.at_the_outer_symbol(trials)
    assert [outer[k].nonzero().item() for k in range(2)] == [6, 7]  # the T and the P come next
    blind = perfect.clone()
    blind[..., [1, 2]] = torch.where(outer[..., None], 0.5, blind[..., [1, 2]])  # T or P: it has forgotten which
    assert task.score(blind, trials) == task.score(blind, historic.asked(trials, outer)) == 0.0
    assert task.score(blind, historic.asked(trials, ~outer)) == 1.0


def test_successes_alone_count_in_the_strings_presented():
    import historic

    common = {"weights": 276, "outer symbol right": 0.5, "all others right": 1.0}
    rows = [
        {"solved": True, "strings": 3000, "fresh right": 1.0, **common},
        {"solved": True, "strings": 9000, "fresh right": 0.99, **common},
        {"solved": False, "strings": 200_000, "fresh right": 0.5, **common},
    ]
    found = historic.summary("LSTM 3 x 2", rows)
    assert (found["trials"], found["successes"], found["strings, median"]) == (3, 2, 6000)
    assert (found["successes with all of 2000 fresh right"], found["fresh right, least"]) == (1, 0.99)
    assert found["outer symbol right where it failed"] == 0.5


def test_a_trial_says_what_it_could_do_when_it_was_cut():
    import historic

    row = historic.measure("LSTM 3 x 2", 0, 0, most=1000)
    assert (row["solved"], row["strings"], row["weights"]) == (False, 1000, 276)
    assert 0 <= row["test right"] <= min(row["outer symbol right"], row["all others right"]) < 1
