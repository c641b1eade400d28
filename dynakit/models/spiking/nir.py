"""Spiking networks in the Neuromorphic Intermediate Representation (Pedersen et al. 2024), for simulators and chips.

NIR describes neurons in continuous time, tau dv/dt = v_leak - v + R I.  Integrated exactly over a step of dt under a
constant I, that is v <- beta v + (1 - beta) R I with beta = exp(-dt/tau): with R = 1 / (1 - beta) it is the step of
:class:`dynakit.models.LIF`, and so for the synaptic current (``w_in``) and the trace of the readout.  An importer that
takes Euler steps instead gets a slightly other network.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...errors import InputError
from ..time_constants import Times
from .spiking import LIF, kept


def to_nir(model: LIF) -> Any:
    """``model`` as a ``nir.NIRGraph``, to be written by ``nir.write(path, graph)``.

    input -> "input_weights" (Affine) -> "neurons" (LIF, IF or CubaLIF) -> "recurrent_weights" (Linear) -> "neurons";
    then "trace" (LI), where the model has one, and "readout_weights" (Affine) -> output.  Time constants are in
    seconds, as NIR's users have them.  ``graph.metadata`` holds ``dt`` (seconds) and ``reset``, for which NIR has no
    words: a spike takes the threshold off the voltage ("subtract") or sets it to ``v_reset`` ("zero").

    Raises ImportError without the package ``nir``; InputError for a refractory period, which NIR has not, and for
    models other than LIF.
    """
    try:
        import nir
    except ImportError:
        raise ImportError("to_nir needs nir: pip install 'dynakit[nir]'") from None
    if not isinstance(model, LIF):
        raise InputError(f"model must be a LIF network, got {type(model).__name__}")
    if model.n_refractory:
        raise InputError(
            f"model has refractory={model.refractory:g} ms, which NIR cannot say; use refractory=0"
        )
    read = {name: p.detach().cpu().numpy().copy() for name, p in model.named_parameters()}
    nodes = {
        "input": nir.Input({"input": np.array([model.n_inputs])}),
        "input_weights": nir.Affine(read["W_in"], read["b_rec"]),
        "neurons": _neurons(nir, model),
        "recurrent_weights": nir.Linear(read["W_rec"]),
        "trace": _trace(nir, model),
        "readout_weights": nir.Affine(read["W_out"], read["b_out"]),
        "output": nir.Output({"output": np.array([model.n_outputs])}),
    }
    nodes = {name: node for name, node in nodes.items() if node is not None}
    forward = [name for name in nodes if name != "recurrent_weights"]
    edges = [*itertools.pairwise(forward), ("neurons", "recurrent_weights"), ("recurrent_weights", "neurons")]
    return nir.NIRGraph(nodes, edges, metadata={"dt": model.dt / 1000, "reset": model.reset})


def _neurons(nir: Any, model: LIF) -> Any:
    each = np.ones(model.n_hidden)
    fire = {"v_threshold": model.threshold * each, "v_reset": 0.0 * each}
    if np.isinf(model.tau).any():
        if not np.isinf(model.tau).all():
            raise InputError("model has tau=inf for some neurons only, for which NIR has no node; give each a tau")
        if model.tau_syn is not None:
            raise InputError(
                "model has tau=inf and tau_syn, for which NIR has no neuron; give tau, or tau_syn=None"
            )
        return nir.IF(r=1000 / model.dt * each, **fire)
    tau, r = _leak(model.tau, model.dt)
    if model.tau_syn is None:
        return nir.LIF(tau=tau * each, r=r * each, v_leak=0.0 * each, **fire)
    tau_syn, w_in = _leak(model.tau_syn, model.dt)
    return nir.CubaLIF(
        tau_syn=tau_syn * each, tau_mem=tau * each, r=r * each, v_leak=0.0 * each, w_in=w_in * each, **fire
    )


def _trace(nir: Any, model: LIF) -> Any:
    if model.tau_readout is None:
        return None
    each, (tau, r) = np.ones(model.n_hidden), _leak(model.tau_readout, model.dt)
    return nir.LI(tau=tau * each, r=r * each, v_leak=0.0 * each)


def _leak(tau: Times, dt: float) -> tuple[Any, Any]:
    """Time constants in seconds, and the gain under which a unit of input is a jump of one per step; of all or each."""
    return np.asarray(tau) / 1000, 1 / (1 - kept(dt, tau))
