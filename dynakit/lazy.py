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

    The stub holds lines ``from .module import name as name``, ``from . import module as module`` for modules that are
    themselves public, and ``from .module import *`` for all names in that module's ``__all__``.
    """
    source = _listed(Path(file).with_suffix(".pyi"))
    everything = sorted(source)

    def find(name: str) -> Any:
        if name not in source:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, own = source[name]
        if not module:
            return importlib.import_module(f".{own}", package)
        return getattr(importlib.import_module(f".{module}", package), own)

    return find, lambda: everything, everything


def _listed(stub: Path) -> dict[str, tuple[str, str]]:
    """The names of a stub, each with its module and its name there; nothing is imported."""
    found = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        for alias in node.names:
            names = _all(stub.parent / module) if alias.name == "*" else [alias.name]
            found |= {alias.asname or name: (module, name) for name in names}
    return found


def _all(module: Path) -> list[str]:
    """``__all__`` of a module file or of a package, read from its source."""
    stub, face = module / "__init__.pyi", module / "__init__.py"
    if stub.exists():
        return list(_listed(stub))
    source = face if face.exists() else module.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise AttributeError(f"{source} has no __all__")
