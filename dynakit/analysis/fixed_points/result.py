"""What a search for fixed points found, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...results import Result, per_item
from ...wording import counted
from ..linearization import beyond, contracting, count_unstable, growth_rates

MOST_NAMED = 3  # sets of fixed points in a headline


@dataclass(frozen=True, kw_only=True, repr=False)
class FixedPoints(Result):
    """Points where a map or a flow stands still, by rising dimension of the unstable set, then most stable first.

    The per-point fields follow indexing; ``degree``, ``completeness`` and the counts always speak of the whole
    search.

    Attributes:
        states: (point, unit) where the system rests
        drives: (point, input) the constant input each was found under
        residuals: (point,) max |F(x*) - x*| of a map, in state units; max |f(x*)| of a flow, per unit time
        eigenvalues: (point, unit) of dF/dx at x*, by falling modulus; of a flow those of df/dx, per unit time, by
            falling real part
        verdicts: (point,) stable | unstable | marginal | undetermined
        step_verdicts: (point,) of a flow, the verdict on its time-dt map, which may differ; of a map, ``verdicts``
        signs: (point,) sign of det(I - J), of a flow det(-df/dx): the index of the point; 0 if it is not isolated
        non_isolated: (point,) I - J, or df/dx, is singular as far as can be told: never certified
        dimensions: (point,) of the set of fixed points it lies in; 0 for a single point
        set_of: (point,) the number of the line, ring or other set of fixed points it is a sample of; -1: of none
        certified: (point,) a root exists within existence_radius, and no other within uniqueness_radius
        existence_radius: (point,) of the ball that holds the true root, max norm, state units; NaN where not certified
        uniqueness_radius: (point,) of the ball that holds no other root; NaN where not certified
        evidence: (point,) proved | numerically verified | residual only
        uncertainties: (point,) how far the true root may be, state units
        starts_per_point: (point,) how many starts ended there
        start_status: (start,) converged | stalled | diverged | non-finite start; given ones first.  "diverged" is the
            search, not the system
        n_followed: states that were left alone under each drive: of the whole box, of a third and of a tenth of it;
            without a box given ones or, without any, some of several sizes; none where the only point attracts all
        n_unbounded: those of them that grow without bound
        n_cycling: those that reach a cycle of a map
        n_unsettled: those that neither come to rest, nor move ever more slowly, nor reach a cycle; of a flow also those
            on a limit cycle
        n_found: points of the whole search
        set_dimensions: (set,) of the sets of fixed points that a walk from sample to sample could follow
        set_extents: (set,) length of a line or ring, of other sets the largest distance met; state units
        set_closed: (set,) a ring
        set_cut: (set,) goes on where the search did not look: the extent is that of the part inside
        saturation: (batch, 3) number of the drive, starts used so far under it, points found so far
        unseen: points that no start reached, estimated, with the 95 % interval (Chao 1984, 1987)
        degree: sum of the signs; None if a point is not isolated
        expected_degree: what the sum must be, where a theorem says so; None elsewhere
        completeness: numerically verified (the only point of each drive) | consistent | incomplete | unknown
        dynamics: "map" or "flow": what eigenvalues, verdicts and residuals are those of
    """

    drawn_by: ClassVar[str] = "plot_spectrum"

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    step_verdicts: np.ndarray = per_item()
    signs: np.ndarray = per_item()
    non_isolated: np.ndarray = per_item()
    dimensions: np.ndarray = per_item()
    set_of: np.ndarray = per_item()
    certified: np.ndarray = per_item()
    existence_radius: np.ndarray = per_item()
    uniqueness_radius: np.ndarray = per_item()
    evidence: np.ndarray = per_item()
    uncertainties: np.ndarray = per_item()
    starts_per_point: np.ndarray = per_item()
    start_status: np.ndarray
    n_found: int
    set_dimensions: np.ndarray
    set_extents: np.ndarray
    set_closed: np.ndarray
    set_cut: np.ndarray
    saturation: np.ndarray
    unseen: tuple[float, float, float]
    degree: int | None
    expected_degree: int | None
    completeness: str
    dynamics: str = "map"
    n_followed: int = 0
    n_unbounded: int = 0
    n_cycling: int = 0
    n_unsettled: int = 0

    @property
    def only(self) -> bool:
        """Whether this was solved for and not searched: under each drive there is this point and no other."""
        return self.completeness == "numerically verified"

    @property
    def n_starts(self) -> int:
        """Starts used, the given ones and those the search added."""
        return len(self.start_status)

    @property
    def n_failed(self) -> int:
        """Starts that came to rest nowhere."""
        return int((self.start_status != "converged").sum())

    @property
    def n_unstable(self) -> np.ma.MaskedArray:
        """Dimension of each unstable manifold; masked where the verdict is undetermined."""
        return count_unstable(self.eigenvalues, self.verdicts, self.dynamics)

    @property
    def growth_rates(self) -> np.ndarray:
        """ln |lambda| per step, of a flow Re mu per unit time (point, unit): negative where a mode decays."""
        return growth_rates(self.eigenvalues, self.dynamics)

    @property
    def stable(self) -> Self:
        """The points all of whose modes decay, beyond doubt: |lambda| < 1 of a map, Re mu < 0 of a flow."""
        return self[self.verdicts == "stable"]

    @property
    def saddles(self) -> Self:
        """Unstable points with at least one contracting direction."""
        return self[(self.verdicts == "unstable") & self.contracting]

    @property
    def repellers(self) -> Self:
        """Unstable points without a contracting direction."""
        return self[(self.verdicts == "unstable") & ~self.contracting]

    @property
    def contracting(self) -> np.ndarray:
        """Has the point a contracting direction (point,)?"""
        return np.asarray(contracting(self.eigenvalues, self.dynamics).any(axis=1))

    @property
    def alone(self) -> Self:
        """The points that are no samples of a line, ring or other set of fixed points."""
        return self[self.set_of < 0]

    def headline(self) -> str:
        said = what_in_words(self)
        if self.certified.any():
            which = "all" if self.certified.all() else str(int(self.certified.sum()))
            said.append(
                f"{which} {'proved' if (self.evidence == 'proved').sum() == self.certified.sum() else 'certified'}"
            )
        wrong = int((self.step_verdicts != self.verdicts).sum())
        said += [f"{wrong} judged otherwise by the step"] if wrong else []
        merging = int(self.alone.non_isolated.sum())
        said += [f"{merging} not isolated"] if merging else []
        if len(self) == self.n_found:
            if self.degree is not None:
                said.append(f"degree {self.degree:+d}")
            if self.only:
                said.append("the only one" if self.n_found == 1 else "the only one under each drive")
            if self.n_starts or not self.only:
                said.append(f"{self.n_failed} of {counted(self.n_starts, 'start')} failed")
            said += self._left_alone()
            said.append({"unknown": "completeness unknown"}.get(self.completeness, self.completeness))
        return ", ".join(said)

    def _left_alone(self) -> list[str]:
        """What states do that are left alone and come to no point, if any."""
        does = {
            "grow without bound": self.n_unbounded,
            "reach a cycle": self.n_cycling,
            "do not settle": self.n_unsettled,
        }
        return [f"{n} of {counted(self.n_followed, 'state')} left alone {what}" for what, n in does.items() if n]

    def sentences(self) -> list[str]:
        """What lies beside the stable points, what cannot be decided, and what is known of what is missing."""
        alone = self.alone
        counts = alone.n_unstable.compressed()
        unstable, lines = counts[counts > 0], sets_in_words(self, at_length=True)
        if len(unstable):
            each = (f"{(unstable == k).sum()} with {counted(k, 'unstable direction')}" for k in np.unique(unstable))
            lines.append(f"{counted(len(unstable), 'unstable point')}: {', '.join(each)}")
        doubtful = int(np.isin(alone.verdicts, ("marginal", "undetermined")).sum())
        if doubtful:
            lines.append(
                f"{counted(doubtful, 'point')} whose stability floating point cannot decide (marginal or undetermined)"
            )
        merging = int(alone.non_isolated.sum())
        if merging:
            lines.append(f"{counted(merging, 'point')} not isolated: several in one, or about to merge")
        wrong = int((self.step_verdicts != self.verdicts).sum())
        if wrong:
            lines.append(f"{counted(wrong, 'point')} of whose stability the time step says otherwise than the flow")
        if self.n_cycling and len(self) == self.n_found:
            cycling = f"{self.n_cycling} of {counted(self.n_followed, 'state')} left alone reach a cycle"
            lines.append(f"{cycling}: dk.find_limit_cycles says which")
        return [*lines, self.completeness_in_words()]

    def completeness_in_words(self) -> str:
        """Whether points are missing, as far as is known, as a sentence of a report."""
        return _completeness_in_words(self)

    def table(self) -> dict[str, np.ndarray]:
        is_map = self.dynamics == "map"
        first = self.eigenvalues[:, 0] if self.eigenvalues.shape[1] else np.zeros(len(self))
        return {
            "verdict": self.verdicts,
            "n_unstable": self.n_unstable.filled(-1),
            "|eigenvalue 1|" if is_map else "Re eigenvalue 1": np.abs(first) if is_map else np.real(first),
            "residual" if is_map else "|rhs|": self.residuals,
            "evidence": self.evidence,
            "uniqueness radius": self.uniqueness_radius,
            "sign": self.signs,
            "starts": self.starts_per_point,
        }


def what_in_words(points: FixedPoints) -> list[str]:
    """The points that stand alone, by verdict, and the sets of the others."""
    alone, sets = points.alone, sets_in_words(points)
    if sets and not len(alone):
        return [*sets, *(["of a flow"] if points.dynamics == "flow" else [])]
    said = [f"{counted(len(alone), 'point')} of a {points.dynamics}"]
    for verdict in ("stable", "unstable", "marginal", "undetermined"):
        n = int((alone.verdicts == verdict).sum())
        said += [f"{n} {verdict}"] if n or verdict in ("stable", "unstable") else []
    return said + sets


def sets_in_words(points: FixedPoints, *, at_length: bool = False) -> list[str]:
    """Each line, ring or other set that these points are samples of; at length also what ends there and decays."""
    numbers = np.unique(points.set_of[points.set_of >= 0]).tolist()
    said = [_set_in_words(points, k) for k in numbers]
    if at_length:
        return [f"{words}, {_around_in_words(points, k)}" for words, k in zip(said, numbers)]
    more = [f"{len(said) - MOST_NAMED} more sets of fixed points"] if len(said) > MOST_NAMED else []
    return said[:MOST_NAMED] + more


def _set_in_words(points: FixedPoints, k: int) -> str:
    d, extent = int(points.set_dimensions[k]), f"{points.set_extents[k]:.3g}"
    part = " where the search looked" if points.set_cut[k] else ""
    if d == 1:
        return f"a {'ring' if points.set_closed[k] else 'line'} of fixed points of length {extent}{part}"
    return f"a set of fixed points of dimension {d}, {extent} across{part}"


def _around_in_words(points: FixedPoints, k: int) -> str:
    """How many starts ended at a set, and whether everything decays across it."""
    rows = points.set_of == k
    n = int(points.starts_per_point[rows].sum())
    still = float(points.dynamics == "map")
    order = np.abs(points.eigenvalues[rows] - still).argsort(axis=1)[:, points.set_dimensions[k] :]
    grows = (beyond(np.take_along_axis(points.eigenvalues[rows], order, axis=1), points.dynamics) >= 0).any(axis=1)
    if (points.verdicts[rows] == "undetermined").any():
        across = "whether it attracts floating point cannot decide"
    elif not grows.any():
        across = "across it everything decays"
    else:
        across = "across it some modes grow" if grows.all() else "in places, some modes across it grow"
    return f"where {counted(n, 'start')} ended; {across}"


def _completeness_in_words(points: FixedPoints) -> str:
    """Whether points are missing, as far as the signs say, and what the search has cost."""
    is_map = points.dynamics == "map"
    used = f"{counted(points.n_starts, 'start')}, {points.n_failed} of which led nowhere"
    if len(points):
        used += f"; max {'|F(x) - x|' if is_map else '|f(x)|'} = {points.residuals.max():.0e}"
    index = f"det({'I - J' if is_map else '-df/dx'})"
    if points.only:
        each = "its only point under each drive" if points.n_found > 1 else "the only one"
        return f"solved for, not searched: layer by layer the {points.dynamics} is affine, and this is {each}"
    if points.completeness == "consistent":
        said = f"the signs of {index} sum to {points.degree:+d}, as they must if no point is missing"
    elif points.completeness == "incomplete" and not points.n_found:
        box = "map of a box into itself" if is_map else "flow into a box"
        said = f"INCOMPLETE: a {box} has a fixed point, and none was found"
    elif points.completeness == "incomplete":
        sums = f"the signs sum to {points.degree}, not to {points.expected_degree}"
        said = f"INCOMPLETE: {sums}: points are missing"
    elif points.expected_degree is None:
        said = "no theorem says how many there must be: points may be missing"
    elif points.degree is None:
        said = f"the signs of {index} cannot be summed, because of points that are not isolated"
    else:
        said = "the search ran out of starts while points still turned up: points are likely to be missing"
    return f"{said} ({used})"
