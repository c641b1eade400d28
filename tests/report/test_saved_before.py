"""Artefacts of the first format: what still means the same opens, what does not is refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest

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
    assert json.loads((again / "results.json").read_text())["format_version"] == 2
    assert dk.load(again) == history


@pytest.mark.parametrize("tree", [REPORT, record("FixedPoints", states={"$": "array", "array": "a0"})])
def test_what_was_found_is_refused_with_what_to_do(tree, tmp_path):
    with pytest.raises(dk.ArtifactError) as caught:
        dk.load(write(tmp_path / "old", tree))
    said = str(caught.value)
    assert f"holds a {tree['type']} in format 1" in said
    assert "compute it again" in said
    assert "\n" not in said

