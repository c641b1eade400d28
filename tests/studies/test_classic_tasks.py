"""The study of the classic benchmarks in miniature: its parts run, and their rows say what was found."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

STUDY = Path(__file__).resolve().parents[2] / "studies" / "classic_tasks"


def test_every_recipe_builds_the_network_it_names():
    import recipes

    for recipe in recipes.RECIPES.values():
        model = recipe.build(recipe.task, 0)
        assert (model.n_inputs, model.n_outputs) == (recipe.task.n_inputs, recipe.task.n_outputs)
        assert recipe.network.startswith(f"{type(model).__name__} {model.n_hidden}")


def test_a_quick_look_is_a_share_of_the_updates_and_a_network_of_its_own(monkeypatch):
    import recipes
    import solved

    recipe = recipes.RECIPES["a^n b^n"]
    assert [stage.max_updates for stage in recipe.cut(0.2).stages] == [600, 2000]
    assert recipe.cut(1.0) == recipe
    monkeypatch.setitem(recipes.RECIPES, "a^n b^n", recipe.cut(0.0005))
    shown = [solved.trained("a^n b^n", 0, share)[1]["presented"] for share in (1.0, 0.2, 1.0, 0.2)]
    assert shown == [10 * (2 + 5), 10 * (1 + 1), 10 * (2 + 5), 10 * (1 + 1)]


def test_sequences_are_counted_over_all_stages_and_success_where_ten_batches_are_right(monkeypatch):
    import solved

    runs = iter([[0.5] * 3, [0.5, *[1.0] * 12]])
    monkeypatch.setattr(solved.dk, "train", lambda *args, **kwargs: _History(next(runs)))
    stage = SimpleNamespace(batch_size=4)
    recipe: Any = SimpleNamespace(build=lambda task, seed: None, task=None, stages=(stage, stage))
    assert solved.train(recipe, 0) == (None, 4 * 3 + 4 * 13, 4 * 3 + 4 * (1 + 10))


class _History:
    def __init__(self, scores):
        self.scores = np.array(scores)

    def __len__(self):
        return len(self.scores)


def test_a_guessed_parity_network_is_two_points_and_an_orbit_of_two(tmp_path):
    import guessing
    import parts

    setup = "2 units and a readout, bits -1 and 1"
    row = guessing.measure(setup, 0)
    assert row["solved"]
    assert row["right at 5000 bits"] is True
    assert row["stable points under 0"] == "2 (even, odd)"
    assert row["period under 1"] == "2"
    parts.write("classic_tasks", tmp_path / "t.csv", [row], seeds=[0], started=0.0, quick=False)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert "python3 run.py study classic_tasks" in lines[0]
    assert next(csv.DictReader(lines[3:]))["set-up"] == setup


def test_the_error_signal_is_drawn_before_and_after(tmp_path):
    import gradients

    rows = [row for kind in gradients.KINDS for row in gradients.measure(kind, 0, 1, n_trials=2)]
    assert [row["when"] for row in rows] == ["before", "after"] * 3
    begun = {row["network"]: row for row in rows if row["when"] == "before"}
    assert begun["LSTM, chrono"]["share at lag 90"] > 0.05 > 1e-6 > begun["Elman"]["share at lag 90"]
    gradients.figure(rows, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_what_is_left_of_a_count_is_what_is_left_step_by_step():
    import counting

    law = counting.Counter(0, (0.999, 0.998), (-1.0, 1.01))
    for n in (1, 7, 300):
        c = 0.0
        for keep, step in zip(law.keep, law.step):
            for _ in range(n):
                c = keep * c + step
        assert counting.left(law, np.array([float(n)]))[0] == pytest.approx(c, rel=1e-9)


def test_the_drift_says_how_far_a_count_goes():
    import counting

    assert counting.predicted(counting.Counter(0, (1.0, 1.0), (-1.0, 1.0))) == np.inf
    uneven = counting.predicted(counting.Counter(0, (1.0, 1.0), (-1.0, 1.01)))
    assert uneven == pytest.approx(5 + 0.505 / 0.01, abs=1)  # .01 a letter, until it has moved by half a step
    forgetting = counting.predicted(counting.Counter(0, (1 - 1e-8, 1.0), (-1.0, 1.0)))
    assert forgetting == pytest.approx(np.sqrt(2 * 0.5 / 1e-8), rel=0.01)  # n^2 / 2 (1 - f) is lost of n


@pytest.mark.parametrize(
    ("word", "short"), [(None, ""), (list("BTSSSSSX"), "BT(S x 5)X"), (list("AAAB"), "AAAB"), ([], "")]
)
def test_words_are_printed_with_their_runs_counted(word, short):
    import machines

    assert machines._short(word) == short


def latch(keep):
    """A system that hears its second symbol alone, 1 for T and -1 for P, and keeps so much of it from step to step."""
    import torch

    import dynakit as dk

    task = dk.tasks.EmbeddedReber()
    t, p = (task.symbols.index(s) for s in "TP")

    def step(x, u):
        heard = torch.where(x[:, 1:] == 1, u[:, t : t + 1] - u[:, p : p + 1], keep * x[:, :1])
        return torch.cat([heard, (x[:, 1:] + 1).clamp(max=3)], 1)

    def readout(x):
        y = torch.zeros(len(x), 7, dtype=x.dtype)
        return y.index_copy(1, torch.tensor([t, p]), torch.cat([x[:, :1], -x[:, :1]], 1))

    return dk.FunctionSystem(step, 2, 7, readout=readout, argument_order="state, input"), task


@pytest.mark.parametrize(("keep", "ends"), [(1.0, 2), (0.9, 1)])
def test_a_loop_wears_a_memory_out_where_both_run_to_one_end(keep, ends, monkeypatch):
    import two_portraits

    monkeypatch.setattr(two_portraits, "ROUNDS", np.array([1, 10, 50]))
    monkeypatch.setattr(two_portraits, "FOR_EVER", 300)
    monkeypatch.setattr(two_portraits, "N_AROUND", 3)
    system, task = latch(keep)
    found = two_portraits._worn(system, task, "S")
    assert found["ends of the two memories"] == ends
    after = len(task.stressed(1)["BTBT(S)"]) - 2 - 2  # symbols that come after the second one, but the last two
    expected = 2 * keep ** (after + np.array([0, 9, 49]))
    np.testing.assert_allclose(found["_margins"], np.stack([expected] * 2, 1), rtol=1e-6)


def test_a_parity_portrait_shows_what_holds_and_what_turns(tmp_path):
    import parts
    import two_portraits

    row = parts.once(two_portraits.parity, 1)
    assert row["stable fixed points"] == "2 (even, odd)"
    assert (row["orbits of period 2 under 1"], row["it says"]) == (1, "odd, even")
    assert row["its largest multiplier"] < 1e-3
    two_portraits.parity_figure(row, tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 10_000
