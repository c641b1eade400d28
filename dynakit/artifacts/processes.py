"""Which process was it, and does it still run?  Its number alone is given out again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform


@functools.cache
def host() -> str:
    """This machine, as far and as long as its process numbers reach: a name, and a hash of its start and container."""
    reach = platform.node()
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        reach += file.read()
    with contextlib.suppress(OSError):
        reach += os.readlink("/proc/self/ns/pid")
    return f"{platform.node()}:{hashlib.sha256(reach.encode()).hexdigest()[:8]}"


def beginning(pid: int) -> str | None:
    """When a process of this machine began: with its number that names it for good.

    None if it has ended, also where it only waits for its parent to take note (a zombie); "" where it may run but the
    system does not tell.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return "" if _there(pid) else None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode()


def _there(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # a process of another user's
    return True
