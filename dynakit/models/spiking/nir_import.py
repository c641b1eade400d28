"""Spiking networks read from the Neuromorphic Intermediate Representation (Pedersen et al. 2024), as to_nir writes it.

A neuron tau dv/dt = -v + R I, integrated exactly over dt under a constant I, is v <- beta v + (1 - beta) R I with
beta = exp(-dt/tau): the step of :class:`dynakit.models.LIF` under weights times (1 - beta) R, and so for a synapse.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...checks import number, one_of
from ...errors import InputError
from ..time_constants import Times
from .spiking import LIF, RESETS, decay, kept

NEURONS = ("LIF", "IF", "CubaLIF")
WEIGHTS = ("Affine", "Linear")
KNOWN = ("Input", "Output", "LI", *NEURONS, *WEIGHTS)
FORM = "input -> Affine -> LIF, IF or CubaLIF (-> Linear back to it) (-> LI) -> Affine -> output"
ALMOST = 1e-9  # a gain that is one, but for rounding


def from_nir(graph: Any, *, dt: float | None = None, reset: str | None = None) -> LIF:
    """The network of a ``nir.NIRGraph``, or of the file of one, of the form that :func:`to_nir` writes.

    That is input -> Affine or Linear -> LIF, IF or CubaLIF -> output by Affine or Linear, with recurrent weights and an
    LI as the trace that is read, or without; the nodes may have any names.  Gains that NIR keeps in its neurons are
    multiplied into the weights.

    Arguments:
        graph: the graph, or the path of a file that ``nir.write`` made.
        dt: time of a step, ms; default: what ``graph.metadata`` says.
        reset: "subtract" or "zero"; default: what ``graph.metadata`` says, or else "zero", as NIR means it.

    Raises ImportError for a path without the package ``nir``; InputError for nodes of another kind or another order, by
    name, for neurons that differ from each other in another constant than tau, and for a rest or a reset that is not 0.
    """
    graph = _read(graph)
    said = dict(getattr(graph, "metadata", None) or {})
    if dt is None and "dt" not in said:
        raise InputError("graph does not say the time of its steps: pass dt=, in ms")
    dt = number("dt", _clean(1000 * float(said["dt"])) if dt is None else dt, above=0.0, closed=False)
    reset = str(one_of("reset", _word(said.get("reset", "zero")) if reset is None else reset, RESETS))
    names = _in_order(graph)
    nodes: dict[str, Any] = {place: graph.nodes[name] for place, name in names.items()}
    W_in, W_out = (np.asarray(nodes[place].weight) for place in ("input", "readout"))
    times, threshold, gain = _constants(names["neurons"], nodes["neurons"], dt, len(W_in))
    tau_readout, heard = _trace(names, nodes, dt)
    model = LIF(
        W_in.shape[1], W_in.shape[0], W_out.shape[0], dt, threshold=threshold, reset=reset, tau_readout=tau_readout,
        **times,
    )  # fmt: skip
    n = len(W_in)
    W_rec = np.asarray(nodes["recurrent"].weight) if "recurrent" in nodes else np.zeros((n, n))
    weights = {"W_in": gain * W_in, "W_rec": gain * W_rec, "W_out": heard * W_out}
    biases = {"b_rec": gain * _bias(nodes["input"]), "b_out": _bias(nodes["readout"])}
    if W_in.dtype == np.float64:
        model.double()
    with torch.no_grad():
        for name, value in {**weights, **biases}.items():
            _put(name, getattr(model, name), value)
    return model


def _read(graph: Any) -> Any:
    if isinstance(graph, (str, os.PathLike)):
        try:
            import nir
        except ImportError:
            raise ImportError("from_nir needs nir to read a file: pip install 'dynakit[nir]'") from None
        if not Path(graph).is_file():
            raise InputError(f"graph must be a NIR graph or the path of its file, and there is no {str(graph)!r}")
        try:
            graph = nir.read(Path(graph))
        except Exception as error:  # of another format, or cut short
            raise InputError(f"graph ({error}) is no file that nir can read") from error
    if not isinstance(getattr(graph, "nodes", None), dict) or not hasattr(graph, "edges"):
        raise InputError(f"graph must be a NIR graph or the path of its file, got {type(graph).__name__}")
    for name, node in graph.nodes.items():
        if type(node).__name__ not in KNOWN:
            raise InputError(f"node '{name}' of graph is of kind {type(node).__name__}; a LIF network is {FORM}")
    return graph


def _in_order(graph: Any) -> dict[str, str]:
    """The names of the nodes by what they are for; InputError where the graph is no such network."""
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    after = {name: {b for a, b in graph.edges if a == name} for name in kinds}

    def next_of(name: str, *wanted: str, but: str = "") -> str:
        found = [b for b in sorted(after[name]) if kinds.get(b) in wanted and b != but]
        if len(found) != 1:
            raise InputError(
                f"node '{name}' of graph leads to {', '.join(sorted(after[name])) or 'nothing'}, where one of kind "
                f"{' or '.join(wanted)} belongs: a LIF network is {FORM}"
            )
        return found[0]

    first = next((name for name, kind in kinds.items() if kind == "Input"), None)
    if first is None:
        raise InputError(f"graph has no input node: a LIF network is {FORM}")
    names = {"start": first, "input": next_of(first, *WEIGHTS)}
    names["neurons"] = next_of(names["input"], *NEURONS)
    back = next((b for b in after[names["neurons"]] if after[b] == {names["neurons"]}), "")
    if back:
        names["recurrent"] = back
    last = next_of(names["neurons"], "LI", *WEIGHTS, but=back)
    if kinds[last] == "LI":
        names["trace"], last = last, next_of(last, *WEIGHTS)
    names["readout"], names["end"] = last, next_of(last, "Output")
    over = sorted(kinds.keys() - set(names.values()))
    if over or (back and kinds[back] != "Linear"):
        raise InputError(f"node '{over[0] if over else back}' of graph has no place: a LIF network is {FORM}")
    return names


def _constants(name: str, node: Any, dt: float, n: int) -> tuple[dict[str, Any], float, np.ndarray]:
    """Time constants in ms, the threshold, and what a weight is to be multiplied by, (neuron, 1) or (1,)."""
    kind = type(node).__name__
    _at_zero(name, node)
    _fitting(name, node, n)
    threshold = _one(name, "v_threshold", node.v_threshold)
    if kind == "IF":
        return {"tau": math.inf}, threshold, _gain(dt / 1000 * np.asarray(node.r))
    tau = _each(node.tau if kind == "LIF" else node.tau_mem)
    gain = (1 - kept(dt, tau)) * np.asarray(node.r, float)
    if kind == "LIF":
        return {"tau": tau}, threshold, _gain(gain)
    tau_syn = _clean(1000 * _one(name, "tau_syn", node.tau_syn))
    gain = gain * ((1 - decay(dt, tau_syn)) * np.asarray(node.w_in, float))
    return {"tau": tau, "tau_syn": tau_syn}, threshold, _gain(gain)


def _trace(names: dict[str, str], nodes: dict[str, Any], dt: float) -> tuple[float | None, np.ndarray]:
    """The time constant of the trace in ms, and what the weights that read it are multiplied by."""
    if "trace" not in nodes:
        return None, np.ones(1)
    node = nodes["trace"]
    _at_zero(names["trace"], node)
    tau = _clean(1000 * _one(names["trace"], "tau", node.tau))
    return tau, _gain((1 - decay(dt, tau)) * np.asarray(node.r, float)).T


def _gain(value: Any) -> np.ndarray:
    """A gain per neuron as a column; exactly one where it is that but for rounding."""
    value = np.atleast_1d(np.asarray(value, float)).reshape(-1, 1)
    return np.where(np.abs(value - 1) < ALMOST, 1.0, value)


def _at_zero(name: str, node: Any) -> None:
    for constant in ("v_leak", "v_reset"):
        value = getattr(node, constant, None)
        if value is not None and np.any(np.asarray(value) != 0):
            raise InputError(f"node '{name}' of graph has {constant} other than 0, which LIF has not")


def _fitting(name: str, node: Any, n: int) -> None:
    """Raise InputError unless each constant of a node is one number, or one for each of ``n`` neurons."""
    for constant in ("tau", "tau_mem", "tau_syn", "r", "w_in"):
        found = np.size(getattr(node, constant, 0.0))
        if found not in (1, n):
            raise InputError(f"node '{name}' of graph has {found} values of {constant}, but its weights lead to {n}")


def _one(name: str, constant: str, values: Any) -> float:
    found = np.unique(np.asarray(values, float))
    if len(found) != 1:
        raise InputError(
            f"node '{name}' of graph has {len(found)} values of {constant}; the neurons of a LIF share one"
        )
    return float(found[0])


def _each(seconds: Any) -> Times:
    """Time constants in ms: of all neurons where they are equal, or of each."""
    found = tuple(_clean(1000 * time) for time in np.asarray(seconds, float).reshape(-1))
    return found[0] if len(set(found)) == 1 else found


def _bias(node: Any) -> np.ndarray:
    bias = getattr(node, "bias", None)
    return np.zeros((len(node.weight), 1)) if bias is None else np.asarray(bias)[:, None]


def _put(name: str, weight: torch.Tensor, value: np.ndarray) -> None:
    if value.size != weight.numel():
        raise InputError(f"the weights of graph do not fit: {name} must have shape {tuple(weight.shape)}")
    weight.copy_(torch.from_numpy(np.ascontiguousarray(value)).reshape(weight.shape))


def _clean(value: float) -> float:
    """A number of ms without the rounding of seconds."""
    return float(f"{value:.12g}")


def _word(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
