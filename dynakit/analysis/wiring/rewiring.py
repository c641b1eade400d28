"""Directed graphs of given in- and out-degrees, without self-loops, each as likely as any other.

Two moves change a graph A[i, j] (an edge i -> j), and each is as likely as its reverse, so that their chain has the
uniform distribution:

    trade   units are paired at random; the targets that only one of a pair has, and both could have, are dealt out
            anew at random, each keeping how many it had (Strona et al. 2014; Carstens 2015; on directed graphs, and
            all pairs in one step, Carstens, Berger and Strona 2016, arXiv:1609.05137)
    turn    units are put in threes at random; where their edges are one directed cycle, it is turned round, or not

Trades alone never turn round a directed cycle of three that stands alone: they cannot leave the graph they started in
(Berger and Mueller-Hannemann 2010).  Exchanges of two edges, which trades contain, and turns reach every graph of the
degrees (Rao, Jana and Bandyopadhyay 1996, Sankhya A 58, 225).
"""

from __future__ import annotations

import numpy as np

STEPS = 20  # in one step half of the edges that can move do


def rewired(A: np.ndarray, rng: np.random.Generator, n_steps: int = STEPS) -> np.ndarray:
    """A[i, j] (bool, no self-loops) after turns and trades in turn, the same chain when read backwards."""
    A = A.copy()
    turn(A, rng)
    for _ in range(n_steps):
        trade(A, rng)
        turn(A, rng)
    return A


def trade(A: np.ndarray, rng: np.random.Generator) -> None:
    """Every unit trades targets with another, in place; of an odd number of units one sits out."""
    n = len(A)
    order = rng.permutation(n)[: n // 2 * 2]
    first, second = order[::2], order[1::2]
    one, other = A[first], A[second]
    movable = one ^ other
    pairs = np.arange(len(first))
    movable[pairs, first] = movable[pairs, second] = False  # would become a self-loop of the other
    places = np.flatnonzero(movable)
    sizes = movable.sum(axis=1)
    pair = np.repeat(pairs, sizes)
    dealt = places[shuffled_within(pair, rng)]
    kept = (movable & one).sum(axis=1)
    rank = np.arange(len(places)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    to_first = rank < kept[pair]
    one.reshape(-1)[dealt], other.reshape(-1)[dealt] = to_first, ~to_first
    A[first], A[second] = one, other


def shuffled_within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random permutation of the places of ``groups`` (rising numbers) that keeps every place within its group."""
    if not len(groups):
        return np.arange(0)
    low, high = len(groups).bit_length(), 63 - int(groups[-1]).bit_length()
    chance = min(
        high - low, 40
    )  # one integer holds group, chance and place, because a plain sort is the fastest
    keys = groups.astype(np.uint64) << np.uint64(high)
    keys |= rng.integers(1 << chance, size=len(groups), dtype=np.uint64) << np.uint64(low)
    keys |= np.arange(len(groups), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64((1 << low) - 1)).astype(np.int64)


def turn(A: np.ndarray, rng: np.random.Generator) -> None:
    """Directed cycles of three units without another edge among them are turned round, in place, or not: even odds."""
    n = len(A) // 3
    i, j, k = rng.permutation(len(A))[: 3 * n].reshape(3, n)
    cycle = A[i, j] & A[j, k] & A[k, i] & ~A[j, i] & ~A[k, j] & ~A[i, k]
    cycle &= rng.random(n) < 0.5
    i, j, k = i[cycle], j[cycle], k[cycle]
    for a, b in ((i, j), (j, k), (k, i)):
        A[a, b], A[b, a] = False, True


def scattered(n: int, n_edges: int, rng: np.random.Generator) -> np.ndarray:
    """A directed graph of ``n`` units with ``n_edges`` edges anywhere, without self-loops."""
    A = np.zeros((n, n), bool)
    source, target = np.divmod(rng.permutation(n * (n - 1))[:n_edges], max(1, n - 1))
    A[source, target + (target >= source)] = True  # the targets of a unit count the others
    return A
