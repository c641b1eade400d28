"""Trees of tensors as flat vectors: the order of their leaves, the batch's axis, what is no state."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest
import torch

from dynakit.errors import InputError
from dynakit.systems.steps import state_tree
from dynakit.systems.steps.state_tree import BATCHES, Layout


class Spiking(NamedTuple):
    z: object
    v: object


@dataclasses.dataclass
class Fields:
    h: object
    trace: object = None


def layout(make, **kwargs):
    return Layout(*map(make, BATCHES), **kwargs)


def whole(n, *shape, start=0.0):
    """Numbers that are all different, (n, *shape)."""
    size = torch.Size((n, *shape))
    return start + torch.arange(size.numel(), dtype=torch.float64).reshape(size)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda n: whole(n, 3), {"x": 3}),
        (lambda n: (whole(n, 3), whole(n, 2)), {"0": 3, "1": 2}),
        (lambda n: {"b": whole(n, 3), "a": [whole(n, 2), whole(n, 1)]}, {"b": 3, "a.0": 2, "a.1": 1}),
        (lambda n: Spiking(whole(n, 3), whole(1, 2, n)), {"z": 3, "v": 2}),
        (lambda n: Fields(whole(n, 3)), {"h": 3}),
        (lambda n: Fields(whole(n, 3), {"u": whole(n, 2, 2)}), {"h": 3, "trace.u": 4}),
        (lambda n: (whole(2, n, 3), None), {"0": 6}),
        (lambda n: torch.complex(whole(n, 3), whole(n, 3, start=0.5)), {"x.re": 3, "x.im": 3}),
    ],
)
def test_leaves_stand_side_by_side_in_their_order_and_come_back(make, parts):
    found = layout(make)
    assert {name: p.stop - p.start for name, p in found.parts.items()} == parts
    assert [p.start for p in found.parts.values()] == [sum(list(parts.values())[:k]) for k in range(len(parts))]
    tree, x = make(4), torch.randn(4, found.size, dtype=torch.float64)
    assert torch.equal(found.flat(found.taken(x), 4), x)
    back = state_tree.leaves(found.taken(found.flat(tree, 4)))
    for (path, value), (name, given) in zip(back, state_tree.leaves(tree), strict=True):
        assert path == name
        assert torch.equal(value, given)


def test_layers_of_a_leaf_stand_one_after_another():
    flat = layout(lambda n: whole(2, n, 3)).flat(whole(2, 5, 3), 5)
    assert flat[0].tolist() == [0, 1, 2, 15, 16, 17]


def test_dictionaries_are_matched_by_key_not_by_order():
    found = layout(lambda n: {"a": whole(n, 2), "b": whole(n, 2, start=0.5)})
    other = {"b": whole(3, 2, start=0.5), "a": whole(3, 2)}
    assert torch.equal(found.flat(other, 3)[:, :2], whole(3, 2))
    assert not found.fits({"a": whole(3, 2), "c": whole(3, 2)}, 3)


def test_a_state_is_found_among_what_is_returned_outermost_first():
    found = layout(lambda n: (whole(n, 3), whole(n, 3)))
    h, c, y = whole(5, 3), whole(5, 3), whole(5, 3)
    assert [path for path, _ in found.within((y, (h, c)), 5)] == [("1",)]
    assert [path for path, _ in found.within((h, c), 5)] == [()]
    assert [path for path, _ in found.within({"y": y, "next": [h, c]}, 5)] == [("next",)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda n: (whole(n, 2), torch.zeros(n, 1, dtype=torch.int64)), "part '1' of the state is of torch.int64"),
        (lambda n: (whole(n, 2), torch.zeros(n, dtype=torch.bool)), "part '1' .* a counter or a flag"),
        (lambda n: whole(3, 2), "no one axis of the batch"),
        (lambda n: whole(n, n), "no one axis of the batch"),
        (lambda n: {str(k): whole(n, 2) for k in range(n)}, "another structure for another batch"),
        (lambda n: None, "no state is there"),
    ],
)
def test_what_is_no_state_is_refused_by_name(make, message):
    with pytest.raises(InputError, match=message):
        layout(make)


def test_names_are_those_that_are_given():
    make = lambda n: (whole(n, 3), whole(n, 2))  # noqa: E731
    assert list(layout(make, names=("h", "c")).parts) == ["h", "c"]
    with pytest.raises(InputError, match="must name the 2 parts of the state, got 1"):
        layout(make, names=("h",))


def test_flags_are_carried_as_numbers_where_that_is_allowed():
    found = layout(lambda n: (whole(n, 2), torch.arange(n).reshape(n, 1)), flags=True)
    x = torch.tensor([[0.5, 1.5, 3.0]], dtype=torch.float64)
    _, count = found.taken(x)
    assert count.dtype == torch.int64
    assert torch.equal(found.flat(found.taken(x), 1), x)


def test_a_state_that_grows_is_refused():
    found = layout(lambda n: {"k": whole(n, 1, 3)})
    with pytest.raises(InputError, match=r"part 'k' .* from \(4, 1, 3\) to \(4, 2, 3\): a state that grows"):
        found.flat({"k": whole(4, 2, 3)}, 4)
