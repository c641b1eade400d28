"""All fixed points of a map, and the proof that there are no others.

Three ways.  A rate network, z = W f(z) + d where it stands still, has the solutions of as few equations as the
symmetric part of W has eigenvalues above 1, or as it has factors (``split``): they are searched by interval branch and
bound.  A map made of hinges, F(x) = A x + c + B relu(W x + b), has those of a linear complementarity problem in
r = relu(W x + b) (Eaves and Lemke 1981): few dimensions by their regions, else branch and bound over complementary
pairs, where a sub-problem is closed as soon as its solutions lie on one path or a linear programme refutes it.  Bounds
of the rounding errors enter every decision, so that "proved" means proved of the map with the weights it has.  Of
every other map there is only what a search finds, and the reason why.

The flow dx/dt = rate (F(x, u) - x) of such a map rests where the map does.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import linalg, seeding
from ...checks import count, number, reals
from ...errors import InputError
from ...progress import Callback, expect, going, watching
from ...provenance import with_provenance
from ...systems.base import Pieces, System, checked, minus_identity
from ...systems.derived import Iterated
from ...systems.rest import at_rest, dynamics_of
from ..fixed_points import FixedPoints, find_fixed_points
from ..linearization import warn_of_step
from ..piecewise_linear import Enumeration, enumerated, within_box
from .collected import collected
from .periodic import Lift, equation
from .proof import Proof, RateEquation, prove
from .result import ExactFixedPoints
from .search import Budget

MOST_BOXES = 400_000  # of the search of a rate network
FEW_HINGES = 24  # up to which the regions are faster
SHARE = 0.3  # of the time for the equations of a map that has pieces too
CHEAP = 1_000  # sub-problems of a map of linear pieces that are few


class Question(NamedTuple):
    """What is asked of which map, and until when."""

    system: System  # at rest, iterated
    u: Tensor
    equation: tuple[RateEquation, Lift] | str  # of a rate network, and states of its currents; or why it is none
    limits: np.ndarray | None  # (2, unit)
    seed: Any
    end: float  # time.monotonic()
    max_boxes: int
    max_problems: float  # of the tree of a map of linear pieces
    stop: Callable[[], bool]


@with_provenance
def enumerate_fixed_points(
    system: System,
    drive: Any = None,
    *,
    period: int = 1,
    box: Any = None,
    time_limit: float = 60.0,
    max_boxes: int = MOST_BOXES,
    seed: Any = 0,
    callback: Callback | None = None,
) -> ExactFixedPoints:
    """Find all fixed points of a map, or all equilibria of its flow, with the proof that there are no others.

    Proofs are for rate networks (Elman and leaky ones with tanh, sigmoid, softplus or relu, in every form that has an
    equation z = W f(z) + d, with Dale's law or without, their closed loops and flows) whose fixed points few equations
    decide, three or so: trained flip-flops need as many as they have bits.  And for all maps of linear pieces.
    Elsewhere the answer is that of :func:`dynakit.find_fixed_points`, with the reason why it is no proof.

    Arguments:
        system: a map or a flow without jumps.
        drive: the constant input (input,); None is zero input.
        period: the points of F^period instead: those on orbits whose period divides it, with proof for maps of linear
            pieces and for rate networks whose leak is outside of f (``period`` copies of them in a ring are a rate
            network that rests where they go round); of a flow 1.
        box: intervals (unit, 2), or one (low, high) for every unit: only the points in this box, which is faster for
            maps of linear pieces.
        time_limit: seconds after which the search stops and says what is open.
        max_boxes: of the search of a rate network, after which it ends likewise, on every machine alike.
        seed: of the regions that are jumped from, and of the starts of a search.
        callback: called for each sub-problem or batch of boxes with how many were looked at and {"total": None,
            "unit": "sub-problem"}; StopIteration raised in it ends the search as ``time_limit`` does (``interrupted``).

    Returns:
        ExactFixedPoints, whose ``completeness`` says what is proved.

    Raises:
        InputError: for a system with jumps, or arguments that do not fit it.

    >>> import dynakit as dk
    >>> hat = dk.catalog.piecewise_linear([[0.0]], [[1.0]], [[2.0]], c=[-1.0])  # x' = 2 relu(x) - 1
    >>> points = dk.enumerate_fixed_points(hat)
    >>> points.states.ravel().tolist(), points.completeness
    ([-1.0, 1.0], 'proved')
    >>> switch = dk.catalog.tanh_network([[1.5, 0.0], [0.0, 1.5]])  # two units that do not hear each other
    >>> dk.enumerate_fixed_points(switch)
    ExactFixedPoints(9 points of a map, 4 stable, 5 unstable, degree +1, proved)
    """
    start = time.monotonic()
    period, seconds = count("period", period), number("time_limit", time_limit, above=0, closed=False)
    most = count("max_boxes", max_boxes)
    u = checked(system).as_drive("drive", drive)
    if u.ndim != 1:
        raise InputError(
            f"drive must be one vector of {system.input_size} values, got shape {tuple(u.shape)}"
        )
    if period > 1 and dynamics_of(system) == "flow":
        raise InputError(f"period must be 1 for a flow, which has no orbits of {period} steps, got {period}")
    whole = at_rest(system)
    whole.refuse_jumps("an enumeration of fixed points")
    limits = None if box is None else _limits(box, system.state_size)
    with linalg.one_thread(), torch.no_grad():
        asked = _question(whole, u, period, seed, end=start + seconds)._replace(limits=limits, max_boxes=most)
        pieces = whole.pieces(u)
        if pieces is None:
            proof = _proof(asked, asked.end - time.monotonic())
            points = _proved(asked, proof, None) or _searched(asked, proof)
        else:
            points = _of_pieces(asked, pieces.repeated(period))
    warn_of_step(whole, points.verdicts, points.step_verdicts)
    return points


@with_provenance
def proved_fixed_points(system: System, drive: Any, *, max_boxes: int, seed: Any = 0) -> ExactFixedPoints | None:
    """Those of :func:`enumerate_fixed_points` of a rate network if a proof is cheap; else None, without a search.

    Cheap are ``max_boxes``, and :data:`CHEAP` sub-problems of a map of linear pieces, on every machine alike.
    """
    whole, u = at_rest(checked(system)), system.as_drive("drive", drive)
    with linalg.one_thread(), torch.no_grad():
        asked = _question(whole, u, 1, seed, end=math.inf)._replace(max_boxes=max_boxes, max_problems=CHEAP)
        if isinstance(asked.equation, str):
            return None
        pieces = whole.pieces(u)
        points = _proved(asked, _proof(asked, math.inf), None) if pieces is None else _of_pieces(asked, pieces)
    return points if points is not None and points.completeness == "proved" else None


def _question(whole: System, u: Tensor, period: int, seed: Any, *, end: float) -> Question:
    """What is asked of a map at rest: all its points of that period, in however many sub-problems."""
    expect(None, "sub-problem")
    looked, form = itertools.count(), whole.rate_form()
    rate = form if isinstance(form, str) else equation(form, u, period)
    several = whole if period == 1 else Iterated(whole, period)
    stop = lambda: not going(next(looked), "sub-problem") or time.monotonic() > end  # noqa: E731
    return Question(several, u, rate, None, seed, end, MOST_BOXES, math.inf, stop)


def _of_pieces(asked: Question, pieces: Pieces) -> ExactFixedPoints:
    """Of a map of linear pieces: by its equations if they are few and its hinges many, else by its regions."""
    if len(pieces.b) > FEW_HINGES and asked.limits is None:
        points = _proved(asked, _proof(asked, SHARE * (asked.end - time.monotonic())), pieces)
        if points is not None:
            return points
    rng, problems = seeding.stream(asked.seed, "regions"), itertools.count()
    stop = lambda: next(problems) >= asked.max_problems or asked.stop()  # noqa: E731
    return collected(asked.system, asked.u, enumerated(asked.system, asked.u, pieces, asked.limits, rng, stop=stop))


def _proof(asked: Question, seconds: float) -> Proof:
    """What branch and bound over the equations of a rate network says."""
    if isinstance(asked.equation, str):
        none, reason = np.zeros((0, asked.system.state_size)), _why_not(asked.system, asked.equation)
        return Proof(none, 0, "not attempted", reason, [], 0)
    return prove(asked.equation[0], Budget(asked.max_boxes, seconds, lambda n: asked.stop()))


def _why_not(system: System, form: str) -> str:
    """Why there is nothing that could be solved for all fixed points."""
    still = torch.zeros(system.state_size, dtype=torch.float64, device=system.device)
    if system.regularity == "smooth" and not bool(torch.isfinite(system.kinks(still))):
        return f"no equations that decide its fixed points are known: {form}"
    return (
        "it does not say what its linear pieces are, and they cannot be read off its code (a leaky ReLU network given "
        "as dk.models.LeakyRNN says them)"
    )


def _states(asked: Question, currents: np.ndarray) -> Tensor:
    """The states whose currents these are."""
    assert not isinstance(asked.equation, str)
    return asked.equation[1](torch.from_numpy(currents).to(asked.u.device))


def _proved(asked: Question, proof: Proof, pieces: Pieces | None) -> ExactFixedPoints | None:
    """The points of a proof; None if there is none, or one of them does not stand still under the map itself."""
    if proof.verdict != "proved":
        return None
    x = _states(asked, proof.currents)
    active = np.zeros((len(x), 0), bool) if pieces is None else (pieces.hinges(x) > 0).numpy(force=True)
    signs = linalg.sign_det(-minus_identity(asked.system.jacobian(x, asked.u.expand(len(x), -1))))
    none = np.zeros(len(x), int)
    states = x.numpy(force=True)
    kept = np.ones(len(x), bool) if asked.limits is None else within_box(states, asked.limits)
    verdict = "proved" if asked.limits is None else "proved in box"
    found = Enumeration(states, active, none, none > 0, signs, none, 0, proof.n_boxes, 0, "", verdict)
    points = collected(asked.system, asked.u, found.where(kept), n_equations=proof.n_equations)
    return points if len(points) == kept.sum() else None


def _searched(asked: Question, proof: Proof) -> ExactFixedPoints:
    """What a search finds, with the roots of the proof and what it leaves open."""
    known = _states(asked, proof.currents) if len(proof.currents) else None
    with watching(None):
        found = find_fixed_points(asked.system, known, asked.u, seed=asked.seed)
    word, reason = proof.verdict, proof.reason
    if word == "proved":
        word, reason = "not attempted", "the solutions of its equations do not stand still under the step"
    found = found if asked.limits is None else found[within_box(found.states, asked.limits)]
    more = {"n_equations": proof.n_equations, "n_nodes": proof.n_boxes, **_tubes_as_arrays(asked, proof)}
    n_left = sum(tube.n_boxes for tube in proof.tubes)
    return _as_exact(found, completeness=word, left=reason, n_left=n_left, **more)


def _tubes_as_arrays(asked: Question, proof: Proof) -> dict[str, np.ndarray]:
    if not proof.tubes:
        return {}
    z = np.array([tube.currents for tube in proof.tubes])
    return {
        "tube_states": _states(asked, z).numpy(force=True),
        "tube_extents": np.array([tube.extent for tube in proof.tubes]),
        "tube_misses": np.array([tube.miss for tube in proof.tubes]),
    }


def _as_exact(found: FixedPoints, **said: Any) -> ExactFixedPoints:
    """The same points as a result that can say more, with what it says of their number."""
    fields = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name != "provenance"}
    nothing = np.zeros((len(found), 0), bool)
    return ExactFixedPoints(**{**fields, **said}, regions=nothing, at_kink=np.zeros(len(found), bool))


def _limits(box: Any, n: int) -> np.ndarray:
    """(2, unit)"""
    intervals = reals("box", box)
    if intervals.shape not in ((2,), (n, 2)):
        raise InputError(
            f"box must be one interval (low, high) or have shape ({n}, 2), got {intervals.shape}"
        )
    limits = np.array(np.broadcast_to(intervals, (n, 2)).T)
    if (limits[0] > limits[1]).any():
        unit = int(np.flatnonzero(limits[0] > limits[1])[0])
        raise InputError(
            f"box must have low <= high, but at unit {unit} it is {limits[0, unit]} > {limits[1, unit]}"
        )
    return limits
