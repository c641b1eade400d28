"""Is a statistic of a wiring more than its degrees, or its weights, already make it?

The statistic is compared with its values on random matrices that share with W what the ``model`` says.  With n of
them, and both kinds counted together, the p value is

    p = (1 + b) / (1 + n),    b = random values at least as far from the mean of all n + 1 as the observed one

(Phipson and Smyth 2010, Stat Appl Genet Mol Biol 9, 39), so it is never 0.  Graphs of the same degrees are the ends of
n chains from one graph, itself reached by a chain from W: then W is, if nothing distinguishes it, one of n + 1
exchangeable graphs and p is valid however long the chains are (Besag and Clifford 1989, Biometrika 76, 633).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import linalg, seeding
from ...checks import count, number, one_of, reals
from ...errors import InputError, Interrupted
from ...progress import Callback, expect, going, interruptible
from ...provenance import with_provenance
from ...results import Result, per_item
from .communities import best_partition, quality
from .connectivity import BLOCKS, TRIADS, adjacency, block_means, clustering, count_triads, signs_of
from .rewiring import rewired, scattered, shuffled_within

SHARED = {
    "degree": "graphs of the same degrees",
    "weights": "orders of the weights on the same edges",
    "density": "graphs of the same density",
}
SAME = 1e-9  # relative: values nearer than that differ by rounding


@dataclass(frozen=True, kw_only=True, repr=False)
class NullComparison(Result):
    """Statistics of a connectivity matrix against random ones, one entry per statistic.

    A draw in which a statistic is NaN is left out of its mean, spread and p value, and counted (``n_undefined``).
    Where all draws agree the z score is NaN: undetermined.  Where none is defined, or the observed value is
    not, the p value is NaN too.

    Attributes:
        statistics: (statistic,) names
        observed: (statistic,) of W without self-connections and weights below the threshold
        values: (statistic, draw) of each random matrix
        mean: (statistic,) of the draws
        std: (statistic,) of the draws, n - 1 in the denominator
        z: (statistic,) (observed - mean) / std
        p: (statistic,) two-sided
        n_undefined: (statistic,) draws in which it is NaN
        model: what the draws share with W: degree | weights | density
        n: draws
        n_units: of W
        n_edges: of W
        overlap: mean share of the edges of W that a draw has too; 1: nothing was there to be rewired
        threshold: |weights| at or below it are no edges; None: every weight other than zero is one
    """

    statistics: np.ndarray = per_item()
    observed: np.ndarray = per_item()
    values: np.ndarray = per_item()
    mean: np.ndarray = per_item()
    std: np.ndarray = per_item()
    z: np.ndarray = per_item()
    p: np.ndarray = per_item()
    n_undefined: np.ndarray = per_item()
    model: str
    n: int
    n_units: int
    n_edges: int
    overlap: float
    threshold: float | None

    @property
    def interval(self) -> np.ndarray:
        """(statistic, 2) within which 95 % of the draws lie; NaN where it is undefined in all."""
        kept = [v[np.isfinite(v)] for v in self.values]
        return np.array([np.quantile(v, [0.025, 0.975]) if len(v) else [np.nan] * 2 for v in kept]).reshape(-1, 2)

    def table(self) -> dict[str, np.ndarray]:
        low, high = self.interval.T
        return super().table() | {"low": low, "high": high}

    def headline(self) -> str:
        said = [self._answer(k) for k in range(len(self))]
        return f"{', '.join(said)}; {self.n} {SHARED[self.model]}"

    def _answer(self, k: int) -> str:
        observed, mean, std, z, p = (
            float(v[k]) for v in (self.observed, self.mean, self.std, self.z, self.p)
        )
        spread = f"{_short(mean)} +- {_short(std)}" if self.n_undefined[k] < self.n - 1 else "nothing"
        verdict = f"z = {z:.2g}" if np.isfinite(z) else "z undetermined"
        undefined = f", undefined in {self.n_undefined[k]}" if self.n_undefined[k] else ""
        name = self.statistics[k] if len(self) == 1 else f"{self.statistics[k]}:"
        return f"{name} {_short(observed)} against {spread}, {verdict}, p = {_short(p)}{undefined}"


@with_provenance
def compare_with_null(
    W: Any,
    statistic: Any,
    model: str = "degree",
    n: int = 100,
    *,
    seed: Any = 0,
    threshold: float | None = None,
    sign: Any = None,
    callback: Callback | None = None,
) -> NullComparison:
    """Statistics of a connectivity matrix against those of random matrices.

    Arguments:
        W: (unit, unit), W[post, pre].  Self-connections are no edges and stay out.
        statistic: one or a tuple of "reciprocity", "clustering" (the mean of Fagiolo's), "spectral_radius",
            "modularity" (the best of :func:`find_communities` in three runs: of a random graph it is not 0), "triad "
            and a class such as "triad 030T", "E->I" and so on (the mean weight between units of these signs), or
            functions of a matrix W[post, pre] that give a number.
        model: what the random matrices share with W.  "degree": the in- and out-degree of every unit and its outgoing
            weights, in random order, hence its sign and out-strength; every graph of these degrees is equally likely.
            "weights": the edges, with the weights permuted among them.  "density": the weights, on edges anywhere.
        n: how many; the smallest p value is 1 / (n + 1).
        seed: of the draws; the first n draws of more are the same.
        threshold: |weights| at or below it are no edges and stay out; None: every weight other than zero is an edge.
        sign: +1 or -1 for each presynaptic unit (Dale's law); None: read off the columns of W, 0 where they are mixed.
        callback: called after each draw with the draws done and {"total": n, "unit": "draw"}; StopIteration raised in
            it ends the call, which compares with those drawn by then (``interrupted``, and ``n`` of them).

    The cost for a thousand units: of a graph of the same degrees 0.03 s (one edge in a hundred) to 0.2 s (every second
    one), of clustering and a triad one matrix product, of the spectral radius a second.

    Raises:
        InputError: naming the argument (see the messages).
        Interrupted: if it was ended before anything was drawn.

    >>> both_ways = np.roll(np.eye(30), 1, axis=0) + np.roll(np.eye(30), -1, axis=0)
    >>> compare_with_null(both_ways, "reciprocity").z > 5
    array([ True])
    """
    W = _edges_of(W, threshold)
    statistics = _statistics(statistic, signs_of(W, sign))
    one_of("model", model, SHARED)
    n, seed = count("n", n), seeding.as_seed(seed)
    observed = np.array([_value(f, W, name) for name, f in statistics])
    values, shared = np.empty((len(statistics), n)), np.empty(n)
    draw = _sampler(W, model, seed)
    done = 0
    expect(n, "draw")
    with linalg.one_thread(), interruptible("draw"):
        for k in range(n):
            drawn = draw(k)
            values[:, k] = [_value(f, drawn, name) for name, f in statistics]
            shared[k] = ((drawn != 0) & (W != 0)).sum()
            done = k + 1
            if not going(done, "draw"):
                break
    if not done:
        raise Interrupted("interrupted before anything was drawn")
    values, shared, n = values[:, :done], shared[:done], done
    n_edges = int((W != 0).sum())
    return NullComparison(
        statistics=np.array([name for name, _ in statistics]),
        observed=observed,
        values=values,
        **_compared(observed, values),
        model=model,
        n=n,
        n_units=len(W),
        n_edges=n_edges,
        overlap=float(shared.mean() / n_edges) if n_edges else float("nan"),
        threshold=threshold,
    )


def _edges_of(W: Any, threshold: Any) -> np.ndarray:
    """W where it has edges, 0 elsewhere."""
    W = reals("W", W, ("unit", "unit"))
    if W.shape[0] != W.shape[1]:
        raise InputError(f"W must be square, W[post, pre], got {W.shape}")
    if threshold is not None:
        threshold = number("threshold", threshold, above=0.0)
    return W * adjacency(W, threshold).T


def _statistics(statistic: Any, signs: np.ndarray) -> list[tuple[str, Callable[[np.ndarray], Any]]]:
    """The name and the function of each, for units of these signs."""
    known = KNOWN | {name: _block(name, signs) for name in BLOCKS}
    asked = list(statistic) if isinstance(statistic, (tuple, list)) else [statistic]
    if not asked:
        raise InputError("statistic must name at least one statistic, got none")
    for one in asked:
        if not callable(one):
            one_of("statistic", one, known)
    return [(getattr(f, "__name__", type(f).__name__), f) if callable(f) else (f, known[f]) for f in asked]


def _value(function: Callable[[np.ndarray], Any], W: np.ndarray, name: str) -> float:
    value = function(W.copy())  # a caller's function may write into it
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"statistic {name} must give a number, got {value!r}") from None


def _sampler(W: np.ndarray, model: str, seed: int) -> Callable[[int], np.ndarray]:
    """Draw number k."""
    A = (W != 0).T  # row-major, so that the weights of one presynaptic unit follow each other
    weights, source = W.T[A], np.nonzero(A)[0]
    hub = rewired(A, seeding.stream(seed, "null model", "hub")) if model == "degree" else A

    def draw(k: int) -> np.ndarray:
        rng = seeding.stream(seed, "null model", k)
        if model == "degree":
            graph, order = rewired(hub, rng), shuffled_within(source, rng)
        else:
            graph = scattered(len(A), len(weights), rng) if model == "density" else A
            order = rng.permutation(len(weights))
        drawn = np.zeros(A.shape)
        drawn[graph] = weights[order]
        return drawn.T

    return draw


def _compared(observed: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Mean, spread, z and p of each statistic over the draws in which it is defined."""
    rows = [_one(float(o), v[np.isfinite(v)]) for o, v in zip(observed, values)]
    mean, std, z, p = np.array(rows).T
    return {"mean": mean, "std": std, "z": z, "p": p, "n_undefined": (~np.isfinite(values)).sum(axis=1)}


def _one(observed: float, values: np.ndarray) -> tuple[float, float, float, float]:
    nan = float("nan")
    if not len(values):
        return nan, nan, nan, nan
    mean, std = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else nan
    if not np.isfinite(observed):
        return mean, std, nan, nan
    everything = np.append(values, observed)
    rounding = SAME * float(np.abs(everything).max())
    away = np.abs(everything - everything.mean())
    p = float((away >= away[-1] - rounding).mean())
    if np.isfinite(std) and np.ptp(values) <= rounding:
        std = 0.0
    return mean, std, (observed - mean) / std if std > 0 else nan, p


def _short(value: float) -> str:
    """Two digits, without the zero before the point."""
    return f"{value:.2g}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3g}"


def _reciprocity(W: np.ndarray) -> float:
    edges = W != 0
    return float((edges & edges.T).sum() / edges.sum()) if edges.any() else float("nan")


def _mean_clustering(W: np.ndarray) -> float:
    return float(clustering(adjacency(W)).mean()) if len(W) else float("nan")


def _spectral_radius(W: np.ndarray) -> float:
    return float(np.abs(linalg.eigvals(W)).max(initial=0.0))


def _modularity(W: np.ndarray) -> float:
    return float(best_partition(B, 3, 0)[1].max()) if (B := quality(W)) is not None else float("nan")


def _block(name: str, signs: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda W: block_means(W, signs).get(name, float("nan"))


def _triads(name: str) -> Callable[[np.ndarray], float]:
    return lambda W: float(count_triads(adjacency(W), name))


KNOWN: dict[str, Callable[[np.ndarray], float]] = {
    "reciprocity": _reciprocity,
    "clustering": _mean_clustering,
    "spectral_radius": _spectral_radius,
    "modularity": _modularity,
    **{f"triad {name}": _triads(name) for name in TRIADS},
}
