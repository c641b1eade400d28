"""Artefacts of older formats: what still means the same opens, what does not is refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk


def record(name, **fields):
    return {"$": "record", "type": name, "fields": fields}


PROVENANCE = record(
    "Provenance", dynakit="0.9.0", torch="2.10.0", seed=3, settings={"$": "dict", "items": []}, weights="ab" * 32
)
HISTORY = record(
    "History",
    provenance=PROVENANCE,
    losses={"$": "array", "array": "a0"},
    scores={"$": "array", "array": "a1"},
    seconds={"$": "array", "array": "a0"},
    learning_rates={"$": "array", "array": "a1"},
    n_rollbacks=0,
    stopped="all 2 updates done",
    condition=None,
)
REPORT = record(
    "Report",
    provenance=PROVENANCE,
    network="GRU: 1 inputs -> 4 state -> 1 outputs",
    parts={"$": "dict", "items": [["h", {"$": "tuple", "items": [0, 4]}]]},
    task=None,
    trials=None,
    score=0.5,
    fixed_points={"$": "dict", "items": []},
    history=HISTORY,
    skipped={"$": "dict", "items": [["memory", "it needs trajectories, which could not run"]]},
)


def write(folder, tree):
    """A folder as the first format had it, byte by byte by hand."""
    folder.mkdir()
    arrays = io.BytesIO()
    np.savez_compressed(arrays, a0=np.array([0.7, 0.2]), a1=np.array([0.5, 0.9]))
    data = arrays.getvalue()
    manifest = {
        "format": "dynakit/results",
        "format_version": 1,
        "dynakit": "0.9.0",
        "file": "results.npz",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "record": tree,
    }
    (folder / "results.npz").write_bytes(data)
    (folder / "results.json").write_text(json.dumps(manifest))
    return folder


def test_the_history_of_a_training_run_opens(tmp_path):
    history = dk.load(write(tmp_path / "net", HISTORY))
    np.testing.assert_array_equal(history.losses, [0.7, 0.2])
    np.testing.assert_array_equal(history.scores, [0.5, 0.9])
    assert history.provenance.seed == 3
    again = tmp_path / "again"
    history.save(again)
    assert json.loads((again / "results.json").read_text())["format_version"] == 3
    assert dk.load(again) == history


@pytest.mark.parametrize("tree", [REPORT, record("FixedPoints", states={"$": "array", "array": "a0"})])
def test_what_was_found_is_refused_with_what_to_do(tree, tmp_path):
    with pytest.raises(dk.ArtifactError) as caught:
        dk.load(write(tmp_path / "old", tree))
    said = str(caught.value)
    assert f"holds a {tree['type']} in format 1" in said
    assert "compute it again" in said
    assert "\n" not in said


# --- the second format: a manifest without a hash of its own, and a network as an artefact of its own -----


def plain(tree):
    """A tree as it was written before arrays were said to have a type and a shape."""
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    left_out = ("dtype", "shape") if "array" in tree else ()
    return {key: plain(value) for key, value in tree.items() if key not in left_out}


def older(folder: Path, name: str, suffix: str, data: bytes, **header) -> None:
    """Write an artefact of the second format."""
    sha256 = hashlib.sha256(data).hexdigest()
    kind = {"results": "results", "model": "model"}.get(name, "checkpoint")
    own = {"format": f"dynakit/{kind}", "format_version": 2, "dynakit": "0.1.0", "file": f"{name}.{suffix}"}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.{suffix}").write_bytes(data)
    (folder / f"{name}.json").write_text(json.dumps({**own, "bytes": len(data), "sha256": sha256, **header}, indent=1))


def as_before(folder: Path) -> Path:
    """Turn what is saved in a folder into what the second format made of it."""
    content = json.loads((folder / "results.json").read_text())
    arrays = io.BytesIO()
    with np.load(next(folder.glob("*.npz"))) as found:
        np.savez_compressed(arrays, **found)
    if "model" in content["files"]:
        weights = (folder / content["files"]["model"]["file"]).read_bytes()
        older(folder / "model", "model", "safetensors", weights, **content["model"])
    for file in content["files"].values():
        (folder / file["file"]).unlink()
    older(folder, "results", "npz", arrays.getvalue(), record=plain(content["record"]))
    return folder


@pytest.fixture(scope="module")
def report():
    task = dk.tasks.FlipFlop(n_bits=1)
    return dk.analyze(dk.models.GRU.for_task(task, n_hidden=3), task, include=["trajectories", "fixed_points"])


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_report_of_the_second_format_opens_with_its_network(report, tmp_path):
    report.save(tmp_path)
    back = dk.load(as_before(tmp_path))
    assert "model/model.json" in files(tmp_path)
    assert back == report
    assert torch.equal(back.model.rnn.weight_hh_l0, report.model.rnn.weight_hh_l0)


def test_a_report_that_is_saved_over_it_leaves_nothing_of_it(report, tmp_path):
    report.save(tmp_path / "there")
    as_before(tmp_path / "there")
    (tmp_path / "there/figures/spectrum.png").write_bytes(b"of an older report")
    (tmp_path / "there/mine.txt").write_text("mine")
    report.save(tmp_path / "there")
    report.save(tmp_path / "fresh")
    content = [json.loads((tmp_path / name / "results.json").read_text()) for name in ("there", "fresh")]
    assert content[0]["manifest_sha256"] == content[1]["manifest_sha256"]
    parts = [{f["file"] for f in c["files"].values()} for c in content]
    there, fresh = ({*files(tmp_path / name)} - part for name, part in zip(("there", "fresh"), parts))
    assert there == fresh | {"mine.txt"}


def test_a_model_of_the_second_format_opens_and_is_replaced(tmp_path):
    model = dk.models.GRU(1, 4, 1)
    dk.models.save(model, tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    weights = next(tmp_path.glob("*.safetensors"))
    said = {key: content[key] for key in ("class", "config", "config_tensors", "training")}
    older(tmp_path, "model", "safetensors", weights.read_bytes(), **said)
    weights.unlink()
    assert torch.equal(dk.models.load(tmp_path).rnn.weight_hh_l0, model.rnn.weight_hh_l0)
    dk.models.save(dk.models.GRU(1, 5, 1), tmp_path)
    assert dk.models.load(tmp_path).n_hidden == 5
    assert len(files(tmp_path)) == 2


def test_a_task_of_a_class_that_is_not_here_is_none_with_the_reason(report, tmp_path):
    report.save(tmp_path)
    as_before(tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    for wrong in ({"type": "Mine"}, {"fields": {"bits": 3}}, {"fields": {"n_bits": -1}}):
        task = {**content["record"]["fields"]["task"], **wrong}
        fields = {**content["record"]["fields"], "task": task}
        changed = {**content, "record": {**content["record"], "fields": fields}}
        (tmp_path / "results.json").write_text(json.dumps(changed))
        back = dk.load(tmp_path)
        assert back.task is None
        assert "the one saved cannot be read" in back.skipped["task"]
        assert back.fixed_points == report.fixed_points


def test_an_archive_of_the_second_format_cannot_unpack_to_hundreds_of_megabytes(report, tmp_path):
    report.save(tmp_path)
    as_before(tmp_path)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, a0=np.zeros(12_500_000))
    content = json.loads((tmp_path / "results.json").read_text())
    older(tmp_path, "results", "npz", arrays.getvalue(), record=content["record"])
    with pytest.raises(dk.ArtifactError, match=r"would unpack to 1000.* refused unread"):
        dk.load(tmp_path)
