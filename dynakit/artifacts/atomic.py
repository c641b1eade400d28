"""One file at a time: written under a name of its own, complete on disk, and only then put in its place.

A temporary name carries a stamp: machine, process, and a number drawn for each save.  So no two writers share one, and
what a killed process left behind is known by it and swept up by the next save.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from .processes import beginning

TEMPORARY = re.compile(r"\.(?P<file>.+)\.(?P<host>[0-9a-f]{8})-(?P<pid>\d{1,10})-[0-9a-f]{8}\.tmp")
STALE = 3600.0  # seconds after which a temporary file is a leftover, whoever may have begun it

_RUNNING: set[str] = set()  # stamps of the saves that this process is in the middle of


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


@contextlib.contextmanager
def stamped() -> Iterator[str]:
    """A stamp for one save, which counts as running until the block ends."""
    stamp = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    _RUNNING.add(stamp)
    try:
        yield stamp
    finally:
        _RUNNING.discard(stamp)


def running(temporary: Path, match: re.Match[str]) -> bool:
    """Whether the save that a temporary file belongs to may still go on."""
    pid = int(match["pid"])
    if match["host"] == _host() and pid == os.getpid():
        return temporary.name[len(match["file"]) + 2 : -len(".tmp")] in _RUNNING
    try:
        old = time.time() - os.lstat(temporary).st_mtime > STALE
        return not old and (match["host"] != _host() or beginning(pid) is not None)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def temporaries(folder: Path) -> list[tuple[Path, re.Match[str]]]:
    """The temporary files in a folder."""
    matches = ((folder / name, TEMPORARY.fullmatch(name)) for name in os.listdir(folder))
    return [(path, match) for path, match in matches if match]


def sweep(folder: Path) -> None:
    """Remove the temporary files of saves that ended before they were done."""
    for path, match in temporaries(folder):
        if not running(path, match):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a link, if it is there and lets itself be removed."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def stage(path: Path, data: bytes, stamp: str, like: Path | None = None) -> Path:
    """Write ``data`` beside ``path`` under a temporary name, complete on disk, with the mode of the file ``like``."""
    temporary = path.with_name(f".{path.name}.{stamp}.tmp")
    try:
        with open(temporary, "xb") as file:
            fill(file.fileno(), data)
        _take_mode(temporary, path if like is None else like)
    except BaseException:
        remove(temporary)
        raise
    return temporary


def fill(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, through to the disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _take_mode(path: Path, like: Path) -> None:
    with contextlib.suppress(OSError):
        mode = os.lstat(like).st_mode
        if stat.S_ISREG(mode):
            os.chmod(path, stat.S_IMODE(mode))


def put(temporary: Path, path: Path) -> None:
    """Put a staged file in its place in one step; a link there is replaced, not followed."""
    for _ in range(20 if os.name == "nt" else 0):  # Windows refuses while somebody reads the file
        with contextlib.suppress(PermissionError):
            return os.replace(temporary, path)
        time.sleep(0.05)
    return os.replace(temporary, path)


def sync(folder: Path) -> None:
    """Bring the names in a folder to disk, where platform and file system can."""
    if os.name != "nt":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def write_atomically(path: Path, data: bytes, *, like: Path | None = None) -> None:
    """Write ``data`` under ``path``, completely or not at all, with the mode of ``like`` or of what it replaces."""
    with stamped() as stamp:
        temporary = stage(Path(path), data, stamp, like)
        try:
            put(temporary, Path(path))
        except BaseException:
            remove(temporary)
            raise


def write_once(path: Path, data: bytes) -> bool:
    """Write ``data`` under ``path`` unless something is there: whether this was the one of several who did."""
    with stamped() as stamp:
        temporary = stage(Path(path), data, stamp)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            remove(temporary)
    return True
