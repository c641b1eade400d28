"""Recurrent networks: what they are, how they are saved, and how those of others are read."""

from ._leaky_scan import leaky_loop
from .activations import ACTIVATIONS, Activation, activation
from .base import RecurrentModel, Trajectory
from .columnar import CSNN
from .conversion import SpikingRNN, to_spiking
from .elman import Elman
from .gru import GRU
from .leaky import LeakyRNN
from .learner import Learner
from .longest_match import LongestMatch
from .lstm import LSTM
from .nearest import NearestNeighbours
from .nir import to_nir
from .online_lstm import OnlineGRU, OnlineLSTM
from .plasticity import PairSTDP, RateHebb
from .registry import MODELS, by_name
from .reservoir import Reservoir
from .saving import load, savable, save
from .spiking import LIF, SpikingNetwork
from .spiking_time_delay import TDSNN
from .state_dict import ImportedNetwork, from_state_dict
from .surrogate import SURROGATES, spike
from .time_delay import TDNN

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "activation",
    "RecurrentModel",
    "Trajectory",
    "Elman",
    "GRU",
    "LSTM",
    "LeakyRNN",
    "Reservoir",
    "SpikingNetwork",
    "LIF",
    "SpikingRNN",
    "to_spiking",
    "to_nir",
    "SURROGATES",
    "spike",
    "PairSTDP",
    "RateHebb",
    "Learner",
    "CSNN",
    "LongestMatch",
    "NearestNeighbours",
    "OnlineGRU",
    "OnlineLSTM",
    "TDNN",
    "TDSNN",
    "leaky_loop",
    "MODELS",
    "by_name",
    "load",
    "savable",
    "save",
    "ImportedNetwork",
    "from_state_dict",
]
