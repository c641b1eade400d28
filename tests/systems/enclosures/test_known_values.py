"""Numbers known from elsewhere: activations to 13 digits, a softmax, a layer norm; a block of attention that rests."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dynakit as dk
from dynakit.systems.enclosures import enclose

VALUES = {  # at -1, 0.5 and 2, by arithmetic of 50 digits
    "silu": (F.silu, -0.26894142137, 0.3112296656009, 1.7615941559558),
    "gelu": (F.gelu, -0.1586552539315, 0.345731230637, 1.9544997361036),
    "gelu by tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        -0.1588080093917,
        0.3457140098251,
        1.9545976940878,
    ),
    "mish": (F.mish, -0.3034014613741, 0.3752452113049, 1.943958959534),
    "softplus": (F.softplus, 0.3132616875182, 0.9740769841801, 2.126928011043),
    "elu": (F.elu, -0.6321205588286, 0.5, 2.0),
    "selu": (F.selu, -1.1113307378126, 0.5253504936777, 2.101401974711),
    "erf": (torch.erf, -0.8427007929497, 0.520499877813, 0.995322265019),
    "log1p(x^2)": (lambda x: torch.log1p(x**2), 0.6931471805599, 0.2231435513142, 1.6094379124341),
    "logsigmoid": (F.logsigmoid, -1.3132616875182, -0.4740769841801, -0.126928011043),
    "softsign": (F.softsign, -0.5, 1 / 3, 2 / 3),
    "hardsigmoid": (F.hardsigmoid, 1 / 3, 0.5833333333333, 0.8333333333333),
    "hardswish": (F.hardswish, -1 / 3, 0.2916666666667, 5 / 3),
}
PLACES = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
NONE = torch.zeros(3, 0, dtype=torch.float64)


@pytest.mark.parametrize("name", VALUES)
def test_activations_at_three_places(name):
    f, *known = VALUES[name]
    found = enclose(lambda x, u: f(x), PLACES, NONE, torch.zeros(2, 3, 1, dtype=torch.float64))
    lo, hi = found.lo[0, :, 0].numpy(), found.hi[0, :, 0].numpy()
    assert (lo - 6e-13 <= known).all()  # the digits that are given
    assert (known <= hi + 6e-13).all()
    assert (hi - lo < 1e-12).all()


X = torch.tensor([[-1.0, -0.3, 0.5, 2.0]], dtype=torch.float64)
LAYERS = {  # values, and J_00 with another entry of the first row
    "softmax": (
        lambda x: torch.softmax(x, -1),
        [0.036256871478, 0.0730123731033, 0.1624920246277, 0.728238730791],
        {0: 0.0349423107486, 3: -0.0264036580676},
    ),
    "layer_norm": (
        lambda x: F.layer_norm(x, (4,)),
        [-1.1650831798259, -0.5377306983812, 0.1792435661271, 1.52357031208],
        {0: 0.3680276363612, 1: -0.3644247976351},
    ),
    "rms_norm": (
        lambda x: F.rms_norm(x, (4,), eps=0.0),
        [-0.8654846448158, -0.2596453934447, 0.4327423224079, 1.7309692896317],
        {},
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_four_units(name):
    layer, known, entries = LAYERS[name]
    found = enclose(lambda x, u: layer(x), X, X[:, :0], torch.zeros(2, 1, 1, dtype=torch.float64))
    lo, hi = found.lo[0, 0].numpy(), found.hi[0, 0].numpy()
    assert (lo - 6e-14 * 10 <= known).all()
    assert (known <= hi + 6e-14 * 10).all()
    low, high = found.jacobian()[:, 0]
    for k, value in entries.items():
        assert float(low[0, k]) - 6e-13 <= value <= float(high[0, k]) + 6e-13
        assert float(high[0, k] - low[0, k]) < 1e-11


class Block(nn.Module):
    """What transformers repeat, on itself: layer norm, attention of one head among four slots, an MLP with GELU."""

    def __init__(self, n_slots: int, width: int) -> None:
        super().__init__()
        self.n_slots, self.width = n_slots, width
        self.norm, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 1, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        draws = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for p in self.parameters():
                if p.ndim > 1:
                    p.copy_(0.6 * torch.randn(p.shape, generator=draws) / width**0.5)
        self.double().eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        slots = x.view(-1, self.n_slots, self.width)
        y = self.norm(slots)
        slots = 0.5 * slots + self.attention(y, y, y, need_weights=False)[0]
        slots = slots + self.mlp(self.norm_2(slots)) + torch.linspace(-1, 1, self.width).double().sin()
        return slots.flatten(1)


def test_the_rest_of_a_looped_block_of_attention_is_certified():
    block = Block(4, 32)
    system = dk.FunctionSystem(block, 128)
    points = dk.find_fixed_points(
        system, system.settle(np.zeros((1, 128)), n_steps=200), max_starts=4, seed=0
    )
    assert len(points) >= 1
    assert points.certified.all()
    assert points.residuals.max() < 1e-12
