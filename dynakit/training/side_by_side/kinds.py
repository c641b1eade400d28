"""Which networks may be trained side by side, and what runs each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...models import GRU, LSTM, Elman, LeakyRNN, RecurrentModel
from .cells import Pool, Stacked
from .elman import StackedElman
from .gru import StackedGRU
from .leaky import stacked_leaky
from .lstm import StackedLSTM

KINDS: dict[type[RecurrentModel], Callable[[Sequence[Any], int, Pool], Stacked]] = {
    Elman: StackedElman,
    GRU: StackedGRU,
    LSTM: StackedLSTM,
    LeakyRNN: stacked_leaky,
}
OWN = ("seed", "mask_rec", "spectral_radius")  # what networks side by side may differ in
WITHOUT = {"reset": "after", "recurrent_dropout": 0.0}  # settings for which there is no closed form here


def cell_of(models: Sequence[Any], n_trials: int, pool: Pool) -> Stacked:
    """What runs these networks over ``n_trials`` trials each."""
    return KINDS[type(models[0])](models, n_trials, pool)


def unlike(models: Sequence[Any]) -> str:
    """Why these networks cannot be side by side, one sentence; "" where they can."""
    first = models[0]
    if type(first) not in KINDS:
        known = ", ".join(sorted(kind.__name__ for kind in KINDS))
        return f"networks side by side must be of one of {known}, got a {type(first).__name__}; train it by dk.train"
    for name, only in WITHOUT.items():
        if (value := getattr(first, name, only)) != only:
            return (
                f"models with {name}={value!r} cannot be trained side by side: leave {name} at {only!r}, or train each "
                "by dk.train with BPTT"
            )
    expected = _likeness(first)
    for k, model in enumerate(models):
        if type(model) is not type(first):
            return _differ("class", type(first).__name__, type(model).__name__, k)
        for name, value in _likeness(model).items():
            if value != expected[name]:
                return _differ(name, expected[name], value, k)
    if not any(p.requires_grad for p in first.parameters()):
        return "model has no parameter that requires a gradient: there is nothing to train"
    return ""


def _likeness(model: Any) -> dict[str, Any]:
    parameter = next(model.parameters())
    config = {name: value for name, value in model.config().items() if name not in OWN}
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    return {**config, "dtype": parameter.dtype, "device": parameter.device, "frozen parameters": frozen}


def _differ(name: str, expected: Any, value: Any, k: int) -> str:
    return (
        f"models must be alike but for their weights, yet {name} is {expected} for models[0] and {value} for "
        f"models[{k}]"
    )
