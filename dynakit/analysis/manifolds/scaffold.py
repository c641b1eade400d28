"""The scaffold of a network: its fixed points by their unstable directions, and what leads from which to which.

A point with one unstable direction has two branches of its unstable manifold, and where each of them ends does not
depend on coordinates: a homeomorphism between two networks carries one scaffold onto the other.  Of a point with more
directions a branch is followed along each unstable eigenvector, both ways; it may end at another saddle, as in a
product of bits, where n bits give 3^n points, C(n, k) 2^(n-k) of them with k unstable directions, and edges that only
turn one bit.  In general such a branch is a choice (only the most unstable direction has a curve of its own), so that
``saddle_edges`` are compared between networks, and the others only drawn.

Sources: graphs of fixed points as what networks share, Maheswaranathan et al. 2019; connecting orbits and their
dimension, Palis and de Melo 1982, sec. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import torch

from ... import linalg
from ...checks import count, of_kind, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import dynamics_of, linear_part
from ...wording import counted
from ..basins import as_targets
from ..exponents import UNBOUNDED
from ..fixed_points import FixedPoints
from ..linearization import spectrum
from .local import local_manifold
from .unstable import FAR, NEAR, NOWHERE, at_rest, map_unstable_manifolds

if TYPE_CHECKING:
    import networkx

MEETS = 1e-6  # an orbit this close to a saddle, relative to the states, has come along its stable manifold
LEFT_OUT = "not among these points"


@dataclass(frozen=True, kw_only=True, repr=False)
class Scaffold(Result):
    """Fixed points, one entry each, and the branches that lead from one to another.

    Attributes:
        states: (point, unit) the fixed points
        indices: (point,) unstable directions of each; -1: the verdict is undetermined
        labels: (point,) what each stands for; "": not known
        edges: (branch, 2) the point that a branch leaves, and the one it reaches; -1: none of them
        modes: (branch,) which unstable eigenvector it leaves along, the most unstable is 0
        sides: (branch,) to which side, +1 or -1
        reasons: (branch,) why it reaches none: "near none of the stable points" | "unbounded" | "not among these
            points"; else ""
        shares: (branch,) of its seeds that end so; below 1 the branch itself divides
        n_turning: points whose unstable eigenvalues are partly complex: no branch is followed along those
        dynamics: "map" or "flow"
    """

    drawn_by: ClassVar[str] = "plot_scaffold"

    states: np.ndarray = per_item()
    indices: np.ndarray = per_item()
    labels: np.ndarray = per_item()
    edges: np.ndarray
    modes: np.ndarray
    sides: np.ndarray
    reasons: np.ndarray
    shares: np.ndarray
    n_turning: int = 0
    dynamics: str = "map"

    def __getitem__(self, index: Any) -> Self:
        """The points chosen, and the branches that leave them; one that leads elsewhere reaches none of them."""
        chosen = super().__getitem__(index)
        kept = np.atleast_1d(np.arange(len(self))[self._several(index) if isinstance(index, list) else index])
        number = np.full(len(self) + 1, -1)  # the last entry, -1, stays what it is
        number[kept] = np.arange(len(kept))
        leave = number[self.edges[:, 0]] >= 0
        edges = number[self.edges[leave]]
        cut = (edges[:, 1] < 0) & (self.edges[leave, 1] >= 0)
        parts = {name: getattr(self, name)[leave] for name in ("modes", "sides", "shares")}
        reasons = np.where(cut, LEFT_OUT, self.reasons[leave])
        return replace(chosen, edges=edges, reasons=reasons, **parts)

    @property
    def counts(self) -> np.ndarray:
        """How many points have 0, 1, 2, ... unstable directions."""
        return np.bincount(self.indices[self.indices >= 0])

    @property
    def saddle_edges(self) -> np.ndarray:
        """(branch, 2) those of the edges that leave points with one unstable direction."""
        return self.edges[self.indices[self.edges[:, 0]] == 1]

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Points as nodes with ``index`` and ``label``, an edge with ``mode`` and ``side`` for each branch."""
        import networkx

        graph = networkx.MultiDiGraph()
        for i, (index, label) in enumerate(zip(self.indices.tolist(), self.labels.tolist())):
            graph.add_node(i, index=index, label=label)
        for (i, j), mode, side in zip(self.edges.tolist(), self.modes.tolist(), self.sides.tolist()):
            if j >= 0:
                graph.add_edge(i, j, mode=mode, side=side)
        return graph

    def headline(self) -> str:
        said = "/".join(map(str, self.counts.tolist())) or "0"
        lost = int((self.edges[:, 1] < 0).sum())
        line = f"{counted(len(self), 'point')}, {said} by unstable directions"
        line += f", {counted(len(self.saddle_edges), 'branch', 'branches')} from saddles of one"
        more = len(self.edges) - len(self.saddle_edges)
        line += f" and {more} along eigenvectors of the others" if more else ""
        return line + (f", {lost} reach none" if lost else "")


@with_provenance
def map_scaffold(
    system: System,
    points: FixedPoints,
    drive: Any = None,
    *,
    labels: Any = None,
    through: int | None = None,
    n_steps: int = 20_000,
) -> Scaffold:
    """Follow the branches that leave every unstable fixed point to the points they reach.

    Arguments:
        system: the map or the flow.
        points: its fixed points under one constant drive.
        drive: that drive, (input,), to be sure of it; None: the one that the points were found under.
        labels: what the points stand for: a function of readouts (point, output), such as ``task.decode``, asked at
            stable points only, or a text for each point.
        through: follow branches of points with up to so many unstable directions; None: of all.
        n_steps: most steps along a branch.

    From a point with one unstable direction both branches of the unstable manifold are grown, which ends at stable
    points (see :func:`dynakit.map_unstable_manifolds`); from one with more, an orbit along each unstable eigenvector
    with a real eigenvalue, both ways, which may also come to rest at a saddle: it does where it comes as close as 1e-6.

    Returns:
        Scaffold; an ideal flip-flop of n bits has 3^n points, C(n, k) 2^(n-k) of them of index k, n 2^n edges from
        those of index 1, and n 3^(n-1) 2 in all.

    Raises:
        InputError: for a discontinuous map, points of several drives or of another one, or labels that do not fit.

    >>> import dynakit as dk
    >>> bits = dk.catalog.tanh_network([[2.0, 0.0], [0.0, 2.0]])
    >>> dk.map_scaffold(bits, dk.find_fixed_points(bits))
    Scaffold(9 points, 4/4/1 by unstable directions, 8 branches from saddles of one and 4 along eigenvectors of the ...)
    """
    checked(system).refuse_jumps("a scaffold of unstable manifolds")
    of_kind("points", points, FixedPoints)
    u, n_steps = _drive_of(system, points, drive), count("n_steps", n_steps)
    through = system.state_size if through is None else count("through", through, least=1)
    states = system.as_states("points", points.states).cpu().numpy()
    indices = np.ma.filled(points.n_unstable, -1).astype(int)
    with linalg.one_thread(), torch.no_grad():
        grown = map_unstable_manifolds(system, points, n_directions=0, n_steps=n_steps, n_samples=3)
        ways, n_turning = _ways(system, states, u, np.where(indices <= through, indices, 0))
        more = _follow(system, points, u, ways, n_steps)
    single: dict[str, Any] = {
        "edges": np.stack([grown.saddles, grown.targets], 1).reshape(-1, 2),
        "modes": np.zeros(len(grown), int),
        "sides": np.tile([1, -1], len(grown) // 2),
        "reasons": grown.reasons,
        "shares": grown.shares,
    }
    joint: dict[str, Any] = {name: np.concatenate([single[name], more[name]]) for name in single}
    order = np.argsort(joint["edges"][:, 0], kind="stable")
    return Scaffold(
        states=states,
        indices=indices,
        labels=_labels(system, states, indices, labels),
        **{name: rows[order] for name, rows in joint.items()},
        n_turning=n_turning,
        dynamics=dynamics_of(system),
    )


def _drive_of(system: System, points: FixedPoints, drive: Any) -> np.ndarray:
    """The one drive of the points, (input,)."""
    own = system.as_drive("points.drives", points.drives).cpu().numpy()
    asked = None if drive is None else system.as_drive("drive", drive).cpu().numpy()
    if asked is not None and asked.ndim != 1:
        raise InputError(f"drive must be one constant input ({system.input_size},), got shape {asked.shape}")
    if len(np.unique(own, axis=0)) > 1:
        raise InputError("points must be of one drive, got points of several; choose them by points[mask]")
    if asked is not None and len(own) and not np.allclose(own[0], asked, rtol=1e-6, atol=1e-12):
        raise InputError(f"points were found under {own[0].tolist()}, not under drive {asked.tolist()}")
    return own[0] if len(own) else np.zeros(system.input_size) if asked is None else asked


def _labels(system: System, states: np.ndarray, indices: np.ndarray, labels: Any) -> np.ndarray:
    """A text for each point."""
    if labels is None:
        return np.full(len(states), "", "<U1")
    if not isinstance(labels, Callable):
        given = rectangular("labels", labels)
        if given.shape != (len(states),):
            raise InputError(f"labels must be one text for each of the {len(states)} points, got shape {given.shape}")
        return given.astype(str)
    said = np.asarray(labels(system.observe(states).detach().cpu().numpy())).astype(str)
    if said.shape != (len(states),):
        raise InputError(f"labels must give one text for each row of readouts, got shape {said.shape}")
    return np.where(indices == 0, said, "")


class _Leaving(NamedTuple):
    """Where an orbit leaves a point of several unstable directions."""

    point: int
    mode: int
    side: int
    start: np.ndarray  # (unit,)


def _ways(system: System, states: np.ndarray, u: np.ndarray, indices: np.ndarray) -> tuple[list[_Leaving], int]:
    """Both ways along each real unstable eigenvector of such points, and at how many of them there are complex ones."""
    ways, n_turning = [], 0
    for i in np.flatnonzero(indices > 1).tolist():
        n, x = int(indices[i]), states[i]
        local = local_manifold(system, x, u, n)
        J = linear_part(system, x, u).detach().cpu().numpy()
        vectors = spectrum(J[None], dynamics_of(system)).right[0][:, :n]
        real = np.flatnonzero(np.imag(local.values) == 0).tolist()
        n_turning += len(real) < n
        near = NEAR * (1 + float(np.abs(x).max()))
        for mode in real:
            along = local.basis.T @ np.real(vectors[:, mode])
            out = np.outer([near, -near], along / np.linalg.norm(along))
            ways += [_Leaving(i, mode, side, x0) for side, x0 in zip((1, -1), local.place(out))]
    return ways, n_turning


def _follow(
    system: System, points: FixedPoints, u: np.ndarray, ways: list[_Leaving], n_steps: int
) -> dict[str, np.ndarray]:
    """Iterate all orbits at once until each has met a fixed point, has left for good, or has had its steps."""
    stable = np.flatnonzero(points.verdicts == "stable")
    attractors = as_targets(system, points[stable], system.as_drive("drive", u), least=0)
    saddles = np.flatnonzero(points.verdicts == "unstable")
    scale = 1 + float(np.abs(points.states).max(initial=0.0))
    x = system.as_states("points", np.array([way.start for way in ways]).reshape(-1, system.state_size))
    drive = system.as_drive("drive", u)
    targets, gone, alive = np.full(len(x), -1), np.zeros(len(x), bool), np.arange(len(x))
    for _ in range(n_steps):
        if not len(alive):
            break
        before, x = x, system.step(x, drive.expand(len(x), -1))
        now = x.cpu().numpy()
        away = ~(np.abs(now).max(axis=1, initial=0.0) < FAR * scale)  # true for NaN
        here = attractors.at(now)[0]
        met = _nearest(now, points.states[saddles], MEETS * scale)
        ends = np.where(here >= 0, stable[attractors.given][here] if len(attractors) else -1, -1)
        ends = np.where((ends < 0) & (met >= 0), saddles[met] if len(saddles) else -1, ends)
        targets[alive], gone[alive] = np.where(away, -1, ends), away
        on = (ends < 0) & ~away & ~at_rest(before, x, scale)
        alive, x = alive[on], x[torch.from_numpy(on).to(x.device)]
    lost = np.where(gone, UNBOUNDED, NOWHERE).astype("<U30")
    return {
        "edges": np.array([[way.point, end] for way, end in zip(ways, targets.tolist())], int).reshape(-1, 2),
        "modes": np.array([way.mode for way in ways], int),
        "sides": np.array([way.side for way in ways], int),
        "reasons": np.where(targets >= 0, "", lost),
        "shares": np.ones(len(ways)),
    }


def _nearest(states: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Which of the points (point, unit) each state is within the radius of, or -1."""
    if not len(points):
        return np.full(len(states), -1)
    far = np.abs(states[:, None] - points[None]).max(axis=2)
    far = np.where(np.isfinite(far), far, np.inf)
    return np.where(far.min(axis=1) <= radius, far.argmin(axis=1), -1)
