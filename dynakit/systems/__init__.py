"""Any model -> a map."""

from . import catalog
from .adapters import as_system
from .base import Box, System
from .derived import ClosedLoop, Driven, Iterated
from .function import FunctionSystem
from .recording import Recording, record

__all__ = [
    "Box",
    "ClosedLoop",
    "Driven",
    "FunctionSystem",
    "Iterated",
    "Recording",
    "System",
    "as_system",
    "catalog",
    "record",
]
