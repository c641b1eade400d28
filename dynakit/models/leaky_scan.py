"""The leaky network over a whole sequence, with its backward pass in closed form.

With drive d_t = W_in u_t + b_rec + noise and rates r, the three forms in use are

    "current"    x' = (1 - a) x + a (W f(x) + d),  r = f(x)     (Song, Yang, Wang 2016, eq. 6)
    "rate"       r' = (1 - a) r + a f(W r + d)                  (Yang et al. 2019, eq. 2)
    "rectified"  r' = f((1 - a) r + a (W r + d))

and y = W_out r + b_out.  Let a v_t be the derivative of the loss in the drive d_t.  Every form then has
dL/dW = a sum_t v_t r_t^T, and v follows a linear recursion backwards in time.  The slope f' is read from
stored outputs, and v lives for a few steps only, so that the rates (for "rate" also f's outputs) are all that
is kept.  :func:`leaky_loop` is the same map step by step under autograd: the oracle, and the way to second
derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from .activations import ACTIVATIONS, SOFTPLUS_LINEAR
from .time_constants import add_times, apart

CHUNK = 16  # steps whose adjoints are in memory together: small enough for the cache, enough for a GEMM

_aten = torch.ops.aten


class Leak(NamedTuple):
    """The constants of a leaky recurrence."""

    alpha: float | Tensor  # dt / tau, in (0, 1], of all units or of each (hidden,)
    form: str  # "current" | "rate" | "rectified"
    activation: str  # a name in ACTIVATIONS
    sigma: float = 0.0  # recurrent noise; the drive receives sqrt(2 / alpha) sigma N(0, 1) per step

    @property
    def gain(self) -> float | Tensor:
        """What the drive is multiplied by before it is added."""
        return 1.0 if self.form == "rate" else self.alpha

    def rows(self, W: Tensor) -> Tensor:
        """alpha W: what arrives at a unit, times its own alpha."""
        return (self.alpha[:, None] if isinstance(self.alpha, Tensor) else self.alpha) * W


class Acting(NamedTuple):
    """The weights and biases that act; W[post, pre]."""

    W_in: Tensor  # (hidden, input)
    b_rec: Tensor  # (hidden,)
    W_rec: Tensor  # (hidden, hidden)
    W_out: Tensor  # (output, hidden)
    b_out: Tensor  # (output,)


def leaky_scan(
    inputs: Tensor, x0: Tensor, weights: Acting, leak: Leak, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Outputs (time, trial, output) and states (time, trial, hidden) from ``inputs`` (time, trial, input).

    ``x0`` is (trial, hidden).  Both results can be differentiated once, in everything that went in.
    """
    return _LeakyScan.apply(inputs, x0, *weights, leak, generator)


def leaky_loop(
    inputs: Tensor, x0: Tensor, weights: Acting, leak: Leak, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """What :func:`leaky_scan` computes, as a plain loop that can be differentiated any number of times."""
    f, a, W = ACTIVATIONS[leak.activation].function, leak.alpha, weights.W_rec
    noise = drive_noise((len(inputs), len(x0), len(W)), W, leak, generator) / leak.gain
    drives = functional.linear(inputs, weights.W_in, weights.b_rec) + noise
    x, steps = x0, []
    for drive in drives.unbind(0):
        if leak.form == "current":
            x = (1 - a) * x + a * (f(x) @ W.t() + drive)
        elif leak.form == "rate":
            x = (1 - a) * x + a * f(x @ W.t() + drive)
        else:
            x = f((1 - a) * x + a * (x @ W.t() + drive))
        steps.append(x)
    states = torch.stack(steps)
    rates = f(states) if leak.form == "current" else states
    return functional.linear(rates, weights.W_out, weights.b_out), states


def drive_noise(
    shape: tuple[int, int, int], like: Tensor, leak: Leak, generator: torch.Generator | None
) -> Tensor:
    """The noise of the units, scaled as drives are: a fresh buffer of gain * sqrt(2 / alpha) * sigma * N(0, 1)."""
    if leak.sigma == 0:
        return like.new_zeros(shape)
    root = (2 / leak.alpha).sqrt() if isinstance(leak.alpha, Tensor) else math.sqrt(2 / leak.alpha)
    std = leak.gain * root * leak.sigma
    device = generator.device if generator is not None else like.device
    noise = torch.empty(shape, dtype=like.dtype, device=device)
    if isinstance(std, Tensor):
        return noise.normal_(generator=generator).to(like.device).mul_(std)
    return noise.normal_(0, std, generator=generator).to(like.device)


class _LeakyScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, x0: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        weights, (leak, generator) = Acting(*rest[:5]), rest[5:]
        shape = (len(inputs), len(x0), len(weights.W_rec))
        drivers = torch.cat([inputs, inputs.new_ones(*shape[:2], 1)], dim=2).flatten(0, 1)
        gain, per_driver = apart(leak.gain, torch.cat([weights.W_in, weights.b_rec[:, None]], dim=1).t())
        buffer = drive_noise(shape, weights.W_rec, leak, generator)
        buffer.flatten(0, 1).addmm_(drivers, per_driver, alpha=gain)
        states, rates, slopes_of = _FORMS[leak.form].forward(buffer, x0, weights.W_rec, leak)
        ctx.save_for_backward(drivers, rates, slopes_of, *weights)
        ctx.leak = leak
        ctx.set_materialize_grads(False)
        return functional.linear(rates[1:], weights.W_out, weights.b_out), states

    @staticmethod
    def backward(ctx: Any, g_outputs: Tensor | None, g_states: Tensor | None) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise InputError(
                "create_graph asks for second derivatives, not to be had in closed form; "
                "set model.scan = dynakit.models.leaky_loop"
            )
        drivers, rates, slopes_of, *saved = ctx.saved_tensors
        weights, leak, need = Acting(*saved), ctx.leak, ctx.needs_input_grad
        drivers = drivers.view(*rates[1:].shape[:2], -1)
        g_W = torch.zeros_like(weights.W_rec)
        g_drivers = drivers.new_zeros(len(g_W), drivers.shape[2])
        g_inputs = drivers.new_empty(*drivers.shape[:2], drivers.shape[2] - 1) if need[0] else None
        sweep = _Sweep(weights, leak, rates, slopes_of)
        for steps, v in sweep.chunks(g_outputs, g_states):
            alpha, v = apart(leak.alpha, v)
            transposed = v.flatten(0, 1).t()
            g_W.addmm_(transposed, rates[steps].flatten(0, 1), alpha=alpha)
            g_drivers.addmm_(transposed, drivers[steps].flatten(0, 1), alpha=alpha)
            if g_inputs is not None:
                torch.matmul(v, alpha * weights.W_in, out=g_inputs[steps])
        g_W_out = g_b_out = None
        if g_outputs is not None:
            g_W_out = g_outputs.flatten(0, 1).t() @ rates[1:].flatten(0, 1)
            g_b_out = g_outputs.sum((0, 1))
        return g_inputs, sweep.carry, g_drivers[:, :-1], g_drivers[:, -1], g_W, g_W_out, g_b_out, None, None


class _Sweep:
    """The backward pass through the states, a few steps at a time; ``carry`` ends as the gradient of x0."""

    def __init__(self, weights: Acting, leak: Leak, rates: Tensor, slopes_of: Tensor) -> None:
        self.weights, self.leak, self.rates, self.slopes_of = weights, leak, rates, slopes_of
        self.form = _FORMS[leak.form]
        self.carry = torch.zeros_like(rates[0])

    def chunks(self, g_outputs: Tensor | None, g_states: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
        """From the last chunk of steps to the first: which steps, and their v (step, trial, hidden)."""
        n_steps = len(self.slopes_of)
        buffer = torch.empty_like(self.rates[: min(CHUNK, n_steps)])
        matrix = self.form.matrix(self.weights.W_rec, self.leak)
        for start in reversed(range(0, n_steps, CHUNK)):
            steps = slice(start, min(start + CHUNK, n_steps))
            v = buffer[: steps.stop - start]
            if g_outputs is None:
                v.zero_()
            else:
                torch.matmul(g_outputs[steps], self.weights.W_out, out=v)
            g = g_states[steps] if g_states is not None else None
            self.carry = self.form.adjoint(v, g, self.slopes_of[steps], self.carry, matrix, self.leak)
            yield steps, v
        self.carry = self.form.to_start(self.carry, self.rates[0], matrix, self.leak)


def _forward_current(x: Tensor, x0: Tensor, W: Tensor, leak: Leak) -> tuple[Tensor, Tensor, Tensor]:
    f, weights, kept = _APPLY[leak.activation], leak.rows(W).t().contiguous(), 1 - leak.alpha
    rates = x.new_empty(len(x) + 1, *x0.shape)
    r, *after = rates.unbind(0)
    f(x0, r)
    last = x0
    for now, r_now in zip(x.unbind(0), after):
        add_times(now.addmm_(r, weights), last, kept)
        f(now, r_now)
        last, r = now, r_now
    return x, rates, rates[1:]


def _adjoint_current(
    v: Tensor, g_x: Tensor | None, r: Tensor, carry: Tensor, matrix: Tensor, leak: Leak
) -> Tensor:
    """v_t = f'(x) (g_r + a W^T v_next) + (1 - a) v_next + g_x; the carry is v_next."""
    times_slope, kept = _TIMES_SLOPE[leak.activation], 1 - leak.alpha
    direct = reversed(g_x.unbind(0)) if g_x is not None else iter(())
    for now, out in zip(reversed(v.unbind(0)), reversed(r.unbind(0))):
        now.addmm_(carry, matrix)
        times_slope(now, out, now)
        add_times(now, carry, kept)
        if g_x is not None:
            now.add_(next(direct))
        carry = now
    return carry.clone()  # the buffer is used again


def _start_current(carry: Tensor, r0: Tensor, matrix: Tensor, leak: Leak) -> Tensor:
    g = carry @ matrix
    _TIMES_SLOPE[leak.activation](g, r0, g)
    return add_times(g, carry, 1 - leak.alpha)


def _forward_rate(q: Tensor, x0: Tensor, W: Tensor, leak: Leak) -> tuple[Tensor, Tensor, Tensor]:
    f, weights = _APPLY[leak.activation], W.t().contiguous()
    rates = q.new_empty(len(q) + 1, *x0.shape)
    rates[0] = x0
    r, *after = rates.unbind(0)
    for now, r_now in zip(q.unbind(0), after):
        now.addmm_(r, weights)
        f(now, now)
        r = torch.lerp(r, now, leak.alpha, out=r_now)
    return rates[1:], rates, q


def _adjoint_rate(
    v: Tensor, g_r: Tensor | None, q: Tensor, carry: Tensor, matrix: Tensor, leak: Leak
) -> Tensor:
    """v_t = f'(q) t with t = g_r + carry; the carry becomes (1 - a) t + a W^T v_t."""
    times_slope, kept = _TIMES_SLOPE[leak.activation], 1 - leak.alpha
    if g_r is not None:
        v.add_(g_r)
    for now, out in zip(reversed(v.unbind(0)), reversed(q.unbind(0))):
        carry.add_(now)
        times_slope(carry, out, now)
        carry.mul_(kept).addmm_(now, matrix)
    return carry


def _forward_rectified(q: Tensor, x0: Tensor, W: Tensor, leak: Leak) -> tuple[Tensor, Tensor, Tensor]:
    f, weights = _APPLY[leak.activation], _leaky_matrix(W, leak).t().contiguous()
    rates = torch.cat([x0[None], q])
    r, *after = rates.unbind(0)
    for now in after:
        now.addmm_(r, weights)
        f(now, now)
        r = now
    return rates[1:], rates, rates[1:]


def _adjoint_rectified(
    v: Tensor, g_r: Tensor | None, r: Tensor, carry: Tensor, matrix: Tensor, leak: Leak
) -> Tensor:
    """v_t = f'(q) (g_r + ((1 - a) I + a W)^T v_next); the carry is v_next."""
    times_slope = _TIMES_SLOPE[leak.activation]
    if g_r is not None:
        v.add_(g_r)
    for now, out in zip(reversed(v.unbind(0)), reversed(r.unbind(0))):
        now.addmm_(carry, matrix)
        times_slope(now, out, now)
        carry = now
    return carry.clone()  # the buffer is used again


def _leaky_matrix(W: Tensor, leak: Leak) -> Tensor:
    """(1 - a) I + a W: here the leak is one more synapse of a unit onto itself."""
    return torch.diag((1 - leak.alpha) * W.new_ones(len(W))) + leak.rows(W)


class _Form(NamedTuple):
    forward: Callable[..., tuple[Tensor, Tensor, Tensor]]  # states; rates, those of x0 first; outputs of f
    adjoint: Callable[..., Tensor]  # turns g_r into v in place, for one chunk
    to_start: Callable[..., Tensor]  # what is left of the carry at x0
    matrix: Callable[[Tensor, Leak], Tensor]  # what carries v from one step to the one before


_FORMS = {
    "current": _Form(_forward_current, _adjoint_current, _start_current, lambda W, leak: leak.rows(W)),
    "rate": _Form(_forward_rate, _adjoint_rate, lambda carry, *_: carry, lambda W, leak: leak.rows(W)),
    "rectified": _Form(
        _forward_rectified, _adjoint_rectified, lambda carry, r0, matrix, leak: carry @ matrix, _leaky_matrix
    ),
}
FORMS = tuple(_FORMS)

# f(x) into out, and g * f'(x) from r = f(x) into out: one pass over memory each
_APPLY: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "relu": lambda x, out: torch.clamp_min(x, 0, out=out),
    "tanh": lambda x, out: torch.tanh(x, out=out),
    "sigmoid": lambda x, out: torch.sigmoid(x, out=out),
    "softplus": lambda x, out: _aten.softplus.out(x, 1, SOFTPLUS_LINEAR, out=out),
}
_TIMES_SLOPE: dict[str, Callable[[Tensor, Tensor, Tensor], Any]] = {
    "relu": lambda g, r, out: _aten.threshold_backward.grad_input(g, r, 0, grad_input=out),
    "tanh": lambda g, r, out: _aten.tanh_backward.grad_input(g, r, grad_input=out),
    "sigmoid": lambda g, r, out: _aten.sigmoid_backward.grad_input(g, r, grad_input=out),
    "softplus": lambda g, r, out: torch.mul(g, torch.expm1(-r).neg_(), out=out),
}
