"""How a network is built anew for each run: a class of this package by its name, or a function of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from .. import checks
from ..errors import InputError
from ..models import LEARNERS, MODELS, Learner, RecurrentModel, by_name
from ..tasks import Task
from .forms import written
from .identity import named, plain

SIZES = ("n_inputs", "n_outputs", "code_size", "seed")  # what the task says, and the run
N_HIDDEN = inspect.signature(RecurrentModel.for_task).parameters["n_hidden"].default


class Network:
    """A network that is built anew for each run: ``Network("elman", n_hidden=32, activation="tanh")``.

    Arguments:
        kind: a name or a class of :mod:`dynakit.models`; or a function ``build(task, seed=..., **settings)`` at the top
            of a module, that returns a network for a task.
        settings: of the class, or of the function; those left out have their defaults.

    Raises InputError for an unknown name or setting, with the nearest one.

    >>> Network("gru", n_hidden=8).settings["reset"]
    'after'
    """

    def __init__(self, kind: Any, **settings: Any) -> None:
        self.kind = by_name(kind) if isinstance(kind, str) else kind
        self.name, known, free = _described(self.kind)
        if not free:
            for key in settings:
                checks.one_of(f"setting of {self.name}", key, known)
        lacking = [key for key, default in known.items() if default is inspect.Parameter.empty and key not in settings]
        if lacking:
            raise InputError(f"model {self.name} needs {', '.join(lacking)}")
        self.settings = {**known, **settings}

    def build(self, task: Task, seed: int) -> Any:
        """The network of this seed, of the sizes of the task."""
        if isinstance(self.kind, type):
            return self.kind.for_task(task, seed=seed, **self.settings)
        return self.kind(task, seed=seed, **self.settings)

    @property
    def learner(self) -> bool:
        """Whether it learns a stream by itself."""
        return isinstance(self.kind, type) and issubclass(self.kind, Learner)

    def plain(self) -> dict[str, Any]:
        """Name and settings as plain JSON."""
        said = {"name": self.name} if isinstance(self.kind, type) else named(self.kind, "model")
        return {**said, **{key: plain(value, f"model.{key}") for key, value in self.settings.items()}}

    def __repr__(self) -> str:
        return f"Network({', '.join([repr(self.name), *(f'{k}={v!r}' for k, v in self.settings.items())])})"


def _described(kind: Any) -> tuple[str, dict[str, Any], bool]:
    """The name of what builds a network, its settings with their defaults, and whether it takes any others."""
    names = {cls: name for name, cls in {**MODELS, **LEARNERS}.items()}
    if isinstance(kind, type) and kind in names:
        parameters = inspect.signature(kind).parameters
        usual = {"n_hidden": N_HIDDEN} if issubclass(kind, RecurrentModel) else {}
        return names[kind], *_settings(parameters, SIZES, usual)
    if inspect.isfunction(kind):
        parameters = inspect.signature(kind).parameters
        if "seed" not in parameters:
            raise InputError(f"model {kind.__name__} must be a function of (task, seed, ...), got one without seed")
        return named(kind, "model")["is"], *_settings(parameters, (next(iter(parameters)), "seed"), {})
    if isinstance(kind, type):
        raise InputError(
            f"model must be a class of dynakit.models or a function that builds networks, got {checks.kind_of(kind)}: "
            "write a function (task, seed, ...) that returns one"
        )
    raise InputError(
        f"model must say how a network is built (see dk.sweeps.Network), got {checks.kind_of(kind)}: each run builds "
        "its own"
    )


def _settings(
    parameters: Mapping[str, inspect.Parameter], without: tuple[str, ...], usual: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Names and defaults of all parameters but some, and whether there is room for any others."""
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    listed = [p for p in parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    found = {p.name: p.default for p in listed if p.name not in without}
    return {name: usual.get(name, default) for name, default in found.items()}, free


def as_network(value: Any) -> Network:
    """A network from its plain form: its name, ``"gru:n_hidden=32"``, a dictionary, a class or a function."""
    if isinstance(value, Network):
        return value
    if isinstance(value, (str, Mapping)):
        name, settings = written("model", value, model_settings)
        return Network(name, **settings)
    return Network(value)


def model_settings(name: str) -> dict[str, str]:
    """The settings of a class with their annotations; where it hands some on to another, those too."""
    kinds = [by_name(name)]
    kinds += [LEARNERS["tdnn"]] if kinds[0] is LEARNERS["tdsnn"] else []
    parameters = {key: p for kind in kinds for key, p in inspect.signature(kind).parameters.items()}
    return {key: str(p.annotation) for key, p in parameters.items() if key not in SIZES and key != "settings"}
