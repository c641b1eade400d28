"""What the linear part at a point says: modes, verdicts, transients, selection."""

from .linearization import Modes, count_unstable, judge, linearize
from .selection import Selection, selection_vectors
from .transients import NonNormality, nonnormality

__all__ = ["Modes", "NonNormality", "Selection", "linearize", "nonnormality", "selection_vectors"]
