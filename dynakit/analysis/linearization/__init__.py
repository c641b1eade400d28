"""What the linear part at a point says: modes, verdicts, transients, selection."""

from .kinks import at_kinks, judge_kinks
from .linearization import Modes, linearize
from .modulation import SelectionModulation, compare_selection
from .points import drives_of
from .pull import Pull
from .selection import Selection, selection_vectors
from .step import verdicts_of_step, warn_of_step
from .times import constants, frequencies, growth_rates, in_ms
from .transients import NonNormality, nonnormality
from .verdict import beyond, conditioned, contracting, count_unstable, eigenvalues, expanding, judge, spectrum

__all__ = [
    "Modes",
    "NonNormality",
    "Selection",
    "SelectionModulation",
    "compare_selection",
    "linearize",
    "nonnormality",
    "selection_vectors",
]
