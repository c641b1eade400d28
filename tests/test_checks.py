"""Arguments: what passes unchanged, and what the refusal says."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dynakit import checks
from dynakit.errors import DynakitError, InputError


@dataclass(frozen=True)
class Inner:
    states: np.ndarray = field(default_factory=lambda: np.zeros((3, 2)))


@dataclass(frozen=True)
class Catch:
    """A record whose states lie one level down."""

    times: np.ndarray = field(default_factory=lambda: np.zeros(3))
    numbers: np.ndarray = field(default_factory=lambda: np.zeros((3, 2), int))
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((1, 2)))
    inner: Inner = field(default_factory=Inner)
    by_name: dict = field(default_factory=lambda: {"rest": Inner()})


@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=3, min_side=0), elements=st.floats(-1e9, 1e9)))
def test_floats_come_back_equal_and_as_a_copy(array):
    for given_as in (array, torch.from_numpy(array), array.tolist()):
        got = checks.reals("x", given_as)
        assert got.dtype == np.float64
        assert got.size == array.size
        assert not array.size or (got.shape == array.shape and (got == array).all())
        assert not np.shares_memory(got, array)


@pytest.mark.parametrize(
    "value",
    [
        np.float32([0.5, 2]),
        np.array([0.5, 2], ">f8"),
        np.array([9, 0.5, 9, 2])[1::2],
        np.array([2, 0.5])[::-1],
        torch.tensor([0.5, 2], dtype=torch.bfloat16),
        torch.tensor([0.5, 2], requires_grad=True),
        [0.5, 2],
        (0.5, np.int64(2)),
    ],
)
def test_any_real_array_is_read(value):
    got = checks.reals("x", value, (2,))
    assert got.tolist() == [0.5, 2.0]
    assert got.dtype == np.float64


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (
            [1.0, np.nan, np.inf],
            None,
            r"x must be finite, but 2 of 3 values are not; the first is nan at index \(1,\)",
        ),
        (np.array([1, 2]), None, r"x must be real floating-point numbers, got dtype int64; convert it"),
        (torch.tensor([1, 2]), None, r"got dtype torch.int64; convert it"),
        (np.array([True]), None, "got dtype bool; convert it"),
        (np.array([1j]), None, "got dtype complex128$"),
        ([1j], None, "got a list of complex numbers$"),
        (["a"], None, "got a list of text$"),
        ([None], None, "got a list of objects that are no numbers$"),
        (None, None, "got None$"),
        ("a", None, "got 'a'$"),
        (SimpleNamespace(dtype=torch.float64), None, "got a SimpleNamespace$"),
        (
            Catch(),
            ("point", 2),
            r"numbers of 2 columns, got a Catch; pass \.pairs or \.inner or \.by_name\['rest'\]$",
        ),
        (Catch(), ("point", 9), "numbers of 9 columns, got a Catch, which holds none of 9 columns$"),
        (Inner(), None, "got an Inner; pass .states$"),
        ([[1.0], [1.0, 2.0]], None, "x must be a rectangular array of numbers"),
        ([1.0, 2.0], (3,), r"x must have shape \(3\), got \(2,\)"),
        ([1.0, 2.0], ("trial", 2), r"x must have shape \(trial, 2\), got \(2,\)"),
        ([1.0, 2.0], (..., 3), r"x must have shape \(..., 3\), got \(2,\)"),
        (1.0, (..., 1), r"got \(\)"),
    ],
)
def test_what_is_refused_is_said(value, shape, message):
    with pytest.raises(InputError, match=message):
        checks.reals("x", value, shape)


def test_values_that_are_not_finite_pass_where_they_may():
    assert np.isnan(checks.reals("x", [np.nan], finite=False)).all()


@pytest.mark.parametrize(
    ("got", "expected", "fits"),
    [
        ((2, 3), (2, 3), True),
        ((2, 3), ("trial", 3), True),
        ((2, 3), ("trial", 4), False),
        ((3,), (..., 3), True),
        ((5, 4, 3), (..., 4, 3), True),
        ((3,), (..., 4, 3), False),
        ((), (...,), True),
        ((), (), True),
        ((1,), (), False),
    ],
)
def test_shapes(got, expected, fits):
    if fits:
        checks.matches_shape("x", got, expected)
    else:
        with pytest.raises(InputError, match="x must have shape"):
            checks.matches_shape("x", got, expected)


def test_counts():
    assert checks.count("n", np.int32(3)) == 3
    assert type(checks.count("n", np.int32(3))) is int
    assert checks.count("n", 0, least=0) == 0
    for value in (True, 1.0, "1", None, np.float64(2)):
        with pytest.raises(InputError, match="n must be a whole number, got"):
            checks.count("n", value)
    with pytest.raises(InputError, match="n must be at least 1, got 0"):
        checks.count("n", 0)
    with pytest.raises(InputError, match="n must be between 2 and 4, got 5"):
        checks.count("n", 5, least=2, most=4)


def test_numbers():
    assert checks.number("p", 1, above=0, below=1) == 1.0
    assert checks.number("p", np.float32(0.5)) == 0.5
    with pytest.raises(InputError, match=r"p must be a finite number in \(0, 1\), got 1"):
        checks.number("p", 1, above=0, below=1, closed=False)
    with pytest.raises(InputError, match=r"in \[0, 1\], got -0.1"):
        checks.number("p", -0.1, above=0, below=1)
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(InputError, match="p must be a finite number"):
            checks.number("p", value)
    for value in (True, "0.5", None, [0.5], np.array(0.5)):
        with pytest.raises(InputError, match="p must be a number, got"):
            checks.number("p", value)


def test_one_of_suggests_the_nearest():
    assert checks.one_of("form", None, (None, "rate")) is None
    with pytest.raises(
        InputError, match=r"form must be one of 'current', 'rate', got 'curent'; did you mean 'current'"
    ):
        checks.one_of("form", "curent", ("current", "rate"))
    with pytest.raises(InputError, match=r"got 7$"):
        checks.one_of("form", 7, ("current", "rate"))
    with pytest.raises(InputError, match="form must be one of"):
        checks.one_of("form", ["current"], {"current": 1})


def test_input_errors_are_value_errors_of_this_package():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, DynakitError)
