"""Bounds of a map and its Jacobian over boxes, rounding included."""

from .balls import PRECISION, Balls, enclose_point, library, matrix
from .boxes import invariant_box
from .complexes import ComplexJet
from .enclosures import Enclosure, enclose
from .intervals import gamma, upward
from .jets import Jet

__all__ = [
    "Balls",
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
