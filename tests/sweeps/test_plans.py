"""Plans: what a file says, what a list says, and what neither may say."""

from __future__ import annotations

import dataclasses
import importlib
import sys

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.sweeps import Analysis, Job, Network, Plan, Run

BASE = """
seeds = 2
[task]
name = "flip-flop"
n_steps = 40
[model]
name = "elman"
n_hidden = 4
[training]
name = "bptt"
max_updates = 10
clip_norm = "none"
[analysis]
include = ["fixed_points"]
"""


def read(tmp_path, text):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return Plan.read(path)


def test_a_file_and_a_list_say_the_same(tmp_path):
    plan = read(tmp_path, BASE + '[grid]\n"task.n_bits" = [1, 2]\n"model.name" = ["elman", "gru"]\n')
    tasks = [dk.tasks.FlipFlop(n_bits, n_steps=40) for n_bits in (1, 2)]
    method = dk.training.BPTT(max_updates=10, clip_norm=None)
    models = [Network("elman", n_hidden=4), Network("gru", n_hidden=4)]
    runs = [
        Run(task, model, method, Analysis(include=["fixed_points"]), k)
        for task in tasks
        for model in models
        for k in range(2)
    ]
    assert plan.ids == Plan(runs).ids


def test_blocks_say_what_is_other_than_above_or_than_the_block_they_are_like(tmp_path):
    plan = read(
        tmp_path,
        BASE
        + """
[block.plain]
[block.small]
seeds = 1
model = {n_hidden = 3}
[block.leaky]
like = "small"
model = {name = "leaky", n_hidden = 5, sigma_rec = 0.1}
training = {learning_rate = 0.01}
[block.quiet]
like = "leaky"
model = {name = "gru"}
[block.loud]
like = "leaky"
grid = {"model.sigma_rec" = [0.0, 0.2]}
""",
    )
    names = ("plain", "small", "leaky", "quiet", "loud")
    found = {name: [run for run in plan.runs if run.name == name] for name in names}
    assert [len(runs) for runs in found.values()] == [2, 1, 1, 1, 2]
    assert [found[name][0].model.settings["n_hidden"] for name in found] == [4, 3, 5, 5, 5]  # what both have is kept
    assert [run.model.settings["sigma_rec"] for run in found["loud"]] == [0.0, 0.2]
    assert found["small"][0].training.learning_rate == 3e-3
    assert found["quiet"][0].training == dk.training.BPTT(max_updates=10, clip_norm=None, learning_rate=0.01)


def test_groups_are_a_function_of_the_plan():
    alike = {"task": "flip-flop:n_bits=1", "model": "elman:n_hidden=3", "training": "bptt:max_updates=5"}
    others = [{**alike, "model": "elman:n_hidden=4"}, {**alike, "model": Network(build)}]
    alone = {**alike, "training": "tbptt:max_updates=5"}
    few = [{**kind, "seeds": 2} for kind in (*others, alone)]
    plan = Plan([{**alike, "seeds": 70}, *few, Job(measure, {"x": 1})])
    sizes = sorted(len(group.runs) for group in plan.groups)
    assert sizes == [1, 1, 1, 1, 1, 2, 23, 23, 24]
    assert [group.id for group in plan.groups] == sorted(group.id for group in plan.groups)
    again = Plan(list(reversed(plan.runs)))
    assert [[run.id for run in group.runs] for group in again.groups] == [[r.id for r in g.runs] for g in plan.groups]
    assert sorted(run.id for group in plan.groups for run in group.runs) == sorted(plan.ids)
    analysed = Plan([{**alike, "seeds": 2}, {**alike, "analysis": {"include": ["memory"]}, "seeds": 2}])
    assert len(analysed.groups) == 1  # what is asked later has no part in how they are trained


def test_a_plan_comes_back_from_plain_json(tmp_path):
    plan = read(tmp_path, BASE + '[grid]\ntask = ["set-reset:quiet_gap=5..9", "xor"]\n')
    assert plan.runs[0].task == dk.tasks.SetReset(quiet_gap=(5, 9))
    again = Plan.from_plain(plan.plain())
    assert again.ids == plan.ids
    assert again.source == plan.source


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[task", "plan .*plan.toml is no TOML"),
        ("", "task is not given"),
        ("seed = 3", "key must be one of .*did you mean 'seeds'"),
        ("task = 3", "task must be a table, as in \\[task\\], got 3"),
        ("[task]\nn_bits = 1\n[model]\nname = 'gru'", "run 0 of plan: task: .*must have a name|task must have a name"),
        ("[task]\nname='flipflop'\n[model]\nname='gru'", "task must be one of .*did you mean 'flip-flop'"),
        (BASE.replace("n_steps", "n_step"), "setting of task flip-flop must be one of .*did you mean 'n_steps'"),
        (BASE.replace("n_steps = 40", "n_steps = 'x'"), "task: n_steps must be a whole number, got 'x'"),
        (BASE.replace("n_hidden", "n_hiden"), "setting of model elman must be one of .*did you mean 'n_hidden'"),
        (BASE.replace("n_hidden = 4", "n_hidden = 0"), "run 0: n_hidden must be at least 1, got 0"),
        (BASE.replace("'elman'", "'elmann'").replace('"elman"', '"elmann"'), "model: .*did you mean 'elman'"),
        (BASE.replace("max_updates", "n_updates"), "setting of training bptt must be one of"),
        (BASE.replace("max_updates = 10", "max_updates = 0"), "training: max_updates must be at least 1"),
        (BASE.replace("include", "includes"), "setting of analysis must be one of 'include'"),
        (BASE.replace("fixed_points", "fixed_point"), "include must be one of .*did you mean 'fixed_points'"),
        (BASE + "drives = ['up']", "drives must be one of 'rest', .*got 'up'"),
        (BASE.replace("seeds = 2", "seeds = 0"), "seeds must be at least 1, got 0"),
        (BASE.replace("seeds = 2", "seeds = 1.5"), "seeds must be a whole number"),
        (BASE + "[grid]\n'task.n_bits' = []", "grid: 'task.n_bits' must be a list of at least one value"),
        (BASE + "[grid]\n'task.n_bits' = 3", "grid: 'task.n_bits' must be a list of at least one value, got 3"),
        (BASE + "[grid]\n'tsk.n_bits' = [3]", "the part of 'tsk.n_bits' must be one of .*did you mean 'task'"),
        (BASE + "[grid]\n'task.n_bit' = [3]", "setting of task flip-flop must be one of .*did you mean 'n_bits'"),
        (BASE + "[grid]\n'task.n_bits' = [1, 2, 1]", "plan has the same run twice, as run 0 and as run 4"),
        (BASE + "[block.a]\n[block.b]", "the same run twice, as run 0 \\(block 'a'\\) and as run 2 \\(block 'b'\\)"),
        (BASE + "[block.a]\nlike='b'\n[block.b]\nlike='a'", "like each other in a circle: a -> b -> a"),
        (BASE + "[block.a]\nlike='c'\n[block.b]", "block.a.like must be one of 'a', 'b', got 'c'"),
        (BASE + "[block.a]\nmodle = {n_hidden = 3}", "key of block.a must be one of .*did you mean 'model'"),
        (BASE + "[block]\na = 3", "block.a must be a table, got 3"),
        (BASE + "[block.a.grid]\n'model.n_hidden' = []", "block.a.grid: 'model.n_hidden' must be a list"),
        (BASE.replace('"elman"', "['elman']"), "model.name must be a text, got \\['elman'\\]"),
        (BASE + "[grid]\n'model.name' = ['gru', 3]", "grid: 'model.name' must be a text, got 3"),
        (BASE + "[grid]\n'task.' = [3]", "grid: 'task.' must say of which setting, as in 'task.name'"),
    ],
)
def test_what_a_file_cannot_say_is_refused_in_a_sentence(tmp_path, text, words):
    with pytest.raises(dk.InputError, match=words) as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "image.toml").write_bytes(b"\x89PNG\xff")
    for name, words in [("none.toml", "No such file"), ("image.toml", "it is no text"), ("", "Is a directory")]:
        with pytest.raises(dk.InputError, match=f"plan .* cannot be read: {words}"):
            Plan.read(tmp_path / name)
    for path in (None, 3, "", "a\0b"):
        with pytest.raises(dk.InputError, match="path must be the path of a TOML file, got"):
            Plan.read(path)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "plan has no runs"),
        ("flip-flop", "plan must be a Plan, or a list of runs"),
        ([3], "run 0 of plan must be a Run, a Job or a dictionary, got an int"),
        ([{"task": "xor"}], "run 0 of plan: model is not given"),
        ([{"task": "xor", "model": "gru", "seed": 1}], "run 0 of plan: key must be one of .*did you mean 'seeds'"),
        ([{"task": "xor", "model": "gru", "seeds": 2, "replicate": 1}], "seeds and replicate cannot both"),
        ([{"task": "xor", "model": torch.nn.RNN(1, 2)}], "model must say how a network is built"),
        ([{"task": "xor", "model": torch.nn.RNN}], "write a function \\(task, seed, ...\\)"),
        ([{"task": "xor", "model": lambda task, seed: None}], "model must be defined at the top of a module"),
        ([{"task": "xor", "model": "gru", "training": 3}], "training must be settings such as dk.training.BPTT"),
        ([{"task": "xor", "model": "gru", "training": dk.training.BPTT}], "got the class BPTT"),
        ([{"task": "xor", "model": "gru", "training": dk.training.BPTT(checkpoint="x")}], "each run keeps its own"),
        ([{"task": 3, "model": "gru"}], "task must be a Task, or its name and settings, got an int"),
        ([{"task": dk.tasks.Trials(np.zeros((4, 9, 1))), "model": "gru"}], "task has no targets"),
        ([{"task": "flip-flop", "model": "tdnn"}], "run 0: task must be a SequenceStream"),
        ([{"task": "flip-flop:p_flip=nan", "model": "gru"}], "p_flip"),
        ([{"task": "xor", "model": "gru", "name": 3}], "run 0 of plan: name must be a text, got 3"),
        (dk.models.GRU(1, 2, 1), "plan must be a Plan, or a list of runs, got a GRU; Plan.read reads a file"),
    ],
)
def test_what_a_list_cannot_say_is_refused_in_a_sentence(runs, words):
    with pytest.raises(dk.InputError, match=words):
        Plan(runs)


# --- what users write themselves -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Copy(dk.tasks.Task):
    """The output is the input."""

    gain: float = 1.0
    n_inputs = n_outputs = 1

    def sample(self, n_trials, seed=0):
        inputs = np.random.default_rng(seed).normal(size=(n_trials, 8, 1))
        return dk.tasks.Trials(inputs, self.gain * inputs)

    def correct(self, outputs, targets):
        return (outputs - targets).abs() < 0.1

    def decode(self, outputs):
        return dk.tasks.base.sign_marks(outputs)


def build(task, seed, n_hidden=3):
    return dk.models.Elman.for_task(task, n_hidden, seed=seed)


def measure(x, power=2, folder=None):
    return {"value of x": x**power}


def own_runs() -> list:
    inputs = np.random.default_rng(0).normal(size=(20, 6, 1))
    return [
        Run(Copy(), "gru:n_hidden=3"),
        Run(dk.tasks.from_arrays(inputs, np.sign(inputs)), "gru:n_hidden=3"),
        Run("xor", Network(build, n_hidden=2)),
        Job(measure, {"x": 3}),
        Run(dk.tasks.Cycles.seeing_double(radius=1.0), "gru:n_hidden=3"),
    ]


def test_parts_of_a_users_own_have_names_that_follow_from_what_they_are():
    assert [run.id for run in own_runs()] == [run.id for run in own_runs()]
    inputs = np.random.default_rng(1).normal(size=(20, 6, 1))
    others = [
        Run(Copy(gain=2.0), "gru:n_hidden=3"),
        Run(dk.tasks.from_arrays(inputs, np.sign(inputs)), "gru:n_hidden=3"),
        Run("xor", Network(build)),
        Job(measure, {"x": 4}),
        Run(dk.tasks.Cycles.seeing_double(radius=2.0), "gru:n_hidden=3"),
    ]
    assert not {run.id for run in own_runs()} & {run.id for run in others}
    assert Job(measure, {"x": 3, "power": 2}).id == Job(measure, {"x": 3.0}).id == own_runs()[3].id
    assert Job(measure, {"x": 3}, code=["json"]).id != own_runs()[3].id


def test_after_a_change_of_its_module_a_function_is_another_run(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    place, names = tmp_path / "a_users_module.py", []
    for text in ("FACTOR = 2\n", "FACTOR = 10\n", "FACTOR = 2\n"):
        place.write_text(f"{text}def scaled(x):\n    return FACTOR * x\n")
        sys.modules.pop(place.stem, None)
        importlib.invalidate_caches()
        names.append(Job(importlib.import_module(place.stem).scaled, {"x": 1}).id)
    del sys.modules[place.stem]
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize("k", range(5))
def test_a_plan_of_a_users_own_parts_is_said_to_need_its_script(k):
    with pytest.raises(dk.InputError, match=r"was given in Python.*: run that script again"):
        Plan.from_plain(Plan(own_runs()[k]).plain())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Job(3), "function must be a function at the top of a module, got an int"),
        (lambda: Job(lambda: 1), "function must be defined at the top of a module"),
        (lambda: Job(measure, {"y": 1}), "argument of .*:measure must be one of 'x', 'power', got 'y'"),
        (lambda: Job(measure), "arguments must have x, which .*:measure needs"),
        (lambda: Job(measure, [1]), "arguments must be a dictionary"),
        (lambda: Job(measure, {"x": object()}).id, r"arguments\['x'\] must be made of numbers"),
        (lambda: Job(measure, {"x": float("nan")}).id, r"arguments\['x'\] must be finite, got nan"),
        (lambda: Job(measure, {"x": 1}, code=["no_such_module"]), "code must name a module that is imported"),
    ],
)
def test_what_a_job_cannot_be_is_refused_in_a_sentence(make, words):
    with pytest.raises(dk.InputError, match=words):
        make()
