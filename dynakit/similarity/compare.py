"""Compare many networks: a look at each, a second look for the null, then all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import checks, seeding
from ..analysis import Distances
from ..analysis.distances import CHANCE
from ..errors import DynakitError, InputError
from ..progress import Callback, expect, going, interruptible
from ..provenance import with_provenance
from ..tasks import ArrayTask, Task, Trials
from .geometry import CCA, CKA, Procrustes
from .inputs import InputDSA
from .measure import Measure
from .members import NamedSystem, as_networks, readable, task_of
from .multipliers import Multipliers
from .operators import DSA
from .probe import Probe
from .topology import Topology

KINDS: tuple[type[Measure], ...] = (Procrustes, CKA, CCA, DSA, InputDSA, Multipliers, Topology)
METHODS = {kind.name: kind for kind in KINDS}
NOT_SEEN = "the call was ended before it was looked at"


@with_provenance
def compare_dynamics(
    networks: Any, task: Any = None, *, method: Any = "topology", seed: Any = 0, callback: Callback | None = None
) -> Distances:
    """Compare the dynamics of two or more networks.

    Arguments:
        networks: systems, models (anything :func:`dynakit.as_system` takes) or reports, in a list or by name.
        task: a Task, or Trials; None: that of the reports, or, for methods that look at fixed points, none: then those
            under zero input are compared, and have no names.
        method: "topology", "multipliers" or "dsa-inputs", which look at fixed points; "procrustes", "cka", "cca" or
            "dsa", which look at states on trials; or settings of :mod:`dynakit.similarity`.
        seed: of trials and searches.
        callback: called before each network with how many are done and {"total": of how many, "unit": "network"};
            StopIteration raised in it ends the call: the networks that are left have no distances.

    All networks see the same trials.  The null is the distance of each network from itself, seen a second time: on
    other trials (given ones: with another of them in the place of each; NaN where there are too few), or by a search
    with another seed; see ``Distances.null_is``.

    Returns:
        Distances; a network that has no fixed points, or runs away, has NaN in its row and column, with the reason.

    Raises:
        InputError: fewer than two networks, what is none, a task of another size, a method that needs one, or none of
            these methods.

    >>> import dynakit as dk
    >>> bits = {w: dk.catalog.tanh_network([[w, 0.0], [0.0, 2.0]]) for w in (1.5, 2.0, 0.5)}
    >>> dk.compare_dynamics(bits).classes.tolist()
    [0, 0, 1]
    """
    measure, given = as_measure(method), as_networks(networks)
    task = task_of(given, task)
    if task is None and measure.needs_trials:
        raise InputError(f"task must be given for method {measure.name!r}, which compares what networks do on trials")
    measure = measure.settled(given)
    looks: list[list[Any]] = [[], []]
    reasons: list[str] = []
    probes = _probes(task, measure, seed, readable(given, task))
    expect(len(given), "network")
    for k, network in enumerate(given):
        with interruptible("network"):
            if not going(k, "network", name=network.name):
                break
            seen = [_look(measure, network, probe) for probe in probes]
            reasons.append(seen[0] if isinstance(seen[0], str) else "")
            for kept, one in zip(looks, seen):
                kept.append(None if isinstance(one, str) else one)
    reasons += [NOT_SEEN] * (len(given) - len(reasons))
    return _distances(measure, given, looks, reasons)


def as_measure(method: Any) -> Measure:
    """The method of a name, or one that was given."""
    if isinstance(method, Measure):
        return method
    if not isinstance(method, str):
        raise InputError(f"method must be a name or settings of dk.similarity, got {checks.kind_of(method)}")
    return METHODS[checks.one_of("method", method, METHODS)]()


def _probes(task: Task | None, measure: Measure, seed: int, named: bool) -> list[Probe | None]:
    """The two ways in which all networks are looked at; None where there are no trials for the second."""
    other = int(seeding.stream(seed, "seen again").integers(2**31))
    if task is None:
        return [Probe(None, None, seed, True, named), Probe(None, None, other, False, named)]
    shown, again = _trials(task, measure, seed, other)
    there = [trials.until_the_longest() for trials in (shown, again) if trials is not None]
    n_rows = min(int(trials.lengths.sum()) for trials in there)
    first = Probe(task, there[0], seed, True, named, n_rows)
    return [first, Probe(task, there[1], other, False, named, n_rows) if again is not None else None]


def _trials(task: Task, measure: Measure, seed: int, other: int) -> tuple[Trials, Trials | None]:
    """Trials for both looks; of given ones all, and then in the place of each one of the others, with repetition."""
    if not isinstance(task, ArrayTask):
        return task.sample(measure.n_trials, seed=seed), task.sample(measure.n_trials, seed=other)
    n = len(task.trials)
    further = seeding.stream(other, "trials in the place of others").integers(1, max(n, 2), size=n)
    order = (np.arange(n) + further) % n
    unlike = order if measure.null_is == CHANCE else np.sort(order)  # a floor needs other trials, in whatever places
    other_ones = not measure.needs_trials or (unlike != np.arange(n)).any()
    return task.trials, task.trials[order] if other_ones else None


def _look(measure: Measure, network: NamedSystem, probe: Probe | None) -> Any:
    """What a method sees of a network, or the reason why it sees nothing."""
    if probe is None:
        return "there are no other trials"
    try:
        return measure.look(network, probe)
    except DynakitError as reason:
        return str(reason)


def _distances(
    measure: Measure, given: Sequence[NamedSystem], looks: Sequence[Sequence[Any]], reasons: Sequence[str]
) -> Distances:
    """The distances of those that were seen, and the places of the others."""
    n, there = len(given), np.flatnonzero(np.array(reasons) == "")
    seen, again = ([side[i] for i in there.tolist()] for side in looks)
    found = measure.compare(seen)
    empty = np.full(n, np.nan)

    def spread(values: Any, rest: Any) -> np.ndarray:
        whole = np.array(rest)
        whole[np.ix_(*[there] * np.ndim(values))] = values
        return whole

    square = np.full((n, n), np.nan)
    return Distances(
        names=np.array([network.name for network in given]),
        null=spread(measure.nulls(seen, again), empty),
        shifted=spread(measure.shifted(seen), empty),
        classes=np.full(n, -1) if found.classes is None else spread(found.classes, np.full(n, -1)),
        keys=spread(np.array(found.keys or [""] * len(there), "<U16"), np.full(n, "", "<U16")),
        weights=np.array([network.system.fingerprint for network in given]),
        reasons=np.array(reasons),
        matrix=spread(found.matrix, square),
        parts={name: spread(part, square) for name, part in found.parts.items()},
        method=measure.name,
        measure=measure.measure,
        null_is=measure.null_is,
        library=found.library,
    )
