"""Do two networks show the same shapes, move alike, answer inputs alike, or have the same weights?"""

from .alignment import Aligned
from .bounds import lower_bound, spectrum
from .controllability import ControllabilityComparison, Reach, compare_controllability
from .kernels import Kernel, KernelComparison, compare_kernels
from .mismatched import mismatched
from .operators import OperatorComparison, aligned_pairs, compare_operators
from .populations import OperatorDistances, compare_all_operators
from .propagators import FittedOperator, fit_operator
from .shapes import Shape, ShapeComparison, compare_shapes
from .subspaces import Basis, SubspaceComparison, compare_subspaces
from .weights import WeightComparison, compare_weights

__all__ = [
    "ControllabilityComparison",
    "FittedOperator",
    "KernelComparison",
    "OperatorComparison",
    "OperatorDistances",
    "ShapeComparison",
    "SubspaceComparison",
    "WeightComparison",
    "compare_all_operators",
    "compare_controllability",
    "compare_kernels",
    "compare_operators",
    "compare_shapes",
    "compare_subspaces",
    "compare_weights",
    "fit_operator",
]
