"""To NIR and back: files that come back, and equations that give the same voltages when integrated exactly."""

from __future__ import annotations

import math
import sys

import nir
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from dynakit.errors import InputError
from dynakit.models import LIF, LeakyRNN, from_nir, to_nir

KINDS = {
    "LIF": {},
    "IF": {"tau": math.inf},
    "LIF, a tau per neuron": {"tau": [5.0, 10.0, 20.0, 40.0, 80.0]},
    "CubaLIF, a tau per neuron": {"tau_syn": 5.0, "tau": [5.0, 10.0, 20.0, 40.0, 80.0]},
    "CubaLIF": {"tau_syn": 5.0, "threshold": 0.5, "reset": "zero"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau_readout", [None, 30.0])
def test_a_written_graph_is_read_back_with_the_weights_of_the_model(kind, tau_readout, tmp_path):
    model = LIF(3, 5, 2, dt=0.5, tau_readout=tau_readout, **KINDS[kind])
    nir.write(tmp_path / "net.nir", to_nir(model))
    graph = nir.read(tmp_path / "net.nir")
    assert type(graph.nodes["neurons"]).__name__ == kind.partition(",")[0]
    assert_allclose(graph.nodes["input_weights"].weight, model.W_in.detach(), rtol=0)
    assert_allclose(graph.nodes["input_weights"].bias, model.b_rec.detach(), rtol=0)
    assert_allclose(graph.nodes["recurrent_weights"].weight, model.W_rec.detach(), rtol=0)
    assert_allclose(graph.nodes["readout_weights"].weight, model.W_out.detach(), rtol=0)
    assert_allclose(graph.nodes["neurons"].v_threshold, model.threshold)
    assert float(graph.metadata["dt"]) == 0.0005
    assert graph.metadata["reset"] == model.reset
    last = "trace" if tau_readout else "neurons"
    assert {
        ("neurons", "recurrent_weights"),
        ("recurrent_weights", "neurons"),
        (last, "readout_weights"),
    } < set(graph.edges)


@pytest.mark.parametrize("kind", KINDS)
def test_the_continuous_equations_of_the_graph_give_the_voltages_of_the_model(kind):
    """Below threshold; each input held over its step, and with a synapse the new current too, as the module says."""
    n = np.size(KINDS[kind].get("tau", 1.0))
    model = LIF(1, n, 1, **{**KINDS[kind], "threshold": 1e9}).double()
    with torch.no_grad():
        model.W_in.fill_(1.0)
    kind = kind.partition(",")[0]
    u = np.random.default_rng(0).normal(size=20)
    states = model(torch.from_numpy(u)[None, :, None]).states[0].detach().numpy()
    node = to_nir(model).nodes["neurons"]

    def held(tau: float, gain: float, y0: float, drive: float) -> float:
        def rhs(t, y):
            return gain * drive if tau == math.inf else (gain * drive - y) / tau

        return solve_ivp(rhs, (0, 0.001), [y0], rtol=1e-11, atol=1e-13).y[0, -1]

    for k in {0, n - 1}:
        v = i = 0.0
        for t in range(20):
            i = held(node.tau_syn[k], node.w_in[k], i, u[t]) if kind == "CubaLIF" else u[t]
            tau = {
                "IF": math.inf,
                "LIF": getattr(node, "tau", [0] * n)[k],
                "CubaLIF": getattr(node, "tau_mem", [0] * n)[k],
            }
            v = held(tau[kind], node.r[k], v, i)
            assert states[t, model.parts["voltage"]][k] == pytest.approx(v, abs=1e-8)


def test_the_continuous_trace_jumps_by_one_at_a_spike_held_for_a_step_and_then_decays():
    node = to_nir(LIF(1, 3, 1, dt=0.5, tau_readout=30.0)).nodes["trace"]
    assert_allclose(node.v_leak, 0)
    assert_allclose(node.tau, 0.03)
    assert_allclose(node.r * (1 - np.exp(-0.0005 / node.tau)), 1)  # tau dv/dt = -v + r over 0.5 ms, from 0


@pytest.mark.parametrize("kind", KINDS)
def test_rest_and_reset_are_at_zero(kind):
    node = to_nir(LIF(1, 5, 1, **KINDS[kind])).nodes["neurons"]
    assert_allclose(node.v_reset, 0)
    assert_allclose(getattr(node, "v_leak", 0.0), 0)


def test_what_nir_cannot_say_is_refused():
    with pytest.raises(InputError, match="refractory=2 ms, which NIR cannot say"):
        to_nir(LIF(1, 2, 1, refractory=2.0))
    with pytest.raises(InputError, match="model must be a LIF network, got LeakyRNN"):
        to_nir(LeakyRNN(1, 2, 1))
    with pytest.raises(InputError, match="tau=inf for some neurons only"):
        to_nir(LIF(1, 2, 1, tau=[math.inf, 5.0]))
    with pytest.raises(InputError, match="tau=inf and tau_syn"):
        to_nir(LIF(1, 2, 1, tau=math.inf, tau_syn=5.0))


def test_without_the_package_the_way_to_install_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ImportError, match=r"to_nir needs nir: pip install 'dynakit\[nir\]'"):
        to_nir(LIF(1, 2, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau_readout", [None, 30.0])
@pytest.mark.parametrize("wide", [False, True])
def test_what_is_written_comes_back_as_the_same_network(kind, tau_readout, wide, tmp_path):
    model = LIF(3, 5, 2, dt=0.5, tau_readout=tau_readout, seed=1, **KINDS[kind])
    with torch.no_grad():
        model.b_rec.uniform_(0.0, 0.3)
        model.b_out.uniform_()
    model = model.double() if wide else model
    nir.write(tmp_path / "net.nir", to_nir(model))
    for graph in (to_nir(model), tmp_path / "net.nir"):
        back = from_nir(graph)
        settings = {name: value for name, value in model.config().items() if name != "seed"}
        assert {name: value for name, value in back.config().items() if name != "seed"} == settings
        for name, weight in model.named_parameters():
            assert torch.equal(weight, back.get_parameter(name))
        u = 3 * torch.randn(4, 50, 3, generator=torch.Generator().manual_seed(0)).to(model.W_in.dtype)
        assert torch.equal(model(u).states, back(u).states)
        assert torch.equal(model(u).outputs, back(u).outputs)
        assert bool(model(u).states[..., model.parts["spikes"]].any())


def test_gains_of_other_writers_are_in_the_weights():
    """One neuron with R = 3 under a constant current, by the solution of its equation."""
    one = np.ones(1)
    nodes = {
        "in": nir.Input({"input": np.array([1])}),
        "w": nir.Linear(np.array([[0.5]])),
        "n": nir.LIF(tau=0.02 * one, r=3 * one, v_leak=0 * one, v_threshold=1e9 * one),
        "y": nir.Linear(np.array([[2.0]])),
        "out": nir.Output({"output": np.array([1])}),
    }
    graph = nir.NIRGraph(nodes, [("in", "w"), ("w", "n"), ("n", "y"), ("y", "out")])
    with pytest.raises(InputError, match="does not say the time of its steps: pass dt="):
        from_nir(graph)
    model = from_nir(graph, dt=1.0)
    v = model(torch.ones(1, 10, 1).double()).states[0, :, model.parts["voltage"]].detach().numpy()[:, 0]
    assert_allclose(v, 3 * 0.5 * (1 - np.exp(-np.arange(1, 11) / 20)), rtol=1e-12)
    assert model.reset == "zero"
    assert not bool(model.W_rec.any())


def test_a_graph_that_is_no_such_network_is_refused_by_the_name_of_the_node(tmp_path):
    graph = to_nir(LIF(1, 2, 1))
    graph.nodes["neurons"].v_threshold = np.array([1.0, 2.0])
    with pytest.raises(InputError, match="'neurons' of graph has 2 values of v_threshold"):
        from_nir(graph)
    graph = to_nir(LIF(1, 2, 1))
    graph.nodes["neurons"].tau = np.array([0.01, 0.02, 0.03])
    with pytest.raises(InputError, match="'neurons' of graph has 3 values of tau, but its weights lead to 2"):
        from_nir(graph)
    graph = to_nir(LIF(1, 2, 1))
    graph.nodes["neurons"].v_leak = np.array([0.0, 0.1])
    with pytest.raises(InputError, match="'neurons' of graph has v_leak other than 0"):
        from_nir(graph)
    graph = to_nir(LIF(1, 2, 1))
    graph.nodes["scaling"] = nir.Scale(np.ones(2))
    with pytest.raises(InputError, match="node 'scaling' of graph is of kind Scale"):
        from_nir(graph)
    graph = to_nir(LIF(1, 2, 1))
    graph.edges = [edge for edge in graph.edges if edge != ("input_weights", "neurons")]
    with pytest.raises(InputError, match="'input_weights' of graph leads to nothing, where one of kind LIF or IF"):
        from_nir(graph)
    (tmp_path / "net.nir").write_bytes(b"no graph")
    with pytest.raises(InputError, match="is no file that nir can read"):
        from_nir(tmp_path / "net.nir")
    with pytest.raises(InputError, match="there is no "):
        from_nir(tmp_path / "none.nir")
    with pytest.raises(InputError, match="must be a NIR graph or the path of its file, got LIF"):
        from_nir(LIF(1, 2, 1))
