"""A run's name: the settings and nothing else."""

from __future__ import annotations

import hashlib

import dynakit as dk
from dynakit.sweeps import Network, Plan, Run
from dynakit.sweeps.identity import name_of, seed_of

RUN = {"task": "flip-flop:n_bits=1", "model": "gru:n_hidden=8", "training": "bptt:max_updates=50"}


def test_a_name_is_the_hash_of_one_line_of_json():
    text = '{"settings":{"a":[1,0.003,"é",null,true],"b":2},"version":1}'
    settings = {"b": 2.0, "a": [1, 3e-3, "é", None, True]}
    assert name_of(settings) == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert seed_of("ab", "weights") == int(hashlib.sha256(b"ab/weights").hexdigest()[:16], 16) // 2


def test_what_is_written_in_other_words_is_the_same_run():
    written = [
        {"task": {"name": "flip-flop", "n_bits": 1}},
        {"task": {"n_steps": 100, "name": "flip-flop", "n_bits": 1, "p_flip": 0.05}},  # defaults spelled out
        {"task": dk.tasks.FlipFlop(1)},
        {"task": dk.tasks.FlipFlop(1, input_noise=0)},  # for 0.0
        {"model": {"name": "GRU", "n_hidden": 8, "reset": "after"}},
        {"model": Network(dk.models.GRU, n_hidden=8)},
        {"training": dk.training.BPTT(max_updates=50, checkpoint_every=1.0)},
        {"analysis": {"include": None}, "replicate": 0},
        {"name": "a block"},
    ]
    assert {Run(**{**RUN, **other}).id for other in written} == {Run(**RUN).id}


def test_another_setting_is_another_run():
    others = [
        {},
        {"task": "flip-flop:n_bits=2"},
        {"task": "flip-flop:n_bits=1,p_flip=0.06"},
        {"task": "set-reset"},
        {"model": "gru:n_hidden=9"},
        {"model": "gru:n_hidden=8,reset=before"},
        {"training": "bptt:max_updates=51"},
        {"training": "tbptt:max_updates=50"},
        {"analysis": {"include": ["fixed_points"]}},
        {"analysis": {"drives": ["rest"]}},
        {"replicate": 1},
    ]
    assert len({Run(**{**RUN, **other}).id for other in others}) == len(others)


def test_adding_and_reordering_runs_changes_neither_names_nor_seeds():
    few, many = Plan([{**RUN, "seeds": 2}]), Plan([{**RUN, "model": "lstm"}, {**RUN, "seeds": 4}])
    assert set(few.ids) < set(many.ids)
    again = {run.id: run.seed("weights") for run in reversed(many.runs)}
    assert [again[run.id] for run in few.runs] == [run.seed("weights") for run in few.runs]
    assert len({run.seed(purpose) for run in many.runs for purpose in ("weights", "training", "analysis")}) == 15
