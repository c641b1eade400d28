"""States where the map stands still: search, certificates, isolation, completeness."""

from .certificate import certify
from .continua import continua
from .fixed_points import find_fixed_points, search_arguments
from .isolation import isolation
from .mapped import FixedPointMap, map_fixed_points
from .result import FixedPoints, what_in_words
from .spectra import canonical_order, spectra
from .starts import Starts

__all__ = ["FixedPointMap", "FixedPoints", "find_fixed_points", "map_fixed_points"]
