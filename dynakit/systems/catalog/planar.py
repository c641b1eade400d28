"""Maps and vector fields of the plane that are simple in polar coordinates, with their Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Field = Callable[[Tensor], Tensor]


def rows(*entries: Sequence[Tensor | float]) -> Tensor:
    """A matrix per element of a batch, from its entries (batch,) or numbers, row by row."""
    like = next(e for row in entries for e in row if isinstance(e, Tensor))
    full = [[e if isinstance(e, Tensor) else torch.full_like(like, e) for e in row] for row in entries]
    return torch.stack([torch.stack(row, -1) for row in full], -2)


def spiral(coefficients: Sequence[complex]) -> tuple[Field, Field]:
    """z -> g(|z|) z with g(r) = sum_k coefficients_k r^k, and its Jacobian [g] + (g'(r) / r) z (x, y)."""

    def horner(r: Tensor, powers: Sequence[complex]) -> tuple[Tensor, Tensor]:
        re, im = torch.zeros_like(r), torch.zeros_like(r)
        for c in reversed(powers):
            re, im = re * r + complex(c).real, im * r + complex(c).imag
        return re, im

    def field(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        re, im = horner(torch.hypot(x, y), coefficients)
        return torch.stack([re * x - im * y, im * x + re * y], -1)

    def jacobian(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        r = torch.hypot(x, y)
        re, im = horner(r, coefficients)
        d_re, d_im = horner(r, [k * c for k, c in enumerate(coefficients)][1:])
        nonzero = r.clamp_min(torch.finfo(r.dtype).tiny)
        turned = torch.stack([d_re * x - d_im * y, d_im * x + d_re * y], -1) / nonzero[:, None]
        return rows([re, -im], [im, re]) + turned[:, :, None] * z[:, None, :]

    return field, jacobian


def circle(angle: Field, slope: Field, across: float) -> tuple[Field, Field]:
    """The plane map r' = 1 + across (r - 1), theta' = angle(theta), and its Jacobian; ``slope`` is angle'."""

    def step(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        r, phi = 1 + across * (torch.hypot(x, y) - 1), angle(torch.atan2(y, x))
        return torch.stack([r * phi.cos(), r * phi.sin()], -1)

    def jacobian(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        r, theta = torch.hypot(x, y), torch.atan2(y, x)
        phi, along = angle(theta), (1 + across * (r - 1)) * slope(theta) / r
        radial, turning = across * torch.stack([x, y], -1) / r[:, None], torch.stack([-y, x], -1) / r[:, None]
        out = torch.stack([phi.cos(), phi.sin()], -1)[:, :, None] * radial[:, None, :]
        return out + (along[:, None] * torch.stack([-phi.sin(), phi.cos()], -1))[:, :, None] * turning[:, None, :]

    return step, jacobian
