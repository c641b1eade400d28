"""Every kind of system there is, small and with weights large enough to be nonlinear."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import dynakit as dk
from dynakit import models
from dynakit.systems import System, catalog

N, M, K = 5, 3, 2  # units, inputs, outputs of every network here


def seeded(build: Callable[[], Any], scale: float = 1.0) -> Any:
    """A module whose weights are drawn from N(0, scale^2 / 4), without touching the global generator."""
    with torch.random.fork_rng(devices=[]):
        module = build()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * scale / 2)
    return module


class Sequencer(nn.Module):
    """What people have: one recurrent layer and a linear readout."""

    def __init__(self, rnn: nn.Module, readout: nn.Module) -> None:
        super().__init__()
        self.rnn, self.fc = rnn, readout

    def forward(self, inputs: Tensor) -> Tensor:
        return self.fc(self.rnn(inputs)[0])


class Leaking(Sequencer):
    def forward(self, inputs):
        h, outputs = torch.zeros(len(inputs), N), []
        for u in inputs.unbind(1):
            h = 0.8 * h + 0.2 * self.rnn(u, h)
            outputs.append(self.fc(h))
        return torch.stack(outputs, 1)


class Encoded(Sequencer):
    """The same behind an encoder of its inputs."""

    def __init__(self, rnn: nn.Module, readout: nn.Module) -> None:
        super().__init__(rnn, readout)
        self.encoder = nn.Linear(M, M)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(torch.tanh(self.encoder(inputs)))


class OwnCell(nn.Module):
    """A leaky cell of the user's own, (input, hidden) as in torch's cells."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size, self.hidden_size = M, N
        self.into, self.recurrent, self.fc = nn.Linear(M, N), nn.Linear(N, N), nn.Linear(N, K)

    def recurrence(self, input: Tensor, hidden: Tensor) -> Tensor:
        return 0.8 * hidden + 0.2 * torch.tanh(self.into(input) + self.recurrent(hidden))


def swirl(x: Tensor, u: Tensor) -> Tensor:
    return torch.sin(x.roll(1, -1) + 0.3 * x**2) + u.sum(-1, keepdim=True) * x


def leaky(form: str, activation: str, dale: str | None) -> System:
    sizes = {"form": form, "activation": activation, "dale": dale, "signed_io": dale is None}
    model = seeded(lambda: models.LeakyRNN(M, N, K, dt=20.0, tau=50.0, e_frac=0.6, **sizes))
    return dk.as_system(model)


def of_two_speeds(form: str, activation: str) -> System:
    """A leaky network whose units have time constants of their own."""
    times = [30.0, 200.0, 50.0, 30.0, 90.0]
    return dk.as_system(
        seeded(lambda: models.LeakyRNN(M, N, K, dt=20.0, tau=times, form=form, activation=activation))
    )


def own(name: str, **kwargs: object) -> System:
    return dk.as_system(seeded(lambda: getattr(models, name)(M, N, K, **kwargs)))


def bare(kind: str, **kwargs: object) -> System:
    return dk.as_system(seeded(lambda: getattr(nn, kind)(M, N, **kwargs)))


def encoded(kind: str, *, n_outputs: int = K, **kwargs: object) -> System:
    layer = getattr(nn, kind)(M, N, batch_first=True, **kwargs)
    return dk.as_system(seeded(lambda: Encoded(layer, nn.Linear(N, n_outputs))))


def looped(kind: str, **kwargs: object) -> System:
    return dk.ClosedLoop(dk.as_system(seeded(lambda: getattr(models, kind)(M, N, M, **kwargs))))


def in_a_world(system: System, *, flows: bool = False) -> System:
    """A network of M inputs and K outputs that moves a world of 4, and hears a part of it."""

    def moved(w: Tensor, a: Tensor) -> Tensor:
        return 0.5 * torch.sin(w.roll(1, -1) + a.sum(-1, keepdim=True)) - 0.3 * w

    world = dk.Flow(moved, 4, K, dt=0.2) if flows else moved
    return dk.ClosedLoop(system, world=world, world_size=4, observation=lambda w: (w[..., 1:] ** 2).tanh())


def layered(*between):
    """A GRU with a readout, an LSTM that hears it, and a head."""
    layers = [lambda: models.GRU(M, 2, 3), lambda: models.LSTM(3, 2, 2, recurrent_activation="hard_sigmoid")]
    below, above = (seeded(make) for make in layers)
    return models.LayeredNetwork([below, *between, above, seeded(lambda: nn.Linear(2, K)), models.Pointwise("softmax")])


def of_low_rank(system: System, rank: int = 1) -> System:
    """The same network with recurrent weights of this rank."""
    ((name, W),) = system.recurrent_weights().items()
    left, values, right = np.linalg.svd(W)
    return system.rewired({name: 2 * left[:, :rank] * values[:rank] @ right[:rank]})


MEMBERS: dict[str, Callable[[], System]] = {
    "linear": lambda: catalog.linear([[0.5, 0.2], [-0.3, 0.9]], [1.0, -1.0]),
    "logistic": lambda: catalog.logistic(3.7),
    "henon": catalog.henon,
    "delayed_logistic": catalog.delayed_logistic,
    "tanh_unit": catalog.tanh_unit,
    "tanh_network": lambda: catalog.tanh_network([[1.5, 0.2], [0.1, 2.0]], W_in=[[1.0], [-1.0]]),
    "rotation": lambda: catalog.rotation(0.3, 0.9),
    "tent": catalog.tent,
    "hinges": lambda: catalog.piecewise_linear(
        [[0.5, 0.2], [0.0, 0.9]], [[1.0, -0.5]], [[2.0], [-1.0]], c=[0.3, -1.0]
    ),
    "bistable": catalog.bistable,
    "stuart_landau_euler": catalog.stuart_landau_euler,
    "neimark_sacker": lambda: catalog.neimark_sacker(c=-0.1 + 0.05j),
    "circle_map": catalog.circle_map,
    "arnold": catalog.arnold,
    "lorenz": catalog.lorenz,
    "rossler": catalog.rossler,
    "van_der_pol": lambda: catalog.van_der_pol(dt=0.2),
    "stuart_landau": catalog.stuart_landau,
    "two_cycles": catalog.two_cycles,
    "flow of a leaky network": lambda: dk.as_flow(leaky("rate", "tanh", None)),
    "flow of a closed leaky network": lambda: dk.as_flow(looped("LeakyRNN", activation="sigmoid")),
    **{
        f"leaky {form} {activation}, a tau per unit": functools.partial(of_two_speeds, form, activation)
        for form, activation in [("current", "tanh"), ("rate", "relu"), ("rectified", "sigmoid"), ("current", "relu")]
    },
    "flow of a leaky network, a tau per unit": lambda: dk.as_flow(of_two_speeds("rate", "sigmoid")),
    "flow": lambda: dk.Flow(swirl, N, M, dt=0.3, n_substeps=2),
    "flow dopri5": lambda: dk.Flow(swirl, N, M, dt=0.1, method="dopri5"),
    "flow euler": lambda: dk.Flow(swirl, N, M, dt=0.3, method="euler", readout=lambda x: x[:, :K] ** 2),
    "closed flow": lambda: dk.ClosedLoop(dk.Flow(swirl, N, M, dt=0.1, readout=lambda x: x[:, :M].tanh())),
    "flow of a closed flow": lambda: dk.as_flow(MEMBERS["closed flow"]()),
    "driven flow": lambda: dk.Driven(dk.Flow(swirl, N, M, dt=0.3), [0.3, -0.2, 1.0]),
    "flow of a driven flow": lambda: dk.as_flow(MEMBERS["driven flow"]()),
    "Elman tanh": lambda: own("Elman"),
    "Elman relu": lambda: own("Elman", activation="relu"),
    "Elman sigmoid": lambda: own("Elman", activation="sigmoid"),
    "layers": lambda: dk.as_system(layered()),
    "layers behind a dense one": lambda: dk.as_system(layered(models.Pointwise("tanh"))),
    "GRU": lambda: own("GRU"),
    "LSTM": lambda: own("LSTM"),
    "LSTM peepholes": lambda: own("LSTM", peepholes=True),
    "LSTM hard": lambda: own("LSTM", recurrent_activation="hard_sigmoid"),
    "LSTM hard, Keras 2, peepholes": lambda: own("LSTM", recurrent_activation="hard_sigmoid_keras2", peepholes=True),
    "LSTM relu": lambda: own("LSTM", recurrent_activation="hard_sigmoid", activation="relu"),
    "GRU hard": lambda: dk.as_system(  # small weights: a unit whose z is 1 stands still
        seeded(lambda: models.GRU(M, N, K, recurrent_activation="hard_sigmoid_keras2"), scale=0.7)
    ),
    "GRU softplus": lambda: own("GRU", activation="softplus"),
    "GRU reset before": lambda: own("GRU", reset="before"),
    "GRU reset before, hard": lambda: own("GRU", reset="before", recurrent_activation="hard_sigmoid"),
    "closed GRU reset before": lambda: looped("GRU", reset="before"),
    "fully connected": lambda: dk.as_system(seeded(lambda: models.FullyConnected(M, N, K))),
    "memory blocks": lambda: dk.as_system(seeded(lambda: models.MemoryBlocks(M, 4, K, block_size=2))),
    "window": lambda: dk.as_system(seeded(lambda: models.WindowedMLP(M, N, K, before=1))),
    "pair": lambda: dk.as_system((seeded(lambda: nn.GRU(M, N)), seeded(lambda: nn.Linear(N, K)))),
    "module": lambda: dk.as_system(
        seeded(lambda: Sequencer(nn.LSTM(M, N, 2, batch_first=True), nn.Linear(N, K)))
    ),
    "encoded GRU": lambda: encoded("GRU"),
    "encoded LSTM, closed": lambda: dk.ClosedLoop(encoded("LSTM", n_outputs=M)),
    "encoded relu": lambda: encoded("RNN", nonlinearity="relu"),
    "readout of its own": lambda: dk.as_system(seeded(lambda: nn.GRU(M, N)), readout=lambda h: h[:, :2] ** 2),
    "own cell": lambda: dk.as_system(seeded(OwnCell), step="recurrence", readout="fc"),
    "function": lambda: dk.FunctionSystem(swirl, N, M),
    "function, input first": lambda: dk.FunctionSystem(
        lambda u, x: swirl(x, u), N, M, argument_order="input, state", readout=lambda x: x[:, :1].tanh()
    ),
    "closed GRU": lambda: looped("GRU"),
    "closed LSTM": lambda: looped("LSTM"),
    "closed leaky": lambda: looped("LeakyRNN", activation="tanh"),
    "GRU in a world": lambda: in_a_world(own("GRU")),
    "LSTM in a world that flows": lambda: in_a_world(own("LSTM"), flows=True),
    "flow in a world that flows": lambda: in_a_world(
        dk.Flow(swirl, N, M, dt=0.2, readout=lambda x: x[:, :K].tanh()), flows=True
    ),
    "relu network in a world": lambda: in_a_world(own("Elman", activation="relu")),
    "driven GRU": lambda: dk.Driven(own("GRU"), [0.3, -0.2, 1.0]),
    "driven LSTM": lambda: dk.Driven(own("LSTM"), [0.3, -0.2, 1.0]),
    "reservoir": lambda: own("Reservoir", density=0.7, dt=0.1, bias=0.2),
    "reservoir linear": lambda: own("Reservoir", density=0.7, dt=0.2, readout="linear"),
    "reservoir discrete": lambda: own("Reservoir", density=0.7, form="discrete", leak=0.3),
    "closed reservoir": lambda: looped("Reservoir", density=0.7, dt=0.2),
    "flow of a closed reservoir": lambda: dk.as_flow(looped("Reservoir", density=0.7, dt=0.2)),
    "closed reservoir discrete": lambda: looped("Reservoir", density=0.7, form="discrete"),
    "three steps": lambda: dk.Iterated(own("GRU"), 3),
    "reduced Elman": lambda: dk.Reduced(of_low_rank(own("Elman"), 2)),
    "reduced rate sigmoid": lambda: dk.Reduced(of_low_rank(leaky("rate", "sigmoid", None))),
    "reduced current softplus": lambda: dk.Reduced(of_low_rank(leaky("current", "softplus", None))),
    "reduced current relu": lambda: dk.Reduced(of_low_rank(leaky("current", "relu", None), 2)),
    "reduced with its readout": lambda: dk.Reduced(of_low_rank(leaky("rate", "tanh", None)), readout=True),
    "reduced closed relu": lambda: dk.Reduced(of_low_rank(looped("Elman", activation="relu")), readout=True),
    "closed leaky relu": lambda: looped("LeakyRNN"),
    "closed Elman relu": lambda: looped("Elman", activation="relu"),
    "driven relu": lambda: dk.Driven(own("Elman", activation="relu"), [0.3, -0.2, 1.0]),
    "two relu layers": lambda: bare("RNN", num_layers=2, nonlinearity="relu"),
    "three relu layers, closed": lambda: dk.ClosedLoop(
        dk.as_system((seeded(lambda: nn.RNN(M, N, 3, nonlinearity="relu")), seeded(lambda: nn.Linear(N, M))))
    ),
    "three steps, relu": lambda: dk.Iterated(own("Elman", activation="relu"), 3),
    "two steps, closed": lambda: dk.Iterated(looped("GRU"), 2),
}
for _form in ("current", "rate", "rectified"):
    for _f in models.ACTIVATIONS:
        for _dale in (None, "abs"):
            MEMBERS[f"leaky {_form} {_f} {_dale}"] = lambda a=_form, b=_f, c=_dale: leaky(a, b, c)
for _kind in ("RNN", "GRU", "LSTM"):
    MEMBERS[f"nn.{_kind}Cell"] = lambda k=_kind: bare(f"{k}Cell")
    for _layers in (1, 2):
        for _bias in (True, False):
            name = f"nn.{_kind} {_layers} bias={_bias}"
            MEMBERS[name] = lambda k=_kind, n=_layers, b=_bias: bare(k, num_layers=n, bias=b)



@functools.cache
def member(name: str) -> System:
    """Each is built once: tests only look at it."""
    return MEMBERS[name]()


# Maps whose code no enclosure follows: angles, a forward that takes no range of inputs.
UNFOLLOWED = ("circle_map", "arnold", "encoded LSTM, closed")
# Maps with a distance from a point, at which it has no slope.
POLAR = ("two_cycles",)
# Maps of which a forward computes the inputs, in floating point: nothing can be proved of them.
UNPROVED = ("encoded GRU", "encoded relu")


def sample(system: System, batch: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """States and inputs, away from the kinks of piecewise-linear maps."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.8 * torch.randn(50 * batch, system.state_size, generator=generator, dtype=torch.float64)
    u = 0.5 * torch.randn(50 * batch, system.input_size, generator=generator, dtype=torch.float64)
    clear = (system.kinks(x, u) > 1e-3) & (x.abs() > 1e-3).all(-1)  # the readout may have its kinks at zero
    return x[clear][:batch], u[clear][:batch]


# --- what the tests of the adapters share

INPUTS = torch.randn(4, 6, M, generator=torch.Generator().manual_seed(5))

OURS = {
    "Elman": lambda: models.Elman(M, N, K),
    "Elman relu": lambda: models.Elman(M, N, K, activation="relu"),
    "GRU": lambda: models.GRU(M, N, K),
    "LSTM": lambda: models.LSTM(M, N, K),
    "LSTM peepholes": lambda: models.LSTM(M, N, K, peepholes=True),
    "LSTM hard": lambda: models.LSTM(M, N, K, recurrent_activation="hard_sigmoid", peepholes=True),
    "LSTM relu": lambda: models.LSTM(M, N, K, recurrent_activation="hard_sigmoid_keras2", activation="relu"),
    "GRU reset before": lambda: models.GRU(M, N, K, reset="before", recurrent_activation="hard_sigmoid"),
    "GRU dropout": lambda: models.GRU(M, N, K, activation="sigmoid", recurrent_dropout=0.5),
    "fully connected": lambda: models.FullyConnected(M, N, K, activation="tanh"),
    "memory blocks": lambda: models.MemoryBlocks(M, 4, K, block_size=2, biases="all"),
    "window": lambda: models.WindowedMLP(M, N, K, before=1),
    "leaky": lambda: models.LeakyRNN(M, N, K, sigma_rec=0.3, sigma_in=0.1),
    "reservoir": lambda: models.Reservoir(M, N, K, density=0.7, bias=0.1),
    "reservoir discrete": lambda: models.Reservoir(M, N, K, density=0.7, form="discrete", readout="linear"),
    "LIF": lambda: models.LIF(M, N, K, tau_syn=4.0, refractory=2.0),
    "LIF on spikes": lambda: models.LIF(M, N, K, tau_readout=None, reset="zero"),
    "spiking rates": lambda: models.SpikingRNN(M, N, K, tau_readout=20.0),
    "leaky Dale": lambda: models.LeakyRNN(
        M, N, K, dale="softplus", activation="tanh", form="rate", autapses=False
    ),
    "leaky signed": lambda: models.LeakyRNN(M, N, K, dale="abs", signed_io=False, form="rectified"),
    "leaky masked": lambda: models.LeakyRNN(M, N, K, activation="softplus", mask_rec=np.tri(N)),
}
