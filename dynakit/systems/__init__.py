"""Any model -> a map."""

from . import catalog
from .adapters import as_flow, as_system
from .base import Box, System
from .derived import ClosedLoop, Driven, Iterated
from .flow import Flow, Monodromy
from .function import FunctionSystem
from .recording import Recording, record

__all__ = [
    "Box",
    "ClosedLoop",
    "Driven",
    "Flow",
    "FunctionSystem",
    "Iterated",
    "Monodromy",
    "Recording",
    "System",
    "as_flow",
    "as_system",
    "catalog",
    "record",
]
