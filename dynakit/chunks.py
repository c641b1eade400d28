"""How much memory a call may take: one budget for what it holds on the way, and a refusal before what cannot fit.

What is made on the way to a result (Jacobians, distances, copies of states) is held in parts of at most ``BYTES``.  A
result that is itself larger than the memory the process may still have is refused before any of it is made: a system
that is out of memory ends processes without a word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ResourceError

BYTES = 64 * 2**20  # held at once of what is no result
SHARE = 0.75  # of the memory that is free: what one result may take
FLOAT = 8  # bytes of a float64; a complex number takes two


def at_once(each: float) -> int:
    """How many items fit the budget, ``each`` of so many bytes with all that is made of it; at least one."""
    return max(1, int(BYTES // max(1.0, each)))


def parts(n: int, each: float) -> Iterator[slice]:
    """The items 0..n in runs that fit the budget; one empty run where there are none."""
    some = at_once(each)
    return (slice(i, min(i + some, n)) for i in range(0, max(n, 1), some))


def rows(array: np.ndarray, copies: int = 4) -> Iterator[np.ndarray]:
    """The rows of an array (..., column) in their order, as float64 (row, column), so many copies of which fit."""
    each = copies * FLOAT * array[:1].size
    if array.ndim > 2 and each > BYTES:
        for item in array:
            yield from rows(item, copies)
        return
    for part in parts(len(array), each):
        yield array[part].reshape(-1, array.shape[-1]).astype(np.float64)


def mapped(function: Callable[..., Any], each: float, *rows: Any) -> Any:
    """``function(*rows)`` of tensors with one row per item, in parts: on the way an item takes ``each`` bytes."""
    n = len(rows[0])
    if n <= at_once(each):
        return function(*rows)
    whole = None
    for part in parts(n, each):
        made = function(*(one[part] for one in rows))
        whole = made.new_empty(n, *made.shape[1:]) if whole is None else whole
        whole[part] = made
    return whole


def gathered(n: int, made: Iterable[tuple[slice, dict[str, np.ndarray]]]) -> dict[str, Any]:
    """Arrays with one row for each of n items from those of their parts, which are never held all at once."""
    whole: dict[str, np.ndarray] = {}
    for part, arrays in made:
        if part == slice(0, n):
            return arrays
        for name, array in arrays.items():
            if name not in whole:
                whole[name] = np.empty((n, *array.shape[1:]), array.dtype)
            whole[name][part] = array
    return whole


def refuse_larger(what: str, n_bytes: float, remedy: str) -> None:
    """Raise ResourceError if ``what`` takes more bytes than one result may have; ``remedy`` is what to do instead."""
    if n_bytes <= BYTES:
        return
    most = SHARE * free()
    if n_bytes > most:
        raise ResourceError(f"{what} would take {size(n_bytes)}, and {size(most)} may be used: {remedy}")


def size(n_bytes: float) -> str:
    """Bytes in words.

    >>> size(209_715_200_000), size(512)
    ('195 GiB', '0.0005 MiB')
    """
    unit, name = (2**30, "GiB") if n_bytes >= 2**30 else (2**20, "MiB")
    return f"{n_bytes / unit:.3g} {name}" if n_bytes >= 2**18 else f"{n_bytes / unit:.1g} {name}"


def free() -> float:
    """The memory in bytes that this process may still take, by all that limits it; infinite where none can be told."""
    return min(_of_machine(), _of_container(), _of_process())


def _of_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")  # all there is
    except (AttributeError, OSError, ValueError):
        return np.inf


def _of_container() -> float:
    """What the control group leaves, where there is one; files it has in memory can go (cgroup v2)."""
    try:
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        return float(max(0, most - used + int(stat.get("inactive_file", 0))))
    except (OSError, ValueError):
        return np.inf


def _of_process() -> float:
    """What the limit on addresses leaves (``ulimit -v``)."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most == resource.RLIM_INFINITY:
            return np.inf
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        return float(max(0, most - used))
    except (ImportError, OSError, ValueError):
        return np.inf
