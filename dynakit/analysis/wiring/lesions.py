"""What a network loses with some of its units, or some of its weights: the score, and the attractors.

Sets of a size are drawn at random, several times, or taken by rank, the strongest first.  Over the share removed the
scores make a curve; its intervals are percentiles of means over resampled sets (Efron 1979), and the area under it,
relative to that of a network that loses nothing, is one number for how much damage a network takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from ... import chunks, seeding
from ...checks import reals, states_of
from ...errors import Interrupted
from ...progress import expect, going, interruptible
from ...results import Result, per_item
from ...systems.base import System
from ...systems.lesions import cut, neurons, silenced, states_of_units
from ...wording import counted, percent

N_RESAMPLED = 1000
SETTLING = 2000  # steps after which a lesioned network says where it has come to rest


@dataclass(frozen=True, kw_only=True, repr=False)
class Lesions(Result):
    """The score of a network without some of its parts, one entry per set removed.

    Attributes:
        names: (set,) random | ranked, or the set's own name
        sizes: (set,) units or weights removed
        shares: (set,) of all there are, 0..1
        scores: (set,) of the task, 0..1
        lost: (set,) attractors of the whole network that say something else, once the set is gone; NaN: none given
        removed: (set, part) numbers of the units, or of the weights, row after row of each matrix; -1: no more
        baseline: score of the whole network
        n_parts: units or weights there are
        n_attractors: of the whole network, those that were looked at
        of: units | edges
        curve_names: (point,) random | ranked, of the curve of scores over shares
        curve_shares: (point,) share removed; each curve begins with the whole network, at 0
        curve_means: (point,) mean score of the sets of this size
        curve_lows: (point,) where 95 % of the means of resampled sets begin; of a single set the score itself
        curve_highs: (point,) where they end
        areas: under each curve over the largest share, in units of the baseline: (area, low, high); 1: nothing is lost
    """

    drawn_by: ClassVar[str] = "plot_lesions"

    names: np.ndarray = per_item()
    sizes: np.ndarray = per_item()
    shares: np.ndarray = per_item()
    scores: np.ndarray = per_item()
    lost: np.ndarray = per_item()
    removed: np.ndarray = per_item()
    baseline: float
    n_parts: int
    n_attractors: int
    of: str
    curve_names: np.ndarray
    curve_shares: np.ndarray
    curve_means: np.ndarray
    curve_lows: np.ndarray
    curve_highs: np.ndarray
    areas: dict[str, list[float]]

    def headline(self) -> str:
        said = [f"{name} {a:.3f} [{low:.3f}, {high:.3f}]" for name, (a, low, high) in self.areas.items()]
        if said:
            said = [f"area under the score {', '.join(said)}"]
        elif len(self):
            worst = int(self.scores.argmin())
            said = [f"worst without {self.names[worst]}: {self.scores[worst]:.3f}"]
        noun = "unit" if self.of == "units" else "weight"
        whole = f"{counted(len(self), 'lesion')} of {counted(self.n_parts, noun)}"
        return ", ".join([whole, f"score {self.baseline:.3f} without any", *said])

    def sentences(self) -> list[str]:
        """What the largest share removed leaves of the score, for each way of choosing."""
        lines = []
        for name in self.areas:
            last = np.flatnonzero(self.curve_names == name)[-1]
            share, mean = percent(float(self.curve_shares[last])), float(self.curve_means[last])
            lines.append(f"without {share} of its {self.of}, {name}, its score is {mean:.3f} of {self.baseline:.3f}")
        return lines


class Removal(NamedTuple):
    """One set to be removed."""

    name: str
    parts: np.ndarray  # numbers of the units, or of the weights


class Examined(NamedTuple):
    """What a lesioned network is asked."""

    inputs: torch.Tensor  # (trial, time, input)
    score: Callable[[np.ndarray], float]  # of outputs (trial, time, output)
    states: np.ndarray  # (attractor, state) of the whole network; may be none
    rest: np.ndarray  # (input,)
    decode: Callable[[np.ndarray], np.ndarray]


def stable_states(attractors: Any, state_size: int) -> np.ndarray:
    """The states (attractor, state) whose loss is looked for: stable points of a result, states; none for None."""
    if attractors is None:
        return np.zeros((0, state_size))
    stable = getattr(attractors, "stable", attractors)
    return reals("attractors", states_of(stable), ("attractor", state_size))


def n_parts(system: System, of: str) -> int:
    """Units, or recurrent weights that are not zero."""
    return len(neurons(system)) if of == "units" else len(weight_numbers(system))


def weight_numbers(system: System) -> np.ndarray:
    """The places of all recurrent weights that are not zero, in all matrices one after the other, row by row."""
    weights = system.recurrent_weights()
    return np.flatnonzero(np.concatenate([W.ravel() for W in weights.values()] or [np.zeros(0)]))


def strengths(system: System, of: str) -> np.ndarray:
    """By what units are ranked, the sum of |weights| that each sends; weights, their size."""
    weights = system.recurrent_weights()
    if of == "edges":
        flat = np.concatenate([W.ravel() for W in weights.values()])
        return np.abs(flat[weight_numbers(system)])
    n, sent = len(neurons(system)), [np.abs(W).sum(axis=0) for W in weights.values()]
    layers = {name.rpartition(".")[0]: len(W) for name, W in weights.items()}
    if not weights or sum(layers.values()) != n:
        return np.zeros(0)
    total = {layer: np.zeros(size) for layer, size in layers.items()}
    for name, one in zip(weights, sent):
        total[name.rpartition(".")[0]] += one
    return np.concatenate(list(total.values()))


def removals(
    n: int, shares: np.ndarray, n_sets: int, ranking: np.ndarray | None, seed: int, numbers: np.ndarray
) -> list[Removal]:
    """Random sets of each share, and the first of a ranking; ``numbers`` are those of the parts."""
    order = None if ranking is None else np.argsort(-ranking, kind="stable")
    sets = []
    for k, share in enumerate(shares.tolist()):
        size = min(n, max(1, round(share * n)))
        alone = seeding.stream(seed, "lesion", k).permutation(n)  # of sets of one part none comes twice
        for j in range(n_sets if size > 1 else min(n_sets, n)):
            rng = seeding.stream(seed, "lesion", k, j)
            drawn = rng.choice(n, size, replace=False) if size > 1 else alone[j : j + 1]
            sets.append(Removal("random", numbers[np.sort(drawn)]))
        if order is not None:
            sets.append(Removal("ranked", numbers[np.sort(order[:size])]))
    return sets


def damage(system: System, of: str, sets: list[Removal], probe: Examined, seed: int) -> Lesions:
    """Score and lost attractors without each of the sets; several sets of units go through the network as one batch."""
    total = n_parts(system, of)
    baseline = probe.score(_outputs(system, probe.inputs, 1)[0])
    scores, lost = np.full(len(sets), np.nan), np.full(len(sets), np.nan)
    runs = _units if of == "units" else _edges
    labels = _labels(probe, system.observe(probe.states)) if len(probe.states) else np.zeros(0, str)
    done = 0
    expect(len(sets), "lesion")
    with interruptible("lesion"):
        for part, outputs, ends in runs(system, sets, probe):
            scores[part] = [probe.score(one) for one in outputs]
            if len(labels):
                lost[part] = [(_labels(probe, end) != labels).sum() for end in ends]
            done = part.stop
            if not going(done, "lesion"):
                break
    if not done:
        raise Interrupted("interrupted before anything was removed")
    return _gathered(of, sets[:done], scores[:done], lost[:done], baseline, total, len(probe.states), seed)


def _labels(probe: Examined, outputs: torch.Tensor) -> np.ndarray:
    return np.asarray(probe.decode(outputs.numpy(force=True)))


Run = tuple[slice, Any, Any]  # which sets, their outputs (set, trial, time, output), and what their attractors then say


def _units(system: System, sets: list[Removal], probe: Examined) -> Iterator[Run]:
    n_trials, n_steps = probe.inputs.shape[:2]
    each = 8.0 * n_trials * (n_steps * system.output_size + 8 * system.state_size)
    masks = np.zeros((len(sets), len(neurons(system))), bool)
    for row, one in zip(masks, sets):
        row[one.parts] = True
    held = states_of_units(system, masks)
    for part in chunks.parts(len(sets), each):
        rows, n = held[part], part.stop - part.start
        outputs = _outputs(silenced(system, rows.repeat(n_trials, axis=0)), probe.inputs, n)
        ends: Any = None
        if len(probe.states):
            lesioned = silenced(system, rows.repeat(len(probe.states), axis=0))
            settled = lesioned.settle(np.tile(probe.states, (n, 1)), probe.rest, SETTLING)
            ends = lesioned.observe(settled).reshape(n, len(probe.states), -1)
        yield part, outputs, ends


def _edges(system: System, sets: list[Removal], probe: Examined) -> Iterator[Run]:
    weights = system.recurrent_weights()
    sizes = np.cumsum([W.size for W in weights.values()])
    for k, one in enumerate(sets):
        marked = np.zeros(sizes[-1], bool)
        marked[one.parts] = True
        pieces = np.split(marked, sizes[:-1])
        lesioned = cut(system, {name: m.reshape(W.shape) for m, (name, W) in zip(pieces, weights.items())})
        ends: Any = None
        if len(probe.states):
            ends = lesioned.observe(lesioned.settle(probe.states, probe.rest, SETTLING))[None]
        yield slice(k, k + 1), _outputs(lesioned, probe.inputs, 1), ends


def _outputs(system: System, inputs: torch.Tensor, n: int) -> np.ndarray:
    """The outputs (copy, trial, time, output) of a batch in which each trial is run ``n`` times, states not kept."""
    x = system.initial_state()
    many = x.expand(n * len(inputs), -1) if x.ndim == 1 else x
    outputs = np.empty((n, *inputs.shape[:2], system.output_size))
    for t, u in enumerate(inputs.unbind(1)):
        many = system.step(many, u.repeat(n, 1)).detach()
        outputs[:, :, t] = system.observe(many).detach().reshape(n, len(inputs), -1).numpy(force=True)
    return outputs


def _gathered(
    of: str, sets: list[Removal], scores: np.ndarray, lost: np.ndarray, baseline: float, total: int, n: int, seed: int
) -> Lesions:
    sizes = np.array([len(one.parts) for one in sets], int)
    names = np.array([one.name for one in sets])
    removed = np.full((len(sets), sizes.max(initial=0)), -1)
    for row, one in zip(removed, sets):
        row[: len(one.parts)] = one.parts
    shares = sizes / total if total else np.zeros(len(sets))
    points, areas = [], {}
    for name in ("random", "ranked"):
        if (names == name).any():
            curve, areas[name] = _curve(shares[names == name], scores[names == name], baseline, seed)
            points += [(name, *point) for point in curve]
    columns = list(zip(*points)) if points else [()] * 5
    return Lesions(
        names=names,
        sizes=sizes,
        shares=shares,
        scores=scores,
        lost=lost,
        removed=removed,
        baseline=baseline,
        n_parts=total,
        n_attractors=n,
        of=of,
        curve_names=np.array(columns[0], str),
        curve_shares=np.array(columns[1], float),
        curve_means=np.array(columns[2], float),
        curve_lows=np.array(columns[3], float),
        curve_highs=np.array(columns[4], float),
        areas=areas,
    )


def _curve(
    shares: np.ndarray, scores: np.ndarray, baseline: float, seed: int
) -> tuple[list[tuple[float, float, float, float]], list[float]]:
    """(share, mean, low, high) of each size, the whole network first, and the area with its interval."""
    rng = seeding.stream(seed, "bootstrap")
    sizes = np.unique(shares)
    means, drawn = [baseline], [np.full(N_RESAMPLED, baseline)]
    for share in sizes.tolist():
        own = scores[shares == share]
        means.append(float(own.mean()))
        drawn.append(own[rng.integers(len(own), size=(N_RESAMPLED, len(own)))].mean(axis=1))
    at, resampled = np.append(0.0, sizes), np.stack(drawn)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    whole = baseline * at[-1]
    areas = np.trapezoid(np.column_stack([means, resampled]), at, axis=0) / (whole if whole > 0 else np.nan)
    interval = [float(areas[0]), *np.quantile(areas[1:], [0.025, 0.975]).tolist()]
    return list(zip(at.tolist(), means, low.tolist(), high.tolist())), interval
