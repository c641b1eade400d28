"""Roots of the few equations that decide where a network of low rank stands still, as roots of the network.

A rate network with W = M N' rests where kappa = N' f(M kappa + d) (Mastrogiuseppe and Ostojic 2018, Neuron 99:609), and
Newton's method on these costs r^3 in place of n^3.  What it finds is verified as any other root, and counts no start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...systems.base import RateForm, System

MOST = 10  # equations
SHARE = 4  # times as many units as equations, at least
LARGEST = 1024  # units of a matrix that is taken apart
LITTLE = 1e-5  # singular values, relative to the largest, that are left out
STARTS, WIDER = 1024, 1.5  # of a box, and how much wider it is than what is known
STEPS, ROUNDING, DIGITS = 30, 1e-10, 1e6


def reduced_roots(system: System, u: Tensor, x: Tensor) -> Tensor:
    """States at rest (state, unit) that Newton's method finds in few dimensions, from among ``x`` (state, unit)."""
    form, none = system.rate_form(), x[:0]
    if isinstance(form, str) or form.leak is not None or system.regularity != "smooth" or not len(x):
        return none
    factors = _factors(form)
    if factors is None:
        return none
    d, _ = form.constant(u)
    kappa = _roots(form, *factors, d, _starts((form.rates(x) if form.of_currents else x) @ factors[1]))
    return form.states(kappa @ factors[0].T + d)


def _starts(kappa: Tensor) -> Tensor:
    """Places spread evenly over a box around those given (start, r)."""
    low, high = kappa.amin(0), kappa.amax(0)
    even = torch.quasirandom.SobolEngine(kappa.shape[1]).draw(STARTS).to(kappa)
    return (low + high) / 2 + WIDER * (even - 0.5) * (high - low)


def _factors(form: RateForm) -> tuple[Tensor, Tensor] | None:
    """Those of the weights, if they are few."""
    n, most = len(form.W), min(MOST, len(form.W) // SHARE)
    if form.factors is not None:
        return form.factors if 0 < form.factors[0].shape[1] <= most else None
    if not SHARE <= n <= LARGEST or not bool(torch.isfinite(form.W).all()):
        return None
    sizes = torch.linalg.svdvals(form.W)  # most are of full rank: their vectors need not be known
    r = int((sizes > LITTLE * sizes[0]).sum())
    if not 0 < r <= most:
        return None
    left, sizes, right = torch.linalg.svd(form.W)
    return left[:, :r] * sizes[:r], right[:r].T


def _roots(form: RateForm, M: Tensor, N: Tensor, d: Tensor, kappa: Tensor) -> Tensor:
    """Each once, of those at which the method ends (root, r)."""
    eye = torch.eye(M.shape[1]).to(M)
    for _ in range(STEPS):
        z = kappa @ M.T + d
        J = torch.einsum("ik,bi,il->bkl", N, form.slopes(z), M) - eye
        step, info = torch.linalg.solve_ex(J, (kappa - form.rates(z) @ N)[..., None])
        kappa = torch.where((info == 0)[:, None], kappa + step[..., 0], torch.nan)
        kappa = kappa[torch.isfinite(kappa).all(1)]
    miss = (form.rates(kappa @ M.T + d) @ N - kappa).abs().amax(1)
    size = 1 + kappa.abs().amax(1)
    kappa = kappa[miss <= ROUNDING * size]
    if not len(kappa):
        return kappa
    _, first = torch.unique((kappa * (DIGITS / size.max())).round(), dim=0, return_inverse=True)
    return torch.stack([kappa[first == k][0] for k in range(int(first.max()) + 1)])
