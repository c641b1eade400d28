"""From a trained network and its task to a report, in one call; one file per stage under ``stages``."""

from .analyze import analyze
from .loading import load

__all__ = ["analyze", "load"]
