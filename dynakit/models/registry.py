"""The models by name: what a saved file, the command line or a sweep may ask for."""

from __future__ import annotations

from .. import checks
from .base import RecurrentModel
from .bidirectional import BidirectionalElman, BidirectionalLSTM
from .elman import Elman
from .fully_connected import FullyConnected
from .gru import GRU
from .leaky import LeakyRNN
from .learners import CSNN, TDNN, TDSNN, Learner, OnlineGRU, OnlineLSTM
from .lstm import LSTM
from .memory_blocks import MemoryBlocks
from .reservoir import Reservoir
from .spiking import LIF, SpikingRNN
from .windowed import WindowedMLP

MODELS: dict[str, type[RecurrentModel]] = {
    "elman": Elman,
    "fully-connected": FullyConnected,
    "gru": GRU,
    "lstm": LSTM,
    "leaky": LeakyRNN,
    "memory-blocks": MemoryBlocks,
    "bidirectional-lstm": BidirectionalLSTM,
    "bidirectional-elman": BidirectionalElman,
    "windowed-mlp": WindowedMLP,
    "reservoir": Reservoir,
    "lif": LIF,
    "spiking": SpikingRNN,
}


LEARNERS: dict[str, type[Learner]] = {  # those with weights; a bare memory has none
    "online-lstm": OnlineLSTM,
    "online-gru": OnlineGRU,
    "tdnn": TDNN,
    "tdsnn": TDSNN,
    "csnn": CSNN,
}


def by_name(name: str) -> type[RecurrentModel] | type[Learner]:
    """The class called ``name``, "gru" or "GRU"; InputError with the nearest match if there is none.

    >>> by_name("gru")(2, 16, 1).n_hidden
    16
    """
    known = {**MODELS, **LEARNERS}
    by_class = {cls.__name__: cls for cls in known.values()}
    if name in by_class:
        return by_class[name]
    key = name.lower() if isinstance(name, str) else name
    return known[checks.one_of("name", key, known)]
