"""Reservoirs: recurrent networks whose recurrent and input weights stay as they were drawn; only the readout learns.

With states r, tanh units and inputs u:

    "continuous"  dr/dt = gamma (-r + tanh(M r + sigma_in W_in u + b))    (Lu, Hunt and Ott 2018; Flynn et al. 2021)
    "discrete"    r' = (1 - leak) r + leak tanh(M r + sigma_in W_in u + b)  (Jaeger 2001; Jaeger et al. 2007, eq. 2)

The continuous form takes one step of the classical Runge-Kutta method per ``dt``, with u held constant.  M is a
sparse Erdos-Renyi matrix with entries from U(-1, 1), scaled to a spectral radius; each row of W_in has one entry from
U(-1, 1), in a column drawn at random.  The readout is linear in r, or in (r, r^2): the squares break the symmetry
r -> -r of tanh without a bias, which would give every attractor of the closed loop a mirror image (Herteux and Raeth
2020).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import checks, linalg
from ..errors import InputError
from ..seeding import as_seed, stream
from ..surroundings import in_own_surroundings
from .base import RecurrentModel, Trajectory, checked_sizes, sizes_of

FORMS = ("continuous", "discrete")
READOUTS = ("quadratic", "linear")
DEFAULTS = {"continuous": {"gamma": 5.0, "dt": 0.01}, "discrete": {"leak": 0.5}}
SPARSE = (0.3, 100)  # below this density and from this size on, the sparse product is the faster one


class Reservoir(RecurrentModel):
    """A reservoir of tanh units; the state is r.

    Arguments:
        spectral_radius: of M, exactly (in the precision the weights are stored in).
        density: probability of each connection.
        form: "continuous" or "discrete".
        gamma, dt: of the continuous form (default 5 and 0.01): rate per unit of time, and time of one step.
        leak: of the discrete form (default 0.5): share of the state that a step replaces, in (0, 1].
        sigma_in: strength of the inputs (a factor of W_in, not a noise level).
        bias: largest size of the constant drives b, drawn from U(-bias, bias); 0 = none.
        readout: "quadratic", y = W_out (r, r^2) + b_out, or "linear", y = W_out r + b_out.

    Raises InputError for settings out of range or of the other form, and for a matrix without loops, which no factor
    can give a spectral radius.  ``W_out`` and ``b_out`` are parameters, small at first; the other weights are
    buffers.  Train it with :class:`dynakit.training.Ridge`.

    >>> model = Reservoir(2, 50, 2, density=0.2)
    >>> model(torch.zeros(3, 10, 2)).states.shape, model.W_out.shape
    (torch.Size([3, 10, 50]), torch.Size([2, 100]))
    """

    state_layout = "r"
    W_in: Tensor  # (hidden, input)
    W_rec: Tensor  # (hidden, hidden)  M
    b_rec: Tensor  # (hidden,)

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        spectral_radius: float = 1.2,
        density: float = 0.05,
        form: str = "continuous",
        gamma: float | None = None,
        dt: float | None = None,
        leak: float | None = None,
        sigma_in: float = 0.2,
        bias: float = 0.0,
        readout: str = "quadratic",
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(n_inputs, n_hidden, n_outputs)
        self.spectral_radius = checks.number("spectral_radius", spectral_radius, above=0, closed=False)
        self.density = checks.number("density", density, above=0, below=1)
        self.form = checks.one_of("form", form, FORMS)
        given = _of_the_form(self.form, {"gamma": gamma, "dt": dt, "leak": leak})
        self.gamma, self.dt, self.leak = given["gamma"], given["dt"], given["leak"]
        self.sigma_in = checks.number("sigma_in", sigma_in, above=0)
        self.bias = checks.number("bias", bias, above=0)
        self.readout = checks.one_of("readout", readout, READOUTS)
        self.seed = as_seed(seed)
        self._draw()

    @classmethod
    def shapes(cls, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes that the weights have with these arguments; a quadratic readout is twice as wide."""
        _, n_hidden, n_outputs = sizes_of(config)
        width = 2 * n_hidden if config["readout"] == "quadratic" else n_hidden
        return {**super().shapes(config), "W_out": (n_outputs, width)}

    def features(self, states: Tensor) -> Tensor:
        """What the readout is linear in: (r, r^2) or r, (..., feature)."""
        return torch.cat([states, states.square()], -1) if self.readout == "quadratic" else states

    def linear_readout(self) -> tuple[nn.Parameter, nn.Parameter]:
        """W_out (output, feature) and b_out (output,)."""
        return self.W_out, self.b_out

    def sparse(self) -> Tensor | None:
        """``W_rec`` in compressed rows, where that makes products faster, or None."""
        if self.density > SPARSE[0] or self.n_hidden < SPARSE[1]:
            return None
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
            return self.W_rec.detach().to_sparse_csr()

    def extra_repr(self) -> str:
        pace = f"gamma={self.gamma:g}, dt={self.dt:g}" if self.form == "continuous" else f"leak={self.leak:g}"
        radius = f"spectral_radius={self.spectral_radius:g}"
        return f"{super().extra_repr()}, {self.form!r}, {radius}, {pace}, {self.readout!r} readout"

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        sparse = self.sparse()
        M = self.W_rec if sparse is None else sparse
        W_in, b = self.sigma_in * self.W_in, self.b_rec[:, None]
        r, states = x0.T.contiguous(), []  # columns are trials: the layout a sparse product wants
        for u in inputs.permute(1, 2, 0).contiguous():
            r = self._advanced(r, M, torch.addmm(b, W_in, u))
            states.append(r)
        states = torch.stack(states).permute(2, 0, 1)
        return Trajectory(self._read(states), states)

    def _advanced(self, r: Tensor, M: Tensor, drive: Tensor) -> Tensor:
        """One step of states (unit, trial) under a constant drive."""

        def pull(r: Tensor) -> Tensor:
            return torch.tanh(torch.addmm(drive, M, r)) - r

        if self.leak is not None:
            return torch.add(r, pull(r), alpha=self.leak)
        assert self.gamma is not None
        assert self.dt is not None
        z = self.gamma * self.dt
        k1 = pull(r)
        k2 = pull(torch.add(r, k1, alpha=z / 2))
        k3 = pull(torch.add(r, k2, alpha=z / 2))
        k4 = pull(torch.add(r, k3, alpha=z))
        return r + (z / 6) * (k1 + 2 * (k2 + k3) + k4)

    def _read(self, states: Tensor) -> Tensor:
        n = self.n_hidden  # without the features side by side, which would double the memory
        outputs = states @ self.W_out[:, :n].T + self.b_out
        return outputs + states.square() @ self.W_out[:, n:].T if self.readout == "quadratic" else outputs

    def _draw(self) -> None:
        n, m, n_features = self.n_hidden, self.n_inputs, self.n_hidden * (1 + (self.readout == "quadratic"))
        rng = {name: stream(self.seed, "init", "Reservoir", name) for name in ("M", "W_in", "bias", "W_out")}
        W_in = np.zeros((n, m))
        W_in[np.arange(n), rng["W_in"].integers(m, size=n)] = rng["W_in"].uniform(-1, 1, n)
        drawn = {
            "W_in": W_in,
            "W_rec": scaled_to_radius(erdos_renyi(n, self.density, rng["M"]), self.spectral_radius),
            "b_rec": self.bias * rng["bias"].uniform(-1, 1, n),
        }
        for name, values in drawn.items():
            self.register_buffer(name, torch.from_numpy(values).to(torch.get_default_dtype()))
        W_out = torch.from_numpy(
            rng["W_out"].normal(size=(self.n_outputs, n_features)) / math.sqrt(n_features)
        )
        self.W_out = nn.Parameter(W_out.to(torch.get_default_dtype()))
        self.b_out = nn.Parameter(torch.zeros(self.n_outputs))


def erdos_renyi(n: int, density: float, rng: np.random.Generator) -> np.ndarray:
    """A matrix (n, n) in which each entry is there with probability ``density``, and then drawn from U(-1, 1)."""
    present, values = rng.random((n, n)) < density, rng.uniform(-1, 1, (n, n))
    return np.where(present, values, 0.0)


def scaled_to_radius(matrix: np.ndarray, radius: float) -> np.ndarray:
    """``matrix`` times the factor that gives it this spectral radius; InputError if it has no loop at all."""
    own = np.abs(linalg.eigvals(matrix)).max()
    if not own > 1e-8 * np.abs(matrix).max(initial=1.0):  # a nilpotent matrix, up to rounding
        raise InputError(
            f"density leaves a recurrent matrix of {len(matrix)} units without loops, whose spectral radius is 0 "
            "whatever its scale; choose a larger density"
        )
    return matrix * (radius / own)


def _of_the_form(form: str, given: dict[str, float | None]) -> dict[str, float | None]:
    """Rate, time step and leak as the form has them; those of the other form must not be given."""
    own = DEFAULTS[form]
    for name, value in given.items():
        if name not in own and value is not None:
            other = next(f for f in FORMS if f != form)
            raise InputError(f"{name} belongs to form={other!r} and has no meaning for form={form!r}")
    most = {"leak": 1.0}
    chosen = {name: own.get(name) if value is None else value for name, value in given.items()}
    for name in own:
        value = chosen[name] = checks.number(name, chosen[name], above=0, below=most.get(name, math.inf))
        if value == 0:
            raise InputError(f"{name} must be positive, got 0")
    return chosen
