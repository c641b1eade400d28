"""Further ways in which people write a step: writing into parts of it, einsums, attention, parametrized weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from .spellings import LINEAR, M, N, W, module, numbers

W3 = numbers(2, 3, 3, seed=12)
SOME = torch.tensor([True, False, True, False, False, True])
CELLS = module(lambda: nn.ModuleList([nn.GRUCell(M, 3), nn.GRUCell(3, 3)]))
BILINEAR = module(lambda: nn.Bilinear(N, M, N))
HEAD = module(lambda: nn.MultiheadAttention(2, 1, batch_first=True))
BLOCKS = [
    module(lambda first=first: nn.TransformerEncoderLayer(3, 1, 4, batch_first=True, norm_first=first))
    for first in (True, False)
]
WEIGHTS = [
    made(nn.Linear(N, N)).double().eval()
    for made in (parametrizations.weight_norm, parametrizations.spectral_norm, parametrizations.orthogonal)
]


def slots(x: Tensor) -> Tensor:
    return x.view(-1, 3, 2)


def writing_into_slices(x: Tensor, u: Tensor) -> Tensor:
    h = 1.0 * x
    h[:, :3] = h[:, :3].tanh()
    h[:, :3] += u
    h[:, 3:] *= 0.5
    h[..., -1].sub_(0.1)
    return h


def writing_by_masks(x: Tensor, u: Tensor) -> Tensor:
    h = x.clone()
    h[:, SOME] = torch.tanh(h[:, ~SOME])
    h[:, [1, 3]] = 0.2
    return h


def a_shift_register(x: Tensor, u: Tensor) -> Tensor:
    line = x.view(-1, 2, 3).clone()
    line[:, :, 1:] = line[:, :, :-1].clone()
    line[:, :, 0] = u[:, :2]
    return line.flatten(1)


def layers_in_turn(x: Tensor, u: Tensor) -> Tensor:
    states = list(x.chunk(2, -1))
    for k, cell in enumerate(CELLS):
        states[k] = u = cell(u, states[k])
    return torch.cat(states, 1)


def stable_softmax(x: Tensor, u: Tensor) -> Tensor:
    e = (x - x.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def standardized(x: Tensor, u: Tensor) -> Tensor:
    spread, mean = torch.std_mean(x, -1, keepdim=True)
    variance, also = torch.var_mean(x, -1, keepdim=True)
    return (x - mean) / (spread + 0.1) + (x - also) / (variance + 0.1).sqrt()


def polar(x: Tensor, u: Tensor) -> Tensor:
    z = torch.polar(x[:, :3], x[:, 3:])
    return torch.cat([z.real, z.imag], 1)


def attended(x: Tensor, u: Tensor) -> Tensor:
    memory = torch.cat([slots(x), u[:, None, :2]], 1)
    return HEAD(slots(x), memory, memory, need_weights=False)[0].flatten(1)


MORE = {
    "writing into slices": writing_into_slices,
    "writing by masks": writing_by_masks,
    "a shift register": a_shift_register,
    "index_fill, index_copy": lambda x, u: x.index_fill(1, torch.tensor([0, 2]), 0.3).index_copy(
        1, torch.tensor([1, 3]), x[:, 4:].tanh()
    ),
    "index_add": lambda x, u: x.index_add(1, torch.tensor([0, 2, 2]), x[:, :3].sin()),
    "scatter": lambda x, u: x.scatter(1, torch.tensor([[0, 1]]).expand(len(x), 2), x[:, 2:4].tanh()),
    "hsplit": lambda x, u: torch.cat(torch.hsplit(x, 2)[::-1], 1),
    "GRUCells in a list": layers_in_turn,
    "einsum with an ellipsis": lambda x, u: torch.einsum("...i,ij->...j", x, W),
    "einsum of three": lambda x, u: torch.einsum("bi,ij,bj->bi", x, W, x.sin()),
    "einsum without an arrow": lambda x, u: torch.einsum("bi,ij", x, W),
    "tensordot and inner": lambda x, u: torch.tensordot(x, W, dims=([1], [1])) - torch.inner(x, W) / 2,
    "multi_dot": lambda x, u: torch.linalg.multi_dot([x, W, W]),
    "bmm by heads": lambda x, u: torch.bmm(x.view(-1, 2, 3).transpose(0, 1), W3).transpose(0, 1).reshape(-1, N),
    "matrices of three axes": lambda x, u: (x.view(-1, 2, 1, 3) @ W3).squeeze(2).flatten(1),
    "nn.Bilinear": lambda x, u: BILINEAR(x, u),
    "attention to the inputs": attended,
    "an encoder layer": lambda x, u: BLOCKS[0](x.view(-1, 2, 3)).flatten(1),
    "an encoder layer, normed last": lambda x, u: BLOCKS[1](x.view(-1, 2, 3)).flatten(1),
    "softmax with its largest taken off": stable_softmax,
    "max and min along an axis": lambda x, u: x - x.max(-1, keepdim=True).values + x.min(1, keepdim=True)[0],
    "softmin": lambda x, u: F.softmin(x, -1),
    "standardized": standardized,
    "cumprod": lambda x, u: torch.cumprod(x, dim=1),
    "avg_pool1d": lambda x, u: F.avg_pool1d(x[:, None], 3, 1, 1)[:, 0],
    "powers of two": lambda x, u: 2**x + torch.exp2(x) + torch.log2(x) - torch.log10(x) * x ** torch.tensor(2),
    "torch.special": lambda x, u: torch.special.expit(x) + torch.special.ndtr(x) * torch.logit(x),
    "rrelu in eval": lambda x, u: F.rrelu(x - 0.52, training=False),
    "polar": polar,
    "stateless": lambda x, u: torch.func.functional_call(LINEAR, {"weight": 0.5 * LINEAR.weight}, (x,)),
    "weight_norm": lambda x, u: WEIGHTS[0](x),
    "spectral_norm": lambda x, u: WEIGHTS[1](x),
    "orthogonal": lambda x, u: WEIGHTS[2](x),
    "clamp between tensors": lambda x, u: torch.clamp(x, min=0.2 * torch.ones(N).double(), max=W[0].abs() + 1),
    "where in where": lambda x, u: torch.where(x < 0, 0.0, torch.where(x > 2, torch.ones_like(x), x.sin())),
}
