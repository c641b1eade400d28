"""The commands on many networks: what they do, what they say, and with which status they end."""

from __future__ import annotations

import os
import signal
import time

import pytest

import dynakit as dk
from dynakit import commands
from dynakit.__main__ import main
from dynakit.sweeps import claims, engines
from tests.sweeps.workload import Folder, fixed_bytes, left_over

PLAN = """
seeds = 3
task = "flip-flop:n_bits=1,n_steps=20"
model = "gru:n_hidden=4"
training = "bptt:max_updates={updates}"
[analysis]
include = ["trajectories"]
"""
NOTHING_TO_DO = "3 done, 0 failed, 0 claimed, 0 dead, 0 open"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, forked):
    monkeypatch.chdir(tmp_path)
    for name in ("ID", "COUNT", "MIN", "STEP"):
        monkeypatch.delenv(f"SLURM_ARRAY_TASK_{name}", raising=False)
    (tmp_path / "plan.toml").write_text(PLAN.format(updates=3))


def test_a_plan_is_swept_summed_up_and_resumed(tmp_path, capsys):
    assert main(["sweep", "plan.toml"]) == 0
    assert NOTHING_TO_DO in capsys.readouterr().out
    folder = Folder(tmp_path / "out" / "plan")
    marks = {run: folder.mark(run) for run in folder.results()}
    assert main(["summary", "out/plan", "--table", "table.csv"]) == 0
    assert NOTHING_TO_DO in capsys.readouterr().out
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 4
    assert main(["resume", "out/plan", "--jobs", "2"]) == 0
    assert {run: folder.mark(run) for run in folder.results()} == marks
    first = next(iter(folder.results()))
    folder.forget(first)
    assert main(["summary", "out/plan"]) == commands.OPEN
    assert main(["resume", "out/plan"]) == 0
    assert folder.counts().done == 3


def test_the_command_is_the_library_call(tmp_path):
    main(["sweep", "plan.toml", "--out", "one"])
    dk.sweep("plan.toml", "other")
    assert fixed_bytes(Folder(tmp_path / "one")) == fixed_bytes(Folder(tmp_path / "other"))


def test_a_failure_is_named_and_tried_again_on_request(monkeypatch, capsys):
    def never(*_, **__):
        raise ValueError("not today")

    with monkeypatch.context() as broken:
        broken.setattr("dynakit.sweeps.work.analyze", never)
        assert main(["sweep", "plan.toml", "--out", "out"]) == commands.FAILED
    said = capsys.readouterr().out
    assert "0 done, 3 failed" in said
    assert said.count("failed: ValueError: not today") == 3
    assert main(["resume", "out"]) == commands.FAILED
    assert main(["resume", "out", "--retry-failed"]) == 0


def test_what_others_are_at_work_on_is_a_status_of_its_own(tmp_path, capsys):
    main(["sweep", "plan.toml", "--out", "out"])
    folder = Folder(tmp_path / "out")
    name = next(iter(folder.said["groups"]))
    for run in folder.said["groups"][name]:
        folder.forget(run)
    with claims.Claims(folder.claims) as own:
        assert own.take(name)
        assert main(["resume", "out"]) == commands.CLAIMED
        assert " 0 open" in capsys.readouterr().out
    assert main(["resume", "out"]) == 0


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_told_to_end_it_gives_back_its_claims_and_goes_on_from_there(sign, status, tmp_path, monkeypatch):
    (tmp_path / "plan.toml").write_text(PLAN.format(updates=80))
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(main(["sweep", "plan.toml", "--out", "cut"]))
        finally:
            os._exit(70)
    place, folder = tmp_path / "cut" / "claims", Folder(tmp_path / "cut")
    while not place.is_dir() or not claims.held(place):
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(pid, sign)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
    assert left_over(folder) == []
    assert folder.counts().done < 3
    assert main(["resume", "cut"]) == 0
    assert main(["sweep", "plan.toml", "--out", "whole"]) == 0
    assert fixed_bytes(folder) == fixed_bytes(Folder(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("said", "shard"),
    [
        ({}, None),
        ({"ID": "0", "COUNT": "4"}, (1, 4)),
        ({"ID": "7", "COUNT": "4", "MIN": "1", "STEP": "2"}, (4, 4)),
        ({"ID": "", "COUNT": "4"}, None),
    ],
)
def test_a_task_of_a_slurm_array_knows_its_shard(said, shard, monkeypatch):
    for name, value in said.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    asked = []
    monkeypatch.setattr(commands, "_swept", lambda *arguments: asked.append(arguments[3]) or 0)
    main(["sweep", "plan.toml"])
    main(["sweep", "plan.toml", "--shard", "2/3"])
    assert asked == [shard, "2/3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "nothing.toml"], "nothing.toml"),
        (["sweep", "plan.toml", "--out", "theirs"], "holds 'notes.txt' but no sweep"),
        (["sweep", "plan.toml", "--out", "theirs/notes.txt"], "not a folder"),
        (["sweep", "plan.toml", "--shard", "3/2"], "shard must be i/n"),
        (["sweep", "plan.toml", "--jobs", "0"], "n_jobs must be at least 1"),
        (["sweep", "plan.toml", "--time-limit", "-1"], "time_limit must be"),
        (["sweep", "plan.toml", "--engine", "dask"], "needs --scheduler"),
        (["sweep", "plan.toml", "--scheduler", "tcp://127.0.0.1:9"], "--scheduler is for"),
        (["sweep", "plan.toml", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"], "does not answer"),
        (["sweep", "plan.toml", "--engine", "dask", "--scheduler", "nowhere"], "does not answer"),
        (["sweep", "plan.toml", "--engine", "cloud"], "--engine"),
        (["resume", "nothing"], "holds no sweep"),
        (["resume", "theirs"], "holds no sweep"),
        (["summary", "theirs"], "holds no sweep"),
    ],
)
def test_bad_input_is_status_2_and_one_sentence(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE", 0.2)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "notes.txt").write_text("mine")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("dynakit: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert (tmp_path / "theirs" / "notes.txt").read_text() == "mine"
