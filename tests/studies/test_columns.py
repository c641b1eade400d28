"""What is measured inside the columnar network, on codes and streams whose answers are known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "sequence_task"


def test_probes_of_a_pair_differ_in_their_start_alone():
    import columns

    contexts, kinds = columns.probes(dk.tasks.SequenceStream().draw(0), 10, 3, 0)
    assert_array_equal(kinds, np.repeat(np.arange(8), 3))
    differ = (contexts[:, None] != contexts[None]).any(axis=-1)
    for pair in range(4):
        noise = 3 if pair < 2 else 2  # a body of five elements, or of six
        first = 6 * pair
        assert np.flatnonzero(differ[first, first + 3]).tolist() == [noise + 1]
        assert np.flatnonzero(differ[first, first + 1]).tolist() == [noise]


def test_starts_that_move_the_code_three_times_as_far_as_noise():
    import columns

    kinds = np.repeat(np.arange(8), 2)
    codes = np.zeros((16, 12))
    codes[np.arange(16), kinds // 2] = 100.0
    codes[:, 5] = np.arange(16) % 2  # noise moves the code by 1
    codes[:, 6] = 3.0 * (kinds % 2)  # the start by 3
    found = columns.apart(codes, kinds)
    assert (found["distance between noise codes"], found["start over noise"]) == (1, 3)
    assert found["nearest with other noise has the same start"] == 1
    codes[:, 6] = 0.0
    found = columns.apart(codes, kinds)
    assert found["start over noise"] == 0


def test_age_of_the_nearest_stored_context_and_gaps_to_the_two_endings():
    import columns

    counts = np.array([[9, 9], [0, 1], [5, 5], [0, 0]], np.uint8)  # contexts before elements 2, 3, 4 and 5
    learner = SimpleNamespace(n_columns=2, counts=counts)
    stream = SimpleNamespace(
        ids=np.array([0, 0, 7, 5, 7, 7]),
        ends=np.array([3, 5]),
        kinds=np.array([0, 1]),
        endings=np.array([[5], [7]]),
        swapped=np.array([False, False]),
    )
    history = SimpleNamespace(positions=np.array([5]))
    found = columns.neighbours(learner, stream, history, every=1)
    assert_allclose(found, [[5, 2, 10, 1]])  # before element 3; the ending 7 was met last after (5, 5)


def test_blocks_are_means_from_column_to_column():
    import columns

    W = np.zeros((6, 6))
    W[4:, :2] = 3.0  # from column 0 to column 2
    expected = np.zeros((3, 3))
    expected[2, 0] = 3.0
    assert_array_equal(columns.blocks(W, 3), expected)
    assert columns.largest_eigenvalue(np.diag(np.arange(5.0))) == pytest.approx(4)
