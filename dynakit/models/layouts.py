"""The weights of recurrent layers as other frameworks hold them, brought into torch's order.

Frameworks differ in which axis is the input, in the order of the gates, in where the biases stand, and in three things
that change the map and show in no shape: haiku's LSTM adds 1 to what it calls the bias of the forget gate, haiku's GRU
mixes with 1 - z where torch has z, and GRUs reset before or after the product with the recurrent weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from .. import checks
from ..errors import InputError
from .base import RecurrentModel

Arrays = dict[str, np.ndarray]
BLOCKS = {"Elman": 1, "GRU": 3, "LSTM": 4}  # of rows of the recurrent weights
TORCH = {"Elman": "h", "GRU": "rzn", "LSTM": "ifgo"}


class GateWeights(NamedTuple):
    """Input and recurrent weights and biases with the rows of the gates one below the other, and what else they say."""

    W_in: np.ndarray  # (gates hidden, input)
    W_rec: np.ndarray  # (gates hidden, hidden)
    b_in: np.ndarray | None
    b_rec: np.ndarray | None = None
    peephole: np.ndarray | None = None  # (3, hidden)
    options: Mapping[str, Any] = {}


class ArrayLayout(NamedTuple):
    """What the arrays of one kind of layer are called and their shapes, in I inputs and n hidden units."""

    arrays: Mapping[str, str]  # "I kn": k blocks of n columns; shapes that may also be stand behind "|", "-" is none
    order: str  # of the blocks
    read: Callable[[Arrays, int], GateWeights]


def _transposed(a: Arrays, n: int) -> GateWeights:
    b, options = a.get("bias"), {}
    b_rec = None
    if b is not None and b.ndim == 2:
        b, b_rec, options = b[0], b[1], {"reset": "after"}
    elif b is not None and len(b) == 3 * n:
        options = {"reset": "before"}
    return GateWeights(a["kernel"].T, a["recurrent_kernel"].T, b, b_rec, options=options)


def _torch(a: Arrays, n: int) -> GateWeights:
    return GateWeights(a["weight_ih"], a["weight_hh"], a.get("bias_ih"), a.get("bias_hh"))


def _equinox(a: Arrays, n: int) -> GateWeights:
    b_n = a.get("bias_n")
    b_rec = None if b_n is None else np.concatenate([np.zeros(2 * n), b_n])
    return GateWeights(a["weight_ih"], a["weight_hh"], a.get("bias"), b_rec)


def _haiku_lstm(a: Arrays, n: int) -> GateWeights:
    W, b = a["w"].T, a["b"].copy()
    b[2 * n : 3 * n] += 1.0  # what haiku adds to the forget gate at every step
    return GateWeights(W[:, :-n], W[:, -n:], b)


def _haiku_gru(a: Arrays, n: int) -> GateWeights:
    W, R, b = a["w_i"].T.copy(), a["w_h"].T.copy(), a["b"].copy()
    for rows in (W, R, b):
        rows[:n] *= -1  # 1 - s(x) = s(-x)
    return GateWeights(W, R, b, options={"reset": "before"})


def _haiku_simple(a: Arrays, n: int) -> GateWeights:
    W, R = a["linear.w"].T, a["linear_1.w"].T
    return GateWeights(W, R, a.get("linear.b"), a.get("linear_1.b"), options={"activation": "relu"})


def _flax(gates: Iterable[str]) -> Callable[[Arrays, int], GateWeights]:
    """Each gate by itself, called by its letter after "i" (from the input) and after "h"."""

    def read(a: Arrays, n: int) -> GateWeights:
        def rows(prefix: str, part: str) -> np.ndarray:
            found = [a.get(f"{prefix}{gate}.{part}", np.zeros(n)) for gate in gates]
            return np.concatenate([block.T for block in found])

        return GateWeights(rows("i", "kernel"), rows("h", "kernel"), rows("i", "bias"), rows("h", "bias"))

    return read


def _onnx(a: Arrays, n: int) -> GateWeights:
    W, R = a["W"][0], a["R"][0]
    b_in, b_rec = np.split(a["B"][0], 2) if "B" in a else (None, None)
    peephole, options = None, {}
    if "P" in a:
        i, o, f = a["P"][0].reshape(3, n)
        peephole, options = np.stack([i, f, o]), {"peepholes": True}
    return GateWeights(W, R, b_in, b_rec, peephole, options)


_KERAS = {"kernel": "I kn", "recurrent_kernel": "n kn"}
_EQUINOX = {"weight_ih": "kn I", "weight_hh": "kn n", "bias": "kn|-"}
_PYTORCH = {"weight_ih": "kn I", "weight_hh": "kn n", "bias_ih": "kn|-", "bias_hh": "kn|-"}
_ONNX = {"W": "1 kn I", "R": "1 kn n", "B": "1 2kn|-"}
_HAIKU = {"linear.w": "I n", "linear.b": "n|-", "linear_1.w": "n n", "linear_1.b": "n|-"}


def _each(names: str, shape: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), shape)


_FLAX_LSTM = {
    **_each("ii.kernel if.kernel ig.kernel io.kernel", "I n"),
    **_each("hi.kernel hf.kernel hg.kernel ho.kernel", "n n"),
    **_each("hi.bias hf.bias hg.bias ho.bias", "n"),
}
_FLAX_GRU = {
    **_each("ir.kernel iz.kernel in.kernel", "I n"),
    **_each("hr.kernel hz.kernel hn.kernel", "n n"),
    **_each("ir.bias iz.bias in.bias hn.bias", "n"),
}
_FLAX_SIMPLE = {"i.kernel": "I n", "i.bias": "n|-", "h.kernel": "n n", "h.bias": "n|-"}

LAYOUTS: dict[str, dict[str, ArrayLayout]] = {
    "LSTM": {
        "keras": ArrayLayout({**_KERAS, "bias": "kn|-"}, "ifgo", _transposed),
        "equinox": ArrayLayout(_EQUINOX, "ifgo", _equinox),
        "haiku": ArrayLayout({"w": "I+n kn", "b": "kn"}, "igfo", _haiku_lstm),
        "flax": ArrayLayout(_FLAX_LSTM, "ifgo", _flax("ifgo")),
        "onnx": ArrayLayout({**_ONNX, "P": "1 3n|-"}, "iofg", _onnx),
        "torch": ArrayLayout(_PYTORCH, "ifgo", _torch),
    },
    "GRU": {
        "keras": ArrayLayout({**_KERAS, "bias": "2 kn|kn|-"}, "zrn", _transposed),
        "equinox": ArrayLayout({**_EQUINOX, "bias_n": "n|-"}, "rzn", _equinox),
        "haiku": ArrayLayout({"w_i": "I kn", "w_h": "n kn", "b": "kn"}, "zrn", _haiku_gru),
        "flax": ArrayLayout(_FLAX_GRU, "rzn", _flax("rzn")),
        "onnx": ArrayLayout(_ONNX, "zrn", _onnx),
        "torch": ArrayLayout(_PYTORCH, "rzn", _torch),
    },
    "Elman": {
        "keras": ArrayLayout({**_KERAS, "bias": "kn|-"}, "h", _transposed),
        "haiku": ArrayLayout(_HAIKU, "h", _haiku_simple),
        "flax": ArrayLayout(_FLAX_SIMPLE, "h", _flax([""])),
        "onnx": ArrayLayout(_ONNX, "h", _onnx),
        "torch": ArrayLayout(_PYTORCH, "h", _torch),
    },
}


def from_layout(
    cls: type[RecurrentModel],
    layout: str,
    arrays: Mapping[str, Any],
    *,
    readout: tuple[Any, Any] | None,
    options: Mapping[str, Any],
) -> Any:
    """A ``cls`` with these weights; options that are None are what the layout says, or what ``cls`` has by default."""
    kind = cls.__name__
    known = LAYOUTS[kind]
    rule = known[checks.one_of("layout", layout, known)]
    flat = _read(kind, layout, rule, arrays)
    n, n_inputs = _sizes(kind, layout, rule, flat)
    found = rule.read(flat, n)
    chosen = _chosen(kind, layout, found.options, options)
    W_out, b_out = _readout(readout, n)
    model: Any = cls(n_inputs, n, len(W_out), **chosen)
    state = {"readout.weight": W_out, "readout.bias": b_out}
    state |= {f"rnn.{name}_l0": rows for name, rows in _in_order(found, rule.order, TORCH[kind]).items()}
    if found.peephole is not None:
        state["peephole"] = found.peephole
    narrow = all(_is_narrow(value) for value in _leaves(arrays).values())
    model.to(torch.float32 if narrow else torch.float64)
    model.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()})
    return model


def _leaves(arrays: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Arrays by name, those of dictionaries by dotted ones; None is none."""
    found: dict[str, Any] = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping) and not prefix:
            found |= _leaves(value, f"{name}.")
        elif value is not None:
            found[f"{prefix}{name}"] = value
    return found


def _is_narrow(value: Any) -> bool:
    return str(getattr(value, "dtype", "")).removeprefix("torch.") in ("float32", "float16", "bfloat16")


def _read(kind: str, layout: str, rule: ArrayLayout, arrays: Mapping[str, Any]) -> Arrays:
    given = {_plainly(name, rule): value for name, value in _leaves(arrays).items()}
    needed = {name for name, shapes in rule.arrays.items() if not shapes.endswith("-")}
    if needed - given.keys() or given.keys() - rule.arrays.keys():
        raise InputError(f"{_expected(kind, layout, rule)}; got {', '.join(sorted(given)) or 'none'}")
    return {name: checks.reals(name, value) for name, value in given.items()}


def _plainly(name: str, rule: ArrayLayout) -> str:
    """The name of an array; a layer of torch's numbers its own."""
    bare = name.removesuffix("_l0")
    return bare if bare in rule.arrays else name


def _expected(kind: str, layout: str, rule: ArrayLayout) -> str:
    def said(shapes: str) -> str:
        k = BLOCKS[kind]
        words = shapes.replace("2kn", f"{2 * k}n").replace("kn", f"{k}n" if k > 1 else "n").split("|")
        return " or ".join("none" if shape == "-" else f"({', '.join(shape.split())})" for shape in words)

    names = ", ".join(f"{name} {said(shapes)}" for name, shapes in rule.arrays.items())
    return f"layout {layout!r} of {kind}.from_arrays takes {names}, with I inputs and n hidden units"


def _sizes(kind: str, layout: str, rule: ArrayLayout, arrays: Arrays) -> tuple[int, int]:
    """Hidden units and inputs, of which every array has the shape that the layout says."""
    places = [(token, size) for name, array in arrays.items() for token, size in _places(rule.arrays[name], array)]
    n = next((size for token, size in places if token == "n"), 0)
    if "n" not in dict(places):
        n = next((size // BLOCKS[kind] for token, size in places if token == "kn"), 0)
    tokens = {"n": n, "kn": BLOCKS[kind] * n, "2kn": 2 * BLOCKS[kind] * n, "3n": 3 * n, "1": 1, "2": 2}
    tokens["I"] = next((size - (n if "+" in token else 0) for token, size in places if token[0] == "I"), 0)
    tokens["I+n"] = tokens["I"] + n
    right = n > 0 and tokens["I"] > 0
    for name, array in arrays.items():
        shapes = [tuple(tokens[t] for t in shape.split()) for shape in rule.arrays[name].split("|") if shape != "-"]
        right = right and array.shape in shapes
    if not right:
        got = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"{_expected(kind, layout, rule)}; got {got}")
    return n, tokens["I"]


def _places(shapes: str, array: np.ndarray) -> list[tuple[str, int]]:
    first = shapes.split("|")[0].split()
    return list(zip(first, array.shape)) if len(first) == array.ndim else []


def _chosen(kind: str, layout: str, found: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    for name in given.keys() & found.keys() - {"activation"}:
        if given[name] != found[name]:
            raise InputError(
                f"{name} is {found[name]!r} in these arrays of layout {layout!r}, got {name}={given[name]!r}"
            )
    if (kind, layout) == ("GRU", "onnx") and "reset" not in given:
        raise InputError(
            "reset must be said of layout 'onnx': 'after' where the node has linear_before_reset=1, else 'before'"
        )
    return {**found, **given}


def _readout(readout: tuple[Any, Any] | None, n: int) -> tuple[np.ndarray, np.ndarray]:
    if readout is None:
        return np.eye(n), np.zeros(n)
    if not isinstance(readout, (tuple, list)) or len(readout) != 2:
        raise InputError("readout must be a pair: weights (output, hidden), and a bias (output,) or None")
    W = checks.reals("readout[0]", readout[0], ("output", n))
    b = np.zeros(len(W)) if readout[1] is None else checks.reals("readout[1]", readout[1], (len(W),))
    return W, b


def _in_order(found: GateWeights, source: str, target: str) -> dict[str, np.ndarray]:
    def rows(array: np.ndarray) -> np.ndarray:
        blocks = dict(zip(source, np.split(array, len(source))))
        return np.concatenate([blocks[gate] for gate in target])

    zeros = np.zeros(len(found.W_rec))
    biases = {"bias_ih": found.b_in, "bias_hh": found.b_rec}
    return {
        "weight_ih": rows(found.W_in),
        "weight_hh": rows(found.W_rec),
        **{name: zeros if bias is None else rows(bias) for name, bias in biases.items()},
    }
