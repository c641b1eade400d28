"""Plans as TOML files: tables of settings, grids over them, and blocks that differ from each other.

    seeds = 50
    [task]
    name = "flip-flop"
    [model]
    name = "elman"
    n_hidden = 32
    [training]
    name = "bptt"
    stop_at_score = 0.998
    [grid]
    "task.n_bits" = [1, 2, 3, 4]

Each ``[block.NAME]`` says what is other than above, or than in the block that it is ``like``, and may have a grid of
its own; without blocks the plan is what stands above.  A thing of another name keeps those of the settings that it has
too.  TOML has no None: "none" stands for it.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from typing import Any

from .. import checks
from ..errors import InputError
from .settings import known_settings

PARTS = ("task", "model", "training", "analysis")
KEYS = (*PARTS, "grid", "seeds")


def runs(text: str, path: str) -> list[dict[str, Any]]:
    """The runs that the text of a file describes, as dictionaries."""
    try:
        top = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"plan {path} is no TOML: {error}") from None
    try:
        return [entry for name, block in _blocks(top).items() for entry in _entries(name, block)]
    except InputError as error:
        raise InputError(f"plan {path}: {error}") from None


def _blocks(top: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks by their names, each whole; one without a name where there are none."""
    _known(top, (*KEYS, "block"), "")
    blocks = _table(top.get("block", {}), "block")
    base = {key: value for key, value in top.items() if key != "block"}
    _check(base, "")
    for name, block in blocks.items():
        _table(block, f"block.{name}")
        _known(block, (*KEYS, "like"), f" of block.{name}")
        _check(block, f"block.{name}.")
    return {name: _whole(name, blocks, base, ()) for name in blocks} if blocks else {"": base}


def _whole(name: str, blocks: dict[str, Any], base: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    """A block with all that it inherits."""
    if name in above:
        raise InputError(f"blocks are like each other in a circle: {' -> '.join([*above, name])}")
    block = blocks[name]
    like = block.get("like")
    if like is not None:
        checks.one_of(f"block.{name}.like", like, blocks)
        base = _whole(like, blocks, base, (*above, name))
    return _over(base, {key: value for key, value in block.items() if key != "like"})


def _over(base: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    """Settings over others, table by table."""
    tables = {key: _merged(key, base.get(key), value) for key, value in block.items() if key in PARTS}
    return {**base, **block, **tables}


def _merged(part: str, before: Any, after: Any) -> Any:
    """A table over another; of a thing of another name it keeps those settings that both have."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    if "name" in after and after["name"] != before.get("name"):
        before = {key: value for key, value in before.items() if key in known_settings(part, after["name"])}
    return {**before, **after}


def _entries(name: str, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The runs of a block: one dictionary for each point of its grid."""
    where = f"block.{name}: " if name else ""
    for part in ("task", "model"):
        if part not in block:
            raise InputError(f"{where}{part} is not given")
    grid = block.get("grid", {})
    for values in itertools.product(*grid.values()):
        entry = {key: value for key, value in block.items() if key != "grid"}
        for axis, value in sorted(zip(grid, values), key=_rank):  # first what decides which settings there are
            entry = _set(entry, axis, value)
        yield {**entry, "name": name}


def _set(entry: dict[str, Any], axis: str, value: Any) -> dict[str, Any]:
    """The entry with one setting of a grid: "task.n_bits", or a whole part, "task"."""
    part, _, setting = axis.partition(".")
    if not setting:
        return {**entry, part: value}
    table = entry.get(part, {})
    if isinstance(table, str):
        raise InputError(f"grid {axis!r} needs {part} as a table, got the text {table!r}")
    return {**entry, part: _merged(part, table, {setting: value})}


def _rank(pair: tuple[str, Any]) -> int:
    return 2 if "." in pair[0] and not pair[0].endswith(".name") else "." in pair[0]


def _check(block: dict[str, Any], where: str) -> None:
    """Raise InputError for values that are of another kind than a plan has there."""
    for part in PARTS:
        if part in block and not isinstance(block[part], (dict, str) if part != "analysis" else dict):
            raise InputError(f"{where}{part} must be a table, as in [{where}{part}], got {block[part]!r}")
        if part != "analysis" and isinstance(block.get(part), dict) and "name" in block[part]:
            _text(f"{where}{part}.name", block[part]["name"])
            known = known_settings(part, block[part]["name"])
            for key in block[part]:
                checks.one_of(f"setting of {where}{part} {block[part]['name']}", key, ("name", *known))
    if "seeds" in block:
        checks.count(f"{where}seeds", block["seeds"])
    for axis, values in _table(block.get("grid", {}), f"{where}grid").items():
        checks.one_of(f"{where}grid: the part of {axis!r}", axis.partition(".")[0], PARTS)
        if axis.endswith("."):
            raise InputError(f"{where}grid: {axis!r} must say of which setting, as in {axis + 'name'!r}")
        if not isinstance(values, list) or not values:
            raise InputError(f"{where}grid: {axis!r} must be a list of at least one value, got {values!r}")
        if axis.endswith(".name"):
            for value in values:
                _text(f"{where}grid: {axis!r}", value)


def _text(where: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InputError(f"{where} must be a text, got {value!r}")


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} must be a table, got {value!r}")
    return value


def _known(table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        checks.one_of(f"key{where}", key, known)
