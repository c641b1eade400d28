"""A folder holds the old artefact or the new one, and nothing that is somebody else's is lost."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk
from dynakit import artifacts
from dynakit.artifacts import atomic
from dynakit.errors import ArtifactError

from .sealing import forge


def thing(value: bytes = b"data", name: str = "x", **header) -> artifacts.Artifact:
    return artifacts.Artifact(
        name, "thing", header, {"": ("npz", value), "model": ("safetensors", value[::-1])}
    )


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def load(folder: Path) -> bytes:
    return artifacts.load(folder, "x", "thing")[1][""]


def test_the_names_of_files_carry_the_hash_of_what_they_hold(tmp_path):
    artifacts.save(tmp_path / "a", thing(note="kept"))
    artifacts.save(tmp_path / "b", thing(note="kept"))
    content = json.loads((tmp_path / "a/x.json").read_text())
    files = content["files"]
    assert names(tmp_path / "a") == sorted(["x.json", *(entry["file"] for entry in files.values())])
    for entry in files.values():
        assert entry["sha256"][:16] in entry["file"]
    assert content["note"] == "kept"
    assert content["manifest_sha256"] == thing(note="kept").sha256
    for name in names(tmp_path / "a"):  # equal artefacts are equal byte for byte
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    manifest, parts = artifacts.load(tmp_path / "a", "x", "thing")
    assert (manifest.content["note"], parts) == ("kept", {"": b"data", "model": b"atad"})


def test_a_new_artefact_replaces_the_old_one_and_its_files(tmp_path):
    for value in (b"first", b"second", b"second", b"first"):
        artifacts.save(tmp_path, thing(value))
        assert load(tmp_path) == value
        assert len(names(tmp_path)) == 3
    artifacts.save(tmp_path, artifacts.Artifact("x", "thing", {}, {"": ("npz", b"alone")}))
    assert len(names(tmp_path)) == 2


def test_artefacts_of_other_names_in_the_folder_are_left_alone(tmp_path):
    for name in ("x", "x-b", "results"):
        artifacts.save(tmp_path, thing(name.encode(), name))
    artifacts.save(tmp_path, thing(b"anew"))
    for name, value in {"x": b"anew", "x-b": b"x-b", "results": b"results"}.items():
        assert artifacts.load(tmp_path, name, "thing")[1][""] == value


def test_what_cannot_be_said_in_json_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        artifacts.save(tmp_path / "out", thing(loss=float("nan")))
    assert not (tmp_path / "out").exists()


def test_what_is_no_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ArtifactError, match="is not a folder; nothing was written"):
        artifacts.save(file, thing())
    assert file.read_text() == "mine"
    for path in (file / "below", tmp_path / ("long" * 100)):
        with pytest.raises(ArtifactError, match=r"path .* cannot be"):
            artifacts.save(path, thing())


@pytest.mark.parametrize("step", ["fsync", "replace", "write"])
def test_a_save_that_fails_leaves_the_old_artefact_and_nothing_else(step, tmp_path, monkeypatch):
    artifacts.save(tmp_path, thing(b"old"))
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    real, calls = getattr(os, step), []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) >= fail.at:
            raise OSError(28, "No space left on device")
        return real(*arguments)

    for fail.at in range(1, 12):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            said = ""
            try:
                artifacts.save(tmp_path, thing(b"new and longer"), {"report.html": b"a page by dynakit"})
            except ArtifactError as error:
                said = str(error)
        assert "No space left" in said or not said
        if not said or "holds the new" in said:
            break
        assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    else:
        pytest.fail("it never succeeded")
    assert fail.at > 3
    assert load(tmp_path) == b"new and longer"
    assert not [name for name in names(tmp_path) if "tmp" in name]


def test_disk_full_in_the_middle_of_an_overwrite_keeps_the_old_result(tmp_path):
    """Arrays that fit and a manifest that does not: the old artefact is not touched."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")

    def history(n):
        curves = {name: np.arange(float(n)) for name in ("losses", "scores", "seconds", "learning_rates")}
        return dk.History(**curves, stopped="x" * 20_000)

    history(5).save(tmp_path)
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(
            ArtifactError, match="cannot be written, and what it held is unchanged: File too large"
        ):
            history(6).save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert dk.load(tmp_path) == history(5)
    assert len(names(tmp_path)) == 2


# --- what is not ours --------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_files_keep_the_mode_of_the_manifest_they_replace(tmp_path):
    artifacts.save(tmp_path, thing())
    (tmp_path / "x.json").chmod(0o640)
    artifacts.save(tmp_path, thing(b"anew"))
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)} == {0o640}


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_links_are_replaced_and_not_followed(tmp_path):
    outside, run = tmp_path / "outside", tmp_path / "run"
    (outside / "figures").mkdir(parents=True)
    run.mkdir()
    precious = {name: outside / name for name in ("x.json", "report.html", "figures/a.png")}
    for path in precious.values():
        path.write_text("precious")
    for name in ("x.json", "report.html", "figures"):
        (run / name).symlink_to(outside / name)
    artifacts.save(run, thing(), {"report.html": b"page", "figures/a.png": b"figure"})
    assert {path.read_text() for path in precious.values()} == {"precious"}
    assert load(run) == b"data"
    assert not any((run / name).is_symlink() for name in names(run))
    assert (run / "figures/a.png").read_bytes() == b"figure"


def test_a_result_saved_over_a_link_leaves_its_target_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "precious.txt").write_text("precious")
    try:
        (tmp_path / "run/results.json").symlink_to(tmp_path / "precious.txt")
    except OSError:
        pytest.skip("no links here")
    points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    points.save(tmp_path / "run")
    assert (tmp_path / "precious.txt").read_text() == "precious"
    assert dk.load(tmp_path / "run") == points


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("x.json", b'{"mine": 1}'),
        ("x.json", b"no json at all"),
        ("x.json", b'{"format": "dynakit/thing", "format_version": 99}'),
        ("x.json", b'{"format": "theirs/thing", "format_version": 1}'),
        ("report.html", b"<html>my thesis</html>"),
        ("figures/a.png", b"a picture of mine"),
        ("figures", b"a file"),
    ],
)
def test_what_is_anothers_or_of_a_later_version_is_not_overwritten(file, content, tmp_path):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    before = names(tmp_path)
    with pytest.raises(ArtifactError, match=r"nothing was overwritten") as caught:
        artifacts.save(tmp_path, thing(), {"report.html": b"page", "figures/a.png": b"figure"})
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == before
    assert path.read_bytes() == content


def test_folders_in_the_places_of_files_are_refused(tmp_path):
    for place in ("x.json", "report.html"):
        (tmp_path / place / place).mkdir(parents=True)
        with pytest.raises(ArtifactError, match="nothing was overwritten"):
            artifacts.save(tmp_path / place, thing(), {"report.html": b"page"})


@pytest.mark.parametrize("content", [b"", b"half"])
def test_a_half_written_manifest_of_ours_is_replaced(content, tmp_path):
    artifacts.save(tmp_path, thing())
    place = tmp_path / "x.json"
    place.write_bytes(content and place.read_bytes()[:200])
    with pytest.raises(ArtifactError, match="not valid JSON"):
        load(tmp_path)
    artifacts.save(tmp_path, thing(b"anew"))
    assert load(tmp_path) == b"anew"
    assert len(names(tmp_path)) == 3


def test_it_is_said_before_long_work_that_nothing_could_be_saved(tmp_path):
    (tmp_path / "results.json").write_text('{"mine": 1}')
    (tmp_path / "model.json").write_text('{"mine": 1}')
    for check in (dk.Report.check_path, dk.History.check_path, dk.models.check_path):
        check(tmp_path / "new")
        for path in (tmp_path, tmp_path / "model.json"):
            with pytest.raises(ArtifactError, match=r"nothing was overwritten|is not a folder"):
                check(path)


# --- pages -------------------------------------------------------------------------------------------------


def test_pages_of_an_older_artefact_go_with_it(tmp_path):
    artifacts.save(tmp_path, thing(), {"report.html": b"page", "figures/a.png": b"a", "figures/b.png": b"b"})
    (tmp_path / "figures/mine.png").write_bytes(b"mine")
    artifacts.save(tmp_path, thing(b"anew"), {"report.html": b"new page", "figures/a.png": None})
    assert (tmp_path / "report.html").read_bytes() == b"new page"
    assert [name for name in names(tmp_path) if "figures/" in name] == ["figures/mine.png"]
    artifacts.save(tmp_path, thing(b"no pages"))
    assert not (tmp_path / "report.html").exists()


def test_a_page_is_not_shown_when_another_manifest_has_taken_the_place(tmp_path, monkeypatch):
    """Another save ends between this one's manifest and its page: the page of the later one stays."""
    real = atomic.put

    def put(temporary, path):
        real(temporary, path)
        if path.name == "x.json" and not put.done:
            put.done = True
            artifacts.save(tmp_path, thing(b"theirs"), {"report.html": b"their page"})

    put.done = False
    monkeypatch.setattr(atomic, "put", put)
    artifacts.save(tmp_path, thing(b"mine"), {"report.html": b"my page"})
    assert load(tmp_path) == b"theirs"
    assert (tmp_path / "report.html").read_bytes() == b"their page"
    assert len(names(tmp_path)) == 4


# --- many at once ------------------------------------------------------------------------------------------


def test_threads_save_into_one_folder_while_others_read(tmp_path):
    artifacts.save(tmp_path, thing(b"0" * 100))
    failures, done = [], threading.Event()

    def attempt(act):
        try:
            act()
        except Exception as error:
            failures.append(error)

    def write(k):
        for n in range(12):
            artifacts.save(tmp_path, thing(f"{k}{n % 3}".encode() * 50))  # some of them alike

    def read():
        while not done.is_set():
            assert len(load(tmp_path)) == 100

    writers = [threading.Thread(target=attempt, args=(lambda k=k: write(k),)) for k in range(3)]
    reader = threading.Thread(target=attempt, args=(read,))
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not failures
    assert len(load(tmp_path)) == 100
    assert len(names(tmp_path)) == 3  # the last one to end has swept


def test_a_file_that_is_gone_because_the_manifest_was_replaced_is_read_anew(tmp_path, monkeypatch):
    from dynakit.artifacts import reading

    artifacts.save(tmp_path, thing(b"old"))
    real = reading.read_manifest

    def read(*arguments):
        found = real(*arguments)
        if not read.done:
            read.done = True
            artifacts.save(tmp_path, thing(b"new"))
        return found

    read.done = False
    monkeypatch.setattr(reading, "read_manifest", read)
    assert load(tmp_path) == b"new"


def test_a_file_that_is_about_to_be_removed_may_come_again(tmp_path, monkeypatch):
    """Between the decision to remove the old arrays and their removal, equal ones are saved: they have another name."""
    artifacts.save(tmp_path, thing(b"first"))
    real = atomic.remove

    def remove(path):
        if path.suffix == ".npz" and not remove.done:
            remove.done = True
            artifacts.save(tmp_path, thing(b"first"))
        real(path)

    remove.done = False
    monkeypatch.setattr(atomic, "remove", remove)
    artifacts.save(tmp_path, thing(b"second"))
    assert remove.done
    assert load(tmp_path) == b"first"


def test_leftovers_of_the_dead_are_swept_and_those_of_the_living_are_not(tmp_path):
    artifacts.save(tmp_path, thing())
    host, here = atomic._host(), os.getpid()
    dead = [f".x.json.{host}-{2**22 + 1}-00000000.tmp", f".x.json.{host}-{here}-00000000.tmp"]
    living = f".x.json.{host}-{os.getppid()}-00000000.tmp"
    elsewhere = f".x.json.{'0' * 8}-1-00000000.tmp"
    orphan = "x-0123456789abcdef.npz"
    for name in [*dead, elsewhere, orphan]:
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / elsewhere, (0, 0))  # begun long ago, on another machine
    if os.name != "nt":
        (tmp_path / living).write_bytes(b"")
        artifacts.save(tmp_path, thing(b"anew"))
        assert {living, orphan} <= {*names(tmp_path)}  # it may be about to name it
        assert not {*dead, elsewhere} & {*names(tmp_path)}
        (tmp_path / living).unlink()
    artifacts.save(tmp_path, thing(b"again"))
    assert len(names(tmp_path)) == 3


# --- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format="dynakit/other"), "not a dynakit/thing manifest"),
        (lambda m: m.update(format_version=99), "format version 99; this dynakit reads up to 3"),
        (lambda m: m.update(format_version=True), "format version True"),
        (lambda m: m.update(format_version=2), None),  # no way to do without the hash
        (
            lambda m: m["files"].update({"": {"file": "../secret", "bytes": 4, "sha256": "0" * 64}}),
            "none of ours",
        ),
        (lambda m: m["files"][""].update(file="y-0123456789abcdef.npz"), "none of ours"),
        (lambda m: m["files"][""].update(file="x-0123456789abcdef.npz"), "is missing, though"),
        (lambda m: m["files"][""].update(bytes="4"), "how long"),
        (lambda m: m["files"][""].update(bytes=5), "4 bytes found, 5 expected"),
        (lambda m: m["files"][""].update(sha256="0" * 64), "damaged or was changed"),
        (lambda m: m["files"].update(model=m["files"][""]), None),
        (lambda m: m.update(pages=["../thesis.html"]), "pages that are none of ours"),
        (lambda m: m.update(pages=None), "damaged or was changed"),
        (lambda m: m.update(files=[1]), "damaged or was changed"),
        (lambda m: m.pop("pages"), "damaged or was changed: 'pages'"),
    ],
)
def test_a_forged_manifest_is_refused_or_says_the_same(change, said, tmp_path):
    artifacts.save(tmp_path, thing())
    try:
        forge(tmp_path / "x.json", change)
    except AttributeError:  # it cannot even be sealed
        (tmp_path / "x.json").write_text('{"format": "dynakit/thing", "format_version": 3, "files": [1]}')
    if said is None:
        assert load(tmp_path) == b"data"
    else:
        with pytest.raises(ArtifactError, match=said):
            load(tmp_path)


def test_a_file_larger_than_allowed_is_refused_unread(tmp_path, monkeypatch):
    artifacts.save(tmp_path, thing())
    monkeypatch.setattr("dynakit.artifacts.reading.LARGEST", 3)
    with pytest.raises(ArtifactError, match="4 bytes, more than this package reads"):
        load(tmp_path)
    monkeypatch.setattr("dynakit.artifacts.manifest.LARGEST_MANIFEST", 100)
    with pytest.raises(ArtifactError, match="more than this package reads"):
        load(tmp_path)
    with pytest.raises(ArtifactError, match="more than this package reads"):
        artifacts.save(tmp_path / "new", thing())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    artifacts.save(tmp_path, thing())
    part = next(tmp_path.glob("*.npz"))
    for place in (part, tmp_path / "x.json"):
        place.unlink()
        os.mkfifo(place)
        with pytest.raises(ArtifactError, match=r"is not a file|holds no x.json"):
            load(tmp_path)
