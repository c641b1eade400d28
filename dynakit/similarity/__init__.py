"""Which networks compute alike: distances of their dynamics, each method with settings of its own."""

from .compare import compare_dynamics
from .geometry import CCA, CKA, Procrustes
from .inputs import InputDSA
from .multipliers import Multipliers
from .operators import DSA
from .topology import Topology

__all__ = ["CCA", "CKA", "DSA", "InputDSA", "Multipliers", "Procrustes", "Topology", "compare_dynamics"]
