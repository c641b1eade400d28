"""Learners of a stream: they predict the next element and learn from it."""

from .columnar import CSNN, LEAK, REFRACTORY, THRESHOLD
from .learner import Each, Element, Learner, Operations, Past
from .longest_match import LongestMatch
from .nearest import NearestNeighbours
from .online_lstm import OnlineGRU, OnlineLSTM
from .plasticity import PairSTDP, RateHebb
from .spiking_time_delay import TDSNN
from .time_delay import TDNN

__all__ = [
    "CSNN",
    "Each",
    "Element",
    "LEAK",
    "Learner",
    "LongestMatch",
    "NearestNeighbours",
    "OnlineGRU",
    "OnlineLSTM",
    "Operations",
    "PairSTDP",
    "Past",
    "RateHebb",
    "REFRACTORY",
    "TDNN",
    "TDSNN",
    "THRESHOLD",
]
