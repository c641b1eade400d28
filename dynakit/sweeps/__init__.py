"""Many networks: plans of runs, what is done for each, and one table of what they are."""

from .engines import Dask, Processes
from .folder import Counts
from .jobs import Job
from .networks import Network
from .plan import Plan
from .result import Sweep
from .settings import Analysis, Run
from .sweep import read, sweep

__all__ = ["Analysis", "Counts", "Dask", "Job", "Network", "Plan", "Processes", "Run", "Sweep", "read", "sweep"]
