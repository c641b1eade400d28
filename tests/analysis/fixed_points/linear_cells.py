"""Cells whose gates hear their input alone, as their repositories write them; states complex where theirs are."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LRU(nn.Module):
    """x' = diag(lambda) x + diag(gamma) B u, y = 2 Re(C x) + D u (Orvieto et al. 2023)."""

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.n = n
        self.nu_log = nn.Parameter(torch.linspace(-2.0, -0.5, n))
        self.theta_log = nn.Parameter(torch.linspace(-1.0, 1.0, n))
        self.gamma_log = nn.Parameter(torch.full((n,), -0.5))
        self.B = nn.Parameter(torch.randn(n, width, dtype=torch.cfloat) / width**0.5)
        self.C = nn.Parameter(torch.randn(width, n, dtype=torch.cfloat) / n**0.5)
        self.D = nn.Parameter(torch.randn(width, width) / width**0.5)

    def eigenvalues(self, heard: Tensor) -> Tensor:
        modulus, phase = torch.exp(-torch.exp(self.nu_log)), torch.exp(self.theta_log)
        return torch.complex(modulus * torch.cos(phase), modulus * torch.sin(phase))

    def zeros(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.n, dtype=torch.cfloat)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        gamma = torch.exp(self.gamma_log).unsqueeze(-1)
        state = self.eigenvalues(u) * state + u.to(self.B.dtype) @ (gamma * self.B).T
        return 2 * (state @ self.C.T).real + u @ self.D.T, state

    def rests_at(self, u: Tensor) -> Tensor:
        drive = torch.exp(self.gamma_log) * (self.B @ u.to(self.B.dtype))
        return drive / (1 - self.eigenvalues(u))


class S4D(nn.Module):
    """Diagonal state spaces, one of n complex numbers for each channel (Gu, Goel, Gupta and Re 2022)."""

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.shape = (width, n)
        self.log_dt = nn.Parameter(torch.linspace(-2.0, -1.0, width))
        self.C = nn.Parameter(torch.view_as_real(torch.randn(width, n, dtype=torch.cfloat)))
        self.log_A_real = nn.Parameter(torch.full((width, n), math.log(0.5)))
        self.A_imag = nn.Parameter(math.pi * torch.arange(n).repeat(width, 1).float())
        self.D = nn.Parameter(torch.randn(width))

    def discrete(self) -> tuple[Tensor, Tensor]:
        A = -torch.exp(self.log_A_real) + 1j * self.A_imag
        dA = torch.exp(A * torch.exp(self.log_dt).unsqueeze(-1))
        return dA, (dA - 1.0) / A

    def eigenvalues(self, heard: Tensor) -> Tensor:
        return self.discrete()[0].flatten()

    def zeros(self, batch: int) -> Tensor:
        return torch.zeros(batch, *self.shape, dtype=torch.cfloat)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        dA, dB = self.discrete()
        state = torch.einsum("hn,bhn->bhn", dA, state) + torch.einsum("hn,bh->bhn", dB, u)
        y = torch.einsum("hn,bhn->bh", torch.view_as_complex(self.C), state)
        return 2 * y.real + self.D * u, state

    def rests_at(self, u: Tensor) -> Tensor:
        dA, dB = self.discrete()
        return dB * u.unsqueeze(-1) / (1 - dA)


class Mamba(nn.Module):
    """A selective state space behind a short convolution, both states written over (Gu and Dao 2023)."""

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.width, self.n, self.rank = width, n, 2
        self.in_proj = nn.Linear(width, 2 * width, bias=False)
        self.conv1d = nn.Conv1d(width, width, 3, groups=width, padding=2)
        self.x_proj = nn.Linear(width, self.rank + 2 * n, bias=False)
        self.dt_proj = nn.Linear(self.rank, width)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, n + 1).float().repeat(width, 1)))
        self.D = nn.Parameter(torch.ones(width))
        self.out_proj = nn.Linear(width, width, bias=False)

    def zeros(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, self.width, 3), torch.zeros(batch, self.width, self.n)

    def forward(self, u: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        conv_state, ssm_state = states
        x, z = self.in_proj(u).chunk(2, dim=-1)
        conv_state.copy_(torch.roll(conv_state, shifts=-1, dims=-1))
        conv_state[:, :, -1] = x
        x = F.silu(torch.sum(conv_state * self.conv1d.weight.squeeze(1), dim=-1) + self.conv1d.bias)
        dA, dBx, C = self.selected(x)
        ssm_state.copy_(ssm_state * dA + dBx)
        y = torch.einsum("bdn,bn->bd", ssm_state, C) + self.D * x
        return self.out_proj(y * F.silu(z)), (conv_state, ssm_state)

    def selected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dt, B, C = torch.split(self.x_proj(x), [self.rank, self.n, self.n], dim=-1)
        dt = F.softplus(self.dt_proj(dt))
        dA = torch.exp(torch.einsum("bd,dn->bdn", dt, -torch.exp(self.A_log.float())))
        return dA, x.unsqueeze(-1) * torch.einsum("bd,bn->bdn", dt, B), C

    def _at_rest(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.in_proj(u).chunk(2, dim=-1)[0]
        heard = F.silu(x * self.conv1d.weight.sum((1, 2)) + self.conv1d.bias)
        return x, *(v[0] for v in self.selected(heard[None])[:2])

    def eigenvalues(self, u: Tensor) -> Tensor:
        x, dA, _ = self._at_rest(u)
        return torch.cat([x.new_zeros(3 * self.width), dA.flatten()])

    def rests_at(self, u: Tensor) -> tuple[Tensor, Tensor]:
        x, dA, dBx = self._at_rest(u)
        return x.unsqueeze(-1).expand(-1, 3), dBx / (1 - dA)


def positive(x: Tensor) -> Tensor:
    return torch.where(x >= 0, x + 0.5, x.sigmoid())


class MinimalGRU(nn.Module):
    """h' = lerp(h, g(v), z(v)) (Feng et al. 2024)."""

    def __init__(self, width: int, _: int) -> None:
        super().__init__()
        self.width, self.to_hidden_and_gate = width, nn.Linear(width, 2 * width, bias=False)

    def zeros(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.width)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, gate = self.to_hidden_and_gate(x).chunk(2, dim=-1)
        return positive(hidden), gate.sigmoid()

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        out = torch.lerp(state, *self.parts(x))
        return out, out

    def eigenvalues(self, x: Tensor) -> Tensor:
        return 1 - self.parts(x)[1]

    def rests_at(self, x: Tensor) -> Tensor:
        return self.parts(x)[0]


class MinimalLSTM(nn.Module):
    """h' = (f h + i g) / (f + i) (Feng et al. 2024)."""

    def __init__(self, width: int, _: int) -> None:
        super().__init__()
        self.width, self.to_all = width, nn.Linear(width, 3 * width, bias=False)

    zeros = MinimalGRU.zeros

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden, f, i = self.to_all(x).chunk(3, dim=-1)
        f, i = f.sigmoid(), i.sigmoid()
        return positive(hidden), f / (f + i), i / (f + i)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden, f, i = self.parts(x)
        out = state * f + hidden * i
        return out, out

    def eigenvalues(self, x: Tensor) -> Tensor:
        return self.parts(x)[1]

    def rests_at(self, x: Tensor) -> Tensor:
        hidden, f, i = self.parts(x)
        return hidden * i / (1 - f)


class Blocks(nn.Module):
    """x + GLU(GELU(cell(norm(x)))), one block after another, between an encoder and a head."""

    def __init__(self, kind: type[nn.Module], *, width: int = 3, n: int = 2, layers: int = 2) -> None:
        super().__init__()
        self.encoder, self.head = nn.Linear(2, width), nn.Linear(width, 1)
        self.cells = nn.ModuleList(kind(width, n) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.outs = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))

    def init_state(self, batch: int) -> list:
        return [cell.zeros(batch) for cell in self.cells]

    def step(self, u: Tensor, states: list) -> tuple[Tensor, list]:
        x, new = self.encoder(u), []
        for k, (cell, state) in enumerate(zip(self.cells, states)):
            y, state = cell(self.norms[k](x), state)
            x, new = x + F.glu(self.outs[k](F.gelu(y))), [*new, state]
        return self.head(x), new

    def by_hand(self, u: Tensor) -> tuple[list, list[Tensor]]:
        """Where each layer rests and its eigenvalues, the first layer first."""
        x, states, eigenvalues = self.encoder(u), [], []
        for k, cell in enumerate(self.cells):
            heard = self.norms[k](x)
            states.append(cell.rests_at(heard))
            eigenvalues.append(cell.eigenvalues(heard))
            batched = tuple(v[None] for v in states[-1]) if isinstance(states[-1], tuple) else states[-1][None]
            if isinstance(batched, tuple):
                batched = tuple(v.clone() for v in batched)
            y = cell(heard[None], batched)[0][0]
            x = x + F.glu(self.outs[k](F.gelu(y)))
        return states, eigenvalues
