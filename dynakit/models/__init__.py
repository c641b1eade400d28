"""Recurrent networks: what they are, how they are saved, and how those of others are read."""

from .activations import ACTIVATIONS, GATES, Activation, activation, gate
from .base import RecurrentModel, Trajectory
from .bidirectional import BidirectionalElman, BidirectionalLSTM
from .elman import Elman
from .fully_connected import FullyConnected
from .gru import GRU
from .layered import LayeredNetwork, Pointwise
from .leaky import LeakyRNN
from .leaky_scan import leaky_loop
from .learners import (
    CSNN,
    TDNN,
    TDSNN,
    Learner,
    LongestMatch,
    NearestNeighbours,
    OnlineGRU,
    OnlineLSTM,
    Operations,
    PairSTDP,
    Past,
    RateHebb,
)
from .lstm import LSTM
from .memory_blocks import MemoryBlocks
from .reading import read
from .registry import LEARNERS as LEARNERS
from .registry import MODELS, by_name
from .reservoir import Reservoir
from .saving import check_path, load, packed, savable, save, unpacked
from .spiking import LIF, SURROGATES, SpikingNetwork, SpikingRNN, from_nir, spike, to_nir, to_spiking
from .state_dict import ImportedNetwork, from_state_dict
from .windowed import WindowedMLP

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "activation",
    "GATES",
    "gate",
    "RecurrentModel",
    "Trajectory",
    "Elman",
    "FullyConnected",
    "GRU",
    "LSTM",
    "MemoryBlocks",
    "BidirectionalLSTM",
    "BidirectionalElman",
    "WindowedMLP",
    "LayeredNetwork",
    "Pointwise",
    "LeakyRNN",
    "Reservoir",
    "SpikingNetwork",
    "LIF",
    "SpikingRNN",
    "to_spiking",
    "from_nir",
    "to_nir",
    "SURROGATES",
    "spike",
    "PairSTDP",
    "RateHebb",
    "Learner",
    "Operations",
    "Past",
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
    "check_path",
    "load",
    "savable",
    "save",
    "ImportedNetwork",
    "from_state_dict",
    "read",
]
