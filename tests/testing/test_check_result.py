"""Each clause of a result's contract finds what breaks it, and nothing else does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import dynakit as dk
from dynakit.provenance import Provenance, with_provenance
from dynakit.results import Result, per_item
from dynakit.testing.results import CLAUSES


@dataclass(frozen=True, kw_only=True, repr=False)
class Widths(Result):
    """How wide some intervals are.

    Attributes:
        widths: (interval,) in units of the state
        ends: (interval, 2)  where each begins and ends
        note: what else there is to say
    """

    widths: np.ndarray = per_item()
    ends: np.ndarray = per_item()
    note: str = ""


@with_provenance
def find_widths(ends: Any, kind: Any = Widths, **more: Any) -> Widths:
    ends = np.asarray(ends, float)
    return kind(widths=ends[:, 1] - ends[:, 0], ends=ends, **more)


class Writable(Widths):
    def __post_init__(self):
        pass


class Thawed(Widths):
    __setattr__ = object.__setattr__


class Miscounted(Widths):
    def __len__(self):
        return 2


class Whole(Widths):
    def __getitem__(self, index):
        return super().__getitem__(index) if isinstance(index, slice) else self


class Sorted(Widths):
    def __getitem__(self, index):
        chosen = super().__getitem__(index)
        return dataclasses.replace(chosen, widths=np.sort(chosen.widths))


class Plain(Widths):
    def __getitem__(self, index):
        return self.widths[index]


class SameAsAll(Widths):
    pass


SameAsAll.__eq__ = lambda self, other: isinstance(other, Widths)


class TwoLines(Widths):
    def headline(self):
        return "wide\nwider"


class Silent(Widths):
    def headline(self):
        return ""


class Ragged(Widths):
    def table(self):
        return {"widths": self.widths, "first": self.widths[:1]}


class Bare(Widths):
    def to_csv(self):
        return "\n".join(super().to_csv().splitlines()[1:])


@dataclass(frozen=True, kw_only=True, repr=False)
class Unsaid(Widths):
    more: int = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Shapeless(Widths):
    """The same with weights.

    Attributes:
        weights: how much each counts
    """

    weights: np.ndarray | None = None


class Forgetful(Widths):
    def save(self, path):
        Result.save(dataclasses.replace(self, note=""), path)


ENDS = [[0.0, 1.0], [3.0, 3.5], [-1.0, 1.0]]


def by_hand(cls: type, **more: Any) -> Any:
    made = find_widths(ENDS)
    values = {"widths": made.widths.copy(), "ends": made.ends.copy(), "provenance": made.provenance}
    return cls(**{**values, **more})


CASES = {
    "an array that can be written into": ("frozen", lambda: by_hand(Writable), "array widths can be written into"),
    "fields that can be set": ("frozen", lambda: by_hand(Thawed), "its fields can be set"),
    "items that are counted wrongly": (
        "lengths",
        lambda: by_hand(Miscounted),
        r"along its 2 items, got shapes \{'widths': \(3,\), 'ends': \(3, 2\)\}",
    ),
    "an index without effect": ("items", lambda: by_hand(Whole), r"items of a mask do not have the widths"),
    "items out of order": ("items", lambda: by_hand(Sorted), r"items \[::-1\] do not have the widths of those items"),
    "items that are numbers": ("items", lambda: by_hand(Plain), "must be a Plain again, got a ndarray"),
    "equal to all": ("equality", lambda: by_hand(SameAsAll), "must not equal the same without its items"),
    "two lines": ("headline", lambda: by_hand(TwoLines), "repr must state the answer in one line"),
    "no answer": ("headline", lambda: by_hand(Silent), r"got 'Silent\(\)'"),
    "columns of two lengths": ("table", lambda: by_hand(Ragged), "columns of the table must be of one length"),
    "a table without a head": ("table", lambda: by_hand(Bare), "to_csv must give a head"),
    "a field without a word": ("documented", lambda: by_hand(Unsaid), "Unsaid.more is not described"),
    "an array without a shape": ("documented", lambda: by_hand(Shapeless), "Shapeless.weights is an array without"),
    "what cannot be saved": ("saving", lambda: by_hand(Widths, note=3), "note of a Widths must be str, got a int"),
    "what comes back another": ("saving", lambda: by_hand(Forgetful, note="wide"), ".* or has other values"),
    "a call without versions": (
        "provenance",
        lambda: by_hand(Widths, provenance=Provenance()),
        "its provenance must name the versions",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_clause_finds_what_breaks_it_and_no_other_does(name):
    clause, make, said = CASES[name]
    with pytest.raises(dk.ContractError, match=said) as caught:
        dk.testing.check_result(make())
    assert list(caught.value.failures) == [clause]


def test_every_clause_has_a_result_that_breaks_it():
    assert {clause for clause, _, _ in CASES.values()} == set(CLAUSES)


def test_what_is_right_keeps_every_clause():
    for ends in (ENDS, ENDS[:1], np.zeros((0, 2))):
        said = dk.testing.check_result(find_widths(ends))
        assert list(said.checked) == list(CLAUSES)
    assert dk.testing.check_result(said).skipped == {
        "lengths": "the result has no items",
        "items": "the result has no items",
    }
    assert list(dk.testing.check_result(by_hand(Widths, provenance=None)).skipped) == ["provenance"]


def test_fields_of_several_lengths_can_neither_be_cut_nor_saved():
    with pytest.raises(dk.ContractError, match="fields marked per_item must be arrays") as caught:
        dk.testing.check_result(by_hand(Widths, ends=np.zeros((2, 2))))
    assert set(caught.value.failures) == {"lengths", "saving"}


def test_what_is_no_result_is_refused():
    with pytest.raises(dk.InputError, match="result must be Result, got dict"):
        dk.testing.check_result({})
