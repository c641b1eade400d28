"""Recurrent networks: what they are, how they are saved, and how those of others are read."""

from ._leaky_scan import leaky_loop
from .activations import ACTIVATIONS, Activation, activation
from .base import RecurrentModel, Trajectory
from .elman import Elman
from .gru import GRU
from .leaky import LeakyRNN
from .lstm import LSTM
from .registry import MODELS, by_name
from .reservoir import Reservoir
from .saving import load, save
from .state_dict import ImportedNetwork, from_state_dict

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
    "leaky_loop",
    "MODELS",
    "by_name",
    "load",
    "save",
    "ImportedNetwork",
    "from_state_dict",
]
