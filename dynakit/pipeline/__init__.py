"""From a trained network and its task to a report, in one call; one file per stage under ``stages``."""

from .analyze import analyze
from .arguments import as_drives as as_drives
from .arguments import as_names as as_names
from .lesions import map_lesions
from .loading import load
from .stages import STAGES as STAGES

__all__ = ["analyze", "load", "map_lesions"]
