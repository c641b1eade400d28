"""What may be compared: systems, whatever can be made one, and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..analysis import FixedPoints
from ..errors import InputError
from ..report import Report
from ..systems import ClosedLoop, System, as_system
from ..tasks import ArrayTask, Cycles, Task, Trials
from ..wording import counted

FEWEST = 2


@dataclass(frozen=True)
class NamedSystem:
    """One of those that are compared."""

    name: str
    system: System
    report: Report | None = None

    def at_rest(self, task: Task | None) -> System:
        """The system whose fixed points are looked at: of a network that goes on by itself, its closed loop."""
        return ClosedLoop(self.system) if isinstance(task, Cycles) else self.system

    def known_points(self, task: Task | None, drive: str) -> FixedPoints | None:
        """The fixed points under a drive that its report has found already, for this task."""
        report = self.report
        if report is None or report.task is None or report.task != task or report.fixed_points is None:
            return None
        return report.fixed_points.get(drive)


def as_networks(networks: Any) -> list[NamedSystem]:
    """Two or more networks with their names; InputError that says which one is none."""
    if isinstance(networks, Mapping):
        given = {str(name): item for name, item in networks.items()}
        if len(given) < len(networks):
            raise InputError(f"networks must have names that differ as texts, got {[*networks]}")
    elif isinstance(networks, Iterable) and not isinstance(networks, (str, bytes, Report)) and not _is_one(networks):
        given = {f"network {k + 1}": item for k, item in enumerate(networks)}
    else:
        raise InputError(
            "networks must be two or more systems, models or reports, in a list or by name, got "
            f"{checks.kind_of(networks)}"
        )
    if len(given) < FEWEST:
        raise InputError(f"networks must be two or more, to be compared, got {len(given)}")
    return [_network(name, item) for name, item in given.items()]


def _is_one(value: Any) -> bool:
    """Whether this is a network itself: some modules are lists of layers."""
    return isinstance(value, System) or hasattr(value, "parameters")


def _network(name: str, item: Any) -> NamedSystem:
    if isinstance(item, Report):
        if item.model is None:
            reason = item.skipped.get("model", "it holds none")
            raise InputError(f"networks[{name!r}] is a report without its network ({reason}); give the network")
        return NamedSystem(name, _adapted(name, item.model), item)
    return NamedSystem(name, _adapted(name, item))


def _adapted(name: str, item: Any) -> System:
    try:
        return as_system(item)
    except InputError as reason:
        raise InputError(f"networks[{name!r}] cannot be compared: {reason}") from None


def task_of(networks: list[NamedSystem], task: Any) -> Task | None:
    """The task all are looked at on: the one given, or that of the reports; its sizes are those of the networks."""
    if isinstance(task, Trials):
        task = ArrayTask(task)
    if task is not None and not isinstance(task, Task):
        raise InputError(f"task must be a Task, Trials or None, got {checks.kind_of(task)}")
    if task is None:
        task = _of_reports(networks)
    if task is None:
        return None
    for network in networks:
        if network.system.input_size != task.n_inputs:
            asked, takes = counted(task.n_inputs, "input"), network.system.input_size
            raise InputError(f"task has {asked}, but networks[{network.name!r}] takes {takes} ({network.system!r})")
    return task


def _of_reports(networks: list[NamedSystem]) -> Task | None:
    tasks = [n.report.task for n in networks if n.report is not None and n.report.task is not None]
    if any(other != tasks[0] for other in tasks):
        raise InputError("networks are reports on different tasks; pass the one to look at them on as task=")
    return tasks[0] if tasks else None


def readable(networks: list[NamedSystem], task: Task | None) -> bool:
    """Whether the task can read the readouts of all."""
    if task is None or isinstance(task, Cycles):
        return False
    return all(task.n_outputs in (None, network.system.output_size) for network in networks)


def same_size(networks: list[NamedSystem] | Any, method: str) -> None:
    """Raise InputError unless all states have one size."""
    sizes = {network.name: network.system.state_size for network in networks}
    if len(set(sizes.values())) > 1:
        (a, n), (b, m) = next((x, y) for x in sizes.items() for y in sizes.items() if x[1] != y[1])
        raise InputError(f"networks must have states of one size for method {method!r}, got {a!r} {n} and {b!r} {m}")


def same_dynamics(networks: list[NamedSystem] | Any, method: str) -> None:
    """Raise InputError where some are maps and some are flows, whose spectra cannot be compared."""
    flows = [network.system.flow() is not None for network in networks]
    if len(set(flows)) > 1:
        a, b = networks[int(np.argmin(flows))].name, networks[int(np.argmax(flows))].name
        raise InputError(f"networks must be all maps or all flows for method {method!r}; {a!r} is a map, {b!r} a flow")
