"""What the network must do: tasks that draw trials and judge outputs, and a user's own trials as a task."""

from .arrays import ArrayTask as ArrayTask
from .arrays import from_arrays
from .base import Task
from .base import sign_marks as sign_marks
from .baseline import Baseline as Baseline
from .baseline import baseline as baseline
from .classic import Adding, CountingLanguage, EmbeddedReber, Parity, Phonemes, TemporalOrder
from .cycles import Cycles
from .decision import ContextIntegration, DelayedComparison, PerceptualDecision
from .discrimination import FrequencyDiscrimination
from .environment import from_environment
from .flip_flop import FlipFlop, SetReset
from .holding import Hold as Hold
from .holding import Holds as Holds
from .holding import find_holds as find_holds
from .registry import TASKS as TASKS
from .registry import by_name
from .sequence import N_DIGITS as N_DIGITS
from .sequence import WINDOW as WINDOW
from .sequence import SequenceStream
from .sequence import Stream as Stream
from .sequence import windowed_accuracy as windowed_accuracy
from .trials import Trials
from .trials import score_mask as score_mask
from .xor import Xor

__all__ = [
    "Adding",
    "ContextIntegration",
    "CountingLanguage",
    "Cycles",
    "DelayedComparison",
    "EmbeddedReber",
    "FlipFlop",
    "FrequencyDiscrimination",
    "Parity",
    "PerceptualDecision",
    "Phonemes",
    "SequenceStream",
    "SetReset",
    "Task",
    "TemporalOrder",
    "Trials",
    "Xor",
    "by_name",
    "from_arrays",
    "from_environment",
]
