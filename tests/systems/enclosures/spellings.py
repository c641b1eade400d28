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
}
SPELLINGS = STRUCTURE | PRODUCTS | FUNCTIONS
