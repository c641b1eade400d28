"""Lyapunov exponents and vectors, and what kind of motion they tell of."""

from . import birkhoff
from .birkhoff import CLEAR, average, coefficients, halves, wrapped
from .by_lag import GradientByLag, gradient_by_lag
from .course import Course, advance
from .covariant import CovariantVectors, covariant_vectors
from .echo_state import EchoState, check_echo_state
from .frames import Frames
from .growth import Estimates, estimate, signs
from .lyapunov import lyapunov_spectrum
from .motion import FAR, UNBOUNDED, grow, grows, recurrence
from .retracing import retrace
from .spectrum import LyapunovSpectrum

__all__ = [
    "CovariantVectors",
    "EchoState",
    "GradientByLag",
    "LyapunovSpectrum",
    "check_echo_state",
    "covariant_vectors",
    "gradient_by_lag",
    "lyapunov_spectrum",
]
