"""What a search for fixed points found, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ...results import Result, per_item
from ...wording import counted
from ..linearization import contracting, count_unstable, growth_rates


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
        certified: (point,) a root exists within existence_radius, and no other within uniqueness_radius
        existence_radius: (point,) of the ball that holds the true root, max norm, state units; NaN where not certified
        uniqueness_radius: (point,) of the ball that holds no other root; NaN where not certified
        evidence: (point,) proved | numerically verified | residual only
        uncertainties: (point,) how far the true root may be, state units
        starts_per_point: (point,) how many starts ended there
        start_status: (start,) converged | stalled | diverged | non-finite start; given ones first.  "diverged" is the
            search, not the system
        n_followed: states that were left alone under each drive, given ones or, without any, some of several sizes; 0
            where an invariant box keeps all
        n_unbounded: those of them that grow without bound
        n_found: points of the whole search
        saturation: (batch, 3) number of the drive, starts used so far under it, points found so far
        unseen: points that no start reached, estimated, with the 95 % interval (Chao 1984, 1987)
        degree: sum of the signs; None if a point is not isolated
        expected_degree: what the sum must be, where a theorem says so; None elsewhere
        completeness: consistent | incomplete | unknown
        dynamics: "map" or "flow": what eigenvalues, verdicts and residuals are those of
    """

    states: np.ndarray = per_item()
    drives: np.ndarray = per_item()
    residuals: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    step_verdicts: np.ndarray = per_item()
    signs: np.ndarray = per_item()
    non_isolated: np.ndarray = per_item()
    dimensions: np.ndarray = per_item()
    certified: np.ndarray = per_item()
    existence_radius: np.ndarray = per_item()
    uniqueness_radius: np.ndarray = per_item()
    evidence: np.ndarray = per_item()
    uncertainties: np.ndarray = per_item()
    starts_per_point: np.ndarray = per_item()
    start_status: np.ndarray
    n_found: int
    saturation: np.ndarray
    unseen: tuple[float, float, float]
    degree: int | None
    expected_degree: int | None
    completeness: str
    dynamics: str = "map"
    n_followed: int = 0
    n_unbounded: int = 0

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

    def headline(self) -> str:
        said = [f"{len(self)} point{'' if len(self) == 1 else 's'} of a {self.dynamics}"]
        for verdict in ("stable", "unstable", "marginal", "undetermined"):
            n = int((self.verdicts == verdict).sum())
            if n or verdict in ("stable", "unstable"):
                said.append(f"{n} {verdict}")
        if self.certified.any():
            which = "all" if self.certified.all() else str(int(self.certified.sum()))
            said.append(
                f"{which} {'proved' if (self.evidence == 'proved').sum() == self.certified.sum() else 'certified'}"
            )
        wrong = int((self.step_verdicts != self.verdicts).sum())
        said += [f"{wrong} judged otherwise by the step"] if wrong else []
        if self.non_isolated.any():
            said.append(f"{int(self.non_isolated.sum())} not isolated")
        if len(self) == self.n_found:
            if self.degree is not None:
                said.append(f"degree {self.degree:+d}")
            said.append(f"{self.n_failed} of {self.n_starts} starts failed")
            if self.n_unbounded:
                said.append(f"{self.n_unbounded} of {self.n_followed} states left alone grow without bound")
            said.append({"unknown": "completeness unknown"}.get(self.completeness, self.completeness))
        return ", ".join(said)

    def sentences(self) -> list[str]:
        """What lies beside the stable points, what cannot be decided, and what is known of what is missing."""
        counts = self.n_unstable.compressed()
        unstable, lines = counts[counts > 0], []
        if len(unstable):
            each = (f"{(unstable == k).sum()} with {counted(k, 'unstable direction')}" for k in np.unique(unstable))
            lines.append(f"{counted(len(unstable), 'unstable point')}: {', '.join(each)}")
        doubtful = int(np.isin(self.verdicts, ("marginal", "undetermined")).sum())
        if doubtful:
            lines.append(
                f"{counted(doubtful, 'point')} whose stability floating point cannot decide (marginal or undetermined)"
            )
        merging = int(self.non_isolated.sum())
        if merging:
            lines.append(f"{counted(merging, 'point')} not isolated: part of a continuum, or about to merge")
        wrong = int((self.step_verdicts != self.verdicts).sum())
        if wrong:
            lines.append(f"{counted(wrong, 'point')} of whose stability the time step says otherwise than the flow")
        return [*lines, _completeness_in_words(self)]

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


def _completeness_in_words(points: FixedPoints) -> str:
    """Whether points are missing, as far as the signs say, and what the search has cost."""
    is_map = points.dynamics == "map"
    used = f"{points.n_starts} starts, {points.n_failed} of which led nowhere"
    if len(points):
        used += f"; max {'|F(x) - x|' if is_map else '|f(x)|'} = {points.residuals.max():.0e}"
    index = f"det({'I - J' if is_map else '-df/dx'})"
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
