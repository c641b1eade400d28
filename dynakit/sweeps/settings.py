"""What one run is: a task, a network, a way to train it, what is asked of it, and which of several alike it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from .. import checks
from ..errors import InputError
from ..pipeline import STAGES, as_drives, as_names
from ..tasks import TASKS, ArrayTask, Task, Trials
from ..training import BPTT, METHODS, Online, fit
from ..training import by_name as method_by_name
from .forms import written
from .identity import fields_of, name_of, named, seed_of
from .networks import Network, as_network, model_settings

OWN_AFFAIR = ("checkpoint", "checkpoint_every")  # of a method: each run keeps its own, where the sweep is kept


@dataclass(frozen=True)
class Analysis:
    """What :func:`dynakit.analyze` is asked of each network: ``Analysis(include=["fixed_points", "memory"])``.

    ``include`` names stages, those that they need run too; None: all; an empty list: none.  ``drives`` are the constant
    inputs to look at besides rest, names of ``task.drives`` or {name: (input,)}; None: all of them.
    """

    include: tuple[str, ...] | None = None
    drives: Any = None

    def __post_init__(self) -> None:
        if self.include is not None:
            object.__setattr__(self, "include", tuple(sorted(set(as_names(self.include, STAGES)))))

    def plain(self) -> dict[str, Any]:
        """Both settings as plain JSON."""
        drives = self.drives
        if isinstance(drives, Mapping):
            drives = {str(k): checks.reals(f"drives[{k!r}]", v, integers=True).tolist() for k, v in drives.items()}
        elif drives is not None:
            drives = sorted({drives} if isinstance(drives, str) else set(drives))
        return {"include": None if self.include is None else list(self.include), "drives": drives}


@dataclass(frozen=True, eq=False)
class Run:
    """One network: built, trained, analysed; one row of the table.

    Arguments:
        task: a Task, or its name and settings, ``"flip-flop:n_bits=2"`` or ``{"name": "flip-flop", "n_bits": 2}``.
        model: a :class:`Network`, or its name and settings in the same forms.
        training: settings such as ``dk.training.BPTT()``, or in the same forms; None: as :func:`dynakit.train` does.
        analysis: an :class:`Analysis`, or a dictionary of its settings.
        replicate: which of the networks that differ in their seeds only.
        name: of the block of the plan; of no consequence for what is done.

    Raises InputError for what cannot be used, naming the argument.

    >>> run = Run("flip-flop:n_bits=1", "gru:n_hidden=8", "bptt:max_updates=50")
    >>> run.id == Run({"name": "flip-flop", "n_bits": 1, "n_steps": 100}, Network("gru", n_hidden=8), run.training).id
    True
    """

    task: Any
    model: Any
    training: Any = None
    analysis: Any = field(default_factory=Analysis)
    replicate: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        model = _said("model", as_network, self.model)
        found = {
            "task": _said("task", as_task, self.task),
            "model": model,
            "training": _said("training", as_training, self.training, model),
            "analysis": _said("analysis", as_analysis, self.analysis),
            "replicate": checks.count("replicate", self.replicate, least=0),
        }
        if not isinstance(self.name, str):
            raise InputError(f"name must be a text, got {self.name!r}")
        for key, value in found.items():
            object.__setattr__(self, key, value)
        _said("analysis", as_drives, self.analysis.drives, self.task)

    def plain(self) -> dict[str, Any]:
        """All settings as plain JSON, defaults filled in; what is hashed."""
        return self._plain

    @cached_property
    def _plain(self) -> dict[str, Any]:
        return {
            "task": _task(self.task),
            "model": self.model.plain(),
            "training": _training(self.training),
            "analysis": self.analysis.plain(),
            "replicate": self.replicate,
        }

    @property
    def id(self) -> str:
        """The name of the run: 16 hexadecimal digits of the hash of its settings."""
        return self._id

    @cached_property
    def _id(self) -> str:
        return name_of(self._plain)

    def seed(self, purpose: str) -> int:
        """Of "weights", "training" or "analysis"."""
        return seed_of(self.id, purpose)

    def untrained(self) -> Any:
        """The network as it is before training."""
        return self.model.build(self.task, self.seed("weights"))


def _said(where: str, make: Any, *arguments: Any) -> Any:
    """What ``make`` makes; its sentence says of which part of a run it is."""
    try:
        return make(*arguments)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(where) else f"{where}: {text}") from None
    except TypeError as error:  # arguments that a constructor does not have
        raise InputError(f"{where}: {error}") from None


def as_task(value: Any) -> Task:
    """A task from its plain form, or made of the user's own trials."""
    if isinstance(value, Trials):
        value = ArrayTask(value)
    if isinstance(value, (str, Mapping)):
        name, settings = written("task", value, partial(known_settings, "task"))
        value = TASKS[name](**settings)
    if not isinstance(value, Task):
        raise InputError(f"task must be a Task, or its name and settings, got {checks.kind_of(value)}")
    if value.n_outputs is None:
        raise InputError("task has no targets, so that nothing can be trained on it")
    return value


def as_training(value: Any, model: Network) -> Any:
    """The settings of a way to train from their plain form."""
    if value is None:
        return Online() if model.learner else BPTT()
    if isinstance(value, (str, Mapping)):
        name, settings = written("training", value, partial(known_settings, "training"))
        return method_by_name(name)(**settings)
    if isinstance(value, type) or fit.dispatch(type(value)) is fit.dispatch(object):
        raise InputError(f"training must be settings such as dk.training.BPTT(), got {checks.kind_of(value)}")
    if getattr(value, "checkpoint", None) is not None:
        raise InputError("training: checkpoint is not to be given: each run keeps its own in the folder of the sweep")
    return value


def as_analysis(value: Any) -> Analysis:
    """What is asked, from a dictionary too."""
    if isinstance(value, Mapping):
        for key in value:
            checks.one_of("setting of analysis", key, [f.name for f in dataclasses.fields(Analysis)])
        return Analysis(**value)
    if not isinstance(value, Analysis):
        raise InputError(f"analysis must be a dk.sweeps.Analysis, got {checks.kind_of(value)}")
    return value


def known_settings(part: str, name: str) -> Mapping[str, str]:
    """The settings of the task, model or way to train of this name, with their annotations."""
    kinds = {
        "task": lambda name: _annotations(TASKS[checks.one_of("task", name, TASKS)]),
        "model": model_settings,
        "training": lambda name: _annotations(method_by_name(name)),
    }
    return _said(part, kinds[part], name)


def _annotations(cls: Any) -> dict[str, str]:
    return {f.name: str(f.type) for f in dataclasses.fields(cls) if f.init and f.name not in OWN_AFFAIR}


def _task(task: Task) -> dict[str, Any]:
    names = {cls: name for name, cls in TASKS.items()}
    said = {"name": names[type(task)]} if type(task) in names else named(type(task), "task")
    return {**said, **fields_of(task, "task")}


def _training(method: Any) -> dict[str, Any]:
    names = {cls: name for name, cls in METHODS.items()}
    said = {"name": names[type(method)]} if type(method) in names else named(type(method), "training")
    return {**said, **{k: v for k, v in fields_of(method, "training").items() if k not in OWN_AFFAIR}}
