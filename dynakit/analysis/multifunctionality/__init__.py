"""Does one system with fixed parameters hold several orbits, each to be chosen by a cue?"""

from .check import check_multifunctionality
from .result import Multifunctionality
from .settings import MultifunctionalitySettings

__all__ = ["Multifunctionality", "MultifunctionalitySettings", "check_multifunctionality"]
