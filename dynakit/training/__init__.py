"""Training: a model, a task and a method in; the model trained in place, and a History of how it went."""

from .base import train
from .curriculum import Curriculum, train_together
from .gradient import BPTT
from .online import Online, OnlineHistory
from .ridge import Ridge

__all__ = ["BPTT", "Curriculum", "Online", "OnlineHistory", "Ridge", "train", "train_together"]
