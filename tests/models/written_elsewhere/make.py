"""Writes the files of this folder: networks that other libraries made, and what these libraries say that they do.

Run by hand, in an environment of its own with keras, torch, jax, flax, equinox, dm-haiku and onnx, never by the tests:

    KERAS_BACKEND=torch JAX_ENABLE_X64=1 python tests/models/written_elsewhere/make.py

``sequential.keras`` and ``functional.h5`` are whole models; ``keras.npz`` has their inputs and outputs, and the
activations; ``cells.npz`` has, for each cell, its arrays, inputs (time, input) and states (time, hidden) from zero.
``versions.json`` says which versions wrote them.
"""

import importlib.metadata
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIBRARIES = ("keras", "torch", "jax", "flax", "equinox", "dm-haiku", "onnx", "numpy", "h5py")
I, N, T = 3, 4, 12
FUNCTIONS = "relu tanh sigmoid softmax softplus softsign elu selu gelu silu swish mish relu6 exponential hard_sigmoid"


def flat(tree, prefix=""):
    found = {}
    for name, value in tree.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": np.asarray(value)}
    return found


def drawn(tree, rng):
    return {k: drawn(v, rng) if isinstance(v, dict) else rng.normal(0, 0.5, np.shape(v)) for k, v in tree.items()}


def stepped(step, state, inputs):
    states = []
    for u in inputs:
        state, h = step(state, u[None])
        states.append(np.asarray(h)[0])
    return np.stack(states)


def flax_cells(rng, inputs):
    import flax.linen as nn
    import jax

    for kind, name, cls in (
        ("LSTM", "flax LSTM", nn.OptimizedLSTMCell),
        ("LSTM", "flax LSTM, plain", nn.LSTMCell),
        ("GRU", "flax GRU", nn.GRUCell),
        ("Elman", "flax Elman", nn.SimpleCell),
    ):
        cell = cls(N, param_dtype=float)
        carry = cell.initialize_carry(jax.random.PRNGKey(0), (1, I))
        params = drawn(cell.init(jax.random.PRNGKey(0), carry, inputs[:1])["params"], rng)
        def run(x, u, cell=cell, params=params):
            return cell.apply({"params": params}, x, u)
        yield kind, name, params, stepped(run, carry, inputs)


def haiku_cells(rng, inputs):
    import haiku as hk
    import jax

    for kind, cls in (("LSTM", hk.LSTM), ("GRU", hk.GRU), ("Elman", hk.VanillaRNN)):
        step = hk.without_apply_rng(hk.transform(lambda u, x, cls=cls: cls(N)(u, x)))
        first = hk.LSTMState(np.zeros((1, N)), np.zeros((1, N))) if kind == "LSTM" else np.zeros((1, N))
        params = drawn(step.init(jax.random.PRNGKey(0), inputs[:1], first), rng)

        def run(x, u, step=step, params=params):
            out, x = step.apply(params, u, x)
            return x, out

        names = [name.split("/")[-1] for name in params]
        given = dict(zip(names, params.values())) if kind == "Elman" else next(iter(params.values()))
        yield kind, f"haiku {kind}", given, stepped(run, first, inputs)


def equinox_cells(rng, inputs):
    import equinox as eqx
    import jax

    for kind, cls in (("LSTM", eqx.nn.LSTMCell), ("GRU", eqx.nn.GRUCell)):
        for bias in (True, False):
            cell = cls(I, N, use_bias=bias, key=jax.random.PRNGKey(1), dtype=float)
            names = [n for n in ("weight_ih", "weight_hh", "bias", "bias_n") if getattr(cell, n, None) is not None]
            state, states = (np.zeros(N), np.zeros(N)) if kind == "LSTM" else np.zeros(N), []
            for u in inputs:
                state = cell(u, state)
                states.append(np.asarray(state[0] if kind == "LSTM" else state))
            given = {n: np.asarray(getattr(cell, n)) for n in names}
            yield kind, f"equinox {kind}{'' if bias else ', no bias'}", given, np.stack(states)


def onnx_cells(rng, inputs):
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    for kind, op, k, more, attributes in (
        ("LSTM", "LSTM", 4, {}, {}),
        ("LSTM", "LSTM", 4, {"P": (1, 3 * N)}, {}),
        ("GRU", "GRU", 3, {}, {"linear_before_reset": 1}),
        ("GRU", "GRU", 3, {}, {"linear_before_reset": 0}),
        ("Elman", "RNN", 1, {}, {}),
    ):
        shapes = {"W": (1, k * N, I), "R": (1, k * N, N), "B": (1, 2 * k * N), **more}
        given = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
        names = ["X", "W", "R", "B", *(["", "", "", "P"] if more else [])]
        node = helper.make_node(op, names, ["Y"], hidden_size=N, **attributes)
        values = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in names if n]
        out = [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, None)]
        model = helper.make_model(helper.make_graph([node], "cell", values, out))
        (y,) = ReferenceEvaluator(model).run(None, {"X": inputs[:, None], **given})
        said = "peepholes" if more else attributes.get("linear_before_reset", "")
        yield kind, f"onnx {kind} {said}".strip(), given, y[:, 0, 0]


def keras_cells(rng, inputs):
    import keras

    keras.config.set_floatx("float64")
    for kind, name, layer in (
        ("LSTM", "keras LSTM", keras.layers.LSTM(N, return_sequences=True)),
        ("GRU", "keras GRU, after", keras.layers.GRU(N, return_sequences=True)),
        ("GRU", "keras GRU, before", keras.layers.GRU(N, return_sequences=True, reset_after=False)),
        ("Elman", "keras Elman", keras.layers.SimpleRNN(N, return_sequences=True)),
    ):
        layer.build((1, T, I))
        layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
        given = dict(zip(("kernel", "recurrent_kernel", "bias"), layer.get_weights()))
        yield kind, name, given, keras.ops.convert_to_numpy(layer(inputs[None]))[0]


def networks(rng):
    import keras
    from keras import layers

    def filled(model):
        model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
        return model

    keras.config.set_floatx("float64")
    sequential = filled(
        keras.Sequential(
            [
                keras.Input((None, I)),
                layers.Masking(mask_value=-1.0),
                layers.Dense(5, activation="tanh"),
                layers.LSTM(N, return_sequences=True, use_bias=False, recurrent_activation="hard_sigmoid", name="zz"),
                layers.Dropout(0.3),
                layers.GRU(3, return_sequences=True, reset_after=False, activation="softplus"),
                layers.TimeDistributed(layers.Dense(2)),
                layers.SimpleRNN(3, return_sequences=True, activation="sigmoid"),
                layers.GRU(3, return_sequences=True, use_bias=False, name="aa"),
                layers.Dense(4, activation="elu"),
                layers.Activation("softmax"),
            ]
        )
    )
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    x = keras.Input((None,), name="tokens")
    y = layers.Embedding(5, 3, name="words")(x)
    y = layers.LSTM(N, return_sequences=True, recurrent_activation="hard_sigmoid", name="zz")(y)
    y = layers.Dropout(0.2)(y)
    y = layers.TimeDistributed(layers.Dense(3), name="mixed")(y)
    y = layers.GRU(N, return_sequences=True, dropout=0.1, name="mm")(y)
    y = layers.GRU(3, return_sequences=True, reset_after=False, name="aa")(y)
    functional = filled(keras.Model(x, layers.Dense(2, activation="sigmoid", name="bb")(y)))
    return sequential, functional


def main():
    import keras

    rng = np.random.default_rng(0)
    inputs, cells = rng.normal(size=(T, I)), {}
    for makers in (flax_cells, haiku_cells, equinox_cells, onnx_cells, keras_cells):
        for kind, name, given, states in makers(rng, inputs):
            cells |= {f"{kind}|{name}|{key}": value for key, value in flat(given).items()}
            cells[f"{kind}|{name}|"] = states
    np.savez_compressed(HERE / "cells.npz", inputs=inputs, **cells)

    sequential, functional = networks(rng)
    sequential.save(HERE / "sequential.keras")
    functional.save(HERE / "functional.h5")
    u, tokens, z = rng.normal(size=(2, T, I)), rng.integers(0, 5, size=(2, T)), rng.normal(0, 3, size=(40, 5))
    keras.config.set_floatx("float64")
    def value(name):
        return keras.ops.convert_to_numpy(getattr(keras.activations, name)(z))
    functions = {f"{name} of z": value(name) for name in FUNCTIONS.split()}
    said = {"sequential": sequential.predict(u, verbose=0), "functional": functional.predict(tokens, verbose=0)}
    np.savez_compressed(HERE / "keras.npz", u=u, tokens=tokens, z=z, **said, **functions)
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
