"""Training: a model, a task and a method in; the model trained in place, and a History of how it went."""

from .curriculum import Curriculum
from .gradient import BPTT
from .online import Online, OnlineHistory
from .ridge import Ridge
from .train import train, train_together

__all__ = ["BPTT", "Curriculum", "Online", "OnlineHistory", "Ridge", "train", "train_together"]
