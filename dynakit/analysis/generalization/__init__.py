"""How far what was learnt goes: longer counts, longer waits, loops that no sampled test goes through often."""

from .counting import largest_n
from .loops import StressStrings, stress_strings
from .waiting import HoldTime, hold_time

__all__ = ["HoldTime", "StressStrings", "hold_time", "largest_n", "stress_strings"]
