"""Networks as people write them in plain torch: loops around cells, heads, hooks, masks, learned first states.

Each is (name, model, how its own forward is called); ``tried`` says of it whether it is taken, over how many steps it
was compared and how far its outputs are from those of its own forward on other trials, or the sentence with which it
is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune, rnn

import dynakit as dk
from dynakit.errors import InputError

from ..members import K, M, N, seeded

COLLECTED: list[Tensor] = []  # what a user's hook appends to


class Stepped(nn.Module):
    """Stepped by hand from zeros, and read out by ``fc``; a subclass says what a step is."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.input_size = N, M

    def forward(self, x: Tensor) -> Tensor:
        h, out = torch.zeros(len(x), N), []
        for u in x.unbind(1):
            h = self.one_step(u, h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class Loop(Stepped):
    """A cell stepped by hand; a subclass may say what a step is."""

    Cell: Callable[..., nn.Module] = nn.GRUCell

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = self.Cell(M, N), nn.Linear(N, K)

    def one_step(self, u: Tensor, h: Tensor) -> Tensor:
        return self.cell(u, h)


class Leak(Loop):
    Cell = nn.RNNCell

    def one_step(self, u, h):
        return 0.8 * h + 0.2 * self.cell(u, h)


class TrainingNoise(Loop):
    def one_step(self, u, h):
        h = self.cell(u, h)
        return h + 0.1 * torch.randn_like(h) if self.training else h


class Noise(Loop):
    sigma = 0.1

    def one_step(self, u, h):
        return self.cell(u, h + self.sigma * torch.randn_like(h))


class Residual(Loop):
    def one_step(self, u, h):
        return h + 0.1 * self.cell(u, h)


class InnerSteps(Loop):
    def one_step(self, u, h):
        for _ in range(3):
            h = self.cell(u, h)
        return h


class NormInside(Loop):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(N, elementwise_affine=False)

    def one_step(self, u, h):
        return self.norm(self.cell(u, h))


class Clipped(Loop):
    def one_step(self, u, h):
        return self.cell(u, h).clamp(-0.5, 0.5)


class HeldWhenSilent(Loop):
    def one_step(self, u, h):
        return torch.where(u.abs().sum(1, keepdim=True) > 0, self.cell(u, h), h)


class Detached(Loop):
    def one_step(self, u, h):
        return self.cell(u, h.detach())


class Feedback(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.GRUCell(M, N), nn.Linear(N, M)

    def forward(self, x):
        h, y, out = torch.zeros(len(x), N), x[:, 0], []
        for _ in range(x.shape[1]):
            h = self.cell(y, h)
            y = self.fc(h)
            out.append(y)
        return torch.stack(out, 1)


class LSTMLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.LSTMCell(M, N), nn.Linear(N, K)

    def forward(self, x):
        state, out = None, []
        for u in x.unbind(1):
            state = self.cell(u, state)
            out.append(self.fc(state[0]))
        return torch.stack(out, 1)


class Net(nn.Module):
    """One torch layer and a readout; subclasses differ in forward."""

    Layer: Callable[..., nn.Module] = nn.GRU
    batch_first = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.rnn, self.fc = self.Layer(M, N, batch_first=self.batch_first, **kwargs), nn.Linear(N, K)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


class TimeFirst(Net):
    Layer, batch_first = nn.LSTM, False


class Turned(Net):
    batch_first = False

    def forward(self, x):
        return self.fc(self.rnn(x.transpose(0, 1))[0]).transpose(0, 1)


class ClampedInput(Net):
    def forward(self, x):
        return super().forward(x.clamp(-1, 1))


class ScaledInput(Net):
    def forward(self, x, mask=None, *, gain=2.0):
        return super().forward((x - 3) * gain)


class Dropped(Net):
    def __init__(self):
        super().__init__(num_layers=2, dropout=0.3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.fc(self.drop(self.rnn(x)[0]))


class NormOutside(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(N)

    def forward(self, x):
        return self.fc(self.norm(self.rnn(x)[0]))


class DeepHead(Net):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(N, 7), nn.ReLU(), nn.BatchNorm1d(7), nn.Linear(7, K))

    def forward(self, x):
        h = self.rnn(x)[0]
        return torch.sigmoid(self.fc(h.reshape(-1, N))).reshape(*h.shape[:2], K)


class Tied(Net):
    def forward(self, x):
        return F.linear(self.rnn(x)[0], self.rnn.weight_ih_l0[:N].T)


class LearnedStart(Net):
    def __init__(self):
        super().__init__()
        self.h0 = nn.Parameter(torch.zeros(1, 1, N))

    def forward(self, x):
        return self.fc(self.rnn(x, self.h0.expand(1, len(x), N).contiguous())[0])


class StartFromInput(Net):
    def forward(self, x):
        return self.fc(self.rnn(x, F.pad(x[:, 0], (0, N - M))[None].contiguous())[0])


class Packed(Net):
    def forward(self, x, lengths):
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.fc(rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0])


class Policy(Net):
    def forward(self, obs, h0):
        y, h = self.rnn(obs, h0)
        return torch.sigmoid(self.fc(y)), h


class ResetByMask(Loop):
    def forward(self, x, starts):
        h, out = x.new_zeros(len(x), N), []
        for t, u in enumerate(x.unbind(1)):
            h = self.cell(u, h * (1 - starts[:, t]))
            out.append(self.fc(h))
        return torch.stack(out, 1)


class Dictionaries(Net):
    def forward(self, batch):
        states, hidden = self.rnn(batch["inputs"])
        return {"hidden": hidden, "output": self.fc(states)}


class LastStep(Net):
    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class MeanPool(Net):
    def forward(self, x):
        return self.fc(self.rnn(x)[0].mean(1, keepdim=True).expand(-1, x.shape[1], -1))


class Delayed(Net):
    def forward(self, x):
        return self.fc(F.pad(self.rnn(x)[0], (0, 0, 1, 0))[:, :-1])


class Backwards(Net):
    def forward(self, x):
        return self.fc(self.rnn(x.flip(1))[0]).flip(1)


class LateGain(Net):
    def forward(self, x):
        late = torch.arange(x.shape[1]) >= 15
        return self.fc(self.rnn(x)[0]) * (1 + late.to(x))[None, :, None]


class Encoded(Net):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(M, M)

    def forward(self, x):
        return super().forward(torch.tanh(self.encoder(x)))


class Tokens(Net):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, M)

    def forward(self, tokens):
        return super().forward(self.embedding(tokens))


def tokens(x: Tensor) -> Tensor:
    """One of ten tokens for each input."""
    return (10 * x[..., 0].abs()).long() % 10


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = (
            nn.GRU(M, N, batch_first=True),
            nn.GRU(N, N, batch_first=True),
            nn.Linear(N, K),
        )

    def forward(self, x):
        return self.fc(self.b(self.a(x)[0])[0])


class Doubled(dk.models.GRU):
    def forward(self, inputs, x0=None):
        return super().forward(2 * inputs, x0)


class Float32Inside(Net):
    def forward(self, x):
        return self.fc(self.rnn(x.float())[0].to(torch.float32)) * torch.ones(1)


@contextmanager
def drawn_alike() -> Iterator[None]:
    """torch's own helpers draw from the global generator: here always the same, and it is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def pruned() -> nn.Module:
    model = seeded(Net)
    with drawn_alike():
        prune.l1_unstructured(model.rnn, "weight_hh_l0", amount=0.5)
        prune.random_unstructured(model.fc, "weight", amount=0.3)
    return model


def normed(kind: str) -> nn.Module:
    model = seeded(Net)
    with drawn_alike():
        if kind == "parametrized":
            nn.utils.parametrizations.weight_norm(model.rnn, "weight_hh_l0")
            nn.utils.parametrizations.orthogonal(model.fc)
        else:
            nn.utils.weight_norm(model.rnn, "weight_hh_l0")
            nn.utils.spectral_norm(model.fc)
    return model


def hooked(where: str, *, before: bool = False, hook: Any = None) -> nn.Module:
    model = seeded(Net)
    part = model.get_submodule(where)
    if before:
        part.register_forward_pre_hook(hook)
    else:
        part.register_forward_hook(hook)
    return model


def silent(model: Noise, x: Tensor) -> Tensor:
    """Its forward without its noise."""
    model.sigma = 0.0
    return model(x)


class Idiom(NamedTuple):
    """A model, how its own forward is called with (trial, time, input), and by which of its methods it is taken."""

    build: Callable[[], nn.Module]
    own: Callable[[nn.Module, Tensor], Any] = lambda model, x: model(x)
    step: str | None = None  # the method by which it is taken, where no layer of torch's is the whole of it
    given: Callable[[Tensor], Tensor] = lambda x: x  # the same trials as the system takes them


def of(model: type, **how: Any) -> Idiom:
    return Idiom(lambda: seeded(model), **how)


IDIOMS: dict[str, Idiom] = {
    "GRU, readout": of(Net),
    "LSTM, time first": of(TimeFirst, own=lambda m, x: m(x.transpose(0, 1)).transpose(0, 1)),
    "time first inside": of(Turned),
    "loop around a cell, zeros in float32": of(Loop),
    "loop around an LSTM cell": of(LSTMLoop),
    "loop with detached states": of(Detached),
    "leak around a cell": of(Leak, step="one_step"),
    "noise in training": of(TrainingNoise),
    "noise always": of(Noise, own=lambda m, x: silent(m, x)),
    "residual around a cell": of(Residual, step="one_step"),
    "three inner steps": of(InnerSteps, step="one_step"),
    "layer norm of the state": of(NormInside, step="one_step"),
    "clipped state": of(Clipped, step="one_step"),
    "state held when silent": of(HeldWhenSilent, step="one_step"),
    "output fed back": of(Feedback),
    "clamped inputs": of(ClampedInput),
    "scaled inputs": of(ScaledInput),
    "dropout, two layers": of(Dropped),
    "layer norm before the readout": of(NormOutside),
    "deep head, sigmoid, batch norm": of(DeepHead),
    "tied weights": of(Tied),
    "learned first state": of(LearnedStart),
    "first state from the inputs": of(StartFromInput),
    "packed, with lengths": of(Packed, own=lambda m, x: m(x, torch.full((len(x),), x.shape[1]))),
    "policy with a state": of(Policy, own=lambda m, x: m(x, x.new_zeros(1, len(x), N))[0]),
    "reset by a mask": of(ResetByMask, own=lambda m, x: m(x, x.new_zeros(*x.shape[:2], 1))),
    "dictionaries": of(Dictionaries, own=lambda m, x: m({"inputs": x})["output"]),
    "last step only": of(LastStep),
    "mean over time": of(MeanPool),
    "output one step late": of(Delayed),
    "time reversed": of(Backwards),
    "gain after step 15": of(LateGain),
    "linear encoder": of(Encoded),
    "embedding": of(Tokens, own=lambda m, x: m(tokens(x)), given=lambda x: F.one_hot(tokens(x), 10)),
    "two layers in a row": of(TwoLayers),
    "subclass of a model of ours": Idiom(lambda: seeded(lambda: Doubled(M, N, K)), lambda m, x: m(x).outputs),
    "float32 casts": of(Float32Inside),
    "pruned": Idiom(pruned),
    "weight norm, parametrized": Idiom(lambda: normed("parametrized")),
    "weight and spectral norm, hooks": Idiom(lambda: normed("hooks")),
    "hook on the readout": Idiom(lambda: hooked("fc", hook=lambda m, i, o: torch.sigmoid(o))),
    "hook that records": Idiom(lambda: hooked("rnn", hook=lambda m, i, o: COLLECTED.append(o[0].detach()))),
    "pre-hook on the layer": Idiom(
        lambda: hooked("rnn", before=True, hook=lambda m, i: (2 * i[0], *i[1:])),
    ),
}


class Row(NamedTuple):
    """What became of one idiom."""

    name: str
    taken: bool
    steps: int
    difference: float  # of outputs from those of the model's own forward, at most
    said: str


def tried(name: str, idiom: Idiom) -> Row:
    """``as_system`` on one idiom, and its outputs on trials that are none of its own probes."""
    model = idiom.build()
    try:
        system = dk.as_system(model)
    except InputError as error:
        return Row(name, False, 0, float("nan"), str(error))
    return Row(name, True, system.compared, difference(system, model, idiom), system.name)


def difference(system: dk.System, model: nn.Module, idiom: Idiom) -> float:
    """How far outputs of ``system`` are from those of the model's own forward, in its own dtype and eval mode."""
    worst = 0.0
    for seed, scale in enumerate((0.3, 2.0)):
        x = scale * torch.randn(5, 60, M, generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            theirs = idiom.own(model.eval(), x)
        states = system.trajectory(system.initial_state(), idiom.given(x).double())
        ours = system.observe(states)
        ours = ours[:, -1] if theirs.ndim == 2 else ours
        worst = max(worst, float((ours - theirs).abs().max()))
    return worst
