"""Layers of Keras, by their names, configs and arrays, as layers of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import InputError
from ..activations import ACTIVATIONS
from ..elman import Elman
from ..gru import GRU
from ..layered import POINTWISE, LayeredNetwork, Pointwise
from ..lstm import LSTM
from .chain import Entry

RECURRENT = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": Elman}
WITHOUT_STATE = ("Dense", "Embedding", "Activation")
WITHOUT_EFFECT = ("InputLayer", "ActivityRegularization")
LEFT_OUT = {
    "Dropout": "dropout",
    "SpatialDropout1D": "dropout",
    "AlphaDropout": "dropout",
    "GaussianDropout": "dropout",
    "GaussianNoise": "noise",
    "Masking": "masking",
}
VARIABLES = ("kernel", "recurrent_kernel", "bias")


def built(entries: Iterable[tuple[Entry, list[np.ndarray]]], version: int | None, where: str) -> LayeredNetwork:
    """The network of these layers; ``version`` is the first number of that of Keras, or None.

    Raises InputError for a layer of another kind, or with options that no layer here has, naming it.
    """
    layers: list[nn.Module] = []
    left_out: dict[str, None] = {}
    for entry, arrays in entries:
        try:
            layers += _layers(entry, arrays, version)
        except InputError as error:
            raise InputError(f"{where}, {entry.called}: {error}") from None
        left_out |= dict.fromkeys(_left_out(entry))
    if not any(type(layer) in RECURRENT.values() for layer in layers):
        raise InputError(f"{where} holds no recurrent layer (LSTM, GRU, SimpleRNN)")
    try:
        network = LayeredNetwork(layers, left_out=left_out)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    wide = any(p.dtype == torch.float64 for p in network.parameters())
    return network.to(torch.float64 if wide else torch.float32)


def _left_out(entry: Entry) -> list[str]:
    """What of a layer the dynamics have not, in words."""
    drops = entry.kind in RECURRENT and any(entry.config.get(name) for name in ("dropout", "recurrent_dropout"))
    masks = entry.kind == "Embedding" and entry.config.get("mask_zero")
    words = [LEFT_OUT.get(entry.kind, ""), "dropout" if drops else "", "masking" if masks else ""]
    return [word for word in words if word]


def _layers(entry: Entry, arrays: list[np.ndarray], version: int | None) -> list[nn.Module]:
    if entry.kind in RECURRENT:
        return [_recurrent(entry, arrays, version)]
    if entry.kind in WITHOUT_STATE:
        return _stateless(entry, arrays, version)
    if entry.kind in LEFT_OUT or entry.kind in WITHOUT_EFFECT:
        return []
    if entry.kind == "Bidirectional":
        raise InputError(
            "its state depends on what is still to come, so there is no map; each direction is one by itself: "
            "dk.models.LSTM.from_arrays('keras', kernel=..., recurrent_kernel=..., bias=...)"
        )
    known = ", ".join([*RECURRENT, *WITHOUT_STATE, "TimeDistributed", *LEFT_OUT])
    code = "its code is never run from a file" if entry.kind == "Lambda" else f"known are {known}"
    raise InputError(
        f"it is no layer that is read here: {code}; the recurrent layers around it are taken by themselves: "
        "dk.models.LSTM.from_arrays('keras', kernel=..., recurrent_kernel=..., bias=...)"
    )


def _recurrent(entry: Entry, arrays: list[np.ndarray], version: int | None) -> nn.Module:
    cls, config = RECURRENT[entry.kind], entry.config
    if entry.wrapped:
        raise InputError("TimeDistributed runs it anew within every step, which is no recurrent network")
    if config.get("go_backwards"):
        raise InputError(
            "go_backwards=True reads the sequence from its end: the map is the same, so read a copy of the model with "
            "go_backwards=False and reverse the inputs, inputs[:, ::-1]"
        )
    options: dict[str, Any] = {"activation": _activation(config, "activation", "tanh", ACTIVATIONS, version)}
    if cls is not Elman:
        gates = ("sigmoid", "hard_sigmoid", "hard_sigmoid_keras2")
        options["recurrent_activation"] = _activation(config, "recurrent_activation", "sigmoid", gates, version)
    if cls is GRU:
        options["reset"] = "after" if config.get("reset_after") else "before"
    options |= _named(arrays, VARIABLES, config)
    model = cls.from_arrays("keras", **options)
    _has_units(model.n_hidden, config)
    return model


def _stateless(entry: Entry, arrays: list[np.ndarray], version: int | None) -> list[nn.Module]:
    if entry.kind == "Embedding":
        table = _named(arrays, ("embeddings",), {"use_bias": True})["embeddings"]
        return [_linear(table, None)]
    name = _activation(entry.config, "activation", "linear", ("linear", *POINTWISE), version)
    after: list[nn.Module] = [] if name == "linear" else [Pointwise(name)]
    if entry.kind == "Activation":
        return after
    given = _named(arrays, ("kernel", "bias"), entry.config)
    layer = _linear(given["kernel"], given.get("bias"))
    _has_units(layer.out_features, entry.config)
    return [layer, *after]


def _named(arrays: list[np.ndarray], names: tuple[str, ...], config: dict[str, Any]) -> dict[str, np.ndarray]:
    expected = names if config.get("use_bias", True) else names[:-1]
    if len(arrays) != len(expected):
        raise InputError(f"it must have {len(expected)} arrays ({', '.join(expected)}), the file holds {len(arrays)}")
    for name, array in zip(expected, arrays):
        if not np.isfinite(array).all():
            raise InputError(f"{name} has values that are not finite")
    return dict(zip(expected, arrays))


def _linear(kernel: np.ndarray, bias: np.ndarray | None) -> nn.Linear:
    """A dense layer with a kernel (input, output)."""
    fits = kernel.ndim == 2 and 0 not in kernel.shape and (bias is None or bias.shape == kernel.shape[1:])
    if not fits:
        shapes = f"{kernel.shape}" + ("" if bias is None else f" and {bias.shape}")
        raise InputError(f"its arrays must have shapes (inputs, outputs) and (outputs,), got {shapes}")
    dtype = torch.float64 if kernel.dtype == np.float64 else torch.float32
    with torch.device("meta"):
        layer = nn.Linear(*kernel.shape, bias=bias is not None, dtype=dtype)
    weights = {"weight": kernel.T, **({} if bias is None else {"bias": bias})}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(w)).to(dtype) for name, w in weights.items()}
    layer.load_state_dict(tensors, assign=True)
    return layer


def _has_units(n: int, config: dict[str, Any]) -> None:
    if config.get("units", n) != n:
        raise InputError(f"its config has units={str(config['units'])[:50]}, and its arrays have {n}")


def _activation(config: dict[str, Any], argument: str, default: str, known: Iterable[str], version: int | None) -> str:
    """The name here of the function that a config names; that of hard sigmoids depends on the version of Keras."""
    name = config.get(argument, default)
    name = "linear" if name is None else name
    if isinstance(name, dict):
        said = name.get("config")
        said = said.get("name") if isinstance(said, dict) else said
        raise InputError(f"{argument} is code of somebody's own ({str(said)[:100]!r}), and none is run from a file")
    if name == "hard_sigmoid":
        if version is None:
            raise InputError(
                f"{argument}='hard_sigmoid' is one function up to Keras 2 and another from 3 on, and the file does not "
                "say its version"
            )
        name = "hard_sigmoid" if version >= 3 else "hard_sigmoid_keras2"
    if not isinstance(name, str) or name not in known:
        usable = ", ".join(known)
        raise InputError(f"{argument}={str(name)[:100]!r} is no function that is known here: {usable}")
    return name
