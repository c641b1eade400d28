"""Any model -> a map."""

from . import catalog
from .adapters import Recording, as_flow, as_system, record
from .answering import Answering as Answering
from .base import Bounds, System
from .closed_loop import ClosedLoop
from .derived import Driven, Iterated
from .flow import Flow, Monodromy
from .function import FunctionSystem
from .lesions import lesion
from .reduced import Reduced
from .steps import Form

__all__ = [
    "Bounds",
    "ClosedLoop",
    "Driven",
    "Flow",
    "Form",
    "FunctionSystem",
    "Iterated",
    "Monodromy",
    "Recording",
    "Reduced",
    "System",
    "as_flow",
    "as_system",
    "catalog",
    "lesion",
    "record",
]
