"""Saving is the identity; damage and foreign files are refused in one sentence."""

import argparse
import io
import json
import math
import re
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import save_file
from torch import nn

from dynakit import as_system
from dynakit.errors import ArtifactError, InputError
from dynakit.models import GRU, MemoryBlocks, from_state_dict, load, packed, read, save, unpacked
from dynakit.results import History

from ..artifacts.sealing import forge
from .test_models import VARIANTS


@pytest.fixture
def saved(tmp_path):
    save(GRU(3, 7, 2), tmp_path / "run.1")
    return tmp_path / "run.1"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", VARIANTS)
def test_load_is_the_inverse_of_save(name, dtype, tmp_path):
    model = VARIANTS[name]().to(dtype).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.1)  # no longer what the seed gives
    before = torch.get_rng_state()
    save(model, tmp_path / "my model.v1")
    again = load(tmp_path / "my model.v1")
    assert torch.equal(before, torch.get_rng_state())
    assert sorted(p.suffix for p in (tmp_path / "my model.v1").iterdir()) == [".json", ".safetensors"]
    assert type(again) is type(model)
    assert not again.training
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), model.state_dict().values()))
    inputs = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(again(inputs).states, model(inputs).states)
    assert all(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize("name", VARIANTS)
def test_a_network_has_the_settings_that_were_saved(name, tmp_path):
    model = VARIANTS[name]()
    save(model, tmp_path / "net")
    kept, again = model.config(), load(tmp_path / "net").config()
    tensors = [key for key, value in kept.items() if isinstance(value, torch.Tensor)]
    assert all(torch.equal(kept.pop(key), again.pop(key)) for key in tensors)
    assert again == kept
    assert {key: type(value) for key, value in again.items()} == {key: type(value) for key, value in kept.items()}


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_biases_of_gates_are_the_same_settings_in_whatever_they_came(kind, tmp_path):
    model = MemoryBlocks(3, 2, 1, input_bias=kind([-1.0, -2.0]), output_bias=kind([np.float64(-1), -3]))
    save(model, tmp_path / "net")
    settings = {"input_bias": (-1.0, -2.0), "output_bias": (-1.0, -3.0)}
    for config in (model.config(), load(tmp_path / "net").config()):
        assert {key: config[key] for key in settings} == settings


def test_every_truncation_and_flipped_byte_is_noticed(saved):
    for place in saved.iterdir():
        data = place.read_bytes()
        for at in (0, len(data) // 3, len(data) // 2, len(data) - 2):
            damaged = bytearray(data)
            damaged[at] ^= 0x40
            for bad in (bytes(damaged), data[:at]):
                place.write_bytes(bad)
                with pytest.raises(ArtifactError):
                    load(saved)
        place.write_bytes(data)
    assert load(saved).n_hidden == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"class": "LSTM"}), r"rnn.weight_ih_l0 must have shape \(28, 3\), got \(21, 3\)"),
        (lambda m: m.update({"class": "os.system"}), "not one of"),
        (lambda m: m.update({"class": ["GRU"]}), "not one of"),
        (lambda m: m["config"].update(n_hidden=8), r"weight_ih_l0 must have shape \(24, 3\), got \(21, 3\)"),
        (lambda m: m["config"].update(n_hidden=10**9), r"weight_ih_l0 must have shape \(3000000000, 3\), got"),
        (lambda m: m["config"].update(n_outputs=60_000), r"readout.weight must have shape \(60000, 7\), got"),
        (lambda m: m["config"].update(n_hidden="7"), "must have shape"),
        (lambda m: m["config"].update(n_hidden=None), "does not accept"),
        (lambda m: m["config"].pop("n_hidden"), "does not accept: 'n_hidden'"),
        (lambda m: m["config"].update(hidden=8), "does not accept"),
        (lambda m: m.update(config_tensors=["hidden"]), "does not accept"),
        (lambda m: m.update(format_version=99), "version 99"),
        (lambda m: m["files"][""].pop("sha256"), "damaged"),
    ],
)
def test_a_forged_manifest_is_refused_before_anything_is_built(saved, change, message):
    forge(saved / "model.json", change)
    with pytest.raises(ArtifactError, match=message):
        load(saved)


@pytest.mark.parametrize("n_hidden", [10**9, 60_000])
def test_a_size_that_was_changed_is_noticed(saved, n_hidden):
    content = json.loads((saved / "model.json").read_text())
    config = {**content["config"], "n_hidden": n_hidden}
    (saved / "model.json").write_text(json.dumps({**content, "config": config}))
    with pytest.raises(ArtifactError, match="damaged or was changed"):
        load(saved)


@pytest.mark.parametrize("name", VARIANTS)
def test_declared_shapes_are_those_of_the_largest_weights(name):
    model = VARIANTS[name]()
    shapes = type(model).shapes(model.config())
    weights = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert shapes.items() <= weights.items()
    own = sum(math.prod(weights[key]) for key in shapes)
    assert own >= sum(math.prod(shape) for key, shape in weights.items() if key not in shapes) / 2


def test_a_model_beside_results_is_one_artefact_and_the_one_of_a_report_is_read_from_its_folder(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no model\.json"):
        load(tmp_path)
    History(**{name: np.zeros(2) for name in ("losses", "scores", "seconds", "learning_rates")}).save(tmp_path)
    with pytest.raises(ArtifactError, match=r"holds no model\.json, and results without one"):
        load(tmp_path)
    save(GRU(3, 7, 2), tmp_path)
    assert load(tmp_path).n_hidden == 7


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_of_other_kinds_of_numbers_are_refused(dtype, tmp_path):
    model = GRU(3, 7, 2)
    header, _ = packed(model)
    weights = {name: value.detach().to(dtype) for name, value in model.state_dict().items()}
    data = safetensors.torch.save(weights)
    with pytest.raises(ArtifactError, match=r"has dtype|cannot be read as safetensors|numbers of 8 bits"):
        unpacked(header, data, "here")
    one = safetensors.torch.save({**model.state_dict(), "readout.bias": weights["readout.bias"]})
    with pytest.raises(ArtifactError, match=r"has dtype|cannot be read as safetensors|numbers of 8 bits"):
        unpacked(header, one, "here")


def test_not_finite_weights_are_named(tmp_path):
    model = GRU(3, 7, 2)
    with torch.no_grad():
        model.rnn.weight_hh_l0[4, 2] = torch.nan
    with pytest.raises(
        InputError, match=r"weight_hh_l0 has 1 non-finite of 147 values, first at index \(4, 2\)"
    ):
        save(model, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_a_class_of_someone_else_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="got a Linear"):
        save(nn.Linear(2, 2), tmp_path / "bad")


class Net(nn.Module):
    def __init__(self, kind, layers=1, **kwargs):
        super().__init__()
        self.layer = kind(3, 5, layers, batch_first=True, **kwargs)
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.layer(x)[0])


KINDS = [
    (nn.RNN, {}),
    (nn.RNN, {"nonlinearity": "relu"}),
    (nn.GRU, {}),
    (nn.LSTM, {}),
    (nn.LSTM, {"bias": False}),
]


@pytest.mark.parametrize("form", ["dict", "lightning .ckpt", ".pt", ".safetensors"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_foreign_weights_give_the_same_network(kind, kwargs, layers, form, tmp_path):
    with torch.random.fork_rng():
        net = Net(kind, layers, **kwargs).double()
    source = net.state_dict()
    if form == "lightning .ckpt":
        wrapped = {"state_dict": {f"model.{k}": v for k, v in source.items()}, "epoch": 3}
        torch.save(wrapped, tmp_path / "a.ckpt")
        source = tmp_path / "a.ckpt"
    elif form == ".pt":
        torch.save(source, tmp_path / "a.pt")
        source = str(tmp_path / "a.pt")
    elif form == ".safetensors":
        save_file(source, tmp_path / "a.safetensors")
        source = tmp_path / "a.safetensors"
    before = torch.get_rng_state()
    got = from_state_dict(source, nonlinearity=kwargs.get("nonlinearity", "tanh"))
    assert torch.equal(before, torch.get_rng_state())
    u = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(got(u), net(u))


def gru():
    with torch.random.fork_rng():
        return {f"rnn.{k}": v for k, v in nn.GRU(3, 5).state_dict().items()}


def other(module):
    with torch.random.fork_rng():
        return module().state_dict()


def test_a_prefix_names_the_part_of_a_checkpoint(tmp_path):
    with torch.random.fork_rng():
        policy, value = Net(nn.GRU, 1), Net(nn.LSTM, 1)
    parts = {"model.policy": policy, "model.value": value}
    state = {f"{name}.{k}": v for name, net in parts.items() for k, v in net.state_dict().items()}
    torch.save({"state_dict": {**state, "model.steps": torch.tensor(3)}, "epoch": 3}, tmp_path / "a.ckpt")
    u = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    for name, net in parts.items():
        assert torch.equal(from_state_dict(tmp_path / "a.ckpt", prefix=f"{name}.")(u), net(u))
    assert from_state_dict(state, prefix="model.policy.layer.").readout is None
    with pytest.raises(InputError, match="one recurrent layer"):
        from_state_dict(state)
    with pytest.raises(InputError, match=r"prefix='net\.' begins no name in source, which holds 'model\.policy"):
        from_state_dict(state, prefix="net.")
    with pytest.raises(InputError, match="prefix must be a string"):
        from_state_dict(state, prefix=3)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: other(lambda: nn.GRU(3, 5, bidirectional=True)), "bidirectional"),
        (lambda: other(lambda: nn.LSTM(3, 5, proj_size=2)), "projections"),
        (lambda: {**gru(), **{f"b.{k}": v for k, v in gru().items()}}, "one recurrent layer"),
        (lambda: other(lambda: nn.Linear(3, 5)), "one recurrent layer"),
        (lambda: {}, "dict of tensors"),
        (lambda: 3, "dict of tensors"),
        (lambda: {**gru(), "rnn.weight_hh_l0": torch.zeros(10, 5)}, "1 .RNN., 3 .GRU. or 4"),
        (
            lambda: {**gru(), "rnn.weight_hh_l0": torch.full((15, 5), torch.inf)},
            "hh_l0 has 75 non-finite",
        ),
        (lambda: {**gru(), "out.weight": torch.zeros(2, 4)}, "to read the hidden units"),
        (
            lambda: {**gru(), "a.weight": torch.zeros(2, 5), "b.weight": torch.zeros(2, 2)},
            "one linear readout",
        ),
        (lambda: {**gru(), "out.weight": torch.zeros(2, 5).double()}, "one dtype"),
        (lambda: {**gru(), "steps": torch.tensor(3)}, "steps"),
        (lambda: {k: v for k, v in gru().items() if "bias_hh" not in k}, "bias_hh_l0 is missing"),
        (lambda: {**gru(), "rnn.weight_hh_l1": torch.zeros(15, 5)}, "weight_ih_l1 is missing"),
    ],
)
def test_what_is_no_such_network_is_refused(source, message):
    with pytest.raises(InputError, match=message):
        from_state_dict(source())


def bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(2**20))
    data = bytearray(buffer.getvalue())
    data[data.index(b"PK\x01\x02") + 24 :][:4] = b"\xff\xff\xff\xff"
    return bytes(data)


def torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".safetensors", ".txt"])
@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"hello, this is text",
        lambda: torch_bytes(gru())[:-100],
        lambda: torch_bytes({"state_dict": nn.Linear(2, 2)}),
        lambda: b"\xff" * 7 + b"\x7f" + b"{" * 50,
        bomb,
    ],
)
def test_files_that_are_no_weights_are_refused(data, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data())
    with pytest.raises(ArtifactError, match=r"source|safetensors"):
        from_state_dict(path)


def test_code_in_a_file_is_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Marked:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    torch.save({"state_dict": Marked()}, tmp_path / "a.pt")
    with pytest.raises(ArtifactError, match="code is never run"):
        from_state_dict(tmp_path / "a.pt")
    assert not marker.exists()


def held_by_lightning(**more):
    weights = {f"model.{name}": value for name, value in Around().state_dict().items()}
    return {"epoch": 3, "state_dict": {**weights, **more}}


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(3, 4), nn.Linear(4, 2)


@pytest.mark.parametrize(
    "more",
    [
        {"loss.weight": torch.ones(2)},
        {"head.weight": torch.ones(2, 4), "norm.num_batches_tracked": torch.tensor(3)},
        {f"target.{name}": value for name, value in Around().state_dict().items()},
        {f"model.other.{name}": value for name, value in nn.GRU(3, 4).state_dict().items()},
    ],
)
def test_where_a_checkpoint_holds_more_the_prefix_named_takes_the_network(more):
    checkpoint = held_by_lightning(**more)
    with pytest.raises(InputError, match="prefix=") as refused:
        from_state_dict(checkpoint)
    prefix = re.search("prefix='(.*)' takes", str(refused.value))[1]
    network = from_state_dict(checkpoint, prefix=prefix)
    assert torch.equal(network.rnn.weight_hh_l0, checkpoint["state_dict"]["model.rnn.weight_hh_l0"])


def test_what_a_checkpoint_holds_beside_tensors_is_named(tmp_path):
    torch.save({**held_by_lightning(), "hyper_parameters": argparse.Namespace(n=4)}, tmp_path / "a.ckpt")
    told = r"more than tensors \(argparse.Namespace\).*torch.save\(model.state_dict"
    with pytest.raises(ArtifactError, match=told) as e:
        from_state_dict(tmp_path / "a.ckpt")
    assert "\x1b" not in str(e.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.zeros(1).expand(3 * 10**5, 10**5), "declares 30000000000 numbers for 'rnn.weight_hh_l0'"),
        (torch.zeros(9, 3, device="meta"), "dense tensors with data"),
    ],
)
def test_weights_that_are_not_there_are_not_made(weights, message, tmp_path):
    torch.save({"rnn.weight_ih_l0": torch.zeros(9, 3), "rnn.weight_hh_l0": weights}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=message):
        from_state_dict(tmp_path / "a.pt")


def test_names_of_any_length_are_told_shortened():
    with pytest.raises(InputError, match=r"found 'a{60}\.\.\.'") as refused:
        from_state_dict({"a" * 100_000: torch.eye(2)})
    assert len(str(refused.value)) < 300


def test_each_reader_names_the_one_that_takes_the_file(tmp_path):
    for name in ("a.h5", "a.keras"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(ArtifactError, match=r"dk.models.read\('.*" + name):
            from_state_dict(tmp_path / name)
    with pytest.raises(ArtifactError, match=r"dk.models.read"):
        load(tmp_path / "a.h5")
    with pytest.raises(ArtifactError, match=r"folder: dk.models.load"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"dk.as_system\(dk.models.read\('a.h5'\)\)"):
        as_system("a.h5")
    with pytest.raises(InputError, match=r"dk.as_system\(dk.models.from_state_dict"):
        as_system(Around().state_dict())
    with pytest.raises(InputError, match=r"dk.as_system\(network\)"):
        from_state_dict(Around())


def test_missing_file():
    with pytest.raises(ArtifactError, match="not a file"):
        from_state_dict("nowhere.pt")
