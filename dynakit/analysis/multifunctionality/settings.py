"""How a check of multifunctionality asks: its cues, what it tolerates, and how hard it looks."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import count, number, one_of


@dataclass(frozen=True)
class MultifunctionalitySettings:
    """How :func:`dynakit.check_multifunctionality` asks.

    Attributes:
        cue_steps: length of a cue, in steps; shorter ones are tried too
        n_phases: cues of each target, from evenly spaced phases
        n_shocks: random shocks of each size at each attractor, and directions in which the smallest shock that makes
            the system leave is sought; 0: no shocks (they take about half of the time)
        n_steps: steps before a trajectory counts as slow; it then gets ten times as many, and is unresolved after
        error_tol: largest Hausdorff distance of a curve, relative to the target's radius
        period_tol: largest error of the period, relative
        residual_tol: largest residual of the certificate
        least_share: of a target's cues that must lead to it
        edges: whether to look for the edge state between each two held targets
        confidence: of all intervals and bounds

    Raises InputError for a value that cannot be used.
    """

    cue_steps: int = 60
    n_phases: int = 8
    n_shocks: int = 32
    n_steps: int = 1000
    error_tol: float = 0.1
    period_tol: float = 0.02
    residual_tol: float = 1e-6
    least_share: float = 1.0
    edges: bool = False
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name in ("cue_steps", "n_phases", "n_steps"):
            count(name, getattr(self, name))
        count("n_shocks", self.n_shocks, least=0)
        for name in ("error_tol", "period_tol", "residual_tol"):
            number(name, getattr(self, name), above=0.0)
        number("least_share", self.least_share, above=0.0, below=1.0)
        number("confidence", self.confidence, above=0.0, below=1.0, closed=False)
        one_of("edges", self.edges, (False, True))
