"""Leaky firing-rate networks with noise and Dale's law: the rate models of cognitive neuroscience.

With a = dt/tau, rates r and drive d = W_in u + b, in the three forms in use:

    "current"    x' = (1 - a) x + a (W f(x) + d + n),  r = f(x)     (Song, Yang, Wang 2016, eq. 6)
    "rate"       r' = (1 - a) r + a f(W r + d + n)                  (Yang et al. 2019, eq. 2)
    "rectified"  r' = f((1 - a) r + a (W r + d + n))

and y = W_out r + b_out.  The noise n = sqrt(2/a) sigma_rec N(0, 1) is the Euler-Maruyama step of
tau dx = ... + sqrt(2 tau) sigma_rec dB: without recurrence the standard deviation of x is
sigma_rec sqrt(2/(2 - a)).  Units may have time constants of their own: then a is one number per unit, and the noise of
an input, which many units hear, is that of their mean time constant.

Dale's law: a unit excites or inhibits all its targets, W = |W_rec| * mask * D with D = +1 for the first
``round(e_frac n)`` units and -1 for the rest.  A row of W is the input of one unit; excitation and inhibition
cancel exactly in each row at the start, because otherwise the first steps of training can push the mean
excitatory mode beyond 1, where a ReLU network explodes.  The radius is that of W, not of W_rec (Li,
Cornford, Ghosh, Richards 2023, on why the spectrum at the start decides).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import checks, linalg
from ..errors import InputError
from ..seeding import as_seed, torch_stream
from ..surroundings import in_own_surroundings
from .activations import ACTIVATIONS
from .base import RecurrentModel, Trajectory, checked_sizes
from .leaky_scan import FORMS, Acting, Leak, leaky_loop, leaky_scan
from .time_constants import as_factor, in_words, of_each, plain, time_constants

_MAGNITUDES = {"abs": torch.abs, "relu": torch.relu, "softplus": functional.softplus}


class Weights(NamedTuple):
    """The signed weights that act; W[post, pre]."""

    W_in: Tensor  # (hidden, input)
    W_rec: Tensor  # (hidden, hidden)
    W_out: Tensor  # (output, hidden)


class LeakyRNN(RecurrentModel):
    """A leaky rate network; the state is x for the form "current" and r for the others.

    ``dt`` and ``tau`` in ms; ``tau`` of all units, or n_hidden numbers (n_hidden equal ones are kept as that one, so
    that they make the same network).  ``dale`` is None (free signs) or how magnitudes are made from ``W_rec``: "abs",
    "relu" or "softplus".  ``autapses=False`` removes self-connections, ``mask_rec`` (n_hidden, n_hidden) of 0
    and 1 any others.  ``spectral_radius`` is that of the acting recurrent matrix at the start (a network
    without loops has radius 0 and is left as drawn).  ``signed_io=False``, with Dale's law only, makes input
    weights non-negative and reads out excitatory units only, with non-negative weights: such a readout cannot
    go below ``b_out``.  ``sigma_rec`` and ``sigma_in`` are noise levels, in training mode only.

    Parameters ``W_in``, ``W_rec``, ``W_out``, ``b_rec``, ``b_out`` are raw; :meth:`effective_weights` are
    what acts.  ``sign`` (n_hidden,) is +1 or -1 per unit, None without Dale's law.

    >>> model = LeakyRNN(2, 50, 1, dale="abs", sigma_rec=0.05)
    >>> bool((model.effective_weights().W_rec * model.sign >= 0).all())
    True
    """

    scan = staticmethod(leaky_scan)  # leaky_loop is slower and has derivatives of every order
    sign: Tensor | None
    mask_rec: Tensor | None
    _connected: Tensor | None  # where a weight may act: mask_rec, and no autapses

    @in_own_surroundings
    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        dt: float = 20.0,
        tau: float | Sequence[float] = 100.0,
        activation: str = "relu",
        form: str = "current",
        dale: str | None = None,
        e_frac: float = 0.8,
        autapses: bool = True,
        mask_rec: Any = None,
        spectral_radius: float = 1.0,
        signed_io: bool = True,
        sigma_rec: float = 0.0,
        sigma_in: float = 0.0,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_inputs, self.n_hidden, self.n_outputs = checked_sizes(
            n_inputs, n_hidden, n_outputs, least_inputs=0
        )
        self.dt = checks.number("dt", dt, above=0, closed=False)
        self.tau = time_constants("tau", tau, self.n_hidden, dt=self.dt, why="alpha = dt/tau is at most 1")
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.form = checks.one_of("form", form, FORMS)
        self.dale = checks.one_of("dale", dale, (None, *_MAGNITUDES))
        self.e_frac = checks.number("e_frac", e_frac, above=0, below=1, closed=False)
        self.autapses = checks.flag("autapses", autapses)
        self.signed_io = checks.flag("signed_io", signed_io)
        self.spectral_radius = checks.number("spectral_radius", spectral_radius, above=0, closed=False)
        self.sigma_rec = checks.number("sigma_rec", sigma_rec, above=0)
        self.sigma_in = checks.number("sigma_in", sigma_in, above=0)
        self.seed = as_seed(seed)
        if not self.signed_io and self.dale is None:
            raise InputError("signed_io=False needs Dale's law to say who is excitatory: give dale='abs'")
        self.register_buffer("sign", self._signs(), persistent=False)
        self.register_buffer("mask_rec", _checked_mask(mask_rec, self.n_hidden))
        self.register_buffer("_connected", self._connections(), persistent=False)
        self._draw()

    @property
    def alpha(self) -> float | np.ndarray:
        """Share of the state that one step replaces, dt/tau, in (0, 1]; an array (unit,) where units differ in tau."""
        return of_each(lambda tau: self.dt / tau, self.tau)

    def _leak(self, sigma: float = 0.0) -> Leak:
        """The constants of a step with this much recurrent noise, in the precision and place of the weights."""
        return Leak(as_factor(self.alpha, self.W_rec), self.form, self.activation, sigma)

    def config(self) -> dict[str, Any]:
        """The arguments that build this network anew."""
        return {**super().config(), "tau": plain(self.tau)}

    def rates(self, states: Tensor) -> Tensor:
        """The firing rates (..., hidden) that belong to ``states`` (..., state)."""
        return ACTIVATIONS[self.activation].function(states) if self.form == "current" else states

    def linear_readout(self) -> tuple[nn.Parameter, nn.Parameter]:
        """``W_out`` and ``b_out``; refused with ``signed_io=False``, which keeps the weights non-negative."""
        if not self.signed_io:
            raise InputError("model has signed_io=False: its readout weights cannot take any sign")
        return self.W_out, self.b_out

    def read(self, states: Tensor) -> Tensor:
        """The outputs (..., output) of the weights that act."""
        return functional.linear(self.rates(states), self.effective_weights().W_out, self.b_out)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step without noise, in plain operations, which have derivatives of every kind."""
        weights = self.effective_weights()
        acting = Acting(weights.W_in, self.b_rec, weights.W_rec, weights.W_out, self.b_out)
        return leaky_loop(u[None], x, acting, self._leak(), None)[1][0]

    @property
    def noisy(self) -> bool:
        """Whether noise enters the states in training mode."""
        return self.sigma_rec > 0 or self.sigma_in > 0

    def effective_weights(self) -> Weights:
        """The weights that act, after signs and masks; differentiable in the raw parameters."""
        W_rec = self.W_rec
        if self.dale is not None:
            W_rec = _MAGNITUDES[self.dale](W_rec) * self.sign
        if self._connected is not None:
            W_rec = W_rec * self._connected
        if self.signed_io or self.sign is None:
            return Weights(self.W_in, W_rec, self.W_out)
        return Weights(self.W_in.abs(), W_rec, self.W_out.abs() * (self.sign > 0))

    def extra_repr(self) -> str:
        dale = f", dale={self.dale!r}, e_frac={self.e_frac}" if self.dale else ""
        return f"{super().extra_repr()}, alpha={in_words(self.alpha)}, {self.form!r}, {self.activation!r}{dale}"

    def _run(self, inputs: Tensor, x0: Tensor, generator: torch.Generator | None) -> Trajectory:
        weights, u = self.effective_weights(), inputs.transpose(0, 1)
        if self.training and self.sigma_in > 0:
            device = generator.device if generator is not None else u.device
            noise = torch.randn(u.shape, generator=generator, dtype=u.dtype, device=device)
            u = u + self.input_noise * noise.to(u.device)
        leak = self._leak(self.sigma_rec if self.training else 0.0)
        acting = Acting(weights.W_in, self.b_rec, weights.W_rec, weights.W_out, self.b_out)
        outputs, states = self.scan(u, x0, acting, leak, generator)
        return Trajectory(outputs.transpose(0, 1), states.transpose(0, 1))

    @property
    def unit_noise(self) -> float | np.ndarray:
        """Standard deviation of the noise that enters each unit in one step, sqrt(2 tau/dt) sigma_rec."""
        return of_each(lambda tau: math.sqrt(2 / (self.dt / tau)) * self.sigma_rec, self.tau)

    @property
    def input_noise(self) -> float:
        """Standard deviation of the noise of an input in one step, sqrt(2 tau/dt) sigma_in, with the mean tau."""
        alpha = self.dt / (float(np.mean(self.tau)) if isinstance(self.tau, tuple) else self.tau)
        return math.sqrt(2 / alpha) * self.sigma_in

    def _signs(self) -> Tensor | None:
        if self.dale is None:
            return None
        n_excitatory = round(self.e_frac * self.n_hidden)
        if not 0 < n_excitatory < self.n_hidden:
            raise InputError(
                f"e_frac must leave at least one excitatory and one inhibitory unit, got {self.e_frac:g} "
                f"of {self.n_hidden} units"
            )
        sign = torch.ones(self.n_hidden)
        sign[n_excitatory:] = -1
        return sign

    def _connections(self) -> Tensor | None:
        if self.autapses:
            return self.mask_rec
        off_diagonal = 1 - torch.eye(self.n_hidden)
        return off_diagonal if self.mask_rec is None else off_diagonal * self.mask_rec

    def _draw(self) -> None:
        generator = torch_stream(self.seed, "init", "LeakyRNN")
        n, n_in, n_out = self.n_hidden, self.n_inputs, self.n_outputs

        def normal(rows: int, columns: int) -> Tensor:
            values = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
            return (values / math.sqrt(max(columns, 1))).to(torch.get_default_dtype())

        self.W_in = nn.Parameter(normal(n, n_in))
        self.W_out = nn.Parameter(normal(n_out, n))
        self.W_rec = nn.Parameter(self._initial_recurrence(generator))
        self.b_rec = nn.Parameter(torch.zeros(n))
        self.b_out = nn.Parameter(torch.zeros(n_out))

    def _initial_recurrence(self, generator: torch.Generator) -> Tensor:
        n = self.n_hidden
        connected = np.ones((n, n)) if self._connected is None else self._connected.double().numpy()
        if self.sign is None:
            raw = torch.randn(n, n, generator=generator, dtype=torch.float64).numpy() / math.sqrt(n)
            acting = raw * connected
        else:
            raw = balanced_magnitudes(self.sign.double().numpy(), connected, generator)
            acting = raw * connected * self.sign.double().numpy()
        radius = np.abs(linalg.eigvals(acting)).max()
        if radius > 0:
            raw = raw * (self.spectral_radius / radius)
        if self.dale == "softplus":
            raw = raw + np.log(-np.expm1(-raw))  # its inverse
        return torch.from_numpy(raw).to(torch.get_default_dtype())


def balanced_magnitudes(sign: np.ndarray, connected: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Gamma(2) magnitudes (n, n) whose excitation and inhibition are equal in each row of ``connected``.

    Rows without connected units of either kind keep what they drew.
    """
    n, excitatory = len(sign), sign > 0
    pair = torch.empty(2, n, n, dtype=torch.float64).exponential_(generator=generator)
    magnitudes = pair.sum(0).numpy() / math.sqrt(n)
    magnitudes[:, ~excitatory] *= excitatory.sum() / (~excitatory).sum()
    present = magnitudes * connected
    excitation, inhibition = present[:, excitatory].sum(1), present[:, ~excitatory].sum(1)
    both = (excitation > 0) & (inhibition > 0)
    ratio = np.divide(excitation, inhibition, out=np.ones(n), where=both)
    magnitudes[:, ~excitatory] *= ratio[:, None]
    return magnitudes


def _checked_mask(mask: Any, n: int) -> Tensor | None:
    if mask is None:
        return None
    values = torch.as_tensor(mask).detach().cpu().to(torch.get_default_dtype())
    checks.matches_shape("mask_rec", values.shape, (n, n))
    if not bool(((values == 0) | (values == 1)).all()):
        raise InputError("mask_rec must hold zeros and ones only: 1 where a connection [post, pre] may be")
    return values.clone()
