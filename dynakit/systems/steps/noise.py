"""Noise that a step draws itself: Gaussian draws are replaced by their mean, other draws are refused by name.

What is left is the mean map: where noise is added to the next state, the mean of the process; where it enters before a
nonlinearity, the map without it, which is not the mean of the process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ...errors import InputError

STANDARD = ("randn", "randn_like")  # of mean zero
GIVEN = ("normal", "normal_")  # of a mean that is said
OTHERS = (
    *(
        "rand",
        "rand_like",
        "randint",
        "randint_like",
        "randperm",
        "bernoulli",
        "bernoulli_",
        "uniform_",
        "poisson",
    ),
    *("gumbel_softmax", "multinomial", "exponential_", "geometric_", "cauchy_", "log_normal_", "random_"),
)
DROPOUTS = ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout", "dropout_")
MEANS: dict[str, Callable[..., Any]] = {
    "rand": lambda *size, **how: torch.zeros(*size, **how) + 0.5,
    "rand_like": lambda x, **how: torch.zeros_like(x, **how) + 0.5,
    "uniform_": lambda x, a=0.0, b=1.0: x.fill_((a + b) / 2),
    "bernoulli": lambda x, p=None, **_: x.clone() if p is None else torch.full_like(x, p),
    "bernoulli_": lambda x, p=0.5: x.copy_(torch.as_tensor(p).to(x)),
    "poisson": lambda x: x.clone(),
    "exponential_": lambda x, lambd=1.0: x.fill_(1 / lambd),
}
NO_MEAN_MAP = "has no mean map"
DRAWS = frozenset((*STANDARD, *GIVEN, *OTHERS, *DROPOUTS))


class MeanOfNoise(TorchFunctionMode):
    """Gaussian draws give their mean; ``draws`` counts them.  Any other draw raises InputError.

    ``others`` gives those their mean too that have one.  ``off`` puts each draw off its mean by so many
    times a number that is the same in every run.
    """

    def __init__(self, *, off: float = 0.0, others: bool = False) -> None:
        super().__init__()
        self.draws, self.off, self.others = 0, off, others

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name not in DRAWS:
            return func(*args, **kwargs)
        drops = name in DROPOUTS and _is_on(args, kwargs)
        if (name in OTHERS or drops) and not (self.others and (drops or name in MEANS)):
            raise InputError(f"it draws from torch.{name} at every step, which {NO_MEAN_MAP}")
        if drops:
            self.draws += 1
            return args[0]
        if name in DROPOUTS:
            return func(*args, **kwargs)
        if name in MEANS:
            self.draws += 1
            return MEANS[name](*args, **{key: value for key, value in kwargs.items() if key != "generator"})
        self.draws += 1
        mean = _mean(name, args, {key: value for key, value in kwargs.items() if key != "generator"})
        if self.off and isinstance(mean, Tensor):
            generator = torch.Generator().manual_seed(self.draws)
            mean += self.off * torch.randn(mean.shape, generator=generator, dtype=torch.float64, device="cpu").to(mean)
        return mean


def refuse_unlike_its_mean(call: Callable[..., Tensor], *arguments: Tensor, others: bool = False) -> bool:
    """Whether a call draws noise at all; InputError where the mean of what it draws does not stand for it.

    Numbers that are the same at every call are no noise.  What jumps with a draw, or has a corner at its mean (a sign,
    a size, a comparison), is not what it is on average where the draw is.
    """
    torch.manual_seed(0)
    once = call(*arguments)
    torch.manual_seed(1)
    if torch.equal(once.nan_to_num(), call(*arguments).nan_to_num()):
        return False
    if others:  # it is said that each draw be replaced
        return True
    moved = {}
    for off in (0.0, 1e-2, 1e-6, -1e-6):
        with MeanOfNoise(off=off):
            moved[off] = call(*arguments).nan_to_num()
    wide, near, back = (moved[off] - moved[0.0] for off in (1e-2, 1e-6, -1e-6))
    rounding = 1e-12 * (1 + moved[0.0].abs())
    jumps = (near.abs() > 1e-3 * wide.abs().amax() + rounding).any()
    bends = ((near + back).abs() > 1e-2 * torch.maximum(near.abs(), back.abs()) + rounding).any()
    if bool(jumps | bends):
        raise InputError(
            f"it draws noise that is not added as it is, but through a sign, a size or a comparison, and {NO_MEAN_MAP}"
        )
    return True


def _mean(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What such a draw is on average, without drawing."""
    if name in STANDARD:
        return (torch.zeros if name == "randn" else torch.zeros_like)(*args, **kwargs)
    if name == "normal_":
        return args[0].fill_(kwargs.get("mean", args[1] if len(args) > 1 else 0.0))
    mean = kwargs.pop("mean", args[0] if args else 0.0)
    std = kwargs.pop("std", args[1] if len(args) > 1 else 1.0)
    size = kwargs.pop("size", args[2] if len(args) > 2 else None)
    if size is not None:
        return torch.zeros(size, **{k: v for k, v in kwargs.items() if k != "out"}) + mean
    return mean + torch.zeros_like(torch.as_tensor(std))


def _is_on(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call of dropout drops anything."""
    p = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
    training = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else True))
    return bool(training) and bool(p)


def without_noise(f: Callable[..., Any], *, others: bool = False) -> Callable[..., Any]:
    """``f`` with the mean of its noise in the noise's place."""

    @functools.wraps(f, updated=())
    def mean(*arguments: Any, **named: Any) -> Any:
        with MeanOfNoise(others=others):
            return f(*arguments, **named)

    return mean
