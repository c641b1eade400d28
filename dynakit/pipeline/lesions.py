"""How much damage a network takes: its score, and its attractors, without some of its units or weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import linalg, seeding
from ..analysis import Communities, Lesions
from ..analysis.wiring import (
    Examined,
    Removal,
    damage,
    n_parts,
    removals,
    stable_states,
    strengths,
    weight_numbers,
)
from ..checks import count, number, one_of, reals, several
from ..errors import InputError
from ..progress import Callback
from ..provenance import with_provenance
from ..systems import System, as_system
from ..tasks import ArrayTask, Task, sign_marks
from ..wording import counted
from .arguments import as_task, fits

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
OF = ("units", "edges")


@with_provenance
def map_lesions(
    model: Any,
    task: Any,
    of: str = "units",
    *,
    shares: Iterable[float] = SHARES,
    n_sets: int = 20,
    ranking: Any = "strength",
    sets: Any = None,
    attractors: Any = None,
    n_trials: int = 128,
    seed: Any = 0,
    callback: Callback | None = None,
) -> Lesions:
    """The score of a network without some of its units, or some of its recurrent weights.

    Arguments:
        model: anything :func:`dynakit.as_system` takes; it comes back untouched.
        task: a Task, or Trials of your own with targets: what the score is of.
        of: "units" are silenced (see :func:`dynakit.lesion`), "edges" are recurrent weights set to zero.
        shares: of all units, or of all weights that are not zero, to be removed; at least one of them.
        n_sets: random sets of each share.
        ranking: the sets beside them: "strength" removes first the units that send most, or the largest weights; an
            array (unit,) or (weight,) those of the largest values; None: no ranked sets, as for a network that names no
            recurrent matrix.
        sets: to remove these instead of shares: a dictionary of numbers of units, or of weights, by their names; a list
            of such; or Communities, which removes one after the other.
        attractors: of the whole network at rest: FixedPoints, Attractors, or states (attractor, unit); those are
            counted from which the lesioned network ends where its readout says something else.  None: not looked at.
        n_trials: of the task, the same for all.
        seed: of the trials, of the sets, and of what is resampled for the intervals.
        callback: called after some lesions with the number done and {"total": all, "unit": "lesion"}; StopIteration
            raised in it ends the call, which returns those that are done.

    Several sets of units go through the network as one batch, each with its own mask; weights are cut one set after
    the other.

    Raises:
        InputError: naming the argument; for a network that names no recurrent matrix, where weights are to be cut.
        Interrupted: if it was ended before anything was removed.

    >>> import dynakit as dk
    >>> task = dk.tasks.FlipFlop(n_bits=1, n_steps=20)
    >>> net = dk.models.Elman.for_task(task, n_hidden=8, seed=0)
    >>> damage = dk.map_lesions(net, task, shares=[0.5], n_sets=3, n_trials=8)
    >>> damage.names.tolist(), damage.sizes.tolist()
    (['random', 'random', 'random', 'ranked'], [4, 4, 4, 4])
    """
    one_of("of", of, OF)
    system, task, seed = as_system(model), as_task(task), seeding.as_seed(seed)
    fits(system, model, task)
    n_trials, n_sets = count("n_trials", n_trials), count("n_sets", n_sets, least=0)
    if of == "edges" and not system.recurrent_weights():
        raise InputError("edges cannot be cut: the network names no recurrent matrix")
    numbers = np.arange(n_parts(system, of)) if of == "units" else weight_numbers(system)
    if sets is not None:
        removed = _given(sets, of, numbers)
    else:
        wanted = np.array([number("shares", share, above=0.0, below=1.0) for share in several("shares", shares)])
        order = _ranked(ranking, system, of, len(numbers))
        removed = removals(len(numbers), wanted, n_sets, order, seed, numbers) if len(numbers) else []
    if not removed:
        raise InputError(f"nothing can be removed: no {of}, no shares or no sets were given")
    with linalg.one_thread():
        return damage(system, of, removed, _probe(system, task, attractors, n_trials, seed), seed)


def _probe(system: System, task: Task, attractors: Any, n_trials: int, seed: int) -> Examined:
    trials = task.trials if isinstance(task, ArrayTask) else task.sample(n_trials, seed=seed)
    if trials.targets is None:
        raise InputError("task must have targets: without them there is no score")
    trials = trials.until_the_longest()
    states = stable_states(attractors, system.state_size)
    decode = task.decode if task.n_outputs in (None, system.output_size) else sign_marks
    return Examined(system.as_inputs(trials.inputs), lambda y: task.score(y, trials), states, task.rest, decode)


def _ranked(ranking: Any, system: System, of: str, n: int) -> np.ndarray | None:
    if ranking is None:
        return None
    if not isinstance(ranking, str):
        return reals("ranking", ranking, (n,), integers=True)
    one_of("ranking", ranking, ["strength"])
    found = strengths(system, of)
    return found if len(found) == n else None


def _given(sets: Any, of: str, numbers: np.ndarray) -> list[Removal]:
    if isinstance(sets, Communities):
        if of != "units":
            raise InputError("of must be 'units' where sets are communities of them")
        sets = {f"community {k}": np.flatnonzero(sets.labels == k) for k in range(len(sets.sizes))}
    named = dict(sets) if isinstance(sets, Mapping) else {str(k): one for k, one in enumerate(several("sets", sets))}
    found, most = [], int(numbers.max(initial=-1))
    for name, one in named.items():
        parts = np.asarray(one)
        if parts.ndim != 1 or (parts.dtype.kind not in "iu" and parts.size):
            raise InputError(f"sets[{name!r}] must be numbers of {of} (part,), got {one!r}")
        wrong = parts[~np.isin(parts, numbers)]
        if len(wrong):
            what = f"one of {counted(len(numbers), 'weight')} that are not zero" if of == "edges" else f"0 to {most}"
            raise InputError(f"sets[{name!r}] must hold {what}, got {wrong[0]}")
        found.append(Removal(str(name), np.unique(parts.astype(int))))
    return found
