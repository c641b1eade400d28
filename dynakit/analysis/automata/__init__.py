"""Which finite automaton does a network carry out?  Machines, and how one is read out of a network."""

from .extraction import Extraction, extract_automaton
from .machine import Automaton

__all__ = ["Automaton", "Extraction", "extract_automaton"]
