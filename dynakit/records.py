"""Frozen records of arrays and plain values, and their way to disk: arrays in an npz, all else in ``results.json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from . import artifacts, checks
from .declared import misfit
from .errors import ArtifactError

_RECORDS: dict[str, type[Record]] = {}


class Record:
    """Anything that can be written to disk and read back: subclasses are frozen dataclasses.

    ``since`` is the format of artefacts in which the fields of a class got the meaning they have.  A field with
    ``metadata={"spare": True}`` may be lost: if it cannot be read, it is None and ``without`` is told the reason.
    """

    since: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__eq__ = Record.__eq__  # a dataclass would compare arrays by ==, which has no one truth
        _RECORDS[_name(cls)] = cls

    def __eq__(self, other: object) -> bool:
        """Same type and same values; NaN equals NaN."""
        return isinstance(other, Record) and type(self) is type(other) and _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment]

    def without(self, name: str, reason: str) -> Any:
        """The record without one of its spare fields, and the reason why."""
        raise NotImplementedError


class Saved(NamedTuple):
    """What was read from a folder of results."""

    record: Any
    header: dict[str, Any]  # what the manifest says
    parts: dict[str, bytes]  # what lies beside the arrays, by label


def artifact(
    record: Record, header: Mapping[str, Any] | None = None, **parts: tuple[str, bytes]
) -> artifacts.Artifact:
    """A record as it is saved, with suffix and content of what goes with it; TypeError if it could not come back."""
    arrays: dict[str, np.ndarray] = {}
    said = {"record": _encode(record, arrays), **(header or {})}
    _refuse_misfits(record)
    return artifacts.Artifact("results", "results", said, {"": ("npz", artifacts.npz_bytes(arrays)), **parts})


def save_record(record: Record, path: str | Path) -> None:
    """Write any record into the folder ``path``; nothing is written if it cannot be."""
    artifacts.save(checks.folder("path", path), artifact(record))


def unsavable(record: Any) -> str:
    """Why something cannot be saved, in words; empty if it can."""
    try:
        _encode(record, {})
        _refuse_misfits(record)
    except TypeError as reason:
        return str(reason)
    return ""


def load_record(path: str | Path) -> Any:
    """Read back what :func:`save_record` wrote; raises ArtifactError for anything else or anything damaged."""
    return read_saved(path).record


def read_saved(path: str | Path) -> Saved:
    """A record from its folder, and what was saved with it; ArtifactError as for :func:`load_record`."""
    manifest, parts = artifacts.load(checks.folder("path", path), "results", "results")
    tree, where = manifest.content.get("record"), f"{path}/results.json"
    arrays = artifacts.read_npz(parts.pop("", b""), str(path), packed=manifest.version < 3)
    _refuse_older(tree, manifest.version, path)
    try:
        _compare(tree, arrays, once=manifest.version > 2)
        record = _decode(tree, arrays)
    except Exception as error:  # constructors raise whatever the values of a changed file make them raise
        raise ArtifactError(f"{where} does not describe a record this version knows: {error}") from None
    if not isinstance(record, Record):
        raise ArtifactError(f"{where} describes no record, but a {type(record).__name__}")
    return Saved(record, manifest.content, parts)


def _name(cls: type[Record]) -> str:
    """The name of a class in a manifest: for those of a user with its module, so that it cannot stand for ours."""
    return cls.__name__ if cls.__module__.startswith("dynakit.") else f"{cls.__module__}.{cls.__qualname__}"


def _refuse_older(tree: Any, version: int, path: str | Path) -> None:
    """Raise ArtifactError where a record was saved when its fields meant something else."""
    name = tree.get("type") if isinstance(tree, dict) else None
    since = _RECORDS[name].since if isinstance(name, str) and name in _RECORDS else 1
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
        return {"$": "tensor", **_store(value.detach().cpu().numpy(), arrays)}
    if isinstance(value, np.ndarray):
        return {"$": "array", **_store(value, arrays)}
    if isinstance(value, Record) and dataclasses.is_dataclass(value):
        fields = {name: _encode(field, arrays) for name, field in _fields(value).items()}
        return {"$": "record", "type": _name(type(value)), "fields": fields}
    if isinstance(value, dict):
        return {"$": "dict", "items": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {
            "$": "list" if isinstance(value, list) else "tuple",
            "items": [_encode(v, arrays) for v in value],
        }
    raise TypeError(f"a {type(value).__name__} cannot be saved in a record")


def _fields(record: Any) -> dict[str, Any]:
    saved = (f for f in dataclasses.fields(record) if f.init and f.metadata.get("saved", True))
    return {f.name: getattr(record, f.name) for f in saved}


def _refuse_misfits(value: Any) -> None:
    """Raise TypeError where a field is not what it is declared to be, which could not be read back."""
    if isinstance(value, Record) and dataclasses.is_dataclass(value):
        value = _fields(record := value)
        if reason := misfit(type(record), value, _RECORDS):
            raise TypeError(f"a {type(record).__name__} cannot be saved in a record: {reason}")
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_misfits(item)


def _store(array: np.ndarray, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    if array.dtype.kind not in "biufcU":
        raise TypeError(f"an array of dtype {array.dtype} cannot be saved without pickle")
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("a masked array cannot be saved, because its mask would be lost")
    name = f"a{len(arrays)}"
    arrays[name] = array
    return {"array": name, "dtype": array.dtype.str, "shape": list(array.shape)}


def _compare(tree: Any, arrays: dict[str, np.ndarray], *, once: bool) -> None:
    """Raise ValueError unless each array is named (``once``), and is of the type and shape that is said there."""
    named: list[str] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict) and "array" in node and node.get("$") in ("array", "tensor"):
            name = node["array"]
            named.append(name)
            array = arrays[name]
            said = node.get("dtype", array.dtype.str), node.get("shape", list(array.shape))
            if said != (array.dtype.str, list(array.shape)):
                raise ValueError(
                    f"array {name} is {array.dtype.str} of shape {array.shape}, not {said[0]} of {said[1]}"
                )
        elif isinstance(node, (dict, list)):
            pending += node.values() if isinstance(node, dict) else node
    if sorted(named if once else {*named}) != sorted(arrays):
        raise ValueError("its arrays are not those of the archive, each once")


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
        return _decode_record(tree, arrays)
    if kind == "dict":
        return {_decode(k, arrays): _decode(v, arrays) for k, v in tree["items"]}
    return {"list": list, "tuple": tuple}[kind](_decode(v, arrays) for v in tree["items"])


def _decode_record(tree: dict[str, Any], arrays: dict[str, np.ndarray]) -> Record:
    name = tree["type"]
    if name not in _RECORDS:
        raise TypeError(f"there is no class {name} here; import it, or build it anew")
    cls, fields, lost = _RECORDS[name], {}, {}
    spare = {f.name for f in dataclasses.fields(cls) if f.metadata.get("spare")}  # type: ignore[arg-type]
    for field, value in tree["fields"].items():
        try:
            fields[field] = _decode(value, arrays)
        except Exception as reason:
            if field not in spare:
                raise
            lost[field] = f"the one saved cannot be read: {reason}"
    if reason := misfit(cls, fields, _RECORDS):
        raise ValueError(reason)
    record = cls(**fields)
    for field, said in lost.items():
        record = record.without(field, said)
    return record
