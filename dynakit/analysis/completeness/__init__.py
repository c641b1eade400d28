"""All solutions of the equations that decide the fixed points of a rate network, and the proof that these are all."""

from .enumerate import enumerate_fixed_points, proved_fixed_points
from .full_rank import FullRank
from .in_balls import InBalls, replayed
from .low_rank import LowRank
from .proof import OpenPart, Proof, RateEquation, prove
from .resting import resting
from .result import ExactFixedPoints
from .search import Budget, Closed, NoBox, closed
from .split import Split, n_equations, split
from .units import UNITS, Unit, unit

__all__ = ["ExactFixedPoints", "enumerate_fixed_points"]
