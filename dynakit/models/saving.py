"""Models to disk and back without pickle: weights as safetensors, and what to build of them as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from .. import artifacts, checks
from ..errors import ArtifactError, InputError
from ..surroundings import in_own_surroundings
from .base import RecurrentModel
from .learners import Learner
from .registry import LEARNERS, MODELS

CLASSES = {cls.__name__: cls for cls in (*MODELS.values(), *LEARNERS.values())}


def savable(model: Any) -> bool:
    """Whether :func:`save` knows the class."""
    return type(model) is CLASSES.get(type(model).__name__)


def save(model: RecurrentModel | Learner, path: str | Path) -> None:
    """Write ``model`` into the folder ``path``: ``model.json``, and its weights in a file whose name has their hash.

    Of a learner its weights are kept, not the elements of the stream that it keeps to learn from.  A model that the
    folder held is there until all of the new one is.

    Raises InputError for a class that :func:`load` could not find again, or for weights that are not finite;
    ArtifactError if the folder cannot be written, or holds a ``model.json`` of somebody else or of a later version;
    nothing is written then.
    """
    header, data = packed(model)
    artifact = artifacts.Artifact("model", "model", header, {"": ("safetensors", data)})
    artifacts.save(checks.folder("path", path), artifact)


def check_path(path: str | Path) -> None:
    """Raise ArtifactError if no model could be saved into the folder ``path``: to be asked before long work."""
    artifacts.check_folder(checks.folder("path", path), "model", "model")


def packed(model: RecurrentModel | Learner) -> tuple[dict[str, Any], bytes]:
    """What is to be built, as JSON has it, and the weights; InputError as for :func:`save`."""
    name = type(model).__name__
    if not savable(model):
        raise InputError(f"model must be one of the classes of dynakit.models with weights, got a {name}")
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if problem := not_finite(tensors):
        raise InputError(f"model cannot be saved: {problem}")
    config = {key: None if isinstance(value, Tensor) else value for key, value in model.config().items()}
    stored = [key for key, value in model.config().items() if isinstance(value, Tensor)]
    header = {"class": name, "config": config, "config_tensors": stored, "training": model.training}
    return header, safetensors.torch.save(tensors)


@in_own_surroundings
def load(path: str | Path) -> Any:
    """The model that :func:`save` wrote into the folder ``path``, or that of the report saved there, bit for bit.

    Raises ArtifactError if a file is missing, damaged or of an unknown class, if a weight is not finite, or
    if the weights are not those of the class; the message lists the differences.
    """
    folder = checks.folder("path", path)
    if folder.is_file():
        raise ArtifactError(f"{path} is a file, not a folder that dk.models.save made: dk.models.read reads files")
    if not (folder / "model.json").exists() and (folder / "results.json").exists():
        manifest, parts = artifacts.load(folder, "results", "results")
        if "model" not in parts:
            raise ArtifactError(f"{path} is not a folder with a model: it holds no model.json, and results without one")
        return unpacked(manifest.content.get("model"), parts["model"], f"{path}/results.json")
    manifest, parts = artifacts.load(folder, "model", "model")
    return unpacked(manifest.content, parts.get("", b""), f"{path}/model.json")


def unpacked(header: Any, data: bytes, where: str) -> Any:
    """The model that :func:`packed` took apart; ArtifactError if it is none, before anything is built of it."""
    tensors = read_safetensors(data, f"the weights of {where}")
    if problem := not_finite(tensors):
        raise ArtifactError(f"{where}: {problem}")
    model = _build(header if isinstance(header, dict) else {}, tensors, where)
    if problem := differences(model.state_dict(), tensors):
        raise ArtifactError(f"{where} does not hold the weights of a {type(model).__name__}: {problem}")
    model.to(next(iter(tensors.values())).dtype)
    model.load_state_dict(tensors, assign=True)
    return model.train(bool(header.get("training", True)))


def _build(header: dict[str, Any], tensors: dict[str, Tensor], where: str) -> RecurrentModel | Learner:
    cls, config = CLASSES.get(str(header.get("class"))), header.get("config")
    if cls is None or not isinstance(config, dict):
        known = ", ".join(sorted(CLASSES))
        raise ArtifactError(f"{where} describes a {header.get('class')!r}, not one of {known}")
    try:
        _refuse_other_sizes(cls, config, tensors)
        stored = {key: tensors[key] for key in header.get("config_tensors", [])}
        return cls(**{**config, **stored})
    except Exception as error:  # a constructor raises whatever settings of a changed file make it raise
        raise ArtifactError(f"{where} has settings that {cls.__name__} does not accept: {error}") from None


def _refuse_other_sizes(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Raise InputError unless the largest weights are as large as the settings declare, which would be built."""
    for name, shape in cls.shapes(config).items():
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != shape:
            raise InputError(f"with them {name} must have shape {shape}, got {found}")


def read_safetensors(data: bytes, where: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file held in memory."""
    try:
        tensors = {name: tensor.clone() for name, tensor in safetensors.torch.load(data).items()}
    except Exception as error:  # a damaged file makes the parser raise almost anything
        raise ArtifactError(f"{where} cannot be read as safetensors: {error}") from None
    if narrow := [name for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.itemsize < 2]:
        raise ArtifactError(f"{where} holds numbers of 8 bits, which nothing here computes with: {narrow[0]}")
    return tensors


def not_finite(tensors: dict[str, Tensor]) -> str:
    """Which of the tensors has a value that is not finite, in words; empty if none has."""
    for name, tensor in tensors.items():
        bad = ~torch.isfinite(tensor)
        if bool(bad.any()):
            first = tuple(bad.nonzero()[0].tolist())
            return (
                f"{name} has {int(bad.sum())} non-finite of {tensor.numel()} values, first at index {first}"
            )
    return ""


def differences(expected: dict[str, Tensor], got: dict[str, Tensor]) -> str:
    """How the names and shapes of two sets of tensors differ, in words; empty if they do not."""
    found = [f"{name} is missing" for name in expected if name not in got]
    found += [f"{name} is not known" for name in got if name not in expected]
    for name in expected:
        shape, other = tuple(expected[name].shape), tuple(got[name].shape) if name in got else None
        if other is not None and shape != other:
            found.append(f"{name} must have shape {shape}, got {other}")
    found += [f"{name} has dtype {t.dtype}" for name, t in got.items() if not t.dtype.is_floating_point]
    return "; ".join(found)


def assigned(module: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """``module`` with the given tensors as its parameters, dtype kept."""
    module.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    return module
