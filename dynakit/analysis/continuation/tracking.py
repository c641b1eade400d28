"""Which fixed points appear while a network learns, and does its loss fall when they do?

The fixed points of a sequence of systems, the checkpoints of a training run, are given identities: those that
hardly move by assignment, the others by following them from one checkpoint to the next (``between``).  What is
born or dies on the way is located there.  Sudden progress of learning is often such a bifurcation (Doya 1992;
Eisenmann et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import linalg
from ...checks import reals, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System
from ...systems.rest import dynamics_of
from ...wording import counted
from ..fixed_points import FixedPoints, find_fixed_points
from ..linearization import count_unstable, linearize
from .walk import Walk, identities, unexplained


@dataclass(frozen=True, kw_only=True, repr=False)
class TrackChanges(Result):
    """Births, deaths and changes of stability, one entry each, in the order of training.

    ``kinds`` is "left", "lost" or "too long" where a branch could not be followed (see :class:`Branches`), and
    "unresolved" where no bifurcation was met that would explain the change; NaN stands for an unknown place.

    Attributes:
        effects: (change,) birth | death | change
        kinds: (change,) fold | branch point | flip | neimark-sacker | hopf | border collision ...
        updates: (change,) where on the way between two checkpoints, in updates
        intervals: (change,) number of the checkpoint before
        tracks: (change, 2) the tracks concerned; -1 where there is only one
        losses_before: (change,) loss at the checkpoint before; NaN where not given
        losses_after: (change,) loss at the checkpoint after; NaN where not given
        drop_ranks: (change,) share of all intervals in which the loss fell less, 0..1
    """

    effects: np.ndarray = per_item()
    kinds: np.ndarray = per_item()
    updates: np.ndarray = per_item()
    intervals: np.ndarray = per_item()
    tracks: np.ndarray = per_item()
    losses_before: np.ndarray = per_item()
    losses_after: np.ndarray = per_item()
    drop_ranks: np.ndarray = per_item()

    @property
    def births(self) -> TrackChanges:
        """The births alone."""
        return self[self.effects == "birth"]

    @property
    def deaths(self) -> TrackChanges:
        """The deaths alone."""
        return self[self.effects == "death"]

    def headline(self) -> str:
        counts = {name: int((self.effects == name).sum()) for name in ("birth", "death", "change")}
        said = [f"{n} {name}{'s' if n != 1 else ''}" for name, n in counts.items()]
        return ", ".join(said) + " of stability"


@dataclass(frozen=True, kw_only=True, repr=False)
class Tracks(Result):
    """Fixed points with their identities, one entry per point and checkpoint.

    Attributes:
        track: (row,) identity of the point
        checkpoint: (row,) number of the system
        states: (row, unit) where the point is
        eigenvalues: (row, unit) of dF/dx, by falling modulus; of a flow those of df/dx, by falling real part
        verdicts: (row,) stable | unstable | marginal | undetermined
        searched: (row,) found by the search of that checkpoint; False: by following it from another
        updates: (checkpoint,) updates seen at each
        losses: (checkpoint,) loss at each; NaN where not given
        completeness: (checkpoint,) words, of the search at each
        changes: the births, deaths and changes of stability on the way
        dynamics: "map" or "flow": what eigenvalues and verdicts are those of
    """

    drawn_by: ClassVar[str] = "plot_tracks"

    track: np.ndarray = per_item()
    checkpoint: np.ndarray = per_item()
    states: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    searched: np.ndarray = per_item()
    updates: np.ndarray
    losses: np.ndarray
    completeness: tuple[str, ...]
    changes: TrackChanges
    dynamics: str = "map"

    @property
    def n_tracks(self) -> int:
        """Different fixed points over the whole run."""
        return len(np.unique(self.track))

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of each unstable manifold; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts, self.dynamics)

    @property
    def n_points(self) -> np.ndarray:
        """Fixed points at each checkpoint."""
        return np.bincount(self.checkpoint, minlength=len(self.updates))

    def of_track(self, track: int) -> Tracks:
        """The life of one point."""
        return self[self.track == track]

    def headline(self) -> str:
        counts, n = self.n_points, self.n_tracks
        said = f"{counted(len(self.updates), 'checkpoint')}, {counts[0]} -> {counted(counts[-1], 'point')}"
        said += f", {counted(n, 'track')}"
        said += " of a flow" if self.dynamics == "flow" else ""
        return f"{said}, {self.changes.headline()}"


@with_provenance
def track_fixed_points(
    systems: Sequence[System],
    *,
    updates: Any = None,
    losses: Any = None,
    drive: Any = None,
    starts: Any = None,
    seed: Any = 0,
) -> Tracks:
    """Follow the fixed points of a network through its training.

    Arguments:
        systems: the network at two or more checkpoints, as maps or as flows of equal sizes, in the order of training.
        updates: how many updates each checkpoint has seen, rising (checkpoint,); None: 0, 1, 2, ...
        losses: the loss at each checkpoint (checkpoint,), or that of each update (update,), as in a History; of
            these the median around each checkpoint is used.
        drive: the constant input (input,); None is zero input.
        starts: states (..., unit), or a result that has them, to start the first search from; each later one
            starts from the points before.
        seed: of the searches.

    Returns:
        Tracks; ``.changes`` has what was born, died or changed its stability, and how the loss fell meanwhile.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit each other.

    A system is a copy of the network's weights, so a callback that keeps one every so often keeps the run:

    >>> import dynakit as dk
    >>> task = dk.tasks.FlipFlop(n_bits=1, n_steps=20)
    >>> model = dk.models.Elman.for_task(task, n_hidden=4)
    >>> kept = {0: dk.as_system(model)}
    >>> def keep(update, info):
    ...     if update % 2 == 0:
    ...         kept[update] = dk.as_system(model)
    >>> history = dk.train(model, task, dk.training.BPTT(max_updates=4), callback=keep)
    >>> dk.track_fixed_points(list(kept.values()), updates=list(kept), losses=history.losses)
    Tracks(3 checkpoints, 1 -> 1 point, 1 track, 0 births, 0 deaths, 0 changes of stability)
    """
    systems = _systems(systems)
    updates = _updates(updates, len(systems))
    curve = _losses(losses, updates)
    u = systems[0].as_drive("drive", drive)
    if u.ndim != 1:
        raise InputError(f"drive must have shape ({systems[0].input_size},), got {tuple(u.shape)}")
    found: list[FixedPoints] = []
    for system in systems:
        given = starts if not found else found[-1].states
        found.append(find_fixed_points(system, given, u, seed=seed))
    with linalg.one_thread(), torch.inference_mode(False), torch.no_grad():
        walk = Walk(systems, u.cpu().numpy(), found)
        walk.run()
    return _collect(walk, found, updates, curve)


def _systems(systems: Any) -> list[System]:
    if isinstance(systems, (str, System)) or not hasattr(systems, "__iter__"):
        raise InputError(f"systems must be a list of Systems, got {type(systems).__name__}")
    systems = list(systems)
    if len(systems) < 2:
        raise InputError(f"systems must hold at least two checkpoints, got {len(systems)}")
    for k, system in enumerate(systems):
        if not isinstance(system, System):
            raise InputError(
                f"systems must be Systems, got {type(system).__name__} at index {k}; see dk.as_system(model)"
            )
        system.refuse_jumps("a track of fixed points")
        sizes, wanted = [(s.state_size, s.input_size) for s in (system, systems[0])]
        if sizes != wanted:
            raise InputError(
                f"systems must have equal sizes, {wanted[0]} units and {wanted[1]} inputs, got {sizes[0]} and "
                f"{sizes[1]} at index {k}"
            )
        if dynamics_of(system) != dynamics_of(systems[0]):
            raise InputError(f"systems must be maps or flows, all of them, but those at index 0 and {k} differ")
    return systems


def _updates(updates: Any, n: int) -> np.ndarray:
    if updates is None:
        return np.arange(n, dtype=float)
    whole = rectangular("updates", updates).dtype.kind in "iu"
    array = reals("updates", np.asarray(updates, float) if whole else updates, (n,))
    if not (np.diff(array) > 0).all():
        raise InputError("updates must rise from checkpoint to checkpoint")
    return array


def _losses(losses: Any, updates: np.ndarray) -> np.ndarray:
    """The loss at each checkpoint."""
    if losses is None:
        return np.full(len(updates), np.nan)
    array = reals("losses", losses, ("loss",), finite=False)
    if len(array) == len(updates):
        return array
    if len(array) < updates[-1]:
        raise InputError(
            f"losses must hold one value per checkpoint ({len(updates)}) or one per update (at least "
            f"{updates[-1]:g}), got {len(array)}"
        )
    # entry k is the loss of the network after k updates; half of the nearer gap belongs to this checkpoint
    gaps = np.diff(updates)
    reach = np.minimum(np.append(gaps, gaps[-1]), np.append(gaps[0], gaps)) / 4
    spans = [(int(max(u - r, 0)), int(u + r) + 1) for u, r in zip(updates, reach)]
    return np.array([np.nanmedian(array[min(a, len(array) - 1) : b]) for a, b in spans])


def _collect(walk: Walk, found: list[FixedPoints], updates: np.ndarray, losses: np.ndarray) -> Tracks:
    """Identities along the chain of pairs, and the list of what changed."""
    identity = identities(walk)
    modes = [linearize(system, x, walk.drive) for system, x in zip(walk.systems, walk.points)]
    sizes = [len(x) for x in walk.points]
    searched = [np.arange(size) < len(p) for size, p in zip(sizes, found)]
    return Tracks(
        track=np.concatenate(identity),
        checkpoint=np.repeat(np.arange(len(sizes)), sizes),
        states=np.concatenate(walk.points),
        eigenvalues=np.concatenate([m.eigenvalues for m in modes]),
        verdicts=np.concatenate([m.verdicts for m in modes]),
        searched=np.concatenate(searched),
        updates=updates,
        losses=losses,
        completeness=tuple(p.completeness for p in found),
        changes=_change_table(walk, identity, updates, losses),
        dynamics=dynamics_of(walk.systems[0]),
    )


def _change_table(
    walk: Walk, identity: list[np.ndarray], updates: np.ndarray, losses: np.ndarray
) -> TrackChanges:
    fall = np.log(np.maximum(losses[:-1], 1e-300)) - np.log(np.maximum(losses[1:], 1e-300))
    rows: list[tuple[Any, ...]] = []
    for k, passage in enumerate(walk.passages):
        assert passage is not None
        rank = float((fall < fall[k]).mean()) if np.isfinite(fall[k]) else np.nan
        for change in sorted([*passage.changes, *unexplained(passage, walk, k)], key=lambda c: c.share):
            group = identity[k + 1][change.after] if change.after else identity[k][change.before]
            tracks = [*group.tolist(), -1, -1][:2]
            where = updates[k] + change.share * (updates[k + 1] - updates[k])
            rows.append((change.effect, change.kind, where, k, tracks, losses[k], losses[k + 1], rank))
    columns = list(zip(*rows)) if rows else [()] * 8
    return TrackChanges(
        effects=np.array(columns[0], "<U6"),
        kinds=np.array(columns[1], "<U16"),
        updates=np.array(columns[2], float),
        intervals=np.array(columns[3], int),
        tracks=np.array(columns[4], int).reshape(-1, 2),
        losses_before=np.array(columns[5], float),
        losses_after=np.array(columns[6], float),
        drop_ranks=np.array(columns[7], float),
    )
