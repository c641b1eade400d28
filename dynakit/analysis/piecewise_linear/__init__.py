"""All fixed points of a piecewise-linear map by the linear complementarity problem that they solve."""

from .enumeration import SAME, Enumeration, enumerated, within_box

__all__: list[str] = []
