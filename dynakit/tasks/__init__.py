"""What the network must do: tasks that draw trials and judge outputs, and a user's own trials as a task."""

from .arrays import from_arrays
from .base import Task, Trials
from .cycles import Cycles
from .decision import ContextIntegration, DelayedComparison, PerceptualDecision
from .environment import from_environment
from .flip_flop import FlipFlop, SetReset
from .registry import by_name
from .sequence import SequenceStream
from .xor import Xor

__all__ = [
    "ContextIntegration",
    "Cycles",
    "DelayedComparison",
    "FlipFlop",
    "PerceptualDecision",
    "SequenceStream",
    "SetReset",
    "Task",
    "Trials",
    "Xor",
    "by_name",
    "from_arrays",
    "from_environment",
]
