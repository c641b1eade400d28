"""What a rate network is where it stands still: z = W f(z) + W_in u + b, whatever the form of its step.

    state x = z       x' = (1-a) x + a (W f(x) + W_in u + b)        "current"
    state r = f(z)    r' = (1-a) r + a f(W r + W_in u + b)          "rate", and with a = 1 Elman's network
    state r = p(z)    r' = f((1-a) r + a (W r + W_in u + b))        "rectified"; p solves p = f((1-a) p + a z)

The fixed points are those of z -> W f(z) + W_in u + b, with p in place of f in the last, state by state, for every
0 < a <= 1.  For relu p is f.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..models.activations import Activation, activation

U = 2.0**-53
HALVINGS = 64


class RateForm(NamedTuple):
    """The equation of the fixed points of a rate network, under any drive.

    Attributes:
        W: (unit, unit) recurrent weights, W[post, pre]
        W_in: (unit, input)
        b: (unit,)
        activation: the name of f
        of_currents: are states the currents z ("current" form) or the rates f(z)?
        W_error: (unit, unit) how far rounding may have moved each weight, None where they are as given
        b_error: (unit,) the same of b
        factors: (M, N), each (unit, r), if the network steps with W = M N'
        leak: a where p takes the place of f, for all units or for each (unit,)
        alpha: a where a step leaves (1-a) of the state, for all units or for each (unit,); None for any other step
        readout: (P, p) of what the network hands on, P r + p with the rates r; None where that is something else
    """

    W: Tensor
    W_in: Tensor
    b: Tensor
    activation: str
    of_currents: bool
    W_error: Tensor | None = None
    b_error: Tensor | None = None
    factors: tuple[Tensor, Tensor] | None = None
    leak: Tensor | float | None = None
    alpha: Tensor | float | None = None
    readout: tuple[Tensor, Tensor] | None = None

    def constant(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """W_in u + b under one input (input,), and how far rounding may have moved it, both (unit,)."""
        reach = self.W_in.abs() @ u.abs() + self.b.abs()
        error = (self.W_in.shape[1] + 3) * U * reach
        return self.W_in @ u + self.b, error if self.b_error is None else error + self.b_error

    def rates(self, z: Tensor) -> Tensor:
        """f(z) (..., unit), or p(z) where that takes its place."""
        f = activation(self.activation)
        return f.function(z) if self.leak is None else _resting(f, self.leak, z)

    def states(self, z: Tensor) -> Tensor:
        """The states whose currents are z (..., unit)."""
        return z if self.of_currents else self.rates(z)

    def gains(self, x: Tensor, u: Tensor) -> Tensor:
        """f'(z) of every unit at states under inputs, z being W x + W_in u + b where states are rates."""
        return self.slopes(x if self.of_currents else x @ self.W.T + u @ self.W_in.T + self.b)

    def slopes(self, z: Tensor) -> Tensor:
        """f'(z) (..., unit)."""
        return activation(self.activation).slope(z)

    def under(self, u: Tensor) -> RateForm:
        """That of the network under one constant input, autonomous."""
        d, error = self.constant(u)
        return self._replace(W_in=self.W_in[:, :0], b=d, b_error=error)

    def read(self, W: Tensor | None, b: Tensor | None) -> RateForm:
        """That of the network observed through W o + b of what it handed on, or (None) through something else."""
        if W is None or b is None or self.readout is None or not _selects(*self.readout):
            return self._replace(readout=None)
        return self._replace(readout=(W @ self.readout[0], b))

    def fed(self) -> RateForm | str:
        """That of the network that hears its own readout."""
        if self.readout is None:
            return "its readout is no weighted sum of its rates"
        P, p = self.readout
        back, error = self.W_in @ P, (self.W_in.shape[1] + 3) * U
        moved = error * (self.W_in.abs() @ P.abs() + self.W.abs())
        factors = self.factors and (torch.cat([self.factors[0], self.W_in], 1), torch.cat([self.factors[1], P.T], 1))
        return self._replace(W=self.W + back, W_error=moved, factors=factors).under(p)

    def onto(self, below: RateForm) -> RateForm | str:
        """That of a layer upon others, which hears in the same step what they hand on."""
        if below.readout is None or not _selects(*below.readout):
            return "a layer hears no plain rates of the one below"
        kinds = {(form.activation, form.of_currents, form.leak is None) for form in (self, below)}
        if len(kinds) > 1:
            return "its layers are of different kinds"
        pad, n, k = torch.nn.functional.pad, len(self.b), len(below.b)
        W = torch.cat([pad(below.W, (0, n)), torch.cat([self.W_in @ below.readout[0], self.W], 1)])
        W_in, b = pad(below.W_in, (0, 0, 0, n)), torch.cat([below.b, self.b])
        leak = None if self.leak is None else torch.cat([_each(below), _each(self)])
        heard = None if self.readout is None else (pad(self.readout[0], (k, 0)), self.readout[1])
        return RateForm(W, W_in, b, self.activation, self.of_currents, leak=leak, readout=heard)


def _selects(P: Tensor, p: Tensor) -> bool:
    """Are these outputs certain rates themselves?  Products with P are then free of rounding."""
    return bool(((P == 0) | (P == 1)).all()) and bool((P.sum(1) <= 1).all()) and not bool(p.any())


def _each(form: RateForm) -> Tensor:
    """The leak of each unit."""
    return torch.as_tensor(form.leak).to(form.b).expand(len(form.b))


def _resting(f: Activation, a: Tensor | float, z: Tensor) -> Tensor:
    """The r = f((1-a) r + a z), by halving what holds it."""
    if f.bounds is None:  # between relu and softplus
        low = z.relu()
        high = low + 0.7 / a
    else:
        low, high = torch.full_like(z, f.bounds[0]), torch.full_like(z, f.bounds[1])
    for _ in range(HALVINGS):
        r = (low + high) / 2
        below = f.function(torch.lerp(r, z, a)) > r
        low, high = torch.where(below, r, low), torch.where(below, high, r)
    return (low + high) / 2


def of_layer(cell: Any, *, of_currents: bool, alpha: Tensor | float | None = 1.0) -> RateForm:
    """The form of a layer that has W_in, W_rec, b and f, and perhaps the factors of its weights."""
    P = torch.eye(cell.output_size, cell.state_size).to(cell.W_rec)
    factors = getattr(cell, "factors_of_weights", None)
    whole = RateForm(cell.W_rec, cell.W_in, cell.b, cell.f.name, of_currents, factors=factors)
    return whole._replace(alpha=alpha, readout=(P, P.new_zeros(len(P))))
