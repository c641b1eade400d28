"""Files of Keras: what Keras itself says that its networks do, and files that are none, or would do harm."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import ArtifactError, InputError
from dynakit.models import LSTM, LayeredNetwork, layered, read
from dynakit.models.activations import GATES
from dynakit.models.keras import files

FOLDER = Path(__file__).parents[1] / "written_elsewhere"
SEQUENTIAL, FUNCTIONAL = FOLDER / "sequential.keras", FOLDER / "functional.h5"
SAID = np.load(FOLDER / "keras.npz")
TOKENS = np.eye(5)[SAID["tokens"]]


def test_a_sequential_model_gives_the_outputs_of_keras():
    network = read(SEQUENTIAL)
    got = dk.record(network, SAID["u"])
    np.testing.assert_allclose(got.outputs, SAID["sequential"], rtol=0, atol=1e-7)
    with torch.no_grad():
        run = network(torch.from_numpy(SAID["u"]))
    np.testing.assert_allclose(run.outputs, got.outputs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.states, got.states, rtol=0, atol=1e-12)
    assert network.left_out == ("masking", "dropout")
    assert "without its masking and dropout" in dk.as_system(network).name


def test_a_functional_model_gives_the_outputs_of_keras():
    network = read(str(FUNCTIONAL))
    assert next(network.parameters()).dtype == torch.float32
    np.testing.assert_allclose(dk.record(network, TOKENS).outputs, SAID["functional"], rtol=0, atol=1e-7)
    assert [type(layer).__name__ for layer in network.recurrent] == ["LSTM", "GRU", "GRU"]
    assert [layer.reset for layer in network.recurrent[1:]] == ["after", "before"]
    assert [layer.recurrent_activation for layer in network.recurrent] == ["hard_sigmoid", "sigmoid", "sigmoid"]


def test_a_stack_is_a_system_in_closed_form():
    system = dk.as_system(read(FUNCTIONAL))
    assert list(system.parts) == ["h", "c", "layer2.h", "layer3.h"]
    assert (system.input_size, system.state_size, system.output_size) == (5, 15, 2)
    x, u = (0.3 * np.random.default_rng(0).normal(size=(3, n)) for n in (15, 5))
    twin = read(FUNCTIONAL).double()
    with torch.no_grad():
        np.testing.assert_allclose(system.step(x, u), twin.step(*map(torch.as_tensor, (x, u))), atol=1e-14)
    by_autodiff = torch.func.vmap(torch.func.jacrev(lambda x, u: twin.step(x[None], u[None])[0]))
    J = by_autodiff(*map(torch.as_tensor, (x, u))).detach()
    np.testing.assert_allclose(system.jacobian(x, u), J, atol=1e-14)


def test_fixed_points_of_what_was_read_are_certified():
    points = dk.find_fixed_points(dk.as_system(read(FUNCTIONAL)), drive=np.eye(5)[2], max_starts=32)
    assert len(points) == 1
    assert points.certified.all()
    assert points.expected_degree == points.degree == 1
    x = torch.tensor(points.states)
    with torch.no_grad():
        moved = read(FUNCTIONAL).double().step(x, torch.eye(5, dtype=torch.float64)[2:3])
    np.testing.assert_allclose(moved, x, atol=1e-12)


@pytest.mark.parametrize("name", sorted(n.removesuffix(" of z") for n in SAID.files if n.endswith(" of z")))
def test_functions_are_those_of_keras(name):
    got = layered.Pointwise(name)(torch.from_numpy(SAID["z"]))
    np.testing.assert_allclose(got, SAID[f"{name} of z"], rtol=2e-6, atol=2e-7)


def edited(tmp_path, change=lambda config: None, version="3.15.1", members=lambda files: None):
    """The sequential file with another config or version, or other members."""
    with zipfile.ZipFile(SEQUENTIAL) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config)
    files["metadata.json"] = json.dumps({"keras_version": version})
    members(files)
    path = tmp_path / "edited.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def setting(kind, **options):
    """Other options of the first layer of this kind."""

    def change(config):
        next(layer for layer in config["config"]["layers"] if layer["class_name"] == kind)["config"] |= options

    return change


def test_hard_sigmoids_are_those_of_the_version(tmp_path):
    lstm = read(edited(tmp_path, version="2.15.0")).recurrent[0]
    assert lstm.recurrent_activation == "hard_sigmoid_keras2"
    assert float(GATES[lstm.recurrent_activation].function(torch.ones(()))) == pytest.approx(0.7)
    for version in ("", None, "x"):
        with pytest.raises(InputError, match=r"'zz' \(LSTM\).*does not say its version"):
            read(edited(tmp_path, version=version))


def test_a_stateful_layer_is_the_same_map(tmp_path):
    network = read(edited(tmp_path, setting("LSTM", stateful=True)))
    np.testing.assert_allclose(dk.record(network, SAID["u"]).outputs, SAID["sequential"], rtol=0, atol=1e-7)


def renamed(kind, to, **more):
    def change(config):
        layers = config["config"]["layers"]
        layer = next(layer for layer in layers if layer["class_name"] == kind)
        layer |= {"class_name": to, **more}

    return change


CODE = {"module": "builtins", "class_name": "function", "config": "secret", "registered_name": "function"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("LSTM", go_backwards=True), r"'zz' \(LSTM\): go_backwards=True .*inputs\[:, ::-1\]"),
        (setting("LSTM", activation=CODE), "activation is code of somebody's own .'secret'."),
        (setting("LSTM", activation="linear"), "activation='linear' is no function that is known here"),
        (setting("LSTM", activation=["a"]), "activation"),
        (setting("LSTM", units=7), "units=7, and its arrays have 4"),
        (setting("LSTM", use_bias=True), r"3 arrays \(kernel, recurrent_kernel, bias\), the file holds 2"),
        (setting("GRU", reset_after=True), "reset is 'before' in these arrays"),
        (setting("Dense", activation="sparsemax"), r"\(Dense\): activation='sparsemax'"),
        (setting("Dense", units="many"), "units=many"),
        (renamed("Dropout", "Lambda"), r"\(Lambda\).*never run"),
        (renamed("LSTM", "Bidirectional"), "still to come"),
        (renamed("Dense", "Conv1D"), r"\(Conv1D\): it is no layer that is read here"),
        (renamed("LSTM", "LSTM", registered_name="Mine>LSTM"), "Mine>LSTM.*no layer that is read"),
        (renamed("LSTM", "LSTM", module="mine.layers"), "mine.layers.LSTM.*no layer that is read"),
        (lambda c: c.update(class_name="MyModel"), "holds a MyModel"),
        (lambda c: c["config"].update(layers=c["config"]["layers"][:3]), "no recurrent layer"),
        (lambda c: c["config"]["layers"].pop(2), "hands on|arrays|must have shape|takes"),
    ],
)
def test_networks_that_are_none_of_these_are_refused_by_layer(change, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        read(edited(tmp_path, change))
    assert "\n" not in str(caught.value)


def hdf5(files, change):
    buffer = io.BytesIO(files["model.weights.h5"])
    with h5py.File(buffer, "r+") as root:
        change(root)
    files["model.weights.h5"] = buffer.getvalue()


VARS = "layers/lstm/cell/vars"


def replaced(data=None, **options):
    """A change of the weights: another array, stored in another way, in the place of the kernel of the LSTM."""

    def change(root):
        del root[f"{VARS}/0"]
        root[VARS].create_dataset("0", data=data, **options)

    return change


def linked(link):
    def change(root):
        del root[f"{VARS}/0"]
        root[f"{VARS}/0"] = link

    return change


def many(root):
    for k in range(3, 100):
        root[VARS][str(k)] = np.zeros((5, 16))


KERNEL = np.zeros((5, 16))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda f: f.pop("config.json"), "must hold config.json once"),
        (lambda f: f.update({"config.json": "[" * 10**5}), "damaged|nested"),
        (lambda f: f.update({"config.json": '{"a":' * 10**5 + "1" + "}" * 10**5}), "nested too deeply"),
        (lambda f: f.update({"config.json": "[1, 2]"}), "class_name is missing"),
        (lambda f: f.update({"config.json": b"\xff\xfe"}), "damaged"),
        (lambda f: f.update({"config.json": '{"class_name": "Sequential", "config": 3}'}), "no list of 1 to 1000"),
        (lambda f: f.update({"config.json": '{"class_name": "Sequential", "config": {"layers": [3]}}'}), "class_name"),
        (lambda f: f.update({"model.weights.h5": b"hello"}), "damaged"),
        (lambda f: hdf5(f, lambda r: r.__delitem__("layers/lstm/cell/vars/0")), "no array"),
        (lambda f: hdf5(f, linked(h5py.SoftLink("/layers/gru/cell/vars/0"))), "a link at '0' that leads elsewhere"),
        (lambda f: hdf5(f, linked(h5py.ExternalLink("secret.h5", "/x"))), "a link at '0' that leads elsewhere"),
        (lambda f: hdf5(f, replaced(KERNEL, compression="gzip")), "compressed or in another file"),
        (lambda f: hdf5(f, replaced(shape=(5, 2**28), dtype="f8")), "more numbers than it has room for"),
        (lambda f: hdf5(f, replaced(shape=(2**62, 2**62 // 2**60), dtype="f8", chunks=(1, 1))), "room for"),
        (lambda f: hdf5(f, replaced(shape=(5, 16), dtype="f8", external=[("secret.bin", 0, 640)])), "another file"),
        (lambda f: hdf5(f, replaced(np.zeros((5, 16), int))), "int64 of shape"),
        (lambda f: hdf5(f, replaced(np.array(["a", "b"], dtype="S1"))), "where weights should be"),
        (lambda f: hdf5(f, replaced(np.zeros((5, 16, 2)))), "where weights should be"),
        (lambda f: hdf5(f, many), "has 99 arrays"),
    ],
)
def test_files_that_are_none_of_keras_are_refused(members, message, tmp_path):
    with pytest.raises(ArtifactError, match=message) as caught:
        read(edited(tmp_path, members=members))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((5, 16), np.inf), r"'zz' \(LSTM\): kernel has values that are not finite"),
        (np.zeros((4, 15)), r"'zz' \(LSTM\): layout 'keras' .*got kernel \(4, 15\)"),
        (np.zeros((6, 16)), "hands on 5 values, and the one behind it takes 6"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_layer(data, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(edited(tmp_path, members=lambda f: hdf5(f, replaced(data))))


def test_a_file_that_says_more_than_it_has_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            archive.writestr(name, bytes(2**20))
    with pytest.raises(ArtifactError, match=r"declares 3145728 bytes and has"):
        read(path)


def test_nothing_of_a_file_is_run(tmp_path):
    marker = tmp_path / "ran"
    code = {"class_name": "__lambda__", "config": {"code": f"open({str(marker)!r}, 'w')"}}
    with pytest.raises(InputError, match="Lambda"):
        read(edited(tmp_path, renamed("Dropout", "Lambda", config={"name": "x", "function": code})))
    with pytest.raises(InputError, match="no layer that is read"):
        read(edited(tmp_path, renamed("LSTM", "Popen", module="subprocess")))
    assert not marker.exists()


def legacy(tmp_path, change):
    path = tmp_path / "edited.h5"
    path.write_bytes(FUNCTIONAL.read_bytes())
    with h5py.File(path, "r+") as root:
        change(root)
    return path


def attribute(name, value):
    return lambda root: root.attrs.__setitem__(name, value)


def configured(change):
    def edit(root):
        config = json.loads(root.attrs["model_config"])
        change(config["config"])
        root.attrs["model_config"] = json.dumps(config)

    return edit


def branching(config):
    """A layer that hears two others."""
    last = config["layers"][-1]["inbound_nodes"][0]["args"]
    last.append({"class_name": "__keras_tensor__", "config": {"keras_history": ["mm", 0, 0]}})


def keras_2(root):
    """As the second version of Keras writes it: bytes, ":0" behind every name, inputs as bare lists."""
    config = json.loads(root.attrs["model_config"])
    before = None
    for layer in config["config"]["layers"]:
        layer["inbound_nodes"] = [[[before, 0, 0, {}]]] if before else []
        before = layer.get("name", layer["config"]["name"])
        layer["config"].pop("reset_after", None) if layer["config"]["name"] == "aa" else None
        layer.pop("module", None), layer.pop("registered_name", None)
    root.attrs["model_config"] = json.dumps(config).encode()
    root.attrs["keras_version"] = b"2.2.4-tf"
    for group in root["model_weights"].values():
        names = [str(name) for name in group.attrs["weight_names"]]
        for name in names:
            group.move(name, f"{name}:0")
        group.attrs["weight_names"] = np.array([f"{name}:0".encode() for name in names], dtype="S")


def test_files_in_the_manner_of_keras_2(tmp_path):
    network, now = read(legacy(tmp_path, keras_2)), read(FUNCTIONAL)
    assert network.recurrent[0].recurrent_activation == "hard_sigmoid_keras2"
    assert [layer.reset for layer in network.recurrent[1:]] == ["after", "before"]
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), now.parameters(), strict=True))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r: r.attrs.__delitem__("model_config"), ArtifactError, "save the whole model"),
        (attribute("model_config", 3), ArtifactError, "no text"),
        (attribute("model_config", "{"), ArtifactError, "damaged"),
        (lambda r: r.__delitem__("model_weights"), InputError, r"'words' \(Embedding\).*the file holds 0"),
        (lambda r: r["model_weights/zz"].attrs.__setitem__("weight_names", ["a/b"]), ArtifactError, "no array"),
        (lambda r: r["model_weights/zz"].attrs.__setitem__("weight_names", ["../x"] * 99), ArtifactError, "no list"),
        (lambda r: r["model_weights/zz"].attrs.__setitem__("weight_names", 3.0), ArtifactError, "no list"),
        (configured(branching), InputError, "no chain: layer 'bb' .Dense. hears"),
        (configured(lambda c: c["layers"][2].update(inbound_nodes=[])), InputError, "no chain: it has 2 inputs"),
    ],
)
def test_older_files_that_are_not_whole_are_refused(change, error, message, tmp_path):
    with pytest.raises(error, match=message) as caught:
        read(legacy(tmp_path, change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", [SEQUENTIAL, FUNCTIONAL])
def test_a_damaged_file_is_read_or_refused(path, tmp_path):
    data, rng = path.read_bytes(), np.random.default_rng(0)
    target, sentences = tmp_path / path.name, []
    cuts = [data[:n] for n in rng.integers(0, len(data), 4)]
    flips = []
    for _ in range(12):
        flipped = bytearray(data)
        for place in rng.integers(0, len(data) if rng.random() < 0.5 else 4000, rng.integers(1, 6)):
            flipped[place] = rng.integers(256)
        flips.append(bytes(flipped))
    for changed in [*cuts, *flips]:
        target.write_bytes(changed)
        try:
            assert isinstance(read(target), LayeredNetwork)
        except (ArtifactError, InputError) as error:
            sentences.append(str(error))
    assert len(sentences) >= len(cuts)
    assert not any("\n" in sentence for sentence in sentences)


def test_a_file_that_leads_hdf5_in_circles_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 1.0)
    data, target = bytearray(FUNCTIONAL.read_bytes()), tmp_path / "circles.h5"
    places = [20716, 21650, 21792, 25521, 25978, 29421, 30645, 39658]
    for place, byte in zip(places, [114, 112, 170, 143, 144, 109, 239, 9]):
        data[place] = byte
    target.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="is damaged"):
        read(target)


@pytest.mark.parametrize(
    ("look", "message"),
    [("while True: pass", "HDF5 has found no end in it"), ("import os; os.abort()", "ended by signal 6")],
)
def test_a_look_that_does_not_end_well_is_not_repeated_in_this_process(look, message, monkeypatch):
    monkeypatch.setattr(files, "LOOK", look)
    monkeypatch.setattr(files, "PATIENCE", 0.5 if "while" in look else 30.0)
    for path in (SEQUENTIAL, FUNCTIONAL):
        with pytest.raises(ArtifactError, match=message):
            read(path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ArtifactError, match="is not a file"):
        read(tmp_path / "no.keras")
    with pytest.raises(InputError, match="path must be"):
        read(3)


def test_files_of_torch_are_read_as_well(tmp_path):
    torch.save(LSTM(3, 4, 2).state_dict(), tmp_path / "a.pt")
    assert read(tmp_path / "a.pt").rnn.hidden_size == 4


def test_without_h5py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'dynakit\[keras\]'"):
        read(SEQUENTIAL)
