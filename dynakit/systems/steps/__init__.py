"""A user's own step, whatever its state is made of, as a map of flat vectors: found by calling it."""

from .calls import INPUT_FORMS, STATE_NAMES, StepCall, order_by_name, parameters_of, takes_no_state
from .first_states import as_states, by_maker
from .form import Form, Maker
from .kept_state import CountsItsCalls, held, names_kept, refuse_counters
from .noise import NO_MEAN_MAP, MeanOfNoise
from .outputs import StepOutputs
from .search import MIXES, Search, start_of
from .state_tree import BATCHES, Layout, branches, leaves, rebuilt
from .tree_step import TreeStep, Undecided

__all__ = ["Form"]
