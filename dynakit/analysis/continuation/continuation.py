"""How fixed points move, are born and die while an input or a parameter changes.

Branches of F(x; mu) = x are followed by their arc, not by mu, so that they may turn back (pseudo-arclength
continuation: Keller 1977; Govaerts 2000, ch. 2), and their bifurcations are solved for (Kuznetsov 2004, ch. 4, 5, 10):
at a fold two points meet and vanish (eigenvalue 1), at a flip a 2-cycle is born (eigenvalue -1), at a Neimark-Sacker
point an invariant circle (a pair e^{+-i theta}), at a branch point two branches cross (pitchfork, transcritical), at a
border collision of a piecewise-linear map a point meets a kink (di Bernardo et al. 2008, ch. 3).

Of a flow the equilibria are followed, f(x; mu) = 0, and judged by df/dx: folds and branch points (eigenvalue 0), and
Hopf points (a pair +-i omega), where a limit cycle is born (Kuznetsov 2004, ch. 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ... import linalg
from ...errors import InputError
from ...progress import Callback, expect
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...systems.rest import at_rest, dynamics_of
from ..linearization import beyond, count_unstable, frequencies, judge, spectrum
from .arclength import Node
from .atlas import NOT_TRACED, Atlas
from .family import OneParameter
from .starting import in_family, on_drives, points_of

NEAR = 1e-6  # only eigenvalues closer to the line of stability need their condition number for a verdict


@dataclass(frozen=True, kw_only=True, repr=False)
class Bifurcations(Result):
    """Where branches change, one entry each, branch by branch.

    A fold has the form "quadratic"; a flip, Neimark-Sacker or Hopf point "supercritical" (what is born is stable) or
    "subcritical"; a branch point "pitchfork" or "transcritical"; a border collision "nonsmooth fold" or "persistence";
    "undetermined" where the coefficient that decides is not clearly different from zero.

    Attributes:
        kinds: (event,) fold | flip | neimark-sacker | branch point | border collision; of a flow fold | hopf | ...
        parameter: (event,) where it happens, in the unit of the parameter
        states: (event, unit) the fixed point there
        drives: (event, input) the constant input there
        critical: (event,) the eigenvalue on the line of stability: on the unit circle, of a flow on the imaginary axis,
            per unit time; NaN at a border collision
        forms: (event,) quadratic | supercritical | subcritical | pitchfork | transcritical | ...
        residuals: (event,) of the equations that define the point; NaN: bracketed only
        branch: (event,) number of the branch it was first met on
        dynamics: "map" or "flow"
    """

    kinds: np.ndarray = per_item()
    parameter: np.ndarray = per_item()
    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    critical: np.ndarray = per_item()
    forms: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    branch: np.ndarray = per_item()
    dynamics: str = "map"

    @property
    def angles(self) -> np.ndarray:
        """How far the critical mode turns (event,), radians per step or unit time: 0 at a fold, pi at a flip."""
        return frequencies(self.critical, self.dynamics)

    def of_kind(self, kind: str) -> Bifurcations:
        """The events of one kind."""
        return self[self.kinds == kind]

    def headline(self) -> str:
        names, counts = np.unique(self.kinds, return_counts=True)
        said = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in zip(names, counts)]
        return ", ".join(said) or "no events"


@dataclass(frozen=True, kw_only=True, repr=False)
class Branches(Result):
    """Branches of fixed points, row by row along each branch; events are rows too.

    A branch ends at the "range" (the end of the drives or of the span), is "closed" (a loop), has "left" (a thousand
    times as far out as the given points), is "lost" (no step is short enough: points that are not isolated, a corner of
    several kinks, the edge of where the system is defined), or "too long" (5000 steps).

    Attributes:
        parameter: (row,) the parameter there, in its unit
        states: (row, unit) the fixed point there
        drives: (row, input) the constant input there
        eigenvalues: (row, unit) of dF/dx, by falling modulus; of a flow those of df/dx, per unit time, by falling real
            part
        verdicts: (row,) stable | unstable | marginal | undetermined
        residuals: (row,) max |F(x*) - x*|, of a flow max |f(x*)|
        branch: (row,) number of the branch the row belongs to
        events: the located bifurcations
        ends: (branch,) pairs of words, why each branch stops at its first and at its last row
        point_branch: (point,) the branch each given point is on; -1: it was no fixed point
        parameter_name: "input" | "position along the drives" | "parameter"
        dynamics: "map" or "flow": what eigenvalues, verdicts and events are those of
    """

    drawn_by: ClassVar[str] = "plot_branches"

    parameter: np.ndarray = per_item()
    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    branch: np.ndarray = per_item()
    events: Bifurcations
    ends: tuple[tuple[str, str], ...]
    point_branch: np.ndarray
    parameter_name: str
    dynamics: str = "map"

    @property
    def n_branches(self) -> int:
        """Different branches."""
        return len(self.ends)

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of the unstable manifold at each row; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts, self.dynamics)

    def headline(self) -> str:
        said = f"{self.n_branches} branch{'es' if self.n_branches != 1 else ''}"
        said += (" of a flow, " if self.dynamics == "flow" else ", ") + self.events.headline()
        lost = sum(end == "lost" for ends in self.ends for end in ends)
        missed = int((self.point_branch == NOT_TRACED).sum())
        said += f", {lost} ends lost" if lost else ""
        return said + (f", {missed} given points are no fixed points" if missed else "")


@with_provenance
def trace_fixed_points(
    system: System,
    points: Any,
    drives: Any = None,
    family: Callable[[float], System] | None = None,
    span: tuple[float, float] | None = None,
    *,
    callback: Callback | None = None,
) -> Branches:
    """Follow fixed points, or equilibria of a flow, while a constant input or a parameter changes.

    Arguments:
        system: the map or the flow the points were found in.
        points: states (..., unit), axes flattened, or a result that has ``states``, such as FixedPoints.
        drives: a path of constant inputs (row, input), straight between its rows; row i is at parameter i, and a
            single input that only rises or only falls is its own parameter.  FixedPoints start where the path meets
            the drive they were found under, bare states at its first row.
        family: instead of drives, mu -> System, all maps or all flows; ``system`` is one of them, and its mu is found
            by comparing.
        span: the range of mu, (lo, hi); None: max(1, |mu|) to either side of the mu of ``system``.
        callback: called before each step along a branch with how many were taken and {"total": None, "unit": "step"};
            StopIteration raised in it ends the call, which returns the branches as far as they were followed
            (``interrupted``, as one of ``ends``).

    Every branch is followed both ways, around folds, to the ends of the range; from a branch point also the
    branch that crosses there.  A branch on which several points lie is reported once.

    Returns:
        Branches, with the located bifurcations in ``.events``.

    Raises:
        InputError: for a discontinuous map, or arguments that do not fit it or each other.

    >>> import dynakit as dk
    >>> unit = dk.catalog.tanh_unit(w=2.0)
    >>> branches = dk.trace_fixed_points(unit, dk.find_fixed_points(unit), drives=[[-1.0], [1.0]])
    >>> branches
    Branches(1 branch, 2 folds)
    >>> branches.events.parameter.round(6).tolist()
    [0.53284, -0.53284]
    """
    checked(system).refuse_jumps("a branch of fixed points")
    if (drives is None) == (family is None):
        raise InputError("pass either drives or family, one of the two")
    x, u = points_of(system, points)
    with linalg.one_thread(), torch.inference_mode(False), torch.no_grad():
        if drives is not None:
            if span is not None:
                raise InputError("span is the range of a family; drives end with their first and last row")
            starts = [on_drives(at_rest(system), x, u, drives)]
        else:
            starts = in_family(system, x, u, family, span)
        atlas = Atlas(len(x))
        expect(None, "step")
        for curve, which, z in starts:
            atlas.explore(curve, which, z)
        return _collect(at_rest(system), atlas, starts[0][0].name)


def _collect(system: System, atlas: Atlas, name: str) -> Branches:
    rows = [(k, curve, node) for k, (curve, branch) in enumerate(atlas.branches) for node in branch.nodes]
    met = [(k, atlas.branches[k][0], event.node) for k, event in atlas.events]
    events = [event for _, event in atlas.events]
    dynamics = dynamics_of(system)
    return Branches(
        **_places(system, rows),
        eigenvalues=np.array([node.values for *_, node in rows], complex).reshape(-1, system.state_size),
        verdicts=np.array([_verdict(curve, node) for _, curve, node in rows], "<U12"),
        residuals=np.array([curve.stillness(node.z, node.leg) for _, curve, node in rows], float),
        events=Bifurcations(
            kinds=np.array([event.kind for event in events], dtype="<U16"),
            **_places(system, met),
            critical=np.array([event.eigenvalue for event in events], complex),
            forms=np.array([event.form for event in events], dtype="<U16"),
            residuals=np.array([event.residual for event in events], float),
            dynamics=dynamics,
        ),
        ends=tuple(branch.ends for _, branch in atlas.branches),
        point_branch=atlas.point_branch,
        parameter_name=name,
        dynamics=dynamics,
    )


def _places(system: System, rows: list[tuple[int, OneParameter, Node]]) -> dict[str, Any]:
    split = [curve.split(node.z) for _, curve, node in rows]
    drives = [curve.member(mu, node.leg)[1] for (_, curve, node), (_, mu) in zip(rows, split)]
    return {
        "parameter": np.array([mu for _, mu in split], float),
        "states": np.array([x for x, _ in split], float).reshape(-1, system.state_size),
        "drives": np.array(drives, float).reshape(len(rows), system.input_size),
        "branch": np.array([k for k, _, _ in rows], int),
    }


def _verdict(curve: OneParameter, node: Node) -> str:
    """The verdict as of a fixed point; eigenvalues that keep off the line of stability need no condition number."""
    values, condition, norm = node.values[None], np.ones((1, curve.n)), np.ones(1)
    scale = 1.0 if curve.dynamics == "map" else float(np.abs(values).max())
    if np.abs(beyond(values, curve.dynamics)).min() < NEAR * scale:
        J = curve.linear(node.z, node.leg)
        eigen = spectrum(J[None], curve.dynamics)
        values, condition, norm = eigen.values, eigen.condition, np.array([np.linalg.norm(J)])
    kinked = np.array([curve.kinked(node.z, node.leg)])
    return str(judge(values, condition, norm, kinked, dynamics=curve.dynamics)[0])
