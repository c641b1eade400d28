"""Resumable state: a run that is stopped at any moment goes on as if it had never stopped, bit for bit.

Batch k and its noise depend on (seed, k) alone, so what must be kept is the weights, Adam's moments, the
counters and the history.  Two slots are written in turn, each an artefact of its own that is replaced in one step:
whatever is interrupted, both are whole, and whatever is damaged, the other one is.
"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from .. import artifacts
from ..errors import ArtifactError
from ..models.saving import read_safetensors
from .optimizers import Optimizer

SLOTS = ("checkpoint-a", "checkpoint-b")


@dataclass
class State:
    """Everything a run consists of between two updates."""

    tensors: dict[str, Tensor] = field(default_factory=dict)  # weights and moments, see capture
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    scale: float = 1.0  # what rollbacks have left of the learning rate
    reference: float = 0.0  # the loss that the guard compares with
    n_rollbacks: int = 0
    stopped: str = ""

    @property
    def update(self) -> int:
        """Updates done."""
        return len(self.losses)


CURVES = ("losses", "scores", "seconds", "learning_rates")
COUNTERS = ("scale", "reference", "n_rollbacks", "stopped")


def capture(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Copies of the weights ("model/...") and of the optimiser's moments ("optimizer/name/index")."""
    tensors = {f"model/{name}": value.detach().clone() for name, value in model.state_dict().items()}
    for index, moments in optimizer.moments.items():
        tensors.update({f"optimizer/{name}/{index}": value.clone() for name, value in moments.items()})
    return tensors


def restore(model: nn.Module, optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put what :func:`capture` copied back in place."""
    own = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
    model.load_state_dict(own)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, key, index = name.split("/")
            moments.setdefault(int(index), {})[key] = value.clone()
    optimizer.moments = moments


def save(folder: Path, state: State, identity: dict[str, Any], slot: int) -> None:
    """Write ``state`` into one of the two slots (``slot`` is taken modulo 2), whatever that slot holds."""
    curves = {f"curve/{name}": torch.tensor(getattr(state, name), dtype=torch.float64) for name in CURVES}
    tensors = {name: value.cpu().contiguous() for name, value in state.tensors.items()}
    counters = {name: getattr(state, name) for name in COUNTERS}
    header = {"update": state.update, "identity": identity, "counters": counters}
    data = safetensors.torch.save({**tensors, **curves})
    kept = artifacts.Artifact(SLOTS[slot % 2], "checkpoint", header, {"": ("safetensors", data)})
    artifacts.save(Path(folder), kept, owned=True)  # load() refused what is another's


def load(folder: Path, identity: dict[str, Any], like: dict[str, Tensor]) -> tuple[State, int] | None:
    """The newest whole state in ``folder`` and its slot, or None if no run was ever kept there.

    ``like`` are tensors of the shapes that the weights of the run have, as :func:`capture` names them.  Raises
    ArtifactError if all that is there is damaged, or if it belongs to another run (other settings, model, task or
    seed): the message says what differs.
    """
    if folder.exists() and not folder.is_dir():
        raise ArtifactError(f"checkpoint {folder} exists and is not a folder")
    found, damage = [], []
    for slot, name in enumerate(SLOTS):
        if not os.path.lexists(folder / f"{name}.json"):
            damage += [f"{folder / name}.json is missing, but its files are there"] * artifacts.lost(folder, name)
            continue
        try:
            manifest, parts = artifacts.load(folder, name, "checkpoint")
            found.append((int(manifest.content["update"]), slot, manifest.content, parts[""]))
        except (ArtifactError, KeyError, TypeError, ValueError) as error:
            damage.append(str(error))
    if not found:
        if damage:
            raise ArtifactError(f"checkpoint {folder} cannot be resumed: {'; '.join(damage)}")
        return None
    _, slot, header, data = max(found, key=lambda entry: entry[0])
    _same_run(folder, header.get("identity"), identity)
    return _state(header, read_safetensors(data, str(folder)), folder, like), slot


def _same_run(folder: Path, kept: Any, identity: dict[str, Any]) -> None:
    kept = kept if isinstance(kept, dict) else {}
    other = [
        f"{name} was {kept.get(name)!r} and is now {identity.get(name)!r}"
        for name in dict.fromkeys([*identity, *kept])
        if kept.get(name) != identity.get(name)
    ]
    if other:
        raise ArtifactError(f"checkpoint {folder} belongs to another run: {'; '.join(other)}")


def _state(header: dict[str, Any], tensors: dict[str, Tensor], folder: Path, like: dict[str, Tensor]) -> State:
    """The state that the header and the tensors describe, after a look at the types and shapes of all of it."""
    try:
        curves = {name: tensors.pop(f"curve/{name}") for name in CURVES}
        counters = {name: header["counters"][name] for name in COUNTERS}
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"checkpoint {folder} is not complete: {error} is missing") from None
    problem = _counters_misfit(curves, counters, header["update"]) or _weights_misfit(tensors, like)
    if problem:
        raise ArtifactError(f"checkpoint {folder} cannot be resumed: {problem}")
    return dataclasses.replace(
        State(), tensors=tensors, **{name: curve.tolist() for name, curve in curves.items()}, **counters
    )


def _counters_misfit(curves: dict[str, Tensor], counters: dict[str, Any], update: Any) -> str:
    shapes = {name: tuple(curve.shape) for name, curve in curves.items()}
    if any(shape != (update,) for shape in shapes.values()):
        return f"of {update} updates it keeps curves of shapes {shapes}"
    for name, value in counters.items():
        kind = type(getattr(State(), name))
        if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
            return f"{name} is {value!r}"
    return ""


def _weights_misfit(tensors: dict[str, Tensor], like: dict[str, Tensor]) -> str:
    """How weights and moments differ in shape from those of the run, in words; moments may not be there yet."""
    weights = {name: value for name, value in like.items() if name.startswith("model/")}
    for name, value in weights.items():
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != tuple(value.shape):
            return f"{name} must have shape {tuple(value.shape)}, got {found}"
    shapes = {tuple(value.shape) for value in weights.values()} | {()}
    for name, value in tensors.items():
        if name not in weights and not (_is_moment(name) and tuple(value.shape) in shapes):
            return f"{name} of shape {tuple(value.shape)} is not known"
    return ""


def _is_moment(name: str) -> bool:
    return re.fullmatch(r"optimizer/\w+/\d+", name) is not None
