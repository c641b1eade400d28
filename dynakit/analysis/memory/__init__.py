"""What lasts after release, the attractors it rests on, what switches them, how much a line of inputs is kept."""

from .attractors import Attractors, list_attractors
from .capacity import MemoryCapacity, memory_capacity
from .release import MemoryCheck, check_memory
from .transitions import Transitions, map_transitions

__all__ = [
    "Attractors",
    "MemoryCapacity",
    "MemoryCheck",
    "Transitions",
    "check_memory",
    "list_attractors",
    "map_transitions",
    "memory_capacity",
]
