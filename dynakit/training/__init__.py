"""Training: a model, a task and a method in; the model trained in place, and a History of how it went."""

from . import guarded  # registers the loop of gradient descent
from .base import fit as fit
from .curriculum import Curriculum
from .gradient import BPTT, TBPTT
from .guessing import WeightGuessing
from .kalman import Kalman
from .online import Online, OnlineHistory
from .ridge import Ridge
from .rtrl import RTRL
from .train import train, train_together

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
    "train",
    "train_together",
]
