"""Maps and flows whose answers are known, to learn on and to test against."""

from .flows import lorenz, rossler, stuart_landau, two_cycles, van_der_pol
from .maps import (
    arnold,
    bistable,
    circle_map,
    delayed_logistic,
    henon,
    linear,
    logistic,
    neimark_sacker,
    piecewise_linear,
    rotation,
    stuart_landau_euler,
    tanh_network,
    tanh_unit,
    tent,
)

__all__ = [
    "arnold",
    "bistable",
    "circle_map",
    "delayed_logistic",
    "henon",
    "linear",
    "logistic",
    "lorenz",
    "neimark_sacker",
    "piecewise_linear",
    "rossler",
    "rotation",
    "stuart_landau",
    "stuart_landau_euler",
    "tanh_network",
    "tanh_unit",
    "tent",
    "two_cycles",
    "van_der_pol",
]
