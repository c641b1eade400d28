"""What besides arguments decides the bytes of a result: versions of the libraries, and the sources of this package."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from .version import __version__

WITHOUT = ("__main__.py", "bars.py", "plots", "testing")  # parts that no number comes from


@functools.cache
def versions() -> dict[str, str]:
    """The versions that a result is made with, by name."""
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy")}
    return {"dynakit": f"{__version__}, sources {sources()}", "python": platform.python_version(), **libraries}


@functools.cache
def sources() -> str:
    """A hash of the code of this package, as far as numbers come from it."""
    root = Path(__file__).resolve().parent
    files = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).parts[0] not in WITHOUT]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
