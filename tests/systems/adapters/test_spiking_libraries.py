"""Layers and networks of spiking libraries: states and outputs are the library's own, and no surrogate is a slope."""

from __future__ import annotations

import importlib
import re

import pytest
import torch
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

from ...test_docs import ROOT

T = 200
FACES = {
    "snntorch": "snntorch",
    "norse": "norse.torch",
    "sinabs": "sinabs.layers",
    "spikingjelly": "spikingjelly.activation_based",
}


def library(name):
    """The library's face, or a skipped test where it is not installed."""
    pytest.importorskip(name, reason=f"{name} is not installed: pip install 'dynakit[spiking]'")
    return importlib.import_module(FACES[name])


def leaky(snn):
    return snn.Leaky(beta=0.9)


def tutorial(snn):
    """The form of snnTorch's tutorials: a loop over time first, from states zeroed at its beginning."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.lif1 = nn.Linear(4, 6), snn.Leaky(beta=0.9)
            self.fc2, self.lif2 = nn.Linear(6, 3), snn.Synaptic(alpha=0.7, beta=0.8)

        def forward(self, x):
            mem1, (syn2, mem2) = self.lif1.init_leaky(), self.lif2.init_synaptic()
            out = []
            for step in range(len(x)):
                spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
                spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
                out.append(spk2)
            return torch.stack(out)

    return Net()


def hidden(snn):
    return nn.Sequential(
        nn.Linear(4, 6),
        snn.Leaky(beta=0.9, init_hidden=True, reset_mechanism="zero"),
        nn.Linear(6, 3),
        snn.Leaky(beta=torch.tensor([0.5, 0.8, 0.95]), init_hidden=True, output=True),
    )


def jelly(face):
    neuron = importlib.import_module("spikingjelly.activation_based.neuron")
    layer = importlib.import_module("spikingjelly.activation_based.layer")
    lif = neuron.LIFNode(tau=1.5, v_threshold=0.2, v_reset=0.1)
    return nn.Sequential(layer.Linear(4, 6), neuron.ParametricLIFNode(), layer.Linear(6, 3), lif)


def jelly_neuron(kind, **options):
    return lambda face: getattr(importlib.import_module("spikingjelly.activation_based.neuron"), kind)(**options)


def per_step(attributes):
    """A loop of single inputs, what the layers keep being read after each."""

    def run(model, x):
        out, seen = [], []
        for u in x.unbind(1):
            y = model(u)
            out.append(y[0] if isinstance(y, tuple) else y)
            seen.append([kept(model, name) for name in attributes])
        return torch.stack(out, 1), {name: torch.stack(v, 1) for name, v in zip(attributes, zip(*seen))}

    return run


def kept(model, name):
    prefix, _, last = name.rpartition(".")
    return getattr(model.get_submodule(prefix), last).clone()


def handed_over(names, reach=lambda state: state):
    """A loop of single inputs, the state being handed over and coming back."""

    def run(model, x):
        out, seen, state = [], [], None
        for u in x.unbind(1):
            y, state = model(u, state)
            out.append(y)
            seen.append([read(reach(state), name).clone() for name in names])
        return torch.stack(out, 1), {name: torch.stack(v, 1) for name, v in zip(names, zip(*seen))}

    return run


def read(state, path):
    for name in path.split("."):
        state = state[int(name)] if name.isdigit() else getattr(state, name)
    return state


def batch_first(attributes):
    """A loop of sequences of one element."""

    def run(model, x):
        y, seen = per_step(attributes)(lambda_of(model), x)
        return y, seen

    return run


class lambda_of:
    """A network of (batch, time, input) called with single inputs."""

    def __init__(self, model):
        self.model, self.get_submodule = model, model.get_submodule

    def __call__(self, u):
        return self.model(u[:, None])[:, 0]


def whole(model, x):
    return model(x.transpose(0, 1)).transpose(0, 1), {}


def whole_norse(model, x):
    return model(x.transpose(0, 1))[0].transpose(0, 1), {}


CASES = {  # library, how the network is made, its input size if that must be said, how it runs by itself
    "Leaky": ("snntorch", leaky, 4, per_step(["mem"])),
    "Leaky, no delay": ("snntorch", lambda snn: snn.Leaky(beta=0.9, reset_delay=False), 4, per_step(["mem"])),
    "Synaptic": ("snntorch", lambda snn: snn.Synaptic(alpha=0.7, beta=0.9), 4, per_step(["syn", "mem"])),
    "Synaptic, hidden": (
        "snntorch",
        lambda snn: snn.Synaptic(alpha=0.7, beta=0.9, init_hidden=True),
        4,
        per_step(["syn", "mem"]),
    ),
    "Alpha": (
        "snntorch",
        lambda snn: snn.Alpha(alpha=0.8, beta=0.7),
        4,
        per_step(["syn_exc", "syn_inh", "mem"]),
    ),
    "RLeaky": ("snntorch", lambda snn: snn.RLeaky(beta=0.9, linear_features=4), None, per_step(["spk", "mem"])),
    "SLSTM": ("snntorch", lambda snn: snn.SLSTM(4, 5, threshold=0.1), None, per_step(["syn", "mem"])),
    "Sequential of Leaky": ("snntorch", hidden, None, per_step(["1.mem", "3.mem"])),
    "a tutorial's network": ("snntorch", tutorial, None, whole),
    "LIFCell": ("norse", lambda norse: norse.LIFCell(), 4, handed_over(["v", "i"])),
    "LIFRecurrentCell": (
        "norse",
        lambda norse: norse.LIFRecurrentCell(4, 5),
        None,
        handed_over(["z", "v", "i"]),
    ),
    "LSNNRecurrentCell": (
        "norse",
        lambda norse: norse.LSNNRecurrentCell(4, 5),
        None,
        handed_over(["z", "v", "i", "b"]),
    ),
    "LIFRefracCell": (
        "norse",
        lambda norse: norse.LIFRefracCell(),
        4,
        handed_over(["lif.v", "lif.i", "rho"]),
    ),
    "LIFRecurrent": ("norse", lambda norse: norse.LIFRecurrent(4, 5), None, whole_norse),
    "SequentialState": (
        "norse",
        lambda norse: norse.SequentialState(nn.Linear(4, 6), norse.LIFCell(), nn.Linear(6, 3), norse.LICell()),
        None,
        handed_over(["1.v", "1.i", "3.v", "3.i"]),
    ),
    "LIF": ("sinabs", lambda sl: sl.LIF(tau_mem=10.0, tau_syn=5.0), 4, batch_first(["v_mem", "i_syn"])),
    "IAF": ("sinabs", lambda sl: sl.IAF(), 4, batch_first(["v_mem"])),
    "ALIF": ("sinabs", lambda sl: sl.ALIF(tau_mem=10.0, tau_adapt=20.0), 4, batch_first(["v_mem", "b"])),
    "Sequential of LIF": (
        "sinabs",
        lambda sl: nn.Sequential(nn.Linear(4, 6), sl.LIF(tau_mem=10.0), nn.Linear(6, 3), sl.ExpLeak(tau_mem=9.0)),
        None,
        batch_first(["1.v_mem", "3.v_mem"]),
    ),
    "IFNode": ("spikingjelly", jelly_neuron("IFNode", v_reset=None), 4, per_step(["v"])),
    "LIFNode": ("spikingjelly", jelly_neuron("LIFNode", v_reset=0.2), 4, per_step(["v"])),
    "LIFNode of sequences": ("spikingjelly", jelly_neuron("LIFNode", step_mode="m"), 4, whole),
    "Sequential of LIFNode": ("spikingjelly", jelly, None, per_step(["1.v", "3.v"])),
}


@pytest.mark.parametrize("case", CASES)
def test_states_and_outputs_are_those_of_the_library(case):
    name, make, n_inputs, run = CASES[case]
    face = library(name)
    torch.manual_seed(0)
    model = make(face).eval()
    x = 4 * torch.randn(3, T, 4, generator=torch.Generator().manual_seed(1))
    x += 0.5 if case != "Alpha" else 0.0
    system = dk.as_system(model, **({} if n_inputs is None else {"input_size": n_inputs}))
    assert system.regularity == "discontinuous"
    with torch.no_grad():
        outputs, states = run(model, x)
    ours = system.trajectory(system.initial_state(), x.double())
    assert float((system.observe(ours) - outputs).abs().max()) < 2e-4
    for part, theirs in states.items():
        assert float((ours[..., system.parts[part]] - theirs).abs().max()) < 2e-4 * max(1, float(theirs.abs().max()))
    fired = [part for part in system.parts if part.rpartition(".")[2] in ("spikes", "z", "spk")]
    assert fired
    for part in fired:
        assert 0 < float((ours[..., system.parts[part]] > 0.5).double().mean()) < 1


def test_a_surrogate_is_no_derivative_and_the_given_network_is_left_alone():
    snn = library("snntorch")
    model = hidden(snn)
    model(torch.ones(2, 4))  # what it then remembers carries gradients
    before = [model[k].mem for k in (1, 3)]
    system = dk.as_system(model)
    assert [model[k].mem for k in (1, 3)] == before
    x = torch.zeros(system.state_size, dtype=torch.float64, requires_grad=True)
    assert not system.step(x, torch.ones(4)).requires_grad
    with pytest.raises(InputError, match="jumps at its spikes"):
        system.jacobian(x, torch.ones(4))
    with pytest.raises(InputError, match="regularity"):
        dk.as_system(model, regularity="smooth")


def test_equal_networks_have_equal_fingerprints_and_others_have_others():
    snn = library("snntorch")
    marks = [dk.as_system(snn.Leaky(beta=b), input_size=4).fingerprint for b in (0.9, 0.9, 0.8)]
    assert marks[0] == marks[1] != marks[2]


def test_a_step_of_norse_has_the_time_that_its_layers_say():
    norse = library("norse")
    assert dk.as_system(norse.LIFRecurrentCell(4, 5, dt=0.0005)).dt == pytest.approx(0.5)


def test_a_first_state_that_is_not_zero_is_where_the_system_begins():
    library("spikingjelly")
    system = dk.as_system(jelly_neuron("LIFNode", v_reset=0.2)(None), input_size=4)
    assert system.initial_state()[system.parts["v"]].tolist() == [0.2] * 4


class Constant(nn.Module):
    """One input shown for several steps: the other form of the tutorials."""

    def __init__(self, snn):
        super().__init__()
        self.fc, self.lif = nn.Linear(4, 3), snn.Leaky(beta=0.9)

    def forward(self, x):
        mem = self.lif.init_leaky()
        for _ in range(10):
            spk, mem = self.lif(self.fc(x), mem)
        return spk


class FromZero(Constant):
    """A state that is put to zero without the layer being asked."""

    def forward(self, x):
        return self.lif(self.fc(x), torch.zeros(len(x), 3))[0]


@pytest.mark.parametrize("kind", [Constant, FromZero])
def test_a_forward_that_is_no_step_is_refused_with_a_call_that_runs(kind):
    model = kind(library("snntorch"))
    with pytest.raises(InputError, match=r"several times for one input|a first state of its own") as refusal:
        dk.as_system(model)
    call = re.search(r"dk\.as_system\(.*\)", str(refusal.value)).group()
    system = eval(call, {"dk": dk, "model": model})
    x = 3 * torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(0))
    mem, out = torch.zeros(2, 3), []
    with torch.no_grad():
        for u in x.unbind(1):
            spk, mem = model.lif(model.fc(u), mem)
            out.append(spk)
    ours = system.observe(system.trajectory(system.initial_state(), x.double()))
    assert torch.equal(ours.float(), torch.stack(out, 1))


def test_the_width_that_cannot_be_read_off_is_asked_for():
    snn = library("snntorch")
    with pytest.raises(InputError, match=r"takes vectors of any width: dk.as_system\(model, input_size=4\)"):
        dk.as_system(snn.Leaky(beta=0.9))


def test_feedback_outside_the_layers_is_refused():
    norse = library("norse")
    with pytest.raises(InputError, match="RecurrentSequential of Norse feeds its outputs back"):
        dk.as_system(norse.RecurrentSequential(nn.Linear(4, 4), norse.LIFCell()))


ROWS = re.findall(r"^\| (\w+): .* \| `(.*)` \|$", (ROOT / "docs" / "your_network.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_a_line_of_the_docs_is_taken(row):
    said, call = ROWS[row]
    face = library(said.lower())
    names = {"snn": face, "norse": face, "sl": face, "nn": nn, "torch": torch, "dk": dk}
    if said == "SpikingJelly":
        names["neuron"] = importlib.import_module("spikingjelly.activation_based.neuron")
    if "net" in call:
        names["net"] = tutorial(face)
    assert eval(call, names).regularity == "discontinuous"


def test_every_library_has_its_lines():
    assert {said.lower() for said, _ in ROWS} == set(FACES)
