"""Training: a model, a task and a method in; the model trained in place, and a History of how it went."""

from .base import train
from .curriculum import Curriculum, train_together
from .gradient import BPTT
from .ridge import Ridge

__all__ = ["BPTT", "Curriculum", "Ridge", "train", "train_together"]
