"""From a trained network and its task to a report, in one call."""

from .analyze import analyze, load

__all__ = ["analyze", "load"]
