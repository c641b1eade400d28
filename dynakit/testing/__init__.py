"""The contracts for parts of your own: each is one line in your own tests, and lists every clause that is broken."""

from .contract import Contract
from .results import check_result
from .systems import check_system
from .tasks import check_task
from .trainers import check_trainer

__all__ = ["Contract", "check_result", "check_system", "check_task", "check_trainer"]
