"""system -> result: the questions one can ask of a map, a room for each idea.  Rooms are loaded on first use."""

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
