"""Every solution of a linear complementarity problem, with proof: branch and bound over its complementary
pairs.

    s = N r - p,   r >= 0,   s >= 0,   r_i s_i = 0

A node of the tree has decided for some units whether they are active (s_i = 0) or inactive (r_i = 0), and is a
problem in the free units (``_reduction``).  Where that is monotone but for at most one direction the node is
closed: all its solutions are found at once (``_path``, ``_tube``).  Otherwise the unit is decided next that
brings it nearer to that (``_monotone``). No bound of the solutions is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...progress import interruptible
from ...systems.enclosures import gamma
from .monotone import MonotoneForm, improved, promising
from .path import Problem
from .reduction import LCP, ReducedProblem, reduced
from .relaxation import LinearProgramme
from .tube import Cuboid, crossings

ENOUGH = 1e-2  # the smallest eigenvalue but one that the search for a scaling is content with
LEAST = 1e-6  # and below which a node is not closed, relative to the largest


class Branching(NamedTuple):
    """What has been decided."""

    state: np.ndarray  # (unit,)  +1 active, -1 inactive, 0 free
    theta: np.ndarray  # (unit,)  logarithms of the scaling

    def halves(self, unit: int) -> list[Branching]:
        """The two nodes in which ``unit`` is decided."""
        states = self.state.copy(), self.state.copy()
        for state, value in zip(states, (1, -1)):
            state[unit] = value
        return [Branching(state, self.theta) for state in states]


class Tree(NamedTuple):
    """What the search found and what it left."""

    boxes: list[Cuboid]  # (r, s) of all units: every solution of a closed node is in one of them
    singular: list[np.ndarray]  # states of fully decided nodes about which nothing could be proved
    open: list[Branching]
    n_nodes: int


def search(lcp: LCP, root: np.ndarray, *, stop: Callable[[], bool]) -> Tree:
    """Decide and close nodes below the ``root`` state until none is open, or ``stop()``."""
    nodes = [Branching(root.astype(np.int8), np.zeros(len(root)))]
    boxes, singular, n_nodes = [], [], 0
    relaxation = LinearProgramme(lcp)
    while nodes and not stop():
        node = nodes.pop()
        n_nodes += 1
        with interruptible("sub-problem"):
            if relaxation.excludes(node.state):
                continue
            closed, further = _visit(lcp, node, first=n_nodes == 1)
            boxes += closed or []
            nodes += further
            if closed is None and not further:
                singular.append(node.state)
            continue
        nodes.append(node)  # it was left in the middle
    return Tree(boxes, singular, nodes, n_nodes)


def _visit(lcp: LCP, node: Branching, first: bool) -> tuple[list[Cuboid] | None, list[Branching]]:
    """The boxes of a node that could be closed, or None and the nodes below it."""
    problem = reduced(lcp, node.state)
    if problem is None:
        return None, node.halves(int(np.flatnonzero(node.state == 0)[0])) if (node.state == 0).any() else []
    n_free = len(problem.free)
    if not n_free:
        return _within(lcp, problem, [Cuboid(np.zeros((2, 0)), np.zeros((2, 0)))]), []
    form = MonotoneForm.of(problem.N, node.theta[problem.free])
    form = improved(form, problem.N, k=1, enough=ENOUGH, n_steps=100 if first else 10)
    boxes = _closed(problem, form)
    if boxes is not None:
        boxes = _within(lcp, problem, boxes)
        if not any(box.is_wide for box in boxes):
            return boxes, []
    theta = node.theta.copy()
    theta[problem.free] = form.theta
    unit = promising(form, k=1) if n_free > 2 else 0
    return None, Branching(node.state, theta).halves(int(problem.free[unit]))


def _closed(problem: ReducedProblem, form: MonotoneForm) -> list[Cuboid] | None:
    """Boxes around all solutions, if they can be had; found in scaled units, D^(1/2) r and D^(1/2) s."""
    values, v, n = form.values, form.vectors[:, 0], len(form.theta)
    second = float(values[1]) if n > 1 else 1.0
    if not second > LEAST * np.abs(values).max():
        return None
    scale = np.exp(form.theta / 2)
    error = problem.error * scale.max() * max(1.0, 1 / scale.min()) + 4 * gamma(1) * np.abs(form.A).max()
    c = max(second - float(values[0]), 0.0) if values[0] < second / 2 else 0.0
    mu = _proved_gap(form.A + c * np.outer(v, v), error)
    if not mu > 0:
        return None
    sides = (
        problem.G / scale,
        problem.g,
        (problem.side_error + 4 * gamma(1) * np.abs(problem.G).max(initial=0.0)) / min(1.0, scale.min()),
    )
    found = crossings(Problem(form.A, scale * problem.p, v, c, mu, error, *sides))
    return None if found is None else [Cuboid(box.r / scale, box.s / scale) for box in found]


def _proved_gap(A: np.ndarray, error: float) -> float:
    """A number below the eigenvalues of the symmetric part of the true A, or 0 (Rump 2006: by a Cholesky factor)."""
    n, S = len(A), (A + A.T) / 2
    guess = 0.9 * float(np.linalg.eigvalsh(S)[0])
    rounding = n * (error + 2 * gamma(2) * np.abs(S).max()) + 2 * gamma(n + 2) * np.abs(np.diag(S)).sum()
    if not guess > 2 * rounding:
        return 0.0
    try:
        np.linalg.cholesky(S - guess * np.eye(n))
    except np.linalg.LinAlgError:
        return 0.0
    return guess - 2 * rounding


def _within(lcp: LCP, problem: ReducedProblem, boxes: list[Cuboid]) -> list[Cuboid]:
    """Bounds of all units from those of the free ones, without the boxes where a decided unit has the wrong sign."""
    whole = []
    for box in boxes:
        r, s = np.zeros((2, len(lcp.p))), np.zeros((2, len(lcp.p)))
        r[:, problem.free], s[:, problem.free] = box
        middle = box.r.mean(0)
        radius = np.abs(box.r - middle).max(0) * (1 + 1e-9)
        value = problem.G @ middle + problem.g
        size = np.abs(problem.G) @ np.abs(middle) + np.abs(problem.g)
        doubt = np.abs(problem.G) @ radius + 2 * gamma(2 * len(middle)) * size
        doubt += problem.side_error * (np.abs(box.r).max(0).sum() + 1)
        ends = np.stack([value - doubt, value + doubt])
        if (ends[1] >= 0).all():
            n_active = len(problem.active)
            r[:, problem.active], s[:, problem.inactive] = ends[:, :n_active], ends[:, n_active:]
            whole.append(Cuboid(r, s))
    return whole
