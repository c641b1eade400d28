"""Directed graphs of given in- and out-degrees, without self-loops, each as likely as any other.

Two moves change a graph A[i, j] (an edge i -> j), and each is as likely as its reverse, so that their chain has the
uniform distribution:

    trade   units are paired at random; the targets that only one of a pair has, and both could have, are dealt out
            anew at random, each keeping how many it had (Strona et al. 2014; Carstens 2015; on directed graphs, and
            all pairs in one step, Carstens, Berger and Strona 2016, arXiv:1609.05137)
    turn    directed cycles of three units that every other unit sees alike are turned round, or not

A trade that changes nothing is a step of the chain like any other; chains that count only successful moves favour
graphs with few of them (Artzy-Randrup and Stone 2005, Phys Rev E 72, 056708).  Exchanges of two edges, which trades
contain, reach every graph of the degrees but for the sense of the cycles of three that all of these graphs have in
common (Berger and Mueller-Hannemann 2010; with turns of any cycle: Rao, Jana and Bandyopadhyay 1996, Sankhya A 58,
225).  Such a cycle is seen alike by every other unit, for otherwise an exchange would open it; cycles seen alike share
no unit, and turning one leaves the others what they are.

What remains is to go on for long enough.  How fast such chains mix is known only for few degrees (Carstens and Horadam
2017): the fewer units, the less each step moves, and the cheaper it is, so that small graphs
take more.  On all graphs of three and four units, and a sample of those of five, the distribution was computed from
the matrix of the chain: after 60 steps no probability is off by more than a fraction of .3 %.
"""

from __future__ import annotations

import numpy as np

STEPS = 20  # at least; of a large graph half of the edges that can move do so in one
WORK = 600_000  # places of the matrix that a chain may look at, beyond that
SETTLING, PER_UNIT = 40, 4  # steps at most: so many and so many more for each unit


def rewired(A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A[i, j] (bool, no self-loops) after many trades between two turns, the same chain when read backwards."""
    A = A.copy()
    turn(A, rng)
    degrees = A.sum(axis=1)
    trading = np.flatnonzero((degrees > 0) & (degrees < len(A) - 1))  # the others have no choice
    for _ in range(_n_steps(len(trading), len(A))):
        trade(A, trading, rng)
    turn(A, rng)
    return A


def _n_steps(n_trading: int, n: int) -> int:
    if n_trading < 2:
        return 0
    return max(STEPS, min(SETTLING + PER_UNIT * n_trading, WORK // (n_trading * n)))


def trade(A: np.ndarray, trading: np.ndarray, rng: np.random.Generator) -> None:
    """Every unit that is ``trading`` trades targets with another, in place; of an odd number one sits out."""
    order = rng.permutation(trading)[: len(trading) // 2 * 2]
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
    """Directed cycles of three units that every other unit sees alike are turned round, in place, or not: even odds."""
    i, j, k = seen_alike(A)
    turned = rng.random(len(i)) < 0.5
    i, j, k = i[turned], j[turned], k[turned]
    for a, b in ((i, j), (j, k), (k, i)):
        A[a, b], A[b, a] = False, True


def seen_alike(A: np.ndarray) -> np.ndarray:
    """The cycles i -> j -> k -> i (3, cycle) without another edge among them that are alike to all other units.

    The rows of i and j, and their columns, then differ in two places only, and k is the second of these in the row.
    """
    edges = A.astype(np.float32)
    out, into = edges.sum(axis=1), edges.sum(axis=0)
    alike = A & ~A.T
    alike &= (out[:, None] == out) & (into[:, None] == into)
    if not alike.any():
        return np.zeros((3, 0), np.int64)
    alike &= (edges @ edges.T == out - 1) & (edges.T @ edges == into - 1)
    i, j = np.nonzero(alike)
    k = (A[j] & ~A[i]).argmax(axis=1)
    cycle = alike[j, k] & alike[k, i] & (i < j) & (i < k)  # each once, from its first unit
    return np.stack([i[cycle], j[cycle], k[cycle]])


def scattered(n: int, n_edges: int, rng: np.random.Generator) -> np.ndarray:
    """A directed graph of ``n`` units with ``n_edges`` edges anywhere, without self-loops."""
    A = np.zeros((n, n), bool)
    source, target = np.divmod(rng.permutation(n * (n - 1))[:n_edges], max(1, n - 1))
    A[source, target + (target >= source)] = True  # the targets of a unit count the others
    return A
