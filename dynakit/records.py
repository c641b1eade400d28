"""Frozen records of arrays and plain values, and their way to disk: ``results.npz`` plus ``results.json``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from . import artifacts
from .errors import ArtifactError

_RECORDS: dict[str, type[Record]] = {}


class Record:
    """Anything that can be written to disk and read back: subclasses are frozen dataclasses.

    ``since`` is the format of artefacts in which the fields of a class got the meaning they have.
    """

    since: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__eq__ = Record.__eq__  # a dataclass would compare arrays by ==, which has no one truth
        _RECORDS[cls.__name__] = cls

    def __eq__(self, other: object) -> bool:
        """Same type and same values; NaN equals NaN."""
        return isinstance(other, Record) and type(self) is type(other) and _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment]


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
        _refuse_older(manifest["record"], manifest["format_version"], path)
        record = _decode(manifest["record"], arrays)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}/results.json does not describe a record this version knows: {error}"
        ) from None
    if not isinstance(record, Record):
        raise ArtifactError(f"{path}/results.json describes no record, but a {type(record).__name__}")
    return record


def _refuse_older(tree: Any, version: int, path: str | Path) -> None:
    """Raise ArtifactError where a record was saved when its fields meant something else."""
    name = tree.get("type") if isinstance(tree, dict) else None
    since = _RECORDS[name].since if name in _RECORDS else 1
    if version < since:
        raise ArtifactError(
            f"{path} holds a {name} in format {version}, and what it says has changed since: compute it again, or read "
            f"it with the dynakit that saved it; this one reads a {name} from format {since} on"
        )


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
