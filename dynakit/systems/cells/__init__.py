"""Cells in closed form: one step, and its derivatives."""

from .cells import Cell, ElmanCell, affine_range, fingerprint, in_single_precision, zeros
from .gru import EarlyResetGRUCell, GRUCell
from .leaky import LeakyCell
from .lstm import LSTMCell
from .piecewise import HingeMap
from .stack import Stack

__all__ = [
    "affine_range",
    "Cell",
    "EarlyResetGRUCell",
    "ElmanCell",
    "fingerprint",
    "GRUCell",
    "HingeMap",
    "in_single_precision",
    "LeakyCell",
    "LSTMCell",
    "Stack",
    "zeros",
]
