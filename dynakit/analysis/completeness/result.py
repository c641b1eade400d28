"""Fixed points and what is known of their number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...results import per_item
from ...wording import counted
from ..fixed_points import FixedPoints, what_in_words

EVERY = ("proved", "numerically verified")  # there are no others


class Tube(NamedTuple):
    """A region that may hold fixed points which double precision cannot tell apart, or none; outside there are none."""

    state: np.ndarray  # (unit,)  in its middle
    extent: float  # its width in the unit in which it is widest
    miss: float  # the largest |G(kappa) - kappa| seen in it, G being the equations that decide the fixed points


def _none() -> np.ndarray:
    return np.zeros(0)


@dataclass(frozen=True, kw_only=True, repr=False)
class ExactFixedPoints(FixedPoints):
    """Fixed points whose list is complete if ``completeness`` says so.

    ``completeness`` is "proved" (no others in the whole state space), "proved in box", "numerically verified" (the
    same, but for bounds that could not be enclosed), "proved but for tubes" (any other lies in one of the ``tubes``),
    "incomplete" (``left`` says what is open) or "not attempted" (``left`` says why; the points are those of
    :func:`dynakit.find_fixed_points`).  Points at a kink that rounding errors may have made, moved or split are left,
    unless each is one whatever they are, or stands in rational arithmetic.  ``starts_per_point`` counts the region
    jumps that ended in a point, or the starts of a search; 0 where only the proof found it.

    Attributes:
        regions: (point, hinge) which hinges are active, W x + b > 0; of a smooth map there are none
        at_kink: (point,) whether some hinge is at zero as far as can be told, so that there are one-sided Jacobians
        n_nodes: sub-problems, or boxes, of the branch and bound that were visited
        n_left: sub-problems, boxes and regions without an answer
        left: what they are, in words; "" where nothing is left
        n_equations: how many equations decide the fixed points; 0 where it was not asked, or there are none to solve
        tube_states: (tube, unit) the middle of each tube
        tube_extents: (tube,) its width in the unit in which it is widest
        tube_misses: (tube,) the largest |G(kappa) - kappa| seen in it
    """

    regions: np.ndarray = per_item()
    at_kink: np.ndarray = per_item()
    n_nodes: int
    n_left: int
    left: str
    n_equations: int = 0
    tube_states: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    tube_extents: np.ndarray = field(default_factory=_none)
    tube_misses: np.ndarray = field(default_factory=_none)

    @property
    def only(self) -> bool:
        """Whether there is this point and no other, beyond doubt."""
        return self.completeness in EVERY and self.n_found == 1

    @property
    def tubes(self) -> list[Tube]:
        """Where other fixed points may lie."""
        return [Tube(*row) for row in zip(self.tube_states, self.tube_extents.tolist(), self.tube_misses.tolist())]

    def headline(self) -> str:
        said = what_in_words(self)
        if len(self) == self.n_found:
            said += [] if self.degree is None else [f"degree {self.degree:+d}"]
            said += self._left_alone()
            said.append(self.completeness + (f" ({self.left})" if self.left else ""))
        return ", ".join(said)

    def completeness_in_words(self) -> str:
        """Whether these are all, as a sentence of a report."""
        n = f"{counted(self.n_nodes, 'box', 'boxes')}" if self.n_equations else ""
        by = f" ({counted(self.n_equations, 'equation')} decide{'s' * (self.n_equations == 1)} them; {n})" if n else ""
        if self.completeness in (*EVERY, "proved in box"):
            word = "verified numerically" if self.completeness == "numerically verified" else "proved"
            return f"{word}: {self._these()}, and there are no others{by}"
        if self.completeness == "proved but for tubes":
            extent = f"up to {self.tube_extents.max(initial=0.0):.2g} wide"
            where = counted(len(self.tube_extents), "region")
            return f"proved but for {where} {extent}: any other lies there{by}"
        return f"{self.completeness}: {self.left}"

    def _these(self) -> str:
        """How many points of what there are."""
        where = " in this box" if self.completeness == "proved in box" else ""
        if self.dynamics == "flow":
            return counted(self.n_found, "equilibrium", "equilibria") + where
        return counted(self.n_found, "fixed point") + where

    def table(self) -> dict[str, np.ndarray]:
        pieces = {"active": self.regions.sum(axis=1), "at kink": self.at_kink} if self.regions.shape[1] else {}
        return {**super().table(), **pieces}
