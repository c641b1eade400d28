"""States where the map stands still: search, certificates, isolation, completeness."""

from .certificate import certify
from .fixed_points import FixedPoints, canonical_order, find_fixed_points, search_arguments, spectra
from .isolation import isolation
from .starts import Starts

__all__ = ["FixedPoints", "find_fixed_points"]
