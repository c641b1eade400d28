"""What a sweep's folder takes in, what it gives back, and what it refuses."""

from __future__ import annotations

import errno
import json
import math
import os

import numpy as np
import pytest

import dynakit as dk
from dynakit.sweeps import folder as module
from dynakit.sweeps import refusals
from dynakit.sweeps.folder import Counts, Folder
from tests.sweeps.workload import begin, fixed_bytes, groups_of, left_over


@pytest.fixture
def folder(tmp_path) -> Folder:
    return begin(tmp_path / "sweep", groups_of(3))


def tree(path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def test_a_result_comes_back_as_it_was(folder):
    row = {"one": 1, "half": np.float64(0.5), "nan": math.nan, "list": [1.0, -math.inf], "text": "ä", "none": None}
    folder.write("0001", row, measured={"seconds": np.float32(2.0)})
    back = folder.result("0001")
    assert back["row"].pop("nan") != 0
    assert back["row"] == {"one": 1, "half": 0.5, "list": [1.0, -math.inf], "text": "ä", "none": None}
    assert (back["status"], back["settings"], back["measured"]) == ("done", {"number": 1}, {"seconds": 2.0})
    text = (folder.path / "results" / "0001.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["row"]["nan"] is None
    assert folder.counts() == Counts(done=1, failed=0, claimed=0, dead=0, open=2)
    assert [*folder.results()] == ["0001"]


def test_what_is_measured_is_all_that_differs(folder, tmp_path):
    other = begin(tmp_path / "other", groups_of(3))
    folder.write("0001", {"b": 1, "a": np.int64(2)}, measured={"seconds": 1.0})
    other.write("0001", {"a": 2, "b": 1}, measured={"seconds": 9.0, "pid": 7})
    assert fixed_bytes(folder) == fixed_bytes(other)
    assert folder.result("0001") != other.result("0001")


def test_going_on_changes_nothing(folder):
    folder.write("0001", {"a": 1})
    before = tree(folder.path)
    again = begin(folder.path, groups_of(3))
    assert tree(folder.path) == before
    assert again.result("0001")["row"] == {"a": 1}
    assert Folder.at(folder.path).said == folder.said


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "renamed", "gone"])
def test_a_damaged_result_is_none(folder, damage):
    folder.write("0001", {"a": 1})
    folder.write("0002", {"a": 2})
    place = folder.path / "results" / "0001.json"
    data = place.read_bytes()
    if damage == "gone":
        place.unlink()
    elif damage == "renamed":
        os.replace(folder.path / "results" / "0002.json", place)
    else:
        place.write_bytes({"cut": data[:40], "flip": data.replace(b'"a":1', b'"a":3'), "empty": b""}[damage])
    assert folder.result("0001") is None
    assert folder.counts().open == 2 + (damage == "renamed")


def test_another_plan_is_refused_with_the_difference(folder):
    settings = {run.id: {"number": 7, "task": {"bits": 2}} for group in groups_of(2) for run in group.runs}
    settings["00ff"] = {"number": 9}
    before = tree(folder.path)
    said = r"another plan: 1 of its 3 runs .* and 1 of this .* number was 2 and is now 9"
    with pytest.raises(dk.ArtifactError, match=said):
        Folder.begin(folder.path, settings=settings, groups={name: [name] for name in settings})
    with pytest.raises(dk.ArtifactError, match="grouped otherwise"):
        begin(folder.path, groups_of(3, size=3))
    assert tree(folder.path) == before


def test_other_versions_are_refused_with_the_difference_unless_accepted(folder, monkeypatch):
    folder.write("0000", {"a": 1})
    for part in (module, refusals):
        monkeypatch.setattr(part, "versions", lambda: {**folder.said["versions"], "torch": "99.0"})
    with pytest.raises(dk.ArtifactError, match=r"torch was .* and is now 99.0; go on with accept_versions"):
        begin(folder.path, groups_of(3))
    on = begin(folder.path, groups_of(3), accept_versions=True)
    on.write("0001", {"a": 1})
    assert "versions" not in on.result("0000")["measured"]
    assert on.result("0001")["measured"]["versions"]["torch"] == "99.0"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("file", "exists and is not a folder"),
        ("notes", "holds 'notes.txt' but no sweep"),
        ("sweep.json", "not written by"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(tmp_path, what, message):
    path = tmp_path / "there"
    if what == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / ("notes.txt" if what == "notes" else what)).write_text("{}")
    before = tree(tmp_path)
    with pytest.raises(dk.ArtifactError, match=message):
        begin(path, groups_of(2))
    assert tree(tmp_path) == before
    with pytest.raises(dk.ArtifactError, match="sweep"):
        Folder.at(path)


def test_a_plan_may_lie_in_the_folder_before_the_sweep(tmp_path):
    (tmp_path / "plan.toml").write_text("")
    assert begin(tmp_path, groups_of(1)).counts().open == 1


def test_links_are_not_followed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder.path / "runs" / "0001").symlink_to(outside)
    with pytest.raises(dk.ArtifactError, match="is a link"):
        folder.place("0001")
    (outside / "theirs").write_text("theirs")
    (folder.path / "results" / "0002.json").symlink_to(outside / "theirs")
    folder.write("0002", {"a": 1})
    assert (outside / "theirs").read_text() == "theirs"
    assert folder.result("0002")["row"] == {"a": 1}
    os.rename(folder.path / "results", outside / "results")
    (folder.path / "results").symlink_to(outside / "results")
    os.utime(folder.path / "sweep.json")
    with pytest.raises(dk.ArtifactError, match="is a link"):
        begin(folder.path, groups_of(3))


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "a" * 65, "x.json"])
def test_names_that_would_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(dk.InputError, match="small letters and digits"):
        Folder.begin(tmp_path / "s", settings={name: {}}, groups={"g": [name]})
    assert not (tmp_path / "s").exists()


def test_a_full_disk_is_one_sentence_and_loses_nothing(folder, monkeypatch):
    folder.write("0000", {"a": 1})

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", no_room)
        with pytest.raises(dk.ArtifactError, match=r"takes no more \(No space left on device\); what is done is kept"):
            folder.write("0001", {"a": 1})
    assert left_over(folder) == []
    assert [*folder.results()] == ["0000"]
    folder.write("0001", {"a": 1})
    assert [*folder.results()] == ["0000", "0001"]


def test_what_json_cannot_say_is_refused_by_name(folder):
    with pytest.raises(dk.InputError, match=r"row\.a\.b must be a number, a text, a list or a dict of them, got a obj"):
        folder.write("0001", {"a": {"b": object()}})
    assert folder.result("0001") is None


def test_two_that_begin_together_write_one_plan(tmp_path, monkeypatch):
    real = module.artifacts.write_once

    def late(path, data):
        begin(path.parent, groups_of(2))  # another process was quicker
        return real(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "_refuse_foreign", lambda self: patched.undo() or late)
        first = begin(tmp_path / "s", groups_of(2))
    assert first.said == begin(tmp_path / "s", groups_of(2)).said
    assert module.artifacts.write_once(tmp_path / "s" / "sweep.json", b"{}") is False


def test_a_long_path_of_strange_letters(tmp_path):
    path = tmp_path / "with spaces and ünïcödé" / ("x" * 120) / ("y" * 120)
    folder = begin(path, groups_of(1))
    folder.write("0000", {"a": 1})
    assert folder.counts().done == 1
    assert left_over(folder) == []
