"""Names of a package that are loaded on first use (PEP 562): what nobody asks for need not be imported.

The one list of the names is the stub beside the package's ``__init__.py``, which type checkers read as well.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package, from ``__init__.pyi`` beside its ``file``.

    The stub holds lines ``from .module import name as name``, and ``from . import module as module`` for modules that
    are themselves public.
    """
    source = {}
    for node in ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            source |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
    everything = sorted(source)

    def find(name: str) -> Any:
        if name not in source:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, own = source[name]
        if not module:
            return importlib.import_module(f".{own}", package)
        return getattr(importlib.import_module(f".{module}", package), own)

    return find, lambda: everything, everything
