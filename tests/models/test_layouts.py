"""Weights as other frameworks hold them, against the states that these frameworks themselves reach."""

from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import GRU, LSTM, Elman

CELLS = np.load(Path(__file__).parent / "written_elsewhere" / "cells.npz")
NAMES = sorted({name.rpartition("|")[0] for name in CELLS.files if "|" in name})
KINDS = {"LSTM": LSTM, "GRU": GRU, "Elman": Elman}
SINGLE = ("keras Elman", "keras GRU, before")  # Keras runs these in single precision whatever it is told
RESETS = {"onnx GRU 0": "before", "onnx GRU 1": "after"}


def arrays_of(cell):
    """The arrays of a cell as its framework keeps them: those of flax and haiku in dictionaries."""
    found = {}
    for key in CELLS.files:
        name, _, array = key.rpartition("|")
        if name == cell and array:
            part, _, leaf = array.rpartition(".")
            (found.setdefault(part, {}) if part else found)[leaf] = CELLS[key]
    return found


def made(cell, **options):
    kind, name = cell.split("|")
    options = {"reset": RESETS[name], **options} if name in RESETS else options
    return KINDS[kind].from_arrays(name.split()[0], **options, **arrays_of(cell))


@pytest.mark.parametrize("cell", NAMES)
def test_states_are_those_of_the_framework(cell):
    model, atol = made(cell), 1e-7 if cell.endswith(SINGLE) else 1e-14
    assert next(model.parameters()).dtype == torch.float64
    got = dk.record(model, CELLS["inputs"][None])
    states = np.asarray(got.states)[0, :, : model.n_hidden]
    np.testing.assert_allclose(states, CELLS[f"{cell}|"], rtol=0, atol=atol)
    assert np.array_equal(np.asarray(got.outputs)[0], states)  # without a readout the outputs are h
    with torch.no_grad():
        run = model(torch.from_numpy(CELLS["inputs"][None]))
    np.testing.assert_allclose(run.states.numpy()[0, :, : model.n_hidden], CELLS[f"{cell}|"], rtol=0, atol=atol)


def test_every_framework_and_kind_is_compared():
    compared = {(cell.split("|")[0], cell.split("|")[1].split()[0]) for cell in NAMES}
    known = {(kind, layout) for kind, layouts in dk.models.layouts.LAYOUTS.items() for layout in layouts}
    assert known - compared == {("LSTM", "torch"), ("GRU", "torch"), ("Elman", "torch")}


@pytest.mark.parametrize(("kind", "layer"), [("LSTM", torch.nn.LSTM), ("GRU", torch.nn.GRU), ("Elman", torch.nn.RNN)])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_and_cells_of_torch(kind, layer, bias):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = layer(3, 4, bias=bias, batch_first=True)
        cell = getattr(torch.nn, f"{layer.__name__}Cell")(3, 4, bias=bias)
    u = torch.from_numpy(CELLS["inputs"][None]).float()
    model = KINDS[kind].from_arrays("torch", **theirs.state_dict())
    assert next(model.parameters()).dtype == torch.float32
    assert torch.equal(model(u).outputs, theirs(u)[0])
    model = KINDS[kind].from_arrays("torch", **cell.state_dict())
    ours, hers = model(u[:, :1]).outputs[:, 0], cell(u[:, 0])
    torch.testing.assert_close(ours, hers[0] if kind == "LSTM" else hers, rtol=0, atol=1e-7)


def test_a_readout_comes_with_the_arrays():
    W, b = np.arange(8.0).reshape(2, 4), np.ones(2)
    model = made("LSTM|keras LSTM", readout=(W, b))
    got = dk.record(model, CELLS["inputs"][None])
    np.testing.assert_allclose(got.outputs[0], CELLS["LSTM|keras LSTM|"] @ W.T + b, atol=1e-13)
    assert made("LSTM|keras LSTM", readout=(W, None)).n_outputs == 2


def test_activations_are_said_beside_the_arrays():
    model = made("Elman|haiku Elman")
    assert model.activation == "relu"
    assert made("Elman|haiku Elman", activation="tanh").activation == "tanh"
    assert made("LSTM|keras LSTM", recurrent_activation="hard_sigmoid").recurrent_activation == "hard_sigmoid"


KERAS = {"kernel": np.zeros((3, 16)), "recurrent_kernel": np.zeros((4, 16)), "bias": np.zeros(16)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LSTM.from_arrays("keras", **{**KERAS, "bias": np.zeros(15)}), r"bias \(4n\) or none.*got.*\(15,\)"),
        (lambda: LSTM.from_arrays("keras", **{**KERAS, "kernel": np.zeros((16, 3))}), r"kernel \(I, 4n\)"),
        (lambda: LSTM.from_arrays("keras", kernel=np.zeros((3, 16))), "recurrent_kernel .*; got kernel"),
        (lambda: LSTM.from_arrays("keras", **KERAS, b=np.zeros(3)), "; got b, bias"),
        (lambda: LSTM.from_arrays("kears", **KERAS), "layout"),
        (lambda: LSTM.from_arrays("keras"), "; got none"),
        (lambda: Elman.from_arrays("equinox", **KERAS), "layout"),
        (lambda: LSTM.from_arrays("keras", **{**KERAS, "bias": np.full(16, np.nan)}), "bias must be finite"),
        (lambda: LSTM.from_arrays("keras", **{**KERAS, "kernel": "a"}), "kernel"),
        (lambda: LSTM.from_arrays("keras", readout=(np.zeros((2, 3)), None), **KERAS), r"readout\[0\] must have shape"),
        (lambda: LSTM.from_arrays("keras", readout=np.zeros((2, 4)), **KERAS), "readout must be a pair"),
        (lambda: GRU.from_arrays("onnx", **arrays_of("GRU|onnx GRU 1")), "linear_before_reset"),
        (lambda: made("GRU|keras GRU, after", reset="before"), "reset is 'after' in these arrays"),
        (
            lambda: LSTM.from_arrays("onnx", W=np.zeros((2, 16, 3)), R=np.zeros((2, 16, 4))),
            r"B \(1, 8n\).*got W \(2, 16, 3\)",
        ),
        (lambda: LSTM.from_arrays("flax", **{"ii": {"kernel": {"a": np.zeros((3, 4))}}}), "if.kernel"),
    ],
)
def test_other_arrays_are_refused_with_what_the_layout_has(call, message):
    with pytest.raises(InputError, match=message):
        call()
