"""All fixed points of a piecewise-linear map by the linear complementarity problem that they solve."""

from .enumeration import SAME, Enumeration, enumerated

__all__: list[str] = []
