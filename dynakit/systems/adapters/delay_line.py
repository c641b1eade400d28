"""The last elements of a stream as a state, and what is made of them.

x_t = [u_{t-lag+1}, ..., u_t] moves on by one element, x' = S x + E u.  By itself a line only forgets.  A feedforward
network reads it by y = W_out relu(W_in x + b_in) + b_out; with the loop closed, u = y(x), that is a delay map with
dynamics of its own.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...models.learners import TDNN
from ..base import System
from ..cells import fingerprint
from .copies import float64_copy


class Line(System):
    """The codes of the last ``lag`` elements, oldest first; a subclass says how they are observed."""

    def __init__(self, lag: int, code: int, name: str, regularity: str, device: torch.device | str | None) -> None:
        super().__init__(
            lag * code,
            code,
            output_size=code,
            parts=lags(lag, code),
            regularity=regularity,
            device=device or "cpu",
            name=f"{name} (lag {lag})",
        )
        self.span = lag

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.cat([x[:, self.input_size :], u.expand(len(x), -1)], dim=1)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        n, code = self.state_size, self.input_size
        return torch.diag(x.new_ones(n - code), code).expand(len(x), n, n).clone()

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        n, code = self.state_size, self.input_size
        return torch.eye(n)[:, n - code :].to(x).expand(len(x), n, code).clone()

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        new = T.new_zeros(*T.shape[:-1], self.input_size) if V is None else V
        return self._step(x, u), torch.cat([T[..., self.input_size :], new], dim=-1)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        """None: the line itself has no weights."""
        return {}


class DelayLine(Line):
    """A line that is observed through a network of ReLU units."""

    def __init__(self, network: TDNN, device: torch.device | str | None = None) -> None:
        twin = float64_copy(network, device)
        assert isinstance(twin, TDNN)
        self.W_in, self.b_in = twin.hidden.weight, twin.hidden.bias
        self.W_out, self.b_out = twin.readout.weight, twin.readout.bias
        super().__init__(network.lag, network.code_size, "TDNN", "piecewise_linear", self.W_in.device)
        self.fingerprint = fingerprint(self.name, self.W_in, self.b_in, self.W_out, self.b_out)

    def _hidden(self, x: Tensor) -> Tensor:
        return x @ self.W_in.T + self.b_in

    def _observe(self, x: Tensor) -> Tensor:
        return self._hidden(x).clamp_min(0) @ self.W_out.T + self.b_out

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return (self.W_out * (self._hidden(x) > 0).to(x.dtype)[:, None]) @ self.W_in

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        active = (self._hidden(x) > 0).to(x.dtype)
        return (active[:, None] * (T @ self.W_in.T)) @ self.W_out.T

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self._hidden(x).abs().amin(-1)


def lags(lag: int, code: int) -> dict[str, slice]:
    """Where each element is in a line, oldest first."""
    return {f"lag {lag - k}": slice(k * code, (k + 1) * code) for k in range(lag)}
