"""All fixed points of a piecewise-linear map, with a proof that none is missing."""

from .piecewise_linear import ExactFixedPoints, enumerate_fixed_points

__all__ = ["ExactFixedPoints", "enumerate_fixed_points"]
