"""Resumable state: a run that is stopped at any moment goes on as if it had never stopped, bit for bit.

Batch k and its noise depend on (seed, k) alone, so what must be kept is the weights, Adam's moments, the
counters and the history.  Two slots are written in turn, each atomically with its own hash: whatever is
interrupted or damaged, the other slot is whole.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from .. import artifacts
from ..errors import ArtifactError
from ..models.saving import read_safetensors

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


def capture(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copies of the weights ("model/...") and of the optimiser's moments ("optimizer/name/index")."""
    tensors = {f"model/{name}": value.detach().clone() for name, value in model.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer/{name}/{index}": value.clone() for name, value in moments.items()})
    return tensors


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put what :func:`capture` copied back in place."""
    own = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
    model.load_state_dict(own)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, key, index = name.split("/")
            moments.setdefault(int(index), {})[key] = value.clone()
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def save(folder: Path, state: State, identity: dict[str, Any], slot: int) -> None:
    """Write ``state`` into one of the two slots (``slot`` is taken modulo 2)."""
    curves = {f"curve/{name}": torch.tensor(getattr(state, name), dtype=torch.float64) for name in CURVES}
    tensors = {name: value.cpu().contiguous() for name, value in state.tensors.items()}
    counters = {name: getattr(state, name) for name in COUNTERS}
    header = {"update": state.update, "identity": identity, "counters": counters}
    data = safetensors.torch.save({**tensors, **curves})
    artifacts.save(Path(folder), SLOTS[slot % 2], "checkpoint", "safetensors", data, header)


def load(folder: Path, identity: dict[str, Any]) -> tuple[State, int] | None:
    """The newest whole state in ``folder`` and its slot, or None if no run was ever kept there.

    Raises ArtifactError if all that is there is damaged, or if it belongs to another run (other settings,
    model, task or seed): the message says what differs.
    """
    found, damage = [], []
    for slot, name in enumerate(SLOTS):
        if not any((Path(folder) / f"{name}{suffix}").exists() for suffix in (".json", ".safetensors")):
            continue
        try:
            manifest, data = artifacts.load(Path(folder), name, "checkpoint", "safetensors")
            found.append((int(manifest["update"]), slot, manifest, data))
        except (ArtifactError, KeyError, TypeError, ValueError) as error:
            damage.append(str(error))
    if not found:
        if damage:
            raise ArtifactError(f"checkpoint {folder} cannot be resumed: {'; '.join(damage)}")
        return None
    _, slot, manifest, data = max(found, key=lambda entry: entry[0])
    _same_run(Path(folder), manifest.get("identity"), identity)
    return _state(manifest, read_safetensors(data, str(folder)), Path(folder)), slot


def _same_run(folder: Path, kept: Any, identity: dict[str, Any]) -> None:
    kept = kept if isinstance(kept, dict) else {}
    other = [
        f"{name} was {kept.get(name)!r} and is now {identity.get(name)!r}"
        for name in dict.fromkeys([*identity, *kept])
        if kept.get(name) != identity.get(name)
    ]
    if other:
        raise ArtifactError(f"checkpoint {folder} belongs to another run: {'; '.join(other)}")


def _state(manifest: dict[str, Any], tensors: dict[str, Tensor], folder: Path) -> State:
    try:
        curves = {name: tensors.pop(f"curve/{name}").tolist() for name in CURVES}
        counters = {name: manifest["counters"][name] for name in COUNTERS}
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"checkpoint {folder} is not complete: {error} is missing") from None
    return dataclasses.replace(State(), tensors=tensors, **curves, **counters)
