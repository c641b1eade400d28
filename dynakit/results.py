"""Results that speak: frozen records of NumPy arrays with a one-line answer, a table, and a way to disk.

A result is a frozen dataclass.  Fields marked with :func:`per_item` run along the items of the result (its
points, its conditions): ``len``, indexing by integer, slice or mask, and :meth:`Result.table` follow them.
Every record is saved as ``results.npz`` plus ``results.json`` and read back by :func:`load`.
"""

from __future__ import annotations

import csv
import dataclasses
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from . import artifacts
from .errors import ArtifactError, InputError
from .version import __version__

_RECORDS: dict[str, type[Record]] = {}


def per_item(**kwargs: Any) -> Any:
    """A dataclass field whose first axis runs along the items of the result."""
    return field(metadata={"per_item": True}, **kwargs)


class Record:
    """Anything that can be written to disk and read back: subclasses are frozen dataclasses."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__eq__ = Record.__eq__  # a dataclass would compare arrays by ==, which has no one truth
        _RECORDS[cls.__name__] = cls

    def __eq__(self, other: object) -> bool:
        """Same type and same values; NaN equals NaN."""
        return isinstance(other, Record) and type(self) is type(other) and _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Provenance(Record):
    """Where a result comes from."""

    dynakit: str = __version__
    torch: str = ""
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    weights: str = ""  # SHA-256 of the weights analysed; empty for a plain callable

    @classmethod
    def of(cls, system: Any = None, *, seed: int | None = None, **settings: Any) -> Provenance:
        """The provenance of a result computed from ``system`` with these settings."""
        import torch

        weights = getattr(system, "fingerprint", "") if system is not None else ""
        return cls(torch=torch.__version__, seed=seed, settings=settings, weights=weights)


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Record):
    """Base of all results."""

    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                frozen = value.view()
                frozen.flags.writeable = False
                object.__setattr__(self, f.name, frozen)

    @classmethod
    def _item_fields(cls) -> list[str]:
        return [f.name for f in dataclasses.fields(cls) if f.metadata.get("per_item")]

    def __len__(self) -> int:
        names = self._item_fields()
        return len(getattr(self, names[0])) if names else 0

    def __bool__(self) -> bool:
        return True  # a result without items is still an answer

    def __getitem__(self, index: Any) -> Self:
        """The items chosen by an integer, a slice, a list of integers or a boolean mask."""
        names = self._item_fields()
        if not names:
            raise InputError(f"a {type(self).__name__} has no items to index")
        if isinstance(index, (bool, np.bool_)):
            raise InputError(f"index must be an integer, a slice, a list or a mask, got {index!r}")
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"item {index} of a {type(self).__name__} with {len(self)} items")
            index = [int(index)]
        if not isinstance(index, slice):
            index = np.asarray(index)
            if index.size == 0 and index.dtype.kind == "f":  # an empty Python list
                index = index.astype(int)
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in names})

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def headline(self) -> str:
        """The answer in one line, without the class name."""
        return f"{len(self)} items"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.headline()})"

    def table(self) -> dict[str, np.ndarray]:
        """Columns that describe each item: every one-dimensional per-item field."""
        columns = {name: np.asarray(getattr(self, name)) for name in self._item_fields()}
        return {name: column for name, column in columns.items() if column.ndim == 1}

    def to_csv(self) -> str:
        """:meth:`table` as CSV text."""
        columns = self.table()
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
        return buffer.getvalue()

    def to_dataframe(self) -> Any:
        """:meth:`table` as a pandas DataFrame (needs the extra ``table``)."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_dataframe needs pandas: pip install 'dynakit[table]'") from None
        return pandas.DataFrame(self.table())

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(repr(self))}</b>{html_table(self.table())}"

    def save(self, path: str | Path) -> None:
        """Write the result into the folder ``path`` as ``results.npz`` and ``results.json``."""
        save_record(self, path)


def html_table(columns: dict[str, Any], most_rows: int = 40) -> str:
    """Columns as a small HTML table."""
    if not columns:
        return ""
    rows = list(zip(*columns.values()))
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row) + "</tr>"
        for row in rows[:most_rows]
    )
    more = f"<p>and {len(rows) - most_rows} more rows</p>" if len(rows) > most_rows else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def save_record(record: Record, path: str | Path) -> None:
    """Write any record into the folder ``path``; nothing is written if it cannot be."""
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(record, arrays)
    artifacts.save(Path(path), "results", "results", "npz", artifacts.npz_bytes(arrays), {"record": tree})


def load_record(path: str | Path) -> Any:
    """Read back what :func:`save_record` wrote; raises ArtifactError for anything else or anything damaged."""
    manifest, data = artifacts.load(Path(path), "results", "results", "npz")
    arrays = artifacts.read_npz(data, str(path))
    try:
        record = _decode(manifest["record"], arrays)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}/results.json does not describe a record this version knows: {error}"
        ) from None
    if not isinstance(record, Record):
        raise ArtifactError(f"{path}/results.json describes no record, but a {type(record).__name__}")
    return record


def _content(record: Record) -> tuple[Any, ...]:
    """What a file of the record would hold, comparable by ==."""
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(record, arrays)
    return tree, [(a.shape, a.dtype.str, a.tobytes()) for a in arrays.values()]


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"$": "float", "value": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
        return {"$": "tensor", "array": _store(value, arrays)}
    if isinstance(value, np.ndarray):
        return {"$": "array", "array": _store(value, arrays)}
    if isinstance(value, Record) and dataclasses.is_dataclass(value):
        fields = {
            f.name: _encode(getattr(value, f.name), arrays)
            for f in dataclasses.fields(value)
            if f.init and f.metadata.get("saved", True)
        }
        return {"$": "record", "type": type(value).__name__, "fields": fields}
    if isinstance(value, dict):
        return {"$": "dict", "items": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"$": type(value).__name__, "items": [_encode(v, arrays) for v in value]}
    raise TypeError(f"a {type(value).__name__} cannot be saved in a record")


def _store(array: np.ndarray, arrays: dict[str, np.ndarray]) -> str:
    if array.dtype.kind not in "biufcU":
        raise TypeError(f"an array of dtype {array.dtype} cannot be saved without pickle")
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("a masked array cannot be saved, because its mask would be lost")
    name = f"a{len(arrays)}"
    arrays[name] = array
    return name


def _decode(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(tree, dict):
        return tree
    kind = tree["$"]
    if kind == "float":
        return float(tree["value"])
    if kind == "array":
        return arrays[tree["array"]]
    if kind == "tensor":
        import torch

        return torch.from_numpy(arrays[tree["array"]])
    if kind == "record":
        fields = {name: _decode(v, arrays) for name, v in tree["fields"].items()}
        return _RECORDS[tree["type"]](**fields)
    if kind == "dict":
        return {_decode(k, arrays): _decode(v, arrays) for k, v in tree["items"]}
    return (list if kind == "list" else tuple)(_decode(v, arrays) for v in tree["items"])


@dataclass(frozen=True, kw_only=True, repr=False)
class History(Result):
    """How a training run went, one entry per update."""

    losses: np.ndarray = per_item()  # (update,)  loss on that update's fresh batch, before the step
    scores: np.ndarray = per_item()  # (update,)  score of the same batch, 0..1, before the step
    seconds: np.ndarray = per_item()  # (update,)  wall time since the start
    learning_rates: np.ndarray = per_item()  # (update,)
    n_rollbacks: int = 0  # times the non-finite guard restored earlier weights and halved the rate
    stopped: str = ""  # why the run ended
    condition: float | None = None  # of the normal equations, where the weights were solved for

    def headline(self) -> str:
        if not len(self):
            return "no updates"
        return (
            f"{len(self)} updates in {self.seconds[-1]:.1f} s, loss {self.losses[0]:.3g} -> {self.losses[-1]:.3g}, "
            f"score {self.scores[-1]:.4f}, {self.stopped}"
        )
