"""However runs are done, each is done once, and its result is the same."""

from __future__ import annotations

import functools
import os
import threading
import time

import pytest

import dynakit as dk
from dynakit import progress
from dynakit.sweeps import claims, engines
from dynakit.sweeps.engines import Processes
from tests.sweeps.workload import begin, do, fixed_bytes, groups_of, left_over, noted, poisoned, value_of


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What six groups of two leave if nothing happens."""
    folder = begin(tmp_path_factory.mktemp("undisturbed") / "sweep", groups_of(12, size=2))
    engines.run(groups_of(12, size=2), folder, do, Processes())
    return fixed_bytes(folder)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("how", [Processes(), Processes(2)], ids=["here", "two processes"])
def test_each_run_is_done_once_and_nothing_else_is_left(tmp_path, how, undisturbed):
    groups = groups_of(12, size=2)
    folder = begin(tmp_path / "sweep", groups)
    told = []
    with progress.watching(lambda done, info: told.append((done, info["total"], info["unit"], info["failed"]))):
        engines.run(groups, folder, do, how)
    assert sorted(noted(folder)) == [run.id for group in groups for run in group.runs]
    assert [result["row"]["value"] for result in folder.results().values()] == [
        value_of(run) for group in groups for run in group.runs
    ]
    assert told[-1] == (12, 12, "run", 0)
    assert told == sorted(told)
    assert left_over(folder) == []
    assert fixed_bytes(folder) == undisturbed
    engines.run(groups, folder, do, how)
    assert len(noted(folder)) == 12  # nothing was done again


def test_a_process_of_its_own_takes_functions_of_a_script_along(tmp_path, undisturbed):
    groups = groups_of(12, size=2)
    folder = begin(tmp_path / "sweep", groups)
    engines.run(groups, folder, lambda group, folder: do(group, folder), Processes(1, apart=True))
    assert {result["measured"]["pid"] for result in folder.results().values()} != {os.getpid()}
    assert fixed_bytes(folder) == undisturbed


def test_two_on_one_folder_both_work_and_nothing_is_done_twice(tmp_path, undisturbed):
    groups = groups_of(12, size=2)
    folder = begin(tmp_path / "sweep", groups)
    slow = functools.partial(do, seconds=0.01)
    sides = [
        threading.Thread(target=engines.run, args=(groups, folder, slow, Processes()), kwargs={"shard": (k, 2)})
        for k in (1, 2)
    ]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    assert sorted(noted(folder)) == [run.id for group in groups for run in group.runs]
    assert {*noted(folder)[:4]} > {"0000", "0002"}  # each began with its own
    assert fixed_bytes(folder) == undisturbed
    assert left_over(folder) == []


def test_what_another_finished_between_the_look_and_the_claim_is_not_done_again(tmp_path, monkeypatch):
    groups, took = groups_of(2), claims.Claims.take
    folder, done = begin(tmp_path / "sweep", groups), []

    def late(self, name):
        folder.write(name, {"value": 0.0})
        return took(self, name)

    monkeypatch.setattr(claims.Claims, "take", late)
    engines.run(groups, folder, lambda group, folder: done.append(group), Processes())
    assert not done
    assert folder.counts().done == 2
    assert left_over(folder) == []


def test_what_raises_is_a_result_and_is_tried_again_on_request_only(tmp_path):
    groups = groups_of(2)
    folder = begin(tmp_path / "sweep", groups)
    engines.run(groups, folder, poisoned, Processes())
    failed = folder.result("0001")
    assert failed["status"] == "failed"
    assert failed["error"].splitlines()[-1] == "ValueError: this one never works"
    assert "in poisoned" in failed["error"]
    assert folder.counts()[:2] == (1, 1)
    engines.run(groups, folder, do, Processes())
    assert folder.result("0001") == failed
    engines.run(groups, folder, poisoned, Processes(), retry_failed=True)
    assert folder.result("0001")["measured"] != failed["measured"]
    engines.run(groups, folder, do, Processes(), retry_failed=True)
    assert folder.counts().done == 2
    assert sorted(noted(folder)) == ["0000", "0001"]


def test_a_callback_ends_it_and_it_goes_on_from_there(tmp_path):
    groups = groups_of(5)
    folder = begin(tmp_path / "sweep", groups)

    def enough(done, info):
        if done == 2:
            raise StopIteration

    with progress.watching(enough) as watch:
        engines.run(groups, folder, do, Processes())
    assert watch.said == "interrupted after 2 of 5 runs"
    assert folder.counts() == (2, 0, 0, 0, 3)
    engines.run(groups, folder, do, Processes())
    assert folder.counts().done == 5


def test_ctrl_c_gives_back_what_was_claimed(tmp_path):
    groups = groups_of(3)
    folder = begin(tmp_path / "sweep", groups)

    def interrupted(group, folder):
        if group.id == "0001":
            assert folder.counts().claimed == 1
            raise KeyboardInterrupt
        do(group, folder)

    with pytest.raises(KeyboardInterrupt):
        engines.run(groups, folder, interrupted, Processes())
    assert folder.counts() == (1, 0, 0, 0, 2)
    assert left_over(folder) == []


@pytest.mark.usefixtures("forked")
def test_what_kills_its_process_or_takes_too_long_fails_and_all_others_are_done(tmp_path):
    groups = groups_of(8)
    folder = begin(tmp_path / "sweep", groups)
    engines.run(groups, folder, poisoned, Processes(2, time_limit=0.5))
    errors = {run: result["error"].splitlines()[-1] for run, result in folder.results().items() if result["error"]}
    assert errors.pop("0001") == "ValueError: this one never works"
    assert errors.pop("0002") == "it killed the process that ran it 3 times: Fatal Python error: Segmentation fault"
    assert errors.pop("0003") == "it took longer than time_limit = 0.5 s"
    assert errors.pop("0004").startswith("MemoryError")
    assert errors.pop("0005") == "it killed the process that ran it 3 times: ended by itself with exit status 3"
    assert not errors
    assert "in poisoned" in folder.result("0002")["measured"]["crash"]
    assert folder.counts() == (3, 5, 0, 0, 0)
    assert left_over(folder) == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"engine": "cloud"}, "engine must be"),
        ({"engine": "dask"}, "scheduler must be the address"),
        ({"engine": "dask", "scheduler": "tcp://x:1", "n_jobs": 2}, "n_jobs is for"),
        ({"engine": "dask", "scheduler": "tcp://x:1", "time_limit": 2.0}, "time_limit is for"),
        ({"engine": "local", "scheduler": "tcp://x:1"}, "scheduler is for"),
        ({"engine": "local", "n_jobs": 0}, "n_jobs must be at least 1"),
        ({"engine": "local", "time_limit": 0.0}, "time_limit must be"),
    ],
)
def test_an_engine_that_cannot_be_is_refused_by_name(said, message):
    with pytest.raises(dk.InputError, match=message):
        engines.as_engine(**said)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/0", "a/b", (0, 1), (1.0, 2), 3, ""])
def test_a_shard_is_one_of_so_many(shard):
    with pytest.raises(dk.InputError, match="shard must be i/n with i from 1 to n"):
        engines.in_order(groups_of(2), shard)


def test_a_shard_does_every_nth_and_then_the_rest():
    assert engines.in_order("abcdefg", "2/3") == [*"be", *"acdfg"]
    assert engines.in_order("abc", None) == [*"abc"]


def test_a_scheduler_that_is_not_there_is_one_sentence_within_seconds(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(engines, "PATIENCE", 0.5)
    folder = begin(tmp_path / "sweep", groups_of(2))
    began = time.monotonic()
    with pytest.raises(dk.InputError, match=r"scheduler 'tcp:.* does not answer") as said:
        engines.run(groups_of(2), folder, do, engines.Dask("tcp://127.0.0.1:9"))
    assert "\n" not in str(said.value)
    assert time.monotonic() - began < 6
    assert left_over(folder) == []
