"""Settings and results of many runs as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NAMES = ("task.name", "model.name", "training.name")  # columns even where they are the same in all runs


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table of tables as one, its keys joined by dots.

    >>> flat({"task": {"name": "xor", "gap": [5, 9]}, "replicate": 0})
    {'task.name': 'xor', 'task.gap': [5, 9], 'replicate': 0}
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Flat settings in which what is of a user's own has its place in the code for a name."""
    found = {key: value for key, value in settings.items() if key.rpartition(".")[2] != "code"}
    return {f"{key[:-3]}.name" if key.endswith(".is") else key: value for key, value in found.items()}


def differing(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of flat settings the names, and those that are not the same in all runs that have them; "name" is the block's."""
    keys = dict.fromkeys(key for row in settings for key in row)
    kept = [key for key in keys if key in NAMES or len({_text(row[key]) for row in settings if key in row}) > 1]
    named = any(row.get("name") for row in settings)
    kept = [*["name"] * named, *(key for key in kept if key != "name")]
    return [{"block" if key == "name" else key: row.get(key) for key in kept} for row in settings]


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """One array per key of any row; what a row lacks is NaN among numbers, and "" among texts."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: _column([row.get(key) for row in rows]) for key in keys}


def _column(values: list[Any]) -> np.ndarray:
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return np.array(values, dtype=bool)
    if all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in values):
        return np.array(values)
    if all(value is None or isinstance(value, (bool, int, float, np.number)) for value in values):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array(["" if value is None else value if isinstance(value, str) else _text(value) for value in values])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
