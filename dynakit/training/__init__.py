"""Training: a model, a task and a method in; the model trained in place, and a History of how it went."""

from . import guarded, side_by_side  # register the loops of gradient descent
from .base import check_sizes as check_sizes
from .base import fit as fit
from .curriculum import Curriculum
from .gradient import BPTT, TBPTT
from .guessing import WeightGuessing
from .kalman import Kalman
from .online import Online, OnlineHistory
from .registry import METHODS as METHODS
from .registry import by_name
from .ridge import Ridge
from .rtrl import RTRL
from .train import train, train_together, why_not_together

__all__ = [
    "BPTT",
    "TBPTT",
    "RTRL",
    "Kalman",
    "WeightGuessing",
    "Curriculum",
    "Online",
    "OnlineHistory",
    "Ridge",
    "by_name",
    "train",
    "train_together",
    "why_not_together",
]
