"""Which attractor each target is judged by, and what is said of it: one column of the result for each question."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...orbits import Orbit
from ...systems.base import System
from ..cycles import LimitCycles
from .against_target import Comparison, Seen, compare, largest_exponent, seen
from .clauses import Claim, Tolerances, problems, shared, too_few, unreached
from .cues import Cued
from .survey import Survey

NOTHING = Comparison(False, np.nan, np.nan, np.nan, 0, (np.nan, np.nan), np.nan, np.nan)


class Views(NamedTuple):
    """Every attractor as seen from outside, and against every target."""

    cycles: LimitCycles  # the attractors only
    items: list[Seen]
    compared: list[list[Comparison]]  # of each target, by attractor
    failures: list[list[list[str]]]  # of each target, by attractor: the clauses that fail

    @property
    def matches(self) -> np.ndarray:
        """(target, attractor)."""
        n = len(self.items)
        return np.array([[not said for said in row] for row in self.failures], bool).reshape(-1, n)


def view(system: System, targets: Sequence[Orbit], cycles: LimitCycles, tol: Tolerances) -> Views:
    """Compare all with all."""
    items = [seen(system, cycles, k) for k in range(len(cycles))]
    claims = [Claim(float(r), str(v)) for r, v in zip(cycles.residuals, cycles.verdicts)]
    exponent = functools.cache(lambda k: largest_exponent(system, cycles.states[k]))
    compared, failures = [], []
    for target in targets:
        row = [compare(item, target, functools.partial(exponent, k)) for k, item in enumerate(items)]
        compared.append(row)
        failures.append(
            [list(problems(target, *three, tol)) for three in zip(items, row, claims, strict=True)]
        )
    return Views(cycles, items, compared, failures)


def judge(
    targets: Sequence[Orbit], cued: Cued, found: Survey, views: Views, least_share: float
) -> dict[str, Any]:
    """The fields of the result that speak of targets, and ``lost_cues``."""
    n, matches, owner = len(views.items), views.matches, cued.owner
    confusion = np.array([_counts(found.labels[owner == j], n) for j in range(len(targets))])
    judged = np.array([_judged_by(row[:n], fits) for row, fits in zip(confusion, matches)])
    n_cues, n_reached = confusion.sum(axis=1), (confusion[:, :n] * matches).sum(axis=1)
    failing = np.array([
        _failing(targets, found, views, owner == j, (j, k)) or _few(n_reached[j], n_cues[j], least_share)
        for j, k in enumerate(judged.tolist())
    ])  # fmt: skip
    lengths = [
        _shortest(labels, matches[j], cued.lengths, least_share)
        for j, labels in enumerate(found.short_labels)
    ]
    return {
        "names": np.array([target.name for target in targets]),
        "target_kinds": np.array([target.kind for target in targets]),
        "held": failing == "",
        "failing": failing,
        "n_cues": n_cues,
        "n_reached": n_reached,
        "cue_lengths": np.array(lengths),
        "attractor_index": judged,
        "confusion": confusion,
        "matches": matches,
        **_compared(targets, views, judged),
        **_claimed(targets, views, judged),
        "lost_cues": _lost(targets, cued, found),
    }


def _failing(
    targets: Sequence[Orbit], found: Survey, views: Views, mine: np.ndarray, pair: tuple[int, int]
) -> str:
    """The first clause that fails for a target and the attractor it is judged by; the cues in ``mine`` are its own."""
    j, k = pair
    if k < 0:
        return _unreached(found, mine)
    others = [targets[i].name for i in np.flatnonzero(views.matches[:, k]).tolist() if i != j]
    said = views.failures[j][k]
    if not said:
        return shared(others[0]) if others else ""
    return said[0] + (f"; that attractor is {others[0]!r}" if others else "")


def _few(n: int, of: int, least_share: float) -> str:
    return "" if n >= least_share * of else too_few(n, of)


def _counts(labels: np.ndarray, n: int) -> np.ndarray:
    """How many cues lead to each of n attractors, and to none."""
    return np.bincount(np.where(labels < 0, n, labels), minlength=n + 1)


def _judged_by(counts: np.ndarray, matches: np.ndarray) -> int:
    """The attractor that matches and most cues lead to, else the one they lead to; -1: to none."""
    for among in (counts * matches, counts):
        if among.any():
            return int(among.argmax())
    return -1


def _unreached(found: Survey, mine: np.ndarray) -> str:
    """Where cues went that lead to no attractor."""
    fates = [found.fates[i] for i in np.flatnonzero(mine).tolist() if i in found.fates]
    return unreached(fates, [str(reason) for reason in found.reasons[mine] if reason])


def _shortest(labels: np.ndarray, matches: np.ndarray, lengths: np.ndarray, least_share: float) -> int:
    """The least length from which on enough cues lead to what matches; -1: the whole cue is not enough."""
    right = np.append(matches, False)[labels].mean(axis=1) >= least_share  # label -1: the last
    n_enough = len(right) if right.all() else int(right[::-1].argmin())
    return int(lengths[-n_enough]) if n_enough else -1


def _compared(targets: Sequence[Orbit], views: Views, judged: np.ndarray) -> dict[str, np.ndarray]:
    """What the attractors look like, against their targets."""
    pairs = [views.compared[j][k] if k >= 0 else NOTHING for j, k in enumerate(judged.tolist())]
    items = [views.items[k] if k >= 0 else None for k in judged]
    nowhere = np.full(targets[0].n_outputs, np.nan)
    return {
        "errors": np.array([pair.error for pair in pairs]),
        "roundness": np.array([pair.roundness for pair in pairs]),
        "centres": np.array([nowhere if item is None else item.centre for item in items]),
        "radii": np.array([np.nan if item is None else item.distances.max() for item in items]),
        "period_ratios": np.array([pair.period_ratio for pair in pairs]),
        "senses": np.array([pair.sense for pair in pairs]),
        "cloud_distances": np.array([pair.cloud for pair in pairs]),
        "cloud_baselines": np.array([pair.baseline for pair in pairs]),
        "exponent_differences": np.array([pair.exponent_difference for pair in pairs]),
    }


def _claimed(targets: Sequence[Orbit], views: Views, judged: np.ndarray) -> dict[str, np.ndarray]:
    """What was found of the attractors themselves."""
    cycles, none = views.cycles, judged < 0
    row = np.where(none, 0, judged)
    if not len(cycles):
        empty = np.full(len(judged), np.nan)
        numbers = dict.fromkeys(("rotation_numbers", "digits", "residuals", "decays"), empty)
        nothing = np.zeros((len(judged), 0))
        words = {"kinds": np.full(len(judged), "none"), "harmonics": np.zeros(len(judged), int)}
        return {**words, **numbers, "exponents": nothing, "exponents_per_time": nothing}
    exponents = cycles.exponents[row]
    exponents[none] = np.nan
    per_time = np.array([item.exponents for item in views.items])[row] / np.array([[t.dt] for t in targets])
    per_time[none] = np.nan
    values = {
        "rotation_numbers": cycles.rotation_numbers,
        "digits": cycles.digits,
        "residuals": cycles.residuals,
        "decays": cycles.decay_per_revolution,
    }
    return {
        "kinds": np.where(none, "none", cycles.kinds[row]),
        "harmonics": np.where(none, 0, cycles.harmonics[row]),
        **{name: np.where(none, np.nan, value[row]) for name, value in values.items()},
        "exponents": exponents,
        "exponents_per_time": per_time,
    }


def _lost(targets: Sequence[Orbit], cued: Cued, found: Survey) -> tuple[str, ...]:
    """Target, phase and reason of each cue that leads to no attractor."""
    texts, start = [], 0
    for target, states in zip(targets, cued.states):
        for i in range(len(states)):
            if found.labels[start + i] < 0:
                phase = i / len(states)
                texts.append(f"{target.name!r} from phase {phase:.3g}: {found.reasons[start + i]}")
        start += len(states)
    return tuple(texts)
