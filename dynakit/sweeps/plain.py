"""Values as JSON can say them: strictly, the same bytes for the same values, and back again.

JSON has no NaN and no infinity: such a number becomes null, and a list beside it says where it was and what.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from ..errors import InputError


def plain(value: Any, name: str) -> Any:
    """A value of plain types, NumPy's numbers and arrays among them, as JSON gives it back; non-finite ones stay."""
    if isinstance(value, bool | int | float | str | None):
        return value if type(value) in (bool, int, float, str, type(None)) else _base(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist(), name)
    if isinstance(value, dict):
        return {str(key): plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, name) for item in value]
    raise InputError(f"{name} must be a number, a text, a list or a dict of them, got a {type(value).__name__}")


def _base(value: Any) -> Any:
    """A value of a subclass, such as NumPy's float64, as its base."""
    return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))


def text(content: dict[str, Any]) -> bytes:
    """One line of strict JSON, in the order of the keys."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def strict(value: Any) -> tuple[Any, list[list[Any]]]:
    """The value with null for what is not finite, and [where, what] of each of these."""
    found: list[list[Any]] = []

    def go(item: Any, where: list[Any]) -> Any:
        if isinstance(item, float) and not math.isfinite(item):
            found.append([where, repr(item)])
            return None
        if isinstance(item, dict):
            return {key: go(part, [*where, key]) for key, part in item.items()}
        return [go(part, [*where, k]) for k, part in enumerate(item)] if isinstance(item, list) else item

    return go(value, []), sorted(found, key=str)


def loose(value: Any, found: list[list[Any]]) -> Any:
    """What :func:`strict` was given."""
    for where, what in found:
        holder = value
        for key in where[:-1]:
            holder = holder[key]
        holder[where[-1]] = float(what)
    return value


def seal(content: dict[str, Any]) -> bytes:
    """The text of a record, with a hash of all it says."""
    return text({**content, "sha256": hashlib.sha256(text(content)).hexdigest()}) + b"\n"


def unseal(data: bytes) -> dict[str, Any]:
    """What :func:`seal` was given; ValueError if it was changed or cut off."""
    content = json.loads(data)
    if not isinstance(content, dict) or "sha256" not in content:
        raise ValueError("it carries no hash of its own")
    said = content.pop("sha256")
    if said != hashlib.sha256(text(content)).hexdigest():
        raise ValueError("what it says is not what its own hash was taken of")
    return content
