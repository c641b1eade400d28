"""What a user's module does not say itself: one record, ``form=``, of all that ``as_system`` cannot find out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import count, number
from ...errors import InputError


@dataclass(frozen=True)
class Form:
    """How a network of your own is written, as far as :func:`dynakit.as_system` cannot find it out.

    Every field may be left out.

    Attributes:
        state: a first state as the step takes it (a tensor, or a tuple, list, dictionary, named tuple or dataclass of
            them, for two trials or more), a function that makes one for a number of trials, or the names of the
            attributes in which the module itself keeps its state, such as ``("h",)``.
        names: names of the parts of the state in their order, such as ``("h", "c")``.
        encoder: what stands before the step: the name of a part or method, dotted if within a part, or a callable; it
            takes (batch, width), tokens one-hot, row by row.  Several, by the names of the parts of the inputs, are a
            dictionary, and what they make stands side by side.  The system's inputs are then what the encoders take;
            ``system.encode`` makes them of tokens, or of a dictionary.
        batch_axis: axis of an example ``state`` along which its trials lie; None: the one that fits.
        returned: where in what the step returns its next state is, where several values could be it: a place or key,
            or several joined by dots, such as ``"1.h"``.
        window: length at which a state that grows by an entry a step, such as a cache, is kept: so many last entries,
            zeros at first; the map is that of this window.
        held: names of numbers that the module counts up, such as ``("t",)``, to be held where they are; the map is that
            of this moment.
        mean_of_draws: True to replace each draw of the step by its mean where that is not Gaussian noise added as it is
            (dropout, rates, choices); the map is not the mean of the process.
        sequence: True if the step takes sequences of inputs, (trial, time, input) or time first; False if it takes
            single inputs; None: found out.
        right_hand_side: True if the step is a velocity dx/dt, not a next state; ``dt=`` is then the time of one step.
        weights: names of the recurrent matrices W[post, pre] for :meth:`dynakit.System.recurrent_weights`, dotted for
            those of parts, such as ``"cell.recurrent"``; a name may be that of a layer, of several matrices below each
            other (gates), or of a method without arguments that returns the matrix that acts (masked, signed, or the
            transpose of a W[pre, post]).
        alpha: leak per step, dt / tau, in (0, 1], of a step x + alpha (G(x, u) - x); a number, or one per unit of the
            state; None where it is none, or not known.  That G does not keep the state itself is taken from you; where
            units saturate, it is checked.
        tau: time constant in the unit of ``dt=``, a number or one per unit; then alpha = dt / tau.

    Raises InputError for values that cannot be meant.

    >>> import torch, dynakit as dk
    >>> cell = torch.nn.LSTMCell(3, 4)
    >>> dk.as_system(cell, step="forward", form=dk.Form(names=("h", "c"))).parts
    {'h': slice(0, 4, None), 'c': slice(4, 8, None)}
    """

    state: Any = None
    names: tuple[str, ...] = ()
    encoder: Any = None
    batch_axis: int | None = None
    returned: str | int | None = None
    window: int | None = None
    held: tuple[str, ...] = ()
    mean_of_draws: bool = False
    sequence: bool | None = None
    right_hand_side: bool = False
    weights: tuple[str, ...] = ()
    alpha: float | Sequence[float] | None = None
    tau: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        for field in ("names", "weights", "held"):
            value = getattr(self, field)
            value = (value,) if isinstance(value, str) else tuple(value)
            if not all(isinstance(name, str) and name for name in value) or len(set(value)) != len(value):
                raise InputError(f"form.{field} must be names, each once, got {value!r}")
            object.__setattr__(self, field, value)
        for field in ("alpha", "tau"):
            object.__setattr__(self, field, _each(f"form.{field}", getattr(self, field)))
        if self.alpha is not None and np.max(self.alpha) > 1:
            raise InputError(f"form.alpha must be at most 1, what a step replaces, got {np.max(self.alpha):g}")
        if self.window is not None:
            object.__setattr__(self, "window", count("form.window", self.window))
        if self.alpha is not None and self.tau is not None:
            raise InputError("form.alpha and form.tau say the same: give one of them")
        if self.right_hand_side and not (self.alpha is None and self.tau is None):
            name = "alpha" if self.tau is None else "tau"
            raise InputError(
                f"form.{name} is of a step x + alpha (G - x), and form.right_hand_side says that there is none: leave "
                f"{name} out, a velocity has its time constants within"
            )

    @property
    def kept_in(self) -> tuple[str, ...]:
        """The attributes that are the state, where ``state`` names them."""
        given = self.state if isinstance(self.state, (tuple, list)) else [self.state]
        return tuple(given) if given and all(isinstance(name, str) for name in given) else ()

    @property
    def path(self) -> tuple[str, ...] | None:
        """``returned`` as a path."""
        return None if self.returned is None else tuple(str(self.returned).split("."))


def _each(name: str, value: Any) -> float | tuple[float, ...] | None:
    """A positive number, or several."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None if value is None else number(name, value, above=0.0, closed=False)
    if not value:
        raise InputError(f"{name} must be a number or one per unit of the state, got none")
    return tuple(number(f"{name}[{k}]", one, above=0.0, closed=False) for k, one in enumerate(value))


Maker = Callable[[int], Any]
