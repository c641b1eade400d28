"""A whole sweep of small networks: what stands in its table, what is done again, and what is not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.sweeps import Job, Network, Plan, Run
from dynakit.sweeps.table import columns, differing, flat
from dynakit.sweeps.work import training_columns

from .test_plans import own_runs

ASKED = {"include": ["fixed_points", "connectivity"], "drives": ["rest"]}
TASK, METHOD = dk.tasks.FlipFlop(1, n_steps=20), dk.training.BPTT(max_updates=12, batch_size=8, learning_rate=0.03)


def plan() -> Plan:
    alike = {"task": TASK, "model": "elman:n_hidden=4", "training": METHOD, "analysis": ASKED}
    return Plan([{**alike, "seeds": 3, "name": "many"}, {**alike, "model": "gru:n_hidden=3", "name": "one"}])


def fails(x):
    if x:
        raise ValueError("this one fails")
    return {"x": x, "nothing": float("nan"), "list": [1, 2]}


def leaves(folder, text="left behind"):
    (folder / "note.txt").write_text(text)
    return [{"a": 1}, {"a": 2}]


def fails_to_build(task, seed):
    return dk.models.Elman.for_task(task, 3) if seed < 0 else torch.nn.Linear(1, 1)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return dk.sweep(plan(), tmp_path_factory.mktemp("sweeps") / "first")


def deterministic(sweep) -> list[dict]:
    """What the results of a sweep say, but for what was measured."""
    found = []
    for name in sorted(sweep.ids.tolist()):
        content = json.loads((sweep.place(name).parents[1] / "results" / f"{name}.json").read_text())
        found.append({key: value for key, value in content.items() if key not in ("measured", "sha256")})
    return found


def test_a_row_is_what_training_and_analysis_by_hand_give(swept):
    table, run = swept.table(), plan().runs[3]
    model = dk.models.GRU.for_task(TASK, 3, seed=run.seed("weights"))
    history = dk.train(model, TASK, METHOD, seed=run.seed("training"))
    report = dk.analyze(model, TASK, **ASKED, seed=run.seed("analysis"))
    by_hand = {name: column[0] for name, column in report.table().items()}
    for name in ("points", "stable_points", "by_unstable", "degree", "certified", "weights", "spectral_radius"):
        assert table[name][3] == by_hand[name], name
    assert table["updates"][3] == len(history) == 12
    assert table["loss"][3] == history.losses[-1]
    assert table["batch_score"][3] == pytest.approx(history.scores[-10:].mean())
    assert table["stopped"][3] == history.stopped
    assert all(torch.equal(a, b) for a, b in zip(swept.model(3).parameters(), model.parameters()))
    before = dk.models.GRU.for_task(TASK, 3, seed=run.seed("weights"))
    assert all(torch.equal(a, b) for a, b in zip(swept.untrained(3).parameters(), before.parameters()))


def test_networks_that_differ_in_their_seeds_are_trained_side_by_side(swept):
    group = next(group for group in plan().groups if len(group.runs) > 1)
    assert {run.id for run in group.runs} == set(plan().ids[:3])
    seeds = [run.seed("training") for run in group.runs]
    models = [dk.models.Elman.for_task(TASK, 4, seed=run.seed("weights")) for run in group.runs]
    histories = dk.train_together(models, TASK, METHOD, seeds=seeds)
    for run, model, history in zip(group.runs, models, histories):
        assert all(torch.equal(a, b) for a, b in zip(swept.model(run.id).parameters(), model.parameters()))
        assert swept.rows[plan().ids.index(run.id)]["loss"] == history.losses[-1]


def test_the_table_begins_with_what_runs_differ_in(swept):
    table = swept.table()
    start = ["id", "block", "task.name", "model.name", "model.n_hidden", "training.name", "replicate", "status"]
    assert list(table)[: len(start)] == start
    assert table["id"].tolist() == list(plan().ids)
    assert table["block"].tolist() == ["many"] * 3 + ["one"]
    assert table["model.n_hidden"].tolist() == [4, 4, 4, 3]
    assert table["replicate"].tolist() == [0, 1, 2, 0]
    assert "hold_time" not in table  # of a stage that nobody asked for
    assert len(swept.to_dataframe()) == len(swept.to_csv().splitlines()) - 1 == 4


def test_a_mask_chooses_runs(swept):
    few = swept[swept.table()["model.name"] == "elman"]
    assert few.ids.tolist() == swept.ids[:3].tolist()
    assert few.table()["points"].tolist() == swept.table()["points"][:3].tolist()
    assert few.model(2).n_hidden == swept.model(str(swept.ids[2])).n_hidden == 4
    last = swept[swept.table()["model.name"] == "gru"]
    assert last.run(0).id == swept.ids[3]
    assert last.table()["loss"].tolist() == swept.table()["loss"][3:].tolist()
    assert (repr(swept), repr(few[0])) == ("Sweep(4 runs: 4 done)", "Sweep(1 run: 1 done)")


def test_it_keeps_the_contract_of_results(swept, tmp_path):
    assert not set(dk.testing.check_result(swept).skipped) - {"lengths"}
    swept.save(tmp_path)
    assert dk.load(tmp_path) == swept


def test_nothing_is_done_twice(swept, monkeypatch):
    monkeypatch.setattr("dynakit.sweeps.work.analyze", None)  # what is called fails
    again = dk.sweep(plan(), swept.folder)
    assert again.counts["done"] == 4
    assert dk.sweeps.read(swept.folder).to_csv() == swept.to_csv()


def test_the_same_plan_gives_the_same_whatever_was_done_before(swept, tmp_path):
    def stop(done, info):
        if done:
            raise StopIteration

    begun = dk.sweep(plan(), tmp_path / "second", callback=stop)
    assert 0 < begun.counts["done"] < 4
    assert begun.interrupted
    resumed = dk.sweep(plan(), tmp_path / "second")
    assert deterministic(resumed) == deterministic(swept)


def test_a_plan_may_grow_where_it_is_kept(swept, tmp_path):
    alike = {"task": TASK, "model": "elman:n_hidden=4", "training": METHOD, "analysis": ASKED}
    smaller, larger = Plan([{**alike, "seeds": 3, "name": "many"}]), Plan([*plan().runs, Run(**alike, replicate=3)])
    dk.sweep(smaller, tmp_path / "grown")
    counted = dk.sweep(larger, tmp_path / "grown", callback=_end).counts
    assert (counted["done"], counted["open"]) == (4, 1)  # one of the two that are new
    grown = dk.sweep(larger, tmp_path / "grown")
    assert grown.ids.tolist() == list(larger.ids)
    assert deterministic(grown[:4]) == deterministic(swept)  # in the groups that they were in
    with pytest.raises(dk.ArtifactError, match="another plan: 2 of its 5 runs are not in this one, and 0 of this one"):
        dk.sweep(smaller, tmp_path / "grown")
    assert Plan.of_folder(tmp_path / "grown").ids == larger.ids


def test_a_network_that_was_trained_is_not_trained_again(swept, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*arguments, **settings):
        raise Killed

    folder = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr("dynakit.sweeps.work.analyze", kill)
        with pytest.raises(Killed):
            dk.sweep(plan(), folder)
    with monkeypatch.context() as patch:
        first = next(group for group in plan().groups)
        patch.setattr("dynakit.sweeps.work.train", lambda *a, **k: pytest.fail("it is trained again"))
        patch.setattr("dynakit.sweeps.work.train_together", lambda *a, **k: pytest.fail("they are trained again"))
        found = dk.sweep(plan(), folder, shard=(1, len(plan().groups)), callback=_end)
    assert {run.id for run in first.runs} <= set(found.ids.tolist())
    assert not (found.place(0) / "history").exists()
    assert deterministic(dk.sweep(plan(), folder)) == deterministic(swept)


def _end(done, info):
    if done:
        raise StopIteration


@pytest.mark.parametrize("damaged", [False, True])
def test_a_training_that_was_cut_short_goes_on_from_its_checkpoint_or_begins_anew(tmp_path, monkeypatch, damaged):
    run = Run(TASK, "elman:n_hidden=3", dk.training.TBPTT(k=5, max_updates=9, batch_size=4), ASKED)
    undisturbed = dk.sweep([run], tmp_path / "undisturbed")
    started = []

    def cut(network, task, method, *, seed):
        started.append(dk.train(network, task, method, seed=seed, callback=lambda done, info: _end(done > 4, info)))
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("dynakit.sweeps.work.train", cut)
        broken = dk.sweep([run], tmp_path / "cut")
    assert broken.statuses.tolist() == ["failed"]
    assert len(started[0]) == 5
    for manifest in (broken.place(0) / "checkpoint").glob("*.json") if damaged else ():
        manifest.write_text(manifest.read_text()[:-9])
    updates = []
    with monkeypatch.context() as patch:
        patch.setattr("dynakit.sweeps.work.train", _told(updates))
        again = dk.sweep([run], tmp_path / "cut", retry_failed=True)
    assert deterministic(again) == deterministic(undisturbed)
    assert updates == list(range(1 if damaged else 6, 10))


def _told(updates):
    """dk.train that lists the updates that were done."""
    return lambda *arguments, **named: dk.train(*arguments, **named, callback=lambda done, info: updates.append(done))


def test_what_raises_is_a_result_and_is_tried_again_if_asked(tmp_path, monkeypatch):
    runs = [Job(fails, {"x": x}) for x in (0, 1)]
    sweep = dk.sweep(runs, tmp_path / "jobs")
    assert sweep.statuses.tolist() == ["done", "failed"]
    assert sweep.failures == {runs[1].id: "ValueError: this one fails"}
    assert sweep.table()["x"].tolist()[0] == 0.0
    assert np.isnan(sweep.values[0]["nothing"])
    assert dk.sweep(runs, tmp_path / "jobs").counts["failed"] == 1
    monkeypatch.setattr(runs[1], "function", lambda x: {"x": x})
    assert dk.sweep(runs, tmp_path / "jobs").counts["failed"] == 1
    assert dk.sweep(runs, tmp_path / "jobs", retry_failed=True).counts["done"] == 2


def test_one_of_a_group_that_cannot_be_analysed_takes_no_other_with_it(swept, tmp_path, monkeypatch):
    import dynakit.sweeps.work as work

    bad, analyze = plan().runs[1].seed("analysis"), work.analyze

    def picky(*arguments, seed, **settings):
        if seed == bad:
            raise RuntimeError("not this one")
        return analyze(*arguments, seed=seed, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(work, "analyze", picky)
        sweep = dk.sweep(plan(), tmp_path / "bad")
    assert sweep.failures == {plan().ids[1]: "RuntimeError: not this one"}
    assert sweep.statuses.tolist() == ["done", "failed", "done", "done"]
    with monkeypatch.context() as patch:
        patch.setattr(work, "train_together", None)  # the weights are there
        patch.setattr(work, "train", None)
        sweep = dk.sweep(plan(), tmp_path / "bad", retry_failed=True)
    assert deterministic(sweep) == deterministic(swept)


def test_a_job_leaves_files_in_a_folder_of_its_own(tmp_path):
    sweep = dk.sweep([Job(leaves), Job(leaves, {"text": "another"})], tmp_path / "jobs")
    assert sweep.values == [[{"a": 1}, {"a": 2}]] * 2
    assert [(sweep.place(k) / "note.txt").read_text() for k in range(2)] == ["left behind", "another"]


def test_what_is_kept_is_what_was_asked_for(tmp_path):
    run = Run(TASK, "elman:n_hidden=2", "bptt:max_updates=2", ASKED)
    kept = dk.sweep([run], tmp_path / "kept", keep=["report", "history"])
    assert [*kept.report(0).fixed_points] == ["rest"]
    assert len(kept.report(0).history) == len(kept.history(0)) == 2
    assert sorted(path.name for path in kept.place(0).iterdir()) == ["history", "report"]
    bare = dk.sweep([run], tmp_path / "bare", keep=())
    assert not list(bare.place(0).iterdir())
    for ask in (bare.model, bare.report, bare.history):
        with pytest.raises(dk.ArtifactError):
            ask(0)


def test_a_sweep_is_read_without_its_plan_where_names_suffice(swept, tmp_path):
    shutil.copytree(swept.folder, tmp_path / "moved")
    moved = dk.sweeps.read(tmp_path / "moved")
    assert moved.task(0) == TASK
    assert moved.run(3).id == swept.ids[3]
    assert Plan.of_folder(tmp_path / "moved").ids == plan().ids
    dk.sweep([Job(fails, {"x": 0})], tmp_path / "jobs")
    with pytest.raises(dk.ArtifactError, match="was given in Python: run that script again"):
        Plan.of_folder(tmp_path / "jobs")
    with pytest.raises(dk.InputError, match="function of your own"):
        dk.sweeps.read(tmp_path / "jobs").run(0)


def test_parts_of_a_users_own_are_swept_like_ours(tmp_path):
    some = {"include": ["trajectories"]}
    runs = [Run(run.task, run.model, "bptt:max_updates=2", some) for run in own_runs() if isinstance(run, Run)]
    table = dk.sweep(runs[:3], tmp_path / "own").table()
    assert table["status"].tolist() == ["done"] * 3
    assert np.isfinite(table["score"]).all()
    assert table["task.name"].tolist() == [f"{own_runs.__module__}:Copy", "dynakit:ArrayTask", "xor"]
    assert table["model.name"].tolist() == ["gru", "gru", f"{own_runs.__module__}:build"]
    assert not [name for name in table if name.endswith((".is", ".code"))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_jobs": 0}, "n_jobs"),
        ({"keep": ["modle"]}, "keep must be one of .*did you mean 'model'"),
        ({"keep": 3}, "keep must be some of"),
        ({"engine": "slurm"}, "engine must be one of"),
        ({"shard": "3/2"}, "shard must be i/n"),
        ({"folder": None}, "folder must be the path of a folder"),
        ({"folder": "a\0b"}, "folder must be the path of a folder, got 'a.x00b'"),
        ({"callback": 3}, "callback must be a function of"),
        ({"accept_versions": "yes"}, "accept_versions must be True or False"),
        ({"retry_failed": 1}, "retry_failed must be True or False"),
        ({"plan": [Run(TASK, Network(fails_to_build))]}, "run 0: model must be one of dynakit.models, got a Linear"),
        ({"plan": "none.toml"}, "plan none.toml cannot be read"),
    ],
)
def test_what_cannot_be_swept_is_refused_and_nothing_is_written(tmp_path, change, words):
    arguments = {"plan": [Job(fails, {"x": 0})], "folder": tmp_path / "new", **change}
    with pytest.raises(dk.InputError, match=words):
        dk.sweep(arguments.pop("plan"), arguments.pop("folder"), **arguments)
    assert not list(tmp_path.iterdir())


def test_a_score_is_passed_where_ten_batches_pass_it():
    scores = np.array([0.0] * 20 + [1.0] * 15)
    history = dk.History(losses=1 - scores, scores=scores, seconds=scores, learning_rates=scores, stopped="so")
    row = training_columns(history)
    assert (row["updates"], row["passed_50"], row["passed_90"], row["passed_99"]) == (35, 25, 29, 30)
    assert (row["loss"], row["batch_score"], row["stopped"]) == (0, 1, "so")
    short = training_columns(history[15:21])  # fewer than ten
    assert (short["updates"], short["batch_score"]) == (6, pytest.approx(1 / 6))
    assert np.isnan(short["passed_50"])
    assert np.isnan(training_columns(history[:0])["loss"])


def test_columns_are_of_one_kind_each():
    found = columns([{"a": 1, "b": 1, "c": "x", "d": True}, {"a": 2, "b": None, "e": [1, 2], "d": False}])
    assert {name: column.dtype.kind for name, column in found.items()} == dict(zip("abcde", "ifUbU"))
    assert found["e"].tolist() == ["", "[1, 2]"]
    rows = [flat({"model": {"name": "gru", "n": 1}, "name": ""}), flat({"model": {"name": "gru", "n": 2}, "name": ""})]
    assert differing(rows) == [{"model.name": "gru", "model.n": 1}, {"model.name": "gru", "model.n": 2}]
