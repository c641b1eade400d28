"""Streams: repeatable, independent of each other and of who asks first."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynakit.errors import InputError
from dynakit.seeding import as_seed, stream, torch_stream


def draw(seed, *names):
    return stream(seed, *names).random(4).tolist(), torch.rand(
        4, generator=torch_stream(seed, *names)
    ).tolist()


@given(st.integers(0, 2**70), st.text(max_size=5), st.integers(0, 1000))
def test_a_stream_is_its_seed_and_its_name(seed, name, k):
    first = draw(seed, name, k)
    draw(seed, "another consumer")
    assert draw(seed, name, k) == first
    for other in (
        (seed + 1, name, k),
        (seed, name + "x", k),
        (seed, name, k + 1),
        (seed, name),
        (seed, k, name),
    ):
        assert draw(*other)[0] != first[0]
        assert draw(*other)[1] != first[1]


def test_names_do_not_run_together():
    assert draw(0, "ab", "c") != draw(0, "a", "bc")
    assert draw(0, "1") != draw(0, 1)


def test_a_numpy_integer_is_the_integer():
    assert draw(np.int64(3), "batch", np.int32(7)) == draw(3, "batch", 7)


def test_the_numbers_of_a_stream_stay_what_they_are():
    # written down once: a change here would change every seeded result
    assert_allclose(stream(0, "trials").random(2), [0.7570688769346025, 0.8030347891696538], rtol=1e-15)
    assert_allclose(
        torch.rand(2, generator=torch_stream(0, "trials"), dtype=torch.float64),
        [0.5270893507525091, 0.28749517491179133],
        rtol=1e-15,
    )


def test_streams_are_uncorrelated():
    draws = np.array([stream(0, "batch", k).standard_normal(2000) for k in range(12)])
    correlation = np.corrcoef(draws) - np.eye(12)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_generators_give_a_seed_and_move_on():
    ours = np.random.default_rng(3)
    assert as_seed(ours) != as_seed(ours)
    assert as_seed(np.random.default_rng(3)) == as_seed(np.random.default_rng(3))
    theirs = torch.Generator().manual_seed(3)
    assert as_seed(theirs) != as_seed(theirs)
    assert as_seed(np.uint8(5)) == 5


@pytest.mark.parametrize("seed", [-1, True, 1.0, "1", None, np.random.RandomState(0), [1]])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InputError, match="seed must"):
        stream(seed, "x")


def test_global_generators_are_untouched():
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    draw(0, "x")
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
