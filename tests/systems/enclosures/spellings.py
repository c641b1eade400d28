"""The ways in which people write a step: functions of states x (point, 6) within (0.1, 0.9) and inputs u (point, 3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N, M = 6, 3


def numbers(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def module(build: Callable[[], nn.Module]) -> nn.Module:
    made = build().double().eval()
    with torch.no_grad():
        for k, p in enumerate(made.parameters()):
            p.copy_(0.7 * numbers(*p.shape, seed=k))
    return made


W, B, KERNEL = numbers(N, N), numbers(N, M), numbers(1, 1, 3)
MASK = torch.tensor([1, 1, 0, 1, 0, 1]).double()
LINEAR, CONVOLUTION = (
    module(lambda: nn.Linear(N, N)),
    module(lambda: nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")),
)


def written(x: Tensor, write: Callable[[Tensor], object]) -> Tensor:
    """A copy of x into which something is written."""
    y = x.clone()
    write(y)
    return y


def added(y: Tensor) -> None:
    y += 1
    y *= 0.5


STRUCTURE = {
    "cat": lambda x, u: torch.cat([x[:, :3], u], 1),
    "cat, axis from the end": lambda x, u: torch.cat((x[..., :3], x[..., 3:]), dim=-1),
    "cat with constants": lambda x, u: torch.cat([x[:, :3], torch.ones(len(x), 3).double()], 1),
    "cat of axes": lambda x, u: torch.cat([x.view(-1, 2, 3), x.view(-1, 2, 3).flip(1)], 2)[:, 1],
    "stack": lambda x, u: torch.stack([x[:, k] for k in range(N)], -1),
    "stack of parts": lambda x, u: torch.stack([x[:, :3], x[:, 3:]], 1).flatten(1),
    "unit first": lambda x, u: torch.stack([x[:, :3], x[:, 3:]]).movedim(0, 1).reshape(len(x), N),
    "states along the last axis": lambda x, u: torch.tanh(W @ x.T + B @ u.T).T,
    "split": lambda x, u: torch.cat(x.split(3, -1), -1),
    "split into sizes": lambda x, u: torch.cat(x.split([1, 5], -1)[::-1], -1),
    "chunk": lambda x, u: torch.cat(x.chunk(2, -1), -1),
    "unbind": lambda x, u: torch.stack(x.unbind(-1), -1),
    "unpacked": lambda x, u: torch.cat([half.tanh() for half in x.view(-1, 2, 3).movedim(1, 0)], 1),
    "tensor_split": lambda x, u: torch.cat(x.tensor_split(2, -1), -1),
    "a list of units": lambda x, u: x[:, [0, 2, 1, 3, 5, 4]],
    "a tensor of units": lambda x, u: torch.sin(x)[:, torch.tensor([1, 1, 0, 4, 5, 2])],
    "a mask of units": lambda x, u: torch.cat([x[:, MASK > 0], x[:, MASK == 0]], 1),
    "units of parts": lambda x, u: torch.cat([x.tanh(), x.sin()], 1)[:, [11, 0, 6, 3, 3, 7]],
    "strides": lambda x, u: torch.cat([x[:, ::2], x[:, 1::2]], 1),
    "index_select": lambda x, u: x.index_select(1, torch.tensor([1, 0, 2, 3, 4, 5])),
    "gather": lambda x, u: x.gather(1, torch.tensor([[1, 0, 2, 3, 4, 4]]).expand(len(x), -1)),
    "flip": lambda x, u: x.flip(-1),
    "roll": lambda x, u: x.roll(1, -1),
    "reshape": lambda x, u: x.reshape(len(x), N),
    "view": lambda x, u: torch.tanh(x.view(-1, 2, 3)).reshape(-1, N),
    "flatten": lambda x, u: x.unflatten(1, (3, 2)).flatten(1),
    "unsqueeze and squeeze": lambda x, u: x.unsqueeze(1).squeeze(1) + x[None][0],
    "transpose": lambda x, u: x.transpose(0, 1).transpose(0, 1),
    "permute": lambda x, u: x.view(-1, 2, 3).permute(1, 2, 0).sin().permute(2, 1, 0).reshape(-1, N),
    "T": lambda x, u: x.T.t() + x.mT.T,
    "repeat": lambda x, u: x[:, :3].repeat(1, 2) * x.tile(1, 1),
    "repeat_interleave": lambda x, u: x[:, :3].repeat_interleave(2, -1),
    "expand": lambda x, u: x[:, :1].expand(-1, N) + x[:, 2:3].expand_as(x),
    "narrow and select": lambda x, u: x.narrow(1, 2, 1) + x.select(1, 3)[:, None] * x,
    "pad": lambda x, u: F.pad(x[:, :4], (1, 1)),
    "pad in a ring": lambda x, u: F.pad(x[:, None, :4], (1, 1), mode="circular")[:, 0],
    "mask times x": lambda x, u: x * MASK,
    "double": lambda x, u: x.double(),
    "to a type": lambda x, u: x.to(torch.float64) + x.type(torch.float64) + x.to(W),
    "to a device": lambda x, u: x.to("cpu") + x.to(x.device, x.dtype),
    "clone": lambda x, u: x.clone(),
    "contiguous": lambda x, u: x.contiguous(),
    "zeros_like": lambda x, u: x + torch.zeros_like(x),
    "zeros of a shape": lambda x, u: x + torch.zeros(x.shape),
    "new_zeros": lambda x, u: x + x.new_zeros(N),
    "zeros of a size": lambda x, u: x + torch.zeros(x.size(0), x.shape[-1], dtype=x.dtype, device=x.device),
    "sizes": lambda x, u: x * x.dim() / x.numel() * x.size()[0],
    "adding in place": lambda x, u: written(x, added),
    "tanh in place": lambda x, u: (2 * x).mul_(0.5).tanh_(),
    "writing units": lambda x, u: written(x, lambda y: y.__setitem__((slice(None), 0), 0.0)),
    "writing into zeros": lambda x, u: written(
        torch.zeros_like(x), lambda y: y.__setitem__((slice(None), slice(0, 3)), x[:, 3:].sin())
    ),
    "dropout in eval": lambda x, u: F.dropout(x, 0.5, training=False),
    "nn.Dropout in eval": lambda x, u: nn.Dropout(0.5).eval()(x),
    "nn.Identity": lambda x, u: nn.Identity()(x),
}
PRODUCTS = {
    "linear": lambda x, u: F.linear(x, W, W[0]),
    "nn.Linear": lambda x, u: LINEAR(x),
    "nn.Linear of parts": lambda x, u: F.linear(x.view(-1, 2, 3), W[:3, :3], W[0, :3]).flatten(1),
    "x @ W": lambda x, u: x @ W,
    "matmul": lambda x, u: torch.matmul(x, W),
    "x @ w": lambda x, u: (x @ W[0])[:, None] * x,
    "mm": lambda x, u: torch.mm(x, W),
    "addmm": lambda x, u: torch.addmm(W[0], x, W, beta=0.5, alpha=2.0),
    "einsum": lambda x, u: torch.einsum("bi,ij->bj", x, W),
    "einsum, matrix first": lambda x, u: torch.einsum("ij,bj->bi", W, x),
    "einsum of parts": lambda x, u: torch.einsum(
        "bki,kij->bkj", x.view(-1, 2, 3), W[:6].view(2, 3, 6)[..., :3]
    ).flatten(1),
    "einsum of two": lambda x, u: torch.einsum("bi,bi->b", x, x.sin())[:, None] * x,
    "outer products": lambda x, u: torch.einsum("bi,bj->bij", x[:, :3], x[:, 4:]).flatten(1),
    "(W @ x.T).T": lambda x, u: (W @ x.T).T,
    "bmm": lambda x, u: torch.bmm(W.expand(len(x), N, N), x[:, :, None])[:, :, 0],
    "W @ x[..., None]": lambda x, u: (W @ x[..., None])[..., 0],
    "heads": lambda x, u: (x.view(-1, 2, 1, 3) @ W[:3, :3]).flatten(1),
    "two states": lambda x, u: (x.view(-1, 2, 3) @ x.tanh().view(-1, 3, 2)).flatten(1).repeat(1, 2)[:, :N],
    "bilinear": lambda x, u: F.bilinear(x, x.sin(), torch.stack([W + k for k in range(N)]), W[0]),
    "bilinear in the inputs": lambda x, u: F.bilinear(x, u, torch.stack([B + k for k in range(N)])),
    "baddbmm": lambda x, u: torch.baddbmm(
        torch.zeros(len(x), N, 1).double(), W.expand(len(x), N, N), x[..., None]
    )[..., 0],
    "mean": lambda x, u: x * x.mean(-1, keepdim=True),
    "mean of parts": lambda x, u: (
        x.view(-1, 2, 3).mean((1, 2))[:, None] + x.view(-1, 2, 3).sum(1).repeat(1, 2)
    ),
    "sum": lambda x, u: x * x.sum(-1, keepdim=True),
    "cumsum": lambda x, u: x.cumsum(-1),
    "Conv1d": lambda x, u: CONVOLUTION(x[:, None])[:, 0],
    "conv1d": lambda x, u: F.conv1d(x.view(-1, 2, 3), W[:2, :4].reshape(2, 2, 2)[..., :1], W[0, :2]).flatten(
        1
    ),
    "an MLP": lambda x, u: nn.Sequential(LINEAR, nn.Tanh(), LINEAR)(x),
    "addcmul": lambda x, u: torch.addcmul(x, x, torch.tanh(x), value=0.5),
    "addcdiv": lambda x, u: torch.addcdiv(x, x, 1 + torch.tanh(x)),
    "lerp": lambda x, u: torch.lerp(x, torch.tanh(x), torch.sigmoid(x)),
    "a gate written out": lambda x, u: (1 - torch.sigmoid(x)) * torch.tanh(x @ W) + torch.sigmoid(x) * x,
    "add with a factor": lambda x, u: torch.add(x, x.sin(), alpha=0.5) - torch.sub(x, x @ W, alpha=2),
}
FUNCTIONS = {
    "tanh": lambda x, u: torch.tanh(x),
    "sigmoid": lambda x, u: torch.sigmoid(x) + F.sigmoid(x),
    "relu": lambda x, u: F.relu(x - 0.5) + nn.ReLU()(x),
    "softplus up to 50": lambda x, u: F.softplus(x, threshold=50.0),
    "x * sigmoid": lambda x, u: x * torch.sigmoid(x),
    "leaky_relu": lambda x, u: F.leaky_relu(x - 0.5),
    "exp": lambda x, u: torch.exp(x),
    "waves": lambda x, u: torch.sin(x) + torch.cos(x),
    "abs": lambda x, u: torch.abs(x - 0.5) + abs(x),
    "whole powers": lambda x, u: x**3 + x.square() + x * x,
    "negative powers": lambda x, u: x**-1 - x**-2,
    "quotients": lambda x, u: 1 / x + x / 3 + x.sin() / x,
    "clamp": lambda x, u: torch.clamp(x, 0.3, 0.5),
    "clamps of one side": lambda x, u: x.clamp_min(0.4) + torch.clip(x, max=0.6) + x.clamp(min=0),
    "real powers": lambda x, u: x**0.5 + F.relu(x) ** 1.5 - x**-0.3,
    "exp and log": lambda x, u: torch.expm1(x) + torch.log(x) * torch.log1p(x),
    "log(1 + exp)": lambda x, u: torch.log1p(torch.exp(x)),
    "roots": lambda x, u: torch.sqrt(x) + torch.rsqrt(x),
    "erf": lambda x, u: torch.erf(x) - torch.erfc(2 * x),
    "circular functions": lambda x, u: torch.tan(x) + torch.atan(x) + torch.asin(x) - torch.acos(x / 2),
    "hyperbolic functions": lambda x, u: torch.sinh(x) + torch.cosh(x) + torch.asinh(x) + torch.atanh(x),
}
ACTIVATIONS = {
    "softplus": lambda x, u: F.softplus(3 * x),
    "softplus beyond its threshold": lambda x, u: (
        F.softplus(x + 20) + F.softplus(x, 2.0, 10.0) + F.softplus(x, 2.0, 0.1)
    ),
    "nn.Softplus": lambda x, u: nn.Softplus()(x),
    "silu": lambda x, u: F.silu(4 * x - 2) + nn.SiLU(inplace=True)(x - 1),
    "gelu": lambda x, u: F.gelu(4 * x - 2) + nn.GELU()(x),
    "gelu by tanh": lambda x, u: F.gelu(4 * x - 2, approximate="tanh"),
    "mish": lambda x, u: F.mish(4 * x - 2),
    "elu": lambda x, u: F.elu(x - 0.5) + nn.ELU(0.5)(x - 0.4),
    "selu and celu": lambda x, u: F.selu(x - 0.52) + F.celu(x - 0.5, 2.0),
    "PReLU": lambda x, u: F.prelu(x - 0.53, W[0].abs()),
    "softsign": lambda x, u: F.softsign(x - 0.5),
    "logsigmoid": lambda x, u: F.logsigmoid(x),
    "tanhshrink": lambda x, u: F.tanhshrink(x - 0.5),
    "softshrink": lambda x, u: F.softshrink(x - 0.1),
    "hardtanh": lambda x, u: F.hardtanh(3 * x - 2) + nn.Hardtanh()(x),
    "relu6": lambda x, u: F.relu6(10 * x - 2),
    "hardsigmoid": lambda x, u: F.hardsigmoid(4 * x),
    "hardswish": lambda x, u: F.hardswish(6 * x - 3),
    "threshold": lambda x, u: F.threshold(x, 0.42, 0.42),
    "glu": lambda x, u: torch.cat([F.glu(x), F.glu(x)], -1),
    "logaddexp": lambda x, u: torch.logaddexp(x, torch.zeros_like(x)) + torch.logaddexp(x, x.flip(-1)),
    "maximum": lambda x, u: torch.maximum(x, torch.full_like(x, 0.5)) + torch.max(x, x.roll(1, -1)),
    "minimum": lambda x, u: torch.minimum(x, 0.5 * torch.ones_like(x)) + torch.min(x, W[0]),
    "where of a constant": lambda x, u: torch.where(MASK.bool(), x, -x) + x.masked_fill(MASK == 0, 0.3),
    "no noise": lambda x, u: x.tanh() + 0.0 * torch.randn_like(x),
}
DECIDED = {  # what jumps or bends nowhere in the boxes
    "where": lambda x, u: torch.where(x > 0, x, 0.1 * x) + torch.where(x >= 2, x.exp(), x.sin()),
    "a mask times x": lambda x, u: (x > 0).double() * x + (x < 2) * x,
    "masks": lambda x, u: torch.where((x > 0) & ~(x > 2) | (x < -1), x, -x).masked_fill(x > 3, 0.0),
    "sign": lambda x, u: torch.sign(x) * x - torch.sign(-x),
    "a threshold that jumps": lambda x, u: F.threshold(x, -1.0, 0.0) + F.hardshrink(x, 0.001),
}
VECTORS = {
    "softmax": lambda x, u: torch.softmax(3 * x, -1),
    "F.softmax of parts": lambda x, u: F.softmax(x.view(-1, 2, 3), dim=1).flatten(1) + nn.Softmax(-1)(x),
    "log_softmax": lambda x, u: F.log_softmax(3 * x, -1),
    "logsumexp": lambda x, u: torch.logsumexp(x, -1, keepdim=True).expand(-1, N) * x,
    "norm": lambda x, u: x / x.norm(dim=-1, keepdim=True) + F.normalize(x, dim=-1),
    "variance": lambda x, u: x * x.var(-1, keepdim=True, unbiased=False) + x.std(-1, keepdim=True),
    "prod": lambda x, u: x * x.prod(-1, keepdim=True),
    "LayerNorm": module(lambda: nn.LayerNorm(N)),
    "layer norm by hand": lambda x, u: (
        (x - x.mean(-1, keepdim=True))
        / ((x - x.mean(-1, keepdim=True)).square().mean(-1, keepdim=True) + 1e-5) ** 0.5
    ),
    "RMSNorm": module(lambda: nn.RMSNorm(N)),
    "BatchNorm in eval": module(lambda: nn.BatchNorm1d(N)),
    "GroupNorm": module(lambda: nn.GroupNorm(2, N)),
}
for _name in ("LayerNorm", "RMSNorm", "BatchNorm in eval", "GroupNorm"):
    VECTORS[_name] = lambda x, u, layer=VECTORS[_name]: layer(x)
RNN, GRU, LSTM = (module(lambda b=build: b(M, N, batch_first=True)) for build in (nn.RNN, nn.GRU, nn.LSTM))
RNN_CELL, GRU_CELL, LSTM_CELL = (
    module(lambda b=build: b(M, N)) for build in (nn.RNNCell, nn.GRUCell, nn.LSTMCell)
)
STACK = module(lambda: nn.GRU(M, 3, 2))
ATTENTION = module(lambda: nn.MultiheadAttention(N, 2, batch_first=True))


def attention(x: Tensor, u: Tensor) -> Tensor:
    slots = torch.stack([x, x.roll(1, -1), x.tanh()], 1)
    return ATTENTION(slots, slots, slots)[0][:, 1]


def one_head(x: Tensor, u: Tensor) -> Tensor:
    slots = x.view(-1, 3, 2)
    return F.scaled_dot_product_attention(slots, slots.sin(), slots).flatten(1)


LAYERS = {
    "nn.RNNCell": lambda x, u: RNN_CELL(u, x),
    "nn.GRUCell": lambda x, u: GRU_CELL(u, x),
    "nn.LSTMCell": lambda x, u: LSTM_CELL(u, (x, 2 * x))[1],
    "nn.RNN over one step": lambda x, u: RNN(u[:, None], x[None])[0][:, 0],
    "nn.GRU over one step": lambda x, u: GRU(u[:, None], x[None])[1][0],
    "nn.LSTM over two steps": lambda x, u: LSTM(torch.stack([u, -u], 1), (x[None], x.flip(-1)[None]))[1][1][
        0
    ],
    "two layers": lambda x, u: (
        STACK(u[None], x.view(-1, 2, 3).transpose(0, 1).contiguous())[1].transpose(0, 1).flatten(1)
    ),
    "nn.MultiheadAttention": attention,
    "scaled_dot_product_attention": one_head,
}
LAMBDA = torch.polar(torch.tensor([0.9, 0.7, 0.5]).double(), torch.tensor([0.3, 1.0, -2.0]).double())
B_COMPLEX = torch.complex(numbers(3, M, seed=8), numbers(3, M, seed=9))


def lru(x: Tensor, u: Tensor) -> Tensor:
    state = torch.view_as_complex(x.view(-1, 3, 2).contiguous())
    state = LAMBDA * state + u.to(torch.complex128) @ B_COMPLEX.T
    return torch.view_as_real(state).flatten(1)


def halves(x: Tensor, u: Tensor) -> Tensor:
    z = torch.complex(x[:, :3], x[:, 3:])
    z = (z * LAMBDA - 1j * z.conj()) * z.abs()
    return torch.cat([z.real, z.imag], 1)


def diagonal(x: Tensor, u: Tensor) -> Tensor:
    """A state space written with a complex matrix, of which the real part is read out."""
    z = torch.einsum("bi,ij->bj", x + 0j, torch.complex(W, W.T))
    return (torch.exp(0.1 * z) / 2).real + z.imag


COMPLEX = {"an LRU": lru, "torch.complex": halves, "a complex matrix": diagonal}
SPELLINGS = COMPLEX | STRUCTURE | PRODUCTS | FUNCTIONS | ACTIVATIONS | DECIDED | VECTORS | LAYERS
