"""The models by name: what a saved file, the command line or a sweep may ask for."""

from __future__ import annotations

from .. import checks
from .base import RecurrentModel
from .columnar import CSNN
from .conversion import SpikingRNN
from .elman import Elman
from .gru import GRU
from .leaky import LeakyRNN
from .learner import Learner
from .lstm import LSTM
from .online_lstm import OnlineGRU, OnlineLSTM
from .reservoir import Reservoir
from .spiking import LIF
from .spiking_time_delay import TDSNN
from .time_delay import TDNN

MODELS: dict[str, type[RecurrentModel]] = {
    "elman": Elman,
    "gru": GRU,
    "lstm": LSTM,
    "leaky": LeakyRNN,
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
