"""Bounds of a map and its Jacobian over boxes, rounding included."""

from .balls import PRECISION, enclose_point, library, matrix
from .boxes import invariant_box
from .complexes import ComplexJet
from .enclosures import Enclosure, enclose
from .intervals import gamma, upward
from .jets import Jet

__all__ = [
    "ComplexJet",
    "enclose",
    "enclose_point",
    "Enclosure",
    "gamma",
    "invariant_box",
    "Jet",
    "library",
    "matrix",
    "PRECISION",
    "upward",
]
