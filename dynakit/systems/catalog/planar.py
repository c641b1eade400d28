"""Maps and vector fields of the plane that are simple in polar coordinates, with their Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Field = Callable[[Tensor], Tensor]
Part = Tensor | float


def rows(*entries: Sequence[Tensor | float]) -> Tensor:
    """A matrix per element of a batch, from its entries (batch,) or numbers, row by row."""
    like = next(e for row in entries for e in row if isinstance(e, Tensor))
    full = [e if isinstance(e, Tensor) else torch.full_like(like, e) for row in entries for e in row]
    return torch.stack(full, -1).unflatten(-1, (len(entries), -1))


def horner(s: Tensor, falling: Sequence[float]) -> Part:
    """A polynomial in s from its coefficients, the highest first; a number where s does not matter."""
    value: Part = 0.0
    for c in falling:
        value = c if isinstance(value, float) and value == 0.0 else value * s + c
    return value


def spiral(even: Sequence[complex], odd: Sequence[complex] = ()) -> tuple[Field, Field]:
    """z -> g(|z|) z, g(r) = sum_k even_k r^(2k) + odd_k r^(2k+1), and its Jacobian [g] + (g'(r) / r) z (x, y)."""

    def polynomial(s: Tensor, coefficients: Sequence[complex]) -> tuple[Part, Part]:
        values = [complex(c) for c in reversed(coefficients)]
        return horner(s, [c.real for c in values]), horner(s, [c.imag for c in values])

    def factor(s: Tensor) -> tuple[Part, Part]:
        re, im = polynomial(s, even)
        if not odd:
            return re, im
        (odd_re, odd_im), r = polynomial(s, odd), s.sqrt()
        return re + r * odd_re, im + r * odd_im

    def slope(s: Tensor) -> tuple[Part, Part]:
        """g'(r) / r; where odd powers make it infinite, at 0, any number will do, for it is multiplied by 0."""
        re, im = polynomial(s, [2 * k * c for k, c in enumerate(even)][1:])
        if not odd:
            return re, im
        odd_re, odd_im = polynomial(s, [(2 * k + 1) * c for k, c in enumerate(odd)])
        r = s.sqrt().clamp_min(1e-150)
        return re + odd_re / r, im + odd_im / r

    def field(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        re, im = factor(x * x + y * y)
        return torch.stack([re * x - im * y, im * x + re * y], -1)

    def jacobian(z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        (re, im), (d_re, d_im) = factor(x * x + y * y), slope(x * x + y * y)
        turned = torch.stack([d_re * x - d_im * y, d_im * x + d_re * y], -1)
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
        return (
            out
            + (along[:, None] * torch.stack([-phi.sin(), phi.cos()], -1))[:, :, None] * turning[:, None, :]
        )

    return step, jacobian
