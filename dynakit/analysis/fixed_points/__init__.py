"""States where the map stands still: search, certificates, isolation, completeness."""

from .arrival import Arrival
from .certificate import certify
from .fixed_points import FixedPoints, canonical_order, find_fixed_points, search_arguments, spectra
from .isolation import isolation
from .starts import Starts

__all__ = [
    "Arrival",
    "canonical_order",
    "certify",
    "find_fixed_points",
    "FixedPoints",
    "isolation",
    "search_arguments",
    "spectra",
    "Starts",
]
