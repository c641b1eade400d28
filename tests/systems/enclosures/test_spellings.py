"""Whatever way a step is written: its enclosure holds its values and its Jacobians, and is close on small boxes."""

from __future__ import annotations

import flint
import pytest
import torch
from torch import Tensor

from dynakit.systems.enclosures import enclose, enclose_point

from .more_spellings import MORE
from .spellings import SPELLINGS as USUAL
from .spellings import M, N, numbers

SPELLINGS = USUAL | MORE

U = numbers(3, M, seed=1)
X = 0.1 + 0.8 * torch.rand(3, N, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

ACCURACY = {"hardsigmoid": 1e-7, "hardswish": 1e-7}  # of torch's derivative: a sixth in single precision
CANCELLING = {
    **dict.fromkeys(("nn.MultiheadAttention", "attention to the inputs", "softmax with its largest taken off"), 30),
    **dict.fromkeys(("an encoder layer", "an encoder layer, normed last"), 1000),
}  # how many times |J| r the values may take up, 3 elsewhere


def jacobians(step, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Values (point, unit) and Jacobians (point, unit, state) by automatic differentiation."""
    x = x.clone().requires_grad_()
    y = step(x, u)
    rows = (
        [torch.autograd.grad(y[:, k].sum(), x, retain_graph=True, allow_unused=True)[0] for k in range(N)]
        if (y.requires_grad)
        else [None] * N
    )
    return y.detach(), torch.stack([torch.zeros_like(x) if row is None else row for row in rows], 1)


def around(x: Tensor, radius: float, n: int) -> Tensor:
    draw = 2 * torch.rand(n, *x.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64) - 1
    draw[: n // 2] = torch.sign(draw[: n // 2])
    return x + radius * draw


@pytest.mark.parametrize("name", SPELLINGS)
def test_values_and_slopes_stay_within(name):
    step = SPELLINGS[name]
    _, J = jacobians(step, X, U)
    spread = {}
    for radius in (1e-6, 0.1):
        found = enclose(
            step, X, U, torch.tensor([0.0, radius], dtype=torch.float64)[:, None, None].expand(2, 3, 1)
        )
        assert found is not None
        lo, hi = found.jacobian()
        for y in around(X, radius, 10):
            value, slope = jacobians(step, y, U)
            slack = 1e-12 * (1 + value.abs())
            assert bool(((value >= found.lo[1] - slack) & (value <= found.hi[1] + slack)).all())
            slack = ACCURACY.get(name, 1e-12) * (1 + slope.abs())
            assert bool(((slope >= lo - slack) & (slope <= hi + slack)).all())
            spread[radius] = torch.maximum(spread.get(radius, torch.zeros(())), (slope - J).abs().amax())
        if radius == 1e-6:
            reach = float(J.abs().sum(-1).max()) * radius
            assert float((found.hi[1] - found.lo[1]).max()) / 2 <= CANCELLING.get(name, 3) * reach + 1e-11
            assert float((hi - lo).amax()) / 2 <= 4 * CANCELLING.get(name, 3) * spread[radius] + 1e-11


@pytest.mark.parametrize("name", SPELLINGS)
def test_balls_hold_the_same(name):
    step, x, u = SPELLINGS[name], X[0], U[0]
    with flint.ctx.workprec(128):
        image, J = enclose_point(step, x, u, 1e-3)
        for y in around(x[None], 1e-3, 4):
            value, slope = jacobians(step, y, u[None])
            pairs = [*zip(image.entries(), value[0].tolist()), *zip(J.entries(), slope.flatten().tolist())]
            slack = ACCURACY.get(name, 1e-12)
            assert all(abs(ball - v).lower() < slack * (1 + abs(v)) for ball, v in pairs)


MIXED = {
    "a sum over points": lambda x: x - x.mean(0),
    "points turned": lambda x: x.flip(0),
    "points rolled": lambda x: x.roll(1, 0),
    "a product of points": lambda x: torch.einsum("bi,ci->bi", x, x),
    "points among the units": lambda x: x.reshape(-1).flip(0).reshape(x.shape),
    "the first point": lambda x: x + x[0],
    "a view of a view is written to": lambda x: _written_through_views(x),
    "a slice is put beside itself": lambda x: _put_beside_itself(x),
    "what a view shows is written to": lambda x: _written_under_a_view(x),
}


def _written_through_views(x: Tensor) -> Tensor:
    y = torch.tanh(x)
    y[:, :3][:, :2].mul_(20.0)
    return y


def _put_beside_itself(x: Tensor) -> Tensor:
    y = torch.tanh(x)
    y[:, 1:] = y[:, :-1]  # whose memory overlaps
    return y


def _written_under_a_view(x: Tensor) -> Tensor:
    y = torch.tanh(x)
    half = y[:, :3]
    y += 0.5 * x
    return torch.cat([half, half], 1)


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_points_or_writes_into_memory_that_others_see_is_refused(name):
    zero = torch.zeros(3, N, dtype=torch.float64)
    radii = torch.zeros(2, 3, 1, dtype=torch.float64)
    assert enclose(lambda x, u: MIXED[name](x), zero, zero, radii) is None


def test_a_state_written_over_under_another_name_is_written_over():
    def step(x: Tensor, u: Tensor) -> Tensor:
        x = x.clone()
        y = x
        y *= 20.0  # and so x
        return 0.9 * torch.tanh(x)

    zero = torch.zeros(1, 1, dtype=torch.float64)
    lo, hi = enclose(step, zero, zero, torch.zeros(2, 1, 1, dtype=torch.float64)).jacobian()
    assert float(lo) <= 18 <= float(hi)
