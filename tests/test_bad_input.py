"""Ordinary slips, each told in one sentence that names the argument; what holds numbers after all is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import nn

import dynakit as dk

LAYER = nn.GRU(3, 5, batch_first=True)
GATED, NET, UNIT = dk.as_system(LAYER), dk.catalog.linear([[0.5, 0.0], [0.0, 0.5]]), dk.catalog.tanh_unit(2.0)
FLIP = dk.tasks.FlipFlop()
RAGGED = [[1.0, 2.0], [3.0]]


def nested(width: int) -> torch.Tensor:
    return torch.nested.as_nested_tensor([torch.zeros(4, width), torch.zeros(2, width)])


@pytest.fixture(scope="module")
def points():
    return dk.find_fixed_points(UNIT, max_starts=16)


SLIPS = {
    "rows of unequal length": ("starts must be", lambda p: dk.find_fixed_points(NET, RAGGED)),
    "sequences of unequal length": (
        "inputs must be a rectangular",
        lambda p: dk.check_echo_state(GATED, [np.zeros((5, 3)), np.zeros((4, 3))]),
    ),
    "trials in lists": (
        "inputs must be a rectangular",
        lambda p: dk.record(LAYER, [[torch.zeros(5, 3)], [torch.zeros(4, 3)]]),
    ),
    "trials as they are": ("pass .inputs", lambda p: dk.record(dk.models.GRU(3, 4, 3), FLIP.sample(2, 0))),
    "nested tensors": ("starts is a nested tensor; pad it", lambda p: dk.find_fixed_points(NET, nested(2))),
    "nested inputs": ("inputs is a nested tensor; pad it", lambda p: dk.record(LAYER, nested(3))),
    "no numbers": ("starts is a tensor on the device 'meta'", lambda p: dk.find_fixed_points(
        NET, torch.zeros(1, 2, device="meta"))),
    "masked values": ("starts holds masked values; fill them", lambda p: dk.find_fixed_points(
        NET, np.ma.array([[1.0, 2.0]], mask=[[True, False]]))),
    "labels of unequal length": ("conditions['a']", lambda p: dk.condition_average(
        np.zeros((2, 4, 3)), {"a": RAGGED})),
    "a mask of unequal length": ("mask[0] has 2 steps, but trial 0 has 3", lambda p: dk.tasks.from_arrays(
        np.zeros((2, 3, 3)), np.zeros((2, 3, 1)), mask=[[1, 0], [1, 0, 1]])),
    "updates of unequal length": ("updates must be a rectangular", lambda p: dk.track_fixed_points(
        [UNIT, UNIT], updates=RAGGED)),
    "no folder to read": ("path must be the path of a folder, got None", lambda p: dk.load(None)),
    "a number for a folder": ("path must be the path of a folder, got 3", lambda p: dk.models.load(3)),
    "an empty name": ("path must be the path of a folder, got ''", lambda p: dk.load("")),
    "no folder to save to": ("path must be the path of a folder, got None", lambda p: p.save(None)),
    "a model into no folder": ("path must be the path of a folder", lambda p: dk.models.save(
        dk.models.GRU(3, 4, 3), None)),
    "a word for an index": ("index must be an integer, a slice, a list or a mask, got 'stable'", lambda p: p["stable"]),
    "a fraction for an index": ("index must be an integer", lambda p: p[1.5]),
    "nothing for an index": ("index must be an integer", lambda p: p[None]),
    "an index of unequal length": ("index must be a rectangular", lambda p: p[[[0, 1], [1]]]),
    "a word for decode": ("decode must be a function of readouts", lambda p: dk.check_memory(
        GATED, np.zeros((2, 5)), None, "sign")),
    "no decode": ("decode must be a function of readouts", lambda p: dk.list_attractors(UNIT, p, None, None)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_told_in_one_sentence_that_names_the_argument(slip, points):
    said, call = SLIPS[slip]
    with pytest.raises(dk.InputError) as error:
        call(points)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_items_that_are_not_there_are_named(points):
    with pytest.raises(IndexError, match="item 99 of a FixedPoints with 3 items"):
        points[[0, 99]]
    with pytest.raises(IndexError, match="item -4 of a FixedPoints with 3 items"):
        points[[-4]]
    with pytest.raises(IndexError, match="index must be a mask of 3 items"):
        points[np.ones(9, bool)]


def test_sparse_tensors_are_read_as_what_they_hold():
    dense = torch.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])
    assert_array_equal(dk.record(LAYER, dense.to_sparse()).states, dk.record(LAYER, dense).states)
    assert_array_equal(NET.as_states("starts", torch.eye(2).to_sparse()), np.eye(2))
