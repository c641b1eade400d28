"""Ways to train by name, as a plan writes them."""

from __future__ import annotations

from typing import Any

from .. import checks
from .curriculum import Curriculum
from .gradient import BPTT, TBPTT
from .guessing import WeightGuessing
from .kalman import Kalman
from .online import Online
from .ridge import Ridge
from .rtrl import RTRL

METHODS: dict[str, type[Any]] = {
    "bptt": BPTT,
    "tbptt": TBPTT,
    "rtrl": RTRL,
    "kalman": Kalman,
    "weight-guessing": WeightGuessing,
    "curriculum": Curriculum,
    "online": Online,
    "ridge": Ridge,
}


def by_name(name: str) -> type[Any]:
    """The settings called ``name``, "bptt" or "BPTT"; InputError with the nearest match if there are none.

    >>> by_name("bptt")(max_updates=100).max_updates
    100
    """
    by_class = {cls.__name__: cls for cls in METHODS.values()}
    if name in by_class:
        return by_class[name]
    key = name.lower() if isinstance(name, str) else name
    return METHODS[checks.one_of("name", key, METHODS)]
