"""Foreign checkpoints: the weights of an ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` and of a linear readout.

Everything is inferred from names and shapes: W_hh has 1, 3 or 4 blocks of rows in an RNN, a GRU or an LSTM,
and as many columns as there are hidden units.  Files are read without running any code from them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import artifacts, checks
from ..errors import ArtifactError, InputError
from ..surroundings import in_own_surroundings
from .saving import assigned, differences, not_finite, read_safetensors

_RECURRENT = re.compile(r"(.*?)((?:weight|bias)_(?:ih|hh|hr)_l\d+(?:_reverse)?)")
_BLOCKS: dict[int, Any] = {1: nn.RNN, 3: nn.GRU, 4: nn.LSTM}
LONGEST_NAME = 60  # that is told whole
_NESTED = ("state_dict", "model_state_dict")


class ImportedNetwork(nn.Module):
    """A recurrent layer ``rnn`` (batch first, any number of layers) and its ``readout``, or None."""

    def __init__(self, rnn: nn.RNNBase, readout: nn.Linear | None) -> None:
        super().__init__()
        self.rnn, self.readout = rnn, readout

    def forward(self, inputs: Tensor) -> Tensor:
        """The readout (or, without one, the last layer's h) for ``inputs`` (trial, time, input)."""
        hidden, _ = self.rnn(inputs)
        return hidden if self.readout is None else self.readout(hidden)


@in_own_surroundings
def from_state_dict(source: Any, *, nonlinearity: str = "tanh", prefix: str = "") -> ImportedNetwork:
    """A network from a state dict, or from a ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt`` file.

    The source holds the weights of one ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` and of at most one ``nn.Linear``
    that reads its hidden units, under any prefix; a Lightning checkpoint is unwrapped.  Of a source that holds more,
    ``prefix`` ("model.policy.") names the part: weights whose names do not begin with it are left alone.
    ``nonlinearity`` ("tanh" or "relu") is not in the weights of an ``nn.RNN`` and has to be said.  Raises ArtifactError
    for a file that cannot be read, InputError for contents that are not such a network, with the reason.

    >>> network = from_state_dict(torch.nn.GRU(3, 8).state_dict())
    >>> network.rnn
    GRU(3, 8, batch_first=True)
    """
    checks.one_of("nonlinearity", nonlinearity, ("tanh", "relu"))
    held = _unwrapped(_read(Path(source)) if isinstance(source, (str, Path)) else source)
    try:
        return _network(_tensors(held, prefix), nonlinearity)
    except InputError as error:
        part = None if prefix else _part(held, nonlinearity)
        if part is None:
            raise
        raise InputError(f"{error}; prefix={part!r} takes that part by itself") from None


def _network(tensors: dict[str, Tensor], nonlinearity: str) -> ImportedNetwork:
    recurrent, rest = _split(tensors)
    rnn = _recurrent_layer(recurrent, nonlinearity)
    return ImportedNetwork(rnn, _readout(rest, rnn))


def _part(held: Mapping[Any, Any], nonlinearity: str) -> str | None:
    """A prefix under which there is a network: that of the module around a recurrent layer, or of the layer."""
    matches = (_RECURRENT.fullmatch(name) for name in held if isinstance(name, str))
    for layer in dict.fromkeys(match[1] for match in matches if match):
        around = layer.rstrip(".").rpartition(".")[0]
        for prefix in (f"{around}." if around else "", layer):
            try:
                _network(_tensors(held, prefix), nonlinearity)
            except InputError:
                continue
            if prefix:
                return prefix
    return None


def _read(path: Path) -> Any:
    if not path.is_file():
        raise ArtifactError(f"source {path} is {'a folder, not' if path.is_dir() else 'not'} a file")
    if path.stat().st_size > artifacts.LARGEST:
        raise ArtifactError(f"source {path} has {path.stat().st_size} bytes, more than this package reads")
    if path.suffix == ".safetensors":
        return read_safetensors(path.read_bytes(), str(path))
    if path.suffix in (".keras", ".h5", ".hdf5"):
        raise ArtifactError(f"source {path} is a file of Keras: dk.models.read({str(path)!r}) reads it")
    if path.suffix not in (".pt", ".pth", ".ckpt"):
        raise ArtifactError(
            f"source {path} must end in .safetensors, .pt, .pth or .ckpt, or in .keras or .h5 for dk.models.read"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ArtifactError(f"source {path} is damaged, or not a file of torch.save (>= 1.6)") from None
    if declared > path.stat().st_size:  # torch.save does not compress
        raise ArtifactError(f"source {path} declares {declared} bytes and has {path.stat().st_size}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the file makes it raise
        raise ArtifactError(
            f"source {path} {_unreadable(str(error))}, and code is never run from a file: where it is your own, save "
            "the weights alone, torch.save(model.state_dict(), 'weights.pt')"
        ) from None


def _unreadable(reason: str) -> str:
    """What torch found in a file beside tensors, or that it is damaged."""
    found = re.search(r"GLOBAL ([\w.]{1,100})", reason)
    return f"holds more than tensors ({found[1]})" if found else "is damaged, or holds more than tensors"


def _unwrapped(source: Any) -> Mapping[Any, Any]:
    """The names and weights of a source, out of what a checkpoint wraps them in."""
    if isinstance(source, Mapping):
        source = next((source[key] for key in _NESTED if isinstance(source.get(key), Mapping)), source)
    if isinstance(source, nn.Module):
        raise InputError("source must be a path or a dict of tensors, got a network: dk.as_system(network) takes it")
    if not isinstance(source, Mapping) or not source:
        empty = "an empty " if isinstance(source, Mapping) else ""
        raise InputError(f"source must be a path or a dict of tensors, got {empty}{type(source).__name__}")
    return source


def _tensors(source: Mapping[Any, Any], prefix: str) -> dict[str, Tensor]:
    if prefix:
        source = _under(prefix, source)
    for name, value in source.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not value.dtype.is_floating_point:
            raise InputError(f"source must hold floating-point tensors only, but {_short(name)} is {_kind(value)}")
    dtypes = {value.dtype for value in source.values()}
    if len(dtypes) > 1:
        raise InputError(f"source must hold tensors of one dtype, got {', '.join(sorted(map(str, dtypes)))}")
    if any(value.layout != torch.strided or value.is_meta for value in source.values()):
        raise InputError("source must hold dense tensors with data")
    for name, value in source.items():  # a view that repeats itself makes a small file as large as it likes
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(f"source declares {value.numel()} numbers for {_short(name)} and holds fewer")
    tensors = {name: value.detach().cpu() for name, value in source.items()}
    if problem := not_finite(tensors):
        raise InputError(f"source cannot be used: {problem}")
    return tensors


def _under(prefix: str, source: Mapping[Any, Any]) -> dict[str, Any]:
    """What the names that begin with ``prefix`` stand for."""
    if not isinstance(prefix, str):
        raise InputError(f"prefix must be a string, got {type(prefix).__name__}")
    found = {name: value for name, value in source.items() if isinstance(name, str) and name.startswith(prefix)}
    if not found:
        held = ", ".join(map(_short, [*source][:8]))
        raise InputError(f"prefix={prefix!r} begins no name in source, which holds {held}")
    return found


def _short(name: Any) -> str:
    """A name out of a file, which may be of any length, as it is told."""
    return repr(name if not isinstance(name, str) or len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}...")[:200]


def _kind(value: Any) -> str:
    return f"a {value.dtype} tensor" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _split(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the one recurrent layer, without their prefix, and all others."""
    matches = {name: _RECURRENT.fullmatch(name) for name in tensors}
    prefixes = sorted({m[1] for m in matches.values() if m})
    if len(prefixes) != 1:
        found = f"{len(prefixes)}, under " if prefixes else ""
        found += ", ".join(map(_short, [*(prefixes or tensors)][:8]))
        raise InputError(
            f"source must hold one recurrent layer (weight_ih_l0, weight_hh_l0, ..), found {found}"
        )
    recurrent = {m[2]: tensors[name] for name, m in matches.items() if m}
    for name in recurrent:
        if name.endswith("_reverse"):
            raise InputError(f"source is bidirectional ({name}), so its state depends on the future")
        if "_hr_" in name:
            raise InputError(f"source is an LSTM with projections ({name}), which is not supported")
    return recurrent, {name: tensors[name] for name, m in matches.items() if not m}


def _recurrent_layer(tensors: dict[str, Tensor], nonlinearity: str) -> nn.RNNBase:
    W_ih, W_hh = tensors.get("weight_ih_l0"), tensors.get("weight_hh_l0")
    if W_ih is None or W_hh is None or W_ih.ndim != 2 or W_hh.ndim != 2 or 0 in (*W_hh.shape, *W_ih.shape):
        raise InputError("source must hold two matrices weight_ih_l0 and weight_hh_l0")
    rows, hidden = W_hh.shape
    if rows % hidden or rows // hidden not in _BLOCKS:
        raise InputError(
            f"weight_hh_l0 must have 1 (RNN), 3 (GRU) or 4 (LSTM) times as many rows as columns, "
            f"got {rows} x {hidden}"
        )
    kind = _BLOCKS[rows // hidden]
    n_layers = sum(name.startswith("weight_hh_l") for name in tensors)
    extra: dict[str, Any] = {"nonlinearity": nonlinearity} if kind is nn.RNN else {}
    bias = any(name.startswith("bias") for name in tensors)
    sizes: dict[str, Any] = {"input_size": W_ih.shape[1], "hidden_size": hidden, "num_layers": n_layers}
    with torch.device("meta"):  # nothing is drawn, nothing is allocated
        layer = kind(**sizes, bias=bias, batch_first=True, dtype=W_hh.dtype, **extra)
    if problem := differences(layer.state_dict(), tensors):
        raise InputError(f"source does not hold {n_layers} layers of an nn.{kind.__name__}: {problem}")
    assigned(layer, tensors)
    return layer


def _readout(tensors: dict[str, Tensor], rnn: nn.RNNBase) -> nn.Linear | None:
    if not tensors:
        return None
    weights = [name for name in tensors if name == "weight" or name.endswith(".weight")]
    prefix = weights[0].removesuffix("weight") if len(weights) == 1 else None
    if prefix is None or not set(tensors) <= {f"{prefix}weight", f"{prefix}bias"}:
        raise InputError(
            f"source must hold nothing but a recurrent layer and one linear readout, found also "
            f"{', '.join(map(_short, list(tensors)[:8]))}"
        )
    W = tensors[weights[0]]
    if W.ndim != 2 or W.shape[1] != rnn.hidden_size:
        raise InputError(
            f"{weights[0]} must have shape (output, {rnn.hidden_size}) to read the hidden units, "
            f"got {tuple(W.shape)}"
        )
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    with torch.device("meta"):
        readout = nn.Linear(W.shape[1], W.shape[0], bias="bias" in own, dtype=W.dtype)
    if problem := differences(readout.state_dict(), own):
        raise InputError(f"source does not hold the weights of a linear readout: {problem}")
    assigned(readout, own)
    return readout
