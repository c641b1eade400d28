"""A function of the user's own as a run of a sweep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from .. import checks
from ..errors import InputError
from .identity import code_of, name_of, plain, qualified

FOLDER = "folder"  # the parameter that is given the folder of the run


class Job:
    """One call of a function of your own as a run: ``Job(measure, {"kind": "gru", "seed": 3})``.

    Arguments:
        function: at the top of a module, where other processes find it.  It returns the row of the run, a dictionary of
            numbers and texts (lists of them too), or any other plain value, which becomes the row's ``value``.  If it
            has a parameter ``folder`` it is given the path of the run's own folder, to leave files in.
        arguments: those of the call, by name; those left out have their defaults.
        code: modules, or their names, whose source decides what the function does, besides its own module.
        name: of the block of the plan; of no consequence for what is done.

    The run is known by the name of the function, the arguments, and the hash of the source of its module and of
    ``code``: after a change of one of these it is another.  What a script or a notebook defines counts by its own
    source alone.  Raises InputError for arguments that do not fit, or cannot be told from others.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        code: Iterable[Any] = (),
        name: str = "",
    ) -> None:
        if not inspect.isfunction(function):
            raise InputError(f"function must be a function at the top of a module, got {checks.kind_of(function)}")
        self.function, self.name = function, name
        self.called = qualified(function, "function")
        self.arguments = self._bound({} if arguments is None else arguments)
        self.code = code_of([function, *([code] if isinstance(code, str) else code)], "code")

    def _bound(self, arguments: Any) -> dict[str, Any]:
        """All arguments of the call by name, defaults filled in, but the folder."""
        if not isinstance(arguments, Mapping):
            raise InputError(f"arguments must be a dictionary of those of {self.called}, got {arguments!r}")
        parameters = inspect.signature(self.function).parameters
        takes = [name for name in parameters if name != FOLDER]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            for key in arguments:
                checks.one_of(f"argument of {self.called}", key, takes)
        several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        known = {name: p.default for name, p in parameters.items() if name in takes and p.kind not in several}
        found = {**known, **arguments}
        if lacking := [name for name, value in found.items() if value is inspect.Parameter.empty]:
            raise InputError(f"arguments must have {', '.join(lacking)}, which {self.called} needs")
        return found

    def plain(self) -> dict[str, Any]:
        """What the call is, as plain JSON; what is hashed."""
        arguments = {name: plain(value, f"arguments[{name!r}]") for name, value in self.arguments.items()}
        return {"function": self.called, "code": self.code, "arguments": arguments}

    @property
    def id(self) -> str:
        """The name of the run: 16 hexadecimal digits of the hash of what the call is."""
        return self._id

    @cached_property
    def _id(self) -> str:
        return name_of(self.plain())

    def __call__(self, folder: Any) -> Any:
        """Call it, with the run's folder (a function that makes it) where it asks for one."""
        takes = FOLDER in inspect.signature(self.function).parameters
        return self.function(**self.arguments, **({FOLDER: folder()} if takes else {}))
