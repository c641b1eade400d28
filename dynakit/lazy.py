"""Names of a package that are loaded on first use (PEP 562): what nobody asks for need not be imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def attach(
    package: str, names: dict[str, str], modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    ``names``: the names each module brings, apart by spaces; ``modules`` are themselves public.
    """
    source = {name: module for module, listed in names.items() for name in listed.split()}
    everything = sorted([*source, *modules])

    def find(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f".{name}", package)
        if name not in source:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{source[name]}", package), name)

    return find, lambda: everything, everything
