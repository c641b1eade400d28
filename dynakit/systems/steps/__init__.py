"""A user's own step, whatever its state is made of, as a map of flat vectors: found by calling it."""

from .calls import STATE_NAMES, StepCall, order_by_name, parameters_of, takes_no_state
from .form import Form
from .noise import MeanOfNoise
from .outputs import StepOutputs
from .search import Search
from .state_tree import BATCHES
from .tree_step import TreeStep

__all__ = ["Form"]
