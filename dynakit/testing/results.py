"""The contract of a result: a frozen record that says what it holds, can be cut, compared and saved."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..provenance import with_provenance
from ..records import load_record, unsavable
from ..results import Result
from .contract import Broken, Contract, Unasked, hold


@with_provenance
def check_result(result: Any) -> Contract:
    """Hold a result of your own to what readers, plots and reports take for granted.

    One line in your tests, best with a result of two or more items.  Every clause is tried: ``frozen`` (no field can be
    set, no array written into), ``lengths`` (fields marked ``per_item`` are arrays of one length), ``items`` (chosen by
    slice, list and mask as in NumPy), ``equality`` (by value), ``headline`` (an answer in one line), ``table``
    (columns of one length, also as CSV and HTML), ``documented`` (every field under "Attributes:", arrays with their
    shape), ``saving`` (comes back the same, in the same bytes twice), ``provenance`` (the call that made it).

    Args:
        result: an instance of a class that descends from ``dynakit.results.Result``.

    Returns:
        What was checked, and what was not asked, with the reason.

    Raises:
        ContractError: an AssertionError with one sentence for each clause that is broken, also in its ``failures``.
        InputError: ``result`` is no Result.

    >>> import dynakit as dk
    >>> dk.testing.check_result(dk.find_fixed_points(dk.catalog.tanh_unit(2.0)))
    Contract(FixedPoints: 9 clauses kept)
    """
    checks.of_kind("result", result, Result)
    return hold(type(result).__name__, CLAUSES, result)


def _values(result: Result) -> dict[str, Any]:
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}


def _per_item(result: Result) -> dict[str, Any]:
    """The fields that run along the items."""
    marked = [field.name for field in dataclasses.fields(result) if field.metadata.get("per_item")]
    if not marked:
        raise Unasked("the result has no items")
    return {name: getattr(result, name) for name in marked}


def frozen(result: Result) -> None:
    first = dataclasses.fields(result)[0].name
    try:
        setattr(result, first, getattr(result, first))
    except dataclasses.FrozenInstanceError:
        pass
    else:
        raise Broken("a result must be a frozen dataclass, but its fields can be set")
    loose = [name for name, value in _values(result).items() if isinstance(value, np.ndarray) and value.flags.writeable]
    if loose:
        raise Broken(f"array {loose[0]} can be written into; a __post_init__ of your own must call super's")


def lengths(result: Result) -> None:
    shapes = {name: np.shape(value) for name, value in _per_item(result).items()}
    if any(shape[:1] != (len(result),) for shape in shapes.values()):
        raise Broken(f"fields marked per_item must be arrays along its {len(result)} items, got shapes {shapes}")


def items(result: Result) -> None:
    n, fields = len(result), _per_item(result)
    if any(np.shape(value)[:1] != (n,) for value in fields.values()):
        raise Unasked("the fields marked per_item are no arrays of one length")
    even = np.arange(n) % 2 == 0
    asked = {"[::-1]": slice(None, None, -1), "[:1]": slice(1), "of a mask": even, "of a list": list(range(n))[::-1]}
    for how, index in asked.items():
        chosen = result[index]
        if type(chosen) is not type(result):
            raise Broken(f"items {how} must be a {type(result).__name__} again, got a {type(chosen).__name__}")
        for name, value in fields.items():
            rows = index if n or isinstance(index, slice) else np.arange(0)
            if not _equal(getattr(chosen, name), np.asarray(value)[rows]):
                raise Broken(f"items {how} do not have the {name} of those items")


def _equal(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())  # NaN is as NaN


def equality(result: Result) -> None:
    if result != dataclasses.replace(result):
        raise Broken("a result must equal another of the same values")
    if len(result) and result == result[:0]:
        raise Broken("a result must not equal the same without its items")


def headline(result: Result) -> None:
    said = repr(result)
    if "\n" in said or len(said) <= len(f"{type(result).__name__}()"):
        raise Broken(f"repr must state the answer in one line, got {said!r}")


def table(result: Result) -> None:
    columns = result.table()
    sizes = {np.shape(column) for column in columns.values()}
    if len(sizes) > 1 or any(len(size) != 1 for size in sizes):
        raise Broken(f"columns of the table must be of one length, got {sizes}")
    rows = list(csv.reader(io.StringIO(result.to_csv())))
    if columns and (rows[0] != list(columns) or len(rows) != 1 + len(next(iter(columns.values())))):
        raise Broken("to_csv must give a head and one line for each row of the table")
    if not isinstance(result._repr_html_(), str):
        raise Broken("_repr_html_ must give text")


def documented(result: Result) -> None:
    wrong = undescribed(type(result))
    if wrong:
        raise Broken(wrong[0])


def undescribed(cls: type) -> list[str]:
    """What "Attributes:" of a class of results and of its parents does not say, a sentence for each field."""
    said, wrong = _described(cls), []
    for field in dataclasses.fields(cls):
        match = re.match(r"(\([^()]*(?:\([^()]*\)[^()]*)*\))?(.*)", said.get(field.name, ""))
        shape, words = match.groups() if match else (None, "")
        array = "ndarray" in str(field.type) and "tuple" not in str(field.type)
        if not re.search(r"[^\W\d_]{2,}", words) or "TODO" in words:
            wrong.append(f'{cls.__name__}.{field.name} is not described under "Attributes:"')
        elif array and not shape:
            wrong.append(f'{cls.__name__}.{field.name} is an array without a shape under "Attributes:"')
    return wrong


def _described(cls: type) -> dict[str, str]:
    """The text of each field under "Attributes:" of a class and of those it descends from."""
    found: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        text = inspect.cleandoc(vars(parent).get("__doc__") or "")
        _, _, section = text.partition("Attributes:\n")
        for entry in re.split(r"\n(?=    \w)", "\n" + section.split("\n\n")[0]):
            names, colon, words = entry.partition(":")
            if colon and "\n        " not in names:
                found |= {name.strip(): " ".join(words.split()) for name in names.split(",")}
    return found


def saving(result: Result) -> None:
    reason = unsavable(result)
    if reason:
        raise Broken(reason)
    with tempfile.TemporaryDirectory() as folder:
        first, again = Path(folder, "first"), Path(folder, "again")
        result.save(first)
        back = load_record(first)
        if type(back) is not type(result) or back != result:
            raise Broken(f"saved and loaded, {result!r} is {back!r}, or has other values")
        result.save(again)
        if any(path.read_bytes() != Path(again, path.name).read_bytes() for path in first.glob("results*")):
            raise Broken("saved twice, it is not the same bytes")


def provenance(result: Result) -> None:
    if result.provenance is None:
        raise Unasked("it was made by hand; what is made under @with_provenance knows its call")
    if not result.provenance.dynakit or not result.provenance.torch:
        raise Broken("its provenance must name the versions; @with_provenance writes it")


CLAUSES: dict[str, Callable[[Result], None]] = {
    clause.__name__: clause
    for clause in (frozen, lengths, items, equality, headline, table, documented, saving, provenance)
}
