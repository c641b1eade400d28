"""What was added to the study of sequences: sketches of the models' own sizes, conversion at every element, GRUs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "sequence_task"


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()[3:]))


def drawn(ax) -> dict[str, list[int]]:
    """How many units each line of dots of a panel has, how many numbers each code, and how many arcs of each kind."""
    found: dict[str, list[int]] = {}
    for line in ax.lines:
        found.setdefault(line.get_gid(), []).append(len(line.get_xdata()))
    for mesh in ax.collections:
        found.setdefault(mesh.get_gid(), []).append(mesh.get_array().size)
    for arc in ax.patches:
        found.setdefault(arc.get_gid(), []).append(1)
    return found


@pytest.mark.parametrize("size", ["as they run", "small"])
def test_the_sketches_have_the_sizes_of_the_models(size, tmp_path):
    import architectures
    import runs

    made = {name: runs.LEARNERS[name](0) for name in architectures.PANELS}
    if size == "small":
        made["TDNN"] = dk.models.TDNN(7, 33, lag=4)
        made["TDSNN"] = dk.models.TDSNN(7, 21, lag=3, readout="count", n_steps=40)
        made["CSNN"] = dk.models.CSNN(7, 5, 12, own_block=False)
    stream = dk.tasks.SequenceStream(code_size=made["TDNN"].code_size, n_elements=400).draw(0)
    sheet = architectures.figure(made, stream, tmp_path / "a.png")
    rates, spikes, columns = (drawn(ax) for ax in sheet.axes)
    texts = ["\n".join(text.get_text() for text in ax.texts) for ax in sheet.axes]
    for network, found, text in zip(made.values(), (rates, spikes), texts):
        shapes = [tuple(layer.weight.shape) for layer in (network.hidden, network.readout)]
        assert found["code"] == [network.code_size] * network.lag
        assert found["hidden"] == [shapes[0][0]]
        assert found["output"] == [shapes[1][0]]
        assert f"{shapes[0][1]} × {shapes[0][0]} weights" in text
        assert f"{shapes[1][1]} × {shapes[1][0]}" in text
    assert spikes.get("output of opposite weights", []) == ([25] if size == "as they run" else [])
    assert f"for {made['TDSNN'].n_steps} steps" in texts[1]
    csnn = made["CSNN"]
    n_columns, code_size, n_neurons = csnn.W_in.shape
    assert columns["code"] == [code_size] * n_columns
    assert columns["column"] == [n_neurons] * n_columns
    n_blocks = 2 * len(columns["block of two columns"]) + len(columns.get("own block", []))
    assert f"{n_blocks} blocks of {n_neurons} × {n_neurons}" in texts[2]
    assert n_blocks == (n_columns**2 if csnn.own_block else n_columns * (n_columns - 1))
    assert (tmp_path / "a.png").stat().st_size > 50_000


def test_the_loss_of_an_element_is_the_distance_of_what_rates_and_spikes_say_of_it():
    import conversion_stream

    network = dk.models.TDNN(25, 12, lag=3, memory=10, retrain_every=40, seed=1)
    stream = dk.tasks.SequenceStream(n_elements=200).draw(0)
    at, losses = conversion_stream.losses_of(stream, {0: network, 40: network}, (5, 30))
    np.testing.assert_array_equal(at, np.arange(3, 80))
    for t in (3, 39, 40, 79):
        context = stream.codes[stream.ids[t - 3 : t]].astype(np.float32).reshape(1, -1)
        with torch.no_grad():
            rates = network(torch.from_numpy(context)).numpy()
        for n_steps, loss in zip((5, 30), losses[:, t - 3]):
            spikes = dk.models.TDSNN.from_tdnn(network, n_steps=n_steps).spiking_outputs(context)
            assert loss == pytest.approx(np.linalg.norm(spikes - rates), rel=1e-5)


def test_conversion_over_the_stream_end_to_end(tmp_path, monkeypatch):
    import conversion
    import conversion_stream

    network, stream = dk.models.TDNN(25, 12, seed=1), dk.tasks.SequenceStream(n_elements=2000).draw(0)
    monkeypatch.setattr(conversion, "networks", lambda seed, n_elements: (stream, {0: network, 1000: network}))
    conversion_stream.run(tmp_path, quick=True, n_jobs=1)
    few, many = rows_of(tmp_path / "conversion_stream.csv")
    assert (few["steps"], many["steps"], few["elements"]) == ("25", "100", "1990")
    assert float(few["loss, all"]) > float(many["loss, all"])
    curve = [float(row["T = 25"]) for row in rows_of(tmp_path / "conversion_stream_curves.csv")]
    weights = [90] + [100] * 19  # the first ten elements are not predicted
    assert np.average(curve, weights=weights) == pytest.approx(float(few["loss, all"]), rel=1e-4)
    assert (tmp_path / "conversion_stream.png").stat().st_size > 10_000


def test_a_gru_is_set_beside_the_published_curve(tmp_path, monkeypatch):
    import gru
    import runs

    hits = np.r_[np.zeros(400), np.ones(400)]
    accuracies = dk.tasks.sequence.windowed_accuracy(hits.astype(int).tolist())
    row = {"model": "GRU", "seed": 0, "mean": float(accuracies.mean()), "hits": 0.5, "CPU s": 1.0}
    row |= {"_positions": 25 * np.arange(1, 801), "_accuracies": accuracies, "_hits": hits}
    monkeypatch.setattr(runs, "all_runs", lambda todo, n_jobs: [[row | {"seed": job[1][0]}] for job in todo])
    gru.run(tmp_path, quick=False, n_jobs=1)
    (summary,) = rows_of(tmp_path / "gru.csv")
    assert (summary["n_runs"], summary["published mean"]) == ("10", "0.747")
    found = {row["what"]: float(row["here"]) for row in rows_of(tmp_path / "gru_moments.csv")}
    before = runs.TASK.swap_at // 25 - 1  # evaluations before the exchange
    assert found["before the exchange"] == pytest.approx(accuracies[:before].mean(), abs=1e-5)
    assert (found["at the exchange"], found["last"]) == (0.0, 1.0)
    assert (tmp_path / "gru.png").stat().st_size > 10_000
