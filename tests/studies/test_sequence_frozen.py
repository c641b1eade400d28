"""What the study of sequences says of frozen learners, against answers that are known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "sequence_task"


@pytest.mark.parametrize(
    ("said", "loop"),
    [
        ("9" * 7 + "123" * 10, "123"),
        ("31" * 20, "13"),
        ("4" * 30, "4"),
        ("0123456789" * 2, "0123456789"),
        ("01234567890", "?"),  # no ten digits are repeated
        ("7" + "1123" * 6, "1123"),
    ],
)
def test_the_loop_that_a_run_ends_in_starts_at_its_smallest_rotation(said, loop):
    from delay_map import loop_of

    assert loop_of(said, 10) == loop


def test_a_line_that_hears_the_digit_it_says_plays_the_loop_it_was_built_for():
    """The readout gives the code that follows the last one on the ring 0 1 2 0."""
    from delay_map import words

    codes = np.eye(10)
    after = np.zeros((10, 10))
    after[[1, 2, 0], [0, 1, 2]] = 1.0
    ring = SimpleNamespace(observe=lambda x: x[:, 10:] @ torch.from_numpy(after).T)
    assert words(ring, np.concatenate([codes[[0]], codes[[1]]], axis=1), codes) == Counter({"012": 1})


def test_clouds_apart_are_decoded_and_equal_clouds_are_not():
    from gated import decoded

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 400, 5))
    shift = np.array([6.0, 0, 0, 0, 0])
    assert decoded(a + shift, b) == pytest.approx(0.99865, abs=0.005)  # half the distance is three deviations
    assert decoded(a, b) == pytest.approx(0.5, abs=0.06)


def test_the_nearest_known_code_is_what_an_output_says():
    from frozen import right

    stream = dk.tasks.SequenceStream(n_elements=400).draw(0)
    asked = np.arange(5, 25)
    truth = stream.codes[stream.endings[asked, 0]]
    assert right(stream, asked, truth).all()
    noise = stream.codes[stream.ids[stream.ends[asked] + 1]]  # not yet out: no answer may be this symbol
    assert right(stream, asked, 0.52 * noise + 0.48 * truth).all()
    assert not right(stream, asked, stream.codes[stream.ids[stream.ends[asked - 1] + 1]]).any()


def test_only_activations_above_one_are_lost_by_clipping():
    from conversion import clipped

    class Part:
        network = SimpleNamespace(readout=torch.nn.Linear(2, 1))

        def activations(self):
            return np.array([[0.5, 0.25], [3.0, 0.0]])

    part = Part()
    with torch.no_grad():
        part.network.readout.weight.copy_(torch.tensor([[0.5, 1.0]]))
        part.network.readout.bias.fill_(-0.25)
    rates = part.activations() @ [[0.5], [1.0]] - 0.25  # 0.25 and 1.25
    found = clipped([part], [rates])
    assert found["hidden activations above 1"] == 0.25
    assert found["outputs above 1 in size"] == 0.5
    assert found["loss by clipping hidden"] == pytest.approx(
        0.5
    )  # 1.25 becomes 0.25, halved over two contexts
    assert found["loss by clipping outputs"] == pytest.approx(0.125)
